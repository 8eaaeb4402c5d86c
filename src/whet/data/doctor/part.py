"""One side of the data as the doctor looks at it, and how its rows are spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.data.places import kept_places
from whet.data.store import joined, taken
from whet.records import Examples, Finding, Severity

PLACES = 10
"""The places that a finding names."""

LONG = 100_000
"""Characters beyond which the beginning of a text tells of it where looking is slow: the tokens of 50 MB take half a
minute, their shingles half a gigabyte."""

IN_MESSAGE = 3
"""Those of them that stand in its message."""


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
        self, code: str, severity: Severity, count: int, saw: str, todo: str = "", rows: Sequence[int] = (),
        figures: Mapping[str, object] | None = None,
    ) -> Finding:  # fmt: skip
        """A finding on this side. `saw` and `todo` without their closing full stops; of `rows` the first are named."""
        places = tuple(self.places[i] for i in rows[:PLACES])
        return Finding(code, severity, self.side, count, f"{self.source}: {saw}", todo, places, figures or {})

    def where(self, rows: Sequence[int]) -> str:
        """The first places, in a message."""
        return ", ".join(self.places[i] for i in rows[:IN_MESSAGE]) + (", …" if len(rows) > IN_MESSAGE else "")


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


def row_count(count: int) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def listed(items: Sequence[str]) -> str:
    """Names after commas, at most ten."""
    return ", ".join(items[:PLACES]) + (", …" if len(items) > PLACES else "")


def percent(share: float) -> str:
    """0.123 as 12.3 %; a little as <0.1 %."""
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
