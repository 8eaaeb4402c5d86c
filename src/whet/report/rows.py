"""The sections of a report that hold rows to read: the surest wrong answers with the words that they hang on, and
labels that are likely wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.report.blocks import Cell, Section, Table
from whet.report.material import Material
from whet.report.words import Words

MOST_ROWS = 50
LETTERS = 600  # of a text that are shown
FAINT = 0.08  # of the strongest word: weaker ones stay without a tint


def mistakes(found: Material, words: Words) -> Section | None:
    """The wrong answers that the model was surest of, or the largest errors."""
    wrong = found.mistakes.get("wrong", ())[:MOST_ROWS]
    if not wrong:
        return None
    numbers = found.task == "regression"
    rows = tuple(_row(each, found.explained.get(each["row_id"], {}), words) for each in wrong)
    head = ("text", "true", "predicted", "error" if numbers else "confidence", "place")
    caption = words("mistakes table values" if numbers else "mistakes table")
    marked = sum(bool(row[0].parts) for row in rows)
    note = words("marks values" if numbers else "marks").format(count=marked) if marked else ""
    table = Table(caption, tuple(words(key) for key in head), rows, "texts", note, numbers=False, filter=True)
    lead = words("mistakes lead values" if numbers else "mistakes lead")
    lead = lead.format(shown=len(rows), count=f"{_all_wrong(found):,}")
    return Section("mistakes", words("mistakes"), lead, (table,))


def suspects(found: Material, words: Words) -> Section | None:
    """Labels that are likely wrong, the likeliest first."""
    doubted = found.mistakes.get("label_errors", ())[:MOST_ROWS]
    if not doubted:
        return None
    rows = tuple(
        (
            Cell(cut(each["text"]), note=cut(each.get("text2", ""))),
            Cell(each["label"]),
            Cell(each["suggestion"], strong=True),
            Cell(words(each["side"])),
            Cell(f"{each['source']}, {each['row_id']}", foreign=True),
        )
        for each in doubted
    )
    head = tuple(words(key) for key in ("text", "given", "suggested", "side", "row id"))
    table = Table(words("suspects table"), head, rows, "texts", numbers=False, filter=True)
    sides = found.metrics.get("label_errors", {}).values()
    counts = {key: f"{sum(side[key] for side in sides):,}" for key in ("found", "rows")}
    lead = words("suspects lead").format(shown=len(rows), found=counts["found"], rows=counts["rows"])
    return Section("suspects", words("suspects"), lead, (table,))


def _all_wrong(found: Material) -> int:
    """How many rows were not answered as they should have been; of numbers, all. Without a side that was scored the
    rows are those of training, of which no more is known."""
    scores = found.scores
    if not scores:
        return len(found.mistakes["wrong"])
    return int(scores["rows"]) if found.task == "regression" else round(scores["rows"] * (1 - scores["accuracy"]))


def _row(each: Mapping[str, Any], explained: Mapping[str, Any], words: Words) -> tuple[Cell, ...]:
    known = [*explained.get("words", ()), *explained.get("words2", ())]
    most = max((abs(word["weight"]) for word in known), default=0.0)
    parts = _parts(explained["text"], explained["words"], most) if most else ()
    second = _parts(explained["text2"], explained["words2"], most) if most and "text2" in explained else ()
    true = next(each[key] for key in ("label", "labels", "value") if key in each)
    return (
        Cell(cut(each["text"]), note=cut(each.get("text2", "")), parts=parts, note_parts=second),
        Cell(_named(true, words)),
        Cell(_named(each["predicted"], words), strong=True),
        Cell(f"{each['weight']:.3g}" if "value" in each else words.percent(each["weight"])),
        Cell(each["place"], foreign=True),
    )


def _named(answer: str | float | Sequence[str], words: Words) -> str:
    """A label, several of them, or a number."""
    if isinstance(answer, int | float):
        return f"{answer:.4g}"
    return answer if isinstance(answer, str) else ", ".join(answer) or words("no label")


def cut(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1].rstrip() + "…"


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
