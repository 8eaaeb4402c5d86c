"""A linear model as logits: they say what scikit-learn's own model says, and what the baseline answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import review_rows
from whet.labels import LabelSet
from whet.score import features, linear
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.score.judge import answers, probabilities

TEXTS = [text for text, _ in review_rows()]
TEST = ["A superb story", "clumsy music all evening", "nothing known", "", "the film was moving and boring"]
OTHER = "What a terrible film; I wasted my time."
TWO = LabelSet(("bad", "good"), "good", "")
THREE = LabelSet(("acting", "film", "story"), None, "")
MARKS = LabelSet(("story", "praise", "never", "always"), None, "", "several")
VALUE = LabelSet(("score",), None, "", "value")
GOOD = np.array([label == "positive" for _, label in review_rows()])


def subjects():
    return np.array([2 if "story" in text else 0 if "acting" in text else 1 for text in TEXTS])


def marks():
    return np.column_stack([subjects() == 2, GOOD, np.zeros(60, bool), np.ones(60, bool)])


def inputs(texts, *, pair=False):
    return Inputs([OTHER] * len(texts), texts) if pair else Inputs(texts)


def watched(monkeypatch):
    """The scikit-learn models that are fitted for classes, in their order."""
    seen, kept = [], linear._classifier

    def watch(*given):
        seen.append(kept(*given))
        return seen[-1]

    monkeypatch.setattr(linear, "_classifier", watch)
    return seen


@pytest.mark.parametrize("pair", [False, True])
def test_the_softmax_of_two_columns_is_the_logistic_probability(monkeypatch, pair):
    seen = watched(monkeypatch)
    model = linear.fit(inputs(TEXTS, pair=pair), GOOD.astype(int), TWO)
    assert model.weights.shape[1] == 1
    rows = features.for_scipy(features.transform(model.terms, inputs(TEST, pair=pair)))
    theirs = seen[-1].predict_proba(rows)
    assert probabilities(model.logits(inputs(TEST, pair=pair)), TWO) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["two", "three", "several", "value", "pair", "nbsvm"])
def test_a_model_that_learns_again_is_the_one_of_all_rows_at_the_strength_that_was_chosen(monkeypatch, name, weighted):
    monkeypatch.setattr(linear, "SEARCH_ROWS", 0)  # so that each is fitted at the strength that is the default
    labels = {"three": THREE, "several": MARKS, "value": VALUE}.get(name, TWO)
    targets = {"three": subjects(), "several": marks(), "value": np.arange(60.0)}.get(name, GOOD.astype(int))
    each = np.linspace(0.5, 1.5, 60) if weighted else None
    some, every = (replace(inputs(TEXTS[:rows], pair=name == "pair"), weights=None if each is None else each[:rows])
                   for rows in (40, 60))  # fmt: skip
    learner, is_nbsvm = "nbsvm" if name == "nbsvm" else "tfidf", name == "nbsvm"
    first = replace(linear.fit_each(some, targets[:40], labels, nbsvm=is_nbsvm)[learner], temperature=2.0)
    whole = linear.fit_each(every, targets, labels, nbsvm=is_nbsvm)[learner]
    asked = inputs(TEST, pair=name == "pair")
    found = linear.again(first, every, targets, nbsvm=is_nbsvm)
    assert 2 * found.logits(asked) == pytest.approx(whole.logits(asked), abs=1e-9)
    assert np.abs(found.logits(asked) - first.logits(asked)).max() > 0.001
    assert found.thresholds is first.thresholds
    if not is_nbsvm:
        weaker = linear.again(replace(first, strength=0.3), every, targets, nbsvm=False)
        assert np.abs(weaker.logits(asked) - found.logits(asked)).max() > 0.01


def test_the_softmax_of_more_classes_is_that_of_each_against_the_rest_divided_by_the_sum(monkeypatch):
    seen = watched(monkeypatch)
    model = linear.fit(inputs(TEXTS), subjects(), THREE)
    rows = features.for_scipy(features.transform(model.terms, inputs(TEST)))
    theirs = seen[-1].predict_proba(rows)
    assert probabilities(model.logits(inputs(TEST)), THREE) == pytest.approx(theirs, abs=1e-12)


def test_of_classes_that_are_both_all_but_sure_the_surer_one_is_answered():
    sure = Linear(None, np.array([[60.0, 50.0, 40.0], [600.0, 400.0, 500.0]]), np.zeros(3), "one", 3)
    assert sure.answers(np.eye(2)).argmax(axis=1).tolist() == [0, 0]


def test_of_strengths_that_are_right_as_often_the_one_with_the_lowest_log_loss_is_taken(monkeypatch):
    """All tell these rows apart; the smallest would leave every probability near a half."""
    seen = watched(monkeypatch)
    model = linear.fit(inputs(TEXTS), GOOD.astype(int), TWO)
    assert linear.STRENGTHS[-1] == seen[-1].C
    assert probabilities(model.logits(inputs(TEXTS)), TWO).max(axis=1).min() > 0.9


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("kind", ["two", "three", "several", "value"])
def test_a_model_answers_as_the_baseline_does(kind, pair):
    train, test = inputs(TEXTS, pair=pair), inputs(TEST + TEXTS[:7], pair=pair)
    if kind == "value":
        known = 250 + np.arange(60) / 8 + 50 * GOOD
        mine, theirs = linear.fit(train, known, VALUE).logits(test)[:, 0], linear.values(train, known, test)
    elif kind == "several":
        model = linear.fit(train, marks(), MARKS)
        theirs, thresholds = linear.answers(train, marks(), test, MARKS)
        assert (model.thresholds == thresholds).all()
        named = dict(zip(MARKS.names, thresholds.tolist(), strict=True))
        mine = answers(model.logits(test), MARKS, named)
        assert not mine[:, 2].any()
        assert mine[:, 3].all()
    else:
        ids, labels = (GOOD.astype(int), TWO) if kind == "two" else (subjects(), THREE)
        theirs = linear.classes(train, ids, test, nbsvm=False)["tfidf"]
        mine = linear.fit(train, ids, labels).logits(test).argmax(axis=1)
    assert (mine == theirs).all()


def test_a_class_without_rows_is_as_unlikely_as_half_a_row_would_make_it():
    four = LabelSet(("acting", "film", "none", "story"), None, "")
    ids = np.array([0, 1, 3])[subjects()]
    found = linear.fit(inputs(TEXTS), ids, four).logits(inputs(TEST))
    assert np.exp(found[:, 2]) == pytest.approx(0.5 / 61)
    two_of_three = linear.fit(inputs(TEXTS), 2 * GOOD, THREE).logits(inputs(TEST))
    alone = linear.fit(inputs(TEXTS), GOOD.astype(int), TWO).logits(inputs(TEST))
    assert (two_of_three.argmax(axis=1) == 2 * alone.argmax(axis=1)).all()


def test_a_cooled_model_answers_with_its_logits_divided_by_the_temperature():
    model = linear.fit(inputs(TEXTS), subjects(), THREE)
    assert model.cooled(1.7).logits(inputs(TEST)) == pytest.approx(model.logits(inputs(TEST)) / 1.7, abs=1e-12)


@pytest.mark.parametrize(("texts", "value"), [(["...", "!!"], 1.0), (["a word", "more words"], 0.0)])
def test_where_there_is_nothing_to_learn_from_there_is_no_model(texts, value):
    assert linear.fit(Inputs(texts), np.array([0.0, value]), VALUE) is None
    assert linear.fit(Inputs(texts), np.array([0, int(value)]), TWO) is None
    assert linear.fit(Inputs(texts), np.array([[True], [not value]]), LabelSet(("a",), None, "", "several")) is None


def test_no_rows_have_no_logits():
    model = linear.fit(inputs(TEXTS), subjects(), THREE)
    assert model.logits(Inputs([])).shape == (0, 3)
