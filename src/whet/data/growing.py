"""The columns of a table while it is read: in memory, until they take too much of it."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from whet.data.places import MOST_SHARED, sharing
from whet.data.store import JSON, ODD, PORTION, TEXT, Coded, Held, Nameless, Stored, portions
from whet.errors import OutputError

OBJECT = 57  # bytes of a str beside its characters, and of the pointer to it


@dataclass(frozen=True, slots=True)
class Disk:
    """Where columns lie that take more than so many bytes of memory together."""

    folder: Path
    above: int


def aside(values: Sequence[Any], folder: Path) -> Sequence[Any]:
    """The same values, in a nameless file of the folder unless memory holds few or none of them as it is."""
    if isinstance(values, Held):
        return values
    column = Columns(Disk(folder, 0)).new()
    for portion in portions(values):
        column.extend(portion)
    return column.done()


class Columns:
    """The columns of a table while it is read: lists, and once they take too much, `Coded` or `Stored`."""

    def __init__(self, disk: Disk | None) -> None:
        self._disk = disk
        self._bytes = 0
        self._columns: list[Column] = []

    def new(self, gaps: int = 0) -> Column:
        """A further column, whose first `gaps` rows are None."""
        column = Column(self)
        self._columns.append(column)
        if self.spilled:
            column.spill()
        for start in range(0, gaps, PORTION):
            column.extend([None] * min(PORTION, gaps - start))
        return column

    @property
    def disk(self) -> Disk:
        assert self._disk is not None
        return self._disk

    @property
    def spilled(self) -> bool:
        """Whether they take too much."""
        return self._disk is not None and self._bytes > self._disk.above

    def grow(self, size: int) -> None:
        """Counts bytes, and moves the columns out of memory when it is time."""
        before, self._bytes = self.spilled, self._bytes + size
        if self.spilled and not before:
            for column in self._columns:
                column.spill()


class Column:
    """A column while it is read."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._values: list[Any] = []
        self._share = sharing()
        self._writer: _Codes | _File | None = None

    def extend(self, values: Sequence[object]) -> None:
        """Further rows."""
        if self._writer is not None:
            self._write(values)
            return
        self._values.extend(map(self._share, values))
        texts = [value for value in values if isinstance(value, str)]
        self._columns.grow(sum(map(len, texts)) + OBJECT * len(values))

    def spill(self) -> None:
        """Moves the rows so far out of memory."""
        self._writer = _Codes()
        for portion in portions(self._values):
            self._write(portion)
        self._values = []

    def done(self) -> Sequence[Any]:
        """The column."""
        return self._values if self._writer is None else self._writer.done()

    def _write(self, values: Sequence[object]) -> None:
        assert self._writer is not None
        if isinstance(self._writer, _Codes) and not self._writer.extend(values):
            known = self._writer.done()
            self._writer = _File(self._columns.disk.folder)
            for portion in portions(known):
                self._writer.extend(portion)
        if isinstance(self._writer, _File):
            self._writer.extend(values)


class _Codes:
    def __init__(self) -> None:
        self._codes = array("H")
        self._known: dict[object, int] = {}
        self._names: list[object] = []

    def extend(self, values: Sequence[object]) -> bool:
        """Takes all of the values, or none and says False where they are too many or of other types than these."""
        before = len(self._codes)
        for value in values:
            key = value if type(value) is str else (type(value), repr(value))
            code = self._known.get(key)
            if code is None:
                if len(self._names) == MOST_SHARED or type(value) not in (str, int, bool, float, type(None)):
                    del self._codes[before:]
                    return False
                code = self._known[key] = len(self._names)
                self._names.append(value)
            self._codes.append(code)
        return True

    def done(self) -> Coded:
        return Coded(np.frombuffer(self._codes, dtype=np.uint16), tuple(self._names))


class _File:
    """Writes values to a file without a name. OutputError where the disk does not take them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._end = self._rows = 0
        self._kinds: bytearray | None = None
        self._odd: dict[int, object] = {}
        with _Told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._texts, self._ends = Nameless(folder), Nameless(folder)
            self._ends.file.write(np.zeros(1, np.int64).tobytes())

    def extend(self, values: Sequence[object]) -> None:
        raws = []
        for row, value in enumerate(values, start=self._rows):
            if type(value) is str:
                raws.append(value.encode("utf-8", "surrogatepass"))
            else:
                raws.append(self._other(row, value))
            if self._kinds is not None and len(self._kinds) == row:
                self._kinds.append(TEXT)
        ends = self._end + np.cumsum([len(raw) for raw in raws], dtype=np.int64)
        with _Told(self._folder):
            self._texts.file.write(b"".join(raws))
            self._ends.file.write(ends.tobytes())
        self._rows += len(raws)
        self._end = int(ends[-1]) if len(ends) else self._end

    def done(self) -> Stored:
        with _Told(self._folder):
            self._texts.file.flush()
            self._ends.file.flush()
        ends = np.memmap(self._ends.file, dtype=np.int64, mode="r", shape=(self._rows + 1,))
        return Stored(self._texts, ends, None if self._kinds is None else bytes(self._kinds), self._odd)

    def _other(self, row: int, value: object) -> bytes:
        if self._kinds is None:
            self._kinds = bytearray(row)
        if _is_json(value):
            self._kinds.append(JSON)
            return json.dumps(value).encode()
        self._kinds.append(ODD)
        self._odd[row] = value
        return b""


class _Told:
    """A disk that does not take what is written, as OutputError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, OSError):
            raise OutputError(
                f"the data are too large for memory, and cannot be written: {fault.strerror or fault}",
                where=str(self._folder),
                todo="Free space, or set WHET_CACHE to a folder that has room and can be written",
            ) from None


def _is_json(value: object) -> bool:
    """Whether JSON gives the very value back."""
    if isinstance(value, float):
        return type(value) is float and math.isfinite(value)
    if type(value) is list:
        return all(map(_is_json, cast("list[object]", value)))
    if type(value) is dict:
        items = cast("dict[object, object]", value)
        return all(type(name) is str and _is_json(each) for name, each in items.items())
    return value is None or type(value) in (str, bool, int)
