"""What a training is given: the job, ready, and where it is saved on its way.

Loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from whet.data.tokens import Cutter
from whet.model.classifier import Classifier
from whet.model.files import ModelFiles
from whet.model.loss import Loss
from whet.preparing.given import Given, Rivals
from whet.preparing.sides import EncodedSide
from whet.records import Side
from whet.runs.run_folder import Redone
from whet.system.runtime import Runtime
from whet.training import loop
from whet.training.checkpoints import Checkpoints, Found


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a training is saved on its way, and what there is of it."""

    checkpoints: Checkpoints
    found: Found | None
    """The newest one of a run that was stopped."""
    redone: Redone


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Given):
    """Everything that training needs of the preparation."""

    sides: Mapping[Side, EncodedSide]
    files: ModelFiles
    machine: Runtime
    classifier: Classifier
    cutter: Cutter
    kept: Kept
    facts: Mapping[str, Any]
    """What a checkpoint is to keep of the job beside its training."""
    rivals: Rivals | None = None
    """Linear models, to be handed out where one is better on validation."""
    weights: tuple[float, ...] | None = None
    """What a row of each class, or the yes of each label, counts."""
    loss: Loss | None = None
    """Another than that of the settings."""
    learns: EncodedSide | None = None
    """With a teacher what is learnt in the place of the training rows."""

    @property
    def lessons(self) -> EncodedSide:
        """What the training learns: the training rows with their labels or, of a student, with what its teacher
        answered too, and texts without labels after them."""
        return self.sides["train"] if self.learns is None else self.learns

    @property
    def recipe(self) -> loop.Recipe:
        recipe = loop.recipe_of(self.settings, self.weights, kind=self.labels.kind)
        return recipe if self.loss is None else replace(recipe, loss=self.loss)
