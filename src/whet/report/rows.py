"""The sections of a report that hold rows to read: the worst answers, and the words that they hang on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.report.answers import LETTERS, Mistake
from whet.report.blocks import Cell, Section, Table
from whet.report.material import Material
from whet.report.words import Words, percent

FAINT = 0.08  # of the strongest word: weaker ones stay without a tint


def mistakes(found: Material, words: Words) -> Section | None:
    """The wrong answers that the model was surest of, or the largest errors."""
    answers = found.answers
    if answers is None or not answers.mistakes:
        return None
    numbers = found.task == "regression"
    rows = tuple(_row(each, found.explained.get(each.row_id, {}), words, numbers=numbers) for each in answers.mistakes)
    head = ("text", "true", "predicted", "error" if numbers else "confidence", "place")
    caption = words("mistakes table values" if numbers else "mistakes table")
    marked = sum(bool(row[0].parts) for row in rows)
    note = words("marks values" if numbers else "marks").format(count=marked) if marked else ""
    table = Table(caption, tuple(words(key) for key in head), rows, "texts", note, numbers=False, filter=True)
    count = len(answers.scores) if numbers else answers.wrong
    lead = words("mistakes lead values" if numbers else "mistakes lead")
    lead = lead.format(shown=len(rows), count=f"{count:,}")
    return Section("mistakes", words("mistakes"), lead, (table,))


def _row(each: Mistake, explained: Mapping[str, Any], words: Words, *, numbers: bool) -> tuple[Cell, ...]:
    known = [*explained.get("words", ()), *explained.get("words2", ())]
    most = max((abs(word["weight"]) for word in known), default=0.0)
    parts = _parts(explained["text"], explained["words"], most) if most else ()
    return (
        Cell(each.text, note=each.text2, parts=parts),
        Cell(each.true or words("no label")),
        Cell(each.predicted or words("no label"), strong=True),
        Cell(f"{each.weight:.3g}" if numbers else percent(each.weight)),
        Cell(each.place, foreign=True),
    )


def _parts(text: str, words: Sequence[Mapping[str, Any]], most: float) -> tuple[tuple[str, float], ...]:
    """A text in pieces, its words with their weights as shares of the strongest; cut as others are."""
    parts: list[tuple[str, float]] = []
    done = 0
    for word in words:
        if word["end"] > LETTERS:
            break
        weight = word["weight"] / most
        if abs(weight) >= FAINT:
            parts += [(text[done : word["start"]], 0.0), (text[word["start"] : word["end"]], weight)]
            done = word["end"]
    rest = text[done:LETTERS] + ("…" if len(text) > LETTERS else "")
    return (*parts, (rest, 0.0))
