"""The rows of a run that are worth a look: wrong answers, doubted labels, and slices whose scores differ.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from whet.data.store import picked
from whet.labels import LabelSet
from whet.records import Bools, Examples, Floats, Ints, Side, Targets
from whet.runs import relabel
from whet.runs.run_folder import Judged, RunFolder
from whet.score import mistakes, slices
from whet.score.judge import judge, predicted, probabilities

TOLD = 50  # rows of mistakes.json
MOST = 10_000  # rows of relabel.csv


def sliced(
    rows: Examples, truncated: Bools, leaked: Bools | None, logits: Floats, targets: Targets, labels: LabelSet,
    thresholds: Mapping[str, float],
) -> list[dict[str, object]]:  # fmt: skip
    """The part of metrics.json: scores by length, label, truncation, leak and the columns that were asked for.
    Everything is of the same rows [B]; `leaked`: which of them train has, None where that is not known."""
    lengths = [len(text) for text in rows.texts]
    if rows.pairs is not None:
        lengths = [length + len(text) for length, text in zip(lengths, rows.pairs, strict=True)]
    named = [labels.names[i] for i in np.asarray(targets, dtype=np.int64)] if labels.kind == "one" else []
    found = list(slices.standard(lengths, named, truncated, leaked, rows.further))
    if labels.kind == "value":
        return slices.of_numbers(found, np.abs(logits[:, 0] - targets))
    if labels.kind == "several":
        right: Bools = (predicted(probabilities(logits, labels), labels, thresholds) == targets).all(axis=1)
    else:
        right = np.asarray(logits.argmax(axis=1) == targets, dtype=np.bool_)

    def macro_f1(part: Bools) -> float:
        scores, _ = judge(logits[part], targets[part], labels, thresholds)
        return float(scores.macro_f1)  # type: ignore[union-attr]  # of labels, not of numbers

    return slices.as_json(found, right, macro_f1)


def write(
    folder: RunFolder, looked: Sequence[tuple[Judged, Targets]], labels: LabelSet, thresholds: Mapping[str, float]
) -> dict[Side, dict[str, object]]:
    """Writes mistakes.json and, of one label a row, relabel.csv. Returns the part of metrics.json: of each side how
    many rows were looked at for wrong labels, and how many were found. The last of `looked` is the scored side."""
    document: dict[str, object] = {}
    counted: dict[Side, dict[str, object]] = {}
    if labels.kind == "one":
        doubted: list[tuple[float, relabel.Doubted]] = []
        for judged, targets in looked:
            ids = np.asarray(targets, dtype=np.int64)
            found = mistakes.label_errors(judged.answers, ids)
            if not mistakes.tells_apart(judged.answers, ids):
                found = mistakes.NONE_FOUND
            counted[judged.side] = {"rows": len(ids), "found": len(found.rows)}
            first = slice(None, MOST)
            rows = _doubted(judged, ids, found.rows[first], found.suggestions[first], labels)
            doubted += zip(found.margins[first].tolist(), rows, strict=True)
        doubted.sort(key=lambda each: each[0])
        folder.write_relabel([row for _, row in doubted[:MOST]])
        document["label_errors"] = [
            {
                "side": row.side, "row_id": row.row_id, "source": row.source, "text": row.text,
                **({} if row.text2 is None else {"text2": row.text2}),
                "label": row.label, "suggestion": row.suggestion, "margin": margin,
            }
            for margin, row in doubted[:TOLD]
        ]  # fmt: skip
    scored, targets = looked[-1]
    folder.write("mistakes.json", {"wrong": list(_wrong(scored, targets, labels, thresholds)), **document})
    return counted


def _wrong(
    judged: Judged, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float]
) -> Iterator[dict[str, object]]:
    """The surest wrong answers."""
    limits = limits_of(labels, thresholds)
    found = mistakes.wrong(judged.answers, targets, labels, limits)
    for row, weight, text, second in zip(*_first(judged, found.rows[:TOLD], found.weights), strict=True):
        told: dict[str, object] = {
            "side": judged.side, "row_id": int(judged.rows.row_ids[row]), "place": judged.rows.places[row], "text": text
        }  # fmt: skip
        if second is not None:
            told["text2"] = second
        yield told | _answer(judged.answers[row], targets[row], labels, limits) | {"weight": float(weight)}


def limits_of(labels: LabelSet, thresholds: Mapping[str, float]) -> Floats | None:
    """From which probability each of several labels is answered [C]; None of other answers."""
    return np.array([thresholds[name] for name in labels.names]) if labels.kind == "several" else None


def _first(
    judged: Judged, rows: Ints, weights: Floats
) -> tuple[list[int], Floats, Sequence[str], Sequence[str | None]]:
    texts = picked(judged.rows.texts, rows)
    second: Sequence[str | None] = [None] * len(rows)
    if judged.rows.pairs is not None:
        second = picked(judged.rows.pairs, rows)
    return rows.tolist(), weights[: len(rows)], texts, second


def _answer(answers: Floats, target: Targets, labels: LabelSet, limits: Floats | None) -> dict[str, object]:
    """What a row should be answered with, and the answer. `target`: of one row."""
    if labels.kind == "value":
        return {"value": float(target), "predicted": float(answers[0])}
    if limits is None:
        return {"label": labels.names[int(target)], "predicted": labels.names[int(answers.argmax())]}
    true, given = (np.flatnonzero(marks).tolist() for marks in (target, answers >= limits))
    return {"labels": [labels.names[i] for i in true], "predicted": [labels.names[i] for i in given]}


def _doubted(judged: Judged, ids: Ints, rows: Ints, suggestions: Ints, labels: LabelSet) -> list[relabel.Doubted]:
    source, side = judged.rows.source, judged.side
    numbers, _, texts, seconds = _first(judged, rows, np.zeros(len(rows)))
    return [
        relabel.Doubted(
            int(judged.rows.row_ids[row]), side, source, text, second, labels.names[ids[row]],
            labels.names[suggestions[place]],
        )
        for place, (row, text, second) in enumerate(zip(numbers, texts, seconds, strict=True))
    ]  # fmt: skip
