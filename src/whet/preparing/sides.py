"""The sides of a job, ready for a model: tokens, what rows count, texts on the disk, and what identifies them. Loads no
torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.data.growing import aside
from whet.data.rows import fingerprint
from whet.data.targets import has_answers, targets_of
from whet.data.tokens import Cutter, encode_to_disk
from whet.errors import OutputError
from whet.labels import LabelSet
from whet.records import SIDES, Bools, Encoded, Examples, Floats, Side, Splits, Targets


@dataclass(frozen=True, slots=True)
class EncodedSide:
    """One side, ready for a model. Its texts are left behind: a job of a million rows does without."""

    encoded: Encoded
    targets: Targets

    @property
    def truncated(self) -> Bools:
        return self.encoded.truncated


def encode_sides(splits: Splits, labels: LabelSet, cutter: Cutter, cache: Path) -> dict[Side, EncodedSide]:
    """Token ids and label ids of every side there is. OutputError where the cache cannot be written."""
    encoded: dict[Side, EncodedSide] = {}
    for side in SIDES:
        rows: Examples | None = getattr(splits, side)
        if rows is None or not has_answers(rows):
            continue
        targets = targets_of(rows, labels)
        tokens = tokens_of(rows.texts, rows.pairs, cutter, cache)
        encoded[side] = EncodedSide(dataclasses.replace(tokens, weights=counted(rows)), targets)
    return encoded


def tokens_of(texts: Sequence[str], pairs: Sequence[str] | None, cutter: Cutter, cache: Path) -> Encoded:
    """Token ids of texts, or of pairs, in the cache. OutputError where it cannot be written."""
    try:
        return encode_to_disk(texts, cutter, cache, pairs)
    except OSError as fault:
        raise OutputError(
            f"the tokens cannot be written: {fault.strerror or fault}",
            where=str(cache),
            todo="Free space, or set WHET_CACHE to a folder that has room and can be written",
        ) from None


def counted(rows: Examples) -> Floats | None:
    """What each row counts [B], with the mean 1; None: all alike."""
    return None if rows.weights is None else np.asarray(rows.weights) / np.mean(rows.weights)


def on_disk(rows: Examples, cache: Path) -> Examples:
    """The same rows, whose texts memory does not hold. OutputError where the cache cannot be written."""
    pairs = None if rows.pairs is None else aside(rows.pairs, cache)
    return dataclasses.replace(rows, texts=aside(rows.texts, cache), pairs=pairs)


def learnt_rows(splits: Splits, cache: Path) -> dict[Side, Examples]:
    """The rows of train and validation with their texts on the disk, as a job keeps them while it trains; those of
    train without what they should be answered with. OutputError where the cache cannot be written."""
    kept: dict[Side, Examples] = {}
    for side in ("train", "validation"):
        rows: Examples | None = getattr(splits, side)
        if rows is not None:
            kept[side] = on_disk(rows, cache)
    kept["train"] = dataclasses.replace(kept["train"], labels=None, several=None, values=None, further={}, weights=None)
    return kept


def data_digests(splits: Splits) -> list[str]:
    """What identifies the rows of a job, side by side."""
    present = [getattr(splits, side) for side in SIDES]
    return ["none" if rows is None else fingerprint(rows) for rows in present]
