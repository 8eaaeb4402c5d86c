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


@given(st.integers(2, 300), st.floats(0, 0.99), st.data())
def test_after_a_revision_the_rate_goes_on_without_a_jump_and_falls_towards_zero(
    steps: int, warmup: float, data: st.DataObject
) -> None:
    warm = optim.warmup_steps(warmup, steps)
    step = data.draw(st.integers(0, steps - 2))
    fewer = data.draw(st.integers(step + 2, steps + 1))
    there = optim.rate(step, steps=steps, warmup=warm, peak=1.0)
    fall = optim.fall_from(step, there, steps=fewer, warmup=warm)
    found = [optim.rate(i, steps=fewer, warmup=warm, peak=1.0, fall=fall) for i in range(step + 1, fewer)]
    assert all(0 < value <= 1 for value in found)
    if fall is None:  # still in the warm-up, which ends as planned
        assert found == [optim.rate(i, steps=fewer, warmup=warm, peak=1.0) for i in range(step + 1, fewer)]
        return
    assert found == sorted(found, reverse=True)
    assert found[0] < there
    assert found[-1] == pytest.approx(there / (fewer - step))


# ---------------------------------------------------------------- groups


@pytest.mark.parametrize("kind", KINDS)
def test_biases_and_norms_do_not_decay_and_everything_else_does(tiny_model: TinyModel, kind: str) -> None:
    model = stock(tiny_model(kind))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optim.Optimizer(list(model.parameters()), weight_decay=0.25).step(0.1, 1.0)
    decayed = set()
    for name, value in model.named_parameters():
        if not torch.equal(value, before[name]):
            torch.testing.assert_close(value.detach(), before[name] * (1 - 0.1 * 0.25))
            decayed.add(name)
    zero = {name for name, value in before.items() if not value.any()}
    spared = {name for name in before if name.endswith(".bias") or "norm" in name.lower()}
    assert decayed == before.keys() - spared - zero


def test_a_step_is_adam_with_the_decay_apart_from_the_gradient() -> None:
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.bias.fill_(2.0)
    optimizer = optim.Optimizer(list(model.parameters()), weight_decay=0.5)
    (3 * model.weight.sum() + 3 * model.bias.sum()).backward()
    optimizer.step(0.1, 1.0)
    # The first step of Adam has the length of the learning rate; decay takes lr * decay of the weight.
    assert model.weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1, abs=1e-6)
    assert model.bias.item() == pytest.approx(2.0 - 0.1, abs=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
def test_each_parameter_has_its_share_of_the_rate(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    parameters = [nn.Parameter(torch.zeros(size)) for size in ((2, 3), (5,), (4, 4), (7,))]
    optimizer = optim.Optimizer(parameters, weight_decay=0.0, shares=[1.0, 0.5, 0.25, 1.0])
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step(0.1, 1.0)
    torch.set_num_threads(before)
    for parameter, share in zip(parameters, (1.0, 0.5, 0.25, 1.0), strict=True):
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, -0.1 * share))


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_step_as_torch_does_with_clipped_gradients(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (
        [nn.Parameter(torch.arange(float(size)).view(1, size) / size) for size in (4, 900, 3, 50)] for _ in range(2)
    )
    optimizer = optim.Optimizer(ours, weight_decay=0.1)
    plain = torch.optim.AdamW(theirs, lr=0.01, weight_decay=0.1)
    for _ in range(5):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            other.grad = mine.grad.clone()
        norm = optimizer.norm()
        assert float(norm) == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, 0.7)))
        optimizer.step(0.01, optim.clipping(float(norm), 0.7))
        plain.step()
    torch.set_num_threads(before)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_small_gradients_are_not_scaled_up() -> None:
    assert optim.clipping(0.5, 1.0) == 1.0
    assert optim.clipping(3.0, 2.0) == 1.5


# ---------------------------------------------------------------- the scale of the loss

INF = float("inf")


def test_without_fp16_the_loss_is_not_scaled_and_nothing_overflows() -> None:
    scale = optim.LossScale(fp16=False)
    assert [scale.overflowed(norm) for norm in (1.0, INF)] == [False, False]
    assert scale.factor == 1.0


def test_a_gradient_that_overflows_halves_the_factor_until_that_helps_no_more() -> None:
    scale = optim.LossScale(fp16=True)
    assert scale.factor == 65536.0
    assert [scale.overflowed(float("nan")) for _ in range(17)] == [True] * 16 + [False]
    assert scale.factor == 0.5


def test_many_steps_in_a_row_without_an_overflow_double_the_factor() -> None:
    scale = optim.LossScale(fp16=True)
    norms = [*[1.0] * 1_999, INF, *[1.0] * 2_000]
    assert [scale.overflowed(norm) for norm in norms].count(True) == 1
    assert scale.factor == 65536.0


def test_the_state_is_plain_numbers_from_which_another_goes_on_alike() -> None:
    first, second = optim.LossScale(fp16=True), optim.LossScale(fp16=True)
    for norm in (1.0, INF, 1.0, 1.0):
        first.overflowed(norm)
    state = json.loads(json.dumps(first.state()))
    assert state == {"factor": 32768.0, "went_well": 2}
    second.load_state(state)
    for _ in range(1_998):
        second.overflowed(1.0)
    assert second.state() == {"factor": 65536.0, "went_well": 0}
