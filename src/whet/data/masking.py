"""Which tokens of a text are hidden, for a model to learn the language of texts by telling them.

As BERT was pretrained (Devlin et al. 2018, arXiv 1810.04805, section 3.1): of a sequence SHARE of the tokens, as near
as whole tokens come to it but one at least; of these 80 % are exchanged for the mask token, 10 % for a random one, and
10 % stay. Special tokens are never hidden. What is drawn is a pure function of (seed, epoch, row): nothing has to be
replayed to know it, and it does not hang on which rows share a step. The numbers are those of Philox, a generator that
counts (Salmon et al. 2011, doi 10.1145/2063384.2063405).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whet.records import Batch, Bools, Encoded, Floats, Ints

SHARE = 0.15
MASKED, EXCHANGED = 0.8, 0.1  # of the hidden tokens
FIXED = 2**32  # beyond every epoch: what is measured is measured on the same tokens each time
AT_ONCE = 2**20  # tokens that are looked at
BITS = 53  # of a number below 1 in double precision


@dataclass(frozen=True, slots=True, eq=False)
class Masking:
    """How the tokens of a vocabulary are hidden."""

    seed: int
    mask: int
    """The id of the mask token."""
    ordinary: Bools
    """[V] whether a token may be hidden, and stand in the place of a hidden one. Special tokens may not."""

    def hidden(self, batch: Batch, epoch: int) -> Batch:
        """A batch of rows of one sequence each, with tokens hidden. Its rows count so that the loss of the batch is the
        mean over its hidden tokens, as transformers has it."""
        ids, hidden = self._drawn(batch.ids, batch.cu_seqlens, batch.rows, epoch)
        count = max(1, int((hidden >= 0).sum()))
        return replace(batch, ids=ids, hidden=hidden, weights=np.full(len(batch.rows), len(batch.rows) / count))

    def hides_any(self, encoded: Encoded) -> bool:
        """Whether a token of these texts may be hidden."""
        parts = (encoded.ids[start : start + AT_ONCE] for start in range(0, len(encoded.ids), AT_ONCE))
        return any(self.ordinary[part].any() for part in parts)

    def fixed(self, encoded: Encoded) -> Encoded:
        """Texts of one sequence each with tokens hidden that are the same each time."""
        rows = np.arange(len(encoded), dtype=np.int64)
        ids, hidden = self._drawn(np.asarray(encoded.ids, np.int64), encoded.offsets, rows, FIXED)
        return replace(encoded, ids=ids, hidden=hidden)

    def _drawn(self, ids: Ints, starts: Ints, rows: Ints, epoch: int) -> tuple[Ints, Ints]:
        """Ids with some hidden, and what stood there, -1 elsewhere [T]."""
        others, may = np.flatnonzero(self.ordinary), self.ordinary[ids]
        changed, hidden = ids.copy(), np.full(len(ids), -1, np.int64)
        for row, start, stop in zip(rows.tolist(), starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            places = start + np.flatnonzero(may[start:stop])
            if not len(places):
                continue
            order, kind, other = self._numbers(epoch, row, len(places))
            chosen = np.argsort(order, kind="stable")[: max(1, round(SHARE * len(places)))]
            places, kind, other = places[chosen], kind[chosen], other[chosen]
            hidden[places] = ids[places]
            changed[places[kind < MASKED]] = self.mask
            exchanged = (kind >= MASKED) & (kind < MASKED + EXCHANGED)
            changed[places[exchanged]] = others[(other[exchanged] * len(others)).astype(np.int64)]
        return changed, hidden

    def _numbers(self, epoch: int, row: int, count: int) -> Floats:
        """Three numbers below 1 for each token that may be hidden [3, count]."""
        key, counter = np.array([self.seed, epoch], np.uint64), np.array([0, 0, 0, row], np.uint64)
        raw = np.random.Philox(key=key, counter=counter).random_raw(3 * count)
        numbers: Floats = (raw >> np.uint64(64 - BITS)).astype(np.float64) * 2.0**-BITS
        return numbers.reshape(3, count)
