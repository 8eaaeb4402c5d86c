"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from whet.model import threads


class Optimizer:
    """AdamW after Loshchilov and Hutter (arXiv 1711.05101), no decay on biases and norms, which are the
    parameters of one dimension. On a CPU each thread updates parameters of its own: a pass that they
    share waits for the slowest, once for every parameter."""

    def __init__(self, parameters: Sequence[nn.Parameter], *, weight_decay: float) -> None:
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        count = min(threads.at_once(), len(parameters)) if on_cpu else 1
        dealt = threads.deal([parameter.numel() for parameter in parameters], count)
        self._parts = [_adamw([parameters[index] for index in part], weight_decay) for part in dealt]

    def norm(self) -> Tensor:
        """That of all gradients together."""
        parts = threads.each(lambda index: get_total_norm(self._parts[index].gradients()), len(self._parts))
        whole: Tensor = torch.linalg.vector_norm(torch.stack(parts))
        return whole

    def step(self, learning_rate: float, divisor: Tensor) -> None:
        """An update with all gradients divided by a number, which costs no pass of its own over them."""

        def update(index: int) -> None:
            part = self._parts[index]
            part.grad_scale = divisor
            for group in part.param_groups:
                group["lr"] = learning_rate
            part.step()

        threads.each(update, len(self._parts))


class _AdamW(torch.optim.AdamW):
    """torch's, with what its fused kernel divides every gradient by on the way."""

    grad_scale: Tensor | None = None

    def gradients(self) -> list[Tensor]:
        return [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]


def _adamw(parameters: Sequence[nn.Parameter], weight_decay: float) -> _AdamW:
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    # The fused kernel is five times the loop's speed on a CPU.
    return _AdamW(groups, betas=(0.9, 0.999), eps=1e-8, fused=True)


def clipping(norm: Tensor, most: float) -> Tensor:
    """What gradients of this norm are divided by so that their norm is at most `most`; 1 for smaller ones."""
    return (norm / most).clamp(min=1.0)


def warmup_steps(warmup: float, steps: int) -> int:
    """Steps of warm-up: a share of all steps below 1, else a number of steps."""
    # 0.07 * 100 is 7.000000000000001.
    return min(steps, math.ceil(warmup * steps - 1e-9) if warmup < 1 else int(warmup))


def rate(step: int, *, steps: int, warmup: int, peak: float) -> float:
    """Learning rate of the 0-based step: linear from 0 over the warm-up, then linear to 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (steps - step) / max(1, steps - warmup)
