"""Texts that are nearly equal: MinHash finds candidates, their shingles decide.

A shingle is a run of SHINGLE letters, without spaces and case. Two texts are nearly equal where at
least THRESHOLD of all shingles that either has stand in both (Jaccard; Broder 1997, "On the
resemblance and containment of documents"). Candidates are texts whose MinHash agrees in a whole band.

Sizes in comments: U texts, S shingles.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from whet.data.doctor.part import LONG, Part
from whet.data.places import digest, hashes, repeated, rows_of_both
from whet.data.store import mapped, picked
from whet.records import Bools, Finding, Ints, Severity
from whet.sentences.bilingual import said

CODES = ("near_duplicates", "near_in_train")

THRESHOLD = 0.8
SHINGLE = 5
SHORTEST = 20
"""Letters below which texts are compared exactly alone: one word makes another text of them."""

BANDS, BAND = 20, 7
"""Of texts that share 0.8 of their shingles, 99 of 100 agree in one of so many bands of so many values;
of those that share 0.2, 3 of 10,000."""

SEED = 1
LOOKED_AT = 20
"""Texts of a band that another one is compared with."""

MOST_COMPARED = 400_000
"""Comparisons after which the search ends, some 20 s: in texts from one mould all are candidates."""

MOST_ROWS = 500_000
"""Rows that are compared; of more as many are drawn."""

CHUNK = 500_000  # characters whose shingles are held at a time
MANY = 0.01

Shingles = NDArray[np.uint64]  # [S]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True)
class Near:
    """Rows that are nearly equal to another one, and which that is. Rows that are equal to it are none of these."""

    within: Mapping[str, Mapping[int, int]]
    """Side to row to an earlier row of the same side; of equal texts the first."""
    in_train: Mapping[str, Mapping[int, int]]
    """Side to row to a row of train."""
    whole: bool
    """Whether every candidate was compared."""
    drawn: int | None = None
    """How many rows were drawn to be compared; None: all were."""


@dataclass(frozen=True, slots=True)
class _Units:
    """The different texts of all parts, train's first, with the part and the row of each [U]."""

    texts: Sequence[Sequence[str]]
    """Of each part, bare."""
    firsts: Sequence[int]
    """The unit that each part begins with."""
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    leaked: Bools
    """Whether train has the very text, and it is of another part."""

    def text(self, unit: int) -> str:
        part = int(self.part[unit])
        return self.texts[part][unit - self.firsts[part]]


def find(parts: Sequence[Part]) -> Near:
    """Rows that are nearly equal to an earlier row of their part, and to one of train, which is the
    first part where there is one. Of more than MOST_ROWS rows as many are compared, drawn of every part alike."""
    total = sum(len(part.texts) for part in parts)
    units = _units(parts, min(1.0, MOST_ROWS / max(1, total)))
    found = _Search(units, parts[0].side == "train" if parts else False)
    for bucket in _buckets(_bands(chain.from_iterable(units.texts))):
        if not found.compare(bucket):
            break
    within: dict[str, dict[int, int]] = {part.side: {} for part in parts}
    in_train: dict[str, dict[int, int]] = {part.side: {} for part in parts if part.side != "train"}
    for unit, other in sorted(found.within.items()):
        within[parts[units.part[unit]].side][int(units.row[unit])] = int(units.row[other])
    for unit, other in found.in_train.items():
        in_train[parts[units.part[unit]].side][int(units.row[unit])] = int(units.row[other])
    in_train = {part.side: _with_copies(part, in_train[part.side]) for part in parts if part.side in in_train}
    drawn = MOST_ROWS if total > MOST_ROWS else None
    return Near(within, in_train, found.whole and drawn is None, drawn)


def expected_seconds(rows: int, characters: int) -> float:
    """What `find` takes of a core of a present server, where few texts are alike: 4 s for the 50,000 reviews of
    IMDB, 5 s for the 200,000 of NSMC."""
    return 2.4e-5 * rows + 4.3e-8 * characters


def notices(near: Near, parts: Sequence[Part]) -> list[str]:
    """What must be told of how they were looked for."""
    facts = {"count": near.drawn, "total": sum(len(part.texts) for part in parts)}
    return [said(facts, "some were compared")] if near.drawn else []


