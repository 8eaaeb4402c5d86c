"""Attention over sequences laid end to end, held against attention of each sequence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from whet.model import packed
from whet.model.dropout import DropoutStream
from whet.model.packing import GROUP_WASTE, SMALL_GROUP, Packing
from whet.model.packing import plan as make_plan

HEADS, WIDTH = 2, 4
CPU = torch.device("cpu")
# A rate that rounds to no level at all: the route of training, which drops nothing.
NO_DROP = 1e-6

lengths_of_sequences = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def plan(lengths: list[int], *, seed: int = 0) -> Packing:
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return make_plan(cu_seqlens, DropoutStream(seed), CPU)


def random_states(lengths: list[int], *, grad: bool = False) -> list[Tensor]:
    """Query, key and value [1, H, T, D]."""
    generator = torch.Generator().manual_seed(sum(lengths))
    return [torch.randn(1, HEADS, sum(lengths), WIDTH, generator=generator, requires_grad=grad) for _ in range(3)]


def attend(states: list[Tensor], packing: Packing, **options: float) -> Tensor:
    out, weights = packed.attend(torch.nn.Module(), *states, None, packing=packing, **options)
    assert weights is None
    return out


def one_by_one(states: list[Tensor], lengths: list[int], scale: float | None = None) -> Tensor:
    parts = zip(*(x.split(lengths, dim=2) for x in states), strict=True)
    return torch.cat([F.scaled_dot_product_attention(q, k, v, scale=scale) for q, k, v in parts], 2).transpose(1, 2)


# ---------------------------------------------------------------- exactness


@pytest.mark.parametrize("rate", [0.0, NO_DROP])
@given(lengths=lengths_of_sequences)
def test_each_sequence_attends_as_if_it_were_alone(rate: float, lengths: list[int]) -> None:
    states = random_states(lengths)
    out = attend(states, plan(lengths), dropout=rate)
    assert out.shape == (1, sum(lengths), HEADS, WIDTH)
    torch.testing.assert_close(out, one_by_one(states, lengths), atol=1e-5, rtol=0)


@pytest.mark.parametrize("rate", [0.0, NO_DROP])
@given(lengths=lengths_of_sequences)
def test_the_gradients_are_those_of_each_sequence_alone(rate: float, lengths: list[int]) -> None:
    states = random_states(lengths, grad=True)
    given_back = torch.randn(1, sum(lengths), HEADS, WIDTH, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(attend(states, plan(lengths), dropout=rate), states, given_back)
    theirs = torch.autograd.grad(one_by_one(states, lengths), states, given_back)
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rate", [0.0, NO_DROP])
def test_the_scaling_of_the_model_is_used(rate: float) -> None:
    lengths = [3, 7]
    states = random_states(lengths)
    out = attend(states, plan(lengths), dropout=rate, scaling=0.9)
    torch.testing.assert_close(out, one_by_one(states, lengths, 0.9), atol=1e-5, rtol=0)


@pytest.mark.parametrize("rate", [0.0, NO_DROP, 0.3])
def test_no_token_sees_another_sequence(rate: float) -> None:
    lengths = [4, 5, 5, 9]
    states = random_states(lengths, grad=True)
    out = attend(states, plan(lengths), dropout=rate)
    start = 0
    for length in lengths:
        inside = slice(start, start + length)
        for gradient in torch.autograd.grad(out[:, inside].sum(), states, retain_graph=True)[1:]:
            outside = torch.ones(sum(lengths), dtype=torch.bool)
            outside[inside] = False
            assert gradient[:, :, outside].abs().max() == 0
            assert gradient[:, :, inside].abs().max() > 0 or length == 1
        start += length


def test_what_the_library_passes_besides_is_taken_and_changes_nothing() -> None:
    lengths = [2, 2]
    states = random_states(lengths)
    out, _ = packed.attend(
        torch.nn.Module(), *states, None, packing=plan(lengths), is_causal=False, position_ids=torch.arange(4)
    )
    assert torch.equal(out, attend(states, plan(lengths)))


# ---------------------------------------------------------------- dropout


def test_dropped_attention_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    lengths = [3, 4, 20]
    states = random_states(lengths)
    first, again, other = (attend(states, plan(lengths, seed=seed), dropout=0.2) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.allclose(first, attend(states, plan(lengths)))


def test_each_layer_of_a_step_draws_a_mask_of_its_own() -> None:
    lengths = [3, 4, 20]
    states, packing = random_states(lengths), plan(lengths)
    assert not torch.equal(attend(states, packing, dropout=0.2), attend(states, packing, dropout=0.2))


def test_dropout_of_the_weights_keeps_the_mean() -> None:
    lengths = [6, 7]
    states, packing = random_states(lengths), plan(lengths)
    draws = torch.stack([attend(states, packing, dropout=0.3) for _ in range(2000)])
    error = draws.std(0) / 2000**0.5
    # 104 means: the largest of them stays below 5 standard errors.
    assert ((draws.mean(0) - attend(states, packing)).abs() / error).max() < 5


# ---------------------------------------------------------------- groups


def test_equal_lengths_are_one_plain_slice() -> None:
    packing = plan([5, 5, 5])
    (group,) = packing.groups
    assert (group.count, group.length, group.start, group.stop) == (3, 5, 0, 15)
    assert (group.gather, group.mask, packing.restore) == (None, None, None)


def test_like_lengths_share_a_group_under_a_mask() -> None:
    packing = plan([7, 8])
    (group,) = packing.groups
    assert group.gather is not None
    assert group.mask is not None
    assert packing.restore is not None
    assert group.gather.tolist() == [*range(7), 6, *range(7, 15)]
    assert group.mask[:, 0, 0].tolist() == [[True] * 7 + [False], [True] * 8]
    assert packing.restore.tolist() == [*range(7), *range(8, 16)]


def test_unlike_lengths_are_groups_of_their_own() -> None:
    packing = plan([2, 200, 200, 3])
    assert [(group.count, group.length, group.mask) for group in packing.groups] == [
        (1, 2, None),
        (2, 200, None),
        (1, 3, None),
    ]
    assert packing.restore is None


def test_short_texts_are_one_group_whatever_their_lengths() -> None:
    packing = plan([2, 20, 20, 3])
    assert [(group.count, group.length) for group in packing.groups] == [(4, 20)]


@given(lengths_of_sequences)
def test_groups_part_the_sequences_and_waste_little(lengths: list[int]) -> None:
    packing = plan(lengths)
    assert sum(group.count for group in packing.groups) == len(lengths)
    assert packing.groups[0].start == 0
    assert packing.groups[-1].stop == sum(lengths)
    for group, following in zip(packing.groups, packing.groups[1:], strict=False):
        assert group.stop == following.start
    for group in packing.groups:
        little = group.count * group.length <= GROUP_WASTE * (group.stop - group.start)
        assert little or group.weights <= SMALL_GROUP
        assert (
            (group.mask is None) == (group.gather is None) == (group.count * group.length == group.stop - group.start)
        )


def test_registering_makes_the_attention_known_without_a_mask() -> None:
    transformers = pytest.importorskip("transformers")
    packed.register()
    packed.register()
    assert transformers.AttentionInterface()[packed.NAME] is packed.attend
    assert transformers.AttentionMaskInterface()[packed.NAME](1, inputs=2) is None


@given(lengths=lengths_of_sequences, most=st.integers(1, 2_000))
def test_a_group_of_several_sequences_has_no_more_weights_than_asked_for(lengths: list[int], most: int) -> None:
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    for group in make_plan(cu_seqlens, DropoutStream(0), CPU, most=most).groups:
        assert group.count == 1 or group.weights <= most
