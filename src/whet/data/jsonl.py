"""Lines of JSON objects to a table, line by line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence

from whet.data.delimited import CHARACTERS, PORTION, OpenText, check_names, first_faults
from whet.data.growing import Column, Columns, Disk
from whet.data.places import Places
from whet.errors import DataError, quoted
from whet.records import Table

MOST_DIGITS = 1_000  # of a whole number: Python itself reads up to 4,300, for the time that it takes


def read_jsonl(open_text: OpenText, *, where: str, disk: Disk | None = None) -> Table:
    """One JSON object a line; a missing key is None. Strings stay, numbers with a fraction stay as
    they are written, integers and truth values keep their type. Columns in the order in which they
    first come; those that are too large for memory lie on the `disk`.

    Lines that are no JSON object, or hold a key twice, raise DataError, several at once.
    """
    kept, columns, lines = Columns(disk), dict[str, Column](), array("q")
    for rows, numbers in _portions(open_text, where):
        for name in dict.fromkeys(name for row in rows for name in row):
            if name not in columns:
                columns[name] = kept.new(len(lines))
        for name, column in columns.items():
            column.extend([row.get(name) for row in rows])
        lines.extend(numbers)
    check_names(list(columns), where)
    return Table(where, {name: column.done() for name, column in columns.items()}, Places("line", lines))


def parts_of_jsonl(open_text: OpenText, *, where: str) -> Iterator[Table]:
    """The same table some rows at a time, none of which are kept: each part has the columns that were there so far.
    What is wrong with a line is told after those before it."""
    names: dict[str, None] = {}
    for rows, lines in _portions(open_text, where):
        names |= dict.fromkeys(name for row in rows for name in row)
        check_names(list(names), where)
        yield Table(where, {name: [row.get(name) for row in rows] for name in names}, Places("line", lines))


def _portions(open_text: OpenText, where: str) -> Iterator[tuple[list[dict[str, object]], Sequence[int]]]:
    """Some rows and the line of each, one portion at least. After a line that is wrong the rest is only looked
    through, so that all such lines are told at once."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique_keys, parse_float=str, parse_int=_integer, parse_constant=_no_constant
    )
    faults: list[str] = []
    rows, lines, characters, there = list[dict[str, object]](), array("q"), 0, False
    with open_text("\n") as stream:
        for number, line in enumerate(stream, start=1):
            content = line.strip(" \t\r\n")
            row = _row(decoder, content, number, faults) if content else None
            if row is None:
                continue
            there = True
            lines.append(number)
            rows.append(row)
            characters += len(content)
            if len(rows) >= PORTION or characters >= CHARACTERS:
                if not faults:
                    yield rows, lines
                rows, lines, characters = [], array("q"), 0
    if rows and not faults:
        yield rows, lines
    if faults:
        expected = 'one object a line, {"text": "...", "label": "..."}'
        raise DataError(first_faults(faults, "lines"), where=where, expected=expected)
    if not there:
        raise DataError("has no rows", where=where)


def _row(decoder: json.JSONDecoder, content: str, number: int, faults: list[str]) -> dict[str, object] | None:
    """The object on a line; None, and a fault more, where it holds none."""
    try:
        row = decoder.decode(content)
    except json.JSONDecodeError as fault:
        faults.append(f"line {number} is not JSON: {fault.msg} at character {fault.pos + 1}")
    except (ValueError, RecursionError) as fault:
        reason = "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        faults.append(f"line {number} is not valid: {reason}")
    else:
        if isinstance(row, dict):
            return row
        kind = "a list" if isinstance(row, list) else "a single value"
        faults.append(f"line {number} holds {kind}, not an object")
    return None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} stands twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
