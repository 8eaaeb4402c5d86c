"""The one text cleaning that training, prediction and serving share."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text as a tokenizer can take it: NUL removed, each lone surrogate replaced by U+FFFD.

    Total over str; nothing else changes, so markup, white space and case stay. Cleaning twice
    changes nothing more, and the result can always be written as UTF-8.
    """
    if text.isascii() and "\0" not in text:
        return text  # most texts, told at once
    return _SURROGATE.sub("\ufffd", text.replace("\0", ""))
