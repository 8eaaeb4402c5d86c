"""What is told of texts that are longer than a model reads: how many were divided, and how many cut."""

from __future__ import annotations

from collections.abc import Mapping

from whet.data.batches import counts_of
from whet.data.tokens import Cutter
from whet.prepare import EncodedSide
from whet.records import Ints, Notice, Side

CHUNK_EDGES = (2, 4, 8, 16, 32)  # between the groups of texts that are told by how many chunks they have


def truncation_notices(sides: Mapping[Side, EncodedSide], cutter: Cutter) -> list[Notice]:
    """How many texts of each side were divided, and how many cut; one notice a side that has any, of each."""
    notices = []
    kept = {"head": "head is", "head-tail": "head and tail are", "chunks": f"first {cutter.most_chunks} chunks are"}
    for side, rows in sides.items():
        if rows.encoded.documents is not None:
            notices.append(Notice(_divided(side, counts_of(rows.encoded), cutter)))
        cut, count = int(rows.encoded.truncated.sum()), len(rows.encoded)
        if cut:
            longest = f"{cutter.most_chunks} chunks of " if cutter.truncation == "chunks" else ""
            notices.append(
                Notice(
                    f"{_share(cut, count, side)} {'is' if cut == 1 else 'are'} "
                    f"longer than {longest}{cutter.max_length} tokens: their {kept[cutter.truncation]} used"
                )
            )
    return notices


def _divided(side: str, counts: Ints, cutter: Cutter) -> str:
    """How many texts have how many chunks."""
    several = counts[counts > 1]
    edges = [edge for edge in CHUNK_EDGES if edge < several.max()]
    groups = zip([2, *(edge + 1 for edge in edges)], [*edges, int(several.max())], strict=True)
    found = [(first, last, int(((several >= first) & (several <= last)).sum())) for first, last in groups]
    each = ", ".join(
        f"{texts:,} in {first if first == last else f'{first} to {last}'}" for first, last, texts in found if texts
    )
    return (
        f"{_share(len(several), len(counts), side)} {'has' if len(several) == 1 else 'have'} more than "
        f"{cutter.max_length} tokens and {'is' if len(several) == 1 else 'are'} divided into chunks ({each}), whose "
        "logits are averaged"
    )


def _share(part: int, count: int, side: str) -> str:
    return f"{part:,} of {count:,} {side} texts ({100 * part / count:.1f} %)"
