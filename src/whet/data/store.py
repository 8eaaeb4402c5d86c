"""Columns that memory need not hold: on the disk, as codes of few values, or as a view of another one.

A column is a Sequence wherever it lies, so that whoever reads it need not know. A file of the disk has no name
(on POSIX): it is gone when its last column is, or the process, however that ends.

Sizes in comments: B rows.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, compress, islice
from pathlib import Path
from typing import IO, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from whet.records import Bools, Ints

PORTION = 4_096  # rows whose places in a file are looked up at a time,
BLOCK = 2**20  # bytes that are read at once, unless a value has more,
GAP = 2**14  # and bytes between two values that are read along with them

TEXT, JSON, ODD = 0, 1, 2  # how a value lies in a file: as it is, as JSON, or not at all but in memory

T = TypeVar("T")


class Held(Sequence[Any]):
    """A column that is not one object a row in memory. A slice is a view; iterating reads in portions."""

    @abstractmethod
    def values(self, rows: Ints) -> Iterator[Any]:
        """The values of some rows, in the order of these."""

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Picked(self, range(len(self))[index])
        return next(self.values(np.array([range(len(self))[index]], dtype=np.int64)))

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), PORTION):
            yield from self.values(np.arange(start, min(start + PORTION, len(self)), dtype=np.int64))

    def __contains__(self, value: object) -> bool:
        return any(value == other for other in self)

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        for row, other in enumerate(self[start:stop]):
            if value == other:
                return range(len(self))[start:stop][row]
        raise ValueError(f"{value!r} is not in the column")


class Nameless:
    """A file that is closed, and by that removed, when nobody has it any more."""

    def __init__(self, folder: Path) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="whet-", dir=folder, buffering=BLOCK)  # noqa: SIM115
        self._lock = threading.Lock()

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):  # a disk that was full is still so
            self.file.close()

    def read(self, begin: int, size: int) -> bytes:
        """Not by a map of the file, whose pages would count as this process's memory."""
        if hasattr(os, "pread"):
            return os.pread(self.file.fileno(), size, begin)
        with self._lock:
            self.file.seek(begin)
            return self.file.read(size)


class Stored(Held):
    """Values in a file. Made by `growing.Columns`."""

    def __init__(self, file: Nameless, ends: NDArray[np.int64], kinds: bytes | None, odd: dict[int, object]) -> None:
        self._file = file
        self._ends = ends  # [B + 1]
        self._kinds = kinds  # [B], None where every value is a str
        self._odd = odd

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def is_text(self) -> bool:
        """Whether every value is a str."""
        return self._kinds is None

    def values(self, rows: Ints) -> Iterator[Any]:
        starts, stops, numbers = self._ends[rows].tolist(), self._ends[rows + 1].tolist(), rows.tolist()
        first = 0
        while first < len(numbers):
            begin, end, last = starts[first], stops[first], first + 1
            while last < len(numbers) and end <= starts[last] <= end + GAP and stops[last] <= begin + BLOCK:
                end, last = stops[last], last + 1
            raw = self._file.read(begin, end - begin)
            for place in range(first, last):
                text = raw[starts[place] - begin : stops[place] - begin].decode("utf-8", "surrogatepass")
                yield text if self._kinds is None else self._value(numbers[place], text)
            first = last

    def _value(self, row: int, text: str) -> object:
        assert self._kinds is not None
        kind = self._kinds[row]
        return text if kind == TEXT else json.loads(text) if kind == JSON else self._odd[row]


class Coded(Held):
    """Few different values, and which of them each row has."""

    def __init__(self, codes: NDArray[np.uint16], names: Sequence[Any]) -> None:
        self.codes = codes  # [B]
        self.names = names

    def __len__(self) -> int:
        return len(self.codes)

    def values(self, rows: Ints) -> Iterator[Any]:
        return map(self.names.__getitem__, self.codes[rows].tolist())

    def renamed(self, names: Sequence[Any]) -> Coded:
        """The same rows with other values for the names, in their order."""
        return Coded(self.codes, names)


