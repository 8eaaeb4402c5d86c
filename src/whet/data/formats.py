"""Files to tables: csv, tsv, jsonl and parquet, each also gzipped, by exact rules.

Text stays text: no value of a text file is ever taken for a number, a truth value or a gap. What
does not fit the format is an error that names its lines.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from whet.errors import DataError, MissingExtraError, UsageError, quoted
from whet.records import Table

FORMATS: Mapping[str, str] = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"
}  # fmt: skip
SUPPORTED = "csv, tsv, jsonl (or ndjson) or parquet, each also .gz, or a folder of class folders"
SHOWN = 5  # faults listed before the rest is counted

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
# First bytes of files that are often named or sent as data by mistake.
_MAGIC: Mapping[bytes, str] = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel or Word file",
    b"%PDF-": "a PDF",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89HDF\r\n": "an HDF5 file",
    b"ARROW1\x00\x00": "an Arrow file",
    b"version https://git-lfs.github.com/": "a Git LFS pointer, not the file it stands for",
    b"<!DOCTYPE html": "a web page",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
_ADVICE: Mapping[str, str] = {
    ".xlsx": "Save the sheet as 'CSV UTF-8'",
    ".xls": "Save the sheet as 'CSV UTF-8'",
    ".json": "Write one JSON object a line and call the file .jsonl",
    ".txt": "If it has a header and tabs between columns, call it .tsv",
}
_BYTE_ORDER_MARKS = (  # the longer ones first, because UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip

Parsed = tuple[Table, tuple[str, ...]]
"""A table, and what was decided while reading it and must be said."""


def read_file(path: Path, *, encoding: str) -> Parsed:
    """The table in a regular file; its format is told by the name and held against the first bytes.

    Raises DataError for a type that is not read, and whatever the format's own reader raises.
    """
    where = str(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
            if not head.startswith(_GZIP):
                _refuse_foreign(head, suffix, where)  # before a large file is read in vain
            data = head + stream.read()
    except OSError as fault:
        raise DataError(f"cannot be read: {fault.strerror or fault}", where=where) from None
    if data.startswith(_GZIP):
        data = _unpacked(data, where)
        _refuse_foreign(data, suffix, where)
    if data.startswith(_PARQUET):
        notices = () if suffix == ".parquet" else (f"{where} is a parquet file, whatever its name says",)
        return read_parquet(data, where=where), notices
    kind = FORMATS[suffix]
    if kind == "parquet":
        if not data:
            raise DataError("has no rows: the file is empty", where=where)
        raise DataError("not a parquet file, although it is named so", where=where, expected="PAR1 as first bytes")
    text = decoded(data, where=where, encoding=encoding)
    if kind == "jsonl":
        return read_jsonl(text, where=where), ()
    return read_delimited(text, where=where, tabs=kind == "tsv")


def decoded(data: bytes, *, where: str, encoding: str) -> str:
    """The text of a file in the given encoding, without a byte order mark.

    Bytes that do not fit raise DataError with the byte, its line and what else they could be.
    """
    try:
        name = codecs.lookup(encoding).name
        return data.decode(name).removeprefix("\ufeff")
    except LookupError:
        raise UsageError(
            f"unknown encoding {encoding!r}", where="--encoding", expected="utf-8, cp949, latin-1, utf-16 or the like"
        ) from None
    except UnicodeError as fault:
        if not isinstance(fault, UnicodeDecodeError):
            raise DataError(f"not {encoding}: {fault}", where=where) from None
        before = data[: fault.start].decode(name, "replace")
        shown = f"byte 0x{data[fault.start]:02x}" if fault.start < len(data) else "the end of the file"
        raise DataError(
            f"not {encoding.upper()}: {shown} at line {before.count(chr(10)) + 1} does not fit",
            where=where,
            todo=_encoding_hint(data, fault.start, name, before),
        ) from None


def _encoding_hint(data: bytes, at: int, tried: str, before: str) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return f"The file begins with the mark of {name.upper()}: give --encoding {name}"
    if tried != "utf-8":
        return "Save the file as UTF-8, or give its encoding with --encoding"
    end = data.find(b"\n", at)
    rest = data[at : end if end >= 0 else len(data)]
    fits = [name for name in ("cp949", "latin-1") if _fits(data, name)]
    if not before.isascii() and "cp949" not in fits:
        return "What stands before it is UTF-8, so this place is probably damaged: mend it or drop the line"
    readings = [f"--encoding {name} reads {quoted(rest.decode(name, 'replace').strip(), 30)}" for name in fits]
    return f"Save the file as UTF-8, or give its encoding: {', '.join(readings)}"


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _unpacked(data: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as fault:
        raise DataError(f"a damaged gzip file: {fault}", where=where, todo="Copy or download it again") from None


def _refuse_foreign(data: bytes, suffix: str, where: str) -> None:
    """Raises DataError for what is not one of our formats, by its first bytes or else by its name."""
    what = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "")
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        what = "a pickle, which is never opened"
    if not what and (suffix in FORMATS or (data.startswith(_PARQUET) and not suffix)):
        return
    seen = f"unsupported file type {suffix or 'without an extension'}{f': {what}' if what else ''}"
    raise DataError(seen, where=where, expected=SUPPORTED, todo=_ADVICE.get(suffix, ""))


def read_delimited(text: str, *, where: str, tabs: bool = False) -> Parsed:
    """A csv (RFC 4180) or, with `tabs`, a tab-separated table with a header; every value a str.

    A row stands at the line where it begins. Blank lines are no rows, but in a table of one column
    each is an empty text. Ragged rows, unclosed quotes, and repeated or empty column names raise
    DataError.
    """
    notices: list[str] = []
    delimiter = "\t" if tabs else _delimiter(text)
    if delimiter != "," and not tabs:
        name = {";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]
        notices.append(f"{where} has {name} between its columns, not commas")
    plain = tabs and '"' in text and _quotes_are_text(text)
    if plain:
        notices.append(f"quotation marks in {where} are part of its texts: every line has all its columns without them")
    records, lines = _records(text, delimiter, where, plain=plain)
    if len(records) < 2:
        raise DataError("has no rows" + (" below its header" if records else ": the file is empty"), where=where)
    header = records[0]
    _refuse_ragged(records, lines, where)
    columns = dict(zip(range(len(header)), zip(*records[1:], strict=True), strict=True))
    if header[0] == "" and len(header) > 1 and _numbers_rows(columns[0]):
        del columns[0]
        notices.append(f"the first column of {where} has no name and numbers the rows; it is left out")
    check_names([header[i] for i in columns], where)
    places = [f"line {line}" for line in lines[1:]]
    return Table(where, {header[i]: values for i, values in columns.items()}, places), tuple(notices)


def _numbers_rows(values: Sequence[str]) -> bool:
    """Whether a column is the index that a data frame writes before its own columns."""
    return len(set(values)) == len(values) and all(value.isdecimal() for value in values)


def check_names(names: Sequence[str], where: str) -> None:
    """Raises DataError for column names that are empty or stand twice, all at once."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    empty = [str(i + 1) for i, name in enumerate(names) if not name.strip()]
    faults = [f"the column name {quoted(name)} stands {names.count(name)} times" for name in twice]
    if empty:
        faults.append(f"column {', '.join(empty)} has no name")
    if faults:
        raise DataError("; ".join(faults), where=where, expected="a name of its own for each column")