def findings(near: Near, parts: Sequence[Part]) -> Iterator[Finding]:
    """What is to be said of them, side by side."""
    least = "" if near.whole else " at least"
    train = next((part for part in parts if part.side == "train"), None)
    for part in parts:
        yield from _within(part, near.within[part.side], least)
        if train is not None and part is not train:
            yield from _in_train(part, near.in_train[part.side], train, least)


def _with_copies(part: Part, like: Mapping[int, int]) -> dict[int, int]:
    """The same for every row of an equal text."""
    if not like:
        return {}
    alike = picked(part.texts, np.array(list(like), dtype=np.int64))
    others = dict(zip(map(digest, alike), like.values(), strict=True))
    rows = np.flatnonzero(rows_of_both(part.texts, alike))
    return {row: others[digest(text)] for row, text in zip(rows.tolist(), picked(part.texts, rows), strict=True)}


def _within(part: Part, like: Mapping[int, int], least: str) -> Iterator[Finding]:
    if not like:
        return
    rows, share = sorted(like), len(like) / len(part.texts)
    severity: Severity = "warning" if share >= MANY else "info"
    figures = {"pairs": [[part.places[row], part.places[like[row]]] for row in rows[:10]]}
    facts = {"count": len(rows), "share": share, **figures}
    saw, todo = said(facts, f"near_duplicates{least}"), said(facts, "remove near copies")
    yield part.finding("near_duplicates", severity, len(rows), saw, todo, rows, figures)


def _in_train(part: Part, like: Mapping[int, int], train: Part, least: str) -> Iterator[Finding]:
    if not like:
        return
    rows, share = sorted(like), len(like) / len(part.texts)
    figures = {"share": share, "pairs": [[part.places[row], train.places[like[row]]] for row in rows[:10]]}
    facts = {**figures, "count": len(rows), "train": train.source, "side": part.side}
    saw, todo = said(facts, f"near_in_train{least}"), said(facts, "flattered")
    yield part.finding("near_in_train", "warning", len(rows), saw, todo, rows, figures)


class _Search:
    """Compares candidates, each pair once, up to MOST_COMPARED of them."""

    def __init__(self, units: _Units, has_train: bool) -> None:
        self.within: dict[int, int] = {}
        self.in_train: dict[int, int] = {}
        self.whole = True
        self._units = units
        self._has_train = has_train
        self._unlike: set[tuple[int, int]] = set()
        self._compared = 0
        self._shingles = lru_cache(maxsize=2_000)(self._shingles_of)

    def compare(self, bucket: Sequence[int]) -> bool:
        """Compares each unit of a bucket with those before it; False once enough was compared."""
        seen: dict[int, list[int]] = {}
        for unit in bucket:
            part = int(self._units.part[unit])
            if unit not in self.within:
                self._match(unit, seen.get(part, ()), self.within)
            if part and self._has_train and not self._units.leaked[unit] and unit not in self.in_train:
                self._match(unit, seen.get(0, ()), self.in_train)
            mates = seen.setdefault(part, [])
            if len(mates) < LOOKED_AT:
                mates.append(unit)
            if self._compared >= MOST_COMPARED:
                self.whole = False
                return False
        return True

    def _match(self, unit: int, others: Sequence[int], found: dict[int, int]) -> None:
        for other in others:
            if (other, unit) in self._unlike:
                continue
            self._compared += 1
            if self._alike(unit, other):
                found[unit] = other
                return
            self._unlike.add((other, unit))

    def _alike(self, unit: int, other: int) -> bool:
        mine, theirs = self._shingles(unit), self._shingles(other)
        fewer, more = sorted((len(mine), len(theirs)))
        if fewer < THRESHOLD * more:
            return False
        both = len(np.intersect1d(mine, theirs, assume_unique=True))
        return both >= THRESHOLD * (fewer + more - both)

    def _shingles_of(self, unit: int) -> Shingles:
        return np.unique(_shingled([self._units.text(unit)])[0])