class Picked(Held):
    """Some rows of another column."""

    def __init__(self, base: Sequence[Any], rows: range | NDArray[Any]) -> None:
        self.base: Sequence[Any] = base.base if isinstance(base, Picked) else base
        self.rows: range | NDArray[Any] = base.at(rows) if isinstance(base, Picked) else rows

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, rows: range | NDArray[Any]) -> range | NDArray[Any]:
        """Rows of the other column, by those of this one."""
        if isinstance(rows, range):
            return self.rows[rows.start : rows.stop if rows.stop >= 0 else None : rows.step]
        return np.asarray(self.rows)[rows] if isinstance(self.rows, np.ndarray) else _of_range(self.rows, rows)

    def values(self, rows: Ints) -> Iterator[Any]:
        asked = np.asarray(self.at(rows)).astype(np.int64)
        if isinstance(self.base, Held):
            return self.base.values(asked)
        return map(self.base.__getitem__, asked.tolist())


class Mapped(Held):
    """What a function makes of each value of another column, whenever it is asked for."""

    def __init__(self, base: Held, function: Callable[[Any], Any]) -> None:
        self._base = base
        self._function = function

    def __len__(self) -> int:
        return len(self._base)

    def values(self, rows: Ints) -> Iterator[Any]:
        return map(self._function, self._base.values(rows))

    def __iter__(self) -> Iterator[Any]:
        return map(self._function, self._base)


def _of_range(numbers: range, places: NDArray[Any]) -> Ints:
    return numbers.start + numbers.step * places.astype(np.int64)


class Joined(Held):
    """What a function makes of each two values of two other columns, likewise."""

    def __init__(self, first: Held, second: Held, function: Callable[[Any, Any], Any]) -> None:
        self._first = first
        self._second = second
        self._function = function

    def __len__(self) -> int:
        return len(self._first)

    def values(self, rows: Ints) -> Iterator[Any]:
        return map(self._function, self._first.values(rows), self._second.values(rows))


class Chained(Held):
    """The rows of two columns, one column after the other."""

    def __init__(self, first: Sequence[Any], second: Sequence[Any]) -> None:
        self._first = first
        self._second = second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __iter__(self) -> Iterator[Any]:
        return chain(self._first, self._second)

    def values(self, rows: Ints) -> Iterator[Any]:
        count = len(self._first)
        ours = rows < count
        one, other = iter(picked(self._first, rows[ours])), iter(picked(self._second, rows[~ours] - count))
        return (next(one if is_ours else other) for is_ours in ours.tolist())


# ---------------------------------------------------------------- views


def chained(first: Sequence[T], second: Sequence[T]) -> Sequence[T]:
    """The values of two columns, one after the other: a list, or a view where memory holds not both."""
    return Chained(first, second) if isinstance(first, Held) or isinstance(second, Held) else [*first, *second]


def joined(first: Sequence[Any], second: Sequence[Any], function: Callable[[Any, Any], T]) -> Sequence[T]:
    """What a function makes of each two values of columns as long: a list, or a view where memory holds not both."""
    if not isinstance(first, Held) and not isinstance(second, Held):
        return list(map(function, first, second))
    one, other = (each if isinstance(each, Held) else Picked(each, range(len(each))) for each in (first, second))
    return Joined(one, other, function)


def mapped(values: Sequence[Any], function: Callable[[Any], T]) -> Sequence[T]:
    """What a function makes of each value: a list, of a column that memory does not hold a view."""
    return Mapped(values, function) if isinstance(values, Held) else list(map(function, values))


def picked(values: Sequence[T], rows: Ints) -> Sequence[T]:
    """Some rows of a column, likewise."""
    if isinstance(values, Coded):
        return Coded(values.codes[rows], values.names)
    if isinstance(values, Held):
        return Picked(values, rows.astype(np.uint32) if len(values) < 2**32 else rows)
    return tuple(values[row] for row in rows.tolist())


def taken(values: Sequence[T], keep: Bools) -> Sequence[T]:
    """The rows to keep [B] of a column, likewise."""
    if isinstance(values, Held):
        return picked(values, np.flatnonzero(keep))
    return tuple(compress(values, keep.tolist()))


def same(values: Sequence[object], others: Sequence[object]) -> bool:
    """Whether two columns have the same values."""
    return len(values) == len(others) and all(map(lambda one, other: one == other, values, others))


def are_strings(values: Sequence[object]) -> bool:
    """Whether every value is a str, and no value of a class made from it."""
    if isinstance(values, Stored):
        return values.is_text
    return all(type(value) is str for value in (values.names if isinstance(values, Coded) else values))


def portions(values: Iterable[T], rows: int = PORTION) -> Iterator[list[T]]:
    """The values in lists of so many; the last may have fewer."""
    waiting = iter(values)
    while portion := list(islice(waiting, rows)):
        yield portion
