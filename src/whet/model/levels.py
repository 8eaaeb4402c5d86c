"""How far below the head a parameter lies: for learning rates that fall from layer to layer, and for what is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from whet.errors import ModelError, UsageError

# Parts of names: what the first layer is given, and what all layers look up beside it (DeBERTa's distances with their
# norm, MPNet's bias of distances).
BELOW = ("embed", "relative", "encoder.LayerNorm")
AFTER_THE_FIRST = "encoder.conv"  # of DeBERTa-v2's large models


def layers_of(model: Any) -> Sequence[nn.Module]:
    """The layers of a transformers encoder, the first one first; none where it has no list of them."""
    count = getattr(model.config, "num_hidden_layers", None)
    lists = (module for module in model.base_model.modules() if isinstance(module, nn.ModuleList))
    return next((list(layers) for layers in lists if len(layers) == count), [])


def levels(model: Any, *, flag: str = "--llrd") -> list[int]:
    """Of each parameter to train, in the order of `model.parameters()`: 0 in the head and whatever else comes after the
    layers, 1 in the last layer, 2 in the one before, and one more than there are layers in the embeddings. Raises
    ModelError, in which `flag` is what asked for it, for a model that has no list of layers."""
    layers = layers_of(model)
    if not layers:
        raise ModelError(
            f"{type(model).__name__} has no list of layers",
            where=flag,
            expected="a model whose layers each have parameters of their own",
            todo=f"Leave out {flag}",
        )
    known = {id(each): len(layers) - place for place, layer in enumerate(layers) for each in layer.parameters()}
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    return [known.get(id(each), _beside(name, len(layers))) for name, each in named]


def _beside(name: str, layers: int) -> int:
    if AFTER_THE_FIRST in name:
        return layers
    return layers + 1 if any(part in name for part in BELOW) else 0


def freeze(model: Any, part: str) -> None:
    """Leaves the embeddings (`embeddings`), they and the first N layers (`N`), or all below the head (`encoder`) out of
    the training: what lies below the lowest parameter that is trained has no gradient, and no backward pass goes there.
    Raises UsageError for more layers than there are."""
    count = len(layers_of(model))
    parameters = [each for each in model.parameters() if each.requires_grad]
    found = levels(model, flag="--freeze")
    if part.isdecimal() and int(part) > count:
        expected = f"embeddings, encoder, or 1 to {count}"
        raise UsageError(f"{part} layers, but the model has {count}", where="--freeze", expected=expected)
    highest = {"embeddings": count, "encoder": 0}.get(part)
    highest = count - int(part) if highest is None else highest
    for parameter, level in zip(parameters, found, strict=True):
        parameter.requires_grad_(level <= highest)


def passes(model: Any) -> float:
    """How many forward passes the matrix products of a training step come to, the mean over the layers: one, one more
    where something below or in the layer is trained, and one for those of its weights that are. 3 where all are."""
    layers = layers_of(model)
    known = {id(each) for layer in layers for each in layer.parameters()}
    trains = any(
        each.requires_grad and id(each) not in known and _beside(name, len(layers)) > len(layers)
        for name, each in model.named_parameters()
    )
    total = 0.0
    for layer in layers:
        trained = sum(each.numel() for each in layer.parameters() if each.requires_grad)
        trains = trains or trained > 0
        total += 1 + trains + trained / sum(each.numel() for each in layer.parameters())
    return total / len(layers) if layers else 3.0
