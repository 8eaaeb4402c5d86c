"""What a training asks for the gradient of a step, and which of the ways to it fits a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from whet.model.classifier import Classifier
from whet.model.loss import PLAIN, Loss, Own
from whet.records import Batch, Encoded
from whet.training import graphs
from whet.training.gradient import OnDevice, OnThreads
from whet.training.limit import Limit
from whet.training.words import AllWords, Words


class Objective(Protocol):
    """The loss of a step, that of its rows summed and divided by their number, and its gradient."""

    parameters: Sequence[nn.Parameter]
    """What the optimiser trains."""
    limit: Limit
    """What may be computed at once."""

    def prepare(self, batch: Batch) -> None:
        """Does what is done once for batches of this size, so that it is not timed with one of them."""

    def parts(self, batch: Batch) -> list[list[Batch]]:
        """For each thread that computes beside others, the parts of a step that it takes in turn."""

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        """Leaves `scale` times the gradient in .grad of the parameters, and returns the loss. One that
        is not finite raises and warns of nothing: whoever asks looks at it. Memory that runs out
        raises what its library raises, and `drop` is to be called before another attempt."""

    def drop(self) -> None:
        """No gradient is left of an attempt that failed."""

    def settle(self) -> None:
        """After the optimiser's step: the model holds the new weights, and no gradient is left."""

    def reload(self) -> None:
        """After the model was given other weights, in place."""


def objective_of(classifier: Classifier, encoded: Encoded, loss: Loss = PLAIN) -> Objective:
    """That of one process alone, for training on `encoded`."""
    if classifier.tied:
        chosen = OnThreads if classifier.device.type == "cpu" else OnDevice
        return chosen(classifier, AllWords(classifier.model), loss)
    if classifier.device.type == "cpu":
        return OnThreads(classifier, Words(classifier.model, encoded), loss)
    if graphs.usable(classifier, encoded) and not isinstance(loss, Own):  # which may do what no graph records
        return graphs.OnCard(classifier, Words(classifier.model, encoded), encoded, loss)
    return OnDevice(classifier, Words(classifier.model, encoded), loss)
