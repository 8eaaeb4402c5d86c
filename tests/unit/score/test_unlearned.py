"""A model that has learned nothing is told so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whet.labels import LabelSet, label_set
from whet.records import Metrics
from whet.score import several, values
from whet.score.metrics import classification
from whet.score.unlearned import signs

LABELS = label_set(["neg", "pos"], positive=None, source="test")
EVEN = math.log(2)
LEARNING = [0.7 - 0.01 * step for step in range(60)]


def scored(true: list[int], predicted: list[int]) -> Metrics:
    return classification(np.array(true), np.array(predicted), LABELS)


def test_one_answer_to_everything_is_told_with_the_share_that_it_is_right_in() -> None:
    assert signs(scored([0, 1, 1, 0, 1], [1, 1, 1, 1, 1]), "test", LEARNING, EVEN) == (
        "all 5 test rows are predicted as 'pos', which 60.0 % of them are"
    )


def test_one_answer_is_right_where_all_rows_are_of_one_label() -> None:
    assert signs(scored([1, 1], [1, 1]), "test", LEARNING, EVEN) == ""


def test_a_model_that_gives_both_answers_has_nothing_to_be_said_against() -> None:
    assert signs(scored([0, 1, 1], [0, 0, 1]), "test", LEARNING, EVEN) == ""


def test_a_loss_that_stays_at_ln_2_is_told() -> None:
    assert signs(scored([0, 1, 1], [0, 0, 1]), "test", [0.70, 0.69] * 20, EVEN) == (
        "the loss of the last 10 steps is 0.695, and that of a guess by the shares of the labels 0.693"
    )


@pytest.mark.parametrize(("loss", "told"), [(0.33, True), (0.30, False)])
def test_a_loss_is_held_against_that_of_a_guess(loss: float, told: bool) -> None:
    assert bool(signs(scored([0, 1, 1], [0, 0, 1]), "test", [loss] * 40, 0.325)) == told


def test_only_the_end_of_a_training_counts() -> None:
    assert signs(scored([0, 1], [0, 1]), "test", [0.69] * 30 + [0.3] * 10, EVEN) == ""


@pytest.mark.parametrize("losses", [[], [0.69] * 37, [0.69] * 30 + [None] * 10])
def test_few_steps_say_nothing(losses: list[float | None]) -> None:
    assert signs(scored([0, 1], [0, 1]), "test", losses, EVEN) == ""


def test_both_are_told() -> None:
    both = signs(scored([0, 1], [0, 0]), "validation", [0.69] * 40, EVEN)
    assert both == (
        "all 2 validation rows are predicted as 'neg', which 50.0 % of them are; the loss of the last 10 steps is "
        "0.690, and that of a guess by the shares of the labels 0.693"
    )


# ---------------------------------------------------------------- several labels

SEVERAL = LabelSet(("joy", "anger", "fear"), None, "", kind="several")
# Of rows three in four of which are joy, one in four anger and none fear: the first two have the same entropy.
SHARES = 2 * (-0.75 * math.log(0.75) - 0.25 * math.log(0.25)) / 3


def told_of(predicted: list[list[int]], true: list[list[int]], losses: list[float] = LEARNING) -> str:
    given = np.array(predicted, dtype=bool)
    scores = several.scores(np.array(true, dtype=bool), given, SEVERAL, dict.fromkeys(SEVERAL.names, 0.5))
    return signs(scores, "test", losses, SHARES, answers=given)


TRUE = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([0, 0, 0], "all 4 test rows are given no label, which is right for 25.0 % of them"),
        ([1, 0, 0], "all 4 test rows are given 'joy', which is right for 25.0 % of them"),
        ([1, 1, 1], "all 4 test rows are given 'joy', 'anger' and 'fear', which is right for 0.0 % of them"),
    ],
)
def test_the_same_labels_for_all_rows_are_told(row: list[int], told: str) -> None:
    assert told_of([row] * 4, TRUE) == told


def test_the_same_labels_are_right_where_all_rows_have_the_same() -> None:
    assert told_of([[1, 0, 0]] * 4, [[1, 0, 1]] * 4) == ""


def test_one_row_that_is_given_others_is_enough() -> None:
    assert told_of([[0, 0, 0]] * 3 + [[0, 1, 0]], TRUE) == ""


def test_a_loss_of_several_labels_that_stays_at_that_of_their_shares_is_told() -> None:
    assert told_of(TRUE, TRUE, [0.37] * 40) == (
        "the loss of the last 10 steps is 0.370, and that of a guess by the shares of the labels 0.375"
    )
    assert told_of(TRUE, TRUE, [0.36] * 40) == ""


# ---------------------------------------------------------------- values

VARIANCE = 1.0


def told_of_values(predicted: list[float], losses: list[float] = LEARNING) -> str:
    given = np.array(predicted)
    return signs(values.scores(np.array([1.0, 2.0, 4.0]), given), "validation", losses, VARIANCE, answers=given)


def test_values_that_are_all_about_the_same_are_told() -> None:
    assert told_of_values([2.0, 2.03, 1.97]) == (
        "all 3 validation rows are given about 2 (standard deviation 0.024), while the values in training have a "
        "standard deviation of 1"
    )
    assert told_of_values([2.0, 2.07, 1.93]) == ""


def test_a_squared_error_that_stays_at_the_variance_is_told() -> None:
    assert told_of_values([1.0, 2.0, 3.0], [0.99] * 40) == (
        "the loss of the last 10 steps is 0.990, and that of always answering the mean 1.000"
    )
    assert told_of_values([1.0, 2.0, 3.0], [0.97] * 40) == ""


def test_without_the_answers_the_loss_alone_speaks() -> None:
    scores = values.scores(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    assert signs(scores, "test", LEARNING, VARIANCE) == ""
    assert signs(scores, "test", [1.0] * 40, VARIANCE).startswith("the loss of the last 10 steps is 1.000")
