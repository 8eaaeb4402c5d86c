"""The sections of a report that hold rows to read: the worst answers."""

from __future__ import annotations

from whet.report.answers import Mistake
from whet.report.blocks import Cell, Section, Table
from whet.report.material import Material
from whet.report.words import Words, percent


def mistakes(found: Material, words: Words) -> Section | None:
    """The wrong answers that the model was surest of, or the largest errors."""
    answers = found.answers
    if answers is None or not answers.mistakes:
        return None
    numbers = found.task == "regression"
    rows = tuple(_row(each, words, numbers=numbers) for each in answers.mistakes)
    head = ("text", "true", "predicted", "error" if numbers else "confidence", "place")
    caption = words("mistakes table values" if numbers else "mistakes table")
    table = Table(caption, tuple(words(key) for key in head), rows, "texts", numbers=False, filter=True)
    count = len(answers.scores) if numbers else answers.wrong
    lead = words("mistakes lead values" if numbers else "mistakes lead")
    lead = lead.format(shown=len(rows), count=f"{count:,}")
    return Section("mistakes", words("mistakes"), lead, (table,))


def _row(each: Mistake, words: Words, *, numbers: bool) -> tuple[Cell, ...]:
    return (
        Cell(each.text, note=each.text2),
        Cell(each.true or words("no label")),
        Cell(each.predicted or words("no label"), strong=True),
        Cell(f"{each.weight:.3g}" if numbers else percent(each.weight)),
        Cell(each.place, foreign=True),
    )
