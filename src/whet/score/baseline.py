"""Cheap answers on the same test rows: always the same one, and a linear model on TF-IDF.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whet.labels import LabelSet
from whet.records import Baselines, Scores
from whet.score import cached, linear, several, threshold, values
from whet.score.features import Inputs, analyzer
from whet.score.linear import FOLDS, SEARCH_ROWS, STRENGTHS, Targets
from whet.score.metrics import classification

LOOK = 200  # texts that are timed to tell how long it will take,
PASSES, SEARCH_PASSES = 2.0, 7.0  # times whose analysis the training rows take, without and with the search
RIDGE_PASSES, RIDGE_SEARCH_PASSES = 8.0, 100.0  # of ridge regression,
PAIR_PASSES, PAIR_SEARCH_PASSES = 14.0, 100.0  # of pairs, both of whose texts count,
LABEL_PASSES, SEARCH_LABEL_PASSES = 2.4, 6.0  # and of each label of several (docs/log.md, 2026-11-27)
PAIR_FEATURES = 4  # times those of their texts
LIBRARIES = 100 * 2**20  # bytes that scikit-learn takes when it is loaded,
MOST_BYTES = 2 * 10**9  # that the training rows may take; of more rows as many are drawn as take so much
BYTES, DENSE_BYTES = 25, 160  # and for each training character, of words and of dense scripts (docs/log.md, 2026-11-24)


def baselines(
    train_texts: Sequence[str],
    train_targets: Targets,
    test_texts: Sequence[str],
    test_targets: Targets,
    labels: LabelSet,
    *,
    cache: Path | None,
    pairs: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Baselines:
    """Scores on the test rows of the answer that is right most often in training, and of TF-IDF with logistic
    regression, of values with ridge regression.

    Targets are class ids [B]; of a multi-label task answers [B, C], whose thresholds are tuned within the
    training rows; of a regression values [B]. `pairs`: the second texts of training and test.
    Words and pairs of words; 1 to 3 characters within words where Hangul, Han or Kana prevail.
    Texts without a single word, or training rows that are all alike, leave TF-IDF nothing to learn from: it
    then answers as the other does. `seconds` is what the computation took when it was done.
    With `cache` the scores are kept in `cache/baselines`, and a damaged file there is written anew.
    Without scikit-learn raises MissingExtraError, where the cache cannot be written OutputError.
    """
    second, test_second = pairs or (None, None)
    train, test = Inputs(train_texts, second), Inputs(test_texts, test_second)
    path = None
    if cache is not None:
        key = cached.key(train, train_targets, test, test_targets, labels)
        path = cache / "baselines" / f"{key}.json"
        known = cached.read(path, test_targets, labels)
        if known is not None:
            return known
    started = time.perf_counter()
    score = {"one": _classes, "several": _answers, "value": _values}[labels.kind]
    majority, tfidf, label = score(train, train_targets, test, test_targets, labels)
    found = Baselines(majority, tfidf, label, time.perf_counter() - started, cached=False)
    if path is not None:
        cached.write(path, found)
    return found


Scored = tuple[Scores, Scores, str]
"""Scores of the constant answer and of the linear model, and what the constant answer is."""


def _classes(train: Inputs, ids: Targets, test: Inputs, true: Targets, labels: LabelSet) -> Scored:
    ids, true = np.asarray(ids, dtype=np.int64), np.asarray(true, dtype=np.int64)
    commonest = int(np.bincount(ids, minlength=len(labels)).argmax())
    majority = classification(true, np.full(len(true), commonest, dtype=np.int64), labels)
    predicted = linear.classes(train, ids, test)
    tfidf = majority if predicted is None else classification(true, predicted, labels)
    return majority, tfidf, labels.names[commonest]


def _answers(train: Inputs, known: Targets, test: Inputs, true: Targets, labels: LabelSet) -> Scored:
    """The constant answer names the labels that most training rows have, in one string; often there is none."""
    known, true = np.asarray(known, dtype=np.bool_), np.asarray(true, dtype=np.bool_)
    # The share of the rows as everybody's probability, so to say.
    constant, halves = known.mean(axis=0) > threshold.DEFAULT, dict.fromkeys(labels.names, threshold.DEFAULT)
    majority = several.scores(true, np.broadcast_to(constant, true.shape), labels, halves)
    named = ", ".join(name for name, answer in zip(labels.names, constant, strict=True) if answer)
    found = linear.answers(train, known, test, labels)
    if found is None:
        return majority, majority, named
    predicted, thresholds = found
    tuned = dict(zip(labels.names, thresholds.tolist(), strict=True))
    return majority, several.scores(true, predicted, labels, tuned), named


def _values(train: Inputs, known: Targets, test: Inputs, true: Targets, labels: LabelSet) -> Scored:
    known, true = np.asarray(known, dtype=np.float64), np.asarray(true, dtype=np.float64)
    mean = float(known.mean())
    majority = values.scores(true, np.full(len(true), mean))
    predicted = linear.values(train, known, test)
    return majority, majority if predicted is None else values.scores(true, predicted), f"{mean:.6g}"


def expected_seconds(
    train_texts: Sequence[str],
    test_texts: Sequence[str],
    labels: LabelSet | None = None,
    *,
    pairs: tuple[Sequence[str], Sequence[str]] | None = None,
) -> float:
    """How long `baselines` will take without its cache, from a look at a few texts: counting words and their
    pairs is timed, and the rest is taken to grow with it. `labels`: None for classes. Needs no scikit-learn,
    which is slow to load."""
    second, test_second = pairs or (None, None)
    train, test = Inputs(train_texts, second).every(), Inputs(test_texts, test_second).every()
    looked_at = [train[i] for i in np.linspace(0, len(train) - 1, min(len(train), LOOK)).astype(int)]
    dense = analyzer(train)["analyzer"] != "word"
    started = time.perf_counter()
    for text in looked_at:
        words = text.lower() if dense else re.findall(r"\b\w\w+\b", text.lower())
        Counter([*words, *map("".join if dense else " ".join, itertools.pairwise(words))])
    per_character = (time.perf_counter() - started) / max(1, sum(map(len, looked_at)))
    passes = _passes(labels, paired=pairs is not None, search=len(train_texts) <= SEARCH_ROWS)
    learnt = sum(map(len, train)) * fitting_rows(train_texts, second=second) / max(1, len(train_texts))
    return per_character * (learnt * passes + sum(map(len, test)))


def _passes(labels: LabelSet | None, *, paired: bool, search: bool) -> float:
    """Times whose analysis the training rows take."""
    kind = "one" if labels is None else labels.kind
    if labels is not None and kind == "several":
        each = SEARCH_LABEL_PASSES if search else LABEL_PASSES
        return (PAIR_FEATURES if paired else 1) * (FOLDS * PASSES + each * len(labels))
    if paired:
        return PAIR_SEARCH_PASSES if search else PAIR_PASSES
    if kind == "value":
        return RIDGE_SEARCH_PASSES if search else RIDGE_PASSES
    return SEARCH_PASSES if search else PASSES


def expected_bytes(
    train_texts: Sequence[str], labels: LabelSet | None = None, *, second: Sequence[str] | None = None
) -> int:
    """Memory that `baselines` takes at its highest without its cache, LIBRARIES among it, which stay.
    `labels`: None for classes; `second`: the second texts of pairs."""
    needed, rows = _needed(train_texts, second), fitting_rows(train_texts, second=second)
    tables = 0
    if labels is not None and labels.kind == "several":  # probabilities of rows held back
        tables = 8 * rows * len(labels) * (len(STRENGTHS) if rows <= SEARCH_ROWS else 1)
    return LIBRARIES + min(needed, MOST_BYTES) + tables


def fitting_rows(train_texts: Sequence[str], *, second: Sequence[str] | None = None) -> int:
    """How many of the training rows, drawn by chance, do not take more than MOST_BYTES."""
    needed = _needed(train_texts, second)
    return len(train_texts) if needed <= MOST_BYTES else max(1, len(train_texts) * MOST_BYTES // needed)


def _needed(train_texts: Sequence[str], second: Sequence[str] | None) -> int:
    dense = analyzer(train_texts)["analyzer"] != "word"
    each = (DENSE_BYTES if dense else BYTES) * (1 if second is None else PAIR_FEATURES)
    return each * sum(map(len, itertools.chain(train_texts, second or ())))
