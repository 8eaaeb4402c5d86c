"""What a model is scored on, whatever kind it is of. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from whet.labels import LabelSet
from whet.preparing.taught import Taught
from whet.records import Baselines, Bools, Examples, Inputs, Ints, Side, Splits, Targets
from whet.score.fitted import Linear
from whet.score.leaks import Leaks
from whet.settings.config import Resolved, Settings
from whet.training.pace import Budget
from whet.training.team import Alone


class Rows(Protocol):
    """A side of a job."""

    @property
    def targets(self) -> Targets: ...
    @property
    def truncated(self) -> Bools: ...  # [B]


@dataclass(frozen=True, slots=True)
class Rivals:
    """Linear models of the training rows, by the names of the baselines that they are; logistic regression first."""

    models: Mapping[str, Linear]
    learnt: Examples
    """The rows that they have learnt from, with their texts on the disk."""
    seconds: float
    """What that took."""
    whole: Splits | None = None
    """The sides whose training rows these are, likewise, where a budget left the network fewer of them."""
    rows: Mapping[str, int | None] = field(default_factory=dict)
    """The settings `train_rows` and `test_rows` of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The rows of a job, and what its scores are held against."""

    resolved: Resolved
    inputs: Inputs
    labels: LabelSet
    sides: Mapping[Side, Rows]
    test: Examples | None
    baselines: Baselines | None
    leaks: Leaks | None
    """Rows of test that train has; None where another process tells it."""
    team: Alone
    budget: Budget | None = None
    better: str = ""
    """A model that has the words of the texts, where this one's vocabulary lacks them."""
    auto: Mapping[str, object] | None = None
    """How the model was chosen on validation, as metrics.json has it."""
    refit: Mapping[str, int] | None = None
    """How many rows of train and of validation a linear model has learnt from in the end, as metrics.json has it."""
    learnt: Mapping[Side, Examples] = field(default_factory=dict)
    """The rows of train and validation; of a transformer's job with their texts on the disk."""
    folds: Ints | None = None
    """Of a job with --folds that of each training row [B], from 0. The validation rows are these rows too."""
    taught: Taught | None = None
    """With a teacher what the model is compared with."""

    @property
    def taught_by(self) -> Mapping[str, str] | None:
        """Name and digest of the teacher."""
        return None if self.taught is None else self.taught.teacher.by

    @property
    def settings(self) -> Settings:
        return self.resolved.settings
