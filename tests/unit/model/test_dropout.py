"""Dropout from a stream of our own: its rate, its mean, its gradient and its seed."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.conftest import KINDS, TinyModel
from tests.unit.small import batch, classifier
from whet.model.dropout import (
    LANE,
    LEVELS,
    Dropout,
    DropoutStream,
    dropout,
    replace_dropouts,
    restore_dropouts,
    set_rate,
)

N = 400_000
SHAPE = torch.Size([N])


class EveryLevel(DropoutStream):
    """A stream that draws each of the 65,536 numbers once."""

    def drawn(self, elements: int, start: int) -> np.ndarray:
        return np.arange(start, start + elements).astype(np.uint16)


def mask(stream: DropoutStream, shape: torch.Size, p: float) -> torch.Tensor:
    """The next mask of a stream: True where an element stays."""
    into = np.empty(shape, np.bool_)
    stream.keep(into, p, stream.reserve(into.size))
    return torch.from_numpy(into)


@given(st.floats(0, 1))
def test_the_rate_is_exact_to_one_level(p: float) -> None:
    assert LEVELS - int(mask(EveryLevel(0), torch.Size([LEVELS]), p).sum()) == round(p * LEVELS)


@given(st.floats(0, 1))
def test_as_many_are_made_negative_as_would_be_dropped_and_nothing_else_changes(p: float) -> None:
    x = torch.rand(LEVELS) + 1
    flipped = x.clone()
    EveryLevel(0).flip(flipped, p, 0)
    assert int((flipped < 0).sum()) == round(p * LEVELS)
    assert torch.equal(flipped.abs(), x)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
def test_the_rate_is_within_four_standard_errors(p: float) -> None:
    exact = round(p * LEVELS) / LEVELS
    dropped = 1 - mask(DropoutStream(1), SHAPE, p).double().mean().item()
    assert abs(dropped - exact) < 4 * math.sqrt(exact * (1 - exact) / N)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
def test_the_mean_stays(p: float) -> None:
    x = torch.full((N,), 3.0)
    exact = round(p * LEVELS) / LEVELS
    error = 3.0 * math.sqrt(exact / (1 - exact) / N)
    assert abs(dropout(x, p, DropoutStream(2)).double().mean().item() - 3.0) < 4 * error


def test_what_stays_is_scaled_and_the_input_is_left_alone() -> None:
    x = torch.linspace(1, 2, 1000)
    before = x.clone()
    y = dropout(x, 0.25, DropoutStream(3))
    kept = y != 0
    assert 0 < int(kept.sum()) < 1000
    assert torch.equal(y[kept], before[kept] * (1 / 0.75))
    assert torch.equal(x, before)


def test_masks_are_independent_of_one_another() -> None:
    stream = DropoutStream(4)
    first, second = (mask(stream, SHAPE, 0.5).double() - 0.5 for _ in range(2))
    # The mean of N products of +-0.5 has the standard error 0.25 / sqrt(N).
    assert abs(float((first * second).mean())) < 4 * 0.25 / math.sqrt(N)
    assert abs(float((first[1:] * first[:-1]).mean())) < 4 * 0.25 / math.sqrt(N)


def test_the_same_seed_draws_the_same_masks_and_another_others() -> None:
    def draw(seed: int) -> list[torch.Tensor]:
        stream = DropoutStream(seed)
        return [mask(stream, torch.Size([3, 50]), 0.3) for _ in range(3)]

    first, again, other = draw(5), draw(5), draw(6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[1])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_parts_of_a_stream_are_the_same_whoever_draws_them_in_whatever_order(sizes: list[int], order: Random) -> None:
    stream = DropoutStream(5)
    parts = [(size, stream.reserve(size)) for size in sizes]
    in_turn = [DropoutStream(5).drawn(size, start).tolist() for size, start in parts]
    assert len({start for _, start in parts}) == len(parts)
    shuffled = order.sample(range(len(parts)), len(parts))
    with ThreadPoolExecutor(2) as pool:
        drawn = dict(zip(shuffled, pool.map(lambda i: stream.drawn(*parts[i]).tolist(), shuffled), strict=True))
    assert [drawn[i] for i in range(len(parts))] == in_turn


def test_no_two_parts_of_a_stream_overlap() -> None:
    stream = DropoutStream(6)
    whole = DropoutStream(6).drawn(3 * 8, 0).tolist()
    assert [stream.drawn(size, stream.reserve(size)).tolist() for size in (5, 8, 7)] == [
        whole[:5], whole[8:16], whole[16:23],
    ]  # fmt: skip
    assert stream.positions == {0: 24}


def test_a_lane_is_a_part_of_the_stream_that_other_lanes_do_not_reach_or_move() -> None:
    stream = DropoutStream(6)
    first = stream.reserve(8)
    with stream.lane(2):
        inside = [stream.reserve(5), stream.reserve(8)]
    assert (first, stream.reserve(4)) == (0, 8)
    assert inside == [2 * LANE, 2 * LANE + 8]
    assert stream.positions == {0: 12, 2: 16}
    assert stream.drawn(8, inside[0]).tolist() != stream.drawn(8, first).tolist()
    assert stream.drawn(8, first).tolist() == DropoutStream(6).drawn(8, 0).tolist()


def test_each_thread_is_in_a_lane_of_its_own_choice() -> None:
    stream = DropoutStream(6)

    def reserve(lane: int) -> int:
        with stream.lane(lane):
            return stream.reserve(4)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(reserve, [1, 3])) == [LANE, 3 * LANE]


def test_a_rate_of_one_leaves_nothing() -> None:
    x = torch.ones(100, requires_grad=True)
    y = dropout(x, 1.0, DropoutStream(0))
    y.sum().backward()
    assert y.abs().max() == 0
    assert x.grad is not None
    assert x.grad.abs().max() == 0


def test_the_stream_is_apart_from_the_global_ones() -> None:
    stream = DropoutStream(7)
    expected = mask(DropoutStream(7), SHAPE, 0.5)
    torch.manual_seed(99)
    np.random.seed(99)
    before = torch.get_rng_state()
    assert torch.equal(mask(stream, SHAPE, 0.5), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_gradient_passes_where_the_value_passed_with_the_same_scale() -> None:
    x = torch.randn(40, 30, requires_grad=True)
    given_back = torch.randn(40, 30)
    dropout(x, 0.4, DropoutStream(8)).backward(given_back)
    rate = round(0.4 * LEVELS) / LEVELS
    kept = mask(DropoutStream(8), x.shape, 0.4)
    assert x.grad is not None
    assert torch.allclose(x.grad, given_back * kept / (1 - rate), rtol=1e-6, atol=0)
    assert int((x.grad == 0).sum()) == int((~kept).sum())


def test_the_gradient_is_that_of_finite_differences() -> None:
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: dropout(values, 0.3, DropoutStream(9)), (x,))


def test_a_rate_of_zero_draws_nothing() -> None:
    stream, x = DropoutStream(10), torch.ones(5)
    assert dropout(x, 0.0, stream) is x
    assert torch.equal(mask(stream, SHAPE, 0.5), mask(DropoutStream(10), SHAPE, 0.5))


def test_off_the_cpu_torch_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(nn.functional, "dropout", lambda x, p: asked.append(p) or x)
    x = torch.ones(3, device="meta")
    assert dropout(x, 0.1, DropoutStream(0)) is x
    assert asked == [0.1]


# ---------------------------------------------------------------- modules


def test_the_module_drops_in_training_only() -> None:
    module, x = Dropout(0.5, DropoutStream(11)), torch.ones(1000)
    assert set(module.train()(x).tolist()) == {0.0, 2.0}
    assert module.eval()(x) is x


def test_every_dropout_of_a_model_is_replaced_by_one_of_its_rate_and_nothing_else_is() -> None:
    model = nn.Sequential(nn.Dropout(0.1), nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.2), nn.AlphaDropout(0.3)))
    model.inner = nn.ModuleDict({"a": nn.Dropout(0.4)})
    stream = DropoutStream(12)
    weights = model[1].weight
    replace_dropouts(model, stream)
    ours = [module for module in model.modules() if isinstance(module, Dropout)]
    assert sorted(module.p for module in ours) == [0.1, 0.2, 0.4]
    assert all(module.stream is stream for module in ours)
    assert [type(module) for module in model.modules() if isinstance(module, nn.modules.dropout._DropoutNd)] == [
        nn.AlphaDropout
    ]
    assert model[1].weight is weights


@pytest.mark.parametrize("kind", KINDS)
def test_no_architecture_keeps_a_dropout_of_torch(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    modules = list(made.model.modules())
    assert [module for module in modules if isinstance(module, nn.modules.dropout._DropoutNd)] == []
    ours = [module for module in modules if isinstance(module, Dropout)]
    # One at the embeddings, two in each of 2 layers, one at the head, at the least.
    assert len(ours) >= 5
    assert {module.stream for module in ours} == {made.stream}


@pytest.mark.parametrize("kind", ["modernbert", "deberta-v2"])
def test_every_rate_of_a_model_is_that_of_what_is_zeroed(
    tiny_model: TinyModel, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(tiny_model(kind))
    rows = [[7] * 40] * 50
    drawn: list[tuple[tuple[int, ...], float]] = []
    real = DropoutStream.keep

    def keep(stream: DropoutStream, into: np.ndarray, p: float, start: int) -> None:
        real(stream, into, p, start)
        zeroed, error = 1 - into.mean(), math.sqrt(p * (1 - p) / into.size)
        assert abs(zeroed - p) < 5 * error + 1 / LEVELS
        drawn.append((into.shape, p))

    monkeypatch.setattr(DropoutStream, "keep", keep)
    monkeypatch.setattr(nn.functional, "dropout", None)  # nothing may go another way
    made.model.train()
    made.logits(batch(rows))
    assert {p for _, p in drawn} == {0.1}
    weights = [shape for shape, _ in drawn if shape[-1] == 40]
    hidden = [shape for shape, _ in drawn if shape[-1] != 40]
    assert weights == [(50, 2, 40, 40)] * 2
    # ModernBERT drops after its embeddings, after attention and within the MLP of 2 layers, at its head;
    # DeBERTa after its embeddings, at the positions, after attention and the MLP of 2 layers, at its head,
    # its pooler having the rate 0.
    assert len(hidden) == {"modernbert": 6, "deberta-v2": 8}[kind]


def test_replaced_dropouts_are_torchs_again_with_their_rates_and_modes() -> None:
    model = nn.Sequential(nn.Dropout(0.3), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0))).eval()
    replace_dropouts(model, DropoutStream(0))
    restore_dropouts(model)
    found = [(type(module), module.p, module.training) for module in (model[0], model[1][1])]
    assert found == [(nn.Dropout, 0.3, False), (nn.Dropout, 0.0, False)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_is_that_of_every_dropout_and_leaves_the_configuration(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    made.model.train()
    rows = batch([[5, 6, 7, 8, 9], [7, 8, 9]])
    before = made.model.config.to_dict()

    def two() -> tuple[torch.Tensor, torch.Tensor]:
        return made.logits(rows).detach(), made.logits(rows).detach()

    set_rate(made.model, 0.5)
    first, second = two()
    assert not torch.equal(first, second)
    set_rate(made.model, 0.0)
    first, second = two()
    assert torch.equal(first, second)
    made.model.eval()
    torch.testing.assert_close(first, made.logits(rows).detach(), atol=1e-5, rtol=0)
    assert made.model.config.to_dict() == before
