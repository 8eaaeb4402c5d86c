"""Files to tables: csv, tsv, jsonl and parquet, each also gzipped, by exact rules.

Text stays text: no value of a text file is ever taken for a number, a truth value or a gap. What
does not fit the format is an error that names its lines.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import json
import re
import shutil
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TextIO, cast

from whet.data.bilingual import said
from whet.data.delimited import CHARACTERS, PORTION, OpenText, Parsed, check_names, first_faults, read_delimited
from whet.data.growing import Column, Columns, Disk
from whet.data.places import Places, row_places
from whet.data.store import portions
from whet.errors import DataError, MissingExtraError, UsageError, quoted
from whet.records import Table

FORMATS: Mapping[str, str] = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"
}  # fmt: skip
SUPPORTED = "csv, tsv, jsonl (or ndjson) or parquet, each also .gz, or a folder of class folders"

OpenBytes = Callable[[], IO[bytes]]
"""Opens a file, unpacked, at its beginning."""

COMMON_SYLLABLES = 0.8  # of the letters that are not ASCII: a Korean text has Chinese characters too

AROUND = 2**22  # bytes that are looked at where an encoding does not fit, and as many behind them
MOST_DIGITS = 1_000  # of a whole number in jsonl: Python itself reads up to 4,300, for the time that it takes

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


def read_file(path: Path, *, encoding: str, disk: Disk | None = None) -> Parsed:
    """The table in a regular file; its format is told by the name and held against the first bytes.

    Files are read piece by piece, and columns that are too large for memory lie on the `disk`. Raises
    DataError for a type that is not read, and whatever the format's own reader raises.
    """
    where = str(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    with _readable(where):
        with path.open("rb") as stream:
            head = stream.read(64)
        open_bytes = partial(_opened, path)
        if head.startswith(_GZIP):
            open_bytes = partial(_opened, path, packed=True)
            with open_bytes() as stream:
                head = stream.read(64)
        _refuse_foreign(head, suffix, where)
        if head.startswith(_PARQUET):
            notices = () if suffix == ".parquet" else (said({"name": where}, "parquet by its content"),)
            with open_bytes() as unpacked, _seekable(unpacked, disk) as file:
                return read_parquet(file, where=where, disk=disk), notices
        if FORMATS[suffix] != "parquet":
            return _read_text(open_bytes, FORMATS[suffix], where=where, encoding=encoding, disk=disk)
    if not head:
        raise DataError("has no rows: the file is empty", where=where)
    raise DataError("not a parquet file, although it is named so", where=where, expected="PAR1 as first bytes")


def _read_text(open_bytes: OpenBytes, kind: str, *, where: str, encoding: str, disk: Disk | None) -> Parsed:
    try:
        return _parsed(partial(_decoding, open_bytes, encoding), kind, where, disk)
    except (LookupError, UnicodeError):  # told better, and with its place, of the whole file
        raw, lines = _misfit(open_bytes, encoding)
        decoded(raw, where=where, encoding=encoding, lines=lines)
        text = decoded(_whole(open_bytes), where=where, encoding=encoding)
        return _parsed(partial(io.StringIO, text), kind, where, disk)


def _parsed(open_text: OpenText, kind: str, where: str, disk: Disk | None) -> Parsed:
    if kind == "jsonl":
        return read_jsonl(open_text, where=where, disk=disk), ()
    return read_delimited(open_text, where=where, tabs=kind == "tsv", disk=disk)


def _decoding(open_bytes: OpenBytes, encoding: str, newline: str) -> TextIO:
    """The text of a file from its beginning, without a byte order mark."""
    with ExitStack() as closing:
        stream = io.TextIOWrapper(closing.enter_context(open_bytes()), encoding=encoding, newline=newline)
        if stream.read(1) != "\ufeff":
            stream.seek(0)
        closing.pop_all()  # whoever reads it closes it
    return stream


def _opened(path: Path, *, packed: bool = False) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(path)) if packed else path.open("rb")


def _seekable(stream: IO[bytes], disk: Disk | None) -> IO[bytes]:
    """What can be read at any place at once: a file itself, of a packed one a copy, on the disk where it is large."""
    packed: object = stream
    if not isinstance(packed, gzip.GzipFile):
        return stream
    if disk is not None:
        disk.folder.mkdir(parents=True, exist_ok=True)
    most, folder = (0, None) if disk is None else (max(1, disk.above), str(disk.folder))
    copy = tempfile.SpooledTemporaryFile(most, dir=folder)  # noqa: SIM115  whoever reads it closes it
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return cast("IO[bytes]", copy)


def _misfit(open_bytes: OpenBytes, encoding: str) -> tuple[bytes, int]:
    """The lines around the first bytes that do not fit, and how many come before; nothing where lines do not tell."""
    with open_bytes() as stream, suppress(LookupError):
        if not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32", "iso2022", "hz", "utf-7")):
            lines = 0
            while block := stream.readlines(AROUND):
                raw = b"".join(block)
                try:
                    raw.decode(encoding)
                except UnicodeError:
                    return raw + b"".join(stream.readlines(AROUND)), lines
                lines += len(block)
    return b"", 0


def read_lines(path: Path, *, encoding: str, disk: Disk | None = None) -> Sequence[str]:
    """The lines of a text file, empty ones too; on the `disk` where they are too large for memory. Raises
    DataError for a file that cannot be read."""
    where = str(path)
    column = Columns(disk).new()
    open_bytes = partial(_opened, path)
    with _readable(where):
        try:
            with _decoding(open_bytes, encoding, "\n") as stream:
                for lines in portions(stream, PORTION):
                    column.extend([line.removesuffix("\n").removesuffix("\r") for line in lines])
        except (LookupError, UnicodeError):
            raw, before = _misfit(open_bytes, encoding)
            decoded(raw, where=where, encoding=encoding, lines=before)
            decoded(_whole(open_bytes), where=where, encoding=encoding)
            raise
    return column.done()


def _whole(open_bytes: OpenBytes) -> bytes:
    with open_bytes() as stream:
        return stream.read()


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Tells a disk's or a gzip file's fault as ours."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise DataError(f"a damaged gzip file: {fault}", where=where, todo="Copy or download it again") from None
    except OSError as fault:
        raise DataError(f"cannot be read: {fault.strerror or fault}", where=where) from None


def decoded(data: bytes, *, where: str, encoding: str, lines: int = 0) -> str:
    """The text of a file in the given encoding, without a byte order mark.

    Bytes that do not fit raise DataError with the byte, its line (`lines` come before) and what else they could be.
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
            f"not {encoding.upper()}: {shown} at line {lines + before.count(chr(10)) + 1} does not fit",
            where=where,
            todo=_encoding_hint(data, fault.start, name, before),
        ) from None


