"""Scores of what a model answered, whatever kind of answer its task has. From numpy alone.

Sizes in comments: B rows, C labels; a number is one of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Scores, SeveralScores, Targets, ValueScores
from whet.score import probabilistic, scorer, several, threshold, values
from whet.score.metrics import classification, log_loss, sigmoid, softmax
from whet.settings.values import AUTO_METRIC, Metric


def judge(
    logits: Floats, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float] | None,
    metric: Metric = AUTO_METRIC,
) -> tuple[Scores, float]:  # fmt: skip
    """The scores of logits [B, C] against what they should be, and the mean loss: cross entropy, that of each
    label's own, or the squared error. Without `thresholds` those of several labels are tuned on these very rows.
    `metric`: one that is to be among the scores, which a scorer of scikit-learn or a function gives.

    Of logits that are not finite the loss tells; there are then no scores of probabilities.
    """
    found, lost = _judged(logits, targets, labels, thresholds)
    answered: Floats | None = None
    if np.isfinite(logits).all():
        answered = probabilities(logits, labels)
        if not isinstance(found, ValueScores):
            found = probabilistic.added(found, answered, targets, labels)
    chosen = found.thresholds if isinstance(found, SeveralScores) else {}
    asked = scorer.asked_for(metric, targets, answered, labels, chosen)
    return (dataclasses.replace(found, asked=asked) if asked else found), lost


def _judged(
    logits: Floats, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float] | None
) -> tuple[Scores, float]:
    """What follows from answers, and the loss."""
    if labels.kind == "several":
        marks, shares = np.asarray(targets, dtype=np.bool_), sigmoid(np.nan_to_num(logits))
        if thresholds is None:
            thresholds = dict(zip(labels.names, threshold.tune(shares, marks).tolist(), strict=True))
        found = scores_of(predicted(shares, labels, thresholds), marks, labels, thresholds)
        return found, several.log_loss(logits, marks)
    answered = answers(logits, labels, {})
    found = scores_of(answered, targets, labels, {})
    if labels.kind == "one":
        return found, log_loss(logits, np.asarray(targets, dtype=np.int64))
    if not np.isfinite(logits).all():
        return found, math.nan
    return found, values.loss(np.asarray(answered, np.float64), np.asarray(targets, np.float64))


def scores_of(answered: Targets, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float]) -> Scores:
    """The scores of answers against what they should be, both class ids [B], marks [B, C] of several labels, which
    were given at these thresholds, or values [B]."""
    if labels.kind == "value":
        return values.scores(np.asarray(targets, np.float64), np.asarray(answered, np.float64))
    if labels.kind == "several":
        return several.scores(np.asarray(targets, np.bool_), np.asarray(answered, np.bool_), labels, thresholds)
    return classification(np.asarray(targets, np.int64), np.asarray(answered, np.int64), labels)


def probabilities(logits: Floats, labels: LabelSet) -> Floats:
    """What logits [B, C] say: probabilities [B, C], of several labels each on its own; numbers as they are."""
    if labels.kind == "value":
        return logits
    return sigmoid(logits) if labels.kind == "several" else softmax(logits)


def answers(logits: Floats, labels: LabelSet, thresholds: Mapping[str, float]) -> Targets:
    """What logits [B, C] answer: class ids [B], marks [B, C] of several labels at their thresholds, or values [B]."""
    finite: Floats = np.nan_to_num(logits)
    if labels.kind == "several":
        return predicted(sigmoid(finite), labels, thresholds)
    found: Floats | Ints = finite[:, 0] if labels.kind == "value" else finite.argmax(axis=1).astype(np.int64)
    return found


def predicted(shares: Floats, labels: LabelSet, thresholds: Mapping[str, float]) -> Bools:
    """Which of several labels are answered [B, C] at their thresholds."""
    answers: Bools = shares >= np.array([thresholds[name] for name in labels.names])
    return answers


def default_thresholds(labels: LabelSet) -> dict[str, float]:
    """Those of several labels where there were no rows to tune them on."""
    return dict.fromkeys(labels.names, threshold.DEFAULT) if labels.kind == "several" else {}
