"""How many tokens are computed in a second, from the batches so far."""

from __future__ import annotations

LAST = 0.2  # the share of the last batch in what is known
GAIN = 3.0  # of full batches over single texts, about: benchmarks/serve.py sees 2 to 4 with MiniLM, by their length


class Pace:
    """What full batches come to. Small ones, in which much of the time goes to things that a batch of any size has,
    show only what is reached at least: a server that took their pace for its own would refuse half of a burst."""

    def __init__(self) -> None:
        self.known: float | None = None
        self._is_guess = True

    def see(self, tokens: int, seconds: float, *, is_full: bool) -> None:
        """A batch that was computed. Until the first full one what is known is a guess, and a high one: a burst that
        is taken is late at worst."""
        pace = tokens / max(seconds, 1e-6)
        if not is_full:
            least = GAIN * pace if self._is_guess else pace
            self.known = max(least, self.known or 0.0)
        elif self._is_guess or self.known is None:
            self.known, self._is_guess = pace, False
        else:
            self.known += LAST * (pace - self.known)
