"""relabel.csv: rows whose labels are doubted, written for people with a spreadsheet, and read again as they corrected
them (`--corrections`)."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from whet.data import spreadsheet
from whet.data.clean import clean_text
from whet.data.store import Coded
from whet.disk import durable
from whet.errors import DataError, UsageError, did_you_mean, quoted
from whet.records import SIDES, Examples, Notice, Splits
from whet.sentences.bilingual import said

NAME = "relabel.csv"
COLUMNS = ("row_id", "side", "source", "text", "text2", "label", "suggestion", "corrected")
NEEDED = ("row_id", "source", "text", "corrected")
LONGEST = 32_000  # characters of a cell; Excel cuts those of more than 32,767
TOLD = 10  # faults of a file that are told at once


@dataclass(frozen=True, slots=True)
class Doubted:
    """A row of the file, less what is to be filled in."""

    row_id: int
    side: str
    source: str
    text: str
    text2: str | None
    label: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a file of corrections did: rows by their source."""

    changed: Mapping[str, frozenset[int]]
    unchanged: int
    """Rows whose corrected label is the one that they had."""


def write(path: Path, rows: Sequence[Doubted]) -> None:
    """Writes the file, whole or not at all, with the byte order mark by which Excel knows UTF-8. Raises OSError."""
    pairs = any(row.text2 is not None for row in rows)
    lines = [spreadsheet.line(name for name in COLUMNS if pairs or name != "text2")]
    for row in rows:
        texts = [row.text, *([row.text2 or ""] if pairs else [])]
        cells = map(cell, (row.side, row.source, *texts, row.label, row.suggestion))
        lines.append(spreadsheet.line([str(row.row_id), *cells, ""]))
    durable.write(path, "".join(lines).encode("utf-8-sig", "backslashreplace"))


def cell(text: str) -> str:
    """A text as a spreadsheet can have it: an apostrophe before what it would compute, and not too long."""
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return spreadsheet.safe(short)


def corrected(
    sides: Mapping[str, Examples], path: str | os.PathLike[str], *, encoding: str
) -> tuple[dict[str, Examples], Corrected]:
    """The sides of DATA, as they were read, with the labels that a file corrects.

    A row is found by `source` and `row_id`, and its text must be the one in the file. A row whose `corrected` is
    empty stays as it is. Raises UsageError for rows without a single label each, DataError for a file without the
    columns, and for rows that are not there, have another text or a label that no training row has; each with its
    line. A file that begins with a byte order mark, as one that a run wrote, is UTF-8 whatever the `encoding` of DATA.
    """
    from whet.data.read import read  # every command on a run loads this module

    where = f"--corrections {path}"
    if any(rows.labels is None for rows in sides.values()):
        raise UsageError("corrections of rows with several labels or numbers", where=where, expected="one label a row")
    table = read(Path(path), encoding="utf-8" if _is_marked(Path(path)) else encoding).tables["train"]
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise DataError(
            f"no column {', '.join(missing)}", where=where, expected=f"a {NAME} with {', '.join(NEEDED)}",
            todo="Give a file that a run wrote, edited",
        )  # fmt: skip
    labels = {side: list(rows.labels or ()) for side, rows in sides.items()}
    known = sorted(set(labels["train"]))
    changed: dict[str, set[int]] = {}
    faults: list[DataError] = []
    unchanged = 0
    columns = {name: table.columns[name] for name in (*NEEDED, *(["text2"] if "text2" in table.columns else []))}
    for place, *values in zip(table.places, *columns.values(), strict=True):
        given = {name: _written(value) for name, value in zip(columns, values, strict=True)}
        if not given["corrected"].strip():
            continue
        try:
            side, row = _row_of(sides, given)
            label = _label(given["corrected"], known)
        except DataError as fault:
            faults.append(DataError(fault.saw, where=f"{where}, {place}", expected=fault.expected, todo=fault.todo))
            continue
        if labels[side][row] == label:
            unchanged += 1
            continue
        labels[side][row] = label
        changed.setdefault(sides[side].source, set()).add(row)
    if faults:
        first, *more = faults
        raise DataError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more[: TOLD - 1])
    mended = {side: replace(rows, labels=_column(rows, labels[side])) for side, rows in sides.items()}
    return mended, Corrected({source: frozenset(rows) for source, rows in changed.items()}, unchanged)