def _encoding_hint(data: bytes, at: int, tried: str, before: str) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return f"The file begins with the mark of {name.upper()}: give --encoding {name}"
    if tried == "euc_kr" and _fits(data, "cp949"):
        return "Give --encoding cp949, which is what Windows writes: it has syllables that EUC-KR lacks"
    if tried != "utf-8":
        return "Save the file as UTF-8, or give its encoding with --encoding"
    end = data.find(b"\n", at)
    rest = data[at : end if end >= 0 else len(data)]
    # Latin-1 reads anything, also the quotation marks of Windows, which it takes for control characters.
    western = "cp1252" if re.search(b"[\x80-\x9f]", data) and _fits(data, "cp1252") else "latin-1"
    fits = ["cp949"] if _is_korean(data) else [name for name in ("cp949", western) if _fits(data, name)]
    if not before.isascii() and "cp949" not in fits:
        return "What stands before it is UTF-8, so this place is probably damaged: mend it or drop the line"
    readings = [f"--encoding {name} reads {quoted(rest.decode(name, 'replace').strip(), 30)}" for name in fits]
    return f"Save the file as UTF-8, or give its encoding: {', '.join(readings)}"


def _is_korean(data: bytes) -> bool:
    """Whether CP949 reads what is not ASCII, ㅋㅋ and ㅠㅠ aside, as syllables that EUC-KR has too: its 2,350 are
    nearly all that is written, and bytes of other encodings come out as rarer ones and Chinese characters."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return False
    foreign = filter(str.isalpha, re.sub("[\\x00-\\x7fㄱ-ㅣ]+", "", text))
    letters = list(itertools.islice(foreign, 10_000))
    common = sum("가" <= letter <= "힣" and len(letter.encode("euc_kr", "ignore")) == 2 for letter in letters)
    return 0 < COMMON_SYLLABLES * len(letters) <= common


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_foreign(data: bytes, suffix: str, where: str) -> None:
    """Raises DataError for what is not one of our formats, by its first bytes or else by its name."""
    what = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "")
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        what = "a pickle, which is never opened"
    if not what and (suffix in FORMATS or (data.startswith(_PARQUET) and not suffix)):
        return
    seen = f"unsupported file type {suffix or 'without an extension'}{f': {what}' if what else ''}"
    raise DataError(seen, where=where, expected=SUPPORTED, todo=_ADVICE.get(suffix, ""))


def read_jsonl(open_text: OpenText, *, where: str, disk: Disk | None = None) -> Table:
    """One JSON object a line; a missing key is None. Strings stay, numbers with a fraction stay as
    they are written, integers and truth values keep their type. Columns in the order in which they
    first come; those that are too large for memory lie on the `disk`.

    Lines that are no JSON object, or hold a key twice, raise DataError, several at once.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique_keys, parse_float=str, parse_int=_integer, parse_constant=_no_constant
    )
    kept = Columns(disk)
    columns: dict[str, Column] = {}
    lines = array("q")
    faults: list[str] = []
    rows: list[dict[str, object]] = []
    characters = 0
    with open_text("\n") as stream:
        for number, line in enumerate(stream, start=1):
            content = line.strip(" \t\r\n")
            row = _row(decoder, content, number, faults) if content else None
            if row is None:
                continue
            lines.append(number)
            rows.append(row)
            characters += len(content)
            if len(rows) >= PORTION or characters >= CHARACTERS:
                _keep(rows, columns, kept, before=len(lines) - len(rows))
                characters = 0
    _keep(rows, columns, kept, before=len(lines) - len(rows))
    if faults:
        expected = 'one object a line, {"text": "...", "label": "..."}'
        raise DataError(first_faults(faults, "lines"), where=where, expected=expected)
    if not lines:
        raise DataError("has no rows", where=where)
    check_names(list(columns), where)
    return Table(where, {name: column.done() for name, column in columns.items()}, Places("line", lines))


