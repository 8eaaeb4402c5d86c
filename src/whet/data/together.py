"""Rows that never stand on two sides: those with equal texts, and those of one group (--group).

Sizes in comments: B rows, U units, each of rows that stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from whet.data import store
from whet.data.places import digest, hashes, repeated
from whet.records import Examples, Ints


def keys_of(examples: Examples) -> Sequence[str]:
    """What of each row must not stand on two sides: its text, of a pair both, but for outer white space."""
    stripped = store.mapped(examples.texts, str.strip)
    if examples.pairs is None:
        return stripped
    return store.joined(stripped, examples.pairs, lambda text, pair: f"{len(text)} {text} {pair.strip()}")


def units_of(examples: Examples) -> tuple[Ints, Iterable[str]]:
    """The unit of each row [B], numbered by first appearance, and a name of each [U], by which it is drawn: it does not
    depend on the order of the rows. Rows whose group is '' have none, and are held together by their texts alone."""
    keys = keys_of(examples)
    texts = _equal(keys)
    if examples.groups is None:
        return texts, store.picked(keys, np.unique(texts, return_index=True)[1])
    units = _linked(texts, _numbered(examples.groups))
    names: dict[int, str] = {}
    for unit, group, key in zip(units.tolist(), examples.groups, keys, strict=True):
        # A text that has no group sorts behind all groups.
        name = f"group {group}" if group else f"text {key}"
        names[unit] = min(names.get(unit, name), name)
    return units, [names[unit] for unit in range(len(names))]


def ranks(names: Iterable[str], purpose: str, seed: int) -> Ints:
    """Place of each name in an order that looks random and depends on nothing but name, purpose and seed."""
    salt = f"{seed} {purpose}".encode()
    hashed = bytearray()
    for name in names:
        hashed += hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    order = np.argsort(np.frombuffer(hashed, dtype="<u8"), kind="stable")
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order))
    return found


def _equal(keys: Sequence[str]) -> Ints:
    """Number of the unit of equal keys [B]."""
    first = np.arange(len(keys))  # row of the first key that is equal
    known: dict[bytes, int] = {}
    again = repeated(hashes(keys))
    for row, key in zip(again, store.picked(keys, np.array(again, dtype=np.int64)), strict=True):
        first[row] = known.setdefault(digest(key), row)
    units: Ints = np.unique(first, return_inverse=True)[1].astype(np.int64)
    return units


def _numbered(groups: Sequence[str]) -> Ints:
    """A number for each group [B], and one of its own for each row without one."""
    known: dict[str, int] = {}
    numbers = [known.setdefault(group, len(known)) if group else -1 for group in groups]
    found = np.array(numbers, dtype=np.int64)
    alone = found < 0
    found[alone] = len(known) + np.arange(int(alone.sum()))
    return found


def _linked(one: Ints, other: Ints) -> Ints:
    """Number of the unit of each row [B], where rows that share either number are of one unit, and so on: a text that
    two groups have makes one of both."""
    found = one
    while True:
        least = np.full(int(other.max(initial=0)) + 1, len(one))
        np.minimum.at(least, other, found)
        nearer = np.full(int(one.max(initial=0)) + 1, len(one))
        np.minimum.at(nearer, one, least[other])
        after = nearer[one]
        if (after == found).all():
            units: Ints = np.unique(found, return_inverse=True)[1].astype(np.int64)
            return units
        found = after
