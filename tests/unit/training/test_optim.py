"""AdamW's two groups and the learning rate of every step."""

from __future__ import annotations

import json

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


# ---------------------------------------------------------------- the scale of the loss


def scaled(*, fp16: bool = True) -> tuple[optim.LossScale, torch.optim.Optimizer, nn.Parameter]:
    weight = nn.Parameter(torch.ones(2))
    return optim.LossScale(torch.device("cpu"), fp16=fp16), torch.optim.SGD([weight], lr=1.0), weight


def stepped(scale: optim.LossScale, optimizer: torch.optim.Optimizer, weight: nn.Parameter, slope: float) -> bool:
    """Whether a step with this gradient overflowed."""
    optimizer.zero_grad()
    scale.backward((weight * slope).sum())
    scale.unscale(optimizer)
    assert weight.grad is not None
    return scale.overflowed(float(weight.grad.norm()))


def test_without_fp16_the_loss_is_not_scaled_and_there_is_no_state() -> None:
    scale, _, weight = scaled(fp16=False)
    scale.backward(weight.sum())
    assert weight.grad is not None
    assert weight.grad.tolist() == [1.0, 1.0]
    assert not scale.overflowed(float("inf"))
    assert scale.state() == {}
    scale.load_state({})


def test_under_fp16_the_gradient_is_scaled_and_scaled_back() -> None:
    scale, optimizer, weight = scaled()
    scale.backward(weight.sum())
    assert weight.grad is not None
    assert weight.grad.tolist() == [65536.0, 65536.0]
    scale.unscale(optimizer)
    assert weight.grad.tolist() == [1.0, 1.0]


def test_a_gradient_that_overflows_halves_the_scale_until_that_helps_no_more() -> None:
    scale, optimizer, weight = scaled()
    overflowed = [stepped(scale, optimizer, weight, float("inf")) for _ in range(17)]
    assert overflowed == [True] * 16 + [False]
    assert scale.state()["scale"] == 0.5


def test_the_norm_of_finite_gradients_that_is_not_finite_is_no_overflow_of_fp16() -> None:
    scale, optimizer, weight = scaled()
    assert not stepped(scale, optimizer, weight, 3e33)  # its square is beyond float32
    assert scale.state()["scale"] == 65536.0


def test_the_state_is_plain_numbers_from_which_another_goes_on_alike() -> None:
    first, optimizer, weight = scaled()
    for slope in (1.0, float("inf"), 1.0, 1.0):
        stepped(first, optimizer, weight, slope)
    state = json.loads(json.dumps(first.state()))
    assert (state["scale"], state["_growth_tracker"]) == (32768.0, 2)
    second, optimizer, weight = scaled()
    second.load_state(state)
    for _ in range(1_998):
        assert not stepped(second, optimizer, weight, 1.0)
    assert second.state() == {**state, "scale": 65536.0, "_growth_tracker": 0}
