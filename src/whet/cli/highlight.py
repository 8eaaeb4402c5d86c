"""A text with the words that an answer hangs on, on a terminal: in colour, or between marks where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from whet.cli.texts import Words, one_line
from whet.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from whet.records import Attribution, Prediction, WordWeight

WEAK, STRONG = 0.25, 0.6  # of the weightiest word's: what is shown, and what in bold
SLIGHT = 0.01  # of log-odds: below this no word counts
NAMED = 6  # words whose weights are told


def texts(console: Console, answer: Prediction) -> list[Text]:
    """The text of an answer, or both of a pair; where it is explained, whole and with its words shown."""
    found = answer.attribution
    if found is None:
        return [Text(one_line(text)) for text in (answer.text, answer.text2) if text is not None]
    plain, most = console.no_color or console.color_system is None, _most(found)
    return [marked(text, words, most, plain=plain) for text, words in _parts(found)]


def reasons(words: Words, found: Attribution) -> Iterator[str]:
    """What the weightiest words count for an answer, and what against it, a line each."""
    most = _most(found)
    spoken = [(text[start:end], weight) for text, part in _parts(found) for start, end, weight in part]
    weighty = sorted((word for word in spoken if _counts(word[1], most)), key=lambda word: -abs(word[1]))[:NAMED]
    speaking = ("raises", "lowers") if found.label is None else ("speaks for", "speaks against")
    for key, side in zip(speaking, (1, -1), strict=True):
        named = ", ".join(f"{one_line(word, 40)} {weight:+.2f}" for word, weight in weighty if weight * side > 0)
        if named:
            yield words(key).format(label=one_line(found.label or ""), words=named)


def marked(text: str, words: Sequence[WordWeight], most: float, *, plain: bool) -> Text:
    """The text with its weighty words in green (for) and red (against), or as +word+ and -word-, `most` being the
    weight of the weightiest."""
    shown, at = Text(), 0
    for start, end, weight in words:
        if not _counts(weight, most):
            continue
        shown.append(printable(text[at:start]))
        word, mark = printable(text[start:end]), "+" if weight > 0 else "-"
        if plain:
            shown.append(f"{mark}{word}{mark}")
        else:
            bold = "bold " if abs(weight) >= STRONG * most else ""
            shown.append(word, style=f"{bold}{'green' if weight > 0 else 'red'}")
        at = end
    shown.append(printable(text[at:]))
    return shown


def _parts(found: Attribution) -> list[tuple[str, Sequence[WordWeight]]]:
    second = [] if found.text2 is None else [(found.text2, found.words2)]
    return [(found.text, found.words), *second]


def _most(found: Attribution) -> float:
    """The weight of the weightiest word."""
    return max((abs(weight) for _, part in _parts(found) for *_, weight in part), default=0.0)


def _counts(weight: float, most: float) -> bool:
    return abs(weight) >= max(WEAK * most, SLIGHT)
