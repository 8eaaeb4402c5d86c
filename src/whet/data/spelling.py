"""Values of a table as the strings that texts and labels are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np

from whet.errors import DataError

SHOWN = 10  # places listed before the rest is counted

Values = Sequence[object]

_PANDAS_MISSING = ("NAType", "NaTType")


def spelled(values: Values, places: Sequence[str], where: str) -> list[str | None]:
    """Each value as a string, None where it is missing. Integers, truth values and numbers are spelled as JSON does,
    whole numbers without a fraction where all are whole. DataError for anything else."""
    if all(type(value) is str for value in values):
        return list(values)  # type: ignore[arg-type]  # the line above
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    # pandas turns whole numbers with a gap among them into 1.0, 2.0, ...
    whole = all(is_missing(value) or is_whole(value) for value in plain)
    found: list[str | None] = []
    strange: list[str] = []
    kind = ""
    for value, place in zip(plain, places, strict=True):
        if is_missing(value):
            found.append(None)
        elif isinstance(value, str):
            found.append(str(value))
        elif isinstance(value, float) and whole:
            found.append(str(int(value)))
        elif isinstance(value, (bool, int, float)):
            found.append(json.dumps(value))
        elif isinstance(value, (Decimal, date)):
            found.append(str(value))
        else:
            strange.append(place)
            kind = kind or type(value).__name__
    if strange:
        raise DataError(
            f"type {kind} instead of text: {first_places(strange)}", where=where, expected="text, or a single value"
        )
    return found


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
