"""The texts to predict: written after the command, from a file, or from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whet.errors import UsageError

if TYPE_CHECKING:
    from whet.prediction.predictor import Texts
    from whet.records import Inputs
    from whet.settings.config import Settings


def texts_from(written: Sequence[str], file: str | None, settings: Settings, inputs: Inputs) -> tuple[Texts, int]:
    """Texts, or pairs of them, in their order, from exactly one place, and how many there are; UsageError or DataError
    where there is none. Of pairs written after RUN every second one belongs to the one before, and a tab stands between
    those of a line. A file is read to its end here, so that what is wrong in it is told before the first answer."""
    if written and file is not None:
        raise UsageError("texts after RUN and --file", expected="one of the two", todo="Leave out one of them")
    if written:
        typed = [_as_typed(text) for text in written]
        asked = typed if inputs.pair is None else _in_twos(typed)
        return asked, len(asked)
    from whet.inputs import unseen  # a text after RUN is answered sooner without

    found = _read(file, settings, inputs)
    return found, unseen.count(found, file or "standard input")


def _read(file: str | None, settings: Settings, inputs: Inputs) -> Texts:
    from whet.inputs import unseen

    pair = inputs.pair is not None
    if file is not None:
        return unseen.texts_of(file, settings, inputs)
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "no text to predict",
            expected="texts after RUN, --file FILE, or a text a line on standard input",
            todo='Write: whet predict RUN "a text of your own"' + (' "and the other one"' if pair else ""),
        )
    lines = _lines(sys.stdin.buffer.read(), "standard input", settings.encoding)
    return list(unseen.in_pairs(lines, "standard input")) if pair else lines


def _in_twos(texts: Sequence[str]) -> list[tuple[str, str]]:
    if len(texts) % 2:
        raise UsageError(
            f"{len(texts)} text{'s' if len(texts) > 1 else ''} after RUN, which was trained on pairs",
            expected="texts in twos, each followed by its second",
            todo='Write: whet predict RUN "a text" "and the other one"',
        )
    return list(zip(texts[::2], texts[1::2], strict=True))


def _as_typed(text: str) -> str:
    """An argument whose bytes the locale's encoding did not know, such as Hangul under LC_ALL=C, as UTF-8."""
    if not any("\udc80" <= letter <= "\udcff" for letter in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _lines(content: bytes, source: str, encoding: str) -> list[str]:
    """A text a line, empty lines too: the answer to line n is answer n."""
    from whet.data.formats import decoded

    lines = [line.removesuffix("\r") for line in decoded(content, where=source, encoding=encoding).split("\n")]
    return lines if lines[-1] else lines[:-1]
