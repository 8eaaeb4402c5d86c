"""Scores of baselines, kept in a file under a name that tells all that they hang on."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np

from whet import durable
from whet.errors import OutputError
from whet.labels import Kind, LabelSet
from whet.records import Baselines, ClassScore, Ints, Metrics, Scores, SeveralScores, ValueScores
from whet.score.features import Inputs
from whet.score.linear import Targets
from whet.score.metrics import as_json, from_confusion

METHOD: dict[Kind, str] = {"one": "1", "several": "1", "value": "1"}
"""Part of the key: raised whenever the same inputs would give other scores."""

TYPES: dict[Kind, str] = {"one": "<i8", "several": "|u1", "value": "<f8"}
"""Of the targets, as they are digested."""


def key(train: Inputs, train_targets: Targets, test: Inputs, test_targets: Targets, labels: LabelSet) -> str:
    """A digest of everything that the scores follow from."""
    kind = "" if labels.kind == "one" else f" {labels.kind}"
    head = f"{METHOD[labels.kind]} {labels.names!r} {labels.positive!r}{kind}"
    digest = hashlib.sha256(head.encode("utf-8", "surrogatepass"))
    for inputs, targets in ((train, train_targets), (test, test_targets)):
        digest.update(f"\n{len(inputs)}\n".encode())
        for text in inputs.every():
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        digest.update(np.ascontiguousarray(targets, dtype=TYPES[labels.kind]).tobytes())
        if inputs.second is not None:
            digest.update(b"pairs")
    return digest.hexdigest()


def read(path: Path, test_targets: Targets, labels: LabelSet) -> Baselines | None:
    """What the file holds; None where there is none, or it is damaged or does not fit the test rows."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # ValueError: not UTF-8, or not JSON
        return None
    if not isinstance(document, dict):
        return None
    if labels.kind != "one":
        return _signed(document, labels.kind)
    assert test_targets.dtype != np.bool_
    majority = _restored(document.get("majority"), test_targets.astype(np.int64), labels)
    tfidf = _restored(document.get("tfidf"), test_targets.astype(np.int64), labels)
    label, seconds = document.get("majority_label"), document.get("seconds")
    if majority is None or tfidf is None or label not in labels.names:
        return None
    if not isinstance(seconds, float) or not 0 <= seconds < math.inf:
        return None
    return Baselines(majority, tfidf, label, seconds, cached=True)


def write(path: Path, found: Baselines) -> None:
    """Keeps the scores. Where that is impossible raises OutputError."""
    document = {
        "majority": as_json(found.majority),
        "tfidf": as_json(found.tfidf),
        "majority_label": found.majority_label,
        "seconds": found.seconds,
    }
    if not isinstance(found.tfidf, Metrics):
        document["sha256"] = _signature(document)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, json.dumps(document))
    except OSError as fault:
        raise OutputError(
            f"the cache cannot be written: {fault.strerror}", where=str(path), todo="Free space or mend its permissions"
        ) from None


# ---------------------------------------------------------------- one label: scores that follow from their counts


def _restored(scores: object, test_ids: Ints, labels: LabelSet) -> Metrics | None:
    """Metrics from their JSON, computed anew from the confusion matrix: one truth, easily checked."""
    confusion = scores.get("confusion") if isinstance(scores, dict) else None
    matrix = confusion.get("matrix") if isinstance(confusion, dict) else None
    classes, most = len(labels), len(test_ids)
    if not isinstance(matrix, list) or len(matrix) != classes:
        return None
    for row in matrix:
        if not isinstance(row, list) or len(row) != classes or not all(_is_count(n, most) for n in row):
            return None
    cells = np.array(matrix, dtype=np.int64)
    if not np.array_equal(cells.sum(axis=1), np.bincount(test_ids, minlength=classes)):
        return None
    metrics = from_confusion(cells, labels)
    return metrics if as_json(metrics) == scores else None


def _is_count(number: object, most: int) -> bool:
    return type(number) is int and 0 <= number <= most


# ---------------------------------------------------------------- other kinds: scores under a checksum


def _signed(document: dict[str, object], kind: Kind) -> Baselines | None:
    """Scores as they stand, which are trusted where the checksum is right: then this module wrote them."""
    if document.pop("sha256", None) != _signature(document):
        return None
    majority, tfidf = (_scores(document[name], kind) for name in ("majority", "tfidf"))
    seconds = document["seconds"]
    assert isinstance(seconds, float)
    return Baselines(majority, tfidf, str(document["majority_label"]), seconds, cached=True)


def _scores(document: object, kind: Kind) -> Scores:
    assert isinstance(document, dict)
    if kind == "value":
        return ValueScores(**document)
    classes = {name: ClassScore(**scores) for name, scores in document["classes"].items()}
    return SeveralScores(**{**document, "classes": classes})


def _signature(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()
