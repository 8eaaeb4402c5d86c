"""Dropout from 16-bit random numbers of a stream of its own.

On a CPU torch's dropout takes a third to a half of a training step of a small encoder, because
`bernoulli_` is slow (pytorch issue 138199). Here a mask is drawn as uint16 by numpy's SFC64. The
rate is exact to 1/65536; the stream is seeded, and one position says all about its state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LEVELS = 65536


class DropoutStream:
    """The random numbers of all dropouts of one model."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def keep(self, shape: torch.Size, p: float) -> Tensor:
        """A bool mask of `shape`, False with probability round(p * 65536) / 65536."""
        drawn = self._generator.integers(0, LEVELS, shape.numel(), dtype=np.uint16)
        return torch.from_numpy(drawn >= np.uint16(round(p * LEVELS))).view(shape)


class _Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, keep: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return x.mul(keep).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (keep,) = ctx.saved_tensors
        return gradients[0].mul(keep).mul_(ctx.scale), None, None


def dropout(x: Tensor, p: float, stream: DropoutStream) -> Tensor:
    """x with each element zeroed with probability p and the rest scaled to keep the mean.

    Off the CPU, torch's own fused dropout is the faster one and is used.
    """
    if p == 0.0:
        return x
    if x.device.type != "cpu":
        return nn.functional.dropout(x, p)
    scale = LEVELS / (LEVELS - round(p * LEVELS))
    masked: Tensor = _Masked.apply(x, stream.keep(x.shape, p), scale)  # type: ignore[no-untyped-call]
    return masked


class Dropout(nn.Module):
    """Takes the place of `nn.Dropout`, drawing from a stream."""

    def __init__(self, p: float, stream: DropoutStream) -> None:
        super().__init__()
        self.p = p
        self.stream = stream

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.stream) if self.training else x


def replace_dropouts(model: nn.Module, stream: DropoutStream) -> None:
    """Puts Dropout in the place of every nn.Dropout of a model, in place."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p, stream))
