"""Whether a model has learned nothing of its texts, which a mere score may hide. From numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.errors import quoted
from whet.records import Metrics

LATEST = 0.25  # of the steps, at the end, whose loss is looked at
FEWEST = 10  # of these; a mean over fewer says little
STUCK = 0.98  # of the loss of a guess


def signs(metrics: Metrics, side: str, losses: Sequence[float | None], guess: float) -> str:
    """What there is to be said against a model with these scores on a side, which was trained with these
    losses of the steps (None: left out), where a guess by the shares of the labels has this one: one line,
    or nothing."""
    found = [_one_answer(metrics, side), _stuck(losses, guess)]
    return "; ".join(sign for sign in found if sign)


def _one_answer(metrics: Metrics, side: str) -> str:
    confusion = np.array(metrics.confusion)
    answers = np.flatnonzero(confusion.sum(axis=0))
    if len(answers) != 1 or np.count_nonzero(confusion.sum(axis=1)) < 2:
        return ""
    name = list(metrics.classes)[int(answers[0])]
    rows = f"{metrics.rows:,} {side} rows"
    return f"all {rows} are predicted as {quoted(name)}, which {100 * metrics.accuracy:.1f} % of them are"


def _stuck(losses: Sequence[float | None], guess: float) -> str:
    latest = [loss for loss in losses[len(losses) - round(LATEST * len(losses)) :] if loss is not None]
    if len(latest) < FEWEST or np.mean(latest) < STUCK * guess:
        return ""
    return (
        f"the loss of the last {len(latest)} steps is {np.mean(latest):.3f}, and that of a guess by the shares of "
        f"the labels {guess:.3f}"
    )
