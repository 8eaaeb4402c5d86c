"""How long it will take an encoder to learn the language of texts, and what it needs; a budget of time shortens it.

A few steps are timed as before a fine-tuning (`training.probe`), and the rest is arithmetic. Loads torch.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet import durations
from whet.data.batches import steps_per_epoch, tokens_of
from whet.data.masking import SHARE
from whet.errors import UsageError
from whet.forecast import Choice, Plan
from whet.model.masked import MaskedModel
from whet.model.work import TRAINING, operations, shape_of
from whet.planning.budget import RESERVE, RESERVED_SHARE
from whet.planning.measured import DISK_RATE, SAVING, weights
from whet.planning.plan import CHOICES, EPOCHS, highest, memory_there
from whet.records import Encoded, Ints, Notice, Side
from whet.sentences.bilingual import said
from whet.settings.config import LONG, Settings
from whet.system import heap, machine
from whet.system.runtime import Runtime
from whet.training import checkpoints, estimate, loop
from whet.training.estimate import NARROW, TESTED_SHARE, Speed
from whet.training.pace import Budget
from whet.training.probe import Probed, probe

LOOKS = 2  # at the texts that are held out: before the first step, and after the last
STATES = 3  # bytes of a checkpoint to those of the weights: with two moments of each


@dataclass(frozen=True, slots=True)
class Work:
    """A model on its device, and what it is to learn."""

    model: MaskedModel
    train: Encoded
    held_out: Encoded
    """With tokens hidden."""
    machine: Runtime
    started: float
    """time.monotonic() at the start of the job."""


@dataclass(frozen=True, slots=True)
class Times:
    """The parts of a job in seconds."""

    training: float
    look: float
    other: float

    @property
    def total(self) -> float:
        return self.training + LOOKS * self.look + self.other


def measured(work: Work, recipe: loop.Recipe, settings: Settings) -> Probed:
    """Times a few steps, which leave the model as it was, for a small share of the job or of its budget."""
    most = math.inf if settings.budget is None else durations.seconds(settings.budget, where="--budget")
    labels = np.zeros(len(work.train), np.int64)

    def expected(speed: Speed) -> float:
        return min(most, times(work, speed, settings).total)

    with heap.kept():  # as in training
        steps = loop.count_steps(len(work.train), recipe)
        return probe(work.model, work.train, labels, recipe, steps=steps, expected=expected)


def times(work: Work, speed: Speed, settings: Settings) -> Times:
    """What the job takes with these settings, of which the epochs count."""
    rows = len(work.train)
    steps = max(1, math.ceil(settings.epochs * steps_per_epoch(rows, settings.batch_size) - 1e-9))
    training = steps * speed.step + settings.epochs * rows * speed.row(tokens_of(work.train))
    lengths, look = tokens_of(work.held_out), 0.0
    if len(lengths):
        look = len(lengths) * speed.evaluation * speed.size(lengths)
    saving = SAVING + weights(work.model) / DISK_RATE
    return Times(training, look, time.monotonic() - work.started + saving)


def within(work: Work, probed: Probed, settings: Settings) -> tuple[float, Budget, Notice]:
    """The epochs that fit into the budget, what the training is to keep to, and what is said of it. UsageError where
    it leaves no time to learn anything."""
    assert settings.budget is not None
    seconds = durations.seconds(settings.budget, where="--budget")
    limit = seconds - RESERVE - RESERVED_SHARE * seconds
    found = times(work, probed.speed, settings)
    left = limit - (found.total - found.training)
    share = min(1.0, left / (NARROW * found.training))
    epochs = settings.epochs if share >= 1 else math.floor(1000 * share * settings.epochs) / 1000
    if epochs * steps_per_epoch(len(work.train), settings.batch_size) < 1:
        least = durations.written(1.2 * (found.total - found.training + NARROW * found.training / 10) + RESERVE)
        raise UsageError(
            f"{settings.budget} leaves no time for training", where="--budget",
            expected=f"{least} for a tenth of the job", todo=f"Give --budget {least}, or fewer texts with --train-rows",
        )  # fmt: skip
    chosen = times(work, probed.speed, dataclasses.replace(settings, epochs=epochs))
    steps = max(1, math.ceil(epochs * steps_per_epoch(len(work.train), settings.batch_size)))
    there: tuple[Side, ...] = ("validation",) if len(work.held_out) else ()
    budget = Budget(
        deadline=work.started + limit, step=chosen.training / steps,
        evaluation=dict.fromkeys(there, chosen.look), rows=dict.fromkeys(there, len(work.held_out)),
        most=max(chosen.look, TESTED_SHARE * seconds), saving=SAVING + weights(work.model) / DISK_RATE,
    )  # fmt: skip
    facts: Mapping[str, Any] = {"budget": settings.budget, "epochs": epochs, "before": settings.epochs}
    key = "epochs in time" if epochs < settings.epochs else "all in time"
    return epochs, budget, Notice(said({**facts, "seconds": chosen.total}, key))


def plan_of(work: Work, probed: Probed, settings: Settings, folder: Path) -> Plan:
    """What the job will take. One of more than half an hour on a CPU is offered with budgets."""
    found, speed, device = times(work, probed.speed, settings), probed.speed, work.machine
    lengths = tokens_of(work.train)
    steps = math.ceil(settings.epochs * steps_per_epoch(len(lengths), settings.batch_size) - 1e-9)
    too_long = device.device == "cpu" and found.total > LONG and settings.budget is None
    shape = shape_of(work.model.model.config.to_dict())
    counted = 0.0
    if shape is not None:
        # The last layer is computed for all tokens, but what follows its attention for the hidden ones alone.
        told = 2 * SHARE * float(lengths.sum()) * shape.words * shape.width
        counted = settings.epochs * TRAINING * (operations(shape, lengths) + told)
    on_cpu, memory = work.model.device.type == "cpu", None
    if probed.memory is not None:
        memory = round(highest(probed.memory, steps, on_cpu=on_cpu))
    return Plan(
        model=settings.model,
        device=device.device,
        device_reason=device.device_reason,
        threads=device.threads,
        rows={"train": len(lengths), "validation": len(work.held_out)},
        tokens=float(lengths.mean()),
        steps=steps,
        operations=counted,
        rate=counted / found.training,
        training=estimate.span(found.training, speed),
        by_epochs={
            epochs: estimate.span(
                times(work, speed, dataclasses.replace(settings, epochs=epochs)).training, speed
            ) for epochs in EPOCHS
        },
        evaluation=estimate.span(LOOKS * found.look, speed),
        other=estimate.span(found.other, speed),
        total=estimate.span(found.total, speed),
        memory=memory,
        memory_there=memory_there(work.model),
        disk=_disk(work, settings, found.training, lengths),
        disk_there=machine.disk_free(folder),
        too_long=too_long,
        ladder=(),
        choices=tuple(
            Choice(limit, {"budget": durations.written(limit)}, estimate.span(limit, speed))
            for limit in CHOICES if too_long and limit < found.total
        ),
        probe_seconds=probed.seconds,
    )  # fmt: skip


def _disk(work: Work, settings: Settings, training: float, lengths: Ints) -> int:
    """Bytes of model, checkpoints and cached tokens."""
    model = weights(work.model)
    count = checkpoints.at_once(settings.checkpoint_every, training)
    return round(model * (1 + STATES * count) + work.train.ids.dtype.itemsize * float(lengths.sum()))