def _units(parts: Sequence[Part], share: float) -> _Units:
    """What is compared: of equal texts of a part the first, without those that are too short; of all rows the
    share that is drawn."""
    texts: list[Sequence[str]] = []
    rows: list[Ints] = []
    leaked: list[Bools] = []
    for number, part in enumerate(parts):
        kept = np.arange(len(part.texts))
        if share < 1:
            kept = np.sort(np.random.default_rng(SEED).choice(kept, int(share * len(kept)), replace=False))
        drawn = picked(part.texts, kept) if share < 1 else part.texts
        seen: set[bytes] = set()
        again = set(repeated(hashes(drawn)))
        keep = np.zeros(len(kept), np.bool_)
        for i, text in enumerate(drawn):
            if i in again:
                if (key := digest(text)) in seen:
                    continue
                seen.add(key)
            keep[i] = len(_bare(text)) >= SHORTEST
        rows.append(kept[keep])
        texts.append(mapped(picked(part.texts, rows[-1]), _bare))
        is_known = number > 0 and parts[0].side == "train"
        known = rows_of_both(part.texts, parts[0].texts) if is_known else np.zeros(len(part.texts), np.bool_)
        leaked.append(known[rows[-1]])
    counts = [len(found) for found in rows]
    none = np.zeros(0, np.int64)
    return _Units(
        texts, [0, *np.cumsum(counts).tolist()], np.repeat(np.arange(len(parts)), counts),
        np.concatenate([none, *rows]), np.concatenate([none.astype(np.bool_), *leaked]),
    )  # fmt: skip


def _bare(text: str) -> str:
    """The text without white space and case, in one Unicode form; of a long one the beginning."""
    return "".join(unicodedata.normalize("NFC", text[:LONG]).casefold().split())


def _bands(texts: Iterable[str]) -> NDArray[np.uint64]:
    """A number for each band of each text [U, BANDS]: equal where the band is."""
    from rensa import RMinHash

    parts = [np.zeros((0, BANDS), np.uint64)]
    for chunk in _chunks(texts):
        flat, offsets = _shingled(chunk)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, BANDS * BAND, SEED)
        digests = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(chunk), BANDS, BAND)
        mixed = np.zeros((len(chunk), BANDS), np.uint64)
        for value in range(BAND):
            mixed = _mixed(mixed * _MULTIPLIER + digests[:, :, value])
        parts.append(mixed)
    return np.concatenate(parts)


def _buckets(bands: NDArray[np.uint64]) -> Iterator[list[int]]:
    """Texts that agree in a band, in their order, two or more."""
    for band in range(bands.shape[1]):
        column = bands[:, band]
        order = np.argsort(column, kind="stable")
        ends = np.flatnonzero(np.diff(column[order])) + 1
        starts, ends = np.r_[0, ends], np.r_[ends, len(order)]
        for start, end in zip(starts[ends - starts > 1].tolist(), ends[ends - starts > 1].tolist(), strict=True):
            yield order[start:end].tolist()


def _shingled(texts: Sequence[str]) -> tuple[Shingles, NDArray[np.uint64]]:
    """Hashes of the shingles of bare texts end to end, each as often as it stands, and where each begins [U + 1]."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    ends = np.cumsum(lengths)
    count = max(0, len(codes) - SHINGLE + 1)
    flat = np.zeros(count, np.uint64)
    for letter in range(SHINGLE):
        flat = flat * _MULTIPLIER + codes[letter : letter + count]
    keep = np.ones(count, np.bool_)
    for before in range(1, SHINGLE):  # those that begin in one text and end in the next
        crossing = ends - before
        keep[crossing[(crossing >= 0) & (crossing < count)]] = False
    offsets = np.zeros(len(texts) + 1, np.uint64)
    np.cumsum(np.maximum(0, lengths - SHINGLE + 1), out=offsets[1:], dtype=np.uint64)
    return _mixed(flat[keep]), offsets


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number with its high bits worked into its low ones, after the finaliser of splitmix64."""
    values = (values ^ (values >> np.uint64(30))) * _MIXER
    return values ^ (values >> np.uint64(31))


def _chunks(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    waiting: list[str] = []
    characters = 0
    for text in texts:
        waiting.append(text)
        characters += len(text)
        if characters >= CHUNK:
            yield waiting
            waiting, characters = [], 0
    if waiting:
        yield waiting
