"""Texts to predictions, in the order of the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from whet import artifact, heap
from whet.config import DeviceName
from whet.data.tokens import encode_in_memory
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.records import Floats, Prediction
from whet.runtime import apply, choose
from whet.score.metrics import softmax

CHUNK_ROWS = 2_048  # texts held as tokens at a time


class Predictor:
    """A saved classifier that answers texts. Made by `load`."""

    def __init__(self, loaded: artifact.Artifact) -> None:
        self._artifact = loaded

    @property
    def labels(self) -> LabelSet:
        return self._artifact.labels

    @property
    def artifact(self) -> artifact.Artifact:
        """The classifier, its tokenizer and its labels."""
        return self._artifact

    def predict(self, texts: Sequence[str], *, logits: bool = False) -> list[Prediction]:
        """A prediction for each text, empty ones included; order kept. `logits` adds them."""
        return [prediction for chunk in self.stream(texts, logits=logits) for prediction in chunk]

    def stream(self, texts: Sequence[str], *, logits: bool = False) -> Iterator[list[Prediction]]:
        """The same, in chunks of bounded memory. A lone string raises UsageError, for it would be read
        letter by letter."""
        if isinstance(texts, str):
            raise UsageError("one string instead of a list of texts", where="predict", todo="Write predict([text])")
        for start in range(0, len(texts), CHUNK_ROWS):
            if start:
                heap.trim()
            chunk = texts[start : start + CHUNK_ROWS]
            encoded = encode_in_memory(chunk, self._artifact.cutter)
            scores = self._artifact.classifier.all_logits(encoded)
            yield predictions(chunk, scores, encoded.truncated.tolist(), self.labels, logits_too=logits)


def load(folder: Path, *, device: DeviceName = "auto", threads: int | None = None) -> Predictor:
    """The predictor of a model/ folder. Raises ModelError for a folder that does not verify.

    It computes in fp32 on every device: an answer should not hang on the machine that gives it.
    """
    machine = choose(device, threads, precision="fp32")
    apply(machine, seed=None)
    heap.keep()
    return Predictor(artifact.load(folder, device=machine.device))


def predictions(
    texts: Sequence[str], logits: Floats, truncated: Sequence[bool], labels: LabelSet, *, logits_too: bool = False
) -> list[Prediction]:
    """Records from logits [B, C]."""
    shares = softmax(logits)
    best = np.argmax(shares, axis=1) if len(shares) else np.zeros(0, np.int64)
    return [
        Prediction(
            text=text,
            label=labels.names[top],
            score=float(row[top]),
            probabilities={name: float(value) for name, value in zip(labels.names, row, strict=True)},
            truncated=cut,
            logits=tuple(float(value) for value in raw) if logits_too else None,
        )
        for text, row, raw, top, cut in zip(texts, shares, logits, best, truncated, strict=True)
    ]
