"""Columns of a parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from whet.records import Bools, Floats, Ints


def strings(values: Sequence[str | None]) -> Any:
    """A column of strings. pyarrow's own way from Python values loads pandas wherever it is installed."""
    import pyarrow as pa

    there = np.array([value is not None for value in values], np.bool_)
    raw = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in raw], out=offsets[1:])
    gaps = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    column = pa.LargeStringArray.from_buffers(len(raw), pa.py_buffer(offsets), pa.py_buffer(b"".join(raw)), gaps)
    return column.cast(pa.string()) if offsets[-1] < 2**31 else column


def numbers(values: Ints | Floats) -> Any:
    """A column of numbers, likewise."""
    import pyarrow as pa

    kind = pa.float64() if values.dtype == np.float64 else pa.int64()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def marks(values: Bools) -> Any:
    """A column of truth values, likewise."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def lists(values: Sequence[Sequence[str]]) -> Any:
    """A column of lists of strings."""
    import pyarrow as pa

    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum([len(each) for each in values], out=offsets[1:])
    flat = strings([value for each in values for value in each])
    return pa.ListArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)]), flat
    )
