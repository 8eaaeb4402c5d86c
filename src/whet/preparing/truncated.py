"""What is told of texts that are longer than a model reads: how many were divided, and how many cut."""

from __future__ import annotations

from collections.abc import Mapping

from whet.data.batches import counts_of
from whet.data.tokens import Cutter
from whet.preparing.sides import EncodedSide
from whet.records import Ints, Notice, Side
from whet.sentences.bilingual import Bilingual, joined, said

CHUNK_EDGES = (2, 4, 8, 16, 32)  # between the groups of texts that are told by how many chunks they have


def truncation_notices(sides: Mapping[Side, EncodedSide], cutter: Cutter) -> list[Notice]:
    """How many texts of each side were divided, and how many cut; one notice a side that has any, of each."""
    notices = []
    kept = {"head": "head used", "head-tail": "head and tail used", "chunks": "first chunks used"}
    for side, rows in sides.items():
        if rows.encoded.documents is not None:
            notices.append(Notice(_divided(side, counts_of(rows.encoded), cutter)))
        cut, count = int(rows.encoded.truncated.sum()), len(rows.encoded)
        if cut:
            facts = _share(cut, count, side) | {"limit": cutter.max_length, "chunks": cutter.most_chunks}
            notices.append(Notice(said(facts, kept[cutter.truncation])))
    return notices


def _divided(side: str, counts: Ints, cutter: Cutter) -> Bilingual:
    """How many texts have how many chunks."""
    several = counts[counts > 1]
    edges = [edge for edge in CHUNK_EDGES if edge < several.max()]
    groups = zip([2, *(edge + 1 for edge in edges)], [*edges, int(several.max())], strict=True)
    found = [(first, last, int(((several >= first) & (several <= last)).sum())) for first, last in groups]
    each = [
        said({"texts": texts, "first": first, "last": last}, "in chunks" if first == last else "in more chunks")
        for first, last, texts in found
        if texts
    ]
    facts = _share(len(several), len(counts), side)
    return said(facts | {"limit": cutter.max_length, "each": joined(*each, between=", ")}, "divided")


def _share(part: int, count: int, side: str) -> dict[str, object]:
    return {"count": part, "total": count, "share": part / count, "side": side}
