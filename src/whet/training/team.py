"""What a job asks of the processes that share it, and the answers where there is only one.

Loads no torch: a job of one process pays nothing for what several need.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from whet.records import Encoded, Floats
from whet.system.runtime import Ranks

if TYPE_CHECKING:
    from whet.model.classifier import Classifier
    from whet.model.loss import Loss
    from whet.training.objective import Objective


class Alone:
    """The only process of its job. Entered once, around the whole job."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.first = ranks.rank == 0  # the one that writes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def meet(self, said: object = None) -> list[Any]:
        """Waits for every process; what each said (plain JSON), by rank. A fault of one is raised in all."""
        return [said]

    def most(self, number: int) -> int:
        """The largest of what the processes say at the same moment; cheap enough for every step."""
        return number

    def turns(self) -> AbstractContextManager[None]:
        """A block that the first process of a machine goes through before the others, who then find
        in the caches what it made."""
        return nullcontext()

    def seed(self, seed: int) -> int:
        """The seed of this process's dropout."""
        return seed

    def objective(self, classifier: Classifier, encoded: Encoded, loss: Loss) -> Objective | None:
        """What the loop measures a step by; None is its own, by the recipe's loss."""
        return None

    def all_logits(self, classifier: Classifier, encoded: Encoded) -> Floats:
        """Evaluation logits [B, C] in row order, in every process the same."""
        return classifier.all_logits(encoded)


def team_of(ranks: Ranks) -> Alone:
    """The processes that torchrun started, or this one alone."""
    if ranks.count == 1:
        return Alone(ranks)
    from whet.training.distributed import Team

    return Team(ranks)
