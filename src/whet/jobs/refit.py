"""A linear model that is handed out learns once more, from its validation rows too: nothing is chosen on them any more
(docs/decisions/0046). Loads no torch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator

import numpy as np

from whet.artifacts import tfidf
from whet.data.doctor import near
from whet.data.doctor.copies import rows_in
from whet.data.doctor.part import part_of
from whet.data.store import chained
from whet.data.targets import targets_of
from whet.jobs.linear import Fit
from whet.preparing.sides import counted
from whet.records import Bools, Examples, Notice
from whet.runs.run_folder import RunFolder
from whet.score import cost, linear
from whet.score.features import Inputs
from whet.score.leaks import Leaks
from whet.sentences.bilingual import said


def with_validation(
    folder: RunFolder, fit: Fit, train: Examples, validation: Examples
) -> Generator[Notice, None, tuple[Fit, float]]:
    """The model of all rows, and the seconds that it took; the same one where the validation rows were not drawn from
    the table of the training rows, or memory does not hold all. What was chosen and fitted on validation stays as it
    is, and so do the scores there, which are of the model before."""
    started, given = time.perf_counter(), fit.given
    if validation.source != train.source:
        return fit, 0.0
    rows = _both(train, validation)
    if cost.fitting_rows(rows.texts, second=rows.second) < len(rows):
        return fit, 0.0
    targets = np.concatenate([targets_of(each, given.labels) for each in (train, validation)])
    model = linear.again(fit.model, rows, targets, nbsvm=fit.learner == "nbsvm")
    facts = {"train": len(train.texts), "validation": len(validation.texts)}
    yield folder.log(Notice(said(facts, "learnt again")))
    leaks = None if given.leaks is None or given.test is None else _leaks(given.leaks, given.test, validation)
    given = dataclasses.replace(given, refit=facts, leaks=leaks)
    return dataclasses.replace(fit, given=given, model=model), time.perf_counter() - started


def _both(train: Examples, validation: Examples) -> Inputs:
    """The rows of both sides as a model sees them."""
    texts = chained(train.texts, validation.texts)
    pairs = None if train.pairs is None or validation.pairs is None else chained(train.pairs, validation.pairs)
    weights = None
    if train.weights is not None and validation.weights is not None:
        weights = chained(train.weights, validation.weights)
    rows = dataclasses.replace(train, weights=weights)
    return dataclasses.replace(tfidf.seen(texts, pairs), weights=counted(rows))


def _leaks(known: Leaks, test: Examples, validation: Examples) -> Leaks:
    """The test rows that train has, with those that validation has."""
    rows, learnt = part_of("test", test), part_of("train", validation)
    nearly = known.near
    if nearly is not None:
        more: Bools = np.zeros(len(nearly), np.bool_)
        more[list(near.find([learnt, rows]).in_train.get("test", ()))] = True
        nearly = nearly | more
    return Leaks(known.exact | rows_in(rows, learnt), nearly)
