from __future__ import annotations

import re

import pytest
from torch import nn
from transformers import AlbertConfig, AlbertForSequenceClassification

from tests.conftest import KINDS, TinyModel
from tests.unit.small import stock
from whet.errors import ModelError
from whet.model.levels import levels


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
        elif "embed" in name:
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
