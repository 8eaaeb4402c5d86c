"""Delimited text, csv and tsv, to a table, record by record."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from whet.data.growing import Column, Columns, Disk
from whet.data.places import Places, hashes, repeated
from whet.errors import DataError, quoted
from whet.records import Table
from whet.sentences.bilingual import said

SHOWN = 5  # faults listed before the rest is counted
PORTION = 1_000  # rows that are read before their columns are kept,
LONGEST = 2**26  # characters of a value: what follows a quote that nobody closes should not fill memory
CHARACTERS = 1_000_000  # and characters: no more rows once they have as many

Parsed = tuple[Table, tuple[str, ...]]
"""A table, and what was decided while reading it and must be said."""

OpenText = Callable[[str], TextIO]
"""Opens a text at its beginning; takes `newline` as `open` does, so that a line ends where we say."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How lines are taken apart."""

    delimiter: str
    plain: bool
    """Whether quotation marks are part of the texts."""
    notices: tuple[str, ...]
    """What of it must be said."""


def read_delimited(open_text: OpenText, *, where: str, tabs: bool = False, disk: Disk | None = None) -> Parsed:
    """A csv (RFC 4180) or, with `tabs`, a tab-separated table with a header; every value a str.

    A row stands at the line where it begins. Blank lines are no rows, but in a table of one column
    each is an empty text. Columns that are too large for memory lie on the `disk`. Ragged rows, unclosed
    quotes, and repeated or empty column names raise DataError.
    """
    layout = _layout(open_text, where, tabs=tabs)
    kept, columns, lines = Columns(disk), list[Column](), array("q")
    for names, rows, numbers in _portions(open_text, where, layout):
        columns = columns or [kept.new() for _ in names]
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
        lines.extend(numbers)
    table, said = _table(names, [column.done() for column in columns], lines, where)
    return table, (*layout.notices, *said)


def parts_of_delimited(open_text: OpenText, *, where: str, tabs: bool = False) -> Iterator[Table]:
    """The same table some rows at a time, none of which are kept. What is wrong with a row is told after those
    before it."""
    for names, rows, lines in _portions(open_text, where, _layout(open_text, where, tabs=tabs)):
        yield _table(names, list(zip(*rows, strict=True)), lines, where)[0]


