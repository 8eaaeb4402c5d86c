"""Whether a tokenizer has the words of the texts, told from a sample without any model."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.data.clean import clean_text
from whet.data.tokens import Cutter

SAMPLE = 500  # texts looked at, evenly spread,
HEAD = 300  # and characters of each
LEAST_LETTERS = 200  # below which nothing is said
# Where a vocabulary was made for other texts; the figures on real data are in docs/log.md, 2026-11-27. An ideograph
# or a syllable may well be a token of its own, a letter of an alphabet not.
MOST_TOKENS_A_LETTER = 0.8
MOST_TOKENS_A_WIDE_LETTER = 1.2
MOST_UNKNOWN = 0.1
UNKNOWN = ("[UNK]", "<unk>")


@dataclass(frozen=True, slots=True)
class Fit:
    """How the words of some texts become tokens, digits and marks aside."""

    tokens_a_letter: float
    unknown: float
    """Share of the tokens."""
    poor: bool
    """Whether the vocabulary was made for other texts."""


def fit(cutter: Cutter, texts: Sequence[str]) -> Fit:
    """What the tokenizer makes of a sample of the texts. Too few letters are never a poor fit."""
    rows = np.linspace(0, len(texts) - 1, min(len(texts), SAMPLE)).astype(int) if texts else ()
    words = [_words(texts[i]) for i in rows]
    letters = [letter for text in words for letter in text if letter != " "]
    coded = [token for body in cutter.bodies(words) for token in body.ids]
    if len(letters) < LEAST_LETTERS or not coded:
        return Fit(0.0, 0.0, poor=False)
    strange = {cutter.tokenizer.token_to_id(name) for name in UNKNOWN}
    unknown = sum(token in strange for token in coded) / len(coded)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in letters) > len(letters) / 2
    each = len(coded) / len(letters)
    most = MOST_TOKENS_A_WIDE_LETTER if wide else MOST_TOKENS_A_LETTER
    return Fit(each, unknown, poor=each > most or unknown > MOST_UNKNOWN)


def _words(text: str) -> str:
    """Letters of the beginning, with the marks above and below them; all else is a space."""
    head = clean_text(text[: 4 * HEAD])[:HEAD]
    return " ".join("".join(c if unicodedata.category(c)[0] in "LM" else " " for c in head).split())
