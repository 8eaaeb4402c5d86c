"""Linear models on TF-IDF, their strength and thresholds chosen within the training rows, by scikit-learn.

`fit` returns the model itself; the others fit one to the training rows and answer the test rows. All return None where
there is nothing to learn from: texts without a single word, or rows that all have the same target.

Rows of `train` that have weights count by these in every fit and choice, but in NB-SVM and in how rare a word is.

Sizes in comments: B rows, F features, C labels, K columns of weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints
from whet.score import features, several, threshold
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.score.metrics import sigmoid
from whet.score.nbsvm import NbSvm

Targets = Ints | Bools | Floats
"""Of the rows: class ids [B], answers [B, C] of a multi-label task, or values [B]."""

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""What cross-validation chooses from: C, the inverse regularisation, of logistic regression; alpha, the
regularisation, of ridge regression."""

FOLDS = 3
SEARCH_ROWS = 5000
"""Above this many rows the search would take longer than it gains, and the default is taken."""

DEFAULT_STRENGTH = 10.0
DEFAULT_RIDGE = 3.0
SEED = 0

Folds = Sequence[tuple[Ints, Ints]]
"""Rows to learn from and rows held back, for each fold."""


def fit(train: Inputs, targets: Targets, labels: LabelSet) -> Linear | None:
    """The model of the training rows: logistic regression, of more than two classes each against the rest; of several
    labels one for each, with its threshold; of values ridge regression."""
    if labels.kind == "several":
        return _fit_several(train, np.asarray(targets, dtype=np.bool_), labels)
    if labels.kind == "value":
        return _fit_values(train, np.asarray(targets, dtype=np.float64))
    found = _fit_classes(train, np.asarray(targets, dtype=np.int64), len(labels), nbsvm=False)
    return None if found is None else found[0]


def fit_each(train: Inputs, targets: Targets, labels: LabelSet, *, nbsvm: bool) -> dict[str, Linear]:
    """The model that `fit` makes as `tfidf` and, where it is wanted and rows are single texts with one label, as
    `nbsvm` that on the same words; its logits are distances, and no logarithms of odds. None at all where there is
    nothing to learn from."""
    if labels.kind != "one" or train.second is not None or not nbsvm:
        model = fit(train, targets, labels)
        return {} if model is None else {"tfidf": model}
    ids = np.asarray(targets, dtype=np.int64)
    found = _fit_classes(train, ids, len(labels), nbsvm=True)
    if found is None:
        return {}
    model, other = found
    assert other is not None, "it was wanted"
    decided = _of_nbsvm(other, len(ids), len(labels))
    return {"tfidf": model, "nbsvm": Linear(model.terms, *decided, "one", len(labels))}


def again(model: Linear, train: Inputs, targets: Targets, *, nbsvm: bool) -> Linear:
    """A model that `fit_each` made, fitted to more rows and as strongly. What was chosen for it stays, its thresholds
    too. `nbsvm`: it is the one of that name."""
    with _as_it_is():
        terms, rows = features.fit(features.vectorizer(train), train)
        if nbsvm:
            ids = np.asarray(targets, dtype=np.int64)
            weights, bias = _of_nbsvm(NbSvm.fit(rows, ids), len(ids), model.outputs)
        else:
            weights, bias = _solved(rows, targets, train, model)
    return replace(model, terms=terms, weights=weights, bias=bias)


def _solved(rows: Any, targets: Targets, train: Inputs, model: Linear) -> tuple[Floats, Floats]:
    """Weights [F, K] and bias [K] of what is no NB-SVM, of the kind and the strength of a model."""
    assert model.strength is not None, "it was fitted here"
    if model.kind == "several":
        return _of_labels(rows, np.asarray(targets, dtype=np.bool_), model.strength, train.weights)
    if model.kind == "value":
        return _of_values(rows, np.asarray(targets, dtype=np.float64), model.strength, train.weights)
    ids = np.asarray(targets, dtype=np.int64)
    return _of_classes(rows, ids, model.strength, train, model.outputs)


