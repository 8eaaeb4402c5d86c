"""Rows drawn again from the rows that there are: the bootstrap (Efron 1979), counted by what became of a row.

A score that follows from counts needs no rows: how often each outcome is drawn is enough, and that is a draw
from a multinomial distribution. The same seed draws the same.

Sizes in comments: B rows, U different outcomes, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from whet.records import Floats, Ints

RESAMPLES, FEWEST = 10_000, 1_000
WORK = 5 * 10**8  # draws that all resamples may take together; with more rows there are fewer resamples
SINGLE = 12  # times what it takes to draw a row, the draw of how often an outcome occurs takes
PART = 2**21  # counts that are held at a time
SEED = 0
LEVEL = 0.95


def draws(outcomes: Ints, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each of the outcomes 0..U-1 is drawn where as many rows are drawn as there are, from rows with
    these outcomes [B]: counts [.., U], part by part until there are `resamples` of them, or as many as WORK allows."""
    counts = np.bincount(outcomes)
    rows, kinds, rng = len(outcomes), len(counts), np.random.default_rng(SEED)
    quick = SINGLE * kinds < rows
    cost = SINGLE * kinds if quick else rows
    resamples = min(resamples, max(FEWEST, WORK // cost))
    step = max(1, PART // (kinds if quick else max(rows, kinds)))
    for start in range(0, resamples, step):
        part = min(step, resamples - start)
        if quick:
            yield rng.multinomial(rows, counts / rows, size=part).astype(np.float64)
        else:
            drawn = outcomes[rng.integers(rows, size=(part, rows))]
            drawn += kinds * np.arange(part)[:, None]
            yield np.bincount(drawn.ravel(), minlength=part * kinds).reshape(part, kinds).astype(np.float64)


def spread(
    outcomes: Ints, scores: Callable[[Floats], Mapping[str, Floats]], resamples: int = RESAMPLES
) -> dict[str, Floats]:
    """Scores of the resamples, by name [R, ...]. `scores` gives those of counts [.., U]."""
    parts = [scores(counts) for counts in draws(outcomes, resamples)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def ends(resampled: Floats) -> Floats:
    """The percentile interval of scores [R, ...]: low and high [2, ...]."""
    outside = (1 - LEVEL) / 2
    found: Floats = np.quantile(resampled, [outside, 1 - outside], axis=0)
    return found


def chance(differences: Floats) -> float:
    """Two-sided p of a difference of resamples [R]: twice the share of them that lies on the other side of 0, or
    on it. At most 0.05 where the percentile interval of 95 % leaves out 0."""
    one_side = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (one_side + 1) / (len(differences) + 1))


def distinct(*tables: np.ndarray) -> tuple[Ints, Ints]:
    """Which outcome each row [B] has where tables of bools [B, C] tell it, and a row [U] that has each outcome."""
    packed = np.ascontiguousarray(np.packbits(np.hstack(tables), axis=1))
    rows = packed.view([("", f"V{packed.shape[1]}")]).ravel()
    _, first, outcomes = np.unique(rows, return_index=True, return_inverse=True)
    return outcomes.astype(np.int64), first.astype(np.int64)
