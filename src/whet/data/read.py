"""DATA, whatever it is, to tables: files, folders, samples, hub data sets and Python objects."""

from __future__ import annotations

import difflib
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from whet.data import formats
from whet.data.delimited import check_names, read_delimited
from whet.data.folders import SIDE_NAMES, read_folder
from whet.data.formats import SUPPORTED, decoded, is_text, read_file, table_of_rows
from whet.data.growing import Disk
from whet.data.hub import read_hub, source_of
from whet.data.places import row_places
from whet.errors import DataError, MissingExtraError, did_you_mean, quoted
from whet.records import Side, Source, Table
from whet.sentences.bilingual import said

IN_PYTHON = (
    "a path, a pandas or polars DataFrame, a datasets.Dataset, a dict of columns, "
    "or a list of (text, label) pairs, of dicts or of texts"
)


def read(data: object, *, encoding: str = "utf-8", disk: Disk | None = None) -> Source:
    """The tables that DATA stands for, one a split; a single file is the table `train`.

    `data` is a path to csv, tsv, jsonl or parquet (each also gzipped) or to a folder (`folders`) of class
    folders, with or without sides above them, or of files called like the sides; `sample:NAME`;
    `hf:NAME` or `hf:NAME/CONFIG`; a bare name, which is a local file or folder where there is one,
    else a hub data set; or a Python object: a DataFrame of pandas or polars, a pyarrow Table, a
    `datasets.Dataset` or `DatasetDict`, a dict of columns, a dict of tables by side, or a list of
    dicts, (text, label) pairs or texts. A Source comes back as it is. `encoding` is that of text
    files. Columns that are too large for memory lie on the `disk`; without one, and of a Python
    object that holds them already, they lie in memory.

    Raises DataError for everything that cannot be read, with its place; UsageError for an unknown
    encoding; MissingExtraError without pyarrow or datasets where they are needed.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, str):
        return _from_name(data, encoding, disk)
    if isinstance(data, os.PathLike):
        return _from_path(Path(data), encoding, disk)
    return _from_object(data, disk)


def read_side(
    data: object, side: Side, *, encoding: str = "utf-8", disk: Disk | None = None
) -> tuple[Table, tuple[str, ...]]:
    """One table for one side of a job, as for `--test FILE`, and what must be said about it.

    Of several tables it is the one called like the side; where none is, DataError lists them.
    """
    source = read(data, encoding=encoding, disk=disk)
    if len(source.tables) == 1:
        return next(iter(source.tables.values())), source.notices
    split = split_for(source, side)
    if split is None:
        raise DataError(
            f"no split for the {side} side among {', '.join(source.tables)}",
            where=data if isinstance(data, str) else source.name,
            expected=f"one file, or a split called {' or '.join(SIDE_NAMES[side])}",
        )
    return source.tables[split], source.notices


def read_parts(path: Path, *, encoding: str = "utf-8", disk: Disk | None = None) -> Iterable[Table]:
    """The table of a file some rows at a time, to be gone through as often as one likes: a text file is read anew each
    time and not kept; anything else is read once, as by `read_side` for test, and is a single part."""
    if path.is_file() and is_text(path):
        return _Parts(path, encoding)
    return [read_side(path, "test", encoding=encoding, disk=disk)[0]]


@dataclass(frozen=True, slots=True)
class _Parts(Iterable[Table]):
    path: Path
    encoding: str

    def __iter__(self) -> Iterator[Table]:
        return formats.read_parts(self.path, encoding=self.encoding)


def split_for(source: Source, side: Side) -> str | None:
    """The split that is called like a side (`dev` stands for validation), None where there is none."""
    return next((name for name in SIDE_NAMES[side] if name in source.tables), None)


def _from_name(name: str, encoding: str, disk: Disk | None) -> Source:
    if not name.strip() or "\0" in name:
        raise DataError("an empty name" if not name.strip() else "a name with a NUL character", where="DATA")
    kind, _, rest = name.partition(":")
    if kind == "hf":
        return _named(read_hub(rest, disk), rest.split("/")[1 if rest.count("/") == 2 else -1])
    if kind == "sample":
        return read_sample(rest, resources.files("whet") / "data" / "samples")
    if "://" in name:
        raise DataError("an address on the web", where=name, expected="a file", todo="Download it first")
    path = Path(name)
    if path.suffix or "/" in name or os.sep in name or name in (".", ".."):
        return _from_path(path, encoding, disk)
    if os.path.lexists(path):
        source = _from_path(path, encoding, disk)
        what = "folder" if path.is_dir() else "file"
        notice = said({"name": name, "what": what}, "the local one")
        return Source(source.name, source.tables, (notice, *source.notices))
    try:
        return _named(read_hub(name, disk), name)
    except (DataError, MissingExtraError) as fault:
        saw = f"no local file or folder is called {name}, and {fault.saw}"
        todo = _nearest(name, Path()) or fault.todo
        raise type(fault)(saw, where=fault.where, expected=fault.expected, todo=todo) from fault


def read_sample(name: str, folder: Traversable) -> Source:
    """The sample NAME: the tables of NAME-train.csv and NAME-test.csv in `folder`.

    An unknown name raises DataError with the known ones.
    """
    known = sorted(entry.name.removesuffix("-train.csv") for entry in folder.iterdir() if "-train.csv" in entry.name)
    if name not in known:
        raise DataError(
            f"no sample {name!r}",
            where=f"sample:{name}",
            expected=" or ".join(f"sample:{each}" for each in known),
            todo=did_you_mean(name, known),
        )
    tables = {}
    for side in ("train", "test"):
        where = f"sample:{name}[{side}]"
        content = (folder / f"{name}-{side}.csv").read_bytes()
        text = decoded(content, where=where, encoding="utf-8")
        tables[side], _ = read_delimited(partial(io.StringIO, text), where=where)
    return Source(name, tables)


def _named(source: Source, name: str) -> Source:
    """The source under a name that any file system takes, at most 40 characters."""
    safe = re.sub(r"[^\w.]+", "-", name).strip("-._")[:40].rstrip("-._")
    return Source(safe or "data", source.tables, source.notices)


# ---------------------------------------------------------------- paths


def _from_path(path: Path, encoding: str, disk: Disk | None) -> Source:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else None
        raise DataError(f"cannot be read: {reason or fault}", where=str(path)) from None
    if stat.S_ISDIR(mode):
        return _named(read_folder(path, encoding, disk), path.resolve().name)
    if not stat.S_ISREG(mode):
        raise DataError("not a regular file", where=str(path), expected=SUPPORTED)
    table, notices = read_file(path, encoding=encoding, disk=disk)
    stem = path.name.split(".")[0] if path.name.lower().endswith(".gz") else path.stem
    if any(stem.lower() in names for names in SIDE_NAMES.values()):
        stem = path.resolve().parent.name  # imdb/train.parquet is imdb
    return _named(Source(stem, {"train": table}, notices), stem)


def _missing(path: Path) -> DataError:
    if path.is_symlink():
        return DataError("a link to a file that is not there", where=str(path))
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    near = _nearest(path.relative_to(folder).parts[0], folder)
    return DataError(f"no such file: {path} (in {folder.resolve()})", todo=near)


def _nearest(name: str, folder: Path) -> str:
    """`Did you mean` for what stands in a folder, else ''."""
    try:
        entries = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return ""
    alike = {entry.lower(): entry for entry in entries}
    near = difflib.get_close_matches(name.lower(), alike, n=1)
    return f"Did you mean {str(folder / alike[near[0]])!r}" if near else ""


# ---------------------------------------------------------------- Python objects


def _from_object(data: object, disk: Disk | None) -> Source:
    if _package(data) == "datasets":
        return _named(source_of(data, name="data", disk=disk), "data")
    if isinstance(data, Mapping) and data and all(_is_table(value) for value in data.values()):
        sides = {str(side): _table(value, f"data[{side}]") for side, value in data.items()}
        return Source("data", sides)
    return Source("data", {"train": _table(data, "data")})


def _package(value: object) -> str:
    """The package that a value's type comes from; the package itself need not be imported here."""
    return type(value).__module__.partition(".")[0]


