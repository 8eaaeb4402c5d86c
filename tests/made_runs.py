"""Run folders with chosen content, written by the functions that write those of real jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whet.labels import Kind, LabelSet
from whet.records import SIDES, Examples, Splits, Targets
from whet.runs import divided, run_folder
from whet.runs.run_folder import RunFolder
from whet.score.judge import default_thresholds, judge, probabilities
from whet.score.metrics import as_json
from whet.settings import config

SPAN = {"seconds": 40.0, "low": 30.0, "high": 60.0}
SLICES: Sequence[Mapping[str, Any]] = [
    {
        "by": "length",
        "value": "9 to 20",
        "rows": 60,
        "accuracy": 0.9,
        "interval": [0.8, 0.95],
        "macro_f1": 0.9,
        "weaker": False,
    },
    {
        "by": "length",
        "value": "21",
        "rows": 60,
        "accuracy": 0.8,
        "interval": [0.7, 0.9],
        "macro_f1": 0.8,
        "weaker": False,
    },
    {
        "by": "truncated",
        "value": "yes",
        "rows": 20,
        "accuracy": 0.5,
        "interval": [0.3, 0.7],
        "macro_f1": 0.5,
        "weaker": True,
    },
    {"by": "label", "value": "negative", "rows": 60, "accuracy": 0.5, "interval": [0.3, 0.7], "weaker": False},
]
MADE_TEXTS = tuple(f"Text {'long ' * (row % 9)}of row {row}." for row in range(60))
POINTS = [{"min_confidence": at / 10, "rows": 120 - 10 * at, "coverage": 1 - at / 12, "accuracy": 0.8 + at / 50}
          for at in range(10)]  # fmt: skip
CALIBRATION: Mapping[str, Any] = {
    "temperature": 1.25, "reason": "the lowest log loss on validation",
    "test": {"ece_before": 0.1, "ece_after": 0.04, "log_loss_before": 0.5, "log_loss_after": 0.45},
    "bins": [{"low": 0.4, "high": 0.6, "rows": 40, "confidence": 0.52, "accuracy": 0.5},
             {"low": 0.6, "high": 0.8, "rows": 80, "confidence": 0.71, "accuracy": 0.78}],
    "coverage": POINTS,
}  # fmt: skip


def made_run(
    path: Path, names: Sequence[str] = ("negative", "positive"), *, kind: Kind = "one",
    texts: Sequence[str] = MADE_TEXTS, rows: int = 120, more: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> RunFolder:  # fmt: skip
    """A finished run with `rows` test rows and as many wrong answers as `texts`; `more` goes into metrics.json,
    `settings` are given ones."""
    labels = LabelSet(tuple(names), names[1] if kind == "one" and len(names) == 2 else None, "", kind)
    chance = np.random.default_rng(0)
    targets, test = _rows(labels, rows, chance)
    right = 2.0 * (targets if kind != "one" else np.eye(len(names))[targets]).reshape(rows, -1)
    logits = right + chance.normal(size=(rows, len(names))) - (1 if kind == "several" else 0)
    folder = RunFolder(path)
    thresholds = default_thresholds(labels)
    scores = {**as_json(judge(logits, targets, labels, thresholds)[0]), "loss": 0.5}
    _course(folder, labels, scores, settings or {})
    divided.write_splits(folder, Splits(test, test, test, {}))
    run_folder.write_predictions(folder, test, labels, probabilities(logits, labels), thresholds)
    folder.write("mistakes.json", _mistakes(labels, texts))
    rivals = {"majority": scores, "tfidf": scores, "seconds": 3.0}
    folder.write("metrics.json", {
        "task": labels.task, "test": scores, "baselines": rivals, "seconds": {"train": 42.0, "evaluate": 3.0},
        "verdict": {"en": "The fine-tuned model and TF-IDF are level.", "ko": "우열을 가릴 수 없습니다."},
        "slices": SLICES if kind == "one" else [], "label_errors": {"test": {"rows": rows, "found": 70}},
        **(more or {}),
    })  # fmt: skip
    return folder


def _mistakes(labels: LabelSet, texts: Sequence[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"label": labels.names[0], "predicted": labels.names[-1]}
    if labels.kind != "one":
        answer = {"labels": list(labels.names[:2]), "predicted": []}
    if labels.kind == "value":
        answer = {"value": 1.5, "predicted": 2.25}
    rows = [{"side": "test", "row_id": row, "text": text} for row, text in enumerate(texts)]
    wrong = [{**row, "place": f"line {place + 2}", **answer, "weight": 0.9 - place / 1000}
             for place, row in enumerate(rows)]  # fmt: skip
    doubted = [{**row, "source": "made.csv", "label": labels.names[0], "suggestion": labels.names[-1], "margin": -0.5}
               for row in rows]  # fmt: skip
    return {"wrong": wrong, **({"label_errors": doubted} if labels.kind == "one" else {})}


def _rows(labels: LabelSet, rows: int, chance: np.random.Generator) -> tuple[Targets, Examples]:
    told = [f"Row {row}." for row in range(rows)]
    places, row_ids = [f"line {row + 2}" for row in range(rows)], range(rows)
    if labels.kind == "value":
        values = chance.normal(size=rows)
        return values, Examples("made.csv", told, None, places, row_ids, values=values.tolist())
    if labels.kind == "several":
        marks = chance.random((rows, len(labels))) < 0.3
        several = [tuple(name for name, mark in zip(labels.names, row, strict=True) if mark) for row in marks]
        return marks, Examples("made.csv", told, None, places, row_ids, several=several)
    ids = chance.integers(0, len(labels), rows)
    return ids, Examples("made.csv", told, [labels.names[each] for each in ids], places, row_ids)


def _course(folder: RunFolder, labels: LabelSet, scores: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Everything that a training writes before its scores."""
    resolved = config.resolve({"model": "embedded", "metric": "loss", **settings})
    run_folder.start(folder, resolved, {
        "command": "whet train 'my reviews.csv' --model embedded", "digest": "0" * 64,
        "device": {"value": "cpu", "reason": "no GPU was found"}, "precision": {"value": "fp32", "reason": "a CPU"},
        "threads": {"value": 2, "reason": "free cores"}, "ranks": 1, "sides": dict.fromkeys(SIDES, "made.csv"),
        "versions": {"python": "3.11.7", "whet": "0.1.0"},
    })  # fmt: skip
    counts = {"train": dict.fromkeys(labels.names, 60)} if labels.kind != "value" else {}
    cut = {"severity": "warning", "count": 7, "message": "7 rows are cut", "todo": "Give a longer --max-length",
           "places": ["line 3"], "figures": {}}  # fmt: skip
    folder.write("findings.json", {
        "source": "made", "label_counts": counts, "findings": {"html": {}, "truncated": {"train": cut}},
        "columns": {"text": "text", "text_reason": "named 'text'", "label": "label", "label_reason": "named 'label'",
                    "pair": None, "pair_reason": ""},
    })  # fmt: skip
    steps = [{"kind": "step", "step": step, "steps": 40, "epoch": step / 20, "loss": 0.7 - step / 100,
              "learning_rate": 5e-5 * (40 - step) / 40, "tokens": 100 * step, "train_seconds": float(step)}
             for step in range(1, 41)]  # fmt: skip
    judged = [{"kind": "evaluation", "side": "validation", "step": step, "epoch": step / 20, "loss": 0.6 - step / 100,
               "metrics": scores, "seconds": 1.0, "best": True} for step in (20, 40)]  # fmt: skip
    plan = {"kind": "plan", "training": SPAN, "evaluation": SPAN, "memory": 1_500_000_000}
    end = {**steps[-1], "kind": "end", "memory": 1_200_000_000}
    lines = [plan, *steps[:20], judged[0], *steps[20:], judged[1], end]
    told = "".join(json.dumps(line) + "\n" for line in lines)
    (folder.path / "events.jsonl").write_text(told, encoding="utf-8")
