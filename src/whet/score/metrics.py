"""Scores of predicted classes, equal to scikit-learn's, and what the scores of all tasks share: their names,
their JSON, and how logits become probabilities. From numpy alone.

Sizes in comments: B rows, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet import intervals
from whet.errors import UsageError
from whet.labels import LabelSet, Task
from whet.records import ClassScore, Floats, Ints, Metrics, Scores, SeveralScores, ValueScores
from whet.settings.values import AUTO_METRIC

# What "best" may mean, by task; the default comes first.
METRICS_OF: Mapping[Task, tuple[str, ...]] = {
    "binary": (
        "macro_f1", "accuracy", "micro_f1", "weighted_f1", "f1", "balanced_accuracy", "mcc", "roc_auc", "pr_auc",
        "loss",
    ),
    "multiclass": (
        "macro_f1", "accuracy", "micro_f1", "weighted_f1", "balanced_accuracy", "mcc", "roc_auc", "pr_auc", "loss",
    ),
    "multilabel": ("macro_f1", "micro_f1", "weighted_f1", "samples_f1", "accuracy", "roc_auc", "pr_auc", "loss"),
    "regression": ("pearson", "spearman", "mae", "rmse", "r2", "loss"),
}  # fmt: skip
ERRORS = ("mae", "rmse")  # lower is better
OF_PROBABILITIES = ("roc_auc", "pr_auc", "log_loss", "brier", "ece")


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
    precision, recall = ratio(hits, predicted), ratio(hits, support)
    f1 = ratio(2 * hits, support + predicted)
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
        balanced_accuracy=float(recall[support > 0].mean()),
        mcc=_mcc(hits.sum(), support, predicted),
    )


def _mcc(hits: float, support: Ints, predicted: Ints) -> float | None:
    """Matthews correlation of more than two classes, too (Gorodkin 2004), from the hits in all and the rows [C] that
    have and that were given each class."""
    true, given = support.astype(np.float64), predicted.astype(np.float64)
    rows = true.sum()
    spread = rows**2 - true @ true
    if not spread:
        return None
    spread *= rows**2 - given @ given
    return float((hits * rows - true @ given) / np.sqrt(spread)) if spread else 0.0


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


def sigmoid(logits: NDArray[np.floating[Any]]) -> Floats:
    """Probabilities [B, C] in float64, each label's on its own."""
    wide = np.asarray(logits, dtype=np.float64)
    powers = np.exp(-np.abs(wide))  # at most 1: exp of the logits themselves could overflow
    probabilities: Floats = np.where(wide >= 0, 1.0, powers) / (1 + powers)
    return probabilities


def default_metric(task: Task) -> str:
    """What "best" means unless another metric is asked for.

    Macro F1 where there are labels: a rare one counts as much as a frequent one, and multi-label data are
    published with it. Pearson for a regression, whose errors hang on the scale of the values.
    """
    return METRICS_OF[task][0]


def metric_of(asked: str, task: Task) -> str:
    """The metric that `asked` is in a task: itself, or the task's default for `auto`. One that the task
    lacks raises UsageError with those that it has."""
    name = default_metric(task) if asked == AUTO_METRIC else asked
    if name in METRICS_OF[task]:
        return name
    has = f"one of {', '.join(METRICS_OF[task])}"
    if name == "f1":
        expected = f"{has}; f1 is the score of the positive class of a binary task"
        raise UsageError(f"metric f1 in a {task} task", where="--metric", expected=expected, todo="Use macro_f1")
    known = any(name in names for names in METRICS_OF.values())
    saw = f"metric {name} in a {task} task" if known else f"unknown metric {name!r}"
    raise UsageError(saw, where="--metric", expected=has)


def task_of(scores: Scores) -> Task:
    """The task that has these scores."""
    if isinstance(scores, SeveralScores):
        return "multilabel"
    if isinstance(scores, ValueScores):
        return "regression"
    return "multiclass" if scores.positive is None else "binary"


def value(scores: Scores, loss: float, name: str) -> float:
    """The score called `name`, turned so that higher is better; NaN where it is undefined. One that these scores
    lack raises UsageError."""
    if name in scores.asked:
        score = scores.asked[name]
    else:
        name = metric_of(name, task_of(scores))
        score = loss if name == "loss" else getattr(scores, name)
    if score is None:
        return math.nan
    return -score if name in (*ERRORS, "loss") else float(score)


def interval(scores: Metrics | SeveralScores) -> tuple[float, float]:
    """The accuracy's 95 % confidence interval."""
    return intervals.of_share(scores.accuracy, scores.rows)


def as_json(scores: Scores) -> dict[str, object]:
    """The scores in the shape that metrics.json holds for one side."""
    if isinstance(scores, ValueScores):
        return _named(scores, ("rows", "pearson", "spearman", "mae", "rmse", "r2")) | dict(scores.asked)
    # Log loss is never undefined: where there is none, there were no probabilities.
    beside = dict(scores.asked) if scores.log_loss is None else _named(scores, OF_PROBABILITIES) | dict(scores.asked)
    if isinstance(scores, SeveralScores):
        document = _named(
            scores,
            (
                "rows", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "samples_f1", "micro_precision",
                "micro_recall", "macro_precision", "macro_recall", "hamming_loss",
            ),
        )  # fmt: skip
        classes = {"classes": _classes(scores.classes), "thresholds": dict(scores.thresholds)}
        return document | beside | classes
    document = _named(
        scores,
        (
            "rows", "accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1", "macro_precision",
            "macro_recall", "weighted_precision", "weighted_recall", "mcc",
        ),
    )  # fmt: skip
    if scores.positive is not None:
        document |= _named(scores, ("positive", "precision", "recall", "f1"))
    matrix = [list(row) for row in scores.confusion]
    confusion = {"labels": list(scores.classes), "matrix": matrix}
    return document | beside | {"classes": _classes(scores.classes), "confusion": confusion}


def ratio(above: NDArray[Any], below: Ints) -> Floats:
    """above / below, and 0 where below is 0."""
    ratios: Floats = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return ratios


def _named(scores: Scores, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(scores, name) for name in names}


def _classes(classes: Mapping[str, ClassScore]) -> dict[str, object]:
    return {
        name: {"precision": score.precision, "recall": score.recall, "f1": score.f1, "support": score.support}
        for name, score in classes.items()
    }


def _shifted(logits: NDArray[np.floating[Any]]) -> Floats:
    """Logits in float64 less the largest of their row: exp of them cannot overflow."""
    wide = np.asarray(logits, dtype=np.float64)
    shifted: Floats = wide - wide.max(axis=1, keepdims=True)
    return shifted
