"""What a training changes of a model: the parameters that are not frozen, and its buffers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def changed(model: nn.Module) -> dict[str, Tensor]:
    """By the names of the model's state, without the parameters that are not trained. Those are what the model was
    loaded with, so that whoever loads it again need not have kept them."""
    frozen = {name for name, each in model.named_parameters() if not each.requires_grad}
    return {name: tensor for name, tensor in model.state_dict().items() if name not in frozen}


def put_back(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Gives the model what `changed` gave, or its whole state. Raises RuntimeError where something of it is missing,
    too much, or of another shape."""
    missing = changed(model).keys() - weights.keys()
    if missing:
        raise RuntimeError(f"no weights for {sorted(missing)[0]}")
    _, unexpected = model.load_state_dict(dict(weights), strict=False)
    if unexpected:
        raise RuntimeError(f"no place for {unexpected[0]}")


def sizes(model: nn.Module) -> tuple[int, int]:
    """How many numbers are trained, and of how many."""
    counts = [(each.numel(), each.requires_grad) for each in model.parameters()]
    return sum(count for count, is_trained in counts if is_trained), sum(count for count, _ in counts)
