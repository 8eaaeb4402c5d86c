"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

LEAST_SCALE = 1.0  # of the loss: a gradient that overflows even so was not finite before


def adamw(model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW after Loshchilov and Hutter (arXiv 1711.05101); no decay on biases and norms, which
    are the parameters of one dimension. The fused kernel is five times the loop's speed on a CPU."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)


def warmup_steps(warmup: float, steps: int) -> int:
    """Steps of warm-up: a share of all steps below 1, else a number of steps."""
    # 0.07 * 100 is 7.000000000000001.
    return min(steps, math.ceil(warmup * steps - 1e-9) if warmup < 1 else int(warmup))


def rate(step: int, *, steps: int, warmup: int, peak: float) -> float:
    """Learning rate of the 0-based step: linear from 0 over the warm-up, then linear to 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (steps - step) / max(1, steps - warmup)


class LossScale:
    """The factor of the loss under fp16 (Micikevicius et al. 2018, arXiv 1710.03740), so that small
    gradients are not rounded to zero: halved where one overflows, doubled after 2,000 that did not.
    Without fp16 it is 1 and stays so."""

    def __init__(self, device: torch.device, *, fp16: bool) -> None:
        self._scaler = torch.amp.GradScaler(device.type, enabled=fp16)

    def backward(self, loss: Tensor) -> None:
        """Gradients of the scaled loss. One that overflows is noticed afterwards, so numpy, which
        takes part in the backward pass on a CPU, need not warn of it."""
        with np.errstate(invalid="ignore"):
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Gradients as without a scale."""
        self._scaler.unscale_(optimizer)

    def overflowed(self, norm: float) -> bool:
        """Whether the gradient of this norm is not finite because of fp16 alone: the step is then to be
        left out, and the scale is lower. False where no lower scale would help. Once a step."""
        if math.isfinite(norm):
            self._scaler.update()
            return False
        before = self._scaler.get_scale()
        self._scaler.update()
        return LEAST_SCALE <= self._scaler.get_scale() < before

    def state(self) -> dict[str, float]:
        """Plain numbers that `load_state` goes on from; none without fp16."""
        return dict(self._scaler.state_dict())

    def load_state(self, state: Mapping[str, float]) -> None:
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(dict(state))
