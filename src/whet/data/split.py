"""Sides of a job: which rows train, which choose, which test.

Shares are drawn by class (a label, the rarest of several, or a part of the range of values), each
class within a row of its part, and all shares count the rows of the
train table as it came: 80/10/10 from a single one. Texts that are equal but for outer white space
stay on one side (`together`), and every class keeps a text in train. The draw depends on the seed and the texts
alone, not on the order of rows or sides or on the version of a library. With --group whole groups are drawn: each side
then comes as near to its share of each class as they allow.

Sizes in comments: B rows, U units of rows that stay together, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.data import store
from whet.data.rows import same, select
from whet.data.targets import strata
from whet.data.together import ranks, units_of
from whet.errors import DataError, UsageError, quoted
from whet.records import Bools, Examples, Floats, Ints, Side, Splits
from whet.sentences.bilingual import Bilingual, joined, said

AUTO_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Pool:
    """The rows that are left to draw from."""

    rows: Examples
    classes: Sequence[str]
    """Of each row, by those that it was one of at first: which of its labels is the rarest may change."""
    counts: Mapping[str, float]
    """Class to the rows that a share counts, which may be more or fewer than are left."""
    name: str


def split(
    sides: Mapping[str, Examples],
    *,
    test: str,
    validation: str,
    seed: int,
    train_rows: int | None,
    test_rows: int | None,
) -> Splits:
    """The three sides, out of what DATA brought and what the user asked for.

    `sides` has the keys train, validation and test: DATA's own sides, and over them those that the
    user named and the caller read. `test` and `validation` are each `auto` (the side where there is
    one, else 0.1), a share, `none`, or the name whose rows `sides` holds. A share or `none` sets a
    side of DATA's aside. Nothing is ever taken from a test side.

    `train_rows` are drawn by class from what test and validation leave, so that `train_rows=2000`
    trains on 2,000 rows where there are enough. A validation share then counts those rows: 0.1 is
    200 further rows of a large table, and 200 of the 2,000 where there are no others. `test_rows`
    are drawn by class from the finished test side. Rows keep their order within a side.

    Shares that make no sense raise UsageError, too few rows for a side DataError.
    """
    wanted_test, wanted_validation = _wishes(sides, test=test, validation=validation)
    reasons = {"test": _reason(test, wanted_test), "validation": _reason(validation, wanted_validation)}
    train = sides["train"]
    classes = strata(train)
    pool, part = _Pool(train, classes, Counter(classes), train.source), said({}, "all of it")
    test_side = wanted_test if isinstance(wanted_test, Examples) else None
    validation_side = wanted_validation if isinstance(wanted_validation, Examples) else None
    if isinstance(wanted_test, float):
        reasons["test"] = _share_reason(wanted_test, pool, seed)
        leave = isinstance(wanted_validation, float)
        test_side, pool = _carve(pool, "test", wanted_test, seed, leave=leave)
        reasons["test"] = _with_groups(reasons["test"], test_side)
        part = said({}, "what test leaves")
    if isinstance(wanted_validation, float):
        counted = pool if train_rows is None else _counting(pool, train_rows)
        reasons["validation"] = _share_reason(wanted_validation, counted, seed)
        validation_side, pool = _carve(counted, "validation", wanted_validation, seed, leave=False)
        reasons["validation"] = _with_groups(reasons["validation"], validation_side)
        part = said({"part": part, "count": len(validation_side.texts)}, "less validation")
    rows = pool.rows
    if train_rows is not None:
        part = _rows_reason(train_rows, pool.rows, seed)
        rows = sample(rows, train_rows, "train rows", seed)
    if test_side is not None and test_rows is not None:
        reasons["test"] = joined(reasons["test"], _rows_reason(test_rows, test_side, seed), between=": ")
        test_side = sample(test_side, test_rows, "test rows", seed)
    reasons["train"] = joined(train.source, part, between=": ")
    return Splits(rows, validation_side, test_side, reasons)


# ---------------------------------------------------------------- what is asked for


def _wishes(
    sides: Mapping[str, Examples], *, test: str, validation: str
) -> tuple[Examples | float | None, Examples | float | None]:
    """Rows, a share or None for test and validation."""
    if "train" not in sides:
        raise DataError(
            f"there are no training rows, only {', '.join(sorted(sides)) or 'nothing'}",
            todo="Name the training data as DATA and other files with --test and --validation",
        )
    wanted_test = _wish(test, "test", sides)
    wanted_validation = _wish(validation, "validation", sides)
    if isinstance(wanted_test, Examples) and isinstance(wanted_validation, Examples):
        alike = same(wanted_test, wanted_validation)
        if alike and validation == "auto":
            wanted_validation = AUTO_SHARE  # DATA's validation rows were made the test side
        elif alike:
            raise UsageError(
                f"--test {test} and --validation {validation} are the same rows",
                expected="test rows that no choice was made on",
                todo="Leave out --validation, and a share of the training rows is taken",
            )
    if isinstance(wanted_test, float) and isinstance(wanted_validation, float) and wanted_test + wanted_validation >= 1:
        raise UsageError(
            f"a test share of {wanted_test:g} and a validation share of {wanted_validation:g} leave nothing to train",
            where="--test, --validation",
            expected="shares that sum to less than 1",
        )
    return wanted_test, wanted_validation


def _wish(value: str, side: Side, sides: Mapping[str, Examples]) -> Examples | float | None:
    if value == "none":
        return None
    if value == "auto":
        return sides.get(side, AUTO_SHARE)
    try:
        share = float(value)
    except ValueError:
        if side in sides:
            return sides[side]
        raise UsageError(
            f"{quoted(value)} is no file, no split of the data and no share",
            where=f"--{side}",
            expected="a file, a split of the data, a share such as 0.1, or none",
        ) from None
    if not 0 < share < 1:
        raise UsageError(f"{value} is no share", where=f"--{side}", expected="a number above 0 and below 1")
    return share


def _reason(value: str, wanted: Examples | float | None) -> Bilingual:
    if isinstance(wanted, Examples):
        return said({"source": wanted.source}, "came with the data" if value == "auto" else "a side as asked for")
    return said({}, "none asked for")


def _share_reason(share: float, pool: _Pool, seed: int) -> Bilingual:
    facts = {"share": 100 * share, "source": pool.name, "by": _by(pool.rows), "seed": seed}
    return said(facts, "a share" if pool.rows.groups is None else "a share of groups")


def _with_groups(reason: Bilingual, drawn: Examples) -> Bilingual:
    """The same with what whole groups came to."""
    if drawn.groups is None:
        return reason
    facts = {"rows": len(drawn.texts), "groups": len({group for group in drawn.groups if group})}
    return joined(reason, said(facts, "groups in a side"), between=": ")


def _rows_reason(wanted: int, examples: Examples, seed: int) -> Bilingual:
    facts = {"there": len(examples.texts), "wanted": wanted, "by": _by(examples), "seed": seed}
    return said(facts, "fewer rows than asked for" if wanted >= len(examples.texts) else "drawn rows")


def _by(examples: Examples) -> str:
    return "by label" if examples.values is None else "by value"


# ---------------------------------------------------------------- drawing


def _carve(pool: _Pool, side: Side, share: float, seed: int, *, leave: bool) -> tuple[Examples, _Pool]:
    """A share of the pool, and the rest. `leave`: at least one more text can be taken from the rest."""
    labels = pool.classes
    names = sorted(set(labels))
    classes = _ids(labels, names)
    units, unit_names = units_of(pool.rows)
    rank = ranks(unit_names, side, seed)
    sizes = np.bincount(units)
    # Of each class the text with most rows stays (the last drawn of equals): train knows every
    # label, and no side is filled with copies of one text while there are others.
    weight = np.empty_like(rank)
    weight[np.lexsort((rank, sizes))] = np.arange(len(rank))
    heaviest = np.full(len(names), -1, dtype=np.int64)
    np.maximum.at(heaviest, classes, weight[units])
    free = ~np.isin(weight, heaviest)
    quotas = np.array([share * pool.counts[name] for name in names])
    chosen = _choose(quotas, units, classes, rank, free, whole=pool.rows.groups is not None)
    if leave and free.sum() == len(chosen) and chosen:
        chosen.remove(min(chosen, key=lambda unit: (sizes[unit], rank[unit])))
    if not chosen:
        raise _too_few(pool.rows, side, sizes, len(names))
    taken = np.isin(units, list(chosen))
    left = _Pool(select(pool.rows, ~taken), store.taken(labels, ~taken), pool.counts, pool.name)
    return select(pool.rows, taken), left


def _too_few(rows: Examples, side: Side, sizes: Ints, classes: int) -> DataError:
    """Of units of these sizes none can be taken for a side."""
    noun = "label" if rows.values is None else "part of the range of values"
    held, unit = "different text", "text"
    if rows.groups is not None:
        held, unit = "group", "group"
    largest = f", the largest of {_plural(int(sizes.max()), 'row')}" if rows.groups is not None else ""
    return DataError(
        f"too few {'rows' if rows.groups is None else 'groups'} to take {side} rows from: "
        f"{_plural(len(rows.texts), 'row')} with {_plural(len(sizes), held)}{largest} and {_plural(classes, noun)}",
        where=rows.source,
        expected=f"a {unit} of each label to train with, and one more for each other side",
        todo=f"Add rows, name a file with --{side} FILE, or go without by --{side} none",
    )


def _choose(quotas: Floats, units: Ints, classes: Ints, rank: Ints, free: Bools, *, whole: bool) -> set[int]:
    """Free units whose rows come as near to the quotas [C] as whole units allow, at least one. `whole`: they are
    groups, which may have more rows than a side shall have.

    `units` and `classes` are those of each row [B], `rank` and `free` those of each unit [U].
    """
    caps = np.bincount(classes[free[units]], minlength=len(quotas))
    open_rows = _allocate(quotas, max(1, int(quotas.sum() + 0.5)), caps).tolist()
    cells, counts = np.unique(units * len(quotas) + classes, return_counts=True)
    starts = np.searchsorted(cells, np.arange(len(rank) + 1) * len(quotas))
    names, rows = cells % len(quotas), counts
    order = np.argsort(rank)
    order = order[free[order]]
    chosen: set[int] = set()
    for unit in map(int, order):  # the arrays are not made lists: that is 40 bytes a row
        held = range(starts[unit], starts[unit + 1])  # its classes; nearly always one
        if all(rows[i] <= open_rows[names[i]] for i in held):
            chosen.add(unit)
            for i in held:
                open_rows[names[i]] -= rows[i]
            if not any(open_rows):
                break
    if whole:
        left = np.array([unit for unit in map(int, order) if unit not in chosen], dtype=np.int64)
        of_unit = np.repeat(np.arange(len(rank)), np.diff(starts))
        chosen |= _nearest(np.array(open_rows), left, of_unit, names, rows)
    if not chosen and len(order):
        chosen.add(int(order[np.bincount(units)[order].argmin()]))
    return chosen


def _nearest(missing: Ints, left: Ints, units: Ints, classes: Ints, rows: Ints) -> set[int]:
    """Those of the units that are `left`, one after the other, which each bring a side nearest to the rows that it is
    `missing` of each class [C]. `units`, `classes` and `rows` say how many rows of a class a unit has."""
    chosen: set[int] = set()
    while len(left):
        change = np.abs(missing[classes] - rows) - np.abs(missing[classes])
        gains = np.bincount(units, weights=change, minlength=int(units.max()) + 1)[left]
        best = int(gains.argmin())
        if gains[best] >= 0:
            break
        held = units == left[best]
        missing = missing.copy()
        missing[classes[held]] -= rows[held]
        chosen.add(int(left[best]))
        left = np.delete(left, best)
    return chosen


def _counting(pool: _Pool, wanted: int) -> _Pool:
    """The same rows, of which a share counts only as many as `wanted`, evenly over the classes."""
    there = len(pool.rows.texts)
    if wanted >= there:
        return pool
    counts = {name: count * wanted / there for name, count in Counter(pool.classes).items()}
    return _Pool(pool.rows, pool.classes, counts, said({"count": wanted, "source": pool.name}, "of some rows"))


def sample(examples: Examples, wanted: int, purpose: str, seed: int) -> Examples:
    """`wanted` rows by class; every class keeps one where there are rows enough."""
    labels = strata(examples)
    if wanted >= len(labels):
        return examples
    classes = _ids(labels, sorted(set(labels)))
    # Row ids, not texts: copies of a text are drawn on their own.
    return select(examples, draw(classes, examples.row_ids, wanted, purpose, seed))


def draw(classes: Ints, row_ids: Iterable[int], wanted: int, purpose: str, seed: int) -> Bools:
    """Which of B rows with these class ids [B] are among the `wanted`, at most B, drawn by class.
    The draw depends on their row ids, `purpose` and `seed` alone."""
    present, ids = np.unique(classes, return_inverse=True)
    counts = np.bincount(ids)
    targets = _allocate(wanted * counts / len(ids), wanted, counts)
    while wanted >= len(present) and (targets == 0).any():
        targets[targets.argmax()] -= 1
        targets[targets.argmin()] += 1
    order = np.argsort(ranks(map(str, row_ids), purpose, seed))
    by_class = order[np.argsort(ids[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    place = np.arange(len(ids)) - np.repeat(starts, counts)
    taken = np.zeros(len(ids), dtype=bool)
    taken[by_class[place < np.repeat(targets, counts)]] = True
    return taken


def _allocate(quotas: Floats, total: int, caps: Ints) -> Ints:
    """Whole numbers that sum to `total` where the caps allow it, each within 1 of its quota: the
    largest remainders are rounded up."""
    floors = np.floor(quotas).astype(np.int64)
    parts: Ints = np.minimum(floors, caps)
    remainders = quotas - floors
    for name in np.lexsort((-caps, -remainders)):
        if parts.sum() < total and parts[name] < caps[name] and remainders[name] > 0:
            parts[name] += 1
    return parts


def _ids(labels: Iterable[str], names: list[str]) -> Ints:
    known = {name: i for i, name in enumerate(names)}
    return np.array([known[label] for label in labels], dtype=np.int64)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