def _keep(rows: list[dict[str, object]], columns: dict[str, Column], kept: Columns, *, before: int) -> None:
    """Adds rows to their columns; in one that is new the rows before have None."""
    for name in dict.fromkeys(name for row in rows for name in row):
        if name not in columns:
            columns[name] = kept.new(before)
    for name, column in columns.items():
        column.extend([row.get(name) for row in rows])
    rows.clear()


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


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def read_parquet(file: IO[bytes], *, where: str, disk: Disk | None = None) -> Table:
    """A parquet file; dictionary columns are decoded, other types stay what they are. Columns that are too
    large for memory lie on the `disk`.

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
    kept, rows = Columns(disk), 0
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False)
        names = list(parquet.schema_arrow.names)
        check_names(names, where)
        columns = [kept.new() for _ in names]
        for batch in parquet.iter_batches(PORTION, use_threads=False):
            rows += batch.num_rows
            for column, values in zip(columns, batch.columns, strict=True):
                column.extend(values.to_pylist())
    except (pa.ArrowException, OSError, ValueError, OverflowError) as fault:
        raise DataError(f"a damaged parquet file: {str(fault).partition(chr(10))[0]}", where=where) from None
    if not rows:
        raise DataError("has no rows", where=where)
    return Table(where, {name: column.done() for name, column in zip(names, columns, strict=True)}, row_places(rows))
