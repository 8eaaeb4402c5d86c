"""The one text cleaning that training, prediction and serving share."""

from __future__ import annotations

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")
_MANY_MARKS = re.compile(r"[^\w\s\x00-\x7f]{31,}")
MOST_MARKS = 30
"""Combining marks in a row that any language needs: Unicode Standard Annex 15, Stream-Safe Text Format."""


def clean_text(text: str) -> str:
    """The text as a tokenizer can take it: NUL removed, each lone surrogate replaced by U+FFFD, and
    letters composed (NFC), so that what macOS writes as jamo or as letter and accent is the same text.

    Total over str; nothing else changes, so markup, white space, case, full-width letters, ㅋㅋㅋ and
    ㅠㅠ stay. (NFKC would turn ㅋ into the first part of a syllable.) Cleaning twice changes nothing
    more, and the result can always be written as UTF-8. A text that needs composing and has more than
    MOST_MARKS combining marks in a row is not composed: to sort them takes time with their square.
    """
    if text.isascii() and "\0" not in text:
        return text  # most texts, told at once
    text = _SURROGATE.sub("\ufffd", text.replace("\0", ""))
    if unicodedata.is_normalized("NFC", text) or _has_many_marks(text):
        return text
    return unicodedata.normalize("NFC", text)


def is_damaged(text: str) -> bool:
    """Whether a text has what no text should, and `clean_text` removes or replaces: NUL, lone surrogates."""
    return "\0" in text or (not text.isascii() and _SURROGATE.search(text) is not None)


def _has_many_marks(text: str) -> bool:
    for match in _MANY_MARKS.finditer(text):
        run = 0
        for letter in match.group():
            run = run + 1 if unicodedata.combining(letter) else 0
            if run > MOST_MARKS:
                return True
    return False
