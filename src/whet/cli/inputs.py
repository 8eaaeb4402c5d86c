"""The texts to predict: written after the command, from a file, or from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import DataError, UsageError

if TYPE_CHECKING:
    from whet.config import Settings
    from whet.predictor import Texts
    from whet.records import Inputs


def texts_from(written: Sequence[str], file: str | None, settings: Settings, inputs: Inputs) -> Texts:
    """Texts, or pairs of them, in their order, from exactly one place; UsageError or DataError where there is none.
    Of pairs written after RUN every second one belongs to the one before, and a tab stands between those of a line."""
    pair = inputs.pair is not None
    if written and file is not None:
        raise UsageError("texts after RUN and --file", expected="one of the two", todo="Leave out one of them")
    if written:
        typed = [_as_typed(text) for text in written]
        return _in_twos(typed) if pair else typed
    if file is not None:
        return _from_file(file, settings, inputs)
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "no text to predict",
            expected="texts after RUN, --file FILE, or a text a line on standard input",
            todo='Write: whet predict RUN "a text of your own"' + (' "and the other one"' if pair else ""),
        )
    lines = _lines(sys.stdin.buffer.read(), "standard input", settings.encoding)
    return _parted(lines, "standard input") if pair else lines


def _in_twos(texts: Sequence[str]) -> list[tuple[str, str]]:
    if len(texts) % 2:
        raise UsageError(
            f"{len(texts)} text{'s' if len(texts) > 1 else ''} after RUN, which was trained on pairs",
            expected="texts in twos, each followed by its second",
            todo='Write: whet predict RUN "a text" "and the other one"',
        )
    return list(zip(texts[::2], texts[1::2], strict=True))


def _parted(lines: Sequence[str], where: str) -> list[tuple[str, str]]:
    wrong = [f"line {number}" for number, line in enumerate(lines, start=1) if line.count("\t") != 1]
    if wrong:
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        raise DataError(
            f"not two texts: {', '.join(wrong[:3])}{more}", where=where,
            expected="in every line a text, a tab and the second text, for the run was trained on pairs",
        )  # fmt: skip
    parts = [line.split("\t") for line in lines]
    return [(first, second) for first, second in parts]


def _as_typed(text: str) -> str:
    """An argument whose bytes the locale's encoding did not know, such as Hangul under LC_ALL=C, as UTF-8."""
    if not any("\udc80" <= letter <= "\udcff" for letter in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_file(file: str, settings: Settings, inputs: Inputs) -> Texts:
    path = Path(file)
    if path.suffix.lower() == ".txt" and path.exists():
        if settings.text is not None:
            raise UsageError("--text names a column, and a .txt file has none", where=file, todo="Leave out --text")
        from whet import large
        from whet.data.formats import read_lines

        lines = read_lines(path, encoding=settings.encoding, disk=large.disk())
        if not lines:
            raise DataError("no text", where=file, expected="a text a line")
        return _parted(lines, file) if inputs.pair is not None else lines
    from whet import unseen
    from whet.data.places import Texts as Kept
    from whet.data.store import Held, joined

    rows = unseen.to_predict(path, settings, inputs)
    if rows.pairs is not None:
        return joined(rows.texts, rows.pairs, lambda text, pair: (text, pair))
    return rows.texts if isinstance(rows.texts, Held) else Kept(rows.texts)


def _lines(content: bytes, source: str, encoding: str) -> list[str]:
    """A text a line, empty lines too: the answer to line n is answer n."""
    from whet.data.formats import decoded

    lines = [line.removesuffix("\r") for line in decoded(content, where=source, encoding=encoding).split("\n")]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError("no text", where=source, expected="a text a line")
    return lines
