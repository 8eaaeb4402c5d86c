"""Data that a finished run has not seen: rows to predict and rows to score, by the columns it was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whet.data.columns import NO_PAIR, check_pair, examples, find_columns, text_columns
from whet.data.formats import read_lines
from whet.data.named import match
from whet.data.read import read_parts, read_side
from whet.data.targets import has_answers
from whet.errors import DataError, UsageError, printable
from whet.inputs import large
from whet.inputs.reading import sliced_by
from whet.labels import Kind, LabelSet, read_label_names
from whet.records import Columns, Examples, Inputs, Table
from whet.sentences.bilingual import joined, said
from whet.settings.config import Settings, TaskName

AS_TRAINED = said({}, "as in training")
TASKS: Mapping[Kind, TaskName] = {"one": "classification", "several": "multilabel", "value": "regression"}


@dataclass(frozen=True, slots=True)
class ToPredict(Iterable[Examples]):
    """The texts of a file, without what they might be answered with, some rows at a time. It may be gone through more
    than once, and reads a text file each time. The columns are those of its first rows."""

    tables: Iterable[Table]
    settings: Settings
    inputs: Inputs

    def __iter__(self) -> Iterator[Examples]:
        columns = None
        for table in self.tables:
            if columns is None:
                text, pair = _asked(table, self.settings, self.inputs)
                columns = find_columns(table, text=text, pair=pair, label=None, need_label=False)
                check_pair(table, columns, self.inputs.pair)
                columns = dataclasses.replace(columns, label=None)
            yield examples(table, columns)


def to_predict(path: Path, settings: Settings, inputs: Inputs) -> ToPredict:
    """Those of the file of this name, for a run that was trained on these inputs."""
    return ToPredict(read_parts(path, encoding=settings.encoding, disk=large.disk()), settings, inputs)


@dataclass(frozen=True, slots=True)
class Rows(Iterable[str | tuple[str, str]]):
    """The texts of a file, which is read each time that they are gone through."""

    parts: Iterable[Examples]

    def __iter__(self) -> Iterator[str | tuple[str, str]]:
        for part in self.parts:
            yield from part.texts if part.pairs is None else zip(part.texts, part.pairs, strict=True)


@dataclass(frozen=True, slots=True)
class Lines(Iterable[str | tuple[str, str]]):
    """The same of a file with a text a line, or two with a tab between them."""

    path: str
    encoding: str
    pair: bool

    def __iter__(self) -> Iterator[str | tuple[str, str]]:
        lines = read_lines(Path(self.path), encoding=self.encoding)
        return in_pairs(lines, self.path) if self.pair else lines


def texts_of(file: str, settings: Settings, inputs: Inputs) -> Rows | Lines:
    """Those of a file: .txt with a text a line, anything else with columns. They may be gone through more than once."""
    path = Path(file)
    if path.suffix.lower() == ".txt" and path.exists():
        if settings.text is not None:
            raise UsageError("--text names a column, and a .txt file has none", where=file, todo="Leave out --text")
        return Lines(file, settings.encoding, inputs.pair is not None)
    return Rows(to_predict(path, settings, inputs))


def count(texts: Iterable[object], where: str) -> int:
    """How many there are. Raises DataError where there is none, and for whatever is wrong in their file."""
    rows = sum(1 for _ in texts)
    if not rows:
        raise DataError("no text", where=where, expected="a text a line")
    return rows


def in_pairs(lines: Iterable[str], where: str) -> Iterator[tuple[str, str]]:
    """Both texts of each line; what is wrong with lines is told after those before them, all at once."""
    wrong = []
    for number, line in enumerate(lines, start=1):
        first, *second = line.split("\t")
        if len(second) != 1:
            wrong.append(f"line {number}")
        elif not wrong:
            yield first, second[0]
    if wrong:
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        raise DataError(
            f"not two texts: {', '.join(wrong[:3])}{more}", where=where,
            expected="in every line a text, a tab and the second text, for the run was trained on pairs",
        )  # fmt: skip


def to_score(data: object, settings: Settings, labels: LabelSet, inputs: Inputs) -> tuple[Examples, list[str]]:
    """The test side of DATA, or its only table, with answers of the kind that the run gives, and what must be
    said about how it was read."""
    table, notices = read_side(data, "test", encoding=settings.encoding, disk=large.disk())
    names = read_label_names(settings.label_names) if settings.label_names else None
    text, pair = _asked(table, settings, inputs)
    label, separator = settings.label, settings.label_separator
    if labels.kind == "several" and label is None and set(labels.names) <= set(table.columns):
        label = ",".join(labels.names)
    if labels.kind == "value" and label is None and match(labels.names[0], table.columns) is not None:
        label = labels.names[0]
    task = TASKS[labels.kind]
    columns = find_columns(table, text=text, pair=pair, label=label, task=task, separator=separator)
    check_pair(table, columns, inputs.pair)
    if settings.text is None and text is not None:
        columns = dataclasses.replace(columns, text_reason=AS_TRAINED)
    if settings.pair is None and columns.pair is not None and pair is not None:
        columns = dataclasses.replace(columns, pair_reason=AS_TRAINED)
    if settings.label is None and label is not None:
        columns = dataclasses.replace(columns, label_reason=AS_TRAINED)
    rows, numbered = examples(table, columns, label_names=names, further=sliced_by(settings)), None
    if not names and (numbered := _by_position(rows, columns, labels)):
        rows = examples(table, columns, label_names=numbered, further=sliced_by(settings))
    if not has_answers(rows):
        raise DataError("no labels to compare with", where=table.source, todo="Use whet predict, or name --label")
    second = {"pair": printable(columns.pair or ""), "reason": columns.pair_reason}
    facts = {
        "text": printable(columns.text), "text_reason": columns.text_reason,
        "second": "" if columns.pair is None else said(second, "second text"),
        "label": columns.label, "label_reason": columns.label_reason,
    }  # fmt: skip
    told = [*notices, said(facts, "how data are read")]
    if numbered:
        each = [said({"number": number, "name": name}, "stands for") for number, name in numbered.items()]
        told.append(said({"each": joined(*each, between=", ")}, "labels by position"))
    return rows, told


def _asked(table: Table, settings: Settings, inputs: Inputs) -> tuple[str | None, str | None]:
    """The text and the second text to look for: what the settings name, else the template of the run, or its
    columns where this table has them all."""
    template = settings.text or (inputs.text if inputs.text_parts else None)
    if inputs.pair is None:
        return template or (None if match(inputs.text, table.columns) is None else inputs.text), NO_PAIR
    known = all(match(name, table.columns) is not None for name in text_columns(inputs))
    text = template or (inputs.text if known and settings.pair is None else None)
    return text, settings.pair or (inputs.pair if known or inputs.pair_parts else None)


def _by_position(rows: Examples, columns: Columns, labels: LabelSet) -> dict[str, str] | None:
    """Names for the label ids 0, 1, ... of rows whose labels are none of the run's names."""
    if columns.labels or labels.kind == "value":
        return None
    there = set(rows.labels or (label for row in rows.several or () for label in row))
    numbered = {str(i): name for i, name in enumerate(labels.names)}
    return numbered if there and there <= numbered.keys() and not there & set(labels.names) else None