def classes(train: Inputs, ids: Ints, test: Inputs, *, nbsvm: bool) -> dict[str, Ints] | None:
    """Class ids [B] of the test rows by what the training rows and their ids teach, as `tfidf` by logistic regression
    and, where it is wanted, as `nbsvm` by that. Words are looked for once for both."""
    found = _fit_classes(train, ids, int(ids.max(initial=0)) + 1, nbsvm=nbsvm)
    if found is None:
        return None
    model, other = found
    answered: dict[str, list[Ints]] = {name: [np.zeros(0, np.int64)] for name in ("tfidf", *(["nbsvm"] * nbsvm))}
    for part in test.parts():
        rows = features.transform(model.terms, part)
        answered["tfidf"].append(model.answers(rows).argmax(axis=1))
        if other is not None:
            answered["nbsvm"].append(other.predict(rows).astype(np.int64))
    return {name: np.concatenate(parts) for name, parts in answered.items()}


def answers(train: Inputs, true: Bools, test: Inputs, labels: LabelSet) -> tuple[Bools, Floats] | None:
    """Answers [B, C] of the test rows by logistic regression of each label, and the thresholds [C]. These are
    tuned on probabilities of training rows by models that did not learn from them."""
    model = _fit_several(train, true, labels)
    if model is None:
        return None
    assert model.thresholds is not None, "a model of several labels has them"
    return sigmoid(model.logits(test)) >= model.thresholds, model.thresholds


def values(train: Inputs, true: Floats, test: Inputs) -> Floats | None:
    """Values [B] of the test rows by ridge regression on the values of the training rows."""
    model = _fit_values(train, true)
    return None if model is None else model.logits(test)[:, 0]


def held_back(rows: Inputs, ids: Ints, count: int) -> Floats | None:
    """Probabilities [B, C] of each of `count` labels for rows with these ids [B], by logistic regression in
    cross-validation: of each row by a model that did not learn from it. A label of fewer than FOLDS rows leaves
    nothing to part."""
    words, there = features.vectorizer(rows), np.bincount(ids, minlength=count)
    from sklearn.model_selection import StratifiedKFold

    if len(np.unique(ids)) < 2 or there[there > 0].min() < FOLDS:
        return None
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(ids, ids))
    if not _all_have_words(words, rows, folds):
        return None
    found = np.zeros((len(ids), count))
    with _as_it_is():
        for learn, held, learn_rows, held_rows in _parts(words, rows, folds):
            model = _classifier(DEFAULT_STRENGTH, ids[learn], rows.second is not None)
            fitted = _taught(model, learn_rows, ids[learn], _at(rows, learn))
            found[np.ix_(held, fitted.classes_)] = fitted.predict_proba(held_rows)
    return found


@contextmanager
def _as_it_is() -> Iterator[None]:
    """A fit that stops short of its tolerance is still a model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---------------------------------------------------------------- one label


def _fit_classes(train: Inputs, ids: Ints, count: int, *, nbsvm: bool) -> tuple[Linear, NbSvm | None] | None:
    """A model of so many classes and, where it is wanted, NB-SVM on the same features."""
    words = features.vectorizer(train)
    if len(np.unique(ids)) < 2 or not features.has_words(words, train):
        return None
    with _as_it_is():
        strength = _strength(words, train, ids)
        terms, learnt = features.fit(words, train)
        decided = _of_classes(learnt, ids, strength, train, count)
        other = NbSvm.fit(learnt, ids) if nbsvm else None
    return Linear(terms, *decided, "one", count, strength=strength), other


def _of_classes(rows: Any, ids: Ints, strength: float, train: Inputs, count: int) -> tuple[Floats, Floats]:
    """Weights [F, K] and bias [K] of a classifier of so many classes. `rows`: the features of those of `train`."""
    found = _taught(_classifier(strength, ids, train.second is not None), rows, ids, train.weights)
    fitted = getattr(found, "estimators_", [found])
    weights = np.column_stack([each.coef_[0] for each in fitted])
    bias = np.array([float(each.intercept_[0]) for each in fitted])
    return _spread(weights, bias, found.classes_, len(ids), count)


def _of_nbsvm(found: NbSvm, rows: int, count: int) -> tuple[Floats, Floats]:
    """The same of NB-SVM that was fitted to `rows` rows."""
    return _spread(found.weights, found.shift, found.classes, rows, count)


def _spread(weights: Floats, bias: Floats, present: Ints, rows: int, count: int) -> tuple[Floats, Floats]:
    """The same of `count` classes, of which `rows` rows have those that are present. A class that none of them has is
    as unlikely as half a row would make it."""
    if count == 2:
        return weights, bias
    if len(bias) == 1:
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    every, shift = np.zeros((len(weights), count)), np.full(count, _odds(0, rows))
    every[:, present], shift[present] = weights, bias
    return every, shift


def _odds(there: int, rows: int) -> float:
    """Log-odds of what so many of the rows have, with half a row more on either side."""
    return float(np.log(there + 0.5) - np.log(rows - there + 0.5))


def _classifier(strength: float, ids: Ints, pairs: bool) -> Any:
    """Logistic regression by liblinear, each class against the rest where there are more than two.

    On AG News a multinomial fit by L-BFGS takes 20 times longer for the same accuracy.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if pairs:
        single = _quick(strength)
    else:
        single = LogisticRegression(C=strength, solver="liblinear", max_iter=1000, random_state=SEED)
    return single if len(np.unique(ids)) == 2 else OneVsRestClassifier(single)


