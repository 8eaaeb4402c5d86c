"""Whether a model has learned nothing of its texts, which a mere score may hide. From numpy alone.

Sizes in comments: B rows, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.errors import quoted
from whet.records import Bools, Floats, Metrics, Scores, SeveralScores
from whet.sentences.bilingual import joined, said

LATEST = 0.25  # of the steps, at the end, whose loss is looked at
FEWEST = 10  # of these; a mean over fewer says little
STUCK = 0.98  # of the loss of a guess
MEAN = "always answering the mean"
FLAT = 0.05  # of the spread of the values in training; answers that spread less are as good as one


def signs(
    scores: Scores,
    side: str,
    losses: Sequence[float | None],
    guess: float,
    *,
    answers: Bools | Floats | None = None,
    spread: float = 1.0,
) -> str:
    """What there is to be said against a model with these scores on a side, which was trained with these
    losses of the steps (None: left out), where the best answer that is the same for every row has the loss
    `guess`: one line, or nothing.

    `answers` is what the model answered on the side: of a multi-label task [B, C], of a regression values [B],
    whose standard deviation in training is `spread`; scores of classes tell it themselves.
    """
    if isinstance(scores, Metrics):
        same = _one_class(scores, side)
    elif answers is None:
        same = ""
    elif isinstance(scores, SeveralScores):
        same = _one_set(scores, side, np.asarray(answers, dtype=np.bool_))
    else:
        same = _one_value(side, np.asarray(answers, dtype=np.float64), spread)
    whose = "a guess by the shares of the labels" if isinstance(scores, Metrics | SeveralScores) else MEAN
    found = [same, _stuck(losses, guess, whose)]
    return joined(*filter(None, found), between="; ")


def _one_class(metrics: Metrics, side: str) -> str:
    confusion = np.array(metrics.confusion)
    answers = np.flatnonzero(confusion.sum(axis=0))
    if len(answers) != 1 or np.count_nonzero(confusion.sum(axis=1)) < 2:
        return ""
    name = quoted(list(metrics.classes)[int(answers[0])])
    return said({"rows": metrics.rows, "side": side, "name": name, "share": 100 * metrics.accuracy}, "one answer")


def _one_set(scores: SeveralScores, side: str, predicted: Bools) -> str:
    differ = any(0 < score.support < scores.rows for score in scores.classes.values())
    if not differ or (predicted != predicted[0]).any():
        return ""
    named = [quoted(name) for name, given in zip(scores.classes, predicted[0], strict=True) if given]
    given: str = named[0] if named else said({}, "no label")
    if len(named) > 1:
        given = said({"names": ", ".join(named[:-1]), "last": named[-1]}, "last of names")
    return said({"rows": scores.rows, "side": side, "names": given, "share": 100 * scores.accuracy}, "one set")


def _one_value(side: str, predicted: Floats, spread: float) -> str:
    if len(predicted) < 2 or predicted.std() >= FLAT * spread:
        return ""
    known = {"mean": predicted.mean(), "deviation": predicted.std(), "spread": spread}
    return said({"rows": len(predicted), "side": side} | known, "one value")


def _stuck(losses: Sequence[float | None], guess: float, whose: str) -> str:
    latest = [loss for loss in losses[len(losses) - round(LATEST * len(losses)) :] if loss is not None]
    if len(latest) < FEWEST or np.mean(latest) < STUCK * guess:
        return ""
    facts = {"steps": len(latest), "loss": np.mean(latest), "whose": whose, "guess": guess}
    return said(facts, "stuck")
