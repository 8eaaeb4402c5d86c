"""Scores of probabilities, equal to scikit-learn's where that has them, from numpy alone.

Sizes in comments: B rows, C classes or labels, V different probabilities, N answers with a confidence each.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Metrics, SeveralScores, Targets

BINS = 15
"""Of equal width, over which the calibration error is counted (Guo et al. 2017, "On Calibration of Modern Neural
Networks")."""

LEAST = float(np.finfo(np.float64).eps)
"""What a probability counts at least in the log loss, as in scikit-learn: that of an answer held to be impossible
would be infinite."""


def added(
    scores: Metrics | SeveralScores, shares: Floats, targets: Targets, labels: LabelSet
) -> Metrics | SeveralScores:
    """The scores with those of probabilities [B, C] against class ids [B] or, of several labels, marks [B, C].

    `roc_auc` and `pr_auc` are those of the positive class or, without one, the mean over each class against the rest.
    `brier` is the squared distance to the answer, of two classes half of it, as in scikit-learn; of several labels,
    like `log_loss`, the mean over all B x C answers. `ece` goes by the probability of the predicted class; of several
    labels it compares the probability of each with how often the label is there.
    """
    if isinstance(scores, SeveralScores):
        true: Ints | Bools = np.asarray(targets, dtype=np.bool_)
        marks = true.astype(np.bool_)
    else:
        true = np.asarray(targets, dtype=np.int64)
        marks = np.eye(shares.shape[1], dtype=np.bool_)[true]
    judged = curves(shares, marks, labels)
    return dataclasses.replace(
        scores,
        roc_auc=mean_of(areas(*judged)),
        pr_auc=mean_of(precisions(*judged)),
        log_loss=float(losses(shares, true).mean()),
        brier=float(distances(shares, true).mean()),
        ece=calibration_error(*confidence(shares, true)),
    )


def curves(shares: Floats, marks: Bools, labels: LabelSet) -> tuple[Floats, Bools]:
    """The columns of probabilities and answers [B, C] that have curves of their own: of two classes the positive."""
    one = labels.positive_id
    return (shares, marks) if one is None else (shares[:, [one]], marks[:, [one]])


def losses(shares: Floats, true: Ints | Bools) -> Floats:
    """The log loss of each row [B] by probabilities [B, C], of several labels its mean over them."""
    if true.dtype == np.bool_:
        found: Floats = -np.log(np.clip(np.where(true, shares, 1 - shares), LEAST, 1 - LEAST)).mean(axis=1)
    else:
        found = -np.log(np.clip(shares[np.arange(len(true)), true], LEAST, 1 - LEAST))
    return found


def distances(shares: Floats, true: Ints | Bools) -> Floats:
    """The Brier score of each row [B] likewise."""
    if true.dtype == np.bool_:
        found: Floats = ((shares - true) ** 2).mean(axis=1)
    else:
        found = ((shares - np.eye(shares.shape[1])[true]) ** 2).sum(axis=1) / (2 if shares.shape[1] == 2 else 1)
    return found


def confidence(shares: Floats, true: Ints | Bools) -> tuple[Floats, Bools]:
    """How sure each answer is, and whether it is right [N]: of class ids [B] the highest probability of each row; of
    marks [B, C] the probability of each label, and whether the row has it."""
    if true.dtype == np.bool_:
        return shares.ravel(), true.astype(np.bool_).ravel()
    return shares.max(axis=1), shares.argmax(axis=1) == true


def calibration_error(sure: Floats, right: Bools) -> float:
    """Expected calibration error: how far confidences [N] are, bin by bin, from how often [N] they were right,
    weighted by the answers of a bin (Naeini et al. 2015)."""
    gaps = np.bincount(bin_of(sure), weights=sure - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))


def bin_of(sure: Floats) -> Ints:
    """The bin [N] of each confidence. One between two bins belongs to the lower."""
    places: Ints = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return places


def areas(shares: Floats, true: Bools) -> Floats:
    """Area under the ROC curve [C] of each column of probabilities [B, C]; NaN where all answers are alike."""
    return np.array([_area(shares[:, c], true[:, c]) for c in range(shares.shape[1])])


def precisions(shares: Floats, true: Bools) -> Floats:
    """Average precision [C] likewise."""
    return np.array([_average_precision(shares[:, c], true[:, c]) for c in range(shares.shape[1])])


def mean_of(each: Floats) -> float | None:
    """The mean of those that are numbers; None where none is."""
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else None


def _area(shares: Floats, true: Bools) -> float:
    if true.all() or not true.any():
        return float("nan")
    _, with_, without = placed(shares, true)
    below = np.cumsum(without) - without
    return float(with_ @ (below + without / 2) / (with_.sum() * without.sum()))


def _average_precision(shares: Floats, true: Bools) -> float:
    if true.all() or not true.any():
        return float("nan")
    _, with_, without = placed(shares, true)
    found, answered = np.cumsum(with_[::-1]), np.cumsum((with_ + without)[::-1])
    return float(with_[::-1] @ (found / answered) / found[-1])


def placed(shares: Floats, true: Bools) -> tuple[Ints, Floats, Floats]:
    """The place [B] of each row among the different probabilities, ascending, and how many rows with and without the
    label have each of these [V]."""
    steps, place = np.unique(shares, return_inverse=True)
    every = np.bincount(place, minlength=len(steps)).astype(np.float64)
    with_: Floats = np.bincount(place, weights=true, minlength=len(steps)).astype(np.float64)
    return place.astype(np.int64), with_, every - with_
