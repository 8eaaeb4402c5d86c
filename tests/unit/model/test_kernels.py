"""The CPU's kernels, held against the same mathematics written with torch's own operations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from whet.model import kernels
from whet.model.dropout import LEVELS, DropoutStream
from whet.model.packing import Packing, plan

HEADS, WIDTH = 3, 4
# A rate that rounds to no level at all: the route of training, which drops nothing.
NO_DROP = 1e-6

lengths_of_sequences = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def packing_of(lengths: list[int], *, seed: int = 0, most: int = 2**20) -> Packing:
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return plan(cu_seqlens, DropoutStream(seed), torch.device("cpu"), most=most)


def random_qkv(lengths: list[int], dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(sum(lengths))
    return torch.randn(sum(lengths), 3, HEADS, WIDTH, generator=generator, dtype=dtype, requires_grad=True)


def one_by_one(qkv: Tensor, lengths: list[int], scale: float) -> Tensor:
    parts = []
    for part in qkv.split(lengths):
        q, k, v = part.permute(1, 2, 0, 3)
        parts.append(F.scaled_dot_product_attention(q, k, v, scale=scale).transpose(0, 1))
    return torch.cat(parts)


@pytest.mark.parametrize("most", [1, 300, 2**20])
@given(lengths=lengths_of_sequences)
def test_attention_and_its_gradient_are_those_of_each_sequence_alone(most: int, lengths: list[int]) -> None:
    qkv = random_qkv(lengths)
    out = kernels.attention(qkv, packing_of(lengths, most=most), scale=0.7, p=NO_DROP)
    expected = one_by_one(qkv, lengths, 0.7)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)
    above = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (ours,), (theirs,) = torch.autograd.grad(out, qkv, above), torch.autograd.grad(expected, qkv, above)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("lengths", [[4], [3, 5, 4], [2, 2, 2]])
@pytest.mark.parametrize("piece", [2**18, 16])
def test_the_gradient_of_dropped_attention_is_that_of_finite_differences(
    lengths: list[int], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "PIECE", piece)
    qkv = random_qkv(lengths, torch.float64)
    assert torch.autograd.gradcheck(lambda x: kernels.attention(x, packing_of(lengths), scale=0.5, p=0.3), (qkv,))


def test_what_is_dropped_of_the_attention_has_the_rate_and_the_rest_is_scaled() -> None:
    length, p = 40, 0.2
    identity = torch.eye(length)[:, None].expand(length, 250, length)
    query = torch.randn(length, 250, length, generator=torch.Generator().manual_seed(0))
    # The values are the unit vectors, so that what comes out is the weights themselves.
    qkv = torch.stack([query, query.roll(1, 0), identity], 1)
    dropped = kernels.attention(qkv, packing_of([length]), scale=0.1, p=p)
    whole = kernels.attention(qkv, packing_of([length]), scale=0.1, p=NO_DROP)
    exact = round(p * LEVELS) / LEVELS
    kept = dropped != 0
    error = math.sqrt(exact * (1 - exact) / kept.numel())
    assert abs(1 - kept.double().mean().item() - exact) < 4 * error
    torch.testing.assert_close(dropped[kept], whole[kept] / (1 - exact))
    # Neighbouring weights of a row are dropped independently of each other.
    centred = kept.double() - (1 - exact)
    assert abs(float((centred[..., 1:] * centred[..., :-1]).mean())) < 4 * exact * (1 - exact) / math.sqrt(kept.numel())


def test_no_two_calls_drop_alike() -> None:
    lengths, qkv = [5, 9], random_qkv([5, 9])
    packing = packing_of(lengths)
    first, second = (kernels.attention(qkv, packing, scale=1.0, p=0.3) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("residual_rows", [1, 4, 9, 30])
def test_dropout_residual_and_norm_are_those_of_torch(residual_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "ROWS_PIECE", 4 * 6)  # pieces of 4 rows
    generator = torch.Generator().manual_seed(0)
    x, residual = (torch.randn(residual_rows, 6, generator=generator, requires_grad=True) for _ in range(2))
    norm = nn.LayerNorm(6)
    nn.init.normal_(norm.weight, generator=generator)
    nn.init.normal_(norm.bias, generator=generator)
    stream = DropoutStream(3)
    stream.reserve(8)
    keep = np.empty(x.shape, np.bool_)
    DropoutStream(3).keep(keep, 0.4, 8)
    rate = round(0.4 * LEVELS) / LEVELS
    expected = norm(residual + x * torch.from_numpy(keep) / (1 - rate))
    out = kernels.drop_add_norm(x, residual, norm, 0.4, stream)
    torch.testing.assert_close(out, expected)
    inputs, above = (x, residual, norm.weight, norm.bias), torch.randn(out.shape, generator=generator)
    for ours, theirs in zip(
        torch.autograd.grad(out, inputs, above), torch.autograd.grad(expected, inputs, above), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_projections_side_by_side_are_one_product_of_their_weights_end_to_end() -> None:
    x = torch.randn(7, 12, requires_grad=True)
    weights = [torch.randn(width, 12, requires_grad=True) for width in (12, 8, 4)]
    biases = [torch.randn(len(weight), requires_grad=True) for weight in weights]
    above = torch.randn(7, 24)
    whole = torch.nn.functional.linear(x, torch.cat(weights), torch.cat(biases))
    parts = kernels.project(x, weights, biases)
    torch.testing.assert_close(parts, whole)
    leaves = [x, *weights, *biases]
    for found, expected in zip(
        torch.autograd.grad(parts, leaves, above), torch.autograd.grad(whole, leaves, above), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("trained", [(0, 1), (1, 2), (2, 3), (3,), (0,), (1,)])
def test_dropout_residual_and_norm_compute_no_gradient_of_what_is_frozen(trained: tuple[int, ...]) -> None:
    given = [torch.randn(9, 6), torch.randn(9, 6), torch.randn(6), torch.randn(6)]
    found = []
    for chosen in (range(4), trained):
        x, residual, weight, bias = (each.clone().requires_grad_(place in chosen) for place, each in enumerate(given))
        norm = nn.LayerNorm(6)
        norm.weight, norm.bias = nn.Parameter(weight), nn.Parameter(bias)
        norm.weight.requires_grad_(2 in chosen)
        norm.bias.requires_grad_(3 in chosen)
        kernels.drop_add_norm(x, residual, norm, 0.4, DropoutStream(3)).square().sum().backward()
        found.append([x.grad, residual.grad, norm.weight.grad, norm.bias.grad])
    for place, (whole, part) in enumerate(zip(*found, strict=True)):
        if place in trained:
            torch.testing.assert_close(part, whole)
        else:
            assert part is None


@pytest.mark.parametrize("trained", [(0,), (1, 4), (2,), (5,)])
def test_projections_compute_no_gradient_of_what_is_frozen(trained: tuple[int, ...]) -> None:
    given = [torch.randn(7, 12), torch.randn(8, 12), torch.randn(4, 12), torch.randn(8), torch.randn(4)]
    given.insert(3, torch.randn(4, 12))
    given.append(torch.randn(4))
    found = []
    for chosen in (range(len(given)), trained):
        leaves = [each.clone().requires_grad_(place in chosen) for place, each in enumerate(given)]
        kernels.project(leaves[0], leaves[1:4], leaves[4:]).square().sum().backward()
        found.append([leaf.grad for leaf in leaves])
    for place, (whole, part) in enumerate(zip(*found, strict=True)):
        if place in trained:
            torch.testing.assert_close(part, whole)
        else:
            assert part is None
