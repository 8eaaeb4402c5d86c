"""What a training is given: the job, ready, and where it is saved on its way.

Loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whet.config import Resolved, Settings
from whet.data.tokens import Cutter
from whet.labels import LabelSet
from whet.model.classifier import Classifier
from whet.model.files import ModelFiles
from whet.prepare import EncodedSide
from whet.records import Baselines, Examples, Inputs, Side
from whet.runs import Redone
from whet.runtime import Runtime
from whet.score.leaks import Leaks
from whet.training import loop
from whet.training.checkpoints import Checkpoints, Found
from whet.training.pace import Budget
from whet.training.team import Alone


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a training is saved on its way, and what there is of it."""

    checkpoints: Checkpoints
    found: Found | None
    """The newest one of a run that was stopped."""
    redone: Redone


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that training needs of the preparation."""

    resolved: Resolved
    files: ModelFiles
    machine: Runtime
    classifier: Classifier
    cutter: Cutter
    inputs: Inputs
    test: Examples | None
    sides: Mapping[Side, EncodedSide]
    labels: LabelSet
    baselines: Baselines | None
    leaks: Leaks | None
    """Rows of test that train has; None where another process tells it."""
    team: Alone
    budget: Budget | None
    kept: Kept
    facts: Mapping[str, Any]
    """What a checkpoint is to keep of the job beside its training."""
    weights: tuple[float, ...] | None = None
    """What a row of each class, or the yes of each label, counts."""
    better: str = ""
    """A model that has the words of the texts, where this one's vocabulary lacks them."""
    learnt: Mapping[Side, Examples] = field(default_factory=dict)
    """The rows of train and validation with their texts on the disk."""

    @property
    def settings(self) -> Settings:
        return self.resolved.settings

    @property
    def recipe(self) -> loop.Recipe:
        return loop.recipe_of(self.settings, self.weights, kind=self.labels.kind)