def _taught(model: Any, rows: Any, targets: Ints | Bools, weights: Floats | None) -> Any:
    """A model of scikit-learn, fitted to rows of these weights [B]."""
    from sklearn import config_context

    if weights is None:
        return model.fit(rows, targets)
    if not hasattr(model, "estimator"):
        return model.fit(rows, targets, sample_weight=weights)
    with config_context(enable_metadata_routing=True):  # without it one against the rest passes nothing on
        model.estimator.set_fit_request(sample_weight=True)
        return model.fit(rows, targets, sample_weight=weights)


def _quick(strength: float) -> Any:
    """Logistic regression by liblinear's dual solver at the tolerance that liblinear itself gives it. On
    GoEmotions it takes an eighth of the time of the primal one for the same F1 (docs/log.md, 2026-11-27)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.1, max_iter=1000, random_state=SEED)


def _strength(words: Any, train: Inputs, ids: Ints) -> float:
    """The C of the highest accuracy in cross-validation, of equals that of the lowest log loss: where all rows are told
    apart by any of them, the strongest regularisation would leave every probability near that of a guess."""
    counts = np.bincount(ids)
    if len(train) > SEARCH_ROWS or counts[counts > 0].min() < FOLDS:
        return DEFAULT_STRENGTH
    from sklearn.model_selection import StratifiedKFold

    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(ids, ids))
    if not _all_have_words(words, train, folds):
        return DEFAULT_STRENGTH
    hits, losses = np.zeros(len(STRENGTHS)), np.zeros(len(STRENGTHS))
    each = np.ones(len(ids)) if train.weights is None else train.weights
    for learn, held, learn_rows, held_rows in _parts(words, train, folds):
        for i, strength in enumerate(STRENGTHS):
            model = _classifier(strength, ids[learn], train.second is not None)
            fitted = _taught(model, learn_rows, ids[learn], _at(train, learn))
            hits[i] += each[held][fitted.predict(held_rows) == ids[held]].sum()
            true = np.searchsorted(fitted.classes_, ids[held])
            losses[i] -= each[held] @ np.log(fitted.predict_proba(held_rows)[np.arange(len(held)), true])
    return STRENGTHS[int(np.lexsort((losses, -hits))[0])]


# ---------------------------------------------------------------- several labels


def _tuned(words: Any, train: Inputs, true: Bools, labels: LabelSet) -> tuple[float, Floats]:
    """The C of the highest macro F1 in cross-validation, the smaller one of equals, and its thresholds [C]."""
    folds = _folds(words, train)
    if not folds:
        return DEFAULT_STRENGTH, np.full(len(labels), threshold.DEFAULT)
    strengths = STRENGTHS if len(train) <= SEARCH_ROWS else (DEFAULT_STRENGTH,)
    held_back = np.zeros((len(strengths), *true.shape))
    for learn, held, learn_rows, held_rows in _parts(words, train, folds):
        for i, strength in enumerate(strengths):
            held_back[i, held] = _probabilities(learn_rows, true[learn], held_rows, strength, _at(train, learn))
    found = []
    for probabilities in held_back:
        thresholds = threshold.tune(probabilities, true)
        named = dict(zip(labels.names, thresholds.tolist(), strict=True))
        found.append((several.scores(true, probabilities >= thresholds, labels, named).macro_f1, thresholds))
    best = int(np.argmax([score for score, _ in found]))
    return strengths[best], found[best][1]


def _at(train: Inputs, rows: Ints) -> Floats | None:
    """What some rows count."""
    return None if train.weights is None else train.weights[rows]


def _probabilities(rows: Any, true: Bools, others: Any, strength: float, weights: Floats | None) -> Floats:
    """Probabilities [B, C] of other rows by a model for each label; of a label that is always or never there
    1 or 0."""
    found = np.zeros((others.shape[0], true.shape[1]))
    for c, answers in enumerate(true.T):
        fitted = _of_label(rows, answers, strength, weights)
        found[:, c] = float(answers[0]) if fitted is None else sigmoid(others @ fitted[0] + fitted[1])
    return found


def _of_label(rows: Any, answers: Bools, strength: float, weights: Floats | None) -> tuple[Floats, float] | None:
    """Weights [F] and bias of one label; None for one that is always or never there."""
    if answers.all() or not answers.any():
        return None
    fitted = _taught(_quick(strength), rows, answers, weights)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _fit_several(train: Inputs, true: Bools, labels: LabelSet) -> Linear | None:
    words = features.vectorizer(train)
    if (true == true[0]).all() or not features.has_words(words, train):
        return None
    with _as_it_is():
        strength, thresholds = _tuned(words, train, true, labels)
        terms, learnt = features.fit(words, train)
        decided = _of_labels(learnt, true, strength, train.weights)
    return Linear(terms, *decided, "several", len(labels), thresholds, strength=strength)


def _of_labels(rows: Any, true: Bools, strength: float, each: Floats | None) -> tuple[Floats, Floats]:
    """Weights [F, C] and bias [C] of models of these rows, which count `each`, one for each label."""
    weights, bias = np.zeros((rows.shape[1], true.shape[1])), np.zeros(true.shape[1])
    for c, answers in enumerate(true.T):
        fitted = _of_label(rows, answers, strength, each)
        if fitted is None:
            bias[c] = _odds(int(answers.sum()), len(answers))
        else:
            weights[:, c], bias[c] = fitted
    return weights, bias


# ---------------------------------------------------------------- values


def _fit_values(train: Inputs, true: Floats) -> Linear | None:
    from sklearn.linear_model import Ridge

    words = features.vectorizer(train)
    if np.ptp(true) == 0 or not features.has_words(words, train):
        return None
    with _as_it_is():
        strength, folds = DEFAULT_RIDGE, _folds(words, train)
        if folds and len(train) <= SEARCH_ROWS:
            errors = np.zeros(len(STRENGTHS))
            each = np.ones(len(train)) if train.weights is None else train.weights
            for learn, held, learn_rows, held_rows in _parts(words, train, folds):
                for i, alpha in enumerate(STRENGTHS):
                    fitted = Ridge(alpha).fit(learn_rows, true[learn], sample_weight=_at(train, learn))
                    errors[i] += np.sum(each[held] * (fitted.predict(held_rows) - true[held]) ** 2)
            strength = STRENGTHS[int(errors.argmin())]
        terms, learnt = features.fit(words, train)
        decided = _of_values(learnt, true, strength, train.weights)
    return Linear(terms, *decided, "value", 1, strength=strength)


def _of_values(rows: Any, true: Floats, strength: float, each: Floats | None) -> tuple[Floats, Floats]:
    """Weights [F, 1] and bias [1] of ridge regression on rows that count `each`."""
    from sklearn.linear_model import Ridge

    fitted = Ridge(strength).fit(rows, true, sample_weight=each)
    return np.asarray(fitted.coef_, np.float64)[:, None], np.array([float(fitted.intercept_)])


# ---------------------------------------------------------------- cross-validation


def _folds(words: Any, train: Inputs) -> Folds:
    """Rows drawn by chance; none where a fold would have nothing to learn from."""
    from sklearn.model_selection import KFold

    if len(train) < FOLDS:
        return []
    folds = list(KFold(FOLDS, shuffle=True, random_state=SEED).split(np.arange(len(train))))
    return folds if _all_have_words(words, train, folds) else []


def _all_have_words(words: Any, train: Inputs, folds: Folds) -> bool:
    return all(features.has_words(words, train.take(learn)) for learn, _ in folds)


def _parts(words: Any, train: Inputs, folds: Folds) -> Iterator[tuple[Ints, Ints, Any, Any]]:
    """Each fold's rows to learn from and rows held back, and the features of both as scikit-learn takes them."""
    from sklearn.base import clone

    for learn, held in folds:
        terms, rows = features.fit(clone(words), train.take(learn))
        yield learn, held, rows, features.for_scipy(features.transform(terms, train.take(held)))
