"""How the scores of some rows differ from those of the others: by length, label, or a column. From numpy alone.

Sizes in comments: B rows, C classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet import intervals
from whet.records import Bools, Floats

LABEL = "label"
QUARTERS = 4
MOST_VALUES = 20  # of a column that are told one by one,
OTHERS = "(others)"  # and what the rest is called
CHANCE = 0.05  # that any of the slices is marked where none is weaker


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the rows: those whose `by` is `value`."""

    by: str
    value: str
    rows: Bools  # [B]


def by_length(lengths: Sequence[int]) -> list[Slice]:
    """Quarters of the rows by length, the shortest first; equal lengths are not parted."""
    return by_number("length", np.asarray(lengths, dtype=np.float64))


def by_number(name: str, numbers: Floats) -> list[Slice]:
    """Quarters of the rows by a number [B], told by their least and their most; fewer where many are equal."""
    edges = np.unique(np.quantile(numbers, np.arange(1, QUARTERS) / QUARTERS, method="lower"))
    part = np.searchsorted(edges, numbers, side="left")
    found = []
    for i in np.unique(part):
        rows = part == i
        # As many digits as a float surely holds: those of a timestamp or an id are all needed.
        low, high = f"{numbers[rows].min():.15g}", f"{numbers[rows].max():.15g}"
        found.append(Slice(name, low if low == high else f"{low} to {high}", rows))
    return found


def by_value(name: str, values: Sequence[object]) -> list[Slice]:
    """Rows of each value, as `by_name`; numbers of more than MOST_VALUES different ones in quarters."""
    written = ["" if value is None else str(value) for value in values]
    if len(set(written)) > MOST_VALUES:
        numbers = _numbers(written)
        if numbers is not None:
            return by_number(name, numbers)
    return by_name(name, written)


def by_name(name: str, written: Sequence[str]) -> list[Slice]:
    """Rows of each value, most frequent first; of more than MOST_VALUES different ones the rarest together."""
    counts = Counter(written)
    kept = [value for value, _ in counts.most_common(MOST_VALUES)]
    array = np.array(written, dtype=np.object_)
    found = [Slice(name, value, np.asarray(array == value, dtype=np.bool_)) for value in kept]
    if len(counts) > len(kept):
        found.append(Slice(name, OTHERS, ~np.logical_or.reduce([each.rows for each in found])))
    return found


def by_mark(name: str, marks: Bools) -> list[Slice]:
    """The rows that have a mark [B], and the others."""
    return [Slice(name, "yes", marks), Slice(name, "no", ~marks)]


def as_json(slices: Sequence[Slice], right: Bools, macro_f1: Callable[[Bools], float]) -> list[dict[str, object]]:
    """The part of metrics.json: of each slice that some rows but not all belong to its rows, accuracy with its
    interval, macro F1, and whether it is weaker than the other rows, by a test that takes account of how many slices
    there are. `right`: which rows were answered rightly [B]; `macro_f1` gives that of some rows."""
    parted = [each for each in slices if each.rows.any() and not each.rows.all()]
    found = []
    for each in parted:
        count, hits = int(each.rows.sum()), int(right[each.rows].sum())
        chance = fewer_by_chance(hits, count, int(right.sum()) - hits, len(right) - count)
        told: dict[str, object] = {"by": each.by, "value": each.value, "rows": count, "accuracy": hits / count}
        told["interval"] = list(intervals.of_share(hits / count, count))
        if each.by != LABEL:  # whose rows are all of one label
            told["macro_f1"] = macro_f1(each.rows)
        found.append(told | {"weaker": chance < CHANCE / len(parted)})
    return found


def of_numbers(slices: Sequence[Slice], errors: Floats) -> list[dict[str, object]]:
    """The same for numbers, of absolute errors [B]: rows and mean absolute error. None is marked."""
    parted = [each for each in slices if each.rows.any() and not each.rows.all()]
    return [
        {"by": each.by, "value": each.value, "rows": int(each.rows.sum()), "mae": float(errors[each.rows].mean())}
        for each in parted
    ]


def fewer_by_chance(hits: int, count: int, other_hits: int, others: int) -> float:
    """How likely so few hits among so many rows are, or fewer, where these are as good as the others: Fisher's exact
    test, one-sided."""
    all_rows, all_hits = count + others, hits + other_hits
    whole = _ways(all_rows, count)
    least = max(0, count - (all_rows - all_hits))
    terms = (_ways(all_hits, k) + _ways(all_rows - all_hits, count - k) - whole for k in range(least, hits + 1))
    return min(1.0, math.fsum(map(math.exp, terms)))


def _ways(count: int, chosen: int) -> float:
    """The logarithm of the ways to choose some of `count` things."""
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)


def _numbers(written: Sequence[str]) -> Floats | None:
    """The values as numbers, where each is a finite one."""
    try:
        numbers = np.array([float(value) for value in written])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def standard(
    lengths: Sequence[int], classes: Sequence[str], truncated: Bools, leaked: Bools | None,
    columns: Mapping[str, Sequence[object]],
) -> Iterator[Slice]:  # fmt: skip
    """What is always looked at: quarters by length, the classes (none: no rows of one), rows that were cut, rows that
    train has too, and the columns that were asked for."""
    yield from by_length(lengths)
    if classes:
        yield from by_name(LABEL, classes)  # names, though they may be written as numbers
    yield from by_mark("truncated", truncated)
    if leaked is not None:
        yield from by_mark("leaked", leaked)
    for name, values in columns.items():
        yield from by_value(name, values)
