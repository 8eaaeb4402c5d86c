import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from whet.labels import LabelSet
from whet.score.metrics import interval, sigmoid
from whet.score.several import log_loss, scores

TWO = LabelSet(("a", "b"), None, "", kind="several")
HALVES = {"a": 0.5, "b": 0.5}


def bools(*rows):
    return np.array(rows, dtype=np.bool_)


@st.composite
def answers(draw):
    """True and predicted answers; often a label or a row has none in one of the two, or in both."""
    rows, labels = draw(st.integers(1, 60)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = st.lists(st.sampled_from([0.0, 0.02, 0.3, 0.5, 1.0]), min_size=labels, max_size=labels)
    true, predicted = (rng.random((rows, labels)) < draw(shares) for _ in range(2))
    return true, predicted


@settings(max_examples=200, deadline=None)
@given(answers())
def test_every_score_equals_that_of_scikit_learn(case):
    true, predicted = case
    names = tuple(f"label {i}" for i in range(true.shape[1]))
    labels = LabelSet(names, None, "", kind="several")
    found = scores(true, predicted, labels, dict.fromkeys(names, 0.5))

    def close(number):
        return pytest.approx(float(number), abs=1e-12)

    # scikit-learn takes a table of one column for two classes of one label, and counts the noes as one of them.
    padded = (np.hstack([side, np.zeros_like(side)]) for side in (true, predicted)) if len(names) == 1 else case
    wide = tuple(map(np.asarray, padded))
    ids = list(range(len(names)))
    assert found.rows == len(true)
    assert found.accuracy == close(sk.accuracy_score(*wide))
    assert found.hamming_loss == close((true != predicted).mean())
    for average in ("macro", "micro", "weighted"):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            *wide, labels=ids, average=average, zero_division=0
        )
        assert getattr(found, f"{average}_f1") == close(f1)
        if average != "weighted":
            assert getattr(found, f"{average}_precision") == close(precision)
            assert getattr(found, f"{average}_recall") == close(recall)
    assert found.samples_f1 == close(sk.f1_score(*wide, average="samples", zero_division=1))
    each = sk.precision_recall_fscore_support(*wide, labels=ids, average=None, zero_division=0)
    for name, precision, recall, f1, support in zip(names, *each, strict=True):
        score = found.classes[name]
        assert (score.precision, score.recall, score.f1) == (close(precision), close(recall), close(f1))
        assert score.support == support


def test_scores_of_a_small_case_worked_out_by_hand():
    found = scores(bools((1, 1), (1, 0), (0, 0), (0, 1)), bools((1, 0), (1, 0), (0, 0), (1, 1)), TWO, HALVES)
    assert found.accuracy == 0.5
    assert found.hamming_loss == 2 / 8
    assert (found.classes["a"].precision, found.classes["a"].recall) == (2 / 3, 1.0)
    assert (found.classes["b"].precision, found.classes["b"].recall) == (1.0, 0.5)
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.micro_f1 == pytest.approx(3 / 4)
    assert found.samples_f1 == pytest.approx((2 / 3 + 1 + 1 + 2 / 3) / 4)


def test_a_row_without_labels_that_is_given_none_is_right():
    found = scores(bools((0, 0)), bools((0, 0)), TWO, HALVES)
    assert (found.accuracy, found.samples_f1, found.micro_f1, found.macro_f1, found.weighted_f1) == (1, 1, 0, 0, 0)


def test_thresholds_stand_beside_the_scores_in_the_order_of_the_labels():
    found = scores(bools((1, 0)), bools((1, 0)), TWO, {"b": np.float64(0.75), "a": 0.25})
    assert list(found.thresholds.items()) == [("a", 0.25), ("b", 0.75)]


def test_an_interval_is_that_of_the_rows_that_are_right_in_every_label():
    true = np.zeros((100, 2), dtype=bool)
    predicted = true.copy()
    predicted[:50, 1] = True
    assert interval(scores(true, predicted, TWO, HALVES)) == pytest.approx((0.4038, 0.5962), abs=1e-4)


@pytest.mark.parametrize(("true", "predicted"), [((0, 2), (0, 2)), ((3, 2), (2, 2)), ((3, 1), (3, 1)), ((2,), (2,))])
def test_no_rows_and_other_shapes_are_refused(true, predicted):
    with pytest.raises(ValueError, match=r"expected both \[B, 2\], and at least one row"):
        scores(np.zeros(true, bool), np.zeros(predicted, bool), TWO, HALVES)


def test_the_loss_of_logits_at_zero_is_ln_2():
    assert log_loss(np.zeros((5, 3)), np.eye(5, 3, dtype=bool)) == pytest.approx(math.log(2), abs=1e-15)


def test_the_loss_of_a_sure_and_wrong_answer_is_its_logit():
    assert log_loss(np.array([[4e5, -4e5], [-4e5, 4e5]]), bools((0, 0), (1, 1))) == 2e5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_the_loss_equals_that_of_scikit_learn(labels, rows, seed):
    rng = np.random.default_rng(seed)
    logits, true = rng.normal(scale=4, size=(rows, labels)), rng.random((rows, labels)) < 0.3
    expected = np.mean([sk.log_loss(true[:, c], sigmoid(logits)[:, c], labels=[False, True]) for c in range(labels)])
    assert log_loss(logits, true) == pytest.approx(expected, abs=1e-9)


def test_the_loss_of_float32_logits_is_that_of_float64():
    logits = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    true = logits > 0
    assert log_loss(logits, true) == log_loss(logits.astype(np.float64), true)
