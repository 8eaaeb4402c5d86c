"""A competition's file of answers, filled in like its sample submission: its columns, its rows, its order.

Sizes in comments: B rows.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from whet.data import spreadsheet
from whet.data.named import LABEL_NAMES, match
from whet.data.read import read_parts, read_side
from whet.data.spelling import first_places, spelled
from whet.errors import DataError, quoted
from whet.inputs import large
from whet.labels import LabelSet
from whet.records import Ints, Table


@dataclass(frozen=True, slots=True)
class Fill:
    """What a column of the sample is filled with."""

    column: str
    kind: Literal["label", "probability", "value"]
    label: str | None = None
    """Whose probability."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample submission whose rows are those of a file."""

    table: Table
    ids: tuple[str, ...]
    """Its columns that the file has too."""
    fills: tuple[Fill, ...]
    rows: Ints  # [B] of the file


def read(path: Path, file: Path, labels: LabelSet, *, encoding: str) -> Sample:
    """The sample submission, matched with the rows of a file by the columns that both have, and what is to be filled in
    with the answers of a run with these labels. Whatever does not match raises DataError, all of it at once."""
    table, _ = read_side(str(path), "test", encoding=encoding, disk=large.disk())
    if file.suffix.lower() == ".txt":
        raise DataError("a text a line has no ids", where=str(file), expected=f"columns, of which {path} has one")
    parts = read_parts(file, encoding=encoding, disk=large.disk())
    names = next(iter(parts)).columns
    ids = tuple(name for name in table.columns if name in names and name not in labels.names)
    if len(ids) == len(table.columns):  # a file that has answers already
        ids = tuple(name for name in ids if not any(match(known, (name,)) for known in LABEL_NAMES))
    others = tuple(name for name in table.columns if name not in ids)
    if not ids or not others:
        saw = "no column of the sample is in the file" if not ids else "every column of the sample is in the file"
        expected = f"an id that {file} has too, and a column to fill in, among {', '.join(table.columns)}"
        raise DataError(saw, where=str(path), expected=expected)
    fills = _fills(table, others, labels)
    return Sample(table, ids, fills, _matched(table, ids, parts, str(file)))


def write(path: Path, sample: Sample, answers: Iterable[Mapping[str, Any]]) -> None:
    """Writes the csv, with the documents of the answers to the rows of the file, in their order. Its cells are as the
    sample has them, whatever a spreadsheet makes of them. Raises OSError."""
    found = _columns(sample.fills, answers)
    filled = {fill.column: iter(_placed(values, sample.rows)) for fill, values in zip(sample.fills, found, strict=True)}
    cells = [filled[name] if name in filled else iter(_strings(sample.table, name)) for name in sample.table.columns]
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(spreadsheet.line(sample.table.columns))
        file.writelines(map(spreadsheet.line, zip(*cells, strict=True)))


def _fills(table: Table, columns: Sequence[str], labels: LabelSet) -> tuple[Fill, ...]:
    named = {column: match(column, labels.names) for column in columns}
    if len(columns) > 1 or labels.kind == "several":
        strange = [quoted(column) for column, label in named.items() if label is None]
        absent = [quoted(label) for label in labels.names if label not in named.values()]
        if strange or absent or labels.kind == "value":
            parts = [f"no label of the run is called {', '.join(strange)}"] if strange else []
            parts += [f"no column is called {', '.join(absent)}"] if absent else []
            expected = f"the ids, and a column for each of {', '.join(map(quoted, labels.names))}"
            raise DataError("; ".join(parts), where=table.source, expected=expected)
        return tuple(Fill(column, "probability", label) for column, label in named.items())
    (column,) = columns
    if labels.kind == "value":
        return (Fill(column, "value"),)
    values = list(dict.fromkeys(_strings(table, column)))
    if set(values) <= set(labels.names) or not all(map(_is_share, values)):
        return (Fill(column, "label"),)
    asked = named[column] or labels.positive
    if asked is None:
        raise DataError(
            f"numbers between 0 and 1 in the column {quoted(column)}, and {len(labels)} labels", where=table.source,
            expected=f"labels in it, or a column for each of {', '.join(map(quoted, labels.names))}",
        )  # fmt: skip
    return (Fill(column, "probability", asked),)


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _matched(table: Table, ids: Sequence[str], parts: Iterable[Table], file: str) -> Ints:
    """For each row of the sample that of the file."""
    known: dict[str, int] = {}
    rows = 0
    twice: list[str] = []
    for part in parts:
        for key, place in zip(_keys(part, ids), part.places, strict=True):
            if known.setdefault(key, rows) != rows:
                twice.append(_named(key, place))
            rows += 1
    found, used, missing, again = array("q"), np.zeros(rows, np.bool_), list[str](), list[str]()
    for key, place in zip(_keys(table, ids), table.places, strict=True):
        row = known.get(key)
        if row is None:
            missing.append(_named(key, place))
            continue
        if used[row]:
            again.append(_named(key, place))
        used[row] = True
        found.append(row)
    left = [] if twice else [_named(key, "") for key, row in known.items() if not used[row]]
    faults = {
        f"twice in {file}": twice, f"twice in {table.source}": again,
        f"in {table.source} and not in {file}": missing, f"in {file} and not in {table.source}": left,
    }  # fmt: skip
    told = [f"{what}: {first_places(which)}" for what, which in faults.items() if which]
    if told:
        raise DataError(
            f"ids that do not match: {'; '.join(told)}", where=table.source,
            expected=f"each row of {file} once, by {', '.join(map(quoted, ids))}",
        )  # fmt: skip
    return np.frombuffer(found, np.int64)


def _named(key: str, place: str) -> str:
    return quoted(key) + (f" ({place})" if place else "")


def _keys(table: Table, ids: Sequence[str]) -> Iterator[str]:
    """The id of each row; of several columns a JSON list of theirs."""
    if len(ids) == 1:
        return _strings(table, ids[0])
    columns = (_strings(table, name) for name in ids)
    return (json.dumps(key, ensure_ascii=False) for key in zip(*columns, strict=True))


def _strings(table: Table, name: str) -> Iterator[str]:
    where = f"{table.source}, column {quoted(name)}"
    return (value or "" for value in spelled(table.columns[name], table.places, where))


def _columns(fills: Sequence[Fill], answers: Iterable[Mapping[str, Any]]) -> list[Sequence[Any]]:
    """The values of each column in the order of the file."""
    labels: list[str] = []
    numbers = {fill.column: array("d") for fill in fills if fill.kind != "label"}
    for answer in answers:
        for fill in fills:
            if fill.kind == "label":
                labels.append(answer["label"] or "")
            else:
                share = answer["value"] if fill.kind == "value" else answer["probabilities"][fill.label]
                numbers[fill.column].append(share)
    return [labels if fill.kind == "label" else numbers[fill.column] for fill in fills]


def _placed(values: Sequence[Any], rows: Ints) -> Iterator[str]:
    spell: Callable[[Any], str] = str if isinstance(values, list) else repr
    return (spell(values[row]) for row in rows.tolist())
