"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from whet.data.batches import deal
from whet.model import threads

FIRST_SCALE, LEAST_SCALE = 2.0**16, 1.0  # of the loss under fp16
GROWS_AFTER = 2_000  # steps without an overflow

Fall = tuple[int, float]
"""A 0-based step and its learning rate, from which on the rate falls."""


class Schedule(Protocol):
    """How the learning rate goes."""

    def __call__(self, step: int, *, steps: int, warmup: int, peak: float, fall: Fall | None = None) -> float:
        """That of the 0-based step, as `rate` has it."""


@dataclass(frozen=True, slots=True)
class Moments:
    """How fast the optimiser forgets, and what keeps it from dividing by zero."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


USUAL = Moments()


class Stepping(Protocol):
    """What moves the weights of a training."""

    def norm(self) -> Tensor:
        """That of all gradients together."""

    def step(self, learning_rate: float, divisor: float) -> None:
        """An update with all gradients divided by a number."""

    def state(self) -> dict[str, Tensor]:
        """What the steps so far have left, by names of its own."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of the same parameters, before the first step."""


class Optimizer:
    """AdamW after Loshchilov and Hutter (arXiv 1711.05101), no decay on biases and norms, which are the
    parameters of one dimension. `shares`: what part of the learning rate each of them has, otherwise all of it. On a
    CPU each thread updates parameters of its own: a pass that they share waits for the slowest, once for every
    parameter."""

    def __init__(
        self, parameters: Sequence[nn.Parameter], *, weight_decay: float, shares: Sequence[float] | None = None,
        moments: Moments = USUAL,
    ) -> None:  # fmt: skip
        shares = shares or [1.0] * len(parameters)
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        count = min(threads.at_once(), len(parameters)) if on_cpu else 1
        dealt = deal([parameter.numel() for parameter in parameters], count)
        self._parameters = parameters
        self._parts = [
            _adamw([(parameters[index], shares[index]) for index in part], weight_decay, moments) for part in dealt
        ]
        self._part_of = {index: part for part, indices in zip(self._parts, dealt, strict=True) for index in indices}

    def norm(self) -> Tensor:
        """That of all gradients together."""
        parts = threads.each(lambda index: get_total_norm(self._parts[index].gradients()), len(self._parts))
        whole: Tensor = torch.linalg.vector_norm(torch.stack(parts))
        return whole

    def step(self, learning_rate: float, divisor: float) -> None:
        """An update with all gradients divided by a number, which costs no pass of its own over them."""

        def update(index: int) -> None:
            part = self._parts[index]
            part.grad_scale = torch.tensor(divisor, device=part.param_groups[0]["params"][0].device)
            for group in part.param_groups:
                group["lr"] = learning_rate * group["share"]
            part.step()

        threads.each(update, len(self._parts))

    def state(self) -> dict[str, Tensor]:
        """The moments and the count of steps of each parameter that has had a gradient, by its place."""
        return {
            f"{place}.{name}": tensor
            for place, parameter in enumerate(self._parameters)
            for name, tensor in self._part_of[place].state.get(parameter, {}).items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of the same parameters, before the first step."""
        for name, tensor in state.items():
            place, _, kind = name.partition(".")
            parameter = self._parameters[int(place)]
            self._part_of[int(place)].state[parameter][kind] = tensor.to(parameter.device, copy=True)


class _AdamW(torch.optim.AdamW):
    """torch's, with what its fused kernel divides every gradient by on the way."""

    grad_scale: Tensor | None = None

    def gradients(self) -> list[Tensor]:
        return [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]


def _adamw(parameters: Sequence[tuple[nn.Parameter, float]], weight_decay: float, moments: Moments) -> _AdamW:
    alike: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, share in parameters:
        alike.setdefault((share, weight_decay if parameter.ndim >= 2 else 0.0), []).append(parameter)
    groups = [{"params": some, "share": share, "weight_decay": decay} for (share, decay), some in alike.items()]
    # The fused kernel is five times the loop's speed on a CPU.
    return _AdamW(groups, betas=(moments.beta1, moments.beta2), eps=moments.epsilon, fused=True)


def clipping(norm: float, most: float) -> float:
    """What gradients of this norm are divided by so that their norm is at most `most`; 1 for smaller ones."""
    return max(1.0, norm / most)


def warmup_steps(warmup: float, steps: int) -> int:
    """Steps of warm-up: a share of all steps below 1, else a number of steps."""
    # 0.07 * 100 is 7.000000000000001.
    return min(steps, math.ceil(warmup * steps - 1e-9) if warmup < 1 else int(warmup))


def rate(step: int, *, steps: int, warmup: int, peak: float, fall: Fall | None = None) -> float:
    """Learning rate of the 0-based step: linear from 0 over the warm-up, then linear to 0. Where the
    number of steps was revised, linear to 0 from the `fall`."""
    if fall is not None:
        begun, there = fall
        return there * (steps - step) / (steps - begun)
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (steps - step) / max(1, steps - warmup)


def fall_from(step: int, rate: float, *, steps: int, warmup: int) -> Fall | None:
    """What a schedule of so many `steps` in all falls from when this is decided after the 0-based `step`
    with its rate; None where the warm-up goes on, because it is over before they are."""
    return None if step + 1 < warmup < steps else (step, rate)


class LossScale:
    """The factor of the loss under fp16 (Micikevicius et al. 2018, arXiv 1710.03740), so that small
    gradients are not rounded to zero: halved where one overflows, doubled after GROWS_AFTER steps in a
    row that did not. Without fp16 it is 1 and stays so."""

    def __init__(self, *, fp16: bool) -> None:
        self.factor = FIRST_SCALE if fp16 else 1.0
        self._fp16 = fp16
        self._went_well = 0  # steps in a row

    def overflowed(self, norm: float) -> bool:
        """Whether the gradient of this norm is not finite because of fp16 alone: the step is then to be
        left out, and the factor is lower. False where no lower one would help. Once a step."""
        if not self._fp16:
            return False
        if not math.isfinite(norm):
            self.factor, self._went_well = self.factor / 2, 0
            return self.factor >= LEAST_SCALE
        self._went_well += 1
        if self._went_well == GROWS_AFTER:
            self.factor, self._went_well = self.factor * 2, 0
        return False

    def state(self) -> dict[str, float]:
        """Plain numbers that `load_state` goes on from."""
        return {"factor": self.factor, "went_well": self._went_well}

    def load_state(self, state: Mapping[str, float]) -> None:
        self.factor, self._went_well = state["factor"], int(state["went_well"])
