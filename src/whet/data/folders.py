"""A folder as DATA: class folders of .txt files, or data files that are called like the sides, whole or in parts as
hubs write them.

    reviews/pos/1.txt  reviews/neg/1.txt                  one table
    aclImdb/train/pos/1.txt  aclImdb/test/pos/1.txt       two sides
    reviews/train.csv  reviews/test.csv                   two sides
    imdb/data/train-00000-of-00002.parquet  ...           a side in two parts
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whet.data.formats import decoded, read_file
from whet.data.growing import Columns, Disk
from whet.data.places import Places
from whet.data.store import Chained, chained
from whet.errors import DataError
from whet.records import Side, Source, Table
from whet.sentences.bilingual import said

SIDE_NAMES: Mapping[Side, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
"""How the sides of a job are called elsewhere, the usual name first."""

UNLABELLED = "unsup"  # aclImdb's folder of texts without labels
NO_LABEL = (None, -1, "-1")  # what stands in a test side whose labels its makers keep
DATA_FILE = re.compile(r"\.(csv|tsv|jsonl|ndjson|parquet)(\.gz)?$", re.IGNORECASE)
PART = re.compile(r"(?P<name>.+?)-(?P<number>\d{5})-of-(?P<parts>\d{5})(-[0-9a-f]{16})?")
"""As the package datasets calls them; some have a digest behind."""


def read_folder(folder: Path, encoding: str, disk: Disk | None) -> Source:
    """The tables of a folder, one a side. Raises DataError where there is none, where a side is there twice or not all
    of its parts are, and for what cannot be read."""
    try:
        inner = _folders(folder)
        found = _class_folders_of(folder, inner, encoding, disk)
        if found is None:
            found = _files_of(folder, inner, encoding, disk)
    except OSError as fault:
        where = str(fault.filename or folder)
        raise DataError(f"cannot be read: {fault.strerror or fault}", where=where) from None
    if found is not None:
        return found
    data = _data_files(folder)
    raise DataError(
        "neither class folders with .txt files nor files for the sides in this folder",
        where=str(folder),
        expected="pos/*.txt and neg/*.txt, train/pos/*.txt and so on, or train.csv and test.csv (tsv, jsonl, parquet)",
        todo=f"Give one of its files: {', '.join(str(file) for file in data[:6])}" if data else "",
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _data_files(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return sorted(file for file in files if DATA_FILE.search(file.name))


# ---------------------------------------------------------------- class folders


def _class_folders_of(folder: Path, inner: Sequence[Path], encoding: str, disk: Disk | None) -> Source | None:
    """Class folders of .txt files, or sides of class folders as in aclImdb; None where there are none."""
    sides = [(side, entry) for side in SIDE_NAMES for entry in inner if _is_side(entry, side)]
    if not sides:
        table, notices = _class_folders(folder, encoding, disk)
        return None if table is None else Source(folder.name, {"train": table}, notices)
    tables: dict[str, Table] = {}
    told: list[str] = []
    for side, entry in sides:
        if side in tables:
            raise DataError(f"{entry.name} is a second folder for the {side} side", where=str(folder))
        table, notices = _class_folders(entry, encoding, disk)
        if table is None:
            raise DataError("no class folders with .txt files in this folder", where=str(entry))
        tables[side] = table
        told += notices
    other = [entry.name for entry in inner if entry not in [each for _, each in sides]]
    if other:
        facts = {"name": folder, "folders": ", ".join(other), "sides": ", ".join(tables)}
        told.append(said(facts, "other folders"))
    return Source(folder.name, tables, tuple(told))


def _is_side(folder: Path, side: Side) -> bool:
    """A folder named like a side that has class folders: one with texts alone is a class."""
    return folder.name.lower() in SIDE_NAMES[side] and bool(_folders(folder))


def _class_folders(folder: Path, encoding: str, disk: Disk | None) -> tuple[Table | None, tuple[str, ...]]:
    columns = Columns(disk)
    texts, labels, places = columns.new(), columns.new(), columns.new()
    rows = 0
    notices: list[str] = []
    for entry in _folders(folder):
        files = sorted(file for file in entry.iterdir() if not file.name.startswith("."))
        kept = [file for file in files if file.suffix.lower() == ".txt" and file.is_file()]
        if entry.name == UNLABELLED:
            notices.append(said({"name": entry, "count": len(kept)}, "a folder without labels"))
            continue
        if len(kept) < len(files):
            notices.append(said({"name": entry, "count": len(files) - len(kept)}, "no .txt files"))
        for file in kept:
            texts.extend([decoded(file.read_bytes(), where=str(file), encoding=encoding)])
            labels.extend([entry.name])
            places.extend([f"{entry.name}/{file.name}"])
        rows += len(kept)
    if not rows:
        return None, ()
    return Table(str(folder), {"text": texts.done(), "label": labels.done()}, places.done()), tuple(notices)


# ---------------------------------------------------------------- files of sides


def _files_of(folder: Path, inner: Sequence[Path], encoding: str, disk: Disk | None) -> Source | None:
    """The files that are called like the sides, in the folder or in the one folder in it that has some; None where
    there are none. A side without a single label is left out where others have some."""
    having = [each for each in (folder, *inner) if _by_side(each)]
    if folder in having:
        having = [folder]
    if not having:
        return None
    if len(having) > 1:
        raise DataError(
            f"files for the sides in {len(having)} folders: {', '.join(each.name for each in having)}",
            where=str(folder),
            todo=f"Give one of them: {', '.join(str(each) for each in having[:6])}",
        )
    (place,) = having
    tables: dict[str, Table] = {}
    notices: list[str] = []
    by_side = _by_side(place)
    for side, files in by_side.items():
        tables[side], told = _read_parts(_checked(side, files, place), encoding, disk)
        notices += told
    bare = [side for side, table in tables.items() if _is_bare(table)]
    if len(bare) < len(tables):
        notices += [said({"name": place, "split": side}, "a split without labels") for side in bare]
        tables = {side: table for side, table in tables.items() if side not in bare}
    used = {file for files in by_side.values() for file in files}
    if other := [file.name for file in _data_files(place) if file not in used]:
        facts = {"name": place, "files": ", ".join(other), "sides": ", ".join(tables)}
        notices.append(said(facts, "other files"))
    return Source(folder.name, tables, tuple(notices))


def _by_side(folder: Path) -> dict[Side, list[Path]]:
    """The data files of each side, in the order of their parts."""
    found: dict[Side, list[Path]] = {}
    for side, names in SIDE_NAMES.items():
        files = [file for file in _data_files(folder) if _stem(file).lower() in names]
        if files:
            found[side] = files
    return found


def _stem(file: Path) -> str:
    """The name without its ending, and without what says which part it is."""
    name = DATA_FILE.sub("", file.name)
    part = PART.fullmatch(name)
    return name if part is None else part["name"]


def _checked(side: Side, files: Sequence[Path], folder: Path) -> Sequence[Path]:
    """The files of a side, which are one, or all the parts of one."""
    parts = [PART.fullmatch(DATA_FILE.sub("", file.name)) for file in files]
    wholes = [file for file, part in zip(files, parts, strict=True) if part is None]
    kinds = {(part["name"], part["parts"]) for part in parts if part is not None}
    if len(files) > 1 and (wholes or len(kinds) > 1):
        raise DataError(
            f"several files for the {side} side: {', '.join(file.name for file in files)}",
            where=str(folder),
            todo="Leave one of them there, or give the files by themselves",
        )
    if wholes:
        return files
    wanted = {number for part in parts if part is not None for number in range(int(part["parts"]))}
    there = {int(part["number"]) for part in parts if part is not None}
    if there != wanted or len(files) != len(wanted):
        listed = ", ".join(file.name for file in files)
        raise DataError(f"not each of the {len(wanted)} parts of the {side} side once: {listed}", where=str(folder))
    return files


def _read_parts(files: Sequence[Path], encoding: str, disk: Disk | None) -> tuple[Table, list[str]]:
    """One table of all the parts of a side."""
    tables: list[Table] = []
    notices: list[str] = []
    for file in files:
        table, told = read_file(file, encoding=encoding, disk=disk)
        tables.append(table)
        notices += told
    first = tables[0]
    if len(tables) == 1:
        return first, notices
    for table in tables[1:]:
        if list(table.columns) != list(first.columns):
            raise DataError(
                f"its columns are {', '.join(table.columns)}", where=table.source,
                expected=f"those of {first.source}: {', '.join(first.columns)}",
            )  # fmt: skip
    columns = {name: _in_halves(chained, [table.columns[name] for table in tables]) for name in first.columns}
    places = _in_halves(
        Chained, [_with_name(table.places, file.name) for table, file in zip(tables, files, strict=True)]
    )
    part = PART.fullmatch(DATA_FILE.sub("", files[0].name))
    assert part is not None, "a side in several files is in parts"
    source = files[0].with_name(files[0].name.replace(part[0], f"{part['name']}-*"))
    return Table(str(source), columns, places, first.label_names), notices


def _in_halves(join: Callable[[Any, Any], Sequence[Any]], parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """All parts in their order, of which a view is never one of a thousand views in each other."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_in_halves(join, parts[:middle]), _in_halves(join, parts[middle:]))


def _with_name(places: Sequence[str], name: str) -> Sequence[str]:
    """The places of a part, said with its name."""
    if isinstance(places, Places):
        return Places(f"{name} {places.word}", places.numbers)
    return [f"{name} {place}" for place in places]


def _is_bare(table: Table) -> bool:
    """Whether no row has a label."""
    answers = [table.columns[name] for name in ("label", "labels") if name in table.columns]
    return bool(answers) and all(value in NO_LABEL for values in answers for value in values)
