"""What a tokenizer leaves of the texts: how much is cut, and how much it does not know.

Tokens are those of the texts themselves, without special tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from whet import intervals
from whet.data.doctor.part import LONG, Part
from whet.data.store import picked
from whet.data.tokens import Cutter, chunks
from whet.records import Encoded, Finding, Ints
from whet.sentences.bilingual import said

CODES = ("truncated", "unknown_tokens")

SAMPLE = 2_000
"""Rows that tell of all, as far as their interval goes."""

CUT_SAMPLE = 500
AT_ONCE = 2**22  # ids that are looked at at a time
MUCH_CUT = 0.1
"""Share of the tokens whose loss is a warning."""

MUCH_UNKNOWN = 0.01


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of the rows that were looked at."""

    rows: Ints  # [N] which rows of the part
    tokens: Ints  # [N] uncut
    unknown: Ints  # [N] of these


@dataclass(frozen=True, slots=True)
class Shares:
    """How many rows there are, and of all rows and of all tokens the share. Intervals where they were
    told by some of them."""

    count: int
    rows: float
    tokens: float
    looked_at: int | None = None
    of_rows: tuple[float, float] | None = None
    of_tokens: tuple[float, float] | None = None


def counted(part: Part, cutter: Cutter, *, seed: int, whole: bool = False) -> Counts:
    """Tokens of SAMPLE rows, drawn by `seed`; of every row where there are no more, or if `whole`. Unless that, a text
    of more than LONG characters has as many as its beginning lets expect."""
    total = len(part.texts)
    rows = np.arange(total)
    if total > SAMPLE and not whole:
        rows = np.sort(np.random.default_rng(seed).choice(total, SAMPLE, replace=False))
    strange = unknown_id(cutter)
    lengths: list[int] = []
    unknown: list[int] = []
    for coded, times in _coded(picked(part.texts, rows), cutter, whole=whole):
        lengths.append(round(times * len(coded)))
        unknown.append(0 if strange is None else round(times * coded.ids.count(strange)))
    return Counts(rows, np.array(lengths, dtype=np.int64), np.array(unknown, dtype=np.int64))


def unknown_id(cutter: Cutter) -> int | None:
    """The id of what stands for letters that the tokenizer lacks; None where it lacks none, as with bytes."""
    name = getattr(cutter.tokenizer.model, "unk_token", None)
    return None if name is None else cutter.tokenizer.token_to_id(name)


def findings(part: Part, counts: Counts, cutter: Cutter) -> Iterator[Finding]:
    """What is cut and what is unknown, as shares of rows and of tokens, with intervals where rows were drawn."""
    looked, total = len(counts.rows), len(part.texts)
    of_all = int(counts.tokens.sum())
    for code, lost in (
        ("truncated", np.maximum(counts.tokens - cutter.seen_length, 0)),
        ("unknown_tokens", counts.unknown),
    ):
        hit = lost > 0
        if not hit.any():
            continue
        rows, tokens = float(hit.mean()), float(lost.sum() / of_all)
        shares = Shares(round(rows * total), rows, tokens)
        if looked < total:
            shares = Shares(
                shares.count, rows, tokens, looked, intervals.of_share(rows, looked),
                intervals.of_ratio(lost, counts.tokens),
            )  # fmt: skip
        yield _finding(part, code, shares, counts.rows[hit].tolist(), cutter)


def findings_of_encoded(part: Part, encoded: Encoded, cutter: Cutter, *, seed: int) -> Iterator[Finding]:
    """The same of a side whose every row was encoded: rows and unknown tokens exactly. How many tokens were
    cut tell CUT_SAMPLE of the rows that were."""
    rows = len(encoded)
    kept = int(encoded.offsets[-1]) - (len(encoded.offsets) - 1) * (cutter.max_length - cutter.body_length)
    cut = np.flatnonzero(encoded.truncated)
    if len(cut):
        drawn = cut
        if len(cut) > CUT_SAMPLE:
            drawn = np.sort(np.random.default_rng(seed).choice(cut, CUT_SAMPLE, replace=False))
        lost = _lengths(picked(part.texts, drawn), cutter) - cutter.seen_length
        mean, reach = float(lost.mean()), 0.0
        if len(drawn) < len(cut):
            reach = intervals.NORMAL * float(lost.std(ddof=1)) / len(drawn) ** 0.5
        share, low, high = (len(cut) * each / (kept + len(cut) * each) for each in (mean, mean - reach, mean + reach))
        between = (low, high) if reach else None
        yield _finding(
            part, "truncated", Shares(len(cut), len(cut) / rows, share, of_tokens=between), cut.tolist(), cutter
        )
    strange = unknown_id(cutter)
    where = np.zeros(0, np.int64) if strange is None else _positions(encoded.ids, strange)
    if len(where):
        starts = encoded.offsets if encoded.documents is None else encoded.offsets[encoded.documents]
        hit = np.unique(np.searchsorted(starts, where, side="right") - 1)
        shares = Shares(len(hit), len(hit) / rows, len(where) / kept)
        yield _finding(part, "unknown_tokens", shares, hit.tolist(), cutter)


def _positions(ids: NDArray[np.generic], sought: int) -> Ints:
    """Where an id stands. A map is read as the file that it is: its pages would count as memory of this process."""
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        if isinstance(ids, np.memmap):
            part = np.fromfile(str(ids.filename), ids.dtype, len(part), offset=start * ids.itemsize)
        found.append(np.flatnonzero(part == sought) + start)
    return np.concatenate(found)


def _lengths(texts: Sequence[str], cutter: Cutter) -> Ints:
    return np.array([round(times * len(coded)) for coded, times in _coded(texts, cutter)], dtype=np.int64)


def _coded(texts: Sequence[str], cutter: Cutter, *, whole: bool = False) -> Iterator[tuple[Encoding, float]]:
    """What the tokenizer makes of each text, or of the beginning of a long one, and how many times that the text is."""
    for chunk in chunks(texts):
        heads = chunk if whole else [text[:LONG] for text in chunk]
        times = [len(text) / max(1, len(head)) for text, head in zip(chunk, heads, strict=True)]
        yield from zip(cutter.whole(heads), times, strict=True)


def _finding(part: Part, code: str, shares: Shares, rows: Sequence[int], cutter: Cutter) -> Finding:
    figures: dict[str, object] = {"rows": shares.rows, "tokens": shares.tokens}
    named = {"rows_interval": shares.of_rows, "tokens_interval": shares.of_tokens, "sample": shares.looked_at}
    facts = {**figures, **named, "count": shares.count, "limit": cutter.max_length, "chunks": cutter.most_chunks}
    in_chunks = " in chunks" if code == "truncated" and cutter.truncation == "chunks" else ""
    drawn = ", drawn" if shares.looked_at is not None else ""
    if code == "unknown_tokens":
        todo = "see which letters"
    else:
        todo = "longer" if in_chunks else "longer or the end or all" if cutter.middle is None else "longer or the end"
    much = shares.tokens >= (MUCH_CUT if code == "truncated" else MUCH_UNKNOWN)
    figures |= {name: value for name, value in named.items() if value is not None}
    saw = said(facts, f"{code}{in_chunks}{drawn}")
    return part.finding(code, "warning" if much else "info", shares.count, saw, said(facts, todo), rows, figures)
