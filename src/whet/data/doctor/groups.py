"""Rows of another side whose group (--group) stands in train too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whet.data.doctor.part import part_of
from whet.errors import quoted
from whet.records import Examples, Finding
from whet.sentences.bilingual import listed, said

CODE = "groups_in_train"


def findings(sides: Mapping[str, Examples]) -> Iterator[Finding]:
    """One a side, as the data came: what whet draws itself keeps groups whole."""
    known = {group for group in sides["train"].groups or () if group} if "train" in sides else set()
    for side, examples in sides.items():
        if side == "train" or examples.groups is None:
            continue
        rows = [row for row, group in enumerate(examples.groups) if group in known]
        if not rows:
            continue
        shared = list(dict.fromkeys(examples.groups[row] for row in rows))
        part = part_of(side, examples)
        facts = {
            "count": len(rows), "total": len(part.texts), "groups": len(shared), "places": part.first(rows),
            "train": sides["train"].source, "examples": listed([quoted(group, 20) for group in shared[:3]]),
            "side": side,
        }  # fmt: skip
        figures = {"rows": len(rows), "groups": len(shared), "share": len(rows) / len(part.texts)}
        yield part.finding(CODE, "warning", len(rows), said(facts, CODE), said(facts, "groups apart"), rows, figures)
