"""Empty texts, and texts that stand twice, on two sides or under two labels: compared by hash, then in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whet.data.doctor.part import Part, row_count
from whet.data.places import hashes, in_both, repeated
from whet.records import Bools, Finding, Severity

MANY_EMPTY = 0.05
"""Share of empty texts above which they are an error."""

MANY_DUPLICATES = 0.01
"""Share of surplus copies from which they are a warning."""

MANY_LEAKED = 0.2
"""Share of a side's rows in train above which its score says nothing, so that it is an error."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Texts that stand under several labels."""

    texts: frozenset[str]
    rows: tuple[int, ...]
    """Every row with such a text."""


def empty_rows(part: Part) -> list[int]:
    """Rows whose text has no visible character."""
    return [i for i, text in enumerate(part.texts) if not text or text.isspace()]


def surplus_rows(part: Part) -> list[int]:
    """Rows beyond the first of each text. Empty texts are a finding of their own and none of these."""
    seen: set[str] = set()
    surplus = []
    for i in repeated(hashes(part.texts)):
        text = part.texts[i]
        if text in seen and text.strip():
            surplus.append(i)
        seen.add(text)
    return surplus


def mixed_texts(part: Part) -> Mixed:
    """Equal texts under different labels, the empty text too."""
    assert part.labels is not None
    first: dict[str, str] = {}
    mixed: set[str] = set()
    again = repeated(hashes(part.texts))
    for i in again:
        text = part.texts[i]
        if first.setdefault(text, part.labels[i]) != part.labels[i]:
            mixed.add(text)
    return Mixed(frozenset(mixed), tuple(i for i in again if part.texts[i] in mixed))


def rows_in(part: Part, train: Part) -> Bools:
    """Which rows of a part have a text that train has [B]; empty texts are none of these."""
    known = in_both(part.texts, train.texts)
    return np.fromiter((text in known and bool(text.strip()) for text in part.texts), np.bool_, len(part.texts))


def empty(part: Part) -> Iterator[Finding]:
    """Texts without a visible character. Above MANY_EMPTY of the rows they are an error."""
    rows = empty_rows(part)
    if not rows:
        return
    total = len(part.texts)
    saw = (
        f"{len(rows):,} of {row_count(total)} {'has' if len(rows) == 1 else 'have'} an empty text ({part.where(rows)})"
    )
    if len(rows) > MANY_EMPTY * total:
        saw += f". Expected text in at least {100 * (1 - MANY_EMPTY):.0f} % of the rows"
        todo = "Name the column that holds the text with --text, drop these rows, or --allow empty_texts"
        yield part.finding("empty_texts", "error", len(rows), saw, todo, rows)
        return
    use = "trained on" if part.side == "train" else "scored"
    todo = f"Such rows are {use} as they are; remove them if they mean nothing"
    yield part.finding("empty_texts", "warning", len(rows), saw, todo, rows)


def duplicates(part: Part) -> Iterator[Finding]:
    """Rows beyond the first of each text."""
    rows = surplus_rows(part)
    if not rows:
        return
    total = len(part.texts)
    repeat = "repeats" if len(rows) == 1 else "repeat"
    saw = f"{row_count(len(rows))} of {total:,} {repeat} the text of an earlier row ({part.where(rows)})"
    kept = "A split keeps copies on one side. " if part.side == "train" else ""
    severity: Severity = "warning" if len(rows) >= MANY_DUPLICATES * total else "info"
    todo = f"{kept}Remove them if they were not meant"
    yield part.finding("duplicate_texts", severity, len(rows), saw, todo, rows)


def contradictions(part: Part) -> Iterator[Finding]:
    """Equal texts under different labels; counted are texts."""
    mixed = mixed_texts(part)
    if not mixed.texts:
        return
    stand = "text stands" if len(mixed.texts) == 1 else "texts stand"
    of_them = ", one of them empty" if "" in mixed.texts and len(mixed.texts) > 1 else ""
    saw = f"{len(mixed.texts):,} {stand} under different labels{of_them} ({part.where(mixed.rows)})"
    todo = "No model can answer both; decide for one label or remove the rows"
    figures = {"rows": len(mixed.rows)}
    yield part.finding("contradictory_labels", "warning", len(mixed.texts), saw, todo, mixed.rows, figures)


def overlap(part: Part, train: Part) -> Iterator[Finding]:
    """Rows of another side whose text train has."""
    rows = np.flatnonzero(rows_in(part, train)).tolist()
    if not rows:
        return
    texts, total = len({part.texts[i] for i in rows}), len(part.texts)
    copies = "" if texts == len(rows) else f", {texts:,} different texts,"
    stand = "stands" if len(rows) == 1 else "stand"
    saw = f"{len(rows):,} of {row_count(total)}{copies} {stand} in {train.source} too ({part.where(rows)})"
    figures = {"rows": len(rows), "texts": texts, "share": len(rows) / total}
    if len(rows) > MANY_LEAKED * total:
        saw += f". Expected at most {100 * MANY_LEAKED:.0f} %: the score of learnt texts says nothing of others"
        todo = f"Remove the rows from one of the two, name another --{part.side}, or --allow texts_in_train"
        yield part.finding("texts_in_train", "error", len(rows), saw, todo, rows, figures)
        return
    todo = f"The {part.side} score is flattered by what was learnt by heart; remove the rows from one of the two"
    yield part.finding("texts_in_train", "warning", len(rows), saw, todo, rows, figures)
