"""How the gradient of a step comes about, on one device or on the threads of a processor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from whet.data.batches import cut, deal, share
from whet.model import threads
from whet.model.classifier import Classifier
from whet.model.loss import PLAIN, Loss, weighted
from whet.records import Batch
from whet.training.limit import Limit
from whet.training.words import Words


class OnDevice:
    """The whole batch at once, or in as many parts as the limit asks for."""

    def __init__(self, classifier: Classifier, words: Words, loss: Loss = PLAIN) -> None:
        self._classifier, self._loss = classifier, loss
        self._words = words
        self._trained = [parameter for parameter in classifier.model.parameters() if parameter.requires_grad]
        self.parameters: Sequence[nn.Parameter] = [words.stand_in(parameter) for parameter in self._trained]
        self.limit = Limit()

    def prepare(self, batch: Batch) -> None:
        """Nothing is."""

    def parts(self, batch: Batch) -> list[list[Batch]]:
        return [cut(batch, self.limit.tokens)]

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        (parts,) = self.parts(batch)
        means = [self._of_part(part, len(part.rows) / len(batch.rows), scale) for part in parts]
        self._table_to_rows()
        return torch.stack(means).sum()

    def drop(self) -> None:
        for trained, parameter in zip(self._trained, self.parameters, strict=True):
            trained.grad = None
            if trained is not parameter:
                self._words.drop()

    def settle(self) -> None:
        for trained, parameter in zip(self._trained, self.parameters, strict=True):
            if trained is parameter:
                parameter.grad = None
        self._words.settle()

    def reload(self) -> None:
        self._words.reload()

    def _table_to_rows(self) -> None:
        self._words.take()

    def _of_part(self, rows: Batch, weight: float, scale: float) -> Tensor:
        """Adds the gradient of `weight` times the mean loss of these rows, and returns that."""
        loss = self._total(rows, self._classifier.logits(rows)) / len(rows.rows) * weight
        self._backward(loss * scale)
        return loss.detach()

    def _total(self, rows: Batch, logits: Tensor) -> Tensor:
        """The sum of the losses of some rows."""
        return weighted(self._loss, logits, self._classifier.labels(rows), self._classifier.weights(rows))

    def _backward(self, loss: Tensor) -> None:
        with np.errstate(invalid="ignore"):  # numpy takes part in the backward pass on a CPU
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


class OnThreads(OnDevice):
    """Each thread takes its share of the rows, balanced by tokens, through the model and back, where it is packed. The
    gradients are added in the order of the shares, so that the sum has the same bits each time."""

    def parts(self, batch: Batch) -> list[list[Batch]]:
        # As the last resort one share alone has a gradient. And the library, which computes padded batches, drops
        # weights of attention by torch's random numbers, which all threads would share.
        alone = self.limit.recompute or not self._classifier.packed
        count = 1 if alone else min(threads.at_once(), len(batch.rows))
        return [cut(share(batch, index, count), self.limit.tokens) for index in range(count)]

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        shares = self.parts(batch)
        count = len(shares)
        found = threads.each(lambda index: self._of_share(index, shares[index], scale / len(batch.rows)), count)
        losses, gradients = zip(*found, strict=True)
        dealt = deal([parameter.numel() for parameter in self.parameters], count)
        threads.each(lambda index: self._add(gradients, dealt[index]), count)
        return torch.stack(losses).sum() / len(batch.rows)

    def _add(self, gradients: Sequence[Sequence[Tensor | None]], chosen: Sequence[int]) -> None:
        """Adds up what the shares found for some parameters."""
        for index in chosen:
            parts = [found[index] for found in gradients]
            if self._trained[index] is not self.parameters[index]:
                self._words.add(parts)
                continue
            total = next((part for part in parts if part is not None), None)
            for part in parts[1:]:
                if total is not None and part is not None and part is not total:
                    total.add_(part)
            self.parameters[index].grad = total

    def _of_share(self, index: int, parts: Sequence[Batch], weight: float) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The sum of the losses of a share's rows, and `weight` times its gradient."""
        with self._classifier.stream.lane(index), np.errstate(invalid="ignore"):
            total, gradient = self._of_rows(parts[0], weight)
            for rows in parts[1:]:
                loss, more = self._of_rows(rows, weight)
                total += loss
                gradient = tuple(map(_sum, gradient, more))
                del more  # or there would be three gradients while the next one comes
        return total, gradient

    def _of_rows(self, rows: Batch, weight: float) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        loss = self._total(rows, self._classifier.logits(rows))
        return loss.detach(), torch.autograd.grad(loss * weight, self._trained, allow_unused=True)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """a + b, in the memory of a."""
    if a is None or b is None:
        return b if a is None else a
    return a + b if a.is_sparse else a.add_(b)
