import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from whet.labels import LabelSet
from whet.score.judge import judge
from whet.score.metrics import OF_PROBABILITIES, as_json, sigmoid, softmax
from whet.score.probabilistic import calibration_error, confidence

ROUGH = st.sampled_from([0, 1, 8])  # decimals of the logits: few make equal probabilities


def labels_of(classes, kind="one"):
    names = tuple(f"label {i}" for i in range(classes))
    return LabelSet(names, names[1] if classes == 2 and kind == "one" else None, "", kind=kind)


def close(number):
    return pytest.approx(float(number), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 5), st.integers(5, 80), ROUGH, st.integers(0, 2**32 - 1))
def test_scores_of_classes_equal_those_of_scikit_learn(classes, rows, decimals, seed):
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(scale=2, size=(rows, classes)), decimals)
    true = rng.permutation(np.resize(np.arange(classes), rows))  # each class has a row
    found, loss = judge(logits, true, labels_of(classes), None)
    shares = softmax(logits)
    if classes == 2:
        assert found.roc_auc == close(sk.roc_auc_score(true, shares[:, 1]))
        assert found.pr_auc == close(sk.average_precision_score(true, shares[:, 1]))
        assert found.brier == close(sk.brier_score_loss(true, shares[:, 1]))
    else:
        assert found.roc_auc == close(sk.roc_auc_score(true, shares, multi_class="ovr", average="macro"))
        assert found.pr_auc == close(sk.average_precision_score(true, shares, average="macro"))
        assert found.brier == close(sk.brier_score_loss(true, shares, labels=list(range(classes))))
    assert found.log_loss == close(sk.log_loss(true, shares, labels=list(range(classes))))
    assert found.log_loss == close(loss)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 5), st.integers(4, 60), ROUGH, st.integers(0, 2**32 - 1))
def test_scores_of_several_labels_equal_those_of_scikit_learn(labels, rows, decimals, seed):
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(scale=2, size=(rows, labels)), decimals)
    true = rng.random((rows, labels)) < 0.4
    true[0], true[1] = True, False
    found, loss = judge(logits, true, labels_of(labels, "several"), None)
    shares = sigmoid(logits)
    assert found.roc_auc == close(sk.roc_auc_score(true, shares, average="macro"))
    assert found.pr_auc == close(sk.average_precision_score(true, shares, average="macro"))
    assert found.log_loss == close(np.mean([sk.log_loss(true[:, c], shares[:, c]) for c in range(labels)]))
    assert found.brier == close(np.mean([sk.brier_score_loss(true[:, c], shares[:, c]) for c in range(labels)]))
    assert found.log_loss == close(loss)


def test_a_positive_class_that_is_the_first_has_its_own_curve():
    logits, true = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1])
    labels = LabelSet(("spam", "ham"), "spam", "asked for")
    assert judge(logits, true, labels, None)[0].pr_auc == 1.0
    assert judge(logits, 1 - true, labels, None)[0].pr_auc == close((1 / 2 + 2 / 3) / 2)


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_share_of_the_answers():
    # Two answers of 0.9, one of them right, and two of 0.62, both right.
    shares, right = np.array([0.9, 0.9, 0.62, 0.62]), np.array([True, False, True, True])
    assert calibration_error(shares, right) == close(0.5 * 0.4 + 0.5 * 0.38)


def test_a_probability_between_two_bins_belongs_to_the_lower_and_0_to_the_first():
    assert calibration_error(np.array([0.0, 1 / 15, 1.0]), np.array([True, False, True])) == close((1 - 1 / 15) / 3)


def test_the_confidence_of_several_labels_is_that_of_each_and_of_one_the_highest():
    shares = np.array([[0.5, 1.0, 0.0]])
    sure, right = confidence(shares, np.array([[True, True, False]]))
    assert (sure.tolist(), right.tolist()) == ([0.5, 1.0, 0.0], [True, True, False])
    sure, right = confidence(shares, np.array([2]))
    assert (sure.tolist(), right.tolist()) == ([1.0], [False])


def test_answers_as_sure_as_they_are_right_have_no_calibration_error():
    right = np.arange(100) < 80
    assert calibration_error(np.full(100, 0.8), right) == close(0.0)


def test_rows_of_one_class_leave_both_areas_undefined_and_null_in_json():
    found, _ = judge(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 1]), labels_of(2), None)
    document = json.loads(json.dumps(as_json(found)))
    assert (document["roc_auc"], document["pr_auc"], document["mcc"]) == (None, None, None)
    assert document["log_loss"] > 0


def test_a_label_that_no_row_or_every_row_has_is_left_out_of_the_mean():
    logits = np.array([[2.0, 5.0, 1.0], [0.0, 1.0, 1.0], [-1.0, 0.0, 1.0]])
    true = np.array([[True, False, True], [False, False, True], [False, False, True]])
    found, _ = judge(logits, true, labels_of(3, "several"), None)
    assert (found.roc_auc, found.pr_auc) == (1.0, 1.0)


def test_impossible_answers_cost_much_and_not_infinitely_much():
    found, loss = judge(np.array([[0.0, 5e5]]), np.array([0]), labels_of(2), None)
    assert (found.log_loss, loss) == (close(-np.log(np.finfo(float).eps)), 5e5)


@pytest.mark.parametrize("kind", ["one", "several"])
def test_logits_that_are_not_finite_have_no_scores_of_probabilities(kind):
    targets = np.array([0, 1]) if kind == "one" else np.eye(2, dtype=bool)
    found, loss = judge(np.array([[np.nan, 1.0], [1.0, 0.0]]), targets, labels_of(2, kind), None)
    assert np.isnan(loss)
    assert not set(OF_PROBABILITIES) & set(as_json(found))
    assert {getattr(found, name) for name in OF_PROBABILITIES} == {None}


def test_scores_survive_the_way_through_json():
    found, _ = judge(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0]), labels_of(2), None)
    again = json.loads(json.dumps(dataclasses.asdict(found)))
    assert {name: again[name] for name in OF_PROBABILITIES} == {name: getattr(found, name) for name in OF_PROBABILITIES}
