"""How far below the head a parameter lies, for learning rates that fall from layer to layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from whet.errors import ModelError


def layers_of(model: Any) -> Sequence[nn.Module]:
    """The layers of a transformers encoder, the first one first; none where it has no list of them."""
    count = getattr(model.config, "num_hidden_layers", None)
    lists = (module for module in model.base_model.modules() if isinstance(module, nn.ModuleList))
    return next((list(layers) for layers in lists if len(layers) == count), [])


def levels(model: Any) -> list[int]:
    """Of each parameter to train, in the order of `model.parameters()`: 0 in the head and whatever else comes after the
    layers, 1 in the last layer, 2 in the one before, and one more than there are layers in the embeddings. Raises
    ModelError for a model that has no list of layers."""
    layers = layers_of(model)
    if not layers:
        raise ModelError(
            f"{type(model).__name__} has no list of layers",
            where="--llrd",
            expected="a model whose layers each have parameters of their own",
            todo="Leave out --llrd",
        )
    known = {id(each): len(layers) - place for place, layer in enumerate(layers) for each in layer.parameters()}
    below = len(layers) + 1
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    return [known.get(id(each), below if "embed" in name else 0) for name, each in named]
