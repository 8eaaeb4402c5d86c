"""Rows of a transformers script, as it tokenised them, in one array without the padding that it added.

Sizes: B rows, L columns of a padded row, C labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.errors import DataError
from whet.labels import Kind
from whet.records import Encoded, Ints, Targets

AT_ONCE = 1_000  # rows that are read at a time
LABELS = ("labels", "label", "label_ids")  # as transformers' collators know them
READ = ("input_ids", "attention_mask", "token_type_ids")
CHANGING = ("inputs_embeds", "position_ids", "head_mask", "bbox", "pixel_values")  # what a model would read besides
# Collators of transformers that pad and stack, and change nothing that is read here.
PLAIN_COLLATORS = ("DataCollatorWithPadding", "DefaultDataCollator", "default_data_collator", "default_collate")

Row = Mapping[str, Any]
Collator = Callable[[list[Any]], Row]


@dataclass(frozen=True, slots=True)
class Rows:
    """Token ids of B rows, and what they are to be answered with where they say it."""

    encoded: Encoded
    targets: Any
    """Label ids [B], marks [B, C], numbers [B], or None."""
    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Columns of numbers [B, ...] beside, by name, where a loss of the script's own may want them."""


def more_than_padding(collator: Any) -> Collator | None:
    """The collator, unless all that it does is to pad, which is left out."""
    inner = collator.data_collator if type(collator).__name__ == "RemoveColumnsCollator" else collator
    kind = getattr(inner, "__name__", type(inner).__name__)
    return None if inner is None or kind in PLAIN_COLLATORS else collator


def read(
    dataset: Any, name: str, collator: Collator | None, label_names: Sequence[str] | None, *, others: bool = False
) -> Rows:
    """All rows of a dataset: a `datasets.Dataset`, a torch Dataset of dicts, or a list of dicts. DataError, by the
    `name` of the dataset, for one whose rows are no tokens, or are padded otherwise than at their ends. `others`: the
    other columns of numbers are wanted too.

    A collator that does more than to pad is called once, on parts of the rows in their order.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise DataError(
            f"a dataset of type {type(dataset).__name__}, which has no length or no places",
            where=name,
            expected="one that knows its rows",
            todo="Read it into a list first: list(dataset)",
        )
    if not len(dataset):
        raise DataError("no rows", where=name)
    wanted = tuple(label_names or LABELS)
    parts, answers, first = [], [], 0
    beside: list[dict[str, Any]] = []
    for columns in _parts(dataset, collator, name, None if others else (*READ, *wanted, *CHANGING)):
        rows = _Part(columns, name, first)
        parts.append(rows.flat())
        answers.append(next((np.asarray(columns[each]) for each in wanted if each in columns), None))
        beside.append(_numbers(columns, (*READ, *wanted)) if others else {})
        first += rows.count
    known = [answer for answer in answers if answer is not None]
    if known and len(known) < len(answers):
        raise DataError("some rows have labels, others have none", where=name)
    joined = {name: np.concatenate([part[name] for part in beside]) for name in beside[0] if others}
    return Rows(_joined(parts), np.concatenate(known) if known else None, joined)


def _numbers(columns: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The columns of numbers but for the known ones: one a row, or equally many, in single precision."""
    found = {}
    for name, column in columns.items():
        if name in known or isinstance(column[0], str) or len({np.shape(each) for each in column}) > 1:
            continue
        values = np.asarray(column)
        if np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_:
            found[name] = values.astype(np.float32) if np.issubdtype(values.dtype, np.floating) else values
    return found


def kind_of(targets: Any, config: Any) -> Kind:
    """What the labels ask for, by the rule that transformers' models follow: by `problem_type` where the configuration
    has one, else by the number of labels and by whether they are whole numbers."""
    known: dict[str, Kind] = {"regression": "value", "multi_label_classification": "several"}
    if config.problem_type is not None:
        return known.get(config.problem_type, "one")
    if config.num_labels == 1:
        return "value"
    return "one" if np.issubdtype(np.asarray(targets).dtype, np.integer) else "several"


def checked(targets: Any, kind: Kind, classes: int, name: str) -> Targets:
    """Labels in the form that a loss of this kind takes; DataError where they are none of it."""
    found = np.asarray(targets)
    if kind == "several":
        if found.ndim != 2 or found.shape[1] != classes:
            raise DataError(f"labels of the shape {found.shape}", where=name, expected=f"{classes} marks a row")
        return found.astype(np.float64)
    found = found.reshape(len(found), -1)
    if found.shape[1] != 1:
        raise DataError(f"labels of the shape {np.asarray(targets).shape}", where=name, expected="one a row")
    if kind == "value":
        if classes != 1:
            raise DataError(f"numbers for a model with {classes} outputs", where=name, expected="num_labels=1")
        return found[:, 0].astype(np.float64)
    ids: Ints = found[:, 0].astype(np.int64)
    wrong = np.flatnonzero((ids < 0) | (ids >= classes))
    if len(wrong):
        raise DataError(
            f"label {ids[wrong[0]]}",
            where=f"{name}, row {wrong[0]}",
            expected=f"0 to {classes - 1}, for the model has {classes} labels",
            todo="Load the model with num_labels=...",
        )
    return ids


