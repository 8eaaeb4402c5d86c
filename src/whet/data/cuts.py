"""How much of a text of so many tokens stays, and in how many parts: arithmetic only.

Sizes: B texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from whet.records import Ints

HEAD_SHARE = 0.25  # of a head-tail cut: 128 of 510 tokens, after Sun et al. 2019, arXiv 1905.05583
ASCII_LETTERS = 4  # of a token, about; of other scripts one, which is rather too many tokens than too few
SPECIAL = 3  # tokens around a text
MOST_CHUNKS = 64  # of a text: to train on it they have to be in memory all at once


def kept(length: int, room: int, truncation: Literal["head", "head-tail"]) -> range | tuple[range, range]:
    """Which of `length` tokens stay where there is room for so many."""
    if length <= room:
        return range(length)
    if truncation == "head":
        return range(room)
    head = min(room, max(1, round(room * HEAD_SHARE)))
    return range(head), range(length - (room - head), length)


def chunks(length: int, room: int, *, most: int = MOST_CHUNKS) -> list[range]:
    """The tokens of each chunk of a text: as few chunks as there can be with `room` for so many tokens, and all as
    long, to one token, for each has the same say in the answer. What does not fit into `most` is left out."""
    length = min(length, room * most)
    count = max(1, -(-length // room))
    return [range(length * i // count, length * (i + 1) // count) for i in range(count)]


def longest_first(counts: Ints, room: int) -> Ints:
    """How many tokens [B, 2] of the two texts of each pair stay, of so many [B, 2]: the longer text is cut down to
    the other, and then both alike. The rule is that of the tokenizers library (`TruncationStrategy::LongestFirst`),
    to the odd token, which goes to the longer text, and of two equal ones to the second."""
    shorter, longer = counts.min(axis=1), counts.max(axis=1)
    fits = shorter + longer <= room
    kept = np.maximum(shorter, room - shorter)
    both = shorter + kept > room  # are cut
    less = np.where(fits, shorter, np.where(both, room // 2, shorter))
    more = np.where(fits, longer, np.where(both, room - room // 2, kept))
    first_is_longer = counts[:, 0] > counts[:, 1]
    found: Ints = np.stack([np.where(first_is_longer, more, less), np.where(first_is_longer, less, more)], axis=1)
    return found


def likely_tokens(texts: Sequence[str], pairs: Sequence[str] | None, *, most: int | None = None) -> Ints:
    """How many tokens each text, or pair, has [B], guessed from its length and not by a tokenizer, which would cost as
    much as many an answer. `most`: a model sees no more of one."""
    ends = [""] * len(texts) if pairs is None else pairs
    letters = np.array([[len(one), len(other)] for one, other in zip(texts, ends, strict=True)], np.int64)
    wide = np.array([one.isascii() and other.isascii() for one, other in zip(texts, ends, strict=True)], np.bool_)
    found: Ints = SPECIAL + letters.reshape(-1, 2).sum(axis=1) // np.where(wide, ASCII_LETTERS, 1)
    return found if most is None else np.minimum(found, most)
