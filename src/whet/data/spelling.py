"""Values of a table as the strings that texts and labels are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial

import numpy as np

from whet.data.store import Held, are_strings, mapped
from whet.errors import DataError

SHOWN = 10  # places listed before the rest is counted

Values = Sequence[object]

_PANDAS_MISSING = ("NAType", "NaTType")


def spelled(values: Values, places: Sequence[str], where: str) -> Sequence[str | None]:
    """Each value as a string, None where it is missing; a view of a column that memory does not hold. Integers,
    truth values and numbers are spelled as JSON does, whole numbers without a fraction where all are whole.
    DataError for anything else."""
    if are_strings(values):
        return values if isinstance(values, Held) else list(values)  # type: ignore[arg-type]  # the line above
    plain = mapped(values, _plain)
    strange = [place for value, place in zip(plain, places, strict=True) if not _is_single(value)]
    if strange:
        kind = next(type(value).__name__ for value in plain if not _is_single(value))
        raise DataError(
            f"type {kind} instead of text: {first_places(strange)}", where=where, expected="text, or a single value"
        )
    # pandas turns whole numbers with a gap among them into 1.0, 2.0, ...
    whole = all(is_missing(value) or is_whole(value) for value in plain)
    return mapped(values, partial(_spelling, whole=whole))


def _spelling(value: object, whole: bool) -> str | None:
    """A single value as a string. `whole`: all of its column are whole numbers."""
    value = _plain(value)
    if is_missing(value):
        return None
    if isinstance(value, float) and whole:
        return str(int(value))
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _is_single(value: object) -> bool:
    return is_missing(value) or isinstance(value, (str, bool, int, float, Decimal, date))


def is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def is_whole(value: object) -> bool:
    return type(value) is int or (isinstance(value, float) and value.is_integer())


def is_missing(value: object) -> bool:
    """None, NaN, and the missing values of pandas, which need not be imported here."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in _PANDAS_MISSING


def first_places(places: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more
