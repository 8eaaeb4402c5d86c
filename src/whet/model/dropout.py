"""Dropout from 16-bit random numbers of a stream of its own.

On a CPU torch's dropout takes a third to a half of a training step of a small encoder, because
`bernoulli_` is slow (pytorch issue 138199). Here four elements share one 64-bit number of numpy's
PCG64DXSM. The rate is exact to 1/65536. The stream can be entered at any position, so that threads
draw their parts of it in any order, and seed and positions say all about its state.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whet.model.precision import widened

LEVELS = 65536
PER_DRAW = 4  # elements that share one 64-bit number
LANE = 2**96  # elements from the start of one lane to that of the next


def scale_of(p: float) -> float:
    """What the kept elements are multiplied by to keep the mean; 0 where none is kept."""
    kept = LEVELS - round(p * LEVELS)
    return LEVELS / kept if kept else 0.0


class DropoutStream:
    """The random numbers of all dropouts of one model.

    Threads that draw side by side each stay in a lane of their own, so that what they draw does not
    hang on which of them is quicker.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._own = threading.local()
        self.positions: dict[int, int] = {}  # lane: elements reserved so far

    @contextmanager
    def lane(self, number: int) -> Iterator[None]:
        """This thread draws from that lane for a while, from lane 0 otherwise."""
        before = self._lane()
        self._own.lane = number
        try:
            yield
        finally:
            self._own.lane = before

    def again(self) -> AbstractContextManager[None]:
        """A block, to be entered once and later, that draws what this thread draws from here on. What
        is drawn after the block is as if it had not been."""
        lane = self._lane()
        return self._entered(lane, self.positions.get(lane, 0))

    @contextmanager
    def _entered(self, lane: int, position: int) -> Iterator[None]:
        with self.lane(lane):
            before, self.positions[lane] = self.positions.get(lane, 0), position
            try:
                yield
            finally:
                self.positions[lane] = before

    def _lane(self) -> int:
        lane: int = getattr(self._own, "lane", 0)
        return lane

    def reserve(self, elements: int) -> int:
        """The position of the next `elements` elements of this thread's lane, which nobody else will get."""
        lane = self._lane()
        start = self.positions.get(lane, 0)
        self.positions[lane] = start + -(-elements // PER_DRAW) * PER_DRAW
        return lane * LANE + start

    def drawn(self, elements: int, start: int) -> NDArray[np.uint16]:
        """Uniform numbers for `elements` elements from `start`, a multiple of PER_DRAW."""
        generator, at = getattr(self._own, "state", (None, 0))
        if generator is None:
            generator = np.random.PCG64DXSM(self._seed)
        draws = -(-elements // PER_DRAW)
        if at != start // PER_DRAW:
            generator.advance(start // PER_DRAW - at)
        self._own.state = (generator, start // PER_DRAW + draws)
        numbers: NDArray[np.uint16] = generator.random_raw(draws).view(np.uint16)[:elements]
        return numbers

    def keep(self, into: NDArray[np.bool_], p: float, start: int) -> None:
        """Fills a contiguous mask: False with probability round(p * 65536) / 65536."""
        np.greater_equal(self.drawn(into.size, start), round(p * LEVELS), out=into.reshape(-1))

    def flip(self, x: Tensor, p: float, start: int) -> None:
        """Makes elements of a contiguous tensor negative with that probability, in place."""
        sign = (self.drawn(x.numel(), start) < round(p * LEVELS)).view(np.int8)
        sign *= -2
        sign += 1
        flat = x.view(-1).numpy()
        np.multiply(flat, sign, out=flat)


class _Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, keep: NDArray[np.bool_], scale: float) -> Tensor:
        ctx.save_for_backward(torch.from_numpy(keep))  # as a tensor, which `recompute` lets go
        ctx.scale = scale
        return _masked(x, keep, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (keep,) = ctx.saved_tensors
        return _masked(gradients[0], keep.numpy(), ctx.scale), None, None


def _masked(x: Tensor, keep: NDArray[np.bool_], scale: float) -> Tensor:
    # numpy multiplies by a mask without a copy of it as floats, torch does not.
    return torch.from_numpy(np.multiply(x.detach().numpy(), keep)).mul_(scale)


def dropout(x: Tensor, p: float, stream: DropoutStream) -> Tensor:
    """x with each element zeroed with probability p and the rest scaled to keep the mean.

    Off the CPU, torch's own fused dropout is the faster one and is used.
    """
    if p == 0.0:
        return x
    if x.device.type != "cpu":
        return nn.functional.dropout(x, p)
    keep = np.empty(x.shape, np.bool_)
    stream.keep(keep, p, stream.reserve(x.numel()))
    masked: Tensor = _Masked.apply(widened(x), keep, scale_of(p))  # type: ignore[no-untyped-call]
    return masked.to(x.dtype)  # numpy knows no bf16


class Dropout(nn.Module):
    """Takes the place of `nn.Dropout`, drawing from a stream."""

    def __init__(self, p: float, stream: DropoutStream) -> None:
        super().__init__()
        self.p = p
        self.stream = stream

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.stream) if self.training else x


def set_rate(model: nn.Module, p: float) -> None:
    """Sets the rate of every dropout of a model, in place, and not in its configuration: also of those that a module
    draws itself, which keep theirs as plain numbers of some name with `dropout`."""
    for module in model.modules():
        if isinstance(module, (Dropout, nn.Dropout)):
            module.p = p
        for name, value in vars(module).items():
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, p)


def replace_dropouts(model: nn.Module, stream: DropoutStream) -> None:
    """Puts Dropout in the place of every nn.Dropout of a model, in place."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p, stream).train(child.training))


def restore_dropouts(model: nn.Module) -> None:
    """Puts nn.Dropout back."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if type(child) is Dropout:
                setattr(parent, name, nn.Dropout(child.p).train(child.training))
