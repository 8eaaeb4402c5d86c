"""Cheap answers on the same test rows: always the same one, and linear models on words.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from whet.labels import LabelSet
from whet.records import Baselines, Bools, SeveralScores
from whet.score import cached, linear, threshold
from whet.score.cached import Answered
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.score.judge import answers, scores_of
from whet.score.linear import Targets


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
