"""Scores that follow from how often each outcome of a row was drawn, for many resamples at once.

Sizes in comments: B rows, C classes or labels, R resamples, U different outcomes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whet.records import Bools, Floats, Ints
from whet.score.resample import distinct

Scored = Callable[[Floats], dict[str, Floats]]
"""Of counts [R, U]: scores by name, [R] each, or [R, C] of every class: `precision`, `recall`, `f1`."""


def of_classes(true: Ints, predicted: Ints, classes: int) -> tuple[Ints, Scored]:
    """Which outcome each row [B] has whose class ids are these, and what gives the scores."""
    cells, outcomes = np.unique(true * classes + predicted, return_inverse=True)
    of_true, of_predicted = cells // classes, cells % classes

    def scores(counts: Floats) -> dict[str, Floats]:
        hits = _by_class(np.where(of_true == of_predicted, counts, 0), of_true, classes)
        support, given = _by_class(counts, of_true, classes), _by_class(counts, of_predicted, classes)
        found, rows = _averages(hits, support, given), support.sum(axis=1)
        there = support > 0
        expected = (support * given).sum(axis=1)
        spread = (rows**2 - (support**2).sum(axis=1)) * (rows**2 - (given**2).sum(axis=1))
        return found | {
            "accuracy": hits.sum(axis=1) / rows,
            "balanced_accuracy": (found["recall"] * there).sum(axis=1) / there.sum(axis=1),
            "mcc": ratio(hits.sum(axis=1) * rows - expected, np.sqrt(spread)),
        }

    return outcomes.astype(np.int64), scores


def of_several(true: Bools, predicted: Bools) -> tuple[Ints, Scored]:
    """The same of rows with answers [B, C]."""
    outcomes, first = distinct(true, predicted)
    true, predicted = true[first], predicted[first]
    hits = true & predicted
    in_row, sizes = hits.sum(axis=1), true.sum(axis=1) + predicted.sum(axis=1)
    of_row = np.where(sizes == 0, 1.0, ratio(2.0 * in_row, sizes))
    wrong = true != predicted

    def scores(counts: Floats) -> dict[str, Floats]:
        rows = counts.sum(axis=1)
        summed = [counts @ table.astype(np.float64) for table in (hits, true, predicted)]
        every = _averages(*summed)
        every |= {
            f"micro_{name}": each[:, 0] for name, each in _each(*(t.sum(1, keepdims=True) for t in summed)).items()
        }
        return every | {
            "accuracy": counts @ (~wrong.any(axis=1)).astype(np.float64) / rows,
            "samples_f1": counts @ of_row / rows,
            "hamming_loss": counts @ wrong.mean(axis=1) / rows,
        }

    return outcomes, scores


def of_values(true: Floats, predicted: Floats) -> tuple[Ints, Scored]:
    """The same of rows with values [B], each an outcome of its own."""
    # Near 0 and 1, so that squares lose nothing; a correlation does not see it.
    shift, scale = true.mean(), np.ptp(true) or 1.0
    x, y, off = (true - shift) / scale, (predicted - shift) / scale, predicted - true
    sums = np.column_stack([x, y, x * x, y * y, x * y, np.abs(off), off * off])

    def scores(counts: Floats) -> dict[str, Floats]:
        mean = (counts @ sums / counts.sum(axis=1, keepdims=True)).T
        spread_x, spread_y = (np.maximum(0.0, mean[2 + i] - mean[i] ** 2) for i in (0, 1))
        covariance = mean[4] - mean[0] * mean[1]
        flat = (spread_x < 1e-12) | (spread_y < 1e-12 * max(1.0, float(np.ptp(y)) ** 2))
        pearson = ratio(np.where(flat, 0.0, covariance), np.sqrt(spread_x * spread_y))
        explained = 1 - ratio(mean[6], spread_x * scale**2)
        return {
            "pearson": np.clip(pearson, -1, 1),
            "mae": mean[5],
            "rmse": np.sqrt(mean[6]),
            "r2": np.where(spread_x < 1e-12, np.nan, explained),
        }

    return np.arange(len(true)), scores


def _averages(hits: Floats, support: Floats, given: Floats) -> dict[str, Floats]:
    """Scores of every class [R, C] and their averages [R]."""
    found = _each(hits, support, given)
    share = support / np.maximum(1, support.sum(axis=1, keepdims=True))
    averages = {f"macro_{name}": each.mean(axis=1) for name, each in found.items()}
    averages |= {f"weighted_{name}": (each * share).sum(axis=1) for name, each in found.items()}
    return found | averages


def _each(hits: Floats, support: Floats, given: Floats) -> dict[str, Floats]:
    return {
        "precision": ratio(hits, given),
        "recall": ratio(hits, support),
        "f1": ratio(2 * hits, support + given),
    }


def _by_class(counts: Floats, classes_of: Ints, classes: int) -> Floats:
    """Counts [R, U] added up by the class [U] of each outcome: [R, C]."""
    order = np.argsort(classes_of, kind="stable")
    there, first = np.unique(classes_of[order], return_index=True)
    added = np.zeros((len(counts), classes))
    added[:, there] = np.add.reduceat(counts[:, order], first, axis=1)
    return added


def ratio(above: Floats, below: np.ndarray) -> Floats:
    """above / below, and 0 where below is 0."""
    ratios: Floats = np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0)
    return ratios
