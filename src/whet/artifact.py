"""The model/ folder: what a fine-tuned classifier is on disk.

It loads in plain transformers; `whet.json` beside it keeps what plain transformers has no place for, and
the manifest (`durable`) what each file must be.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet import durable, sidefile
from whet.data.tokens import Cutter, encode_in_memory, load_cutter
from whet.errors import ModelError, OutputError
from whet.labels import LabelSet
from whet.model import encoder
from whet.model.answers import PROBLEMS
from whet.model.classifier import Classifier
from whet.model.files import longest_input, read_config
from whet.records import Encoded, Usage

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
    usage: Usage


def save(
    folder: Path, classifier: Classifier, cutter: Cutter, labels: LabelSet, *, source: Path, card: str,
    usage: Usage | None = None,
) -> None:  # fmt: skip
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
            side = _side_file(classifier, cutter, labels, usage or Usage())
            text = json.dumps(side, ensure_ascii=False, indent=1)
            (scratch / sidefile.NAME).write_text(text, encoding="utf-8")
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
    side = sidefile.read(folder)
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
            where=str(folder / sidefile.NAME),
            expected=f"at most {longest}, as config.json says",
        )
    labels, usage = sidefile.labels_of(side), sidefile.usage_of(side)
    path, pair = folder / "tokenizer.json", usage.inputs.pair is not None
    cutter = load_cutter(path, max_length=side["max_length"], truncation=side["truncation"], pair=pair)
    if cutter.truncation == "chunks":
        cutter = dataclasses.replace(cutter, most_chunks=side["chunks"]["most"])
    model = encoder.load_saved(folder)
    saved_names = tuple(model.config.id2label[i] for i in range(model.config.num_labels))
    if saved_names != labels.names:
        raise ModelError(
            f"config.json has the labels {', '.join(saved_names)}",
            where=str(folder),
            expected=f"{', '.join(labels.names)} as in {sidefile.NAME}",
            todo="One of the two files was changed; train again or restore it",
        )
    classifier = Classifier(model, device=device, seed=0)
    if classifier.kind != labels.kind:
        raise ModelError(
            f"config.json has the problem_type {model.config.problem_type}",
            where=str(folder),
            expected=f"{PROBLEMS[labels.kind]}, for {sidefile.NAME} has the task {labels.task}",
            todo="One of the two files was changed; train again or restore it",
        )
    _check_canaries(folder, classifier, cutter, side)
    return Artifact(folder, classifier, cutter, labels, usage)


def _side_file(classifier: Classifier, cutter: Cutter, labels: LabelSet, usage: Usage) -> dict[str, object]:
    canaries: list[sidefile.Canary] = [(text,) for text in CANARIES]
    if usage.inputs.pair is not None:
        canaries = list(itertools.pairwise((*CANARIES, CANARIES[0])))
    if cutter.truncation == "chunks":
        canaries.append((_long(cutter),))
    with classifier.in_fp32():  # as it will be loaded
        logits = classifier.all_logits(_encoded(canaries, cutter))
    return sidefile.content(cutter, labels, usage, canaries=canaries, logits=logits)


def _long(cutter: Cutter) -> str:
    """A text of several chunks."""
    tokens = len(cutter.bodies([CANARIES[0]])[0])
    return " ".join([CANARIES[0]] * (cutter.body_length // max(1, tokens) + 1))


def _encoded(canaries: Sequence[sidefile.Canary], cutter: Cutter) -> Encoded:
    texts, *pairs = (list(column) for column in zip(*canaries, strict=True))
    return encode_in_memory(texts, cutter, *pairs)


def check_tokenizer(folder: Path, cutter: Cutter) -> None:
    """Raises ModelError unless plain transformers turns texts, or pairs of them, into the ids and types that training
    sees. Of longer texts transformers knows the head alone, so that is what is compared."""
    stock = encoder.load_tokenizer(folder)
    heads = dataclasses.replace(cutter, truncation="head")
    pairs = None if cutter.middle is None else [*CANARIES[1:], ""]
    theirs = stock(list(CANARIES), pairs, truncation=True, max_length=cutter.max_length)
    if heads.encode(CANARIES, pairs)[0] != theirs["input_ids"]:
        raise ModelError(
            "the tokenizer of transformers and tokenizer.json disagree on a text",
            where=str(folder),
            todo="Please report this model: predictions elsewhere would differ from the ones scored here",
        )
    types, ours = theirs.get("token_type_ids"), encode_in_memory(CANARIES, heads, pairs)
    if pairs is None or (types is None and not _has_types(folder)):
        return
    seconds = np.diff(ours.offsets) if ours.seconds is None else ours.seconds
    given = [[0] * length for length in np.diff(ours.offsets)] if types is None else types
    if [row.index(1) if 1 in row else len(row) for row in given] != seconds.tolist():
        raise ModelError(
            "the tokenizer of transformers and tokenizer.json disagree on the types of the tokens of a pair",
            where=str(folder),
            todo="Please report this model: predictions elsewhere would differ from the ones scored here",
        )


def _has_types(folder: Path) -> bool:
    """Whether the model tells the texts of a pair apart by a type."""
    count = read_config(folder).get("type_vocab_size")
    return isinstance(count, int) and count > 1


def _check_canaries(folder: Path, classifier: Classifier, cutter: Cutter, side: Mapping[str, Any]) -> None:
    given = classifier.all_logits(_encoded(sidefile.canaries_of(side), cutter))
    known = np.asarray([canary["logits"] for canary in side["canaries"]])
    # A number may be in thousands, which round by more.
    size = np.maximum(1.0, np.abs(known)) if side["task"] == "regression" else 1.0
    gap = float((np.abs(given - known) / size).max(initial=0.0))
    # A GPU's matrix products round differently; an exchanged file is off by far more.
    if not gap <= (CANARY_TOLERANCE if classifier.device.type == "cpu" else 0.05):
        raise ModelError(
            f"the model answers its test texts differently from when it was saved (by {gap:.2g})",
            where=str(folder),
            todo="A file was changed or damaged; train again or restore it",
        )