def _layout(open_text: OpenText, where: str, *, tabs: bool) -> _Layout:
    notices: list[str] = []
    delimiter = "\t" if tabs else _delimiter(open_text)
    if delimiter != "," and not tabs:
        mark = {";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]
        notices.append(said({"name": where, "mark": mark}, "another delimiter"))
    plain = tabs and _quotes_are_text(open_text)
    if plain:
        notices.append(said({"name": where}, "bare quotation marks"))
    return _Layout(delimiter, plain, tuple(notices))


def _table(names: Sequence[str], values: Sequence[Sequence[str]], lines: Sequence[int], where: str) -> Parsed:
    """Columns under their names; without the index that a data frame writes before its own."""
    columns = {place: tuple(each) if isinstance(each, list) else each for place, each in enumerate(values)}
    notices: tuple[str, ...] = ()
    if names[0] == "" and len(names) > 1 and _numbers_rows(columns[0]):
        del columns[0]
        notices = (said({"name": where}, "row numbers"),)
    check_names([names[place] for place in columns], where)
    table = Table(where, {names[place]: column for place, column in columns.items()}, Places("line", lines))
    return table, notices


def _numbers_rows(values: Sequence[str]) -> bool:
    """Whether a column is the index that a data frame writes before its own columns."""
    return all(value.isdecimal() for value in values) and not repeated(hashes(values))


def check_names(names: Sequence[str], where: str) -> None:
    """Raises DataError for column names that are empty or stand twice, all at once."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    empty = [str(i + 1) for i, name in enumerate(names) if not name.strip()]
    faults = [f"the column name {quoted(name)} stands {names.count(name)} times" for name in twice]
    if empty:
        faults.append(f"column {', '.join(empty)} has no name")
    if faults:
        raise DataError("; ".join(faults), where=where, expected="a name of its own for each column")


def first_faults(faults: Sequence[str], what: str) -> str:
    """The first faults, and how many more there are."""
    more = [f"and {len(faults) - SHOWN:,} more such {what}"] if len(faults) > SHOWN else []
    return "; ".join([*faults[:SHOWN], *more])


def _delimiter(open_text: OpenText) -> str:
    """A comma, unless the header has none and another mark gives the first rows equal widths."""
    with open_text("\n") as stream:
        header = stream.readline()
    if "," in header:
        return ","
    for mark in (";", "\t", "|"):
        if mark in header:
            try:
                with open_text("") as stream:
                    widths = {len(row) for row in islice(csv.reader(stream, delimiter=mark), 20)}
            except csv.Error:
                continue
            if len(widths - {0}) == 1:
                return mark
    return ","


def _quotes_are_text(open_text: OpenText) -> bool:
    """Whether a tab-separated file with quotes was written without quoting, as many corpora are.

    So it is where each line alone has as many columns as the header, and reading quotes as csv
    does would fail or glue lines together.
    """
    widths: set[int] = set()
    lines, quotes = 0, False
    with open_text("\n") as stream:
        for line in stream:
            quotes = quotes or '"' in line
            if line.strip("\r\n"):
                lines += 1
                widths.add(line.count("\t"))
    if not quotes or len(widths) != 1:
        return False
    try:
        return _count(_records(open_text, "\t", "", plain=False)) < lines
    except DataError:
        return True


def _count(records: Iterator[tuple[int, list[str]]]) -> int:
    """Rows, header included, as `_columns` counts them."""
    width = rows = blank = 0
    for _, record in records:
        if record:
            rows, blank = rows + 1 + (blank if width == 1 else 0), 0
            width = width or len(record)
        elif width:
            blank += 1
    return rows


def _records(open_text: OpenText, delimiter: str, where: str, *, plain: bool) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line on which it begins; blank lines are empty records."""
    # The limit belongs to the whole process, so it is put back.
    limit = csv.field_size_limit(LONGEST)
    line = 0
    try:
        with open_text("") as stream:
            if plain:
                reader = csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
            else:
                reader = csv.reader(stream, delimiter=delimiter, strict=True)
            for record in reader:
                yield line + 1, record
                line = reader.line_num
    except csv.Error as fault:
        with open_text("") as stream:
            rest = _beginning(islice(stream, line, None))
        raise _quote_fault(rest, delimiter, line, str(fault), where) from None
    finally:
        csv.field_size_limit(limit)


def _portions(
    open_text: OpenText, where: str, layout: _Layout
) -> Iterator[tuple[list[str], list[list[str]], Sequence[int]]]:
    """The header, some rows, and the line of each, one portion at least. After a row that is wrong the rest is only
    looked through, so that all such rows are told at once."""
    records = _records(open_text, layout.delimiter, where, plain=layout.plain)
    header = next((record for _, record in records if record), None)
    width, there = len(header or ()), False
    blank: list[int] = []
    faults: list[str] = []
    rows, lines, characters = list[list[str]](), array("q"), 0
    for line, record in records:
        if not record:
            blank.append(line)
            continue
        if width == 1:  # the blank lines before were empty texts
            lines.extend(blank)
            rows += [[""]] * len(blank)
        blank.clear()
        there = True
        if len(record) != width:
            fields = f"{len(record)} field{'s' if len(record) != 1 else ''}"
            faults.append(f"line {line} has {fields}, the header has {width}")
            continue
        lines.append(line)
        rows.append(record)
        characters += sum(map(len, record))
        if len(rows) >= PORTION or characters >= CHARACTERS:
            if header is not None and not faults:
                yield header, rows, lines
            rows, lines, characters = [], array("q"), 0
    if header is None or not there:
        raise DataError("has no rows" + (" below its header" if header else ": the file is empty"), where=where)
    if rows and not faults:
        yield header, rows, lines
    if faults:
        todo = "Put quotes around a text that holds the separator"
        raise DataError(first_faults(faults, "rows"), where=where, todo=todo)


def _beginning(lines: Iterable[str]) -> str:
    """So many lines as are longer than a value may be."""
    kept, characters = [], 0
    for text in lines:
        kept.append(text)
        characters += len(text)
        if characters > LONGEST:
            break
    return "".join(kept)


def _quote_fault(rest: str, delimiter: str, line: int, fault: str, where: str) -> DataError:
    """What is wrong with the quotes of the record that begins after `line` lines, with `rest`."""
    todo = 'Close it where its text ends; a quotation mark inside a quoted text is written twice ("")'
    field_end = re.compile(f"[\r\n{re.escape(delimiter)}]")
    at = 0
    while at < len(rest):
        if rest[at] != '"':
            end = field_end.search(rest, at)
            at = end.end() if end else len(rest)
            continue
        close = rest.find('"', at + 1)
        while close >= 0 and rest[close + 1 : close + 2] == '"':
            close = rest.find('"', close + 2)
        opened = f"the quote opened at line {line + 1 + _line_ends(rest[:at])}"
        if close < 0:
            never = "never closed" if len(rest) <= LONGEST else f"not closed within {LONGEST:,} characters"
            return DataError(f"{opened} is {never}", where=where, todo=todo)
        if rest[close + 1 : close + 2] not in ("", delimiter, "\r", "\n"):
            end_line = line + 1 + _line_ends(rest[:close])
            return DataError(f"{opened} is closed at line {end_line}, but more text follows", where=where, todo=todo)
        at = close + 2
    return DataError(f"not csv after line {line}: {fault}", where=where)


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
