"""ModernBERT's windows and pooling without padding, held against the padded plain model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.unit.small import LargestTensor, batch, compare, padded_logits, sequences, single_logits
from whet.model import modernbert, packed
from whet.model import packing as packing_module
from whet.model.classifier import Classifier
from whet.model.dropout import DropoutStream
from whet.model.encoder import FAMILIES
from whet.model.packing import Packing
from whet.model.packing import plan as make_plan

HEADS, WIDTH = 2, 4
CPU = torch.device("cpu")
NO_DROP = 1e-6  # a rate that rounds to no level at all: the route of training, which drops nothing

# Texts within the window, a little beyond it, and so long that they attend in blocks.
LENGTHS = ([6, 6, 6], [20, 21, 22], [1], [3, 9, 40], [200, 30, 150, 1, 190, 31, 100, 100, 9])


def plan(lengths: list[int], half: int) -> tuple[Packing, Packing]:
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    packing = make_plan(cu_seqlens, DropoutStream(0), CPU)
    return packing, modernbert.localise(packing, half, CPU)


def states(lengths: list[int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    return [torch.randn(1, HEADS, sum(lengths), WIDTH, generator=generator, requires_grad=True) for _ in range(3)]


def attend(given: list[Tensor], lengths: list[int], half: int, rate: float) -> Tensor:
    packing, local = plan(lengths, half)
    options: dict[str, Any] = {"packing": packing, "local": local, "sliding_window": half + 1, "dropout": rate}
    return packed.attend(torch.nn.Module(), *given, None, **options)[0]


def one_by_one(given: list[Tensor], lengths: list[int], half: int) -> Tensor:
    parts = []
    for q, k, v in zip(*(x.split(lengths, dim=2) for x in given), strict=True):
        places = torch.arange(q.shape[2])
        near = (places[:, None] - places).abs() <= half
        parts.append(F.scaled_dot_product_attention(q, k, v, attn_mask=near))
    return torch.cat(parts, 2).transpose(1, 2)


# ---------------------------------------------------------------- the window


@pytest.mark.parametrize("rate", [0.0, NO_DROP])
@given(lengths=st.lists(st.integers(1, 150), min_size=1, max_size=6), half=st.integers(1, 20))
def test_a_token_sees_its_window_of_its_own_text(rate: float, lengths: list[int], half: int) -> None:
    given = states(lengths)
    ours, theirs = attend(given, lengths, half, rate), one_by_one(given, lengths, half)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    back = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    for mine, reference in zip(
        torch.autograd.grad(ours, given, back), torch.autograd.grad(theirs, given, back), strict=True
    ):
        torch.testing.assert_close(mine, reference, atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", [9, 40, 300], ids=["whole", "band", "blocks"])
def test_what_a_token_sees_ends_at_the_edge_of_the_window(length: int) -> None:
    half, lengths = 8, [length, length]
    given = states(lengths)
    for token in (0, 5, length - 1):
        out = attend(given, lengths, half, 0.0)[:, length + token].sum()
        seen = torch.autograd.grad(out, given)[2][0, 0, :, 0].nonzero().ravel().tolist()
        first, last = max(0, token - half), min(length - 1, token + half)
        assert seen == list(range(length + first, length + last + 1))


def test_a_layer_without_a_window_sees_the_whole_text() -> None:
    lengths = [30, 31, 200]
    given, (packing, local) = states(lengths), plan(lengths, 4)
    out, _ = packed.attend(torch.nn.Module(), *given, None, packing=packing, local=local, sliding_window=None)
    torch.testing.assert_close(out, one_by_one(given, lengths, 1000), atol=1e-5, rtol=0)


def test_short_texts_keep_their_groups_and_long_ones_are_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing_module, "SMALL_GROUP", 0)
    packing, local = plan([5, 5, 20, 21, 200], 8)
    assert local.groups[0] is packing.groups[0]
    band, blocks = local.groups[1:]
    assert band.mask is not None
    assert band.mask.shape == (2, 1, 21, 21)
    assert band.keys is None
    assert blocks.mask is not None
    assert blocks.mask.shape == (7, 1, 32, 48)
    assert blocks.mask.any(-1).all()  # a query that sees nothing would give NaN


def test_a_text_within_the_window_is_attended_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing_module, "SMALL_GROUP", 0)
    packing, local = plan([9, 9, 3], 8)
    assert local.groups == packing.groups
    assert (packing.restore, local.restore) == (None, None)


# ---------------------------------------------------------------- the model


def model(**settings: Any) -> Any:
    """A random plain model with two local layers between global ones."""
    from transformers import AutoModelForSequenceClassification, ModernBertConfig

    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 4}
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    config = ModernBertConfig(
        vocab_size=200, max_position_embeddings=256, num_labels=3, **{**sizes, **special, "initializer_range": 0.2},
        **settings,
    )  # fmt: skip
    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_config(config).eval()


def both(**settings: Any) -> tuple[Classifier, Any]:
    made = Classifier(model(**settings), device="cpu", seed=0)
    made.model.eval()
    return made, model(**settings)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("window", [2, 16, 40])
def test_logits_and_gradients_are_those_of_the_padded_plain_model(pooling: str, window: int) -> None:
    made, plain = both(classifier_pooling=pooling, local_attention=window)
    assert made.packed, made.packing_reason
    for lengths in LENGTHS:
        compare(made, plain, sequences(lengths, vocabulary=200))


def test_the_window_and_the_pooling_matter_to_these_models() -> None:
    rows = sequences([60, 90], vocabulary=200)
    with torch.inference_mode():
        answers = [
            single_logits(model(classifier_pooling=pooling, local_attention=window), rows)
            for pooling, window in (("cls", 16), ("cls", 18), ("mean", 16))
        ]
    assert float((answers[0] - answers[1]).abs().max()) > 0.01
    assert float((answers[0] - answers[2]).abs().max()) > 0.01


def test_no_tensor_grows_with_the_square_of_the_pack_or_of_a_long_text() -> None:
    made, _ = both(local_attention=16)
    rows = sequences([250] * 8, vocabulary=200)
    with LargestTensor() as largest, torch.inference_mode():
        made.logits(batch(rows))
    assert largest.elements < 2000 * 250  # T times the longest text


def window_of(half: Callable[[int], int]) -> Any:
    real = modernbert.localise
    return lambda packing, given, device: real(packing, half(given), device)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("half", [lambda h: h - 1, lambda h: h + 1, lambda h: 10_000], ids=["less", "more", "none"])
def test_a_wrong_window_is_seen_by_the_check_at_load(
    half: Callable[[int], int], pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"local_attention": 128, "classifier_pooling": pooling}
    assert both(**settings)[0].packed
    monkeypatch.setattr(modernbert, "localise", window_of(half))
    made, plain = both(**settings)
    assert not made.packed
    assert made.packing_reason.startswith("packed and single texts differ by ")
    rows = sequences([3, 70, 9], vocabulary=200)
    with torch.inference_mode():
        assert float((made.logits(batch(rows)) - padded_logits(plain, rows)).abs().max()) < 1e-5


def test_a_wrong_pooling_is_seen_by_the_check_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_of_the_mean(model: Any, ids: Tensor, positions: Tensor, packing: Packing) -> Tensor:
        return modernbert.encode(model, ids, positions, replace(packing, lengths=torch.ones_like(packing.lengths)))

    monkeypatch.setitem(FAMILIES, "modernbert", replace(FAMILIES["modernbert"], encode=first_of_the_mean))
    assert not both(classifier_pooling="mean")[0].packed
