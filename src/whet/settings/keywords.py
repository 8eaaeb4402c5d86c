"""The settings as keyword arguments of the library's functions."""

from __future__ import annotations

from typing import TypedDict

from whet.settings.config import (
    DeviceName,
    Keep,
    LabelErrors,
    Language,
    PrecisionName,
    Sampling,
    TaskName,
    Track,
    Truncation,
)
from whet.settings.values import Metric


class SettingValues(TypedDict, total=False):
    """The keyword arguments of the library's functions: the fields of Settings, for type checkers.

    A test holds the two equal.
    """

    recipe: str | None
    text: str | None
    pair: str | None
    label: str | None
    weight: str | None
    group: str | None
    task: TaskName
    label_separator: str | None
    label_names: str | None
    positive: str | None
    test: str
    validation: str
    train_rows: int | None
    test_rows: int | None
    encoding: str
    allow: str | None
    corrections: str | None
    slice: str | None
    label_errors: LabelErrors
    near_duplicates: bool
    unlabelled: str | None
    unlabelled_rows: int | None
    model: str
    max_length: int
    truncation: Truncation
    layers: int | None
    freeze: str | None
    lora: int | None
    teacher: str | None
    epochs: float
    budget: str | None
    batch_size: int
    learning_rate: float
    llrd: float
    ema: float | None
    dropout: float | None
    weight_decay: float
    warmup: float
    max_grad_norm: float
    class_weights: str | None
    sampling: Sampling
    focal: float | None
    label_smoothing: float
    evaluate_every: int | None
    metric: Metric
    early_stopping: int | None
    keep: Keep
    seed: int
    baseline: bool
    folds: int | None
    seeds: int
    learning_curve: bool
    min_confidence: float | None
    output: str | None
    fresh: bool
    checkpoint_every: int | None
    mirror: str | None
    track: Track
    brief: bool
    log_every: int
    lang: Language
    json: bool
    quiet: bool
    device: DeviceName
    precision: PrecisionName
    threads: int | None
    require_gpu: bool
    yes: bool
    debug: bool
