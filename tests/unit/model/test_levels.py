from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
)

from tests.conftest import KINDS, TinyModel
from tests.unit.small import batch, sequences, stock, without_dropout
from whet.errors import ModelError, UsageError
from whet.model.classifier import Classifier
from whet.model.levels import freeze, layers_of, levels, passes


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_is_above_the_last_layer_and_the_embeddings_are_below_the_first(
    tiny_model: TinyModel, kind: str
) -> None:
    model = stock(tiny_model(kind))
    count = model.config.num_hidden_layers
    names = [name for name, _ in model.named_parameters()]
    found = dict(zip(names, levels(model), strict=True))
    assert {*found.values()} == {*range(count + 2)}
    for name, level in found.items():
        layer = re.search(r"layers?\.(\d+)\.", name)
        if layer:
            assert level == count - int(layer[1]), name
        elif "embed" in name or "relative" in name:  # MPNet's bias of distances, which every layer adds
            assert level == count + 1, name
        else:
            assert level == 0, name
    assert {level for name, level in found.items() if name.startswith("classifier")} == {0}


def test_parameters_that_are_not_trained_have_no_level(tiny_model: TinyModel) -> None:
    model = stock(tiny_model("bert"))
    whole = levels(model)
    model.get_input_embeddings().weight.requires_grad_(False)
    assert levels(model) == whole[1:]


def test_a_model_whose_layers_share_their_parameters_is_refused() -> None:
    config = AlbertConfig(
        vocab_size=20, embedding_size=8, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8
    )
    model: nn.Module = AlbertForSequenceClassification(config)
    with pytest.raises(ModelError, match=r"AlbertForSequenceClassification has no list of layers.*Leave out --llrd"):
        levels(model)


def test_what_all_layers_of_deberta_look_up_is_below_them_and_its_convolution_after_the_first() -> None:
    config = DebertaV2Config(
        vocab_size=20, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8,
        relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm", conv_kernel_size=3,
    )  # fmt: skip
    model: nn.Module = DebertaV2ForSequenceClassification(config)
    found = dict(zip([name for name, _ in model.named_parameters()], levels(model), strict=True))
    assert found["deberta.encoder.LayerNorm.weight"] == found["deberta.encoder.rel_embeddings.weight"] == 4
    assert found["deberta.encoder.conv.conv.weight"] == found["deberta.encoder.layer.0.output.dense.weight"] == 3
    assert found["pooler.dense.weight"] == 0


# ---------------------------------------------------------------- frozen


def frozen(folder: Path, part: str | None) -> Classifier:
    model = stock(folder)
    if part is not None:
        freeze(model, part)
    return without_dropout(Classifier(model, device="cpu", seed=0))


def work(made: Classifier) -> tuple[int, int]:
    """Operations of the forward and of the backward pass of some texts."""
    rows = batch(sequences([9, 12, 30], vocabulary=200))
    with FlopCounterMode(display=False) as forward:
        logits = made.logits(rows)
    with FlopCounterMode(display=False) as backward:
        logits.logsumexp(1).sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize(("part", "highest"), [("embeddings", 2), ("1", 1), ("2", 0), ("encoder", 0)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_frozen_has_no_gradient_and_the_rest_has_that_of_a_whole_training(
    tiny_model: TinyModel, kind: str, part: str, highest: int
) -> None:
    rows = batch(sequences([9, 12, 30], vocabulary=200))
    whole, made = frozen(tiny_model(kind), None), frozen(tiny_model(kind), part)
    for each in (whole, made):
        each.logits(rows).logsumexp(1).sum().backward()
    known = dict(zip([name for name, _ in whole.model.named_parameters()], levels(whole.model), strict=True))
    expected = dict(whole.model.named_parameters())
    for name, parameter in made.model.named_parameters():
        if known[name] > highest:
            assert parameter.grad is None, name
        elif expected[name].grad is not None:
            largest = max(float(expected[name].grad.abs().max()), 1e-3)
            assert float((parameter.grad - expected[name].grad).abs().max()) <= 1e-5 * largest, name


@pytest.mark.parametrize("kind", KINDS)
def test_no_backward_pass_goes_below_the_lowest_parameter_that_is_trained(tiny_model: TinyModel, kind: str) -> None:
    passed = {part: work(frozen(tiny_model(kind), part)) for part in (None, "embeddings", "1", "encoder")}
    assert len({forward for forward, _ in passed.values()}) == 1  # the way up is the same
    whole, embeddings, first, encoder = (backward for _, backward in passed.values())
    forward = passed[None][0]
    assert whole >= embeddings > first > encoder
    # Of the encoder's two layers nothing is left: what remains is the head's, whose products are small.
    assert encoder < 0.1 * forward
    assert first < 0.6 * whole


def test_a_model_shortened_and_frozen_is_frozen_by_the_layers_that_it_has(tiny_bert: Path) -> None:
    model = stock(tiny_bert, layers=1)
    with pytest.raises(UsageError) as refused:
        freeze(model, "2")
    expected = "--freeze: 2 layers, but the model has 1. Expected embeddings, encoder, or 1 to 1."
    assert str(refused.value) == expected
    freeze(model, "1")
    assert not any(each.requires_grad for each in layers_of(model)[0].parameters())
    assert {name for name, each in model.named_parameters() if each.requires_grad} == {
        "bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias",
    }  # fmt: skip


def test_the_levels_of_what_is_left_are_those_of_the_whole_model(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    whole = levels(model)
    freeze(model, "1")
    assert levels(model) == [level for level in whole if level <= 1]


@pytest.mark.parametrize(("part", "expected"), [(None, 3.0), ("embeddings", 3.0), ("1", 2.0), ("2", 1.0)])
def test_the_passes_of_a_step_are_counted_by_what_is_trained(
    tiny_bert: Path, part: str | None, expected: float
) -> None:
    assert passes(frozen(tiny_bert, part).model) == expected


def test_a_layer_with_a_trained_one_below_it_is_passed_backwards(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    for parameter in layers_of(model)[1].parameters():
        parameter.requires_grad_(False)
    assert passes(model) == 2.5
    freeze(model, "1")
    assert passes(model) == 1.0
    model.get_input_embeddings().weight.requires_grad_(True)
    assert passes(model) == 2.0
