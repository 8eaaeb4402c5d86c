"""The gradient of a step as a recorded CUDA graph, which is replayed for every batch of like size.

A fast card is done with the kernels of a small batch sooner than Python has launched them one after
the other. A graph is launched whole. It reads its batch from tensors that stay where they are, so a
batch is filled up to a size that many have: with one more sequence, which no loss counts.

Sizes: T tokens of all sequences, N rows of the step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.model.classifier import Classifier
from whet.model.copies import packed, unpacked
from whet.model.encoder import FAMILIES
from whet.model.exhausted import save_memory
from whet.model.loss import PLAIN, Loss
from whet.model.packing import Packing, plan
from whet.model.precision import lowered
from whet.records import Batch, Encoded
from whet.training.gradient import OnDevice
from whet.training.words import Words

STEP = 256  # tokens between the sizes that have a graph
SEEN = 2  # batches of a size before one is recorded, which takes as long as some steps


def usable(classifier: Classifier, encoded: Encoded) -> bool:
    """Whether steps of this classifier on these rows can be recorded: nothing in them waits for the card, no factor
    of the loss changes from step to step, and each row counts alike and is one sequence of one text with one label."""
    family = FAMILIES.get(classifier.model.config.model_type)
    return (
        classifier.device.type == "cuda"
        and encoded.documents is None
        and encoded.seconds is None
        and encoded.weights is None
        and classifier.precision == "bf16"
        and classifier.kind == "one"
        and classifier.flash.usable
        and family is not None
        and not family.registered
    )


class OnCard(OnDevice):
    """Replays a graph where the batch has one, and computes it kernel by kernel where it has none.

    Gradients stay where they are from step to step, for a graph adds to them there.
    """

    def __init__(self, classifier: Classifier, words: Words, encoded: Encoded, loss: Loss = PLAIN) -> None:
        super().__init__(classifier, words, loss)
        self._longest = max(STEP, int(np.diff(encoded.offsets).max()))
        self._seen: dict[tuple[int, int], int] = {}
        self._graphs: dict[tuple[int, int], Recorded] = {}
        self._pool: Any = None  # a handle of torch, which names no type for it
        self.refused = ""
        """Why there are no graphs any more; empty while there may be."""

    @property
    def recorded(self) -> int:
        """How many sizes have a graph."""
        return len(self._graphs)

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        recorded = self._recorded(batch) if scale == 1.0 else None
        if recorded is None:
            return super().gradient(batch, scale)
        mean = recorded.replay(self.filled(batch, recorded.tokens))
        self._table_to_rows()
        return mean

    def drop(self) -> None:
        self._zero()
        self._words.drop()

    def settle(self) -> None:
        self._zero()
        self._words.settle()

    def _table_to_rows(self) -> None:
        table = self._words.table
        self._words.add([table.grad])
        if table.grad is not None:
            table.grad.zero_()

    def _zero(self) -> None:
        gradients = [parameter.grad for parameter in self._trained if parameter.grad is not None]
        if gradients:
            torch._foreach_zero_(gradients)

    def prepare(self, batch: Batch) -> None:
        if not self.refused and batch.seconds is None and size_of(batch) not in self._graphs:
            self._record(batch)

    def _recorded(self, batch: Batch) -> Recorded | None:
        """The graph of batches of this size, made now where it is worth it."""
        if self.refused:
            return None
        if self.limit.tokens is not None or self.limit.recompute:
            self._refuse("memory is short")
            return None
        size = size_of(batch)
        self._seen[size] = self._seen.get(size, 0) + 1
        if self._seen[size] > SEEN:
            self.prepare(batch)
        return self._graphs.get(size)

    def _record(self, batch: Batch) -> None:
        size = size_of(batch)
        try:
            made = Recorded(
                self._classifier, self._loss, self.filled(batch, size[1]), self._longest, self._zero, self._pool
            )
        except RuntimeError as fault:
            self._refuse(f"{type(fault).__name__}: {str(fault).partition(chr(10))[0]}")
            save_memory(self._classifier.device)
            self.drop()
            return
        self._graphs[size], self._pool = made, made.pool

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self._graphs.clear()
        self._pool = None

    def filled(self, batch: Batch, tokens: int) -> Batch:
        """The batch with a last sequence up to so many tokens, of which there are fewer."""
        missing = tokens - len(batch.ids)
        ids = np.concatenate([batch.ids, np.full(missing, batch.ids[0])])
        return dataclasses.replace(batch, ids=ids, cu_seqlens=np.append(batch.cu_seqlens, tokens))


def size_of(batch: Batch) -> tuple[int, int]:
    """Rows of a batch, and the tokens that it is filled up to: one more than it has, or some more."""
    return len(batch.rows), (len(batch.ids) // STEP + 1) * STEP


class Recorded:
    """One graph: forward and backward pass of batches of so many rows and tokens."""

    def __init__(
        self, classifier: Classifier, loss: Loss, batch: Batch, longest: int, zero: Callable[[], None], pool: Any
    ) -> None:
        self.tokens = len(batch.ids)
        self._classifier, self._loss, self._longest = classifier, loss, longest
        host = self._read(batch)
        self._like = host
        self._flat = packed(host).to(classifier.device)
        self._graph = torch.cuda.CUDAGraph()
        random = torch.cuda.get_rng_state(classifier.device)
        try:
            self._mean = self._captured(pool)
        finally:
            torch.cuda.set_rng_state(random, classifier.device)
        zero()

    def _captured(self, pool: Any) -> Tensor:
        """Fills the graph; returns the loss that it leaves with every replay."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._pass()  # kernels are loaded and chosen outside of the graph; the gradients come into being
        torch.cuda.current_stream().wait_stream(aside)
        # Another thread may be writing a checkpoint meanwhile.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            return self._pass()

    @property
    def pool(self) -> Any:
        """The memory that further graphs may use too, for no two run at a time."""
        return self._graph.pool()

    def replay(self, batch: Batch) -> Tensor:
        """Adds the gradient of the mean loss over the rows but the last sequence, and returns that loss."""
        self._flat.copy_(packed(self._read(batch), pin=True), non_blocking=True)
        self._graph.replay()
        return self._mean.clone()

    def _read(self, batch: Batch) -> list[Tensor]:
        """What the pass reads, on the host."""
        model, stream = self._classifier.model, self._classifier.stream
        positions = FAMILIES[model.config.model_type].positions(model, batch)
        positions[batch.cu_seqlens[-2] :] = positions[0]  # there may be fewer than the filling has tokens
        laid = plan(batch.cu_seqlens, stream, torch.device("cpu"), flash=True)
        assert laid.starts is not None
        assert batch.labels is not None
        labels = batch.labels.astype(np.float32) if batch.labels.ndim == 2 else batch.labels
        arrays = [torch.from_numpy(np.ascontiguousarray(x)) for x in (batch.ids, positions, labels)]
        return [*arrays, laid.first, laid.sequence, laid.position, laid.lengths, laid.starts]

    def _pass(self) -> Tensor:
        classifier = self._classifier
        family = FAMILIES[classifier.model.config.model_type]
        ids, positions, labels, first, sequence, position, lengths, starts = unpacked(self._flat, self._like)
        packing = Packing((), None, first, sequence, position, lengths, self._longest, classifier.stream, starts)
        with lowered(classifier.precision, classifier.device):
            states = family.encode(classifier.model, ids, positions, packing)
            logits = family.head(classifier.model, states)
        loss = self._loss.total(logits[:-1].float(), labels) / len(labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss.detach()