def _delimiter(text: str) -> str:
    """A comma, unless the header has none and another mark gives the first rows equal widths."""
    header = text.partition("\n")[0]
    if "," in header:
        return ","
    for mark in (";", "\t", "|"):
        if mark in header:
            try:
                widths = {len(row) for row in islice(csv.reader(io.StringIO(text, newline=""), delimiter=mark), 20)}
            except csv.Error:
                continue
            if len(widths - {0}) == 1:
                return mark
    return ","


def _quotes_are_text(text: str) -> bool:
    """Whether a tab-separated file was written without quoting, as many corpora are.

    So it is where each line alone has as many columns as the header, and reading quotes as csv
    does would fail or glue lines together.
    """
    lines = [line for line in text.split("\n") if line.strip("\r")]
    if len({line.count("\t") for line in lines}) != 1:
        return False
    try:
        records, _ = _records(text, "\t", "", plain=False)
    except DataError:
        return True
    return len(records) < len(lines)


def _records(text: str, delimiter: str, where: str, *, plain: bool) -> tuple[list[list[str]], list[int]]:
    """Every record with the line on which it begins, header first, blank lines left out."""
    stream = io.StringIO(text, newline="")
    if plain:
        reader = csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    lines: list[int] = []
    # The limit belongs to the whole process, so it is put back.
    limit = csv.field_size_limit(2**31 - 1)
    line = 0
    try:
        for record in reader:
            records.append(record)
            lines.append(line + 1)
            line = reader.line_num
    except csv.Error as fault:
        raise _quote_fault(text, delimiter, line, str(fault), where) from None
    finally:
        csv.field_size_limit(limit)
    return _without_blanks(records, lines)


