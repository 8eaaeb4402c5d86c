"""The record of why a text is answered as it is."""

from __future__ import annotations

from dataclasses import dataclass

WordWeight = tuple[int, int, float]
"""Where a word, or a run of words, begins and ends in its text, and its weight."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the words of a text count for an answer to it."""

    text: str
    label: str | None
    """Whose log-odds fall by a word's weight when it is left out; None: a number does."""
    words: tuple[WordWeight, ...]
    """In the order of the text. In a very long one a span has several words."""
    text2: str | None = None
    """The second text of a pair."""
    words2: tuple[WordWeight, ...] = ()
    """Its words."""
