"""The records of a search: frozen, slotted, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from whet.forecast import Span
from whet.run import Run

Params = Mapping[str, object]
"""Setting to value."""

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a search may go on, and how it goes about it."""

    trials: int | None
    """All there are to be, those of earlier processes too. None: as many as the budget allows."""
    budget: float | None
    """Seconds, those of the last training and its score too. None: no limit."""
    jobs: int | None
    """Trials at a time. None: one for each CUDA device, else one."""
    prune: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A training that is over."""

    number: int
    """In the order in which they were begun, from 0, which has the job's own settings."""
    params: Params
    state: State
    score: float | None
    """On validation by the job's metric, as that is told; of a pruned one the last, None of a failed one."""
    seconds: float
    reports: Mapping[int, float] = field(default_factory=dict)
    """Percent of the training to the score of the evaluation there."""
    fault: str = ""
    """Why it failed."""
    same_as: int | None = None
    """The trial whose values it has, and whose score it was given without a training."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a search will take, said before it starts."""

    trials: int | None
    """Still to come, if there is a number of them."""
    done: int
    each: Span
    """A trial that is not pruned, the mean over the search space."""
    final: Span
    """The last training, with the test side."""
    total: Span | None
    """None where the budget alone ends the search."""
    fitting: int | None
    """Trials that fit into the budget."""
    jobs: int
    prune: bool
    device: str
    device_reason: str
    too_long: bool
    """Whether it should not start without being asked."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A trial begins, or goes on."""

    number: int
    params: Params
    trials: int | None
    """How many there are to be."""
    again: bool
    """Whether an earlier process had begun it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial is over."""

    trial: Trial
    best: int | None
    """The number of the best one so far."""


@dataclass(frozen=True, slots=True)
class Reported:
    """An evaluation on validation, as a search looks at it."""

    percent: int
    """Of the training."""
    score: float
    """Of which more is better; NaN where it is undefined."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trial came to its end."""

    score: float
    """Of the weights that it would keep; more is better, NaN where it is undefined."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A trial that could not be trained."""

    saw: str


@dataclass(frozen=True, slots=True)
class Tuned:
    """The end of a search."""

    path: Path
    """Its folder."""
    study: Mapping[str, Any]
    """The content of study.json."""
    run: Run
    """Trained with the best settings, and scored on test."""
    metrics: Mapping[str, Any]
    """Those of the run."""
    verdict: str
    before: bool
    """Whether all of it had been done before."""

    @property
    def best(self) -> Mapping[str, Any]:
        """The best trial, as study.json has it."""
        found: Mapping[str, Any] = next(each for each in self.study["trials"] if each["number"] == self.study["best"])
        return found

    @property
    def recipe(self) -> Path:
        """best.toml, which `whet train DATA --recipe FILE` takes."""
        return self.path / "best.toml"