def _without_blanks(records: list[list[str]], lines: list[int]) -> tuple[list[list[str]], list[int]]:
    while records and not records[-1]:
        records.pop()
    first = next((i for i, record in enumerate(records) if record), 0)
    records, lines = records[first:], lines[first : len(records)]
    if all(records):
        return records, lines
    if len(records[0]) == 1:
        return [record or [""] for record in records], lines
    kept = [i for i, record in enumerate(records) if record]
    return [records[i] for i in kept], [lines[i] for i in kept]


def _quote_fault(text: str, delimiter: str, line: int, fault: str, where: str) -> DataError:
    """What is wrong with the quotes of the record that begins after `line` lines."""
    rest = "".join(islice(io.StringIO(text, newline=""), line, None))
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
            return DataError(f"{opened} is never closed", where=where, todo=todo)
        if rest[close + 1 : close + 2] not in ("", delimiter, "\r", "\n"):
            end_line = line + 1 + _line_ends(rest[:close])
            return DataError(f"{opened} is closed at line {end_line}, but more text follows", where=where, todo=todo)
        at = close + 2
    return DataError(f"not csv after line {line}: {fault}", where=where)


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _refuse_ragged(records: Sequence[Sequence[str]], lines: Sequence[int], where: str) -> None:
    width = len(records[0])
    faults = [
        f"line {line} has {len(record)} field{'s' if len(record) != 1 else ''}, the header has {width}"
        for line, record in zip(lines, records, strict=True)
        if len(record) != width
    ]
    if faults:
        todo = "Put quotes around a text that holds the separator"
        raise DataError(_first(faults, "rows"), where=where, todo=todo)


def _first(faults: Sequence[str], what: str) -> str:
    """The first faults, and how many more there are."""
    more = [f"and {len(faults) - SHOWN:,} more such {what}"] if len(faults) > SHOWN else []
    return "; ".join([*faults[:SHOWN], *more])


def read_jsonl(text: str, *, where: str) -> Table:
    """One JSON object a line; a missing key is None. Strings stay, numbers with a fraction stay as
    they are written, integers and truth values keep their type.

    Lines that are no JSON object, or hold a key twice, raise DataError, several at once.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_float=str, parse_constant=_no_constant)
    rows: list[dict[str, object]] = []
    places: list[str] = []
    faults: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip(" \t\r")
        if not content:
            continue
        try:
            row = decoder.decode(content)
        except json.JSONDecodeError as fault:
            faults.append(f"line {number} is not JSON: {fault.msg} at character {fault.pos + 1}")
        except (ValueError, RecursionError) as fault:
            reason = "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)
            faults.append(f"line {number} is not valid: {reason}")
        else:
            if isinstance(row, dict):
                rows.append(row)
                places.append(f"line {number}")
            else:
                faults.append(
                    f"line {number} holds {'a list' if isinstance(row, list) else 'a single value'}, not an object"
                )
    if faults:
        expected = 'one object a line, {"text": "...", "label": "..."}'
        raise DataError(_first(faults, "lines"), where=where, expected=expected)
    return table_of_rows(rows, places, where=where)


def table_of_rows(rows: Sequence[Mapping[str, object]], places: Sequence[str], *, where: str) -> Table:
    """Rows of named values as a table; columns in the order in which they first come."""
    if not rows:
        raise DataError("has no rows", where=where)
    names = list(dict.fromkeys(name for row in rows for name in row))
    check_names(names, where)
    return Table(where, {name: [row.get(name) for row in rows] for name in names}, places)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} stands twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def read_parquet(data: bytes, *, where: str) -> Table:
    """A parquet file; dictionary columns are decoded, other types stay what they are.

    Raises MissingExtraError without pyarrow, DataError for a damaged file.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            "reading parquet needs pyarrow, which is not installed",
            where=where,
            todo='Run: pip install "whet[parquet]"',
        ) from None
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read()
        names = list(table.column_names)
        check_names(names, where)
        columns = {name: table.column(name).to_pylist() for name in names}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as fault:
        raise DataError(f"a damaged parquet file: {str(fault).partition(chr(10))[0]}", where=where) from None
    if not table.num_rows:
        raise DataError("has no rows", where=where)
    return Table(where, columns, [f"row {row}" for row in range(1, table.num_rows + 1)])
