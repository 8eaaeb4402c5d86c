"""Scores of predictions, equal to scikit-learn's, from numpy alone.

Sizes in comments: B rows, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet import intervals
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.records import ClassScore, Floats, Ints, Metrics
from whet.values import METRICS


def classification(true: Ints, predicted: Ints, labels: LabelSet) -> Metrics:
    """Scores of predicted class ids [B] against true ones [B].

    Macro averages count every class of `labels`, also one that occurs in neither array, as
    scikit-learn does when it is given `labels=range(C)` and `zero_division=0`. No rows, arrays of
    different lengths and ids outside of 0..C-1 raise ValueError.
    """
    classes = len(labels)
    if len(true) == 0 or len(true) != len(predicted):
        raise ValueError(f"{len(true)} true and {len(predicted)} predicted labels: expected as many, and at least one")
    if min(true.min(), predicted.min()) < 0 or max(true.max(), predicted.max()) >= classes:
        raise ValueError(f"a class id outside of 0..{classes - 1}")
    cells = np.bincount(true.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return from_confusion(cells.reshape(classes, classes), labels)


def from_confusion(confusion: Ints, labels: LabelSet) -> Metrics:
    """Scores from a confusion matrix [C, C] of counts: rows are true, columns predicted."""
    hits = np.diag(confusion).astype(np.float64)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    rows = int(support.sum())
    precision, recall = _ratio(hits, predicted), _ratio(hits, support)
    f1 = _ratio(2 * hits, support + predicted)
    weights = support / rows
    accuracy = float(hits.sum() / rows)
    positive = labels.positive_id
    return Metrics(
        rows=rows,
        accuracy=accuracy,
        macro_f1=float(f1.mean()),
        micro_f1=accuracy,  # each row has one label, so every miss is one false positive and one false negative
        weighted_f1=float(f1 @ weights),
        macro_precision=float(precision.mean()),
        macro_recall=float(recall.mean()),
        weighted_precision=float(precision @ weights),
        weighted_recall=float(recall @ weights),
        classes={
            name: ClassScore(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(labels.names)
        },
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        positive=labels.positive,
        precision=None if positive is None else float(precision[positive]),
        recall=None if positive is None else float(recall[positive]),
        f1=None if positive is None else float(f1[positive]),
    )


def log_loss(logits: NDArray[np.floating[Any]], true: Ints) -> float:
    """Mean cross entropy in nats of logits [B, C] of any size against class ids [B]."""
    shifted = _shifted(logits)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(true)), true]))


def softmax(logits: NDArray[np.floating[Any]]) -> Floats:
    """Probabilities [B, C] in float64, each row summing to 1."""
    powers = np.exp(_shifted(logits))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def value(metrics: Metrics, loss: float, name: str) -> float:
    """The score called `name` (one of values.METRICS), turned so that higher is better.

    An unknown name, and `f1` where there is no positive class, raise UsageError.
    """
    if name == "loss":
        return -loss
    if name not in METRICS:
        raise UsageError(f"unknown metric {name!r}", where="--metric", expected=f"one of {', '.join(METRICS)}")
    score = getattr(metrics, name)
    if score is None:
        raise UsageError(
            f"metric f1 with {len(metrics.classes)} labels",
            where="--metric",
            expected="two labels: f1 is the score of the positive class of a binary task",
            todo="Use --metric macro_f1",
        )
    return float(score)


def interval(metrics: Metrics) -> tuple[float, float]:
    """The accuracy's 95 % confidence interval."""
    return intervals.of_share(metrics.accuracy, metrics.rows)


def as_json(metrics: Metrics) -> dict[str, object]:
    """The scores in the shape that metrics.json holds for one side."""
    document: dict[str, object] = {
        name: getattr(metrics, name)
        for name in (
            "rows", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "macro_precision", "macro_recall",
            "weighted_precision", "weighted_recall",
        )
    }  # fmt: skip
    if metrics.positive is not None:
        document |= {name: getattr(metrics, name) for name in ("positive", "precision", "recall", "f1")}
    document["classes"] = {
        name: {"precision": score.precision, "recall": score.recall, "f1": score.f1, "support": score.support}
        for name, score in metrics.classes.items()
    }
    document["confusion"] = {"labels": list(metrics.classes), "matrix": [list(row) for row in metrics.confusion]}
    return document


def _ratio(above: Floats, below: Ints) -> Floats:
    """above / below, and 0 where below is 0."""
    ratios: Floats = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return ratios


def _shifted(logits: NDArray[np.floating[Any]]) -> Floats:
    """Logits in float64 less the largest of their row: exp of them cannot overflow."""
    wide = np.asarray(logits, dtype=np.float64)
    shifted: Floats = wide - wide.max(axis=1, keepdims=True)
    return shifted
