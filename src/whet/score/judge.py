"""Scores of what a model answered, whatever kind of answer its task has. From numpy alone.

Sizes in comments: B rows, C labels; a number is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Scores, Targets
from whet.score import probabilistic, several, threshold, values
from whet.score.metrics import classification, log_loss, sigmoid, softmax


def judge(
    logits: Floats, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float] | None
) -> tuple[Scores, float]:
    """The scores of logits [B, C] against what they should be, and the mean loss: cross entropy, that of each
    label's own, or the squared error. Without `thresholds` those of several labels are tuned on these very rows.

    Of logits that are not finite the loss tells; there are then no scores of probabilities.
    """
    finite, sound = np.nan_to_num(logits), bool(np.isfinite(logits).all())
    if labels.kind == "value":
        answered, true = finite[:, 0], np.asarray(targets, dtype=np.float64)
        lost = values.loss(answered, true) if sound else float("nan")
        return values.scores(true, answered), lost
    if labels.kind == "several":
        marks, shares = np.asarray(targets, dtype=np.bool_), sigmoid(finite)
        chosen = dict(zip(labels.names, threshold.tune(shares, marks).tolist(), strict=True))
        chosen = chosen if thresholds is None else dict(thresholds)
        several_found = several.scores(marks, predicted(shares, labels, chosen), labels, chosen)
        if sound:
            several_found = probabilistic.of_several(several_found, shares, marks)
        return several_found, several.log_loss(logits, marks)
    ids = np.asarray(targets, dtype=np.int64)
    found = classification(ids, finite.argmax(axis=1), labels)
    if sound:
        found = probabilistic.of_classes(found, softmax(finite), ids, labels)
    return found, log_loss(logits, ids)


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
