"""Cheap answers on the same test rows: always the same one, and linear models on words.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from whet.labels import LabelSet
from whet.records import Baselines, Bools, SeveralScores
from whet.score import cached, linear, threshold
from whet.score.cached import Answered
from whet.score.features import Inputs, analyzer
from whet.score.fitted import Linear
from whet.score.judge import answers, scores_of
from whet.score.linear import FOLDS, SEARCH_ROWS, STRENGTHS, Targets

LOOK = 200  # texts that are timed to tell how long it will take,
PASSES, SEARCH_PASSES = 2.0, 7.0  # times whose analysis the training rows take, without and with the search
RIDGE_PASSES, RIDGE_SEARCH_PASSES = 8.0, 100.0  # of ridge regression,
PAIR_PASSES, PAIR_SEARCH_PASSES = 14.0, 100.0  # of pairs, both of whose texts count,
LABEL_PASSES, SEARCH_LABEL_PASSES = 2.4, 6.0  # and of each label of several (docs/log.md, 2026-11-27)
NBSVM_PASSES = 0.25  # of each class that NB-SVM tells from the rest
NBSVM_SECONDS, NBSVM_SHARE = 2.0, 0.02  # that it may take, whatever the job, and of the job
PAIR_FEATURES = 4  # times those of their texts
LIBRARIES = 100 * 2**20  # bytes that scikit-learn takes when it is loaded (`room` wants more to be there),
MOST_BYTES = 2 * 10**9  # that the training rows may take; of more rows as many are drawn as take so much
BYTES, DENSE_BYTES = 28, 160  # and for each training character, of words and of dense scripts (docs/log.md)


def baselines(
    train: Inputs,
    train_targets: Targets,
    test: Inputs,
    test_targets: Targets,
    labels: LabelSet,
    *,
    cache: Path | None,
    nbsvm: bool = True,
) -> Baselines:
    """What answers the test rows cheaply, and its scores: the answer that is right most often in training, TF-IDF with
    logistic regression, of values with ridge regression, and, for single texts with one label, NB-SVM unless it is
    to be left out.

    Targets are class ids [B]; of a multi-label task answers [B, C], whose thresholds are tuned within the
    training rows; of a regression values [B].
    Words and pairs of words; 1 to 3 characters within words where Hangul, Han or Kana prevail.
    Texts without a single word, or training rows that are all alike, leave nothing to learn from: all then
    answer as the first does. `seconds` is what the computation took when it was done.
    With `cache` the answers are kept in `cache/baselines`, and a damaged file there is written anew.
    Without scikit-learn raises MissingExtraError, where the cache cannot be written OutputError.
    """
    nbsvm = nbsvm and labels.kind == "one" and train.second is None
    path = None
    if cache is not None:
        key = cached.key(train, train_targets, test, labels)
        path = cache / "baselines" / f"{key}.json"
        known = cached.read(path, labels)
        if known is not None and (not nbsvm or "nbsvm" in known.answers):
            return _scored(known, test_targets, labels, cached=True)
    started = time.perf_counter()
    answer = {"one": _classes, "several": _marks, "value": _values}[labels.kind]
    found = answer(train, train_targets, test, labels, nbsvm)
    found = dataclasses.replace(found, seconds=time.perf_counter() - started)
    if path is not None:
        cached.write(path, found, labels)
    return _scored(found, test_targets, labels, cached=False)


def constant(known: Targets, true: Targets, labels: LabelSet) -> Baselines:
    """The answer that is right most often in training alone, for a model that is linear itself. `known`: the targets of
    the training rows, `true`: those of test."""
    started = time.perf_counter()
    every, named = _constant(known, len(true), labels)
    return _scored(Answered({"majority": every}, named, {}, time.perf_counter() - started), true, labels, cached=False)


def of_models(models: Mapping[str, Linear], known: Targets, test: Inputs, true: Targets, labels: LabelSet) -> Baselines:
    """The same with linear models of the training rows that are there already, `tfidf` and perhaps `nbsvm`."""
    started = time.perf_counter()
    every, named = _constant(known, len(true), labels)
    thresholds: dict[str, float] = {}
    if (tuned := models["tfidf"].thresholds) is not None:
        thresholds = dict(zip(labels.names, tuned.tolist(), strict=True))
    given = {"majority": every}
    given |= {name: answers(model.logits(test), labels, thresholds) for name, model in models.items()}
    return _scored(Answered(given, named, thresholds, time.perf_counter() - started), true, labels, cached=False)


def among(found: Baselines, rows: Bools, true: Targets, labels: LabelSet) -> Baselines:
    """The same on those of the test rows [B] that are to count. `true`: the targets of these."""
    thresholds = dict(found.tfidf.thresholds) if isinstance(found.tfidf, SeveralScores) else {}
    answers = {name: each[rows] for name, each in found.answers.items()}
    return _scored(
        Answered(answers, found.majority_label, thresholds, found.seconds), true, labels, cached=found.cached
    )


def _scored(found: Answered, true: Targets, labels: LabelSet, *, cached: bool) -> Baselines:
    halves = dict.fromkeys(labels.names, threshold.DEFAULT)
    scores = {
        name: scores_of(each, true, labels, halves if name == "majority" else found.thresholds)
        for name, each in found.answers.items()
    }
    return Baselines(
        scores["majority"], scores.get("tfidf"), found.constant, found.seconds, cached, scores.get("nbsvm"),
        found.answers,
    )  # fmt: skip


def _constant(known: Targets, rows: int, labels: LabelSet) -> tuple[Targets, str]:
    """Of so many rows the answer that is always the same, and what it is called. Of several labels it names those that
    most training rows have, in one string; often there is none."""
    if labels.kind == "value":
        mean = float(np.asarray(known, np.float64).mean())
        return np.full(rows, mean), f"{mean:.6g}"
    if labels.kind == "several":
        # The share of the rows as everybody's probability, so to say.
        each = np.asarray(known, np.bool_).mean(axis=0) > threshold.DEFAULT
        named = ", ".join(name for name, answer in zip(labels.names, each, strict=True) if answer)
        every: Bools = np.broadcast_to(each, (rows, len(labels))).copy()
        return every, named
    commonest = int(np.bincount(np.asarray(known, np.int64), minlength=len(labels)).argmax())
    return np.full(rows, commonest, dtype=np.int64), labels.names[commonest]


def _classes(train: Inputs, ids: Targets, test: Inputs, labels: LabelSet, nbsvm: bool) -> Answered:
    every, named = _constant(ids, len(test), labels)
    found: Mapping[str, Targets] | None = linear.classes(train, np.asarray(ids, dtype=np.int64), test, nbsvm=nbsvm)
    if found is None:
        found = dict.fromkeys(("tfidf", "nbsvm") if nbsvm else ("tfidf",), every)
    return Answered({"majority": every, **found}, named)


def _marks(train: Inputs, known: Targets, test: Inputs, labels: LabelSet, _: bool) -> Answered:
    every, named = _constant(known, len(test), labels)
    found = linear.answers(train, np.asarray(known, dtype=np.bool_), test, labels)
    if found is None:
        halves = dict.fromkeys(labels.names, threshold.DEFAULT)
        return Answered({"majority": every, "tfidf": every}, named, halves)
    predicted, thresholds = found
    tuned = dict(zip(labels.names, thresholds.tolist(), strict=True))
    return Answered({"majority": every, "tfidf": predicted}, named, tuned)


def _values(train: Inputs, known: Targets, test: Inputs, labels: LabelSet, _: bool) -> Answered:
    every, named = _constant(known, len(test), labels)
    predicted = linear.values(train, np.asarray(known, dtype=np.float64), test)
    return Answered({"majority": every, "tfidf": every if predicted is None else predicted}, named)


def expected_seconds(
    train_texts: Sequence[str],
    test_texts: Sequence[str],
    labels: LabelSet | None = None,
    *,
    pairs: tuple[Sequence[str], Sequence[str]] | None = None,
    nbsvm: bool = True,
) -> float:
    """How long `baselines` will take without its cache, from a look at a few texts: counting words and their
    pairs is timed, and the rest is taken to grow with it. `labels`: None for classes; `nbsvm`: that is among them.
    Needs no scikit-learn, which is slow to load."""
    second, test_second = pairs or (None, None)
    learning, each = expected_rates(train_texts, labels, second=second, nbsvm=nbsvm)
    return learning + each * sum(map(len, Inputs(test_texts, test_second).every()))


def expected_rates(
    train_texts: Sequence[str],
    labels: LabelSet | None = None,
    *,
    second: Sequence[str] | None = None,
    nbsvm: bool = True,
) -> tuple[float, float]:
    """The same in two parts: the seconds to learn, and those to answer a character. `second`: the second texts of
    pairs."""
    train = Inputs(train_texts, second).every()
    looked_at = [train[i] for i in np.linspace(0, len(train) - 1, min(len(train), LOOK)).astype(int)]
    dense = analyzer(train)["analyzer"] != "word"
    started = time.perf_counter()
    for text in looked_at:
        words = text.lower() if dense else re.findall(r"\b\w\w+\b", text.lower())
        Counter([*words, *map("".join if dense else " ".join, itertools.pairwise(words))])
    per_character = (time.perf_counter() - started) / max(1, sum(map(len, looked_at)))
    search, paired = len(train_texts) <= SEARCH_ROWS, second is not None
    passes = _passes(labels, paired=paired, search=search)
    passes += _nbsvm_passes(labels, paired=paired) if nbsvm else 0.0
    learnt = sum(map(len, train)) * fitting_rows(train_texts, second=second) / max(1, len(train_texts))
    return per_character * learnt * passes, per_character


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


def has_nbsvm(seconds: float, job: float, labels: LabelSet, rows: int, *, paired: bool) -> bool:
    """Whether NB-SVM is worth its time in a job that takes `job` seconds, `seconds` of these for baselines that learn
    from so many rows: where its part takes at most NBSVM_SECONDS, or NBSVM_SHARE of the job."""
    own = _nbsvm_passes(labels, paired=paired)
    part = own / (own + _passes(labels, paired=paired, search=rows <= SEARCH_ROWS))
    return seconds * part <= max(NBSVM_SECONDS, NBSVM_SHARE * job)


def _nbsvm_passes(labels: LabelSet | None, *, paired: bool) -> float:
    if paired or (labels is not None and labels.kind != "one"):
        return 0.0
    classes = 2 if labels is None else len(labels)
    return NBSVM_PASSES * (1 if classes == 2 else classes)


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
