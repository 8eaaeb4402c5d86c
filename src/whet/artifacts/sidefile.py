"""whet.json: what tells how a saved model is asked and its answers are read; and how every model/ folder is written
and verified."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from whet.data.template import parse
from whet.data.tokens import Cutter, encode_in_memory, load_cutter
from whet.disk import durable
from whet.errors import ModelError, OutputError, UsageError
from whet.labels import LabelSet, Task
from whet.records import Encoded, Floats, Inputs, Usage
from whet.settings import values
from whet.settings.config import Truncation

FORMAT = 5  # 2: tasks beside one label of a text; 3: linear models; 4: exported ones; 5: ensembles
WRITTEN = {"transformer": 2, "linear": 3, "onnx": 4, "ensemble": 5}  # the lowest that has what is written of a kind
NAME = "whet.json"
CARD = "README.md"  # the one file that may be changed
PLACE = "PATH_OF_THIS_FOLDER"  # in its examples, for where the folder will lie
POOLING = "mean of the logits, by whet"  # not by the model in the folder, which answers one sequence
FEWEST = {"binary": 2, "multiclass": 2, "multilabel": 1, "regression": 1}  # labels of a task
PARTS = {"text": "text_parts", "pair": "pair_parts"}  # where a template is, the columns that it joins
ANALYZERS = {"word": [1, 2], "char_wb": [1, 3]}  # of a linear model, and the lengths of what they count
SENTENCES = (
    "This film was a pleasant surprise from start to finish.",
    "I would not recommend it to anyone.",
    "배송이 빠르고 품질도 좋아요. 3번째 구매입니다!",
)
CANARIES = (
    *SENTENCES,
    "",
    "ok",
    "NO!!! Worst. Purchase. EVER :-(",
    "<b>50 % off</b> (was $19.99), see https://example.org/?q=a&b=1\n\n#sale @shop",
    "Le café coûtait 3,50 €, l'hôtel était fermé. Größe und Straße: Überprüfung. Tiếng Việt thật hay.",
    "Заказ пришёл вовремя, но упаковка была повреждена.",
    "خدمة ممتازة والتوصيل سريع، شكرا لكم",
    "यह किताब बहुत अच्छी है, ज़रूर पढ़ें।",
    "この店のラーメンは最高でした。这家餐厅的服务很差，我不会再来了。",
    "อาหารอร่อยมาก บริการดี",
    "👍🏽 love it 😂😂 👩‍👩‍👧 🇰🇷 ❤️ ㅋㅋㅋ ㅠㅠ Ｆｕｌｌ ｗｉｄｔｈ",
    "The delivery took eleven days instead of two, the box was open, and one of the four screws was missing; still, "
    "once it had been put together, the table turned out to be far better than its price suggests, so I kept it.",
)  # of many scripts and lengths, as `clean_text` leaves them
FEW = 3  # of them are asked where an answer is waited for

ModelKind = Literal["transformer", "linear", "onnx", "ensemble"]
Engine = Literal["onnx", "int8"]  # what an exported model is answered with
Canary = tuple[str, ...]
"""A text, or both of a pair."""


def seen_by(cutter: Cutter) -> dict[str, object]:
    """What of a text a transformer sees."""
    seen: dict[str, object] = {"max_length": cutter.max_length, "truncation": cutter.truncation}
    if cutter.truncation == "chunks":
        seen["chunks"] = {"most": cutter.most_chunks, "pooling": POOLING}
    return seen


def content(
    kind: ModelKind, seen: Mapping[str, object], labels: LabelSet, usage: Usage, *, canaries: Sequence[Canary],
    logits: Floats,
) -> dict[str, object]:  # fmt: skip
    """What the file holds. `seen`: what of a text this kind of model sees."""
    written: dict[str, object] = {
        "format": WRITTEN[kind],
        "kind": kind,
        "task": labels.task,
        "labels": list(labels.names),
        "positive": labels.positive,
        "positive_reason": labels.positive_reason,
        "columns": _columns(usage.inputs),
        **seen,
    }
    if labels.kind == "several":
        written["thresholds"] = dict(usage.thresholds)
    if labels.kind != "value":
        written["temperature"] = usage.temperature
    if labels.kind == "one":
        written["min_confidence"] = usage.min_confidence
    if usage.teacher is not None:
        written["teacher"] = dict(usage.teacher)
    written["canaries"] = [
        {**dict(zip(("text", "text2"), texts, strict=False)), "logits": [round(float(value), 6) for value in row]}
        for texts, row in zip(canaries, logits, strict=True)
    ]
    return written


@contextmanager
def new_folder(folder: Path, card: str) -> Iterator[Path]:
    """A model/ folder to be filled, with its card; it is there, whole, once the block has ended well. Raises
    OutputError where the disk is full or locked."""
    from safetensors import SafetensorError

    try:
        with durable.new_folder(folder, free=[CARD]) as scratch:
            yield scratch
            (scratch / CARD).write_text(card, encoding="utf-8")
    except (OSError, SafetensorError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else None
        raise OutputError(
            f"cannot be saved: {reason or fault}",
            where=str(folder),
            todo="Free space or mend the disk, and give the same command again",
        ) from None


def verified(folder: Path) -> dict[str, Any]:
    """The same as `read` of a folder whose files are those that were saved. Raises ModelError for any other."""
    side = read(folder)
    check_files(folder)
    return side


def check_files(folder: Path, *, besides: Collection[str] = ()) -> None:
    """Raises ModelError unless the files of a folder, but for some that are not looked at, are those that were
    saved."""
    wrong = durable.damage(folder, besides=besides)
    if wrong is not None:
        raise ModelError(
            f"changed or damaged after it was saved: {wrong}",
            where=str(folder),
            todo="Restore the file, or train again",
        )


def check_answers(
    folder: Path, side: Mapping[str, Any], given: Floats, tolerance: float, *, key: str = "logits"
) -> None:
    """Raises ModelError where the logits [B, C] that a model gives its test texts, or the first of them, are not those
    that were saved under this key."""
    known = np.asarray([canary[key] for canary in side["canaries"][: len(given)]])
    # A number may be in thousands, which round by more.
    size = np.maximum(1.0, np.abs(known)) if side["task"] == "regression" else 1.0
    gap = float((np.abs(given - known) / size).max(initial=0.0))
    if not gap <= tolerance:
        raise ModelError(
            f"the model answers its test texts differently from when it was saved (by {gap:.2g})",
            where=str(folder),
            todo="A file was changed or damaged; train again or restore it",
        )


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
    folder = folder_of(model)
    return None if folder is None else read(folder)


def folder_of(model: str) -> Path | None:
    """The model/ folder of such a model."""
    path = values.folder(model)
    return next((folder for folder in (path / "model", path) if (folder / NAME).is_file()), None)


def kind_of(side: Mapping[str, Any]) -> str | None:
    """The kind of the models that answer: of an ensemble that of its members."""
    kind: str | None = side.get("of") if side.get("kind") == "ensemble" else side.get("kind")
    return kind


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
    return Usage(
        inputs, side.get("thresholds", {}), side.get("temperature"), side.get("min_confidence"),
        side.get("teacher"),
    )  # fmt: skip


def cutter_of(folder: Path, side: Mapping[str, Any]) -> Cutter:
    """How texts become tokens for a transformer, or what was exported of one."""
    pair = usage_of(side).inputs.pair is not None
    cutter = load_cutter(
        folder / "tokenizer.json", max_length=side["max_length"], truncation=side["truncation"], pair=pair
    )
    if cutter.truncation == "chunks":
        cutter = dataclasses.replace(cutter, most_chunks=side["chunks"]["most"])
    return cutter


def state_of(folder: Path) -> str:
    """What tells two states of a saved model apart."""
    try:
        return hashlib.sha256((folder / durable.MANIFEST).read_bytes()).hexdigest()
    except OSError as fault:
        raise ModelError(f"{durable.MANIFEST} cannot be read: {fault.strerror}", where=str(folder)) from None


def encoded(canaries: Sequence[Canary], cutter: Cutter) -> Encoded:
    """Test texts as tokens."""
    texts, *pairs = (list(column) for column in zip(*canaries, strict=True))
    return encode_in_memory(texts, cutter, *pairs)


def canaries(own: str, *, pair: bool) -> list[Canary]:
    """The test texts of a new model, of which one is its own; for a model of pairs each with the one after it."""
    texts = (*CANARIES, own)
    return list(itertools.pairwise((*texts, texts[0]))) if pair else [(text,) for text in texts]


def canaries_of(side: Mapping[str, Any], *, quick: bool = False) -> list[Canary]:
    """The test texts, or the first FEW of them."""
    asked = side["canaries"][: FEW if quick else None]
    return [tuple(canary[name] for name in ("text", "text2") if name in canary) for canary in asked]


def _wrong_keys(side: Mapping[str, Any]) -> list[str]:
    """The keys whose values are not what `content` gives."""
    labels, positive, task = side.get("labels"), side.get("positive"), side.get("task")
    named = isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    fewest = FEWEST.get(task, 2) if isinstance(task, str) else 2
    columns = side.get("columns")
    pair = columns.get("pair") if isinstance(columns, dict) else None
    kind = side.get("kind")
    own = _fits_linear(side) if kind_of(side) == "linear" else _fits_transformer(side, bool(pair))
    count, texts = len(labels) if named and labels else 0, 1 + bool(pair)
    if kind == "onnx":
        own |= _fits_exported(side, count, texts)
    elif kind == "ensemble":
        own |= {"of": side.get("of") in ("transformer", "linear"), "members": _are_members(side.get("members"))}
    fits = {
        "kind": isinstance(kind, str) and kind in WRITTEN,
        "task": task in get_args(Task),
        "labels": named and len(set(labels or ())) == len(labels or ()) >= fewest,
        "positive": "positive" in side and (positive is None or (named and positive in (labels or ()))),
        "positive_reason": isinstance(side.get("positive_reason"), str),
        "columns": _are_columns(columns),
        **own,
        "thresholds": task != "multilabel" or (named and _are_thresholds(side.get("thresholds"), labels or ())),
        "temperature": _is_none_or_within(side.get("temperature"), math.inf),
        "min_confidence": _is_none_or_within(side.get("min_confidence"), 1.0),
        "teacher": side.get("teacher") is None or _is_teacher(side["teacher"]),
        "canaries": _are_canaries(side.get("canaries"), count, texts),
    }
    return [key for key, fine in fits.items() if not fine]


def _fits_transformer(side: Mapping[str, Any], is_pair: bool) -> dict[str, bool]:
    truncation = side.get("truncation")
    return {
        "max_length": type(side.get("max_length")) is int,
        "truncation": truncation in get_args(Truncation) and not (is_pair and truncation == "chunks"),
        "chunks": truncation != "chunks" or _are_chunks(side.get("chunks")),
    }


def _fits_exported(side: Mapping[str, Any], classes: int, texts: int) -> dict[str, bool]:
    engines, canaries = side.get("engines"), side.get("canaries")
    known = engines in (["onnx"], ["onnx", "int8"])
    quantised = known and engines != ["onnx"]
    return {
        "source": isinstance(side.get("source"), str),
        "padding": type(side.get("padding")) is int,
        "engines": known and (not quantised or _are_canaries(canaries, classes, texts, key="int8")),
        "default": known and side.get("default") in cast("list[str]", engines),
    }


def _fits_linear(side: Mapping[str, Any]) -> dict[str, bool]:
    analyzer = side.get("analyzer")
    known = isinstance(analyzer, str) and analyzer in ANALYZERS
    return {"analyzer": known, "ngrams": known and side.get("ngrams") == ANALYZERS[str(analyzer)]}


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


def _is_teacher(given: object) -> bool:
    """Whether this names a model that taught this one."""
    return isinstance(given, dict) and all(isinstance(given.get(key), str) for key in ("name", "digest"))


def _are_members(given: object) -> bool:
    """Whether these are names of folders beside the file."""
    if not isinstance(given, list) or not given:
        return False
    return all(isinstance(name, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in given)


def _are_thresholds(given: object, labels: Sequence[str]) -> bool:
    """Whether these are numbers, one for each label."""
    if not isinstance(given, dict) or set(given) != set(labels):
        return False
    return all(isinstance(value, (int, float)) and 0 <= value <= 1 for value in given.values())


def _are_canaries(given: object, classes: int, texts: int, *, key: str = "logits") -> bool:
    """Whether these are texts, or pairs of them, one at least, each with a logit for every class under this key."""
    if not isinstance(given, list) or not given:
        return False
    names = ("text", "text2")[:texts]
    return all(
        isinstance(canary, dict)
        and all(isinstance(canary.get(name), str) for name in names)
        and isinstance(logits := canary.get(key), list)
        and len(logits) == classes
        and all(isinstance(logit, (int, float)) for logit in logits)
        for canary in given
    )
