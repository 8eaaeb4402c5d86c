"""Training and evaluation in less than float32, on the CPU."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import grad

from tests.conftest import KINDS, TinyModel
from tests.unit.small import batch, encoded, gap, sequences, stock, without_dropout
from whet.data.batches import filled
from whet.model import classifier as classifier_module
from whet.model import kernels, packed
from whet.model.classifier import Classifier
from whet.model.precision import lowered
from whet.training.loop import Recipe, Training

RECIPE = Recipe(epochs=5.0, batch_size=4, learning_rate=1e-3, weight_decay=0.01, warmup=0.0, max_grad_norm=1.0, seed=1)
LOW = [("bf16", torch.bfloat16), ("fp16", torch.float16)]
# Of losses near 1.3: 8 and 11 bits of each number are kept.
TOLERANCES = {"bf16": 0.03, "fp16": 0.006}


def made(folder: Path, precision: Any, seed: int = 0) -> Classifier:
    return Classifier(stock(folder), device="cpu", seed=seed, precision=precision)


def losses(classifier: Classifier) -> list[float]:
    lengths = np.random.default_rng(0).integers(3, 40, 16).tolist()
    rows = encoded(sequences(lengths, vocabulary=200))
    return [record.loss for record in Training(classifier, rows, np.arange(16) % 3, RECIPE).records()]


@pytest.mark.parametrize("precision", TOLERANCES)
def test_twenty_steps_are_those_of_fp32_but_for_rounding(tiny_bert: Path, precision: str) -> None:
    full, lower = (without_dropout(made(tiny_bert, name)) for name in ("fp32", precision))  # they draw unlike numbers
    ours, theirs = losses(lower), losses(full)
    assert len(ours) == 20
    assert ours != theirs
    assert np.mean(theirs[-4:]) < np.mean(theirs[:4]) - 0.02  # an epoch each
    np.testing.assert_allclose(ours, theirs, atol=TOLERANCES[precision])
    rows = encoded(sequences([5, 30, 9], vocabulary=200))
    np.testing.assert_allclose(lower.all_logits(rows), full.all_logits(rows), atol=3 * TOLERANCES[precision])


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_gradients_of_every_model_are_float32_and_near_those_of_fp32(
    tiny_model: TinyModel, kind: str, precision: str
) -> None:
    rows = batch(sequences([5, 9, 10, 33], vocabulary=100))
    results = []
    for name in (precision, "fp32"):
        classifier = without_dropout(made(tiny_model(kind), name))  # on its route
        torch.manual_seed(0)
        logits = classifier.logits(rows)
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
        gradients = [p.grad.flatten() for p in classifier.model.parameters() if p.grad is not None]
        assert {logits.dtype, *(gradient.dtype for gradient in gradients)} == {torch.float32}
        results.append((logits.detach(), torch.cat(gradients)))
    (ours, our_gradient), (theirs, their_gradient) = results
    assert 0 < gap(ours, theirs) < 5 * TOLERANCES[precision]
    assert float((our_gradient - their_gradient).norm() / their_gradient.norm()) < 5 * TOLERANCES[precision]


@pytest.mark.parametrize(("precision", "dtype"), LOW)
def test_products_are_computed_in_the_precision_and_our_own_kernels_in_float32(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, precision: str, dtype: torch.dtype
) -> None:
    seen: set[torch.dtype] = set()
    real = kernels.attention
    monkeypatch.setattr(
        kernels, "attention", lambda qkv, *rest, **more: seen.add(qkv.dtype) or real(qkv, *rest, **more)
    )
    classifier = made(tiny_bert, precision)
    products: set[torch.dtype] = set()
    classifier.model.bert.encoder.layer[0].intermediate.dense.register_forward_hook(
        lambda module, given, out: products.add(out.dtype)
    )
    classifier.model.train()
    classifier.logits(batch(sequences([5, 9], vocabulary=100)))
    assert (seen, products) == ({torch.float32}, {dtype})


@pytest.mark.parametrize("precision", TOLERANCES)
def test_the_same_seed_gives_the_same_run_in_every_precision(tiny_bert: Path, precision: str) -> None:
    first, again, other = (losses(made(tiny_bert, precision, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_check_at_load_is_in_fp32_whatever_the_training(tiny_bert: Path) -> None:
    reasons = [made(tiny_bert, precision).packing_reason for precision in ("fp32", "bf16", "fp16")]
    assert all(left == right for left, right in pairwise(reasons))
    assert reasons[0].startswith("packed and single texts agree to ")


def test_fp32_can_be_had_for_a_while(tiny_bert: Path) -> None:
    few = batch(sequences([5, 30, 9], vocabulary=200))
    full, lower = made(tiny_bert, "fp32"), made(tiny_bert, "bf16")
    for classifier in (full, lower):
        classifier.model.eval()
    with lower.in_fp32():
        assert torch.equal(lower.logits(few), full.logits(few))
    assert lower.precision == "bf16"
    assert not torch.equal(lower.logits(few), full.logits(few))


@pytest.mark.parametrize("precision", TOLERANCES)
def test_on_a_cpu_an_evaluation_is_in_fp32_whatever_the_training(tiny_bert: Path, precision: str) -> None:
    rows = encoded(sequences([5, 30, 9], vocabulary=200))
    full, lower = made(tiny_bert, "fp32"), made(tiny_bert, precision)
    assert lower.evaluation_precision == "fp32"
    assert np.array_equal(lower.all_logits(rows), full.all_logits(rows))


@pytest.mark.parametrize(("length", "in_full"), [(7, True), (packed.SHORT, True), (packed.SHORT + 1, False)])
@pytest.mark.parametrize(("precision", "dtype"), LOW)
def test_attention_of_short_texts_that_drops_nothing_is_in_float32_where_a_gradient_is_wanted(
    precision: Any, dtype: torch.dtype, length: int, in_full: bool
) -> None:
    draw = torch.Generator().manual_seed(0)
    low = [torch.randn(2, 3, length, 4, generator=draw).to(dtype).requires_grad_() for _ in range(3)]
    full = [states.detach().float().requires_grad_() for states in low]
    mask = torch.ones(2, 1, 1, length, dtype=torch.bool)
    mask[1, ..., 5:] = False
    with lowered(precision, torch.device("cpu")):
        ours = packed.fused(low[0], low[1], low[2], mask, scale=None, p=0.0)
    theirs = packed.fused(full[0], full[1], full[2], mask, scale=None, p=0.0)
    assert ours.dtype == (torch.float32 if in_full else dtype)
    if not in_full:
        return
    assert torch.equal(ours, theirs)
    for gradient, exact in zip(grad(ours.sum(), low), grad(theirs.sum(), full), strict=True):
        assert torch.equal(gradient, exact.to(dtype))


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert", "deberta-v2"])
def test_products_see_few_numbers_of_tokens_and_the_rows_that_fill_them_up_are_nobodys(
    tiny_model: TinyModel, kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower = made(tiny_model(kind), precision)
    lower.model.train()
    seen: set[int] = set()
    for module in lower.model.base_model.modules():
        if type(module) is torch.nn.Linear:
            module.register_forward_hook(lambda module, given, out: seen.add(given[0].shape[-2]))
    for longest in range(40, 60):
        rows = batch(sequences([5, longest], vocabulary=100))
        assert lower.logits(rows).shape == (2, 3)
    assert seen & set(range(45, 73)) == {48, 56, 64}  # others see as many as there are rows, or distances
    rows = batch(sequences([5, 40], vocabulary=100))
    results = []
    for each in (filled, lambda given: given):
        monkeypatch.setattr(classifier_module, "filled", each)
        calm = without_dropout(made(tiny_model(kind), precision))
        calm.logits(rows).square().sum().backward()
        results.append({name: part.grad for name, part in calm.model.named_parameters() if part.grad is not None})
    ours, theirs = results
    assert ours.keys() == theirs.keys()
    largest = max(float(value.abs().max()) for value in theirs.values())
    assert max(gap(ours[name], theirs[name]) for name in ours) < 0.01 * largest
