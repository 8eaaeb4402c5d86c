"""Predictions as a file has them: jsonl, csv and parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from whet.data import spreadsheet
from whet.data.store import portions
from whet.disk import arrow
from whet.errors import MissingExtraError
from whet.prediction.documents import prediction_document
from whet.records import Prediction

TextForm = Literal["jsonl", "csv"]
Form = Literal["jsonl", "csv", "parquet"]
GROUP_ROWS = 2**16  # of parquet, which memory holds at a time


def text(answers: Sequence[Prediction], form: TextForm, *, first: bool) -> str:
    """Predictions as a text file holds them; `first`: none stand above them. csv has text, of pairs text2, label and
    score (or labels, or value), truncated, then a column `probability NAME` for each label; several labels stand in one
    cell as a JSON list. No spreadsheet computes a cell of it."""
    if form == "jsonl":
        return "".join(map(_json_line, map(prediction_document, answers)))
    rows = [_columns(prediction_document(answer)) for answer in answers]
    header = spreadsheet.line(rows[0]) if first and rows else ""
    return header + "".join(spreadsheet.line(map(_cell, row.values())) for row in rows)


def require_parquet() -> None:
    """Raises MissingExtraError where parquet cannot be written."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "writing parquet needs pyarrow, which is not installed", todo='Run: pip install "whet[parquet]"'
        ) from None


def parquet(path: Path, documents: Iterable[dict[str, Any]]) -> None:
    """Writes documents of predictions, one at least, as a parquet file with the columns of the csv. What memory holds
    does not grow with them. Raises OSError."""
    from pyarrow import parquet as pq

    tables = _tables(documents)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _tables(documents: Iterable[dict[str, Any]]) -> Iterator[Any]:
    import pyarrow as pa

    for part in portions(documents, GROUP_ROWS):
        rows = list(map(_columns, part))
        yield pa.table({name: _column(name, [row[name] for row in rows]) for name in rows[0]})


def _column(name: str, values: Sequence[Any]) -> Any:
    if name == "labels":
        return arrow.lists(values)
    if name == "truncated":
        return arrow.marks(np.array(values))
    if name in ("score", "value") or name.startswith("probability "):
        return arrow.numbers(np.array(values, dtype=np.float64))
    return arrow.strings([value if value is None or isinstance(value, str) else _json(value) for value in values])


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a column for each probability, which come last, and without logits."""
    columns = {name: value for name, value in document.items() if name not in ("probabilities", "logits")}
    return columns | {f"probability {name}": share for name, share in document.get("probabilities", {}).items()}


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""  # an unsure answer has no label
    if isinstance(value, list):
        return _json(value)
    return repr(float(value)) if isinstance(value, float) else spreadsheet.safe(str(value))


def _json_line(document: Mapping[str, object]) -> str:
    return _json(document) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
