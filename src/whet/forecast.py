"""The records of a plan: what a job will take, and the shorter ways beside it. Frozen, slotted, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whet.records import Side


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds that something is expected to take, and the band in which nine of ten should end."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rung:
    """A shorter way to a model, beside the job as it was asked for."""

    changes: Mapping[str, object]
    """Setting to value, what differs from the job; empty for the TF-IDF baseline."""
    time: Span
    measured: bool
    """Whether the model was timed here; else its time follows from the arithmetic of its shape."""
    points: float | None
    """What it is expected to cost in accuracy, in points; None where nobody has measured it."""
    source: str
    """Where that expectation comes from."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A job that fits into a time: the settings that differ from what was asked for."""

    limit: float  # seconds
    changes: Mapping[str, object]
    time: Span


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job will take, said before it starts."""

    model: str
    device: str
    device_reason: str
    threads: int
    rows: Mapping[Side, int]
    tokens: float
    """Of a training text, on average."""
    steps: int
    operations: float
    """Floating-point operations of the matrix products of the training."""
    rate: float
    """Operations a second at which it was measured to go."""
    training: Span
    by_epochs: Mapping[float, Span]
    """Epochs to the time that training would take: 1, 2, 3 and 5."""
    evaluation: Span
    other: Span
    """Reading, tokens, baseline, saving."""
    total: Span
    memory: int | None
    """Bytes at the highest, on the device; None where that cannot be told."""
    memory_there: int | None
    disk: int
    """Bytes that run folder and tokens take."""
    disk_there: int | None
    too_long: bool
    """Whether it should not start without being asked."""
    ladder: tuple[Rung, ...]
    choices: tuple[Choice, ...]
    probe_seconds: float
    curve: Span | None = None
    """The further models of the learning curve."""
    models: int = 1
    """How many are trained one after the other, for folds and seeds."""
    teaching: Span | None = None
    """The answers of a teacher, before the training,"""
    answered: int = 0
    """to so many texts."""
    further: int = 0
    """Texts without labels, which are learnt from beside the training rows."""
