"""The model/ folder of a fine-tuned classifier; `tfidf` has that of a linear model.

It loads in plain transformers; `whet.json` beside it keeps what plain transformers has no place for, and
the manifest (`durable`) what each file must be.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.artifacts import sidefile
from whet.artifacts.sidefile import CANARIES
from whet.data.tokens import Cutter, encode_in_memory
from whet.errors import ModelError
from whet.labels import LabelSet
from whet.model import encoder
from whet.model.answers import PROBLEMS
from whet.model.classifier import Classifier
from whet.model.files import longest_input
from whet.records import Bools, Floats, Ints, Usage

CANARY_TOLERANCE = 1e-4
LONG = 512  # tokens of a test text: to answer them all must stay cheap


@dataclass(frozen=True, slots=True)
class Artifact:
    """A loaded model/ folder."""

    folder: Path
    classifier: Classifier
    cutter: Cutter
    labels: LabelSet
    usage: Usage

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        """Of texts, or pairs of them, [B, C], and which of them were cut [B]."""
        encoded = encode_in_memory(texts, self.cutter, pairs)
        return self.classifier.all_logits(encoded), encoded.truncated

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How many tokens each is [B], about."""
        return self.cutter.likely_tokens(texts, pairs)

    def prove(self, *, quick: bool = False) -> None:
        """Raises ModelError unless the test texts of its folder, or the first few of them, are answered as they were
        when it was saved."""
        side = sidefile.read(self.folder)
        given = self.classifier.all_logits(sidefile.encoded(sidefile.canaries_of(side, quick=quick), self.cutter))
        # A GPU's matrix products round differently; an exchanged file is off by far more.
        tolerance = CANARY_TOLERANCE if self.classifier.device.type == "cpu" else 0.05
        sidefile.check_answers(self.folder, side, given, tolerance)


def save(
    folder: Path, classifier: Classifier, cutter: Cutter, labels: LabelSet, *, source: Path, card: str,
    usage: Usage | None = None,
) -> None:  # fmt: skip
    """Writes the folder whole or not at all. `source` is where the tokenizer's files are, `card`
    the text of README.md.

    Raises ModelError where plain transformers would tokenise differently from training, OutputError
    where the disk is full or locked.
    """
    with sidefile.new_folder(folder, card) as scratch:
        encoder.save(classifier.model, scratch)
        encoder.save_tokenizer(source, scratch, max_length=cutter.max_length)
        check_tokenizer(scratch, cutter)
        side = _side_file(classifier, cutter, labels, usage or Usage())
        (scratch / sidefile.NAME).write_text(json.dumps(side, ensure_ascii=False, indent=1), encoding="utf-8")


def load(folder: Path, *, device: str) -> Artifact:
    """The classifier of a model/ folder, verified: its files must be those that were saved, and its
    answers to the first test texts too. Raises ModelError otherwise, and for a folder of a newer format."""
    side = sidefile.verified(folder)
    longest = longest_input(folder)
    if side["max_length"] > longest:
        raise ModelError(
            f"max_length {side['max_length']}",
            where=str(folder / sidefile.NAME),
            expected=f"at most {longest}, as config.json says",
        )
    labels, usage = sidefile.labels_of(side), sidefile.usage_of(side)
    cutter = sidefile.cutter_of(folder, side)
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
    loaded = Artifact(folder, classifier, cutter, labels, usage)
    loaded.prove(quick=True)
    return loaded


def _side_file(classifier: Classifier, cutter: Cutter, labels: LabelSet, usage: Usage) -> dict[str, object]:
    canaries = sidefile.canaries(_long(cutter), pair=usage.inputs.pair is not None)
    with classifier.in_fp32():  # as it will be loaded
        logits = classifier.all_logits(sidefile.encoded(canaries, cutter))
    seen = sidefile.seen_by(cutter)
    return sidefile.content("transformer", seen, labels, usage, canaries=canaries, logits=logits)


def _long(cutter: Cutter) -> str:
    """A text that is cut, as far as LONG tokens reach for that; where texts are divided, one of several chunks."""
    tokens = len(cutter.bodies([CANARIES[0]])[0])
    room = cutter.body_length if cutter.truncation == "chunks" else min(cutter.body_length, LONG)
    return " ".join([CANARIES[0]] * (room // max(1, tokens) + 1))


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
    if pairs is None or not encoder.has_types(encoder.config_of(folder)):
        return  # without types in the model the tokenizer is saved without them
    types, ours = theirs.get("token_type_ids"), encode_in_memory(CANARIES, heads, pairs)
    seconds = np.diff(ours.offsets) if ours.seconds is None else ours.seconds
    given = [[0] * length for length in np.diff(ours.offsets)] if types is None else types
    if [row.index(1) if 1 in row else len(row) for row in given] != seconds.tolist():
        raise ModelError(
            "the tokenizer of transformers and tokenizer.json disagree on the types of the tokens of a pair",
            where=str(folder),
            todo="Please report this model: predictions elsewhere would differ from the ones scored here",
        )
