"""The numbers of a training as transformers' Trainer has them, with its order of rows and its learning rates.

Its order is that of accelerate's SeedableRandomSampler, which seeds torch's generator with the seed plus the number of
the epoch and asks for a permutation (accelerate 1.15, data_loader.py). Its schedules are those of
`transformers.optimization`: they begin a warm-up at a rate of zero, where `optim.rate` begins it one step further on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from whet.data.batches import steps_per_epoch
from whet.errors import UsageError
from whet.model.loss import Loss
from whet.records import Ints
from whet.trainer.arguments import TrainingArguments
from whet.training.loop import Recipe
from whet.training.optim import Fall, Moments


def recipe_of(args: TrainingArguments, rows: int, loss: Loss) -> Recipe:
    """What the arguments make of a training on so many rows. A batch is that of all steps of an accumulation."""
    batch_size = args.train_batch_size * args.gradient_accumulation_steps
    per_epoch = steps_per_epoch(rows, batch_size)
    epochs = args.max_steps / per_epoch if args.max_steps > 0 else float(args.num_train_epochs)
    if epochs <= 0:
        raise UsageError(
            f"num_train_epochs={args.num_train_epochs!r}", where="TrainingArguments", expected="more than 0"
        )
    warmup = args.get_warmup_steps(math.ceil(epochs * per_epoch - 1e-9))
    seed = args.seed if args.data_seed is None else args.data_seed
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=args.learning_rate,
        weight_decay=args.weight_decay,
        warmup=0.0,
        max_grad_norm=args.max_grad_norm or math.inf,
        seed=args.seed,
        loss=loss,
        order=AsTheyCome(rows) if args.train_sampling_strategy == "sequential" else Shuffled(rows, seed),
        schedule=Rates(args.lr_scheduler_type, warmup),
        moments=Moments(args.adam_beta1, args.adam_beta2, args.adam_epsilon),
    )


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


@dataclass(frozen=True, slots=True)
class Rates:
    """Learning rates by the name of their shape. The warm-up is not shortened where the training has fewer steps."""

    shape: str
    warmup: int

    def __call__(self, step: int, *, steps: int, warmup: int, peak: float, fall: Fall | None = None) -> float:
        if self.shape == "constant":
            return peak
        if step < self.warmup:
            return peak * step / self.warmup
        return peak * SHAPES[self.shape]((step - self.warmup) / max(1, steps - self.warmup))


# Share of the way from the end of the warm-up to the last step, to the share of the peak.
SHAPES: Mapping[str, Callable[[float], float]] = {
    "linear": lambda done: max(0.0, 1.0 - done),
    "cosine": lambda done: max(0.0, 0.5 * (1.0 + math.cos(math.pi * done))),
    "constant_with_warmup": lambda done: 1.0,
}
