"""Which weights of a run are kept, and when to stop early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from whet.model.trained import changed, put_back
from whet.settings.config import Keep


class Selection:
    """Remembers the weights of the best evaluation, in memory on the model's device.

    With keep="last" or without any evaluation nothing is remembered and nothing restored. `apart`: what is
    evaluated are other weights than those that the training goes on with.
    """

    def __init__(self, *, keep: Keep, patience: int | None, apart: bool = False) -> None:
        self.keep = keep
        self.patience = patience
        self._apart = apart
        self.best_step = 0
        self._best_score = float("-inf")
        self._worse = 0
        self._last_step = 0
        self._weights: dict[str, Tensor] = {}

    @property
    def exhausted(self) -> bool:
        """Whether `patience` evaluations in a row brought nothing better."""
        return self.patience is not None and self._worse >= self.patience

    def offer(self, score: float, step: int, model: nn.Module) -> bool:
        """Takes the score of an evaluation (higher is better); True when it is the best so far. Of
        equal scores the first stays; a score that is not a number is never the best."""
        self._last_step = step
        if not score > self._best_score:
            self._worse += 1
            return False
        self._best_score, self.best_step, self._worse = score, step, 0
        if self.keep == "best":
            self._weights = {name: tensor.detach().clone() for name, tensor in changed(model).items()}
        return True

    def state(self, step: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """After so many steps: the best weights, none where the model has them now, and plain JSON."""
        weights = {} if self.best_step == step and not self._apart else self._weights
        score = self._best_score if math.isfinite(self._best_score) else None
        return weights, {
            "best_step": self.best_step, "best_score": score, "worse": self._worse, "last_step": self._last_step
        }  # fmt: skip

    def load_state(self, weights: Mapping[str, Tensor], state: Mapping[str, Any], model: nn.Module) -> None:
        """Goes on from there; the model has been given its weights of that step."""
        self.best_step, self._worse, self._last_step = state["best_step"], state["worse"], state["last_step"]
        self._best_score = float("-inf") if state["best_score"] is None else state["best_score"]
        if self.keep == "best" and self.best_step:
            device = next(model.parameters()).device
            best = weights or changed(model)
            self._weights = {name: tensor.detach().to(device, copy=True) for name, tensor in best.items()}

    def restore(self, model: nn.Module) -> bool:
        """Puts the best weights back; True when they are others than the last."""
        if not self._weights or self.best_step == self._last_step:
            return False
        put_back(model, self._weights)
        return True
