"""The texts to predict: written after the command, from a file, or from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import DataError, UsageError

if TYPE_CHECKING:
    from whet.config import Settings
    from whet.predictor import Texts
    from whet.records import Examples, Inputs


@dataclass(frozen=True, slots=True)
class Rows(Iterable[str | tuple[str, str]]):
    """The texts of a file, which is read each time that they are gone through."""

    parts: Iterable[Examples]

    def __iter__(self) -> Iterator[str | tuple[str, str]]:
        for part in self.parts:
            yield from part.texts if part.pairs is None else zip(part.texts, part.pairs, strict=True)


@dataclass(frozen=True, slots=True)
class Lines(Iterable[str | tuple[str, str]]):
    """The same of a file with a text a line, or two with a tab between them."""

    path: str
    encoding: str
    pair: bool

    def __iter__(self) -> Iterator[str | tuple[str, str]]:
        from whet.data.formats import read_lines

        lines = read_lines(Path(self.path), encoding=self.encoding)
        return _parted(lines, self.path) if self.pair else lines


def texts_from(written: Sequence[str], file: str | None, settings: Settings, inputs: Inputs) -> tuple[Texts, int]:
    """Texts, or pairs of them, in their order, from exactly one place, and how many there are; UsageError or DataError
    where there is none. Of pairs written after RUN every second one belongs to the one before, and a tab stands between
    those of a line. A file is read to its end here, so that what is wrong in it is told before the first answer."""
    found = _texts(written, file, settings, inputs)
    rows = sum(1 for _ in found)
    if not rows:
        raise DataError("no text", where=file or "standard input", expected="a text a line")
    return found, rows


def _texts(written: Sequence[str], file: str | None, settings: Settings, inputs: Inputs) -> Texts:
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
    return list(_parted(lines, "standard input")) if pair else lines


def _in_twos(texts: Sequence[str]) -> list[tuple[str, str]]:
    if len(texts) % 2:
        raise UsageError(
            f"{len(texts)} text{'s' if len(texts) > 1 else ''} after RUN, which was trained on pairs",
            expected="texts in twos, each followed by its second",
            todo='Write: whet predict RUN "a text" "and the other one"',
        )
    return list(zip(texts[::2], texts[1::2], strict=True))


def _parted(lines: Iterable[str], where: str) -> Iterator[tuple[str, str]]:
    """Both texts of each line; what is wrong with lines is told after those before them, all at once."""
    wrong = []
    for number, line in enumerate(lines, start=1):
        first, *second = line.split("\t")
        if len(second) != 1:
            wrong.append(f"line {number}")
        elif not wrong:
            yield first, second[0]
    if wrong:
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        raise DataError(
            f"not two texts: {', '.join(wrong[:3])}{more}", where=where,
            expected="in every line a text, a tab and the second text, for the run was trained on pairs",
        )  # fmt: skip


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
        return Lines(file, settings.encoding, inputs.pair is not None)
    from whet import unseen  # a text after RUN is answered sooner without

    return Rows(unseen.to_predict(path, settings, inputs))


def _lines(content: bytes, source: str, encoding: str) -> list[str]:
    """A text a line, empty lines too: the answer to line n is answer n."""
    from whet.data.formats import decoded

    lines = [line.removesuffix("\r") for line in decoded(content, where=source, encoding=encoding).split("\n")]
    return lines if lines[-1] else lines[:-1]
