"""Which weights are kept."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from whet.training.selection import Selection


def model(value: float) -> nn.Module:
    made = nn.BatchNorm1d(2)
    _set(made, value)
    return made


def _set(module: nn.Module, value: float) -> None:
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.fill_(value)


def offer(selection: Selection, trained: nn.Module, scores: list[float]) -> list[bool]:
    """One evaluation per score; at step i the weights and buffers of the model are i."""
    answers = []
    for step, score in enumerate(scores, start=1):
        _set(trained, step)
        answers.append(selection.offer(score, step, trained))
    return answers


def values(trained: nn.Module) -> set[float]:
    return {value for tensor in trained.state_dict().values() for value in tensor.flatten().tolist()}


def test_the_best_weights_are_kept_and_put_back_buffers_included() -> None:
    selection, trained = Selection(keep="best", patience=None), model(0)
    assert offer(selection, trained, [0.5, 0.8, 0.7]) == [True, True, False]
    assert selection.best_step == 2
    assert values(trained) == {3}
    assert selection.restore(trained)
    assert values(trained) == {2}


def test_of_equal_scores_the_first_stays() -> None:
    selection, trained = Selection(keep="best", patience=None), model(0)
    assert offer(selection, trained, [0.8, 0.8, 0.8]) == [True, False, False]
    assert selection.restore(trained)
    assert values(trained) == {1}


def test_where_the_last_are_the_best_nothing_has_to_be_restored() -> None:
    selection, trained = Selection(keep="best", patience=None), model(0)
    assert offer(selection, trained, [-3.0, -2.0]) == [True, True]
    assert not selection.restore(trained)
    assert values(trained) == {2}


def test_with_keep_last_the_best_is_told_and_the_last_stays() -> None:
    selection, trained = Selection(keep="last", patience=None), model(0)
    assert offer(selection, trained, [0.8, 0.5]) == [True, False]
    assert selection.best_step == 1
    assert not selection.restore(trained)
    assert values(trained) == {2}


def test_without_an_evaluation_nothing_is_restored() -> None:
    trained = model(7)
    assert not Selection(keep="best", patience=None).restore(trained)
    assert values(trained) == {7}


def test_the_kept_weights_are_a_copy_that_training_cannot_reach() -> None:
    selection, trained = Selection(keep="best", patience=None), model(0)
    offer(selection, trained, [0.9, 0.1])
    selection.restore(trained)
    _set(trained, 99)
    assert selection.restore(trained)
    assert values(trained) == {1}


@pytest.mark.parametrize(
    ("patience", "scores", "exhausted"),
    [
        (1, [0.5, 0.4], True),
        (1, [0.5, 0.5], True),
        (1, [0.5, 0.6], False),
        (2, [0.5, 0.4], False),
        (2, [0.5, 0.4, 0.3], True),
        (2, [0.5, 0.4, 0.6, 0.5], False),
        (2, [0.5, 0.4, 0.6, 0.5, 0.6], True),
        (None, [0.5] * 50, False),
    ],
)
def test_patience_counts_evaluations_in_a_row_without_a_better_score(
    patience: int | None, scores: list[float], exhausted: bool
) -> None:
    selection = Selection(keep="best", patience=patience)
    assert not selection.exhausted
    offer(selection, model(0), scores)
    assert selection.exhausted is exhausted


def test_a_score_that_is_not_a_number_is_never_the_best() -> None:
    selection, trained = Selection(keep="best", patience=2), model(0)
    assert offer(selection, trained, [math.nan, 0.2, math.nan, 0.1]) == [False, True, False, False]
    assert selection.exhausted
    assert selection.restore(trained)
    assert values(trained) == {2}


def test_weights_that_are_apart_from_those_of_the_training_are_always_part_of_the_state() -> None:
    trained = model(0)
    for apart, there in ((False, False), (True, True)):
        selection = Selection(keep="best", patience=None, apart=apart)
        offer(selection, trained, [0.5, 0.8])
        weights, numbers = selection.state(2)
        assert (bool(weights), numbers["best_step"]) == (there, 2)
