"""The training loop: a generator of step records, and of notices where memory ran short.

It trains and nothing else. Its caller evaluates, saves, draws and stops, between two records.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from whet.config import Settings
from whet.data.batches import steps_per_epoch, training_batch
from whet.errors import TrainingError
from whet.model.classifier import Classifier
from whet.records import Encoded, Ints, Notice, StepRecord
from whet.training import optim
from whet.training.limit import Limit
from whet.training.memory import Sparing
from whet.training.objective import Objective, objective_of
from whet.training.pace import Pace


@dataclass(frozen=True, slots=True)
class Recipe:
    """The numbers that make a training run, data and model aside."""

    epochs: float
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup: float
    max_grad_norm: float
    seed: int


def recipe_of(settings: Settings) -> Recipe:
    """The recipe that the settings of a job make."""
    return Recipe(
        settings.epochs, settings.batch_size, settings.learning_rate, settings.weight_decay, settings.warmup,
        settings.max_grad_norm, settings.seed,
    )  # fmt: skip


def count_steps(rows: int, recipe: Recipe) -> int:
    """Optimiser steps of the whole run; a part of an epoch counts its part, at least one step."""
    return max(1, math.ceil(recipe.epochs * steps_per_epoch(rows, recipe.batch_size) - 1e-9))


def train(
    classifier: Classifier,
    encoded: Encoded,
    labels: Ints,
    recipe: Recipe,
    objective: Objective | None = None,
    pace: Pace | None = None,
    limit: Limit | None = None,
) -> Iterator[StepRecord | Notice]:
    """Trains in place and yields a record after each optimiser step, and before it a notice each time
    that memory was too short for the step. With a `pace` there are as many steps as it allows for, and
    the learning rate reaches its end with the last of them.

    The loss of a step is the mean over its rows; `objective` is how several processes come by it, and
    `limit`, which is changed where memory runs short, what an earlier part of the run left of it. A
    loss or a gradient that is not finite raises TrainingError before it can reach the weights; a
    gradient that overflows under fp16 leaves its step out, until no lower scale of the loss helps.
    """
    objective = objective or objective_of(classifier, encoded)
    steps = count_steps(len(encoded), recipe)
    per_epoch = steps_per_epoch(len(encoded), recipe.batch_size)
    warmup = optim.warmup_steps(recipe.warmup, steps)
    optimizer = optim.Optimizer(objective.parameters, weight_decay=recipe.weight_decay)
    scale = optim.LossScale(fp16=classifier.precision == "fp16")
    sparing = Sparing(classifier, objective, limit or Limit())
    tokens, seconds = 0, 0.0
    total, fall = steps, None  # as the pace revises them
    for step in range(steps):
        started = time.perf_counter()
        batch = training_batch(encoded, labels, batch_size=recipe.batch_size, seed=recipe.seed, step=step)
        learning_rate = optim.rate(step, steps=total, warmup=warmup, peak=recipe.learning_rate, fall=fall)
        classifier.model.train()
        mean = yield from sparing.gradient(batch, scale.factor, step + 1)
        # In one transfer, for here the host waits for the device; before the weights change.
        loss, scaled = torch.stack([mean, optimizer.norm()]).tolist()
        _check_finite("loss", loss, step, recipe)
        norm, factor = scaled / scale.factor, scale.factor
        if not scale.overflowed(norm):
            # Clipping would turn an infinite gradient into weights that are not numbers.
            _check_finite("gradient's norm", norm, step, recipe)
            optimizer.step(learning_rate, factor * optim.clipping(norm, recipe.max_grad_norm))
        objective.settle()
        tokens += len(batch.ids)
        seconds += time.perf_counter() - started
        if pace is not None and (revised := pace.after(step + 1)) != total:
            total, fall = revised, optim.fall_from(step, learning_rate, steps=revised, warmup=warmup)
        yield StepRecord(step + 1, total, (step + 1) / per_epoch, loss, learning_rate, tokens, seconds)
        if step + 1 >= total:
            return


def _check_finite(what: str, value: float, step: int, recipe: Recipe) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"the {what} is {value} at step {step + 1}",
            todo=f"Lower --learning-rate (now {recipe.learning_rate:g}) or look at the rows of this step",
        )
