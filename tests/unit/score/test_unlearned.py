"""A model that has learned nothing is told so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whet.labels import label_set
from whet.records import Metrics
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
