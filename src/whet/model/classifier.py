"""A sequence classifier that takes batches laid end to end and pads nothing it need not pad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.data.batches import evaluation_batches
from whet.model import kernels, packed, threads
from whet.model.dropout import DropoutStream, replace_dropouts
from whet.model.encoder import FAMILIES, Family, SequenceModel
from whet.model.packing import plan
from whet.records import Batch, Encoded, Floats, Ints
from whet.runtime import quiet_libraries

CHECK_TOLERANCE = 1e-4
CHECK_LENGTHS = (5, 3, 8, 5)
BEYOND_REACH = 32  # tokens that two more texts of the check have beyond a family's reach,
CHECKED_AT_MOST = 160  # within this length: loading a large model should stay quick
EVALUATION_TOKENS = {"cpu": 4_096, "gpu": 65_536}


class Classifier:
    """Logits of batches, packed where the architecture allows it.

    `packed` tells which route was taken, `packing_reason` why. `model` is the plain transformers
    model; its parameters are trained in place.
    """

    def __init__(self, model: SequenceModel, *, device: str, seed: int) -> None:
        self.model = model.to(device)
        self.device = torch.device(device)
        self.stream = DropoutStream(seed)
        self.packed = False
        self.packing_reason = self._try_packing()
        replace_dropouts(self.model, self.stream)

    def logits(self, batch: Batch) -> Tensor:
        """[N, C], in the order of the batch."""
        return self._packed(batch) if self.packed else self._padded(batch)

    def packs(self, encoded: Encoded, *, part: int = 0, parts: int = 1) -> Iterator[tuple[Ints, Floats]]:
        """Evaluation logits of all rows, pack by pack: row indices [N] and logits [N, C]. Of
        `parts` only every `parts`-th pack, from the 0-based `part` on."""
        self.model.eval()
        at_once, budget = 1, EVALUATION_TOKENS["gpu"]
        if self.device.type == "cpu":
            at_once = threads.at_once()
            budget = min(EVALUATION_TOKENS["cpu"], -(-int(encoded.offsets[-1]) // at_once))
        packs = islice(evaluation_batches(encoded, tokens=budget), part, None, parts)
        while batches := list(islice(packs, at_once)):
            found = threads.each(partial(self._answer, batches), len(batches))
            yield from zip((batch.rows for batch in batches), found, strict=True)

    def all_logits(self, encoded: Encoded, *, part: int = 0, parts: int = 1) -> Floats:
        """Evaluation logits [B, C] in row order; zeros in the rows of other parts."""
        out = np.zeros((len(encoded), self.model.config.num_labels))
        for rows, logits in self.packs(encoded, part=part, parts=parts):
            out[rows] = logits
        return out

    def _answer(self, batches: Sequence[Batch], index: int) -> Floats:
        with torch.inference_mode():
            logits: Floats = self.logits(batches[index]).double().cpu().numpy()
        return logits

    def _packed(self, batch: Batch) -> Tensor:
        family = FAMILIES[self.model.config.model_type]
        positions = self._tensor(family.positions(self.model, batch))
        most = kernels.most_weights(self.model.config.num_attention_heads) if self.device.type == "cpu" else None
        packing = plan(batch.cu_seqlens, self.stream, self.device, most=most)
        return family.head(self.model, family.encode(self.model, self._tensor(batch.ids), positions, packing))

    def _padded(self, batch: Batch) -> Tensor:
        """Groups of like length, each padded to its longest."""
        parts = []
        for group in plan(batch.cu_seqlens, self.stream, torch.device("cpu")).groups:
            span = batch.ids[group.start : group.stop]
            real = np.ones((group.count, group.length), np.int64)
            if group.mask is not None:
                real = group.mask[:, 0, 0].numpy().astype(np.int64)
            ids = np.full(real.shape, self.model.config.pad_token_id or 0, np.int64)
            ids[real.astype(bool)] = span
            parts.append(self.model(input_ids=self._tensor(ids), attention_mask=self._tensor(real)).logits)
        return torch.cat(parts)

    def _tensor(self, values: Ints) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64)).to(self.device)

    def _try_packing(self) -> str:
        """Switches packed attention on and compares it with single texts; back off where they
        differ, for an architecture may ignore a registered attention without an error."""
        kind = self.model.config.model_type
        if kind not in FAMILIES:
            return f"{kind} models have no packed attention yet"
        stock: Any = self.model.config._attn_implementation
        try:
            gap, scale = self._compare(FAMILIES[kind])
        except (AttributeError, ImportError, TypeError, NotImplementedError) as fault:
            # Another version of transformers may have moved a part or a function or taken other
            # arguments, and another device may lack an operation.
            reason = f"{kind} models cannot be packed here ({type(fault).__name__}: {fault})"
        else:
            if gap <= CHECK_TOLERANCE * max(1.0, scale):
                self.packed = True
                return f"packed and single texts agree to {gap:.0e}"
            reason = f"packed and single texts differ by {gap:.2g}"
        self._use_attention(stock)
        return reason

    def _use_attention(self, name: str) -> None:
        with quiet_libraries():
            self.model.set_attn_implementation(name)
        # Up to 5.3 the call refuses ModernBERT, whose layers look into the configuration all the same.
        self.model.config._attn_implementation = name

    def _compare(self, family: Family) -> tuple[float, float]:
        """The largest difference between packed and single texts, and the largest logit."""
        batch = _check_batch(self.model.config, family)
        spans = zip(batch.cu_seqlens[:-1], batch.cu_seqlens[1:], strict=True)
        self.model.eval()
        with torch.inference_mode():
            alone = torch.cat([self.model(input_ids=self._tensor(batch.ids[a:b])[None]).logits for a, b in spans])
            if family.registered:
                packed.register()
                self._use_attention(packed.NAME)
            together = self._packed(batch)
        return float((together - alone).abs().max()), float(alone.abs().max())


def _check_batch(config: Any, family: Family) -> Batch:
    lengths = list(CHECK_LENGTHS)
    if family.reach is not None:
        longest = min(family.reach(config) + BEYOND_REACH, CHECKED_AT_MOST, config.max_position_embeddings)
        lengths += [longest - 1, longest]  # one group, of which one text is padded
    generator = np.random.Generator(np.random.PCG64(0))
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    # The upper half of the vocabulary holds no special tokens in the models at hand.
    ids = generator.integers(config.vocab_size // 2, config.vocab_size, int(cu_seqlens[-1])).astype(np.int64)
    return Batch(ids, cu_seqlens, np.arange(len(lengths), dtype=np.int64), None)
