"""How much of a step is computed at once, for want of memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Limit:
    """Without tokens all rows of a thread's or a device's share are computed at once. `recompute`:
    layers are computed again in the backward pass, one part at a time. `token_bytes`: what a token of
    a step was seen to take, None before anything was seen."""

    def __init__(self, tokens: int | None = None, *, recompute: bool = False) -> None:
        self.tokens = tokens
        self.recompute = recompute
        self.token_bytes: float | None = None

    def lower(self, largest: int, longest: int, *, may_recompute: bool) -> bool:
        """One step down from parts of which the largest has so many tokens and the longest row so
        many: half as many tokens; where that would be less than a row, recomputation. False where
        there is nothing lower."""
        if largest > longest:
            self.tokens = max(longest, largest // 2)
            return True
        if self.recompute or not may_recompute:
            return False
        self.recompute, self.token_bytes = True, None
        return True

    def state(self) -> dict[str, Any]:
        """Plain JSON that `load_state` goes on from."""
        return {"tokens": self.tokens, "recompute": self.recompute, "token_bytes": self.token_bytes}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.tokens, self.recompute, self.token_bytes = state["tokens"], state["recompute"], state["token_bytes"]
