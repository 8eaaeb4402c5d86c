"""How far a share that was counted in a sample may be from that of all: 95 % confidence intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NORMAL = 1.959964  # standard deviations on either side that hold 95 % of a normal distribution


def of_share(share: float, count: int) -> tuple[float, float]:
    """Of a share of `count` things that were drawn, by Wilson (1927): it stays within 0 and 1 and holds
    for few of them and shares near 0 and 1 too."""
    square = NORMAL**2 / count
    middle = (share + square / 2) / (1 + square)
    reach = NORMAL / (1 + square) * math.sqrt(share * (1 - share) / count + square / 4 / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def of_ratio(parts: Ints, wholes: Ints) -> tuple[float, float]:
    """Of sum(parts) / sum(wholes), where rows were drawn that have so many of each, such as tokens: rows are
    what varies (the ratio estimator, Cochran 1977, "Sampling Techniques", section 6.4)."""
    some, all_ = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if len(all_) < 2 or not all_.sum():
        return 0.0, 1.0
    ratio = some.sum() / all_.sum()
    spread = np.sqrt(len(all_) * ((some - ratio * all_) ** 2).sum() / (len(all_) - 1)) / all_.sum()
    return max(0.0, float(ratio - NORMAL * spread)), min(1.0, float(ratio + NORMAL * spread))
