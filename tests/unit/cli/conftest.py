"""A stand-in for the pipeline: the same names, answers at once, and a note of every call."""

from __future__ import annotations

import io
import math
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from rich.console import Console

from whet.cli import main
from whet.comparison import Compared, Entry
from whet.config import Resolved
from whet.labels import LabelSet
from whet.predictor import Chosen
from whet.records import (
    Checked,
    ClassScore,
    Columns,
    Evaluation,
    Finding,
    Inputs,
    Metrics,
    Notice,
    Prediction,
    Stage,
    StepRecord,
)
from whet.score.compare import Comparison
from whet.score.metrics import as_json
from whet.score.required import Judged, Requirement, judge


@dataclass(frozen=True)
class TokenView:
    text: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    kept: tuple[bool, ...]
    max_length: int


@dataclass(frozen=True)
class Evaluated:
    metrics: Metrics
    seconds: float
    source: str
    json: dict[str, object]
    notices: tuple[str, ...] = ("text: review (given)",)
    requirements: tuple[Judged, ...] = ()
    output: Path | None = None


@dataclass
class Run:
    path: Path = Path("runs/reviews-embedded-1a2b3c")
    labels: LabelSet = LabelSet(("negative", "positive"), "positive", "by its name")
    asked: list[list[str]] = field(default_factory=list)
    inputs: Inputs = Inputs("text")
    fingerprint: str = "that of a stand-in"
    chosen: Chosen = Chosen(Path("runs/reviews-embedded-1a2b3c/model"), "torch")
