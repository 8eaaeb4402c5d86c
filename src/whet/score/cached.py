"""Answers of baselines, kept in a file under a name that tells all that they hang on."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from whet.disk import durable
from whet.errors import OutputError
from whet.labels import Kind, LabelSet
from whet.records import Targets
from whet.score.features import Inputs

METHOD: dict[Kind, str] = {"one": "3", "several": "3", "value": "3"}
"""Part of the key: raised whenever the same inputs would give other answers."""

TYPES: dict[Kind, str] = {"one": "<i8", "several": "|b1", "value": "<f8"}
"""Of targets and answers, as they are digested and written."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What baselines answered to the test rows."""

    answers: Mapping[str, Targets]
    """By name: class ids [B], marks [B, C] or values [B]."""
    constant: str
    """The answer of `majority`, as it is told."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Of several labels, those of `tfidf`."""
    seconds: float = 0.0


def key(train: Inputs, train_targets: Targets, test: Inputs, labels: LabelSet) -> str:
    """A digest of everything that the answers follow from."""
    digest = hashlib.sha256(f"{METHOD[labels.kind]} {labels.kind} {labels.names!r}".encode("utf-8", "surrogatepass"))
    for inputs in (train, test):
        digest.update(f"\n{len(inputs)}\n".encode())
        for text in inputs.every():
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        if inputs.second is not None:
            digest.update(b"pairs")
        if inputs.weights is not None:
            digest.update(b"weights" + np.ascontiguousarray(inputs.weights, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(train_targets, dtype=TYPES[labels.kind]).tobytes())
    return digest.hexdigest()


def read(path: Path, labels: LabelSet) -> Answered | None:
    """What the file holds; None where there is none, or it is damaged. What has its checksum this module wrote."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # ValueError: not UTF-8, or not JSON
        return None
    if not isinstance(document, dict) or document.pop("sha256", None) != _signature(document):
        return None
    shape = (-1, len(labels)) if labels.kind == "several" else (-1,)
    answers = {
        name: np.frombuffer(base64.b64decode(written), dtype=TYPES[labels.kind]).reshape(shape)
        for name, written in document["answers"].items()
    }
    return Answered(answers, document["constant"], document["thresholds"], document["seconds"])


def write(path: Path, found: Answered, labels: LabelSet) -> None:
    """Keeps the answers. Where that is impossible raises OutputError."""
    document: dict[str, object] = {
        "answers": {
            name: base64.b64encode(np.ascontiguousarray(each, dtype=TYPES[labels.kind]).tobytes()).decode()
            for name, each in found.answers.items()
        },
        "constant": found.constant,
        "thresholds": dict(found.thresholds),
        "seconds": found.seconds,
    }
    document["sha256"] = _signature(document)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, json.dumps(document))
    except OSError as fault:
        raise OutputError(
            f"the cache cannot be written: {fault.strerror}", where=str(path), todo="Free space or mend its permissions"
        ) from None


def _signature(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()
