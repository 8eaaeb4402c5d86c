"""Scores by scikit-learn's scorers, and by functions of the user's, beside those that need neither.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from whet.errors import UsageError, did_you_mean
from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Targets
from whet.score.metrics import METRICS_OF, metric_of
from whet.settings.values import AUTO_METRIC, METRICS, Metric, MetricFunction, scorers

ROWS = 12  # that a metric is tried on before a training, twice as many as labels where these are many


def fitting(asked: Metric, labels: LabelSet) -> str:
    """The metric that `asked` is with these labels, by its name: one of ours, a scorer of scikit-learn, or a function.
    What a task cannot have raises UsageError with names that are like it. A scorer or function is tried on a few
    made-up rows; what a function itself raises is raised."""
    name = str(asked)
    if isinstance(asked, MetricFunction):
        score = asked.function(*_made_up(labels))
        if isinstance(score, bool) or not isinstance(score, (int, float, np.integer, np.floating)):
            saw = f"{name} returned {type(score).__name__}"
            raise UsageError(saw, where="metric", expected="a number, of which more is better")
    elif name == AUTO_METRIC or name in METRICS:
        return metric_of(name, labels.task)
    elif not _fits(name, labels):
        has = [*METRICS_OF[labels.task], *(other for other in scorers() if _fits(other, labels))]
        raise UsageError(
            f"metric {name} in a {labels.task} task",
            where="--metric",
            expected="a score that this task has",
            todo=did_you_mean(name, has) or f"Use one of {', '.join(METRICS_OF[labels.task])}",
        )
    return name


def asked_for(
    metric: Metric, targets: Targets, answered: Floats | None, labels: LabelSet, thresholds: Mapping[str, float]
) -> dict[str, float | None]:
    """The score that was asked for by its name, nothing where it is one of ours. `answered`: probabilities [B, C], or
    values [B, 1]; None where there are none that are finite. The score is None where it is no finite number, or the
    scorer cannot have it of these rows."""
    if metric == AUTO_METRIC or metric in METRICS:
        return {}
    if answered is None:
        return {str(metric): None}
    answered = answered[:, 0] if labels.kind == "value" else answered
    if isinstance(metric, MetricFunction):
        score = float(metric.function(targets, answered))
    else:
        score = _scored(str(metric), targets, answered, labels, thresholds)
    return {str(metric): score if math.isfinite(score) else None}


def _scored(name: str, targets: Targets, answered: Floats, labels: LabelSet, thresholds: Mapping[str, float]) -> float:
    """By a scorer; NaN where that refuses the rows."""
    true, one = targets, labels.positive_id
    if one == 0:  # for scikit-learn 1 is the positive class
        true, answered = 1 - np.asarray(targets, dtype=np.int64), answered[:, ::-1]
    answers = _stand_in(answered, labels, thresholds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is undefined, which the result tells
        try:
            scorer = _scorer(name, labels)
            return float(scorer(answers, np.arange(len(true))[:, None], np.asarray(true, dtype=_type(labels))))
        except (ValueError, TypeError, AttributeError):
            return math.nan


def _scorer(name: str, labels: LabelSet) -> Any:
    """scikit-learn's; one that scores the probabilities of classes is told which there are, for it would take those
    that the rows have for all of them, and refuse rows that lack one."""
    from sklearn.metrics import get_scorer

    scorer = get_scorer(name)  # a copy
    takes = inspect.signature(scorer._score_func).parameters
    if labels.kind == "one" and "predict_proba" in scorer._response_method and "labels" in takes:
        scorer._kwargs = {**scorer._kwargs, "labels": np.arange(len(labels))}
    return scorer


def _type(labels: LabelSet) -> type:
    return float if labels.kind == "value" else int


def _stand_in(answered: Floats, labels: LabelSet, thresholds: Mapping[str, float]) -> Any:
    """What a scorer takes for a fitted estimator: it knows its answers already."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        def predict(self, _: object) -> Floats:
            return answered

    class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        # Of several labels a list of each one's two classes, as scikit-learn's own have it.
        classes_ = [np.arange(2)] * len(labels) if labels.kind == "several" else np.arange(len(labels))

        def predict(self, _: object) -> Ints | Bools:
            if labels.kind == "several":
                given: Ints = (answered >= np.array([thresholds[name] for name in labels.names])).astype(np.int64)
                return given
            ids: Ints = answered.argmax(axis=1).astype(np.int64)
            return ids

        def predict_proba(self, _: object) -> Floats:
            return answered

    return Regressor() if labels.kind == "value" else Classifier()


def _fits(name: str, labels: LabelSet) -> bool:
    """Whether a scorer has a score of made-up rows. One for numbers would take class ids for such."""
    from sklearn.metrics import get_scorer

    of_numbers = getattr(get_scorer(name)._score_func, "__module__", "").endswith("._regression")
    if of_numbers != (labels.kind == "value"):
        return False
    targets, answered = _made_up(labels)
    return math.isfinite(_scored(name, targets, answered, labels, dict.fromkeys(labels.names, 0.5)))


def _made_up(labels: LabelSet) -> tuple[Targets, Floats]:
    """Targets and answers of a few rows; every label is there, and missing too."""
    rng, rows = np.random.default_rng(0), max(ROWS, 2 * len(labels))
    if labels.kind == "value":
        values = 1 + rng.random(rows)
        return values, values + 0.1 * rng.random(rows)
    shares = 0.1 + rng.random((rows, len(labels)))
    if labels.kind == "several":
        marks: Bools = (np.arange(rows)[:, None] + np.arange(len(labels))) % 2 == 0
        return marks, shares / 1.2
    return np.arange(rows) % len(labels), shares / shares.sum(axis=1, keepdims=True)