def _parts(
    dataset: Any, collator: Collator | None, name: str, known: Sequence[str] | None
) -> Iterator[Mapping[str, Any]]:
    """Columns of AT_ONCE rows at a time. `known`: those that are read; None: all."""
    whole = None if collator is not None else _columns_of(dataset, known)
    for start in range(0, len(dataset), AT_ONCE):
        places = range(start, min(start + AT_ONCE, len(dataset)))
        if whole is not None:
            yield whole[places.start : places.stop]
            continue
        rows = [dataset[place] for place in places]
        if collator is not None:
            yield collator(rows)
            continue
        if not isinstance(rows[0], Mapping):
            raise DataError(f"a row of type {type(rows[0]).__name__}", where=name, expected="a dict of columns")
        yield {column: [row[column] for row in rows] for column in rows[0]}


def _columns_of(dataset: Any, known: Sequence[str] | None) -> Any:
    """A `datasets.Dataset` that hands out several rows at once as arrays, of the known columns; None for anything else,
    and for one that makes its rows by a function."""
    if not hasattr(dataset, "with_format") or not hasattr(dataset, "format"):
        return None
    format = dataset.format
    if format["type"] == "custom":
        return None
    # Texts and the like need not be made into arrays.
    wanted = [column for column in format["columns"] if known is None or column in known]
    return dataset.with_format("numpy", columns=wanted)


class _Part:
    """Some rows in a row."""

    def __init__(self, columns: Mapping[str, Any], name: str, first: int) -> None:
        self._columns, self._name, self._first = columns, name, first
        if strange := [column for column in CHANGING if column in columns]:
            raise DataError(f"a column {strange[0]}", where=name, expected="rows that are tokens", todo="Remove it")
        if "input_ids" not in columns:
            raise DataError(
                f"the columns {', '.join(map(str, columns)) or 'none'}",
                where=name,
                expected="input_ids, as a tokenizer makes them",
                todo="Tokenise first: dataset.map(lambda rows: tokenizer(rows['text'], truncation=True), batched=True)",
            )
        self.count = len(columns["input_ids"])

    def flat(self) -> tuple[Ints, Ints, Ints | None]:
        """The tokens that are none of padding, end to end, how many each row has, and where those of the second type
        begin, where rows tell types."""
        ids, real = [np.asarray(row) for row in self._columns["input_ids"]], self._array("attention_mask")
        lengths = [len(row) for row in ids] if real is None else [int(np.count_nonzero(row)) for row in real]
        for row, length in enumerate(lengths):
            if not length:
                raise DataError("no token", where=self._place(row))
            if real is not None and not np.all(real[row][:length]):
                raise DataError(
                    "padding before or between tokens",
                    where=self._place(row),
                    expected="padding at the end",
                    todo="Tokenise with padding_side='right'",
                )
        taken = [row[:length] for row, length in zip(ids, lengths, strict=True)]
        types, seconds = self._array("token_type_ids"), None
        if types is not None:
            seconds = np.asarray([self._second(row, types[row][:length]) for row, length in enumerate(lengths)])
        return np.concatenate(taken).astype(np.int64), np.asarray(lengths, dtype=np.int64), seconds

    def _array(self, column: str) -> list[Ints] | None:
        if column not in self._columns:
            return None
        return [np.asarray(row) for row in self._columns[column]]

    def _second(self, row: int, types: Ints) -> int:
        """The place of the first token of the second type."""
        place = int(np.argmax(types)) if types.any() else len(types)
        if not np.array_equal(types, np.arange(len(types)) >= place):
            raise DataError(
                "token_type_ids that are not 0 and then 1", where=self._place(row), todo="Tokenise texts or pairs"
            )
        return place

    def _place(self, row: int) -> str:
        return f"{self._name}, row {self._first + row}"


def _joined(parts: Sequence[tuple[Ints, Ints, Ints | None]]) -> Encoded:
    ids, lengths, seconds = zip(*parts, strict=True)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    largest = max(int(part.max()) for part in ids)
    flat = np.concatenate([part.astype(np.uint16 if largest < 2**16 else np.uint32) for part in ids])
    known = [part for part in seconds if part is not None]
    second = np.concatenate(known).astype(np.int64) if len(known) == len(parts) else None
    if second is not None and np.array_equal(second, np.diff(offsets)):
        second = None  # single texts
    return Encoded(flat, offsets, np.zeros(len(offsets) - 1, np.bool_), second)
