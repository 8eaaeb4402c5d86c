"""Answers beside one label a row: several labels, and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from whet.data.doctor import copies, names
from whet.data.doctor.part import Part
from whet.errors import quoted
from whet.records import Finding
from whet.sentences.bilingual import listed, said


def several(part: Part, train: Part | None) -> Iterator[Finding]:
    """Labels that train lacks or that hardly any row has, and equal texts with other labels."""
    assert part.several is not None
    if part.side == "train":
        yield from _rare(part)
    elif train is not None:
        yield from _unknown(part, train)
    yield from copies.contradictions(with_sets_as_labels(part))


def with_sets_as_labels(part: Part) -> Part:
    """The part in which the labels of a row together, whatever their order, are its one label."""
    named = [", ".join(sorted(labels)) or "no label" for labels in part.several or ()]
    return replace(part, labels=named, several=None)


def values(train: Part) -> Iterator[Finding]:
    """Nothing but one number."""
    assert train.values is not None
    if len(set(train.values)) < 2:
        facts = {"number": train.values[0] if train.values else None}
        saw = said(facts, "one number" if train.values else "no training row", "numbers expected")
        yield train.finding("one_label", "error", 1, saw, said(facts, "another column"))


def spread(values: Sequence[float]) -> Mapping[str, float]:
    """Least, median, mean, most and deviation of numbers."""
    numbers = np.asarray(values, dtype=np.float64)
    found = {
        "least": numbers.min(), "median": np.median(numbers), "mean": numbers.mean(), "most": numbers.max(),
        "deviation": numbers.std(),
    }  # fmt: skip
    return {name: float(value) for name, value in found.items()}


def _rare(train: Part) -> Iterator[Finding]:
    counts = Counter(label for row in train.several or () for label in row)
    if not counts:
        yield train.finding("one_label", "error", 0, said({}, "no row has a label"), said({}, "another column"))
        return
    lone = sorted(name for name, count in counts.items() if count < 2)
    if lone:
        facts = {"count": len(lone), "labels": listed([quoted(name) for name in lone])}
        saw, todo = said(facts, "labels of one row"), said(facts, "too few to learn")
        yield train.finding("small_classes", "warning", len(lone), saw, todo, (), {"labels": dict.fromkeys(lone, 1)})


def _unknown(part: Part, train: Part) -> Iterator[Finding]:
    """Labels that cannot be answered because train lacks them."""
    known = {label for row in train.several or () for label in row}
    rows = [i for i, labels in enumerate(part.several or ()) if not known.issuperset(labels)]
    if not rows:
        return
    counts = Counter(label for labels in part.several or () for label in labels if label not in known)
    yield names.unknown_labels(part, rows, counts, known)
