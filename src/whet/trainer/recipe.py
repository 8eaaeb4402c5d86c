"""The numbers of a training as transformers' Trainer has them, with its order of rows and its learning rates.

Its order is that of accelerate's SeedableRandomSampler, which seeds torch's generator with the seed plus the number of
the epoch and asks for a permutation (accelerate 1.15, data_loader.py). Its schedules are those of
`transformers.optimization`: they begin a warm-up at a rate of zero, where `optim.rate` begins it one step further on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from whet.data.batches import Order, steps_per_epoch
from whet.errors import UsageError
from whet.model.loss import Loss
from whet.records import Ints
from whet.trainer.arguments import TrainingArguments
from whet.training.loop import Recipe
from whet.training.optim import Fall, Moments


def recipe_of(args: TrainingArguments, rows: int, loss: Loss, per_epoch: int | None = None) -> Recipe:
    """What the arguments make of a training on so many rows. A batch is that of all steps of an accumulation.
    `per_epoch`: steps of an epoch, where these are not all rows by the batch size."""
    batch_size = args.train_batch_size * args.gradient_accumulation_steps
    usual = steps_per_epoch(rows, batch_size)
    epochs = args.max_steps / (per_epoch or usual) if args.max_steps > 0 else float(args.num_train_epochs)
    if epochs <= 0:
        raise UsageError(
            f"num_train_epochs={args.num_train_epochs!r}", where="TrainingArguments", expected="more than 0"
        )
    steps = math.ceil(epochs * (per_epoch or usual) - 1e-9)
    return Recipe(
        epochs=steps / usual,
        batch_size=batch_size,
        learning_rate=args.learning_rate,
        weight_decay=args.weight_decay,
        warmup=0.0,
        max_grad_norm=args.max_grad_norm or math.inf,
        seed=args.seed,
        loss=loss,
        order=order_of(args, rows),
        moments=Moments(args.adam_beta1, args.adam_beta2, args.adam_epsilon),
    )


def order_of(args: TrainingArguments, rows: int) -> Order:
    """Of the rows of each epoch."""
    seed = args.seed if args.data_seed is None else args.data_seed
    return AsTheyCome(rows) if args.train_sampling_strategy == "sequential" else Shuffled(rows, seed)


@dataclass(frozen=True, slots=True)
class Shuffled:
    """All rows in an order of each epoch's own."""

    rows: int
    seed: int

    def order(self, epoch: int) -> Ints:
        return _permutation(self.rows, self.seed + epoch)


@dataclass(frozen=True, slots=True)
class AsTheyCome:
    """All rows in their own order, in each epoch."""

    rows: int

    def order(self, epoch: int) -> Ints:
        return np.arange(self.rows, dtype=np.int64)


@lru_cache(maxsize=2)
def _permutation(rows: int, seed: int) -> Ints:
    found: Ints = torch.randperm(rows, generator=torch.Generator().manual_seed(seed)).numpy()
    found.setflags(write=False)
    return found


class Rates:
    """Learning rates as a schedule of transformers has them, over an optimiser of no parameters to speak of."""

    def __init__(self, args: TrainingArguments, steps: int) -> None:
        nothing = torch.optim.SGD([torch.zeros(1)], lr=args.learning_rate)
        (self._factor,) = scheduler_of(args, nothing, steps).lr_lambdas

    def __call__(self, step: int, *, steps: int, warmup: int, peak: float, fall: Fall | None = None) -> float:
        return peak * float(self._factor(step))


def scheduler_of(args: TrainingArguments, optimizer: Any, steps: int) -> Any:
    """transformers' schedule by its name, over the rates of an optimiser."""
    from transformers import optimization

    library: Any = optimization
    more = args.lr_scheduler_kwargs or None
    warmup = args.get_warmup_steps(steps)
    try:
        return library.get_scheduler(args.lr_scheduler_type, optimizer, warmup, steps, scheduler_specific_kwargs=more)
    except (TypeError, ValueError) as fault:
        raise UsageError(
            f"lr_scheduler_type={args.lr_scheduler_type!r} with lr_scheduler_kwargs={more!r}: {fault}",
            where="TrainingArguments",
            expected="what transformers.get_scheduler takes",
        ) from None
