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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TextIO, cast

from whet.data.delimited import PORTION, OpenText, Parsed, check_names, parts_of_delimited, read_delimited
from whet.data.growing import Columns, Disk
from whet.data.jsonl import parts_of_jsonl, read_jsonl
from whet.data.places import row_places
from whet.errors import DataError, MissingExtraError, UsageError, quoted
from whet.records import Table
from whet.sentences.bilingual import said

FORMATS: Mapping[str, str] = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"
}  # fmt: skip
SUPPORTED = "csv, tsv, jsonl (or ndjson) or parquet, each also .gz, or a folder of class folders"

OpenBytes = Callable[[], IO[bytes]]
"""Opens a file, unpacked, at its beginning."""

COMMON_SYLLABLES = 0.8  # of the letters that are not ASCII: a Korean text has Chinese characters too

AROUND = 2**22  # bytes that are looked at where an encoding does not fit, and as many behind them

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
    with _readable(where):
        kind, open_bytes = _kind_of(path)
        if kind != "parquet":
            return _read_text(open_bytes, kind, where=where, encoding=encoding, disk=disk)
        notices = () if _suffix(path) == ".parquet" else (said({"name": where}, "parquet by its content"),)
        with open_bytes() as unpacked, _seekable(unpacked, disk) as file:
            return read_parquet(file, where=where, disk=disk), notices


def is_text(path: Path) -> bool:
    """Whether a regular file is csv, tsv or jsonl; raises DataError for a type that is not read."""
    with _readable(str(path)):
        return _kind_of(path)[0] != "parquet"


def read_parts(path: Path, *, encoding: str) -> Iterator[Table]:
    """The table in a text file some rows at a time as it is read, none of which are kept. The same DataError as of the
    whole, after the rows before it."""
    where, begun = str(path), False
    with _readable(where):
        kind, open_bytes = _kind_of(path)
        try:
            for part in _parts(partial(_decoding, open_bytes, encoding), kind, where):
                begun = True
                yield part
        except (LookupError, UnicodeError):
            text = _told_text(open_bytes, where=where, encoding=encoding)
            if begun:
                raise
            yield from _parts(partial(io.StringIO, text), kind, where)


def _kind_of(path: Path) -> tuple[str, OpenBytes]:
    """The format of a file, and how it is opened."""
    where, suffix = str(path), _suffix(path)
    with path.open("rb") as stream:
        head = stream.read(64)
    open_bytes = partial(_opened, path)
    if head.startswith(_GZIP):
        open_bytes = partial(_opened, path, packed=True)
        with open_bytes() as stream:
            head = stream.read(64)
    _refuse_foreign(head, suffix, where)
    if head.startswith(_PARQUET):
        return "parquet", open_bytes
    if FORMATS[suffix] != "parquet":
        return FORMATS[suffix], open_bytes
    if not head:
        raise DataError("has no rows: the file is empty", where=where)
    raise DataError("not a parquet file, although it is named so", where=where, expected="PAR1 as first bytes")


def _suffix(path: Path) -> str:
    """What a name ends with, .gz aside."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _read_text(open_bytes: OpenBytes, kind: str, *, where: str, encoding: str, disk: Disk | None) -> Parsed:
    try:
        return _parsed(partial(_decoding, open_bytes, encoding), kind, where, disk)
    except (LookupError, UnicodeError):
        text = _told_text(open_bytes, where=where, encoding=encoding)
        return _parsed(partial(io.StringIO, text), kind, where, disk)


def _parsed(open_text: OpenText, kind: str, where: str, disk: Disk | None) -> Parsed:
    if kind == "jsonl":
        return read_jsonl(open_text, where=where, disk=disk), ()
    return read_delimited(open_text, where=where, tabs=kind == "tsv", disk=disk)


def _parts(open_text: OpenText, kind: str, where: str) -> Iterator[Table]:
    if kind == "jsonl":
        return parts_of_jsonl(open_text, where=where)
    return parts_of_delimited(open_text, where=where, tabs=kind == "tsv")


def _told_text(open_bytes: OpenBytes, *, where: str, encoding: str) -> str:
    """The text of a whole file that could not be decoded while it was read; DataError with the place where that
    cannot be either."""
    raw, lines = _misfit(open_bytes, encoding)
    decoded(raw, where=where, encoding=encoding, lines=lines)
    return decoded(_whole(open_bytes), where=where, encoding=encoding)


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


def read_lines(path: Path, *, encoding: str) -> Iterator[str]:
    """The lines of a text file as it is read, empty ones too. Raises DataError for a file that cannot be read."""
    where = str(path)
    open_bytes = partial(_opened, path)
    with _readable(where):
        try:
            with _decoding(open_bytes, encoding, "\n") as stream:
                for line in stream:
                    yield line.removesuffix("\n").removesuffix("\r")
        except (LookupError, UnicodeError):
            _told_text(open_bytes, where=where, encoding=encoding)
            raise


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


def table_of_rows(rows: Sequence[Mapping[str, object]], places: Sequence[str], *, where: str) -> Table:
    """Rows of named values as a table; columns in the order in which they first come."""
    if not rows:
        raise DataError("has no rows", where=where)
    names = list(dict.fromkeys(name for row in rows for name in row))
    check_names(names, where)
    return Table(where, {name: [row.get(name) for row in rows] for name in names}, places)


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
    classes: tuple[str, Mapping[str, str]] = ("", {})
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False)
        names = list(parquet.schema_arrow.names)
        check_names(names, where)
        classes = _names_of_classes(parquet.schema_arrow.metadata or {})
        columns = [kept.new() for _ in names]
        for batch in parquet.iter_batches(PORTION, use_threads=False):
            rows += batch.num_rows
            for name, column, values in zip(names, columns, batch.columns, strict=True):
                read = values.to_pylist()
                # As `hub` has them: names belong to ids that are strings, and -1 is none.
                column.extend([str(i) if str(i) in classes[1] else None for i in read] if name == classes[0] else read)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as fault:
        raise DataError(f"a damaged parquet file: {str(fault).partition(chr(10))[0]}", where=where) from None
    if not rows:
        raise DataError("has no rows", where=where)
    every = {name: column.done() for name, column in zip(names, columns, strict=True)}
    return Table(where, every, row_places(rows), classes[1])


def _names_of_classes(metadata: Mapping[bytes, bytes]) -> tuple[str, Mapping[str, str]]:
    """The one ClassLabel column that the package datasets wrote, and the names beside its ids, by id; '' and {} where
    there is none, or several."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        classes = [(column, each["names"]) for column, each in features.items() if each.get("_type") == "ClassLabel"]
        ((column, names),) = classes
        return column, {str(number): str(name) for number, name in enumerate(names)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", {}
