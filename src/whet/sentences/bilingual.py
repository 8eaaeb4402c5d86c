"""A message in two languages: English where files and errors hold it, Korean where a terminal asks for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import starmap
from string import Formatter
from typing import Any, Literal

from whet import durations
from whet.errors import quoted
from whet.sentences import SENTENCES, WORDS

MOST = 10
"""Names that a message lists."""

PLACES = 3
"""Places that it names."""


class Bilingual(str):
    """A string of English that has its Korean with it. What is made of it by string operations is English alone."""

    korean: str

    def __new__(cls, english: str, korean: str) -> Bilingual:
        made = super().__new__(cls, english)
        made.korean = korean
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # for copies: str has one of its own
        return str(self), self.korean


def said(facts: Mapping[str, object], *keys: str) -> Bilingual:
    """The sentences of these keys with the facts in them, without a full stop at the end."""
    english, korean = zip(*(SENTENCES[key] for key in keys), strict=True)
    return Bilingual(
        ". ".join(_English().vformat(sentence, (), facts) for sentence in english),
        ". ".join(_Korean().vformat(sentence, (), facts) for sentence in korean),
    )


def in_korean(message: str) -> str:
    """Its Korean, or the message itself where it has none."""
    return message.korean if isinstance(message, Bilingual) else message


def joined(*messages: str, between: str = ". ") -> Bilingual:
    """Messages one after the other, in both languages. Korean has a full stop where English has a semicolon."""
    stop = ". " if between == "; " else between
    return Bilingual(between.join(messages), stop.join(map(in_korean, messages)))


def word(english: str) -> Bilingual:
    """A word that facts are made of, such as the name of a side."""
    return Bilingual(english, WORDS[english])


def with_korean(document: Any) -> Any:
    """A JSON document in which the Korean of a message stands beside it: under `NAME_ko` that of `NAME`."""
    if isinstance(document, Mapping):
        told = {name: with_korean(value) for name, value in document.items()}
        return told | {f"{name}_ko": value.korean for name, value in document.items() if isinstance(value, Bilingual)}
    if isinstance(document, list | tuple):
        return [with_korean(value) for value in document]
    return document


def listed(items: Sequence[str]) -> str:
    """Names after commas, at most ten."""
    return ", ".join(items[:MOST]) + (", …" if len(items) > MOST else "")


class _English(Formatter):
    """Writes facts as English does. After a colon in braces stands how, beside what every format has: `row|rows`
    chooses by a number."""

    lang: Literal["en", "ko"] = "en"
    decomposed = "decomposed letters"
    between_spellings = " and "
    none = "none in use"

    def part(self, message: Bilingual) -> str:
        return str(message)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Bilingual):  # a message that is part of another
            return self.part(value)
        one, chosen, more = format_spec.partition("|")
        if chosen:
            return one if value == 1 else more
        match format_spec:
            case "share":
                return self.share(value)
            case "between":  # the bounds of a share, or None
                return "" if value is None else self.between(f"{100 * value[0]:.1f}", f"{100 * value[1]:.1f}")
            case "places":
                return ", ".join(map(self.place, value[:PLACES])) + (", …" if len(value) > PLACES else "")
            case "pairs":  # of places
                return ", ".join(self.pair(*map(self.place, pair)) for pair in value[:PLACES])
            case "counted":  # name to rows
                return listed([self.noted(name, self.rows(count)) for name, count in value.items()])
            case "placed":  # name, rows and first place
                notes = [(name, f"{self.rows(count)}, {self.place(place)}") for name, count, place in value]
                return listed([self.noted(*note) for note in notes])
            case "spellings":  # of each label: spelling to rows
                return listed([self.between_spellings.join(starmap(self.spelled, one.items())) for one in value])
            case "word":
                return self.word(value)
            case "sides":  # of the job, to rows
                return ", ".join(f"{self.word(side)} {count:,}" for side, count in value.items()) or self.none
            case "written":  # seconds, as a setting gives them
                return durations.written(value)
            case "told":
                return durations.told(value, self.lang)
            case "counted_words":
                return listed([self.noted(self.word(word), self.rows(count)) for word, count in value.items()])
        return str(super().format_field(value, format_spec))

    def share(self, share: float) -> str:
        return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"

    def between(self, low: str, high: str) -> str:
        return f" ({low} to {high})"

    def rows(self, count: int) -> str:
        return f"{count:,} row" if count == 1 else f"{count:,} rows"

    def noted(self, name: str, note: str) -> str:
        return f"{name} ({note})"

    def place(self, place: str) -> str:
        return place

    def pair(self, one: str, other: str) -> str:
        return f"{one} like {other}"

    def word(self, word: str) -> str:
        return word

    def spelled(self, name: str, count: int) -> str:
        """A label with its rows; a form that looks like another one is named."""
        notes = [self.decomposed] if unicodedata.normalize("NFC", name) != name else []
        notes += sorted({f"U+{ord(char):04X}" for char in name if unicodedata.category(char) == "Cf"})
        return self.noted(quoted(name) + (f" [{', '.join(notes)}]" if notes else ""), self.rows(count))


class _Korean(_English):
    """The same in Korean."""

    lang = "ko"
    decomposed = "자모 분리"
    between_spellings = " / "
    none = "쓰이는 행 없음"

    def part(self, message: Bilingual) -> str:
        return message.korean

    def share(self, share: float) -> str:
        return "0.1% 미만" if 0 < share < 0.0005 else f"{100 * share:.1f}%"

    def between(self, low: str, high: str) -> str:
        return f"({low}~{high})"

    def rows(self, count: int) -> str:
        return f"{count:,}행"

    def noted(self, name: str, note: str) -> str:
        return f"{name}({note})"

    def place(self, place: str) -> str:
        return re.sub(r"^(line|row) (\d+)$", lambda found: f"{found[2]}번째 {_COUNTED[found[1]]}", place)

    def pair(self, one: str, other: str) -> str:
        return f"{one} ↔ {other}"

    def word(self, word: str) -> str:
        return WORDS.get(word, word)


_COUNTED = {"line": "줄", "row": "행"}
