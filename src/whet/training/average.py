"""Averaged weights: by which a training is judged and which it leaves, beside those that it goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of weights over the steps (Polyak and Juditsky 1992), nearer to the newest at
    first: after t steps it keeps min(decay, (1 + t) / (10 + t)), so that the weights of the start are soon gone. It
    takes the memory of the weights once more, and their place only while it is `shown`."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters, self._decay = parameters, decay
        self._kept = [parameter.detach().clone() for parameter in parameters]

    def update(self, step: int) -> None:
        """After the `step`-th step."""
        kept = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._kept, [parameter.detach() for parameter in self._parameters], 1.0 - kept)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A block in which the parameters hold the average."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def settle(self) -> None:
        """The parameters hold the average from now on."""
        self._exchange()

    def state(self) -> dict[str, Tensor]:
        """By the place of each parameter."""
        return {str(place): kept for place, kept in enumerate(self._kept)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of the same parameters."""
        for place, kept in enumerate(self._kept):
            kept.copy_(state[str(place)])

    def _exchange(self) -> None:
        # By value: whoever trains has taken the addresses of the parameters.
        with torch.no_grad():
            for parameter, kept in zip(self._parameters, self._kept, strict=True):
                held = parameter.detach().clone()
                parameter.copy_(kept)
                kept.copy_(held)
