"""Activation checkpointing (Chen et al. 2016, arXiv 1604.06174): less memory for more time.

What a layer would keep for the backward pass is let go, and computed again from the layer's input
when the backward pass comes to it. The second time draws the dropout of the first, so loss and
gradients are the same bits. torch's own checkpoint does as much by loading its compiler, for which a
process that has run out of memory has no room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from whet.model.dropout import DropoutStream
from whet.model.levels import layers_of

T = TypeVar("T")


def recomputed(run: Callable[[Tensor], T], x: Tensor, stream: DropoutStream, *, torch_draws: bool) -> T:
    """run(x), of which x alone is kept for the backward pass. `torch_draws`: whether `run` may draw
    from torch's random numbers too, which no other thread may do meanwhile."""
    if not torch.is_grad_enabled():
        return run(x)
    kept = 0
    found: list[Tensor | None] = []
    again = _as_now(x.device, stream, torch_draws)

    def pack(value: Tensor) -> int:
        nonlocal kept
        kept += 1
        return kept - 1

    def unpack(place: int) -> Tensor:
        if not found:
            # A graph of its own, of which nothing is left but what it would have kept.
            with again, torch.enable_grad(), saved_tensors_hooks(lambda value: found.append(value.detach()), _never):
                run(x)
            if len(found) != kept:
                raise RuntimeError(f"a layer kept {kept} tensors at first and {len(found)} when it was run again")
        value, found[place] = found[place], None  # asked for once, and let go as the backward pass moves on
        assert value is not None
        return value

    with saved_tensors_hooks(pack, unpack):
        return run(x)


def recompute_layers(model: Any, stream: DropoutStream) -> bool:
    """Lets the layers of a transformers encoder be computed again, by the library's own code. False
    where the model has no list of layers."""
    layers = layers_of(model)
    for layer in layers:
        layer.forward = partial(_forward, layer.forward, stream)
    return len(layers) > 0


def torch_random(device: torch.device) -> Any:
    """The module whose get_rng_state and set_rng_state are those of torch's numbers on the device."""
    return torch if device.type == "cpu" else torch.get_device_module(device)


def _forward(forward: Callable[..., Any], stream: DropoutStream, x: Tensor, *given: Any, **named: Any) -> Any:
    return recomputed(lambda states: forward(states, *given, **named), x, stream, torch_draws=True)


def _as_now(device: torch.device, stream: DropoutStream, torch_draws: bool) -> Any:
    """A block that computes and draws later as would be done now."""
    kind, cached = device.type, torch.is_autocast_cache_enabled()
    lower, dtype = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    state = torch_random(device).get_rng_state() if torch_draws else None
    drawing = stream.again()

    @contextmanager
    def block() -> Iterator[None]:
        with torch.autocast(kind, dtype, lower, cached), drawing, _torch_drawing(device, state):
            yield

    return block()


@contextmanager
def _torch_drawing(device: torch.device, state: Tensor | None) -> Iterator[None]:
    if state is None:
        yield
        return
    random = torch_random(device)
    before = random.get_rng_state()
    random.set_rng_state(state)
    try:
        yield
    finally:
        random.set_rng_state(before)


def _never(kept: object) -> Tensor:
    raise AssertionError("nothing goes back through a second run")
