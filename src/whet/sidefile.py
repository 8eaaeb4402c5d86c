"""whet.json: what of a fine-tuned classifier plain transformers has no place for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from whet import values
from whet.config import Truncation
from whet.data.template import parse
from whet.data.tokens import Cutter
from whet.errors import ModelError, UsageError
from whet.labels import LabelSet, Task
from whet.records import Floats, Inputs, Usage

FORMAT = 2  # 2: tasks beside one label of a text
NAME = "whet.json"
POOLING = "mean of the logits, by whet"  # not by the model in the folder, which answers one sequence
FEWEST = {"binary": 2, "multiclass": 2, "multilabel": 1, "regression": 1}  # labels of a task
PARTS = {"text": "text_parts", "pair": "pair_parts"}  # where a template is, the columns that it joins

Canary = tuple[str, ...]
"""A text, or both of a pair."""


def content(
    cutter: Cutter, labels: LabelSet, usage: Usage, *, canaries: Sequence[Canary], logits: Floats
) -> dict[str, object]:
    """What the file holds."""
    written: dict[str, object] = {
        "format": FORMAT,
        "kind": "transformer",
        "task": labels.task,
        "labels": list(labels.names),
        "positive": labels.positive,
        "positive_reason": labels.positive_reason,
        "columns": _columns(usage.inputs),
        "max_length": cutter.max_length,
        "truncation": cutter.truncation,
    }
    if cutter.truncation == "chunks":
        written["chunks"] = {"most": cutter.most_chunks, "pooling": POOLING}
    if labels.kind == "several":
        written["thresholds"] = dict(usage.thresholds)
    if labels.kind != "value":
        written["temperature"] = usage.temperature
    if labels.kind == "one":
        written["min_confidence"] = usage.min_confidence
    written["canaries"] = [
        {**dict(zip(("text", "text2"), texts, strict=False)), "logits": [round(float(value), 6) for value in row]}
        for texts, row in zip(canaries, logits, strict=True)
    ]
    return written


def read(folder: Path) -> dict[str, Any]:
    """The file of a model/ folder, its shape checked; what format 1 lacks is filled in. Raises ModelError."""
    path = folder / NAME
    try:
        side = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"no {NAME}", where=str(folder), expected="a model/ folder written by whet") from None
    except (ValueError, RecursionError) as fault:
        raise ModelError(f"damaged: {fault}", where=str(path)) from None
    if not isinstance(side, dict) or type(side.get("format")) is not int:
        raise ModelError("no format number", where=str(path))
    if side["format"] > FORMAT:
        raise ModelError(
            f"format {side['format']}", where=str(path), expected=f"{FORMAT} or lower", todo="Upgrade whet"
        )
    if side["format"] == 1:
        side.setdefault("columns", {"text": "text", "pair": None})
    wrong = _wrong_keys(side)
    if wrong:
        raise ModelError(
            f"missing or unknown: {', '.join(wrong)}", where=str(path), todo="Train again, or restore the file"
        )
    return cast("dict[str, Any]", side)


def of_model(model: str) -> dict[str, Any] | None:
    """The file of a model that whet saved, by its run folder or its model/ folder; None for any other model. Raises
    ModelError as `read`."""
    path = values.folder(model)
    folder = next((folder for folder in (path / "model", path) if (folder / NAME).is_file()), None)
    return None if folder is None else read(folder)


def labels_of(side: Mapping[str, Any]) -> LabelSet:
    """The labels that it tells of."""
    kinds = {"multilabel": "several", "regression": "value"}
    kind: Any = kinds.get(side["task"], "one")
    return LabelSet(tuple(side["labels"]), side["positive"], side["positive_reason"], kind)


def usage_of(side: Mapping[str, Any]) -> Usage:
    """How the model is asked and its answers are read."""
    columns = side["columns"]
    parts = (tuple(columns.get(key, ())) for key in PARTS.values())
    inputs = Inputs(columns["text"], columns["pair"], *parts)
    return Usage(inputs, side.get("thresholds", {}), side.get("temperature"), side.get("min_confidence"))


def canaries_of(side: Mapping[str, Any]) -> list[Canary]:
    """The test texts."""
    return [tuple(canary[name] for name in ("text", "text2") if name in canary) for canary in side["canaries"]]


def _wrong_keys(side: Mapping[str, Any]) -> list[str]:
    """The keys whose values are not what `content` gives."""
    labels, positive, task = side.get("labels"), side.get("positive"), side.get("task")
    named = isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    fewest = FEWEST.get(task, 2) if isinstance(task, str) else 2
    columns = side.get("columns")
    pair = columns.get("pair") if isinstance(columns, dict) else None
    fits = {
        "kind": side.get("kind") == "transformer",
        "task": task in get_args(Task),
        "labels": named and len(set(labels or ())) == len(labels or ()) >= fewest,
        "positive": "positive" in side and (positive is None or (named and positive in (labels or ()))),
        "positive_reason": isinstance(side.get("positive_reason"), str),
        "columns": _are_columns(columns),
        "max_length": type(side.get("max_length")) is int,
        "truncation": side.get("truncation") in get_args(Truncation) and not (pair and side["truncation"] == "chunks"),
        "chunks": side.get("truncation") != "chunks" or _are_chunks(side.get("chunks")),
        "thresholds": task != "multilabel" or (named and _are_thresholds(side.get("thresholds"), labels or ())),
        "temperature": _is_none_or_within(side.get("temperature"), math.inf),
        "min_confidence": _is_none_or_within(side.get("min_confidence"), 1.0),
        "canaries": _are_canaries(side.get("canaries"), len(labels) if named and labels else 0, 1 + bool(pair)),
    }
    return [key for key, fine in fits.items() if not fine]


def _columns(inputs: Inputs) -> dict[str, object]:
    """How columns were called; of templates also what they join."""
    parts = zip(PARTS.values(), (inputs.text_parts, inputs.pair_parts), strict=True)
    return {"text": inputs.text, "pair": inputs.pair} | {key: list(names) for key, names in parts if names}


def _are_columns(given: object) -> bool:
    """Whether these are the names of columns, or templates with the columns that they join."""
    if not isinstance(given, dict) or not isinstance(given.get("text"), str) or "pair" not in given:
        return False
    if given["pair"] is not None and not isinstance(given["pair"], str):
        return False
    return all(_joins(given[key], given[parts]) for key, parts in PARTS.items() if parts in given)


def _joins(text: object, parts: object) -> bool:
    """Whether this is a template of these columns."""
    try:
        template = parse(text) if isinstance(text, str) else None
    except UsageError:
        return False
    return template is not None and parts == list(template.columns)


def _are_chunks(given: object) -> bool:
    """Whether this says how many sequences of a text are answered, and how."""
    if not isinstance(given, dict) or given.get("pooling") != POOLING:
        return False
    return type(most := given.get("most")) is int and most > 0


def _is_none_or_within(given: object, most: float) -> bool:
    """Whether this is a number from 0 to `most`, or nothing."""
    return given is None or (isinstance(given, (int, float)) and 0 <= given <= most)


def _are_thresholds(given: object, labels: Sequence[str]) -> bool:
    """Whether these are numbers, one for each label."""
    if not isinstance(given, dict) or set(given) != set(labels):
        return False
    return all(isinstance(value, (int, float)) and 0 <= value <= 1 for value in given.values())


def _are_canaries(given: object, classes: int, texts: int) -> bool:
    """Whether these are texts, or pairs of them, one at least, each with a logit for every class."""
    if not isinstance(given, list) or not given:
        return False
    names = ("text", "text2")[:texts]
    return all(
        isinstance(canary, dict)
        and all(isinstance(canary.get(name), str) for name in names)
        and isinstance(logits := canary.get("logits"), list)
        and len(logits) == classes
        and all(isinstance(logit, (int, float)) for logit in logits)
        for canary in given
    )
