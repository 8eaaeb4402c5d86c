"""Scores of a regression, equal to those of scipy and scikit-learn, from numpy alone.

Sizes in comments: B rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet.records import Floats, ValueScores

Numbers = NDArray[np.floating[Any]]


def scores(true: Numbers, predicted: Numbers) -> ValueScores:
    """Scores of predicted values [B] against true ones [B]. No rows, arrays of different lengths and
    values that are not finite raise ValueError."""
    true, predicted = _checked(true, predicted)
    off = predicted - true
    return ValueScores(
        rows=len(true),
        pearson=pearson(true, predicted),
        spearman=pearson(_ranks(true), _ranks(predicted)),
        mae=float(np.abs(off).mean()),
        rmse=float(np.sqrt(np.mean(off**2))),
        r2=explained(true, off),
    )


def loss(predicted: Numbers, true: Numbers) -> float:
    """Mean squared error of predicted values [B] against true ones [B]."""
    true, predicted = _checked(true, predicted)
    return float(np.mean((predicted - true) ** 2))


def explained(true: Floats, off: Floats) -> float | None:
    """R2: 1 less the squared errors by the squared distances from the mean; None where all true values are one."""
    if np.ptp(true) == 0:
        return None
    centred, off = (true - true.mean()) / np.ptp(true), off / np.ptp(true)
    return float(1 - off @ off / (centred @ centred))


def pearson(one: Floats, other: Floats) -> float:
    """The correlation of values [B], within -1 and 1; 0 where either side is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:  # before any mean: that of equal values may miss them by a rounding
        return 0.0
    one, other = _directed(one), _directed(other)
    return float(np.clip(one @ other, -1, 1))


def _directed(values: Floats) -> Floats:
    """Values less their mean, at the length 1. Divided by their range first, so that squares neither overflow
    nor vanish."""
    centred = (values - values.mean()) / np.ptp(values)
    directed: Floats = centred / np.linalg.norm(centred)
    return directed


def _ranks(values: Floats) -> Floats:
    """The place of each value [B] in their order, from 1; equal values have the mean of their places."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    ranks: Floats = (last - (sizes - 1) / 2)[group]
    return ranks


def _checked(true: Numbers, predicted: Numbers) -> tuple[Floats, Floats]:
    """Both in float64."""
    wide = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if len(true) == 0 or wide[0].shape != (len(true),) or wide[1].shape != (len(true),):
        raise ValueError(
            f"{wide[0].shape} true and {wide[1].shape} predicted values: expected as many, and at least one"
        )
    if not np.isfinite(wide).all():
        raise ValueError("a value that is not finite")
    return wide