def _is_table(value: object) -> bool:
    """Whether a value of a dict is a table of its own, so that the keys are sides, not columns."""
    frame = _package(value) in ("pandas", "polars") and hasattr(value, "columns")
    return isinstance(value, Table) or frame or hasattr(value, "column_names")


def _table(data: Any, where: str) -> Table:
    if isinstance(data, Table):
        return data
    package = _package(data)
    if package == "datasets":
        return next(iter(source_of(data, name=where).tables.values()))
    if package == "pandas" and hasattr(data, "columns"):
        return _table_of_frame(data, where)
    if package == "polars" and hasattr(data, "to_dict"):
        return _table_of_columns(data.to_dict(as_series=False), where)
    if package == "pyarrow" and hasattr(data, "column_names"):
        check_names(data.column_names, where)
        return _table_of_columns(data.to_pydict(), where)
    if isinstance(data, Mapping):
        return _table_of_columns(data, where)
    if package == "numpy" and hasattr(data, "tolist"):
        data = data.tolist()
    if isinstance(data, (list, tuple)):
        return _table_of_list(data, where)
    kind = f"{type(data).__module__}.{type(data).__qualname__}".removeprefix("builtins.")
    raise DataError(f"an object of type {kind} cannot be read as labelled text", expected=IN_PYTHON)


