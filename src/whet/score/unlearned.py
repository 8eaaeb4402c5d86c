"""Whether a model has learned nothing of its texts, which a mere score may hide. From numpy alone.

Sizes in comments: B rows, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.errors import quoted
from whet.records import Bools, Floats, Metrics, Scores, SeveralScores, Targets, ValueScores

LATEST = 0.25  # of the steps, at the end, whose loss is looked at
FEWEST = 10  # of these; a mean over fewer says little
STUCK = 0.98  # of the loss of a guess
FLAT = 0.05  # of the spread of the values in training; answers that spread less are as good as one


def signs(
    scores: Scores,
    side: str,
    losses: Sequence[float | None],
    guess: float,
    targets: Targets | None = None,
    predicted: Targets | None = None,
) -> str:
    """What there is to be said against a model with these scores on a side, which was trained with these
    losses of the steps (None: left out), where the best answer that is the same for all rows has this one: one
    line, or nothing.

    `targets` are those of training, and `predicted` is what the model answered on the side, both [B, C] of
    several labels, [B] of values; scores of classes tell it themselves, and need neither.
    """
    if isinstance(scores, Metrics):
        answer = _one_class(scores, side)
    elif predicted is None or targets is None:
        answer = ""
    elif isinstance(scores, SeveralScores):
        answer = _one_set(scores, side, np.asarray(predicted, dtype=np.bool_))
    else:
        answer = _one_value(side, np.asarray(predicted, dtype=np.float64), np.asarray(targets, dtype=np.float64))
    found = [answer, _stuck(scores, losses, guess)]
    return "; ".join(sign for sign in found if sign)


def _one_class(metrics: Metrics, side: str) -> str:
    confusion = np.array(metrics.confusion)
    answers = np.flatnonzero(confusion.sum(axis=0))
    if len(answers) != 1 or np.count_nonzero(confusion.sum(axis=1)) < 2:
        return ""
    name = list(metrics.classes)[int(answers[0])]
    rows = f"{metrics.rows:,} {side} rows"
    return f"all {rows} are predicted as {quoted(name)}, which {100 * metrics.accuracy:.1f} % of them are"


def _one_set(scores: SeveralScores, side: str, predicted: Bools) -> str:
    differ = any(0 < score.support < scores.rows for score in scores.classes.values())
    if not differ or (predicted != predicted[0]).any():
        return ""
    named = [quoted(name) for name, given in zip(scores.classes, predicted[0], strict=True) if given]
    given = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named) or "no label"
    rows = f"{scores.rows:,} {side} rows"
    return f"all {rows} are given {given}, which is right for {100 * scores.accuracy:.1f} % of them"


def _one_value(side: str, predicted: Floats, known: Floats) -> str:
    if len(predicted) < 2 or predicted.std() >= FLAT * known.std():
        return ""
    rows = f"{len(predicted):,} {side} rows"
    spread = f"the values in training have a standard deviation of {known.std():.3g}"
    return (
        f"all {rows} are given about {predicted.mean():.3g} (standard deviation {predicted.std():.2g}), while {spread}"
    )


def _stuck(scores: Scores, losses: Sequence[float | None], guess: float) -> str:
    latest = [loss for loss in losses[len(losses) - round(LATEST * len(losses)) :] if loss is not None]
    if len(latest) < FEWEST or np.mean(latest) < STUCK * guess:
        return ""
    whose = "always answering the mean" if isinstance(scores, ValueScores) else "a guess by the shares of the labels"
    return f"the loss of the last {len(latest)} steps is {np.mean(latest):.3f}, and that of {whose} {guess:.3f}"
