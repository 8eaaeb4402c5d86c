"""Mistakes: wrong answers by how sure they were, and labels that are likely wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.labels import LabelSet
from whet.score.metrics import softmax
from whet.score.mistakes import label_errors, rows_to_look_at, tells_apart, wrong

THREE = LabelSet(("a", "b", "c"), None, "")
SEVERAL = LabelSet(("a", "b"), None, "", "several")
NUMBER = LabelSet(("score",), None, "", "value")


def test_wrong_answers_stand_by_their_probability():
    answers = np.array([[0.9, 0.1, 0.0], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    found = wrong(answers, np.array([1, 0, 1, 0]), THREE)
    assert found.rows.tolist() == [0, 1, 3]
    assert found.weights.tolist() == [0.9, 0.6, 0.4]


def test_of_several_labels_the_worst_answer_counts():
    answers = np.array([[0.9, 0.1], [0.45, 0.3], [0.2, 0.6]])
    marks = np.array([[True, False], [False, True], [True, False]])
    found = wrong(answers, marks, SEVERAL, np.array([0.4, 0.5]))
    assert found.rows.tolist() == [2, 1]
    assert found.weights.tolist() == [0.8, 0.7]


def test_numbers_stand_by_their_error():
    found = wrong(np.array([[1.0], [5.0], [2.0]]), np.array([1.0, 2.0, 2.5]), NUMBER)
    assert found.rows.tolist() == [1, 2]
    assert found.weights.tolist() == [3.0, 0.5]


def test_confident_learning_is_counted_by_hand():
    shares = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4], [0.45, 0.55]])
    ids = np.array([0, 0, 0, 1, 1, 1])
    # The mean of a among rows of a is 0.6, that of b among rows of b is 0.6167.
    found = label_errors(shares, ids)
    assert found.rows.tolist() == [2, 4]
    assert found.suggestions.tolist() == [1, 0]
    assert found.margins.tolist() == pytest.approx([-0.6, -0.2])


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 60), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_is_of_no_account_and_suggestions_are_other_labels_that_rows_have(rows, labels, seed):
    rng = np.random.default_rng(seed)
    shares = softmax(rng.normal(size=(rows, labels)) * 3)
    ids = rng.integers(0, labels, rows)
    found, order = label_errors(shares, ids), rng.permutation(rows)
    again = label_errors(shares[order], ids[order])
    assert sorted(order[again.rows].tolist()) == sorted(found.rows.tolist())
    assert (np.diff(found.margins) >= 0).all()
    assert (found.suggestions != ids[found.rows]).all()
    assert set(found.suggestions.tolist()) <= set(ids.tolist())


def test_labels_that_were_flipped_are_found_by_the_probabilities_of_a_good_model():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 3_000)
    shares = softmax(np.eye(3)[true] * 4 + rng.normal(size=(3_000, 3)))
    flipped = rng.random(3_000) < 0.05
    ids = np.where(flipped, (true + rng.integers(1, 3, 3_000)) % 3, true)
    found = label_errors(shares, ids)
    first = found.rows[: int(flipped.sum())]
    assert flipped[first].mean() > 0.9
    hits = found.rows[flipped[found.rows]]
    assert (found.suggestions[flipped[found.rows]] == true[hits]).mean() > 0.9


def test_answers_that_guess_do_not_tell_labels_apart():
    ids = np.repeat([0, 1], 30)

    def answers(right):
        return softmax(np.eye(2)[np.where(np.arange(60) % 30 < right, ids, 1 - ids)])

    assert not tells_apart(answers(15), ids)
    assert not tells_apart(answers(18), ids)  # 36 of 60 are within chance, 37.6 are not
    assert tells_apart(answers(20), ids)
    always_one = np.tile([0.9, 0.1], (100, 1))
    assert not tells_apart(always_one, np.where(np.arange(100) < 95, 0, 1))  # 95 % right, and knows nothing
    assert not tells_apart(always_one, np.zeros(100, np.int64))


def test_equal_probabilities_doubt_nothing():
    assert len(label_errors(np.full((4, 2), 0.5), np.array([0, 1, 0, 1])).rows) == 0


def test_as_many_rows_are_looked_at_as_take_a_tenth_of_the_training():
    assert rows_to_look_at("none", 10_000, 20_000) == 0
    assert rows_to_look_at("all", 10_000, 10_000) == 10_000
    assert rows_to_look_at("auto", 10_000, 20_000) == 6_000
    assert rows_to_look_at("auto", 10_000, 40_000) == 10_000
    assert rows_to_look_at("auto", 1_500, 1_500) == 450  # of short jobs too
