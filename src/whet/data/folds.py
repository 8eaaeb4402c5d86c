"""Rows dealt in K folds for cross-validation: by class, and those that stay together (`together`) in one fold.

Sizes in comments: B rows, U units of rows that stay together, C classes.
"""

from __future__ import annotations

import numpy as np

from whet.data.targets import strata
from whet.data.together import ranks, units_of
from whet.errors import DataError, quoted
from whet.records import Examples, Ints


def deal(rows: Examples, folds: int, seed: int) -> Ints:
    """The fold of each row [B], from 0, of which none is empty. The largest units go first, each into the fold that has
    the fewest rows of its classes, as a share of all of these, then the fewest of all; those of one size in an order
    that depends on the seed and the texts alone, or on the groups.

    Raises DataError for fewer units than folds, and for a label that stands in one fold alone: no model that is to
    answer that fold would know it.
    """
    units, names = units_of(rows)
    order = np.lexsort((ranks(names, "folds", seed), -(sizes := np.bincount(units))))
    if len(sizes) < folds:
        raise _too_few(rows, sizes, folds)
    classes = strata(rows)
    present = sorted(set(classes))
    known = {name: place for place, name in enumerate(present)}
    ids = np.fromiter((known[name] for name in classes), np.int64, len(classes))
    cells, counts = np.unique(units * len(present) + ids, return_counts=True)
    starts = np.searchsorted(cells, np.arange(len(sizes) + 1) * len(present)).tolist()
    total = np.bincount(ids, minlength=len(present)).tolist()
    of_class, filled, chosen = [[0] * len(present) for _ in range(folds)], [0] * folds, np.zeros(len(sizes), np.int64)
    held = [(int(cell % len(present)), int(count)) for cell, count in zip(cells, counts, strict=True)]
    for unit in map(int, order):
        mine = held[starts[unit] : starts[unit + 1]]
        load = [(sum(count * have[name] / total[name] for name, count in mine), filled[fold], fold)
                for fold, have in enumerate(of_class)]  # fmt: skip
        fold = min(load)[2]
        chosen[unit] = fold
        filled[fold] += int(sizes[unit])
        for name, count in mine:
            of_class[fold][name] += count
    if rows.labels is not None:
        alone = [name for place, name in enumerate(present) if sum(bool(have[place]) for have in of_class) < 2]
        if alone:
            raise _alone(rows, alone)
    found: Ints = chosen[units]
    return found


def _too_few(rows: Examples, sizes: Ints, folds: int) -> DataError:
    held = "different texts" if rows.groups is None else f"groups, the largest of {int(sizes.max()):,} rows"
    unit = "text" if rows.groups is None else "group"
    return DataError(
        f"{len(rows.texts):,} rows with {len(sizes):,} {held}, for {folds} folds",
        where=rows.source,
        expected=f"a {unit} for each fold at least",
        todo=f"Give --folds {len(sizes)}" if len(sizes) > 1 else "Leave out --folds",
    )


def _alone(rows: Examples, labels: list[str]) -> DataError:
    unit = "text" if rows.groups is None else "group"
    named = ", ".join(map(quoted, labels[:5])) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
    return DataError(
        f"one fold has all rows of the {'label' if len(labels) == 1 else 'labels'} {named}",
        where=rows.source,
        expected=f"two {unit}s of each label, for who is to answer a fold learns from the others",
        todo="Add rows of such labels, or leave them out",
    )
