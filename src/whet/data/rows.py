"""Rows of a side: some of them, those of two sides, and what identifies them.

Sizes in comments: B rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from whet.data import store
from whet.data.places import kept_numbers, kept_places
from whet.data.together import keys_of
from whet.records import Bools, Examples

Kept = TypeVar("Kept")


def select(examples: Examples, taken: Bools) -> Examples:
    """The rows that are taken [B], in their order."""
    return Examples(
        source=examples.source,
        texts=store.taken(examples.texts, taken),
        labels=_kept(examples.labels, taken),
        places=kept_places(examples.places, taken),
        row_ids=kept_numbers(examples.row_ids, taken),
        pairs=_kept(examples.pairs, taken),
        several=_kept(examples.several, taken),
        values=_kept(examples.values, taken),
        further={name: store.taken(values, taken) for name, values in examples.further.items()},
        weights=_kept(examples.weights, taken),
        groups=_kept(examples.groups, taken),
    )


def _kept(values: Sequence[Kept] | None, taken: Bools) -> Sequence[Kept] | None:
    return None if values is None else store.taken(values, taken)


def both(table: Examples, first: Examples, second: Examples | None) -> Examples:
    """The rows of two sides that were drawn from a table, in its order; of sides from elsewhere the first."""
    if second is None or not first.source == second.source == table.source:
        return first
    return select(table, np.isin(np.asarray(table.row_ids), [*first.row_ids, *second.row_ids]))


def apart(rows: Examples, others: Examples | None) -> Examples:
    """The rows that have neither a text nor a group of the others, where these are rows of the same table."""
    if others is None or others.source != rows.source:
        return rows
    texts, groups = set(keys_of(others)), set(others.groups or ()) - {""}
    here = rows.groups or ("",) * len(rows.texts)
    keep = (key not in texts and group not in groups for key, group in zip(keys_of(rows), here, strict=True))
    return select(rows, np.fromiter(keep, np.bool_, len(rows.texts)))


def same(rows: Examples, others: Examples) -> bool:
    """Whether they have the same texts and answers."""
    return all(
        mine is theirs or (mine is not None and theirs is not None and store.same(mine, theirs))
        for mine, theirs in (
            (rows.texts, others.texts),
            (rows.pairs, others.pairs),
            (rows.labels, others.labels),
            (rows.several, others.several),
            (rows.values, others.values),
        )
    )


def fingerprint(examples: Examples) -> str:
    """sha256 over texts, what they are to be answered with, what they count and their groups, in their order, in
    hex: for run names and caches."""
    digest = hashlib.sha256(f"{len(examples.texts)} {examples.labels is not None}\n".encode())
    further: list[Iterable[str]] = []
    for name in ("pairs", "several", "values", "weights", "groups"):
        more = getattr(examples, name)
        if more is not None:
            further += [[name], (value if isinstance(value, str) else repr(value) for value in more)]
    for values in (examples.texts, examples.labels or (), *further):
        for value in values:
            raw = value.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()
