"""What a run answered to its test rows, out of predictions.parquet: a number for each row, texts of the worst alone.

Sizes in comments: B rows of a portion, C labels.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet.errors import ModelError
from whet.records import Bools, Floats, Ints

WORST = 50  # rows that are kept with their texts
PORTION = 50_000  # rows that are read at a time
LETTERS = 600  # of a text that is kept
PROBABILITY = "probability "  # before the name of a label in the name of its column


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row that was not answered as it should have been."""

    place: str
    row_id: int
    text: str
    text2: str
    true: str
    predicted: str
    weight: float
    """How far off: the probability of the wrong answer, of several labels that of the worst one, or the error."""


@dataclass(frozen=True, slots=True)
class Answers:
    lengths: Ints
    """Letters of each row's text, or of both."""
    scores: Floats
    """Of each row: 1 where it is right, of several labels its F1, of a number its absolute error."""
    true: Floats
    """Numbers; empty unless the task is a regression."""
    predicted: Floats
    wrong: int
    mistakes: tuple[Mistake, ...]
    """The worst, worst first."""


def read(path: Path) -> Answers | None:
    """The answers of a predictions.parquet; None where there is none. Raises ModelError for a damaged one."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    if not path.is_file():
        return None
    lengths: list[Ints] = []
    scores: list[Floats] = []
    numbers: list[tuple[Floats, Floats]] = []
    worst: list[Mistake] = []
    wrong = 0
    try:
        with parquet.ParquetFile(path) as file:
            for portion in file.iter_batches(PORTION):
                pairs = "text2" in portion.schema.names
                texts = [portion.column(name) for name in ("text", *(["text2"] if pairs else []))]
                lengths.append(sum(compute.utf8_length(each).to_numpy(zero_copy_only=False) for each in texts))
                row_scores, weights, pair = _judged(portion)
                scores.append(row_scores)
                numbers += [] if pair is None else [pair]
                wrong += int((weights > 0).sum())
                worst = heapq.nlargest(WORST, [*worst, *_worst(portion, weights)], key=lambda each: each.weight)
    except (pa.ArrowInvalid, KeyError) as fault:
        raise ModelError(f"{path.name} is damaged: {fault}", where=str(path.parent)) from None
    if not scores:
        return None
    true, predicted = (np.concatenate(each) for each in zip(*numbers, strict=True)) if numbers else (np.zeros(0),) * 2
    return Answers(np.concatenate(lengths), np.concatenate(scores), true, predicted, wrong, tuple(worst))


def _judged(portion: Any) -> tuple[Floats, Floats, tuple[Floats, Floats] | None]:
    """Of each row its score, how far off it is (0: right), and the numbers of a regression."""
    names = portion.schema.names
    if "value" in names:
        true, predicted = (_numbers(portion, name) for name in ("value", "predicted"))
        errors = np.abs(predicted - true)
        return errors, errors, (true, predicted)
    labels = [name.removeprefix(PROBABILITY) for name in names if name.startswith(PROBABILITY)]
    shares = np.stack([_numbers(portion, PROBABILITY + name) for name in labels], axis=1)  # [B, C]
    if "labels" in names:
        marks, chosen = (_marks(portion.column(name), labels) for name in ("labels", "predicted"))  # [B, C]
        both, either = (marks & chosen).sum(axis=1), marks.sum(axis=1) + chosen.sum(axis=1)
        off = np.where(marks, 1 - shares, shares) * (marks != chosen)
        return np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1)), off.max(axis=1), None
    true, chosen = (np.array(portion.column(name).to_pylist()) for name in ("label", "predicted"))
    right = true == chosen
    return right.astype(np.float64), np.where(right, 0.0, shares.max(axis=1)), None


def _numbers(portion: Any, name: str) -> Floats:
    found: Floats = portion.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _marks(lists: Any, labels: Sequence[str]) -> Bools:
    """Which labels [B, C] are in each row's list."""
    marks = np.zeros((len(lists), len(labels)), np.bool_)
    ids = {name: place for place, name in enumerate(labels)}
    for row, names in enumerate(lists.to_pylist()):
        marks[row, [ids[name] for name in names]] = True
    return marks


def _worst(portion: Any, weights: Floats) -> list[Mistake]:
    """The worst rows of a portion, with their texts."""
    rows = [int(row) for row in np.argsort(-weights, kind="stable")[:WORST] if weights[row] > 0]
    if not rows:
        return []  # pyarrow takes no list that is empty
    true = next(name for name in ("label", "labels", "value") if name in portion.schema.names)
    return [
        Mistake(
            place=str(row["place"]),
            row_id=row["row_id"],
            text=_cut(row["text"]),
            text2=_cut(row.get("text2", "")),
            true=_named(row[true]),
            predicted=_named(row["predicted"]),
            weight=float(weights[place]),
        )
        for place, row in zip(rows, portion.take(rows).to_pylist(), strict=True)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1].rstrip() + "…"


def _named(answer: str | float | list[str]) -> str:
    """A label, several of them, or a number as it is read."""
    if isinstance(answer, float):
        return f"{answer:.4g}"
    return ", ".join(answer) if isinstance(answer, list) else answer
