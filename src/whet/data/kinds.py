"""What a row of a label column says: one label, several, or a number; and how the last two are read."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

import numpy as np

from whet.data.spelling import Values, first_places, is_list, is_missing, spelled
from whet.errors import DataError, quoted
from whet.labels import Kind
from whet.sentences.bilingual import Bilingual, said
from whet.settings.config import TaskName

# Names of a column of numbers; with one of these a few distinct values suffice to take it for one.
VALUE_NAMES = (
    "score", "rating", "similarity", "value", "stars", "price", "points", "점수", "평점", "별점", "유사도", "가격",
)  # fmt: skip
SEPARATORS = ("|", ";", ",")
MOST_LABELS = 50  # a column with more values is not taken for labels by its shape
FEW_VALUES = 10  # numbers of no more distinct values are classes unless the user says otherwise
KNOWN_TWICE = 2  # cells that hold a part, where a column is split without being told to
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no", "")


@dataclass(frozen=True, slots=True)
class Found:
    """The kind of a label column, why, and what parts several labels in one string."""

    kind: Kind
    reason: str = ""
    separator: str | None = None


def find_kind(name: str, values: Values, *, task: TaskName, separator: str | None) -> Found:
    """The kind of a column, by what was asked for, else by what it holds.

    Lists are several labels. A string is split where `separator` is given or its parts repeat far more often than
    the whole. Numbers are a value where they have fractions and more than FEW_VALUES distinct ones, or are many
    and do not count classes from 0 or 1. Everything else is one label. Raises DataError where a row has several
    labels and one was asked for.
    """
    if task == "regression":
        return Found("value", said({}, "as asked for"))
    lists = any(is_list(value) for value in values)
    if task == "classification":
        if lists:
            raise DataError(
                "a list of labels a row", where=f"column {quoted(name)}", expected="one label a row, as --task "
                "classification says", todo="Leave out --task, or name another column with --label",
            )  # fmt: skip
        return Found("one", said({}, "as asked for"))
    if separator is not None:
        return Found("several", said({"mark": quoted(separator)}, "labels with a mark between them"), separator)
    if lists:
        return Found("several", said({}, "lists"))
    if _are_written_lists(values):
        return Found("several", said({}, "written lists"))
    if task == "multilabel":
        clear = _separator(values, clearly=False)
        asked = said({"mark": quoted(clear)}, "as asked for, with a mark") if clear else said({}, "as asked for")
        return Found("several", asked, clear)
    if (reason := _as_value(name, values)) is not None:
        return Found("value", reason)
    clear = _separator(values, clearly=True)
    if clear is not None:
        return Found("several", said({"mark": quoted(clear)}, "labels that repeat in combinations"), clear)
    return Found("one", _near_miss(values))


def read_several(values: Values, places: Sequence[str], where: str, *, separator: str | None) -> list[tuple[str, ...]]:
    """The labels of each row, each once, in the order written; a missing value and '' have none. Raises DataError
    for what is neither a label nor a list of labels."""
    rows: list[Sequence[object]] = []
    for value in values:
        if is_list(value):
            rows.append(value.tolist() if isinstance(value, np.ndarray) else value)  # type: ignore[arg-type]
        elif is_missing(value):
            rows.append(())
        elif isinstance(value, str) and (written := _written_list(value)) is not None:
            rows.append(written)
        elif isinstance(value, str):
            parts = value.split(separator) if separator else [value]
            rows.append([part.strip() for part in parts if part.strip()])
        else:
            rows.append([value])
    lengths = [len(row) for row in rows]
    places_of = [place for place, length in zip(places, lengths, strict=True) for _ in range(length)]
    flat = spelled(list(chain.from_iterable(rows)), places_of, where)
    empty = [place for label, place in zip(flat, places_of, strict=True) if label is None or not label.strip()]
    if empty:
        raise DataError(
            f"a label without a name in {first_places(list(dict.fromkeys(empty)))}", where=where,
            expected="lists of label names",
        )  # fmt: skip
    ends = np.cumsum(lengths).tolist()
    named = [label for label in flat if label is not None]
    return [tuple(dict.fromkeys(named[end - length : end])) for end, length in zip(ends, lengths, strict=True)]


def read_marks(columns: Sequence[tuple[str, Values]], places: Sequence[str], source: str) -> list[tuple[str, ...]]:
    """The labels of each row where each label has a column of 0 and 1. Raises DataError for other values."""
    faults = []
    marked: list[list[str]] = [[] for _ in places]
    for name, values in columns:
        strange = []
        for row, (value, place) in enumerate(zip(values, places, strict=True)):
            mark = _mark(value)
            if mark is None:
                strange.append(f"{place} ({quoted(str(value), 20)})")
            elif mark:
                marked[row].append(name)
        if strange:
            faults.append(
                DataError(
                    f"neither 0 nor 1: {first_places(strange)}",
                    where=f"{source}, column {quoted(name)}",
                    expected="1 in the rows that have the label and 0 in the others",
                )
            )
    if faults:
        first, *more = faults
        raise DataError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
    return [tuple(row) for row in marked]


def read_values(values: Values, places: Sequence[str], where: str, *, flag: str = "--label") -> tuple[float, ...]:
    """The number of each row. Raises DataError for a row without one, and for what is not finite. `flag`: what names
    the column."""
    found, strange = [], []
    for value, place in zip(values, places, strict=True):
        number = _number(value)
        if number is None or not math.isfinite(number):
            shown = "nothing" if is_missing(value) or value == "" else quoted(str(value), 20)
            strange.append(f"{place} ({shown})")
        else:
            found.append(number)
    if strange:
        rows = "row" if len(strange) == 1 else "rows"
        raise DataError(
            f"{len(strange):,} {rows} without a number: {first_places(strange)}",
            where=where,
            expected="a finite number in every row, such as 3.5",
            todo=f"Mend or drop these rows, or name another column with {flag}",
        )
    return tuple(found)


def _mark(value: object) -> bool | None:
    if is_missing(value):
        return False
    if isinstance(value, bool | int | float | np.generic):
        return bool(value) if value in (0, 1) else None
    text = str(value).strip().casefold()
    return True if text in _TRUE else False if text in _FALSE else None


def _number(value: object) -> float | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or is_missing(value):
        return None
    if isinstance(value, str):
        if "_" in value:  # which Python takes for a part of a number
            return None
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float | Decimal) else None


def _as_value(name: str, values: Values) -> Bilingual | None:
    """Why these are numbers to predict; None where they are classes or no numbers."""
    numbers: set[float] = set()
    for value in values:
        if is_missing(value):
            continue
        number = _number(value)
        if number is None or not math.isfinite(number) or _is_code(value):
            return None
        numbers.add(number)
    count, fractions = len(numbers), any(not number.is_integer() for number in numbers)
    if count <= FEW_VALUES:
        return None
    facts = {"count": count, "name": quoted(name)}
    if fractions:
        return said(facts, "fractions")
    if name.strip().casefold() in VALUE_NAMES:
        return said(facts, "named numbers")
    least, most = min(numbers), max(numbers)
    if count > MOST_LABELS and not (least in (0, 1) and most - least + 1 == count):
        return said(facts, "numbers")
    return None


def _is_code(value: object) -> bool:
    """A string of digits that no number is written as: 007."""
    return isinstance(value, str) and len(value) > 1 and value[0] == "0" and value[1].isdigit()


def _near_miss(values: Values) -> str:
    """What is to be said of numbers that are taken for classes."""
    distinct: set[float] = set()
    for value in values:
        number = None if is_missing(value) else _number(value)
        if number is None:
            return ""
        distinct.add(number)
        if len(distinct) > FEW_VALUES:
            return ""
    return said({"count": len(distinct)}, "numbers as classes") if len(distinct) > 2 else ""


def _separator(values: Values, *, clearly: bool) -> str | None:
    """What parts the labels in strings: of the separators that any holds, the one in most of them. `clearly`: only
    where each part stands in several cells, and there are at least twice as many combinations as parts."""
    strings = [value for value in values if isinstance(value, str)]
    if not strings or any(not isinstance(value, str) and not is_missing(value) for value in values):
        return None
    held = {mark: sum(mark in value for value in strings) for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: held[mark])
    if not held[best]:
        return None
    cells = {value: frozenset(part.strip() for part in value.split(best)) - {""} for value in set(strings)}
    parts = Counter(chain.from_iterable(cells.values()))
    clear = len(set(cells.values())) >= 2 * len(parts) and min(parts.values(), default=0) >= KNOWN_TWICE
    return best if clear or not clearly else None


def _are_written_lists(values: Values) -> bool:
    present = [value for value in values if not is_missing(value) and value != ""]
    return bool(present) and all(isinstance(value, str) and _written_list(value) is not None for value in present)


def _written_list(value: str) -> list[object] | None:
    """The list that a string spells as JSON or Python does; None where it is none."""
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    return found if isinstance(found, list) else None
