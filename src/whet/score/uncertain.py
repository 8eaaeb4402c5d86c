"""How far the scores of a side may be from those on all rows of its kind: 95 % intervals.

Scores that follow from counts or sums over rows are resampled (`resample`). Areas under a curve, log loss and Brier
score have a closed form (`influence`, the mean of the rows), and so has Spearman's correlation. The calibration error
has none: resamples of a well calibrated model look worse than it is.

Sizes in comments: B rows, C labels; a number is one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from whet import intervals
from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Metrics, Scores, SeveralScores, Targets, ValueScores
from whet.score import counts, influence, probabilistic, resample
from whet.score.judge import answers, probabilities

Interval = tuple[float, float]


def of_side(
    scores: Scores, logits: Floats, targets: Targets, labels: LabelSet, *, resamples: int = resample.RESAMPLES
) -> dict[str, object]:
    """Score to its 95 % interval, as metrics.json has it: [low, high], and `classes`, a label to those of its
    precision, recall and F1. What has no interval is not there.

    `scores` are those of `logits` [B, C] against `targets`. An interval holds its score, which percentiles of resamples
    may miss where rows are few. Where no resample differs it is Wilson's.
    """
    if isinstance(scores, ValueScores):
        if not np.isfinite(logits).all():
            return {}
        return _listed(_of_values(scores, logits[:, 0], np.asarray(targets, dtype=np.float64), resamples))
    marks, given = _marks(scores, logits, targets, labels)
    if isinstance(scores, Metrics):
        outcomes, scored = counts.of_classes(marks.argmax(axis=1), given.argmax(axis=1), len(labels))
    else:
        outcomes, scored = counts.of_several(marks, given)
    found = resample.spread(outcomes, scored, resamples)
    known = _averages(scores, found)
    if isinstance(scores, Metrics):
        known["micro_f1"] = known["accuracy"]
    if scores.log_loss is not None:
        shares = probabilities(logits, labels)
        known |= _of_probabilities(scores, shares, marks, labels)
    classes = _of_classes(scores, found, marks, given)
    if labels.positive is not None:
        known |= classes[labels.positive]
    return _listed(known) | {"classes": {name: _listed(each) for name, each in classes.items()}}


def _marks(scores: Metrics | SeveralScores, logits: Floats, targets: Targets, labels: LabelSet) -> tuple[Bools, Bools]:
    """Which labels [B, C] the rows have and were given."""
    if isinstance(scores, SeveralScores):
        return np.asarray(targets, dtype=np.bool_), np.asarray(answers(logits, labels, scores.thresholds), np.bool_)
    each = np.eye(len(labels), dtype=np.bool_)
    return each[np.asarray(targets, dtype=np.int64)], each[answers(logits, labels, {}).astype(np.int64)]


def _averages(scores: Scores, found: Mapping[str, Floats]) -> dict[str, Interval | None]:
    """Of what was resampled and is one number of the whole side."""
    known: dict[str, Interval | None] = {}
    for name, each in found.items():
        value = getattr(scores, name, None) if each.ndim == 1 else None
        if value is not None:
            known[name] = _held(each, value, scores.rows)
    return known


def _of_classes(
    scores: Metrics | SeveralScores, found: Mapping[str, Floats], marks: Bools, given: Bools
) -> dict[str, dict[str, Interval | None]]:
    """Of every label; of one that no row has or was given there is no interval where the score has no rows."""
    support, answered, hits = marks.sum(axis=0), given.sum(axis=0), (marks & given).sum(axis=0)
    below = {"precision": answered, "recall": support, "f1": support + answered - hits}
    return {
        label: {
            name: _held(found[name][:, c], getattr(score, name), int(rows[c]), _f1_of if name == "f1" else float)
            for name, rows in below.items()
        }
        for c, (label, score) in enumerate(scores.classes.items())
    }


def _f1_of(share: float) -> float:
    """F1 from the share of hits among the rows that have the label or were given it."""
    return 2 * share / (1 + share)


def _held(resampled: Floats, value: float, rows: int, scale: Callable[[float], float] = float) -> Interval | None:
    """The percentile interval of a score [R], widened to hold it; None without `rows` that count. Where none differs,
    Wilson's tells what share of all rows is like these, and the others may score 0 or 1, on the score's scale. So
    macro scores without a mistake have one too where a label has no rows, though they are below 1."""
    known = resampled[~np.isnan(resampled)]
    if not rows or not len(known):
        return None
    low, high = map(float, resample.ends(known))
    if math.isclose(low, value) and math.isclose(high, value) and 0 <= value <= 1:
        alike, _ = intervals.of_share(1.0, rows)
        low, high = scale(value * alike), scale(1 - (1 - value) * alike)
    return min(low, value), max(high, value)


def _of_probabilities(
    scores: Metrics | SeveralScores, shares: Floats, marks: Bools, labels: LabelSet
) -> dict[str, Interval | None]:
    one = isinstance(scores, Metrics)
    true: Ints | Bools = marks.argmax(axis=1) if one else marks
    judged, known = probabilistic.curves(shares, marks, labels), {}
    moved = {"roc_auc": influence.of_area, "pr_auc": influence.of_precision}
    for name, each in moved.items():
        mean = getattr(scores, name)
        known[name] = None if mean is None else influence.interval_of_mean(*judged, each, mean)
    for name, of_rows in (("log_loss", probabilistic.losses), ("brier", probabilistic.distances)):
        known[name] = _of_mean(of_rows(shares, true))
    return known


def _of_mean(each: Floats) -> Interval | None:
    """Of the mean of values that are not negative [B], by their standard deviation."""
    if len(each) < 2:
        return None
    middle, reach = float(each.mean()), intervals.NORMAL * float(each.std(ddof=1)) / math.sqrt(len(each))
    return max(0.0, middle - reach), middle + reach


def _of_values(scores: ValueScores, predicted: Floats, true: Floats, resamples: int) -> dict[str, Interval | None]:
    if len(true) < 2:
        return {}
    found = resample.spread(*counts.of_values(true, predicted), resamples)
    return _averages(scores, found) | {"spearman": _of_ranks(scores.spearman, scores.rows)}


def _of_ranks(correlation: float, rows: int) -> Interval | None:
    """Of Spearman's correlation by Fisher's z, with the variance of Bonett and Wright 2000."""
    if rows <= 3 or abs(correlation) == 1:
        return None
    reach = intervals.NORMAL * math.sqrt((1 + correlation**2 / 2) / (rows - 3))
    middle = math.atanh(correlation)
    return math.tanh(middle - reach), math.tanh(middle + reach)


def _listed(known: Mapping[str, Interval | None]) -> dict[str, object]:
    return {name: list(interval) for name, interval in known.items() if interval is not None}
