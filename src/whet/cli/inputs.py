"""The texts to predict: written after the command, from a file, or from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import DataError, UsageError

if TYPE_CHECKING:
    from whet.config import Settings


def texts_from(written: Sequence[str], file: str | None, settings: Settings) -> Sequence[str]:
    """Texts in their order, from exactly one place; UsageError or DataError where there is none."""
    if written and file is not None:
        raise UsageError("texts after RUN and --file", expected="one of the two", todo="Leave out one of them")
    if written:
        return [_as_typed(text) for text in written]
    if file is not None:
        return _from_file(file, settings)
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "no text to predict",
            expected="texts after RUN, --file FILE, or a text a line on standard input",
            todo='Write: whet predict RUN "a text of your own"',
        )
    return _lines(sys.stdin.buffer.read(), "standard input", settings.encoding)


def _as_typed(text: str) -> str:
    """An argument whose bytes the locale's encoding did not know, such as Hangul under LC_ALL=C, as UTF-8."""
    if not any("\udc80" <= letter <= "\udcff" for letter in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_file(file: str, settings: Settings) -> Sequence[str]:
    path = Path(file)
    if path.suffix.lower() == ".txt" and path.exists():
        if settings.text is not None:
            raise UsageError("--text names a column, and a .txt file has none", where=file, todo="Leave out --text")
        try:
            return _lines(path.read_bytes(), file, settings.encoding)
        except OSError as fault:
            raise DataError(f"{fault.strerror}: {file}", where="--file") from None
    from whet import prepare
    from whet.data.places import Texts
    from whet.data.store import Held

    texts = prepare.unlabelled(path, settings).texts
    return texts if isinstance(texts, Held) else Texts(texts)


def _lines(content: bytes, source: str, encoding: str) -> list[str]:
    """A text a line, empty lines too: the answer to line n is answer n."""
    from whet.data.formats import decoded

    lines = [line.removesuffix("\r") for line in decoded(content, where=source, encoding=encoding).split("\n")]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError("no text", where=source, expected="a text a line")
    return lines
