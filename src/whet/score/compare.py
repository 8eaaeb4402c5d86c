"""Two that answered the same rows: by how much one is better, and whether that may be chance.

Sizes in comments: B rows, C classes or labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from whet.labels import Kind
from whet.records import Floats, Ints, Targets
from whet.score import counts, resample

COMPARED: Mapping[Kind, str] = {"one": "accuracy", "several": "macro_f1", "value": "pearson"}
"""What decides, by what a row has; but for accuracy that is the metric that a training goes by, too."""

FEW = 25  # rows that only one answered right; of fewer McNemar's test is exact


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model against a rival on the same rows."""

    against: str
    """The rival's name in metrics.json."""
    metric: str
    difference: float
    """The model's score less the rival's."""
    interval: tuple[float, float]
    """95 %, of the difference."""
    p: float
    mcnemar_p: float | None
    """Of whether both are right equally often; None where a row has no single answer."""

    @property
    def level(self) -> bool:
        """Whether it may be chance: the interval holds 0."""
        return self.interval[0] <= 0 <= self.interval[1]


def paired(
    true: Targets, mine: Targets, theirs: Targets, kind: Kind, against: str, *, resamples: int = resample.RESAMPLES
) -> Comparison:
    """The answers of a model and of a rival to the same rows, all three of one shape: class ids [B], marks [B, C], or
    values [B].

    Rows are drawn again, each with both of its answers (paired bootstrap), for the interval of the difference in what
    is `COMPARED` and for p. McNemar's test (1947) is exact below FEW rows that only one answered right, else a
    chi-square with continuity correction (Edwards 1948).
    """
    outcomes, difference = DIFFERENCES[kind](true, mine, theirs)
    differences = resample.spread(outcomes, lambda drawn: {"": difference(drawn)}, resamples)[""]
    found = float(difference(np.bincount(outcomes)[None].astype(np.float64))[0])
    low, high = map(float, resample.ends(differences))
    p, mcnemar_p = resample.chance(differences), None
    if kind == "one":
        right, also = mine == true, theirs == true
        mcnemar_p = mcnemar(int((right & ~also).sum()), int((also & ~right).sum()))
    return Comparison(against, COMPARED[kind], found, (min(low, found), max(high, found)), p, mcnemar_p)


def mcnemar(mine: int, theirs: int) -> float:
    """Two-sided p of McNemar's test, from the rows that only one of two answered right."""
    either, fewer = mine + theirs, min(mine, theirs)
    if either < FEW:
        return min(1.0, float(2 * sum(math.comb(either, n) for n in range(fewer + 1)) / 2**either))
    chi_square = max(0, abs(mine - theirs) - 1) ** 2 / either
    return math.erfc(math.sqrt(chi_square / 2))


Difference = tuple[Ints, Callable[[Floats], Floats]]
"""Which outcome each row [B] has, and the difference [R] from how often each outcome was drawn [R, U]."""


def _in_accuracy(true: Targets, mine: Targets, theirs: Targets) -> Difference:
    gains, outcomes = np.unique((mine == true).astype(np.int64) - (theirs == true), return_inverse=True)
    return outcomes.astype(np.int64), lambda drawn: drawn @ gains / drawn.sum(axis=1)


def _in_macro_f1(true: Targets, mine: Targets, theirs: Targets) -> Difference:
    tables = [np.asarray(each, dtype=np.bool_) for each in (true, mine, theirs)]
    outcomes, first = resample.distinct(*tables)
    marks, *answers = (table[first].astype(np.float64) for table in tables)

    def difference(drawn: Floats) -> Floats:
        support = drawn @ marks
        both = [counts.ratio(2 * (drawn @ (marks * given)), support + drawn @ given).mean(axis=1) for given in answers]
        found: Floats = both[0] - both[1]
        return found

    return outcomes, difference


def _in_correlation(true: Targets, mine: Targets, theirs: Targets) -> Difference:
    values, *answers = (np.asarray(each, dtype=np.float64) for each in (true, mine, theirs))
    (outcomes, first), (_, second) = (counts.of_values(values, each) for each in answers)
    return outcomes, lambda drawn: first(drawn)["pearson"] - second(drawn)["pearson"]


DIFFERENCES: Mapping[Kind, Callable[[Targets, Targets, Targets], Difference]] = {
    "one": _in_accuracy, "several": _in_macro_f1, "value": _in_correlation
}  # fmt: skip
