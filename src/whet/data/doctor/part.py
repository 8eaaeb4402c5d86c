"""One side of the data as the doctor looks at it, and how its rows are spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.data.places import kept_places
from whet.data.store import joined, taken
from whet.records import Examples, Finding, Severity
from whet.sentences.bilingual import Bilingual

PLACES = 10
"""The places that a finding names."""

LONG = 100_000
"""Characters beyond which the beginning of a text tells of it where looking is slow: the tokens of 50 MB take half a
minute, their shingles half a gigabyte."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one side. `labels`: '' where a row has none; None where no row has one. Both texts of a pair stand
    in one, on lines of their own: they are compared together."""

    side: str
    source: str
    texts: Sequence[str]
    labels: Sequence[str] | None
    places: Sequence[str]
    several: Sequence[tuple[str, ...]] | None = None
    values: Sequence[float] | None = None

    def finding(
        self, code: str, severity: Severity, count: int, saw: Bilingual, todo: Bilingual, rows: Sequence[int] = (),
        figures: Mapping[str, object] | None = None,
    ) -> Finding:  # fmt: skip
        """A finding on this side. `saw` and `todo` without their closing full stops; of `rows` the first are named."""
        message = Bilingual(f"{self.source}: {saw}", f"{self.source}: {saw.korean}")
        return Finding(code, severity, self.side, count, message, todo, self.first(rows), figures or {})

    def first(self, rows: Sequence[int]) -> tuple[str, ...]:
        """The places of the first rows."""
        return tuple(self.places[i] for i in rows[:PLACES])


def part_of(side: str, examples: Examples) -> Part:
    """A side as it was read."""
    texts: Sequence[str] = examples.texts
    if examples.pairs is not None:
        texts = joined(texts, examples.pairs, "{}\n{}".format)
    return Part(
        side, examples.source, texts, examples.labels, examples.places, examples.several, examples.values
    )  # fmt: skip


def labelled(part: Part) -> Part:
    """The rows that have a label; of a part without labels, none."""
    if part.labels is not None and all(part.labels):
        return part
    labels = part.labels if part.labels is not None else [""] * len(part.texts)
    keep = np.array([bool(label) for label in labels], dtype=np.bool_)
    return Part(part.side, part.source, taken(part.texts, keep), taken(labels, keep), kept_places(part.places, keep))
