"""Columns that cannot be what they are taken for: an id, or the answer written into the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from whet.data.doctor.part import Part
from whet.errors import quoted
from whet.records import Finding
from whet.sentences.bilingual import listed, said

FEW = 20
"""Rows below which nothing is said of a column."""

NEARLY_ALL = 0.95
LOOKED = 2_000
"""Rows that are searched for their labels; the whole of a label is then counted."""

COPIED = 0.5
"""Share of a label's texts from which its name in them is no chance."""

ELSEWHERE = 0.1
"""How much rarer it must be in the texts of other labels."""

MOST_LABELS = 50
_ID = re.compile(r"\w{0,8}[-_#/]?\d+|[0-9a-f]{8,}(?:-?[0-9a-f]{4,})*", re.IGNORECASE | re.ASCII)


def ids(part: Part) -> Iterator[Finding]:
    """Texts that are numbers or keys, and labels of which nearly every row has its own."""
    total = len(part.texts)
    if total < FEW:
        return
    keys = [i for i, text in enumerate(part.texts) if len(text) < 40 and _ID.fullmatch(text.strip())]
    if len(keys) >= NEARLY_ALL * total and len({part.texts[i] for i in keys}) >= NEARLY_ALL * total:
        saw = said({"examples": listed([quoted(part.texts[i], 20) for i in keys[:3]])}, "texts like an id")
        yield part.finding("id_column", "warning", len(keys), saw, said({}, "name the text"), keys, {"column": "text"})
        return
    names = Counter(part.labels or ())
    if len(names) > MOST_LABELS and 2 * len(names) > total:
        saw = said({"count": len(names), "total": total}, "labels like an id")
        yield part.finding("id_column", "warning", len(names), saw, said({}, "name the label"), (), {"column": "label"})


def answers(part: Part) -> Iterator[Finding]:
    """Labels that stand in most of their own texts and in hardly any other: the answer was copied into them."""
    assert part.labels is not None
    names = Counter(part.labels)
    if len(part.texts) < FEW or not 2 <= len(names) <= MOST_LABELS:
        return
    # Drawn, for every k-th row of a table whose labels alternate has one label alone.
    sample = Random(0).sample(range(len(part.texts)), min(LOOKED, len(part.texts)))
    folded = [part.texts[i].casefold() for i in sample]
    copied = [name for name in names if _is_copied(name, folded, [part.labels[i] == name for i in sample])]
    if not copied:
        return
    found = {name.casefold(): _finder(name) for name in copied}
    asked = set(copied)
    rows = [
        i for i, label in enumerate(part.labels)
        if label in asked and found[label.casefold()].search(part.texts[i].casefold())
    ]  # fmt: skip
    figures = {"labels": copied, "share": len(rows) / sum(names[name] for name in copied)}
    facts = {**figures, "labels": listed([quoted(name) for name in copied])}
    saw, todo = said(facts, "label_in_text"), said(facts, "take the label out")
    yield part.finding("label_in_text", "warning", len(rows), saw, todo, rows, figures)


def _is_copied(name: str, texts: Sequence[str], own: Sequence[bool]) -> bool:
    finder, bare = _finder(name), name.casefold().strip()
    if not bare or sum(own) < 5:
        return False
    held = [bare in text and bool(finder.search(text)) for text in texts]
    mine = sum(has for has, is_own in zip(held, own, strict=True) if is_own) / sum(own)
    theirs = (sum(held) - mine * sum(own)) / max(1, len(own) - sum(own))
    return mine >= COPIED and theirs <= ELSEWHERE * mine


def _finder(name: str) -> re.Pattern[str]:
    """Finds a label in folded text: a word of its own where its letters are ASCII; in Korean an ending follows."""
    bare = re.escape(name.casefold().strip())
    return re.compile(rf"(?<!\w){bare}(?!\w)" if name.isascii() else bare)
