"""The training loop: a generator of step records, and of notices where memory ran short.

It trains and nothing else. Its caller evaluates, saves, draws and stops, between two records.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from whet.data.batches import Balance, Order, gather, steps_per_epoch, training_batch
from whet.data.masking import Masking
from whet.data.targets import classes_of
from whet.errors import TrainingError
from whet.labels import Kind
from whet.model.classifier import Classifier
from whet.model.levels import levels
from whet.model.loss import PLAIN, Loss, loss_of
from whet.model.recompute import torch_random
from whet.model.trained import changed, put_back
from whet.records import Batch, Encoded, Ints, Notice, StepRecord, Targets
from whet.sentences.bilingual import said
from whet.settings.config import Sampling, Settings
from whet.training import optim
from whet.training.average import Average
from whet.training.limit import Limit
from whet.training.memory import Sparing
from whet.training.objective import Objective, objective_of
from whet.training.pace import Pace
from whet.training.state import State

IN_A_ROW = 3  # steps that are not finite end a training


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
    loss: Loss = PLAIN
    sampling: Sampling = "plain"
    llrd: float = 1.0
    ema: float | None = None
    masking: Masking | None = None
    """Which tokens of the rows are hidden, to be told."""
    order: Order | None = None
    """Which rows share a step, where that is not decided by seed and sampling."""
    schedule: optim.Schedule | None = None
    """Another than `optim.rate`."""
    moments: optim.Moments = optim.USUAL
    optimizer: optim.Stepping | None = None
    """Another than AdamW, of the parameters of the objective."""
    drawn: Callable[[int], Ints] | None = None
    """The rows of each 0-based step, where neither seed nor order decides."""


def recipe_of(settings: Settings, weights: tuple[float, ...] | None = None, *, kind: Kind = "one") -> Recipe:
    """The recipe that the settings of a job make for its kind of answers; `weights` of its classes hang on its rows."""
    return Recipe(
        settings.epochs, settings.batch_size, settings.learning_rate, settings.weight_decay, settings.warmup,
        settings.max_grad_norm, settings.seed,
        loss_of(kind, weights=weights, focal=settings.focal or 0.0, smoothing=settings.label_smoothing),
        settings.sampling, settings.llrd, settings.ema,
    )  # fmt: skip


def count_steps(rows: int, recipe: Recipe) -> int:
    """Optimiser steps of the whole run; a part of an epoch counts its part, at least one step."""
    return max(1, math.ceil(recipe.epochs * steps_per_epoch(rows, recipe.batch_size) - 1e-9))


def _shares(classifier: Classifier, llrd: float) -> list[float] | None:
    """Of the learning rate, by parameter to train (Howard and Ruder 2018, arXiv 1801.06146, section 3.1)."""
    return None if llrd == 1.0 else [llrd**level for level in levels(classifier.model)]


class Training:
    """Trains a classifier in place. Between two records its `state`, which holds everything that a step
    changes, is all that another process needs to go on with, bit for bit alike.

    The loss of a step is that of its rows over their number; `objective` is how several processes come by it. With a
    `pace` there are as many steps as it allows for, and the learning rate reaches its end with the last
    of them. `limit` is changed where memory runs short.
    """

    def __init__(
        self,
        classifier: Classifier,
        encoded: Encoded,
        labels: Targets,
        recipe: Recipe,
        objective: Objective | None = None,
        pace: Pace | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._classifier, self._encoded, self._labels = classifier, encoded, labels
        self._recipe, self._pace, self._limit = recipe, pace, limit or Limit()
        self._drawn = recipe.order
        if recipe.order is None and recipe.sampling == "balanced":
            self._drawn = Balance(classes_of(labels), seed=recipe.seed)
        self._objective = objective or objective_of(classifier, encoded, recipe.loss)
        self._optimizer: optim.Stepping = recipe.optimizer or optim.Optimizer(
            self._objective.parameters,
            weight_decay=recipe.weight_decay,
            shares=_shares(classifier, recipe.llrd),
            moments=recipe.moments,
        )
        trained = [parameter for parameter in classifier.model.parameters() if parameter.requires_grad]
        self._average = None if recipe.ema is None else Average(trained, recipe.ema)
        self._scale = optim.LossScale(fp16=classifier.precision == "fp16")
        steps = count_steps(len(encoded), recipe)
        self._per_epoch = steps_per_epoch(len(encoded), recipe.batch_size)
        self._warmup = optim.warmup_steps(recipe.warmup, steps)
        self._total = steps
        self._fall: optim.Fall | None = None  # these two as the pace revises them
        self._step, self._tokens, self._seconds = 0, 0, 0.0
        self._missed = 0  # steps in a row
        self._moments = 0  # bytes of the optimiser's that a state brought
        self.norm = math.nan
        """That of the gradient of the last step, before it was clipped."""

    def records(self) -> Iterator[StepRecord | Notice]:
        """Trains to the end, and yields a record after each optimiser step, and before it a notice each
        time that memory was too short for the step.

        A step whose loss or gradient is not finite is left out and told, so that the weights stay finite;
        IN_A_ROW of them raise TrainingError. Under fp16 a gradient that overflows lowers the scale of the
        loss and is not told, until no lower one helps.
        """
        recipe = self._recipe
        sparing = Sparing(self._classifier, self._objective, self._limit, moments=self._moments)
        while self._step < self._total:
            started, step = time.perf_counter(), self._step
            batch = self._batch(step)
            learning_rate = (recipe.schedule or optim.rate)(
                step, steps=self._total, warmup=self._warmup, peak=recipe.learning_rate, fall=self._fall
            )
            self._classifier.model.train()
            mean = yield from sparing.gradient(batch, self._scale.factor, step + 1)
            loss, wrong = self._apply(mean, learning_rate)
            if wrong:
                yield self._left_out(wrong, batch)
            self._step, self._tokens = step + 1, self._tokens + len(batch.ids)
            self._seconds += time.perf_counter() - started
            self._revise(step, learning_rate)
            epoch = self._step / self._per_epoch
            yield StepRecord(self._step, self._total, epoch, loss, learning_rate, self._tokens, self._seconds)
        self.finish()

    def judged(self) -> AbstractContextManager[None]:
        """A block in which the model holds the weights that the training would leave now, other than those that it goes
        on with where they are averaged."""
        return nullcontext() if self._average is None else self._average.shown()

    def finish(self) -> None:
        """The model holds the weights that the training leaves; it does not go on. `records` does so at its end."""
        if self._average is not None:
            self._average.settle()
            self._average = None

    def state(self) -> State:
        """What the steps so far have changed; `own` is what each process of a job has for itself. The tensors are
        the training's own, and change with its next step."""
        random = torch_random(self._classifier.device)
        own = {
            "dropout": sorted(self._classifier.stream.positions.items()),
            "random": random.get_rng_state().numpy().tobytes().hex(),
            "limit": self._limit.state(),
        }
        tensors = {"model": changed(self._classifier.model), "optimizer": self._optimizer.state()}
        if self._average is not None:
            tensors["average"] = self._average.state()
        numbers = {
            "step": self._step, "steps": self._total, "fall": self._fall, "tokens": self._tokens,
            "train_seconds": self._seconds, "missed": self._missed, "scale": self._scale.state(),
            "own": own,
        }  # fmt: skip
        return State(tensors, numbers)

    def load_state(self, state: State) -> None:
        """Goes on from there; before the first step, with the job that the state is of."""
        numbers = state.numbers
        put_back(self._classifier.model, state.tensors["model"])
        self._objective.reload()
        self._optimizer.load_state(state.tensors["optimizer"])
        self._moments = sum(tensor.nbytes for tensor in state.tensors["optimizer"].values())
        if self._average is not None:
            self._average.load_state(state.tensors["average"])
        random = np.frombuffer(bytes.fromhex(numbers["own"]["random"]), np.uint8)
        torch_random(self._classifier.device).set_rng_state(torch.from_numpy(random.copy()))
        self._step, self._total, self._tokens = numbers["step"], numbers["steps"], numbers["tokens"]
        self._fall = None if numbers["fall"] is None else tuple(numbers["fall"])
        self._seconds, self._missed = numbers["train_seconds"], numbers["missed"]
        self._scale.load_state(numbers["scale"])
        limited = numbers["own"] if "limit" in numbers["own"] else numbers  # older ones have a limit for all processes
        self._limit.load_state(limited["limit"])
        self._classifier.stream.positions = dict(numbers["own"]["dropout"])

    def _batch(self, step: int) -> Batch:
        recipe = self._recipe
        if recipe.drawn is not None:
            return gather(self._encoded, recipe.drawn(step), self._labels)
        batch = training_batch(
            self._encoded, self._labels, batch_size=recipe.batch_size, seed=recipe.seed, step=step, drawn=self._drawn
        )
        return batch if recipe.masking is None else recipe.masking.hidden(batch, step // self._per_epoch)

    def _apply(self, mean: Tensor, learning_rate: float) -> tuple[float, str]:
        """The optimiser's step; returns the loss, and what of it was not finite, so that there was no step."""
        # In one transfer, for here the host waits for the device; before the weights change.
        loss, scaled = torch.stack([mean, self._optimizer.norm()]).tolist()
        norm, factor = scaled / self._scale.factor, self._scale.factor
        self.norm = norm
        wrong = "" if math.isfinite(loss) else "loss"
        if not wrong and not self._scale.overflowed(norm):
            if math.isfinite(norm):  # clipping would turn an infinite gradient into weights that are not numbers
                self._optimizer.step(learning_rate, factor * optim.clipping(norm, self._recipe.max_grad_norm))
            else:
                wrong = "gradient"
        self._objective.settle()
        if self._average is not None:
            self._average.update(self._step + 1)
        self._missed = self._missed + 1 if wrong else 0
        return float(loss), wrong

    def _left_out(self, wrong: str, batch: Batch) -> Notice:
        """The notice of a step that was left out; raises TrainingError for the last of IN_A_ROW."""
        step = self._step + 1
        if self._missed < IN_A_ROW:
            return Notice(said({"step": step, "wrong": wrong}, "not finite"), "warning")
        rows = ", ".join(str(row) for row in sorted(batch.rows.tolist()))
        lower = "" if self._classifier.precision == "fp32" else ", give --precision fp32"
        where = "training rows in splits.parquet" if self._recipe.masking is None else "windows of the texts"
        raise TrainingError(
            f"the {wrong} is not a finite number in {IN_A_ROW} steps in a row, up to step {step}",
            todo=f"Lower --learning-rate (now {self._recipe.learning_rate:g}){lower}, or look at the rows of the last "
            f"step: numbers {rows} of the {where}",
        )

    def _revise(self, step: int, learning_rate: float) -> None:
        """Takes the number of steps that the pace has settled on after the 0-based `step`."""
        if self._pace is not None and (revised := self._pace.after(step + 1)) != self._total:
            self._total = revised
            self._fall = optim.fall_from(step, learning_rate, steps=revised, warmup=self._warmup)
