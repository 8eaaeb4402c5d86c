"""Which answers are wrong, the surest first, and which labels are. From numpy alone.

Sizes in comments: B rows, C labels, F rows that were found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whet.intervals import NORMAL
from whet.labels import LabelSet
from whet.records import Floats, Ints, Targets

SHARE = 0.1  # of the time of a training
MOST_EXPLAINED = 50  # wrong answers whose words are weighed: as many as the report shows,
EXPLAINED, LEAST_EXPLAINED = 0.15, 20_000  # within this share of the tokens trained on, or within so many tokens
MOST_EPOCHS = 4.0  # after which a model still tells wrong labels that it was trained on (decisions/0020)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Rows that were answered wrongly, the surest answers first."""

    rows: Ints  # [F]
    weights: Floats  # [F]
    """The probability of the wrong answer; of several labels that of the worst one; of numbers the error."""


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Rows that likely have a wrong label, the likeliest first."""

    rows: Ints  # [F]
    suggestions: Ints  # [F] ids of the labels that the rows rather have
    margins: Floats  # [F] the probability of the label less that of the likeliest other one


NONE_FOUND = LabelErrors(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def rows_to_look_at(asked: str, rows: int, trained: float) -> int:
    """How many of the training rows are to be answered once more to find wrong labels: all, none, or for `auto` as
    many as take about a tenth of a training that has taken `trained` rows, each of them three times as long."""
    if asked == "none":
        return 0
    return rows if asked == "all" else min(rows, round(SHARE * 3 * trained))


def tokens_to_explain(trained: float) -> int:
    """How many tokens the explanation of wrong answers may take after a training that took `trained`: about a twentieth
    of its time, for a token that is trained on takes three times as long; and a little whatever the training was."""
    return max(LEAST_EXPLAINED, int(EXPLAINED * trained))


def wrong(answers: Floats, targets: Targets, labels: LabelSet, thresholds: Floats | None = None) -> Wrong:
    """Of answers [B, C], probabilities or numbers, and what they should be. `thresholds` [C]: from which
    probability each of several labels is answered."""
    if labels.kind == "value":
        weights: Floats = np.abs(answers[:, 0] - targets)
    elif labels.kind == "several":
        assert thresholds is not None
        marks = np.asarray(targets, dtype=np.bool_)
        missed = (answers >= thresholds) != marks
        weights = (np.where(marks, 1 - answers, answers) * missed).max(axis=1)
    else:
        weights = np.where(answers.argmax(axis=1) == targets, 0.0, answers.max(axis=1))
    order = np.argsort(-weights, kind="stable")
    rows = order[weights[order] > 0]
    return Wrong(rows, weights[rows])


def tells_apart(probabilities: Floats, ids: Ints) -> bool:
    """Whether answers [B, C] know the label ids [B] from each other: the mean recall of the labels that rows have is
    above that of guessing by more than guessing would be by chance (95 %). Doubts of a model that guesses are noise."""
    counts = np.bincount(ids, minlength=probabilities.shape[1])
    hits = np.bincount(ids[probabilities.argmax(axis=1) == ids], minlength=len(counts))
    there = counts > 0
    labels = int(there.sum())
    if labels < 2:
        return False
    guessed = 1 / labels
    error = np.sqrt((guessed * (1 - guessed) / counts[there]).sum()) / labels
    return bool((hits[there] / counts[there]).mean() > guessed + NORMAL * error)


def label_errors(probabilities: Floats, ids: Ints) -> LabelErrors:
    """Rows whose given label ids [B] are likely wrong, by the probabilities [B, C] of a model.

    Confident learning (Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", arXiv
    1911.00068): a row is counted for the likeliest of the labels whose probability is at least the mean probability
    of that label among the rows that have it. Rows that are counted for another label than theirs are found; they
    stand in the order of their normalised margin. A label that no row has is never suggested.
    """
    counts = np.bincount(ids, minlength=probabilities.shape[1])
    own = probabilities[np.arange(len(ids)), ids]
    sums = np.bincount(ids, weights=own, minlength=len(counts))
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    counted = confident.argmax(axis=1)
    others = probabilities.copy()
    others[np.arange(len(ids)), ids] = -1.0
    margins = own - others.max(axis=1)
    found = np.flatnonzero(confident.max(axis=1) > confident[np.arange(len(ids)), ids])
    found = found[np.argsort(margins[found], kind="stable")]
    return LabelErrors(found, counted[found].astype(np.int64), margins[found])
