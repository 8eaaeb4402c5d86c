"""How the gradient of a step comes about, on one device or on the threads of a processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whet.data.batches import deal, share
from whet.model import threads
from whet.model.classifier import Classifier
from whet.records import Batch, Encoded
from whet.training.words import Words


class Objective(Protocol):
    """The mean loss over the rows of a step, and its gradient."""

    parameters: Sequence[nn.Parameter]
    """What the optimiser trains."""

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        """Leaves `scale` times the gradient in .grad of the parameters, and returns the loss. One that
        is not finite raises and warns of nothing: whoever asks looks at it."""

    def settle(self) -> None:
        """After the optimiser's step: the model holds the new weights, and no gradient is left."""


def objective_of(classifier: Classifier, encoded: Encoded) -> Objective:
    """That of one process alone, for training on `encoded`."""
    if classifier.device.type == "cpu":
        return OnThreads(classifier, Words(classifier.model, encoded))
    return OnDevice(classifier, Words(classifier.model, encoded))


class OnDevice:
    """The whole batch at once."""

    def __init__(self, classifier: Classifier, words: Words) -> None:
        self._classifier = classifier
        self._words = words
        self._trained = [parameter for parameter in classifier.model.parameters() if parameter.requires_grad]
        self.parameters: Sequence[nn.Parameter] = [words.stand_in(parameter) for parameter in self._trained]

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        loss, mean = self._measure(batch)
        with np.errstate(invalid="ignore"):  # numpy takes part in the backward pass on a CPU
            (loss * scale).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._words.add([self._words.table.grad])
        self._words.table.grad = None
        return mean

    def settle(self) -> None:
        for trained, parameter in zip(self._trained, self.parameters, strict=True):
            if trained is parameter:
                parameter.grad = None
        self._words.settle()

    def _measure(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss to be differentiated in this process, and the mean over the rows of the step."""
        loss = F.cross_entropy(self._classifier.logits(batch), self._classifier.labels(batch))
        return loss, loss.detach()


class OnThreads(OnDevice):
    """Each thread takes its share of the rows, balanced by tokens, through the model and back. The
    gradients are added in the order of the shares, so that the sum has the same bits each time."""

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        count = min(threads.at_once(), len(batch.rows))
        shares = [share(batch, index, count) for index in range(count)]
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
                if total is not None and part is not None:
                    total.add_(part)
            self.parameters[index].grad = total

    def _of_share(self, index: int, rows: Batch, weight: float) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The sum of the losses of a share's rows, and `weight` times its gradient."""
        with self._classifier.stream.lane(index), np.errstate(invalid="ignore"):
            logits = self._classifier.logits(rows)
            loss = F.cross_entropy(logits, self._classifier.labels(rows), reduction="sum")
            return loss.detach(), torch.autograd.grad(loss * weight, self._trained, allow_unused=True)
