"""Where rows stand, and which texts are equal, without a string or a copy for every row."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress
from typing import Any, overload

import numpy as np

from whet.data.store import taken
from whet.records import Bools, Ints

MOST_SHARED = 1_000
"""Different values of a column up to which equal ones are kept as one object."""


@dataclass(frozen=True, slots=True, eq=False)
class Places(Sequence[str]):
    """`line 12`, `line 13`, ...: a word and a number for each row, spelled when asked for."""

    word: str
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Places(self.word, self.numbers[index])
        return f"{self.word} {self.numbers[index]}"


def row_places(rows: int) -> Places:
    """`row 1` to the last, for tables without lines."""
    return Places("row", range(1, rows + 1))


def kept_places(places: Sequence[str], keep: Bools) -> Sequence[str]:
    """Those of the rows to keep."""
    if isinstance(places, Places):
        return Places(places.word, kept_numbers(places.numbers, keep))
    return taken(places, keep)


def kept_numbers(numbers: Sequence[int], keep: Bools) -> Sequence[int]:
    """Those of the rows to keep, 8 bytes each."""
    return array("q", compress(numbers, keep.tolist()))


def sharing() -> Callable[[Any], Any]:
    """A function that gives equal strings of one column one object, as long as few differ: the
    labels of a million rows."""
    known: dict[str, str] = {}

    def share(value: Any) -> Any:
        if type(value) is not str:
            return value
        return known.setdefault(value, value) if len(known) < MOST_SHARED else known.get(value, value)

    return share


def hashes(texts: Sequence[str]) -> Ints:
    """Of each text [B]; equal texts have equal ones, and hardly any others have."""
    return np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))


def repeated(keys: Ints) -> list[int]:
    """Rows whose hash stands in another row too: all equal texts are among them."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    rows: list[int] = np.flatnonzero(counts[inverse] > 1).tolist()
    return rows


def digest(text: str) -> bytes:
    """What stands for a text among those whose hashes are equal: 16 bytes, which two texts never share."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def rows_of_both(texts: Sequence[str], others: Sequence[str]) -> Bools:
    """Rows whose text stands among the others too [B]."""
    keys, theirs = hashes(texts), hashes(others)
    known = set(map(digest, taken(others, np.isin(theirs, keys))))
    found = np.isin(keys, theirs)
    found[found] = [digest(text) in known for text in taken(texts, found)]
    return found
