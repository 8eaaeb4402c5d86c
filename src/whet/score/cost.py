"""What linear models on TF-IDF will take, from a look at a few texts: seconds and bytes. Needs no scikit-learn, which
is slow to load.

Cutting texts into the pieces that TF-IDF counts, and counting these, is timed; all else is told as so many times that.
What a fit takes grows with the pieces by the power of 1.5. The factors come from real data sets of 2,000 to 150,000
rows; how far whole jobs are from what is told so is in docs/log.md, 2026-11-29 (benchmarks/plan_accuracy.py --linear).
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.labels import LabelSet
from whet.score.features import Inputs, analyzer
from whet.score.linear import FOLDS, SEARCH_ROWS, STRENGTHS
from whet.score.terms import pieces

LOOK = 200  # texts that are timed
ODD = 1.6  # times the second look: a first one that took longer tells of something else (short texts take 1.3 times)

# Times the look at all training texts:
ANALYSIS, PAIR_ANALYSIS = 3.0, 6.0  # their features,
TRANSFORM, PAIR_TRANSFORM = 2.0, 5.5  # those of other texts, by what is known then,
REGRESSION, NBSVM = 0.7, 0.5  # the fit of one class that is told from the rest, for a million pieces,
LABEL = 0.4  # that of one of several labels,
RIDGE = 0.5  # and that of values, of whatever size
LABEL_FIT = 0.003  # seconds that a fit of one of several labels takes however little there is to learn

NBSVM_SECONDS, NBSVM_SHARE = 2.0, 0.02  # that NB-SVM may take, whatever the job, and of the job
PAIR_FEATURES = 4  # times those of their texts
LIBRARIES = 100 * 2**20  # bytes that scikit-learn takes when it is loaded (`room` wants more to be there),
MOST_BYTES = 2 * 10**9  # that the training rows may take; of more rows as many are drawn as take so much
BYTES, DENSE_BYTES = 28, 160  # and for each training character, of words and of dense scripts (docs/log.md)


@dataclass(frozen=True, slots=True)
class Seconds:
    """What linear models take."""

    learning: float
    nbsvm: float
    """Of these for NB-SVM."""
    again: float
    """For one model more, for which nothing is chosen."""
    answering: float
    """For each character of other texts, by each model."""

    def of(self, texts: Sequence[str], second: Sequence[str] | None = None) -> float:
        """With the answers of all models to these texts, or pairs of them, whose features they share."""
        return self.learning + self.answering * sum(map(len, itertools.chain(texts, second or ())))


def seconds(
    train_texts: Sequence[str],
    labels: LabelSet | None = None,
    *,
    second: Sequence[str] | None = None,
    nbsvm: bool = True,
    search: bool = True,
) -> Seconds:
    """How long linear models will learn from these texts, or pairs of them. `labels`: None for two classes; `nbsvm`:
    that is among them, where it can be; `search`: where rows are few, cross-validation chooses a strength."""
    every, paired = Inputs(train_texts, second).every(), second is not None
    a_character, pieces_a_character = _look(every)
    learnt = sum(map(len, every)) * fitting_rows(train_texts, second=second) / max(1, len(train_texts))
    a_look, size = a_character * learnt, math.sqrt(pieces_a_character * learnt / 1e6)
    searched = search and len(train_texts) <= SEARCH_ROWS
    one = labels is None or labels.kind == "one"
    own = a_look * size * NBSVM * _columns(labels) if nbsvm and one and not paired else 0.0
    if labels is not None and labels.kind == "value":
        fit = a_look * RIDGE
    elif labels is not None and labels.kind == "several":
        fit = len(labels) * (a_look * size * LABEL + LABEL_FIT)
    else:
        fit = a_look * size * REGRESSION * _columns(labels)
    learning = own + a_look * _analyses(labels, paired=paired, search=searched) + fit * _fits(labels, search=searched)
    again = a_look * (PAIR_ANALYSIS if paired else ANALYSIS) + fit
    return Seconds(learning, own, again, (PAIR_TRANSFORM if paired else TRANSFORM) * a_character)


def held_back_seconds(train_texts: Sequence[str], labels: LabelSet, *, second: Sequence[str] | None = None) -> float:
    """How long the answers of models to rows that they did not learn from will take, FOLDS models in all."""
    each = seconds(train_texts, labels, second=second, nbsvm=False, search=False)
    share = (FOLDS - 1) / FOLDS
    return FOLDS * share * each.learning + each.answering * sum(map(len, Inputs(train_texts, second).every()))


def has_nbsvm(own: float, job: float) -> bool:
    """Whether NB-SVM, which takes `own` seconds, is worth them in a job that takes `job` seconds."""
    return own <= max(NBSVM_SECONDS, NBSVM_SHARE * job)


def expected_bytes(
    train_texts: Sequence[str], labels: LabelSet | None = None, *, second: Sequence[str] | None = None
) -> int:
    """Memory that `baselines` takes at its highest without its cache, LIBRARIES among it, which stay.
    `labels`: None for classes; `second`: the second texts of pairs."""
    needed, rows = bytes_needed(train_texts, second), fitting_rows(train_texts, second=second)
    tables = 0
    if labels is not None and labels.kind == "several":  # probabilities of rows held back
        tables = 8 * rows * len(labels) * (len(STRENGTHS) if rows <= SEARCH_ROWS else 1)
    return LIBRARIES + min(needed, MOST_BYTES) + tables


def fitting_rows(train_texts: Sequence[str], *, second: Sequence[str] | None = None) -> int:
    """How many of the training rows, drawn by chance, do not take more than MOST_BYTES."""
    needed = bytes_needed(train_texts, second)
    return len(train_texts) if needed <= MOST_BYTES else max(1, len(train_texts) * MOST_BYTES // needed)


def bytes_needed(train_texts: Sequence[str], second: Sequence[str] | None) -> int:
    """Bytes that TF-IDF takes to learn from texts, or pairs of them."""
    dense = analyzer(train_texts)["analyzer"] != "word"
    each = (DENSE_BYTES if dense else BYTES) * (1 if second is None else PAIR_FEATURES)
    return each * sum(map(len, itertools.chain(train_texts, second or ())))


def _look(texts: Sequence[str]) -> tuple[float, float]:
    """Of a character seconds and pieces."""
    some = [texts[i] for i in np.linspace(0, len(texts) - 1, min(len(texts), LOOK)).astype(int)]
    how = analyzer(texts)
    took = []
    for _ in range(2):
        counted: Counter[str] = Counter()
        started = time.perf_counter()
        for text in some:
            counted.update(pieces(text, how["analyzer"], how["ngram_range"]))
        took.append(time.perf_counter() - started)
    first, second = took  # some milliseconds, in which another process may have had the core
    characters = max(1, sum(map(len, some)))
    return (first if first <= ODD * second else second) / characters, counted.total() / characters


def _columns(labels: LabelSet | None) -> int:
    """Classes that are told from the rest; of two, one."""
    return 1 if labels is None or len(labels) == 2 else len(labels)


def _analyses(labels: LabelSet | None, *, paired: bool, search: bool) -> float:
    """Times the look at all training texts that their features take."""
    own, other = (PAIR_ANALYSIS, PAIR_TRANSFORM) if paired else (ANALYSIS, TRANSFORM)
    parted = search or (labels is not None and labels.kind == "several")  # whose thresholds are tuned
    return own + ((FOLDS - 1) * own + other if parted else 0.0)


def _fits(labels: LabelSet | None, *, search: bool) -> float:
    """Fits of one class or label, in those of all training rows."""
    share = (FOLDS - 1) / FOLDS * math.sqrt((FOLDS - 1) / FOLDS)
    if search:
        return 1 + FOLDS * len(STRENGTHS) * share
    return 1 + FOLDS * share if labels is not None and labels.kind == "several" else 1.0
