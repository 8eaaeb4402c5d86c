"""The moving average of the weights, and which weights a training shows and leaves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.small import classifier, encoded, sequences
from whet.model.classifier import Classifier
from whet.records import Encoded, Ints
from whet.training.average import Average
from whet.training.loop import Recipe, Training

RECIPE = Recipe(epochs=2.0, batch_size=4, learning_rate=1e-2, weight_decay=0.01, warmup=0.0, max_grad_norm=1.0, seed=1)


def rows() -> tuple[Encoded, Ints]:
    lengths = np.random.default_rng(0).integers(3, 20, 16).tolist()
    return encoded(sequences(lengths, vocabulary=200)), np.arange(16, dtype=np.int64) % 3


def flat(made: Classifier) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in made.model.parameters()])


def trained(folder: Path, ema: float | None) -> tuple[list[torch.Tensor], Classifier]:
    """The weights that the training goes on with after each step, and what it leaves."""
    made = classifier(folder)
    records = Training(made, *rows(), dataclasses.replace(RECIPE, ema=ema)).records()
    return [flat(made).clone() for _ in records], made


@pytest.mark.parametrize(("decay", "kept"), [(0.1, [0.1] * 4), (0.9, [2 / 11, 3 / 12, 4 / 13, 5 / 14])])
def test_each_step_moves_the_average_at_first_by_more_than_its_decay_says(decay: float, kept: list[float]) -> None:
    parameter = nn.Parameter(torch.tensor([8.0]))
    average, expected = Average([parameter], decay), 8.0
    for step, (value, part) in enumerate(zip([4.0, -2.0, 0.0, 1.0], kept, strict=True), start=1):
        with torch.no_grad():
            parameter.fill_(value)
        average.update(step)
        expected = part * expected + (1 - part) * value
        with average.shown():
            assert parameter.item() == pytest.approx(expected, rel=1e-6)
        assert parameter.item() == value


def test_an_error_within_the_block_leaves_the_weights_as_they_were() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    average = Average([parameter], 0.5)
    with torch.no_grad():
        parameter.fill_(1.0)
    with pytest.raises(KeyError), average.shown():
        assert parameter.tolist() == [0.0, 0.0]
        raise KeyError
    assert parameter.tolist() == [1.0, 1.0]


def test_a_training_steps_as_it_would_without_and_leaves_the_average(tiny_bert: Path) -> None:
    plain, _ = trained(tiny_bert, None)
    steps, left = trained(tiny_bert, 0.5)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(steps, plain, strict=True))
    expected = flat(classifier(tiny_bert))
    for step, weights in enumerate(steps, start=1):
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * weights
    torch.testing.assert_close(flat(left), expected, rtol=1e-5, atol=1e-6)
    assert not torch.equal(flat(left), steps[-1])


def test_weights_are_shown_for_a_look_and_the_training_goes_on_with_its_own(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    training = Training(made, *rows(), dataclasses.replace(RECIPE, ema=0.9))
    undisturbed, left = trained(tiny_bert, 0.9)
    for number, _ in enumerate(training.records()):
        with training.judged():
            assert not torch.equal(flat(made), undisturbed[number])
        assert torch.equal(flat(made), undisturbed[number])
    assert torch.equal(flat(made), flat(left))


def test_a_training_that_is_broken_off_leaves_the_average_once_it_is_finished(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    training = Training(made, *rows(), dataclasses.replace(RECIPE, ema=0.9))
    next(training.records())
    with training.judged():
        shown = flat(made).clone()
    training.finish()
    assert torch.equal(flat(made), shown)
    training.finish()
    with training.judged():
        assert torch.equal(flat(made), shown)


def test_without_an_average_the_weights_that_are_judged_are_those_of_the_training(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    training = Training(made, *rows(), RECIPE)
    next(training.records())
    before = flat(made).clone()
    with training.judged():
        assert torch.equal(flat(made), before)
    training.finish()
    assert torch.equal(flat(made), before)
    assert "average" not in training.state().tensors
