"""Scores of a multi-label task, equal to scikit-learn's, from numpy alone.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet.labels import LabelSet
from whet.records import Bools, ClassScore, SeveralScores
from whet.score.metrics import ratio


def scores(true: Bools, predicted: Bools, labels: LabelSet, thresholds: Mapping[str, float]) -> SeveralScores:
    """Scores of predicted answers [B, C] against true ones [B, C]; a row may have none of the labels.

    `thresholds`: label to the probability from which it was predicted. Averages count every label of
    `labels`, also one that no row has. No rows and other shapes than [B, C] raise ValueError.
    """
    true, predicted = np.asarray(true, dtype=np.bool_), np.asarray(predicted, dtype=np.bool_)
    if len(true) == 0 or true.shape != predicted.shape or true.shape != (len(true), len(labels)):
        raise ValueError(
            f"true answers {true.shape} and predicted ones {predicted.shape}: expected both [B, {len(labels)}], "
            "and at least one row"
        )
    hits = true & predicted
    found, support, answered = hits.sum(axis=0), true.sum(axis=0), predicted.sum(axis=0)  # [C] each
    precision, recall = ratio(found, answered), ratio(found, support)
    f1 = ratio(2 * found, support + answered)
    in_row, sizes = hits.sum(axis=1), true.sum(axis=1) + predicted.sum(axis=1)  # [B] each
    of_row = np.where(sizes == 0, 1.0, ratio(2 * in_row, sizes))
    every_found, every_support, every_answered = (each.sum(keepdims=True) for each in (found, support, answered))
    return SeveralScores(
        rows=len(true),
        accuracy=float((true == predicted).all(axis=1).mean()),
        macro_f1=float(f1.mean()),
        micro_f1=float(ratio(2 * every_found, every_support + every_answered)[0]),
        weighted_f1=float(f1 @ ratio(support, np.maximum(1, every_support))),
        samples_f1=float(of_row.mean()),
        micro_precision=float(ratio(every_found, every_answered)[0]),
        micro_recall=float(ratio(every_found, every_support)[0]),
        macro_precision=float(precision.mean()),
        macro_recall=float(recall.mean()),
        hamming_loss=float((true != predicted).mean()),
        classes={
            name: ClassScore(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(labels.names)
        },
        thresholds={name: float(thresholds[name]) for name in labels.names},
    )


def log_loss(logits: NDArray[np.floating[Any]], true: Bools) -> float:
    """Mean binary cross entropy in nats of logits [B, C] of any size against true answers [B, C], over all
    B x C answers."""
    wide = np.asarray(logits, dtype=np.float64)
    # ln(1 + exp(x)) less x where the answer is yes, written so that exp cannot overflow.
    return float(np.mean(np.maximum(wide, 0) - wide * true + np.log1p(np.exp(-np.abs(wide)))))
