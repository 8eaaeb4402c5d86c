"""The scores of a side, as records: frozen, slotted, without behaviour.

Sizes in comments: B rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClassScore:
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What --metric asked for beside the scores that a side always has."""

    asked: Mapping[str, float | None] = field(default_factory=dict)
    """By the name of scikit-learn's scorer, or of a function; higher is better. None where it is undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfProbabilities(Asked):
    """Scores of probabilities. Where only answers are known all of them are None; where there were probabilities,
    those that their rows leave undefined."""

    roc_auc: float | None = None
    """Of the positive class; of more classes the mean over each against the rest, of several labels over each. What
    all rows or none have is left out; None where that leaves nothing."""
    pr_auc: float | None = None
    """Average precision, likewise."""
    log_loss: float | None = None
    brier: float | None = None
    ece: float | None = None
    """Expected calibration error over 15 bins."""


@dataclass(frozen=True, slots=True)
class Metrics(OfProbabilities):
    """Scores of C classes over B rows. A ratio with an empty denominator is 0, as in scikit-learn
    with `zero_division=0`."""

    rows: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    weighted_f1: float
    macro_precision: float
    macro_recall: float
    weighted_precision: float
    weighted_recall: float
    classes: Mapping[str, ClassScore]
    confusion: tuple[tuple[int, ...], ...]  # [C][C] rows are true, columns predicted
    positive: str | None = None
    precision: float | None = None
    """precision, recall and f1 of the positive class; None unless the task is binary."""
    recall: float | None = None
    f1: float | None = None
    balanced_accuracy: float | None = None
    """Mean recall of the classes that rows have."""
    mcc: float | None = None
    """Matthews correlation; 0 where all rows are given one class, None where all have one."""


@dataclass(frozen=True, slots=True)
class SeveralScores(OfProbabilities):
    """Scores of a multi-label task, as scikit-learn's with `zero_division=0`: B rows that each have any of
    C labels, predicted at a threshold for each label."""

    rows: int
    accuracy: float
    """Share of rows whose labels are all right and none too many."""
    macro_f1: float
    micro_f1: float
    weighted_f1: float
    samples_f1: float
    """Mean over the rows; 1 where a row has no label and none was predicted."""
    micro_precision: float
    micro_recall: float
    macro_precision: float
    macro_recall: float
    hamming_loss: float
    """Share of the B x C answers that are wrong."""
    classes: Mapping[str, ClassScore]
    thresholds: Mapping[str, float]
    """Label to the probability from which it is predicted."""


@dataclass(frozen=True, slots=True)
class ValueScores(Asked):
    """Scores of a regression over B rows. A correlation where either side is constant is 0."""

    rows: int
    pearson: float
    spearman: float
    """Ties have the mean of their ranks."""
    mae: float
    rmse: float
    r2: float | None = None
    """Share of the variance that is explained; None where the true values are constant."""


Scores = Metrics | SeveralScores | ValueScores


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How well a model tells the hidden tokens of texts that it does not learn from."""

    step: int
    """Steps taken; 0 before the first one."""
    loss: float
    """Mean over the hidden tokens."""
    texts: int
    tokens: int
    """That were hidden."""
    seconds: float
