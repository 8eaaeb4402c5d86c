"""AdamW's two groups and the learning rate of every step."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.conftest import KINDS, TinyModel
from tests.unit.small import stock
from whet.training import optim


def rates(steps: int, warmup: float, peak: float = 1.0) -> list[float]:
    warm = optim.warmup_steps(warmup, steps)
    return [optim.rate(step, steps=steps, warmup=warm, peak=peak) for step in range(steps)]


# ---------------------------------------------------------------- schedule


@pytest.mark.parametrize(
    ("warmup", "steps", "expected"),
    [
        (0.0, 100, 0),
        (0.06, 100, 6),
        (0.06, 10, 1),
        (0.1, 15, 2),
        (0.07, 100, 7),
        (0.29, 100, 29),
        (0.999, 10, 10),
        (1.0, 100, 1),
        (7.0, 100, 7),
        (500.0, 100, 100),
    ],
)
def test_warm_up_is_a_share_below_1_and_a_number_of_steps_from_1(warmup: float, steps: int, expected: int) -> None:
    assert optim.warmup_steps(warmup, steps) == expected


def test_the_rate_rises_to_its_peak_and_falls_towards_zero_in_equal_steps() -> None:
    assert rates(6, 2.0, peak=8.0) == [4.0, 8.0, 8.0, 6.0, 4.0, 2.0]
    assert rates(4, 0.0, peak=8.0) == [8.0, 6.0, 4.0, 2.0]
    assert rates(4, 0.5, peak=8.0) == [4.0, 8.0, 8.0, 4.0]
    assert rates(3, 99.0, peak=3.0) == [1.0, 2.0, 3.0]
    assert rates(1, 0.06, peak=3.0) == [3.0]


@given(st.integers(1, 300), st.floats(0, 0.99) | st.floats(1, 400))
def test_every_step_learns_at_most_at_the_peak_which_is_reached(steps: int, warmup: float) -> None:
    found = rates(steps, warmup)
    assert all(0 < value <= 1 for value in found)
    assert max(found) == 1
    top = found.index(1)
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)


# ---------------------------------------------------------------- groups


@pytest.mark.parametrize("kind", KINDS)
def test_biases_and_norms_do_not_decay_and_everything_else_does(tiny_model: TinyModel, kind: str) -> None:
    model = stock(tiny_model(kind))
    optimizer = optim.adamw(model, learning_rate=1e-3, weight_decay=0.25)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decays = {names[id(p)]: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays.keys() == set(names.values())
    spared = {name for name, decay in decays.items() if decay == 0}
    assert spared == {name for name in decays if name.endswith(".bias") or "norm" in name.lower()}
    assert {decay for name, decay in decays.items() if name not in spared} == {0.25}


def test_a_frozen_parameter_is_left_out() -> None:
    model = nn.Linear(3, 2)
    model.weight.requires_grad_(False)
    optimizer = optim.adamw(model, learning_rate=1e-3, weight_decay=0.1)
    assert [p.shape for group in optimizer.param_groups for p in group["params"]] == [torch.Size([2])]


def test_a_step_is_adam_with_the_decay_apart_from_the_gradient() -> None:
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.bias.fill_(2.0)
    optimizer = optim.adamw(model, learning_rate=0.1, weight_decay=0.5)
    (3 * model.weight.sum() + 3 * model.bias.sum()).backward()
    optimizer.step()
    # The first step of Adam has the length of the learning rate; decay takes lr * decay of the weight.
    assert model.weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1, abs=1e-6)
    assert model.bias.item() == pytest.approx(2.0 - 0.1, abs=1e-6)
