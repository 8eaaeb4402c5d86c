"""What a step will take of the memory of a CPU, asked before it does.

An allocation that fails can be caught; a system or a container that has no page left kills the
process, and nothing can be said any more. So the memory that is left is compared with what the step
will take, by what the steps before it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from whet.system import heap, machine
from whet.training.limit import Limit

# Of what the process holds and what is left together, to be left over: an estimate is none to the page.
RESERVE = 0.05
AMPLE = 0.25  # with so much left over what is freed may be kept again
LEAST_RESERVE = 0.025  # where the alternative is to give up
# What a token of a layer keeps at most: float32 numbers of a feed-forward net four times as wide and of
# attention, and of each head as many weights as its row is long, three times.
BYTES_A_WIDTH, BYTES_A_WEIGHT = 72, 12
FLOAT = 4
MOMENTS = 2


@dataclass(frozen=True, slots=True)
class Shortage:
    """A step would take more than there is."""

    needed: int
    left: int
    limited_by: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a step has in memory at once."""

    tokens: int
    """Of the largest part of each thread, in all."""
    longest: int
    """Tokens of the longest sequence."""
    gradients: int
    """How many gradients of all weights: a thread that adds up those of several parts has two."""


class Guard:
    """Learns into `limit.token_bytes`. All of it is in vain, and says that nothing lacks, where the
    system does not tell what a process holds. `outputs`: bytes that a token has beside those of the layers;
    `moments`: bytes of the optimiser's that are there already, of a training that goes on."""

    def __init__(
        self, model: Any, trained: Sequence[nn.Parameter], limit: Limit, *, outputs: float = 0.0, moments: int = 0
    ) -> None:  # fmt: skip
        heap.trim()  # what loading left behind would be taken for what the first step does not need
        self._config, self._limit, self._outputs = model.config, limit, outputs
        held, self._highest = machine.resident(), machine.peak() or 0
        self._start = None if held is None else held - moments  # without what is counted beside it
        self._moments = moments
        self._weights = FLOAT * sum(parameter.numel() for parameter in trained)
        self._most = 0
        self.learnt = False
        """Whether a step was seen."""
        self.released = False
        """Whether what is freed goes back to the system at once."""

    def lacks(self, load: Load, *, reserve: float = RESERVE, least: bool = False) -> Shortage | None:
        """What is missing for a step and the optimiser. What a token takes is what was learnt; before
        that it is counted, on the safe side. `least`: what it takes where layers are computed again."""
        held = machine.resident()
        if self._start is None or held is None:
            return None
        whole = self._start + (load.gradients + MOMENTS) * self._weights + self._each(load.longest, least) * load.tokens
        needed = int(whole) - held
        if needed <= 0:
            return None
        found = machine.memory()
        if found.available is None or needed <= found.available - reserve * (held + found.available):
            return None
        return Shortage(needed, found.available, found.limited_by)

    def begin(self) -> None:
        """Before a step."""
        if self.released:
            machine.forget_peak()
        self._highest = machine.peak() or 0

    def learn(self, load: Load) -> None:
        """When the gradient of a step is there, and before the optimiser's step."""
        held, highest = machine.resident(), machine.peak() or 0
        # glibc keeps what was freed, so what is held now is the most that this step took, unless the
        # system has seen more.
        most = highest if highest > self._highest else None if self.released else held
        if load.tokens >= self._most and most is not None and self._start is not None:
            moments = MOMENTS * self._weights if self.learnt else self._moments
            others = self._start + load.gradients * self._weights + moments
            self._most, self._limit.token_bytes = load.tokens, max(0, most - others) / load.tokens
        self.learnt = True

    def forget(self) -> None:
        """Steps are computed in another way from here on."""
        self._most, self._limit.token_bytes = 0, None

    def _each(self, longest: int, least: bool) -> float:
        """Bytes of a token."""
        if self._limit.token_bytes is not None and not least:
            return self._limit.token_bytes
        names = ("num_hidden_layers", "hidden_size", "num_attention_heads")
        layers, width, heads = (getattr(self._config, name, None) or 0 for name in names)
        layer = BYTES_A_WIDTH * width + BYTES_A_WEIGHT * heads * longest
        # Computed again, a layer keeps its input.
        each = layer + layers * FLOAT * width if least or self._limit.recompute else layers * layer
        return float(each + self._outputs)
