"""Empty texts, and texts that stand twice, on two sides or under two labels: compared by hash, then by digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whet.data.doctor.part import Part
from whet.data.places import digest, hashes, repeated, rows_of_both
from whet.data.store import picked
from whet.records import Bools, Finding, Severity
from whet.sentences.bilingual import said

MANY_EMPTY = 0.05
"""Share of empty texts above which they are an error."""

MANY_DUPLICATES = 0.01
"""Share of surplus copies from which they are a warning."""

MANY_LEAKED = 0.2
"""Share of a side's rows in train above which its score says nothing, so that it is an error."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Texts that stand under several labels."""

    texts: int
    """How many."""
    empty: bool
    """Whether the empty one is among them."""
    rows: tuple[int, ...]
    """Every row with such a text."""


def empty_rows(part: Part) -> list[int]:
    """Rows whose text has no visible character."""
    return [i for i, text in enumerate(part.texts) if not text or text.isspace()]


def surplus_rows(part: Part) -> list[int]:
    """Rows beyond the first of each text. Empty texts are a finding of their own and none of these."""
    seen: set[bytes] = set()
    surplus = []
    again = repeated(hashes(part.texts))
    for i, text in zip(again, picked(part.texts, np.array(again, dtype=np.int64)), strict=True):
        key = digest(text)
        if key in seen and text.strip():
            surplus.append(i)
        seen.add(key)
    return surplus


def mixed_texts(part: Part) -> Mixed:
    """Equal texts under different labels, the empty text too."""
    assert part.labels is not None
    first: dict[bytes, str] = {}
    mixed: set[bytes] = set()
    again = repeated(hashes(part.texts))
    keys = [digest(text) for text in picked(part.texts, np.array(again, dtype=np.int64))]
    for i, key in zip(again, keys, strict=True):
        if first.setdefault(key, part.labels[i]) != part.labels[i]:
            mixed.add(key)
    rows = tuple(i for i, key in zip(again, keys, strict=True) if key in mixed)
    return Mixed(len(mixed), digest("") in mixed, rows)


def rows_in(part: Part, train: Part) -> Bools:
    """Which rows of a part have a text that train has [B]; empty texts are none of these."""
    found = rows_of_both(part.texts, train.texts)
    rows = np.flatnonzero(found)
    found[rows] = [bool(text.strip()) for text in picked(part.texts, rows)]
    return found


def empty(part: Part) -> Iterator[Finding]:
    """Texts without a visible character. Above MANY_EMPTY of the rows they are an error."""
    rows = empty_rows(part)
    if not rows:
        return
    total = len(part.texts)
    facts = {"count": len(rows), "total": total, "places": part.first(rows), "least": 100 * (1 - MANY_EMPTY)}
    if len(rows) > MANY_EMPTY * total:
        saw = said(facts, "empty_texts", "text expected")
        yield part.finding("empty_texts", "error", len(rows), saw, said(facts, "no text column"), rows)
        return
    todo = said(facts, "empty ones are trained on" if part.side == "train" else "empty ones are scored")
    yield part.finding("empty_texts", "warning", len(rows), said(facts, "empty_texts"), todo, rows)


def duplicates(part: Part) -> Iterator[Finding]:
    """Rows beyond the first of each text."""
    rows = surplus_rows(part)
    if not rows:
        return
    facts = {"count": len(rows), "total": len(part.texts), "places": part.first(rows)}
    severity: Severity = "warning" if len(rows) >= MANY_DUPLICATES * len(part.texts) else "info"
    todo = ["copies stay together", "remove copies"] if part.side == "train" else ["remove copies"]
    saw = said(facts, "duplicate_texts")
    yield part.finding("duplicate_texts", severity, len(rows), saw, said(facts, *todo), rows)


def contradictions(part: Part) -> Iterator[Finding]:
    """Equal texts under different labels; counted are texts."""
    mixed = mixed_texts(part)
    if not mixed.texts:
        return
    also = ", also of the empty text" if mixed.empty and mixed.texts > 1 else ""
    facts = {"count": mixed.texts, "places": part.first(mixed.rows)}
    saw, todo = said(facts, f"contradictory_labels{also}"), said(facts, "decide for one")
    figures = {"rows": len(mixed.rows)}
    yield part.finding("contradictory_labels", "warning", mixed.texts, saw, todo, mixed.rows, figures)


def overlap(part: Part, train: Part) -> Iterator[Finding]:
    """Rows of another side whose text train has."""
    rows = np.flatnonzero(rows_in(part, train)).tolist()
    if not rows:
        return
    texts, total = len({digest(text) for text in picked(part.texts, np.array(rows))}), len(part.texts)
    figures = {"rows": len(rows), "texts": texts, "share": len(rows) / total}
    facts = {
        "count": len(rows), "total": total, "texts": texts, "train": train.source, "places": part.first(rows),
        "most": 100 * MANY_LEAKED, "side": part.side,
    }  # fmt: skip
    seen = "texts_in_train" if texts == len(rows) else "copies in train"
    if len(rows) > MANY_LEAKED * total:
        saw = said(facts, seen, "other texts expected")
        yield part.finding("texts_in_train", "error", len(rows), saw, said(facts, "other rows"), rows, figures)
        return
    saw, todo = said(facts, seen), said(facts, "flattered")
    yield part.finding("texts_in_train", "warning", len(rows), saw, todo, rows, figures)
