"""An encoder that tells hidden tokens. In a training it takes the place of a classifier whose classes are the words.

The loss of a step is that of transformers' models for masked-language modelling: the mean over its hidden tokens. Only
these are projected onto the vocabulary, and no more at once than MOST_LOGITS allows: what is beyond is projected again
in the backward pass.

Sizes: M hidden tokens, V ids of the vocabulary, D hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whet.data.masking import SHARE
from whet.model.classifier import Classifier
from whet.model.dropout import DropoutStream
from whet.model.encoder import load_masked
from whet.model.files import ModelFiles
from whet.model.precision import lowered
from whet.model.recompute import recomputed
from whet.records import Batch, Bools, Encoded, Floats, Ints
from whet.sentences.bilingual import said
from whet.settings.config import Precision
from whet.system import runtime

MOST_LOGITS = {"cpu": 2**24, "gpu": 2**26}  # at once: on a CPU 64 MB, and as much for what the loss makes of them

KINDS, FLOAT = 3, 4  # bytes


class MaskedModel(Classifier):
    """What a training knows as a classifier: its outputs are what `loss` reads, and its labels the hidden tokens.

    `model` is the plain transformers model for masked-language modelling."""

    tied = True

    @property
    def output_bytes(self) -> float:  # type: ignore[override]
        """Logits, what the loss makes of them and their gradient, of hidden tokens, or where sequences are padded of
        all."""
        share = SHARE if self.packed else 1.0
        return share * KINDS * FLOAT * float(self.model.config.vocab_size)

    def __init__(self, model: nn.Module, *, device: str, seed: int, precision: Precision = "fp32") -> None:
        self._decoder: nn.Module = model.get_output_embeddings()  # type: ignore[operator]  # of transformers
        super().__init__(model, device=device, seed=seed, precision=precision)
        most = MOST_LOGITS["cpu" if self.device.type == "cpu" else "gpu"]
        at_once = max(1, most // self.model.config.vocab_size)
        self.loss = Telling(self._decoder if self.packed else None, self.precision, self.device, self.stream, at_once)

    def logits(self, batch: Batch, precision: Precision | None = None) -> Tensor:
        """In float32, in the order of the batch's hidden tokens: what the decoder reads [M, D]; their logits [M, V]
        where sequences are padded."""
        with lowered(precision or self.precision, self.device):
            found = self._packed(batch) if self.packed else self._padded(batch)
        return found.float()

    def labels(self, batch: Batch) -> Tensor:
        """The hidden ids [M], on the model's device."""
        return self.tensors(_hidden(batch)[_places(batch)])[0]

    def weights(self, batch: Batch) -> Tensor | None:
        """What each hidden token counts [M]: as much as its row."""
        if batch.weights is None:
            return None
        return torch.from_numpy(batch.weights[_rows(batch)].astype(np.float32)).to(self.device)

    def losses(self, encoded: Encoded) -> Floats:
        """Of each text, whose tokens are hidden as it says, the sum of their losses [B]."""
        found = np.zeros(len(encoded))
        for rows, losses in self.packs(encoded):
            found[rows] = losses
        return found

    def _answer(self, batches: Sequence[Batch], index: int) -> Floats:
        batch = batches[index]
        with torch.inference_mode():
            each = self.loss.rows(self.logits(batch), self.labels(batch)).cpu().double().numpy()
        losses: Floats = np.bincount(_rows(batch), each, minlength=len(batch.rows)).astype(np.float64)
        return losses

    def _packed(self, batch: Batch) -> Tensor:
        return self._family.words(self.model, self._states(batch, self.tensors(_places(batch))[0]))

    def _together(self, batch: Batch) -> Tensor:
        logits: Tensor = self._decoder(self._packed(batch))
        return logits

    def _alone(self, batch: Batch, start: int, stop: int) -> Tensor:
        return super()._alone(batch, start, stop)[0]

    def _read(self, logits: Tensor, batch: Batch, tokens: slice, real: Bools) -> Tensor:
        asked = np.zeros(real.shape, np.bool_)
        asked[real] = _hidden(batch)[tokens] >= 0
        return logits[torch.from_numpy(asked).to(logits.device)]


@dataclass(frozen=True, slots=True)
class Telling:
    """The cross entropy of hidden tokens [M] over the vocabulary, from what the decoder reads of them [M, D]; without a
    decoder, from their logits [M, V]."""

    decoder: nn.Module | None
    precision: Precision
    device: torch.device
    stream: DropoutStream
    at_once: int
    """Tokens that are projected at once."""

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.decoder is None:
            return F.cross_entropy(logits, targets, reduction="none")
        if len(logits) <= self.at_once:
            return self._projected(logits, targets)
        parts = zip(torch.split(logits, self.at_once), torch.split(targets, self.at_once), strict=True)
        return torch.cat([self._again(part, ids) for part, ids in parts])

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.rows(logits, targets).sum()

    def guess(self, targets: Tensor) -> float:
        """The entropy of the ids: the loss of whoever tells each as often as it stands there."""
        counts = torch.unique(targets, return_counts=True)[1].double() / len(targets)
        return float(-(counts * counts.log()).sum())

    def _again(self, states: Tensor, targets: Tensor) -> Tensor:
        """The same, computed again in the backward pass."""
        return recomputed(lambda part: self._projected(part, targets), states, self.stream, torch_draws=False)

    def _projected(self, states: Tensor, targets: Tensor) -> Tensor:
        assert self.decoder is not None
        with lowered(self.precision, self.device):
            logits: Tensor = self.decoder(states)
        return F.cross_entropy(logits.float(), targets, reduction="none")


def fresh(
    files: ModelFiles, machine: runtime.Runtime, *, seed: int
) -> tuple[MaskedModel, dict[str, Tensor], list[str]]:
    """The model of a job on its device, weights that are to be saved beside its own, and what must be said about it."""
    with runtime.loading():
        model, beside, told = load_masked(files)
    made = MaskedModel(model, device=machine.device, seed=seed, precision=machine.precision)
    if not made.packed:
        told.append(said({"reason": made.packing_reason}, "of one length" if made.even else "padded"))
    if made.flash.failed:
        told.append(said({"reason": made.flash.reason}, "in groups"))
    return made, beside, told


def _hidden(batch: Batch) -> Ints:
    """What stood in each place [T], -1 where nothing is asked; of a batch in which nothing is hidden, all of it."""
    return batch.ids if batch.hidden is None else batch.hidden


def _places(batch: Batch) -> Ints:
    """Of the hidden tokens [M]."""
    return np.flatnonzero(_hidden(batch) >= 0)


def _rows(batch: Batch) -> Ints:
    """The place in the batch's rows of each hidden token [M]."""
    return np.searchsorted(batch.cu_seqlens, _places(batch), side="right") - 1