def counts(found: Corrected, splits: Splits) -> dict[str, int]:
    """Side of the job to how many of its rows have a label that was changed; sides without one are left out."""
    counted = {}
    for side in SIDES:
        rows: Examples | None = getattr(splits, side)
        if rows is not None and rows.source in found.changed:
            counted[side] = len(found.changed[rows.source].intersection(rows.row_ids))
    return {side: count for side, count in counted.items() if count}


def notices(found: Corrected, splits: Splits, name: str) -> list[Notice]:
    """What is to be said of the labels that the file of this name changed."""
    counted = counts(found, splits)
    changed = sum(map(len, found.changed.values()))
    facts = {"name": name, "changed": changed, "each": counted, "unchanged": found.unchanged}
    told = [Notice(said(facts, "labels changed"))]
    if "test" in counted:
        told.append(Notice(said({}, "test labels changed"), "warning"))
    return told


def _is_marked(path: Path) -> bool:
    """Whether a file begins with the byte order mark of UTF-8."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def _row_of(sides: Mapping[str, Examples], given: Mapping[str, str]) -> tuple[str, int]:
    """The side and the row that a line speaks of."""
    named = [side for side, rows in sides.items() if _plain(rows.source) == _plain(given["source"])]
    if not named:
        there = ", ".join(sorted({rows.source for rows in sides.values()}))
        raise DataError(f"a row of {given['source']}", expected=f"rows of {there}, which are the data")
    number = given["row_id"].strip()
    row = int(number) if number.isdecimal() else -1
    inside = [side for side in named if 0 <= row < len(sides[side].texts)]
    if not inside:
        most = max(len(sides[side].texts) for side in named)
        raise DataError(f"row_id {number or 'empty'}", expected=f"0 to {most - 1}, a row of {given['source']}")
    for side in inside:
        rows = sides[side]
        texts = {"text": rows.texts[row]} if rows.pairs is None else {"text": rows.texts[row], "text2": rows.pairs[row]}
        if all(_plain(cell(text)) == _plain(given.get(name, "")) for name, text in texts.items()):
            return side, row
    raise DataError(
        f"the text of row_id {row} is not that of the data: {quoted(given['text'], 60)}",
        expected=quoted(sides[inside[0]].texts[row], 60),
        todo="Give the file that a run on these data wrote, with its texts unchanged",
    )


def _label(given: str, known: Sequence[str]) -> str:
    """The label that is meant: spreadsheets write true as TRUE, and keep the apostrophe before a formula."""
    for written in (given, given.strip(), given.strip().removeprefix("'")):
        if written in known:
            return written
        alike = [label for label in known if label.casefold() == written.casefold()]
        if len(alike) == 1:
            return alike[0]
    raise DataError(
        f"the label {quoted(given)}", expected=" or ".join(map(quoted, known)), todo=did_you_mean(given, known)
    )


def _column(rows: Examples, labels: Sequence[str]) -> Sequence[str]:
    if not isinstance(rows.labels, Coded):
        return tuple(labels)
    names = sorted(set(labels))
    return Coded(np.searchsorted(names, labels).astype(np.uint16), names)


def _plain(text: str) -> str:
    """A text less what a spreadsheet may change of it."""
    lines = text.encode("utf-8", "backslashreplace").decode().replace("\r\n", "\n").replace("\r", "\n")
    return clean_text(lines).lstrip("'").strip()


def _written(value: object) -> str:
    return "" if value is None else str(value)
