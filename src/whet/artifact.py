"""The model/ folder: what a fine-tuned classifier is on disk.

It loads in plain transformers; `whet.json` beside it keeps what plain transformers has no place for, and
the manifest (`durable`) what each file must be.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from whet import durable
from whet.config import Truncation
from whet.data.tokens import Cutter, encode_in_memory, load_cutter
from whet.errors import ModelError, OutputError
from whet.labels import LabelSet
from whet.model import encoder
from whet.model.classifier import Classifier
from whet.model.files import longest_input

FORMAT = 1
SIDE_FILE = "whet.json"
CARD = "README.md"  # the one file that may be changed
CANARIES = (
    "This film was a pleasant surprise from start to finish.",
    "I would not recommend it to anyone.",
    "배송이 빠르고 품질도 좋아요. 3번째 구매입니다!",
)
CANARY_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Artifact:
    """A loaded model/ folder."""

    folder: Path
    classifier: Classifier
    cutter: Cutter
    labels: LabelSet


def save(folder: Path, classifier: Classifier, cutter: Cutter, labels: LabelSet, *, source: Path, card: str) -> None:
    """Writes the folder whole or not at all. `source` is where the tokenizer's files are, `card`
    the text of README.md.

    Raises ModelError where plain transformers would tokenise differently from training, OutputError
    where the disk is full or locked.
    """
    from safetensors import SafetensorError

    try:
        with durable.new_folder(folder, free=[CARD]) as scratch:
            encoder.save(classifier.model, scratch)
            encoder.save_tokenizer(source, scratch, max_length=cutter.max_length)
            check_tokenizer(scratch, cutter)
            (scratch / CARD).write_text(card, encoding="utf-8")
            side = json.dumps(_side_file(classifier, cutter, labels), ensure_ascii=False, indent=1)
            (scratch / SIDE_FILE).write_text(side, encoding="utf-8")
    except (OSError, SafetensorError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else None
        raise OutputError(
            f"cannot be saved: {reason or fault}",
            where=str(folder),
            todo="Free space or mend the disk, and give the same command again",
        ) from None


def load(folder: Path, *, device: str) -> Artifact:
    """The classifier of a model/ folder, verified: its files must be those that were saved, and its
    answers to the canary texts too. Raises ModelError otherwise, and for a folder of a newer format."""
    side = read_side_file(folder)
    wrong = durable.damage(folder)
    if wrong is not None:
        raise ModelError(
            f"changed or damaged after it was saved: {wrong}",
            where=str(folder),
            todo="Restore the file, or train again",
        )
    longest = longest_input(folder)
    if side["max_length"] > longest:
        raise ModelError(
            f"max_length {side['max_length']}",
            where=str(folder / SIDE_FILE),
            expected=f"at most {longest}, as config.json says",
        )
    labels = LabelSet(tuple(side["labels"]), side["positive"], side["positive_reason"])
    cutter = load_cutter(folder / "tokenizer.json", max_length=side["max_length"], truncation=side["truncation"])
    model = encoder.load_saved(folder)
    saved_names = tuple(model.config.id2label[i] for i in range(model.config.num_labels))
    if saved_names != labels.names:
        raise ModelError(
            f"config.json has the labels {', '.join(saved_names)}",
            where=str(folder),
            expected=f"{', '.join(labels.names)} as in {SIDE_FILE}",
            todo="One of the two files was changed; train again or restore it",
        )
    classifier = Classifier(model, device=device, seed=0)
    _check_canaries(folder, classifier, cutter, side["canaries"])
    return Artifact(folder, classifier, cutter, labels)


def read_side_file(folder: Path) -> dict[str, Any]:
    """whet.json, its shape checked."""
    path = folder / SIDE_FILE
    try:
        side = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"no {SIDE_FILE}", where=str(folder), expected="a model/ folder written by whet") from None
    except (ValueError, RecursionError) as fault:
        raise ModelError(f"damaged: {fault}", where=str(path)) from None
    if not isinstance(side, dict) or type(side.get("format")) is not int:
        raise ModelError("no format number", where=str(path))
    if side["format"] > FORMAT:
        raise ModelError(
            f"format {side['format']}", where=str(path), expected=f"{FORMAT} or lower", todo="Upgrade whet"
        )
    wrong = _wrong_keys(side)
    if wrong:
        raise ModelError(
            f"missing or unknown: {', '.join(wrong)}", where=str(path), todo="Train again, or restore the file"
        )
    return cast("dict[str, Any]", side)


def _wrong_keys(side: Mapping[str, Any]) -> list[str]:
    """The keys of whet.json whose values are not what `_side_file` writes."""
    labels, positive = side.get("labels"), side.get("positive")
    named = isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    fits = {
        "kind": side.get("kind") == "transformer",
        "labels": named and len(set(labels or ())) == len(labels or ()) >= 2,
        "positive": "positive" in side and (positive is None or (named and positive in (labels or ()))),
        "positive_reason": isinstance(side.get("positive_reason"), str),
        "max_length": type(side.get("max_length")) is int,
        "truncation": side.get("truncation") in get_args(Truncation),
        "canaries": _are_canaries(side.get("canaries"), len(labels) if named and labels else 0),
    }
    return [key for key, fine in fits.items() if not fine]


def _are_canaries(given: object, classes: int) -> bool:
    """Whether these are texts, one at least, each with a logit for every class."""
    if not isinstance(given, list) or not given:
        return False
    pairs = [(canary.get("text"), canary.get("logits")) for canary in given if isinstance(canary, dict)]
    return len(pairs) == len(given) and all(
        isinstance(text, str)
        and isinstance(logits, list)
        and len(logits) == classes
        and all(isinstance(logit, (int, float)) for logit in logits)
        for text, logits in pairs
    )


def _side_file(classifier: Classifier, cutter: Cutter, labels: LabelSet) -> dict[str, object]:
    with classifier.in_fp32():  # as it will be loaded
        logits = classifier.all_logits(encode_in_memory(CANARIES, cutter))
    return {
        "format": FORMAT,
        "kind": "transformer",
        "task": labels.task,
        "labels": list(labels.names),
        "positive": labels.positive,
        "positive_reason": labels.positive_reason,
        "max_length": cutter.max_length,
        "truncation": cutter.truncation,
        "canaries": [
            {"text": text, "logits": [round(float(value), 6) for value in row]}
            for text, row in zip(CANARIES, logits, strict=True)
        ],
    }


def check_tokenizer(folder: Path, cutter: Cutter) -> None:
    """Raises ModelError unless plain transformers turns texts into the ids that training sees. Of
    longer texts transformers knows the head alone, so that is what is compared."""
    stock = encoder.load_tokenizer(folder)
    ours = dataclasses.replace(cutter, truncation="head").encode(CANARIES)[0]
    theirs = [stock(text, truncation=True, max_length=cutter.max_length)["input_ids"] for text in CANARIES]
    if ours != theirs:
        raise ModelError(
            "the tokenizer of transformers and tokenizer.json disagree on a text",
            where=str(folder),
            todo="Please report this model: predictions elsewhere would differ from the ones scored here",
        )


def _check_canaries(folder: Path, classifier: Classifier, cutter: Cutter, canaries: list[dict[str, Any]]) -> None:
    given = classifier.all_logits(encode_in_memory([canary["text"] for canary in canaries], cutter))
    gap = float(np.abs(given - np.asarray([canary["logits"] for canary in canaries])).max(initial=0.0))
    # A GPU's matrix products round differently; an exchanged file is off by far more.
    if not gap <= (CANARY_TOLERANCE if classifier.device.type == "cpu" else 0.05):
        raise ModelError(
            f"the model answers its test texts differently from when it was saved (by {gap:.2g})",
            where=str(folder),
            todo="A file was changed or damaged; train again or restore it",
        )
