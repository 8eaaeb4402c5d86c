"""Which rows share a step, and batches without padding.

The order is a pure function of (seed, epoch), where classes are balanced of the labels too: nothing
has to be replayed to know it. Within a batch the sequences stand in order of length, which the
attention needs and the loss does not see. A row of several sequences stays in one batch with all of them.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from whet.records import Batch, Bools, Encoded, Floats, Ints, Targets

LEAST_GRAIN, GRAINS = 8, 32  # tokens that batches are filled up to a multiple of: of these, or this part of their size
_WALK = 2**32  # beyond every epoch, so that no epoch has the same random numbers


@lru_cache(maxsize=2)
def order(rows: int, *, seed: int, epoch: int) -> Ints:
    """The permutation of `rows` rows in one epoch, read-only."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    permutation = generator.permutation(rows).astype(np.int64)
    permutation.setflags(write=False)
    return permutation


class Order(Protocol):
    """Which rows an epoch has, and in which order."""

    def order(self, epoch: int) -> Ints:
        """As many as there are rows [B]."""


class Balance:
    """Orders in which each class is drawn as often as any other, whatever its size [B labels]."""

    def __init__(self, labels: Ints, *, seed: int) -> None:
        self._seed = seed
        self._rows = len(labels)
        walks = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _WALK])))
        self._walks = [walks.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
        self._known: tuple[int, Ints] | None = None

    def order(self, epoch: int) -> Ints:
        """As many rows as there are, in one epoch [B], read-only. Of so many in a row as there are classes each is
        of another one. The rows of a class are gone through in a circle, on and on from epoch to epoch, so
        that none of them is drawn twice more than another."""
        if self._known is None or self._known[0] != epoch:
            self._known = epoch, self._drawn(epoch)
        return self._known[1]

    def _drawn(self, epoch: int) -> Ints:
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._seed, epoch])))
        count = len(self._walks)
        first = epoch * self._rows  # of all draws of the training
        places = np.arange(self._rows)
        classes = ((first + places) % count)[np.argsort(places // count + generator.random(self._rows), kind="stable")]
        drawn = np.empty(self._rows, np.int64)
        for index, walk in enumerate(self._walks):
            before = (first - index + count - 1) // count  # draws of this class
            chosen = classes == index
            drawn[chosen] = generator.permutation(walk[(before + np.arange(int(chosen.sum()))) % len(walk)])
        drawn.setflags(write=False)
        return drawn


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Steps in an epoch; the last may be smaller."""
    return -(-rows // batch_size)


def training_batch(
    encoded: Encoded, labels: Targets, *, batch_size: int, seed: int, step: int, drawn: Order | None = None
) -> Batch:
    """The batch of the 0-based `step`, counted over all epochs; `drawn` where the order is another than `order`."""
    epoch, index = divmod(step, steps_per_epoch(len(encoded), batch_size))
    whole = order(len(encoded), seed=seed, epoch=epoch) if drawn is None else drawn.order(epoch)
    return gather(encoded, whole[index * batch_size : (index + 1) * batch_size], labels)


def deal(sizes: Sequence[int], count: int) -> list[list[int]]:
    """Which of the things of these sizes each of `count` takes: the largest first, to whoever has least."""
    filled = [(0, taker) for taker in range(count)]  # a heap
    dealt: list[list[int]] = [[] for _ in range(count)]
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        size, taker = filled[0]
        heapq.heapreplace(filled, (size + sizes[index], taker))
        dealt[taker].append(index)
    return dealt


def filled(batch: Batch) -> Batch:
    """The same sequences and, after them, further ones of no row that bring the tokens to a multiple of LEAST_GRAIN, or
    of a GRAINS-th of the power of two below them: few different numbers, for what is made ready for each."""
    count = len(batch.ids)
    grain = max(LEAST_GRAIN, 2 ** (count.bit_length() - 1) // GRAINS)
    lacking = -count % grain
    if not lacking:
        return batch
    longest = int(np.diff(batch.cu_seqlens).max())  # no further one is longer, for a model may bear no longer ones
    lengths = np.diff(np.append(np.arange(0, lacking, longest), lacking))
    seconds = batch.seconds
    return dataclasses.replace(
        batch,
        ids=np.concatenate([batch.ids, np.resize(batch.ids, lacking)]),
        cu_seqlens=np.concatenate([batch.cu_seqlens, count + np.cumsum(lengths)]),
        seconds=None if seconds is None else np.concatenate([seconds, lengths]),
    )


def share(batch: Batch, index: int, count: int) -> Batch:
    """What one of `count` processes or threads takes of a batch: rows dealt out by their tokens. With
    fewer rows than takers some shares are empty."""
    mine = deal(tokens_of(encoded_of(batch)).tolist(), count)[index]
    return select(batch, np.sort(np.asarray(mine, dtype=np.int64)))


def select(batch: Batch, places: Ints) -> Batch:
    """The rows at some places of a batch, shortest first."""
    chosen = gather(encoded_of(batch), places, batch.labels)
    return dataclasses.replace(chosen, rows=batch.rows[chosen.rows])


def encoded_of(batch: Batch) -> Encoded:
    """The rows of a batch as texts of their own, in their order."""
    none_cut = np.zeros(len(batch.rows), np.bool_)
    if batch.owners is None:
        return Encoded(
            batch.ids, batch.cu_seqlens, none_cut, batch.seconds, weights=batch.weights, hidden=batch.hidden
        )  # fmt: skip
    sequences = np.argsort(batch.owners, kind="stable")
    lengths = np.diff(batch.cu_seqlens)[sequences]
    ids = batch.ids[_ranges(batch.cu_seqlens[sequences], lengths)]
    documents = _starts(np.bincount(batch.owners, minlength=len(batch.rows)))
    return Encoded(ids, _starts(lengths), none_cut, _at(batch.seconds, sequences), documents, batch.weights)


def sequences_of(encoded: Encoded) -> Encoded:
    """Each sequence as a text of its own."""
    if encoded.documents is None:
        return encoded
    none_cut = np.zeros(len(encoded.offsets) - 1, np.bool_)
    return Encoded(encoded.ids, encoded.offsets, none_cut, encoded.seconds)


def tokens_of(encoded: Encoded) -> Ints:
    """Tokens of each text [B], with the special ones of each of its sequences."""
    return np.diff(encoded.offsets if encoded.documents is None else encoded.offsets[encoded.documents])


def counts_of(encoded: Encoded) -> Ints:
    """How many sequences each text has [B]."""
    return np.ones(len(encoded), np.int64) if encoded.documents is None else np.diff(encoded.documents)


def means_of(encoded: Encoded, values: Floats) -> Floats:
    """Of values of each sequence [N, C] the mean over those of each text [B, C]."""
    if encoded.documents is None:
        return values
    means: Floats = np.add.reduceat(values, encoded.documents[:-1]) / counts_of(encoded)[:, None]
    return means


def subset(encoded: Encoded, taken: Bools) -> Encoded:
    """The texts that are taken [B], in their order."""
    rows = np.flatnonzero(taken)
    sequences, documents = rows, None
    if encoded.documents is not None:
        counts = counts_of(encoded)[rows]
        sequences, documents = _ranges(encoded.documents[rows], counts), _starts(counts)
    parts = [encoded.ids[encoded.offsets[place] : encoded.offsets[place + 1]] for place in sequences]
    ids = np.concatenate(parts) if parts else encoded.ids[:0]
    offsets = _starts(np.diff(encoded.offsets)[sequences])
    weights = _at(encoded.weights, rows)
    return Encoded(ids, offsets, encoded.truncated[rows], _at(encoded.seconds, sequences), documents, weights)


def cut(batch: Batch, tokens: int | None) -> list[Batch]:
    """The rows of a batch in their order, in parts of at most `tokens` tokens (at least one row
    each); the batch itself where it fits or there is no limit."""
    if tokens is None or len(batch.ids) <= tokens:
        return [batch]
    parts: list[Batch] = []
    first, starts = 0, _starts(tokens_of(encoded_of(batch)))
    while first < len(batch.rows):
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + tokens, side="right")) - 1)
        parts.append(_between(batch, first, last))
        first = last
    return parts


def _between(batch: Batch, first: int, last: int) -> Batch:
    """The rows of a batch from one place to before another."""
    if batch.owners is not None:
        return select(batch, np.arange(first, last))
    starts, part = batch.cu_seqlens, slice(first, last)
    inside, tokens = starts[first : last + 1] - starts[first], slice(starts[first], starts[last])
    labels, seconds, weights = (_at(each, part) for each in (batch.labels, batch.seconds, batch.weights))
    hidden = _at(batch.hidden, tokens)
    return Batch(batch.ids[tokens], inside, batch.rows[part], labels, seconds, weights=weights, hidden=hidden)


def evaluation_batches(encoded: Encoded, *, tokens: int, at_once: int = 1) -> Iterator[Batch]:
    """All rows, sorted by length, in packs of like size and at most `tokens` tokens (at least one row
    each). They come in full rounds of `at_once`, so that nobody waits while another has the last one.

    `Batch.rows` tells where each result belongs.
    """
    if not len(encoded):
        return
    lengths = tokens_of(encoded)
    rows = np.argsort(lengths, kind="stable")
    ends = np.cumsum(lengths[rows])
    total = max(1, int(ends[-1]))
    # A row goes to the pack in whose even part of all tokens it ends, and may begin in the part before.
    even = max(1, tokens - int(lengths.max()) + 1)
    packs = at_once * -(-total // (at_once * even))
    owner = (ends * packs - 1) // total
    for pack in np.split(rows, np.flatnonzero(np.diff(owner)) + 1):
        yield gather(encoded, pack, None)


def gather(encoded: Encoded, rows: Ints, labels: Targets | None) -> Batch:
    """The given rows, those of the fewest tokens first, with their sequences end to end, shortest first."""
    first, last = rows, rows + 1
    if encoded.documents is not None:
        first, last = encoded.documents[rows], encoded.documents[rows + 1]
    by_size = np.argsort(encoded.offsets[last] - encoded.offsets[first], kind="stable")
    rows, sequences, counts = rows[by_size].astype(np.int64), first[by_size], (last - first)[by_size]
    owners = None
    if (counts > 1).any():
        sequences, owners = _ranges(sequences, counts), np.repeat(np.arange(len(rows)), counts)
        by_length = np.argsort(encoded.offsets[sequences + 1] - encoded.offsets[sequences], kind="stable")
        sequences, owners = sequences[by_length], owners[by_length]
    cu_seqlens = _starts(encoded.offsets[sequences + 1] - encoded.offsets[sequences])
    spans = [slice(encoded.offsets[place], encoded.offsets[place + 1]) for place in sequences]
    seconds, weights = _at(encoded.seconds, sequences), _at(encoded.weights, rows)
    hidden = None if encoded.hidden is None else _laid(encoded.hidden, spans)
    return Batch(
        _laid(encoded.ids, spans), cu_seqlens, rows, _at(labels, rows), seconds, owners, weights, hidden
    )  # fmt: skip


def _laid(values: Any, spans: Sequence[slice]) -> Ints:
    """Some spans of values of tokens, end to end."""
    return np.concatenate([values[span] for span in spans]).astype(np.int64) if spans else np.zeros(0, np.int64)


def _starts(sizes: Ints) -> Ints:
    """Where each of things laid end to end begins, and the end."""
    starts = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


def _ranges(first: Ints, counts: Ints) -> Ints:
    """The numbers from each `first` on, so many each, end to end."""
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within


def _at(values: Any, rows: Ints | slice) -> Any:
    """Those of some rows, where there are any."""
    return None if values is None else values[rows]
