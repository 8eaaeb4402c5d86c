"""Losses that a script brings with it, as functions of a whole batch: transformers' `compute_loss_func`, and a
`compute_loss` that a subclass of the Trainer has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from whet.model.loss import Loss

OfBatch = Callable[[Tensor, Tensor], Tensor]
"""Logits [N, C] and labels to the loss of the batch, by rows or in another mean of its own."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A loss of a batch as a Loss: what it says is taken for the mean over the rows. A mean that is weighted otherwise
    does not add up over parts of a batch, so a step is to be computed at once."""

    function: OfBatch

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.function(logits, targets).expand(len(logits))

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.function(logits, targets) * len(logits)

    def guess(self, targets: Tensor) -> float:
        raise NotImplementedError("nothing is known of a loss that a script brings")


class Asked:
    """Stands for the model in a `compute_loss`: it answers with the logits that are there already."""

    def __init__(self, model: Any, logits: Tensor, loss: Loss, labels: Tensor) -> None:
        self._model, self._logits, self._loss, self._labels = model, logits, loss, labels

    def __call__(self, **inputs: Any) -> Any:
        """What the model's forward returns; the loss where it is given labels."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        loss = self._loss.total(self._logits, self._labels) / len(self._logits) if "labels" in inputs else None
        return SequenceClassifierOutput(loss=loss, logits=self._logits)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
