"""Dropout from a stream of our own: its rate, its mean, its gradient and its seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.conftest import KINDS, TinyModel
from tests.unit.small import batch, classifier
from whet.model.dropout import LEVELS, Dropout, DropoutStream, dropout, replace_dropouts

N = 400_000
SHAPE = torch.Size([N])


class EveryLevel:
    """A generator that draws each of the 65,536 numbers once."""

    def integers(self, low: int, high: int, size: int, dtype: type) -> np.ndarray:
        assert (low, high, size) == (0, LEVELS, LEVELS)
        return np.arange(LEVELS).astype(dtype)


@given(st.floats(0, 0.99))
def test_the_rate_is_exact_to_one_level(p: float) -> None:
    stream = DropoutStream(0)
    stream._generator = EveryLevel()  # type: ignore[assignment]
    kept = stream.keep(torch.Size([LEVELS]), p)
    assert kept.dtype == torch.bool
    assert LEVELS - int(kept.sum()) == round(p * LEVELS)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
def test_the_rate_is_within_four_standard_errors(p: float) -> None:
    exact = round(p * LEVELS) / LEVELS
    dropped = 1 - DropoutStream(1).keep(SHAPE, p).double().mean().item()
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
    first, second = (stream.keep(SHAPE, 0.5).double() - 0.5 for _ in range(2))
    # The mean of N products of +-0.5 has the standard error 0.25 / sqrt(N).
    assert abs(float((first * second).mean())) < 4 * 0.25 / math.sqrt(N)
    assert abs(float((first[1:] * first[:-1]).mean())) < 4 * 0.25 / math.sqrt(N)


def test_the_same_seed_draws_the_same_masks_and_another_others() -> None:
    def draw(seed: int) -> list[torch.Tensor]:
        stream = DropoutStream(seed)
        return [stream.keep(torch.Size([3, 50]), 0.3) for _ in range(3)]

    first, again, other = draw(5), draw(5), draw(6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[1])


def test_the_stream_is_apart_from_the_global_ones() -> None:
    stream = DropoutStream(7)
    expected = DropoutStream(7).keep(SHAPE, 0.5)
    torch.manual_seed(99)
    np.random.seed(99)
    before = torch.get_rng_state()
    assert torch.equal(stream.keep(SHAPE, 0.5), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_gradient_passes_where_the_value_passed_with_the_same_scale() -> None:
    x = torch.randn(40, 30, requires_grad=True)
    given_back = torch.randn(40, 30)
    dropout(x, 0.4, DropoutStream(8)).backward(given_back)
    rate = round(0.4 * LEVELS) / LEVELS
    kept = DropoutStream(8).keep(x.shape, 0.4)
    assert x.grad is not None
    assert torch.allclose(x.grad, given_back * kept / (1 - rate), rtol=1e-6, atol=0)
    assert int((x.grad == 0).sum()) == int((~kept).sum())


def test_the_gradient_is_that_of_finite_differences() -> None:
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: dropout(values, 0.3, DropoutStream(9)), (x,))


def test_a_rate_of_zero_draws_nothing() -> None:
    stream, x = DropoutStream(10), torch.ones(5)
    assert dropout(x, 0.0, stream) is x
    assert torch.equal(stream.keep(SHAPE, 0.5), DropoutStream(10).keep(SHAPE, 0.5))


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

    def keep(stream: DropoutStream, shape: torch.Size, p: float) -> torch.Tensor:
        kept = real(stream, shape, p)
        zeroed, error = 1 - kept.double().mean().item(), math.sqrt(p * (1 - p) / kept.numel())
        assert abs(zeroed - p) < 5 * error + 1 / LEVELS
        drawn.append((tuple(shape), p))
        return kept

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
