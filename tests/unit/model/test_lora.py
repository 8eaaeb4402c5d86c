"""LoRA on every architecture: packed as padded, merged as not merged, and nothing but what it says is trained."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from tests.conftest import KINDS, TinyModel
from tests.unit.small import PACKED, batch, compare, encoded, gap, padded_logits, sequences, stock, without_dropout
from whet.errors import ModelError, UsageError
from whet.model import lora, postnorm
from whet.model.classifier import Classifier
from whet.model.encoder import load_saved, save
from whet.model.levels import freeze, layers_of, levels, passes
from whet.model.trained import changed
from whet.records import Encoded, Ints
from whet.training.loop import Recipe, Training
from whet.training.state import on_host

ROWS = sequences([9, 3, 12, 30, 5], vocabulary=200)
RECIPE = Recipe(epochs=2.0, batch_size=4, learning_rate=5e-3, weight_decay=0.01, warmup=0.0, max_grad_norm=1.0, seed=1)


def adapted(folder: Path, *, rank: int = 4, seed: int = 0) -> Any:
    """The plain model with matrices of which none is zero."""
    model = stock(folder, seed=seed)
    lora.add(model, rank)
    return model


def classifier(folder: Path, *, rank: int = 4) -> Classifier:
    return Classifier(adapted(folder, rank=rank), device="cpu", seed=0)


def data() -> tuple[Encoded, Ints]:
    return encoded([*ROWS, *ROWS[:3]]), np.arange(8, dtype=np.int64) % 3


# ---------------------------------------------------------------- exactness


@pytest.mark.parametrize("dropping", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_gradients_are_those_of_plain_peft_on_padded_texts(
    tiny_model: TinyModel, kind: str, dropping: bool
) -> None:
    made = classifier(tiny_model(kind))
    assert made.packed is (kind in PACKED), made.packing_reason
    made.model.eval()
    # `without_dropout` takes the route of dropout, which has kernels of its own, and drops nothing.
    compare(without_dropout(made) if dropping else made, adapted(tiny_model(kind)), ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputed_layers_give_the_same_gradients(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    assert made.recompute()
    compare(without_dropout(made), adapted(tiny_model(kind)), ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_small_batches_and_large_ones_go_through_the_matrices_alike(tiny_model: TinyModel, kind: str) -> None:
    """Few tokens have projections of their own."""
    made, few = classifier(tiny_model(kind)), ROWS[1:2]
    made.model.eval()
    compare(made, adapted(tiny_model(kind)), few)


def test_a_layer_that_reads_weights_and_passes_by_the_matrices_is_seen_at_load(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_weights(x: torch.Tensor, layer: postnorm.Layer, *parts: nn.Linear) -> torch.Tensor:
        weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        return nn.functional.linear(x, weight, bias).view(len(x), len(parts), layer.heads, -1)

    monkeypatch.setattr(postnorm, "_project", by_weights)
    made = classifier(tiny_bert)
    assert not made.packed
    assert made.packing_reason.startswith("packed and single texts differ by ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_model_answers_as_the_one_with_its_matrices_beside(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    made = classifier(tiny_model(kind))
    list(Training(made, *data(), RECIPE).records())
    made.model.eval()
    with torch.inference_mode():
        before = made.logits(batch(ROWS))
        made.fold()
        merged = made.logits(batch(ROWS))
    assert gap(before, merged) < 1e-5
    plain = stock(tiny_model(kind))
    assert made.model.state_dict().keys() == plain.state_dict().keys()
    assert type(made.model) is type(plain)
    assert not hasattr(made.model, "peft_config")
    made.release()
    save(made.model, tmp_path / "model")
    assert not (tmp_path / "model" / "adapter_config.json").exists()
    with torch.inference_mode():
        assert gap(padded_logits(load_saved(tmp_path / "model").eval(), ROWS), before) < 1e-5


@pytest.mark.parametrize("kind", PACKED)
def test_in_bf16_the_matrices_add_what_they_add_in_fp32(tiny_model: TinyModel, kind: str) -> None:
    made = Classifier(adapted(tiny_model(kind)), device="cpu", seed=0, precision="bf16")
    made.model.eval()
    with torch.inference_mode():
        lower = made.logits(batch(ROWS))
        with made.in_fp32():
            full = made.logits(batch(ROWS))
        lora.begin(made.model)
        without = made.logits(batch(ROWS))
    assert gap(lower, full) < 0.2 * gap(full, without)


# ---------------------------------------------------------------- what is trained


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrices_and_the_head_are_trained_and_all_else_stays_bit_for_bit(tiny_model: TinyModel, kind: str) -> None:
    plain, made = stock(tiny_model(kind)), classifier(tiny_model(kind))
    lora.begin(made.model)
    head = {name for (name, _), level in zip(plain.named_parameters(), levels(plain), strict=True) if level == 0}
    trained = {name for name, each in made.model.named_parameters() if each.requires_grad}
    assert {name for name in trained if "lora_" not in name} == head
    maps = [part for layer in layers_of(plain) for part in layer.modules() if isinstance(part, nn.Linear)]
    assert len(trained - head) == 2 * len(maps)
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    training = Training(made, *data(), RECIPE)
    list(training.records())
    still = {name for name, tensor in made.model.state_dict().items() if torch.equal(tensor, before[name])}
    assert still >= before.keys() - trained
    assert not {name for name in trained if "lora_B" in name} & still
    state = training.state()
    assert state.tensors["model"].keys() == changed(made.model).keys() == trained | (before.keys() - still - trained)
    assert len(state.tensors["optimizer"]) == 3 * len(trained)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_begins_as_the_model_without_matrices(tiny_model: TinyModel, kind: str) -> None:
    plain, made = stock(tiny_model(kind)), adapted(tiny_model(kind))
    with torch.inference_mode():
        expected = padded_logits(plain, ROWS)
        assert gap(padded_logits(made, ROWS), expected) > 1e-3
        lora.begin(made)
        assert torch.equal(padded_logits(made, ROWS), expected)


def test_the_matrices_are_those_that_peft_begins_with(tiny_bert: Path) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    plain = stock(tiny_bert)
    names = [name for name, part in plain.named_modules() if "encoder" in name and type(part) is nn.Linear]
    theirs = inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, target_modules=names), plain).state_dict()
    ours = adapted(tiny_bert)
    lora.begin(ours)
    for name, tensor in ours.state_dict().items():
        if "lora_A" in name:
            assert float(tensor.abs().max()) == pytest.approx(float(theirs[name].abs().max()), rel=0.2)
        elif "lora_B" in name:
            assert torch.equal(tensor, theirs[name])
    scales = {part.scaling["default"] for part in lora._parts(ours).values()}
    assert scales == {2.0}


def test_of_many_layers_each_has_its_matrices_and_nothing_else_has() -> None:
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=6, num_attention_heads=2, intermediate_size=16)
    model: Any = BertForSequenceClassification(config)
    lora.add(model, 2)
    found = {name for name, _ in model.named_parameters() if "lora_A" in name}
    assert len(found) == 6 * 6
    assert all(name.startswith("bert.encoder.layer.") for name in found)


def test_layers_that_are_frozen_get_none(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    freeze(model, "1")
    lora.add(model, 4)
    assert {name.split(".")[3] for name, _ in model.named_parameters() if "lora_" in name} == {"1"}
    assert set(levels(model)) == {0, 1}
    assert 1.0 < passes(model) < 1.8


def test_a_training_goes_on_from_its_state_bit_for_bit(tiny_bert: Path) -> None:
    def made() -> Training:
        ready = classifier(tiny_bert)
        lora.begin(ready.model)
        return Training(ready, *data(), RECIPE)

    whole, first, second = made(), made(), made()
    list(whole.records())
    list(islice(first.records(), 3))
    second.load_state(on_host(first.state()))
    list(second.records())
    ends = [each._classifier.model.state_dict() for each in (whole, second)]
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())


# ---------------------------------------------------------------- refusals


def test_where_nothing_is_left_to_be_trained_that_is_said(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    freeze(model, "2")
    with pytest.raises(UsageError) as refused:
        lora.add(model, 4)
    assert str(refused.value) == (
        "--lora: no layer is left to be trained. Expected linear maps in layers that are not frozen. "
        "Leave out --lora, or freeze less."
    )


def test_a_rank_that_spares_nothing_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(UsageError) as refused:
        lora.add(stock(tiny_bert), 17)
    assert str(refused.value) == "--lora: rank 17. Expected 1 to 16, half the width of the model."


def test_a_model_without_a_list_of_layers_is_refused() -> None:
    from transformers import AlbertConfig, AlbertForSequenceClassification

    config = AlbertConfig(vocab_size=20, embedding_size=8, hidden_size=8, num_hidden_layers=3, num_attention_heads=2)
    with pytest.raises(ModelError, match=r"AlbertForSequenceClassification has no list of layers.*Leave out --lora"):
        lora.add(AlbertForSequenceClassification(config), 2)


def test_a_model_without_matrices_is_left_as_it_is(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    lora.begin(model)
    lora.merge(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