def _table_of_frame(frame: Any, where: str) -> Table:
    """A pandas DataFrame; what pandas calls missing is None."""
    names = [str(name) for name in frame.columns]
    check_names(names, where)
    columns: dict[str, Sequence[object]] = {}
    for position, name in enumerate(names):
        series = frame.iloc[:, position]
        gaps = series.isna().tolist()
        columns[name] = [None if gap else value for value, gap in zip(series.tolist(), gaps, strict=True)]
    return _table_of_columns(columns, where)


def _table_of_columns(given: Mapping[Any, Any], where: str) -> Table:
    columns: dict[str, Sequence[object]] = {}
    for name, values in given.items():
        if hasattr(values, "tolist"):
            values = values.tolist()
        if not isinstance(values, (list, tuple)):
            raise DataError(
                f"the column {name!r} is of type {type(values).__name__}", where=where, expected="a list of values"
            )
        columns[str(name)] = values
    check_names([str(name) for name in given], where)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{quoted(name)} {length:,}" for name, length in lengths.items())
        raise DataError(f"columns of different lengths: {listed}", where=where)
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise DataError("has no rows", where=where)
    return Table(where, columns, row_places(rows))


def _table_of_list(rows: Sequence[Any], where: str) -> Table:
    kinds = [_row_kind(row) for row in rows]
    strange = next((i for i, kind in enumerate(kinds) if not kind or kind != kinds[0]), None)
    if strange is not None:
        first = f", row 1 is {kinds[0]}" if strange else ""
        raise DataError(
            f"row {strange + 1} is {kinds[strange] or f'of type {type(rows[strange]).__name__}'}{first}",
            where=where,
            expected="dicts, (text, label) pairs or texts throughout",
        )
    places = row_places(len(rows))
    if not rows:
        raise DataError("has no rows", where=where)
    if kinds[0] == "a dict":
        return table_of_rows([{str(name): value for name, value in row.items()} for row in rows], places, where=where)
    if kinds[0] == "a text":
        return Table(where, {"text": list(rows)}, places)
    return Table(where, {"text": [row[0] for row in rows], "label": [row[1] for row in rows]}, places)


def _row_kind(row: object) -> str:
    if isinstance(row, Mapping):
        return "a dict"
    if isinstance(row, str):
        return "a text"
    return "a pair" if isinstance(row, (tuple, list)) and len(row) == 2 else ""
