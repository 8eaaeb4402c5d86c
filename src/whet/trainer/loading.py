"""The data loaders of a script: which rows it trains on, in which order, and what they are read through."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sized
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, SequentialSampler

from whet.data.batches import Order
from whet.errors import DataError, UsageError
from whet.records import Ints
from whet.trainer import rows as reading
from whet.trainer.outer import Outer
from whet.trainer.recipe import order_of

MAP_STYLE = "a DataLoader over a dataset that has a length and places"


class Loading(Outer):
    """The part of `whet.Trainer` that hands out data loaders, and takes those that a subclass makes.

    Rows are still read once, and laid end to end: of a loader count its dataset, its collator and the places that its
    sampler draws.
    """

    train_dataset: Any
    eval_dataset: Any
    data_collator: Any
    is_in_train: bool
    _read_before: list[tuple[Any, reading.Rows]]
    _train_loader: Any = None

    def get_train_dataloader(self) -> Any:
        """Batches of the training rows, in the order of the first epoch."""
        takes = inspect.signature(self._get_train_sampler).parameters
        sampler = self._get_train_sampler(*([self.train_dataset] if takes else []))
        size, last = self.args.train_batch_size, self.args.dataloader_drop_last
        return self._loader(self.train_dataset, batch_size=size, sampler=sampler, drop_last=last)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Batches of a dataset, or of the one that the Trainer was given, in its order."""
        if eval_dataset is None or isinstance(eval_dataset, str):
            eval_dataset = self.eval_dataset if eval_dataset is None else self.eval_dataset[eval_dataset]
        return self._loader(eval_dataset, batch_size=self.args.eval_batch_size)

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        """Batches of a dataset, in its order."""
        return self._loader(test_dataset, batch_size=self.args.eval_batch_size)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """The places of the training rows, as they are trained on."""
        rows = len(self.train_dataset if train_dataset is None else train_dataset)
        return Epochs(order_of(self.args, rows), rows)

    def num_examples(self, dataloader: Any) -> int:
        """Rows of its dataset."""
        return len(dataloader.dataset)

    def _loader(self, dataset: Any, **given: Any) -> Any:
        from transformers.trainer_utils import RemoveColumnsCollator

        collate: Any = self.data_collator
        if self.args.remove_unused_columns:
            known = [*inspect.signature(self.model.forward).parameters, *reading.LABELS, *self.label_names]
            if hasattr(dataset, "remove_columns"):
                dataset = dataset.remove_columns([name for name in dataset.column_names if name not in known])
            else:
                collate = RemoveColumnsCollator(collate, known)
        return DataLoader(dataset, collate_fn=collate, **given)

    @property
    def _draws_otherwise(self) -> bool:
        """Whether the rows of a step are other than whet's own order makes them."""
        mine = ("get_train_dataloader", "_get_train_sampler")
        return self.args.dataloader_drop_last or any(
            getattr(type(self), name) is not getattr(Loading, name) for name in mine
        )

    def _source(self, dataset: Any, name: str) -> tuple[Any, Any]:
        """The dataset that is read, and the collator, where it does more than to pad: by the loader of a subclass."""
        given = {"train_dataset": "get_train_dataloader", "eval_dataset": "get_eval_dataloader"}
        method = given.get(name, "get_test_dataloader")
        if getattr(type(self), method) is getattr(Loading, method):
            return dataset, reading.more_than_padding(self.data_collator)
        if name == "train_dataset":
            loader = self._train_loader = self.get_train_dataloader()
        else:
            loader = getattr(self, method)(dataset)
        if not isinstance(getattr(loader, "dataset", None), Sized) or getattr(loader, "batch_sampler", None) is None:
            raise UsageError(f"{method} returned a {type(loader).__name__}", where="Trainer", expected=MAP_STYLE)
        if name != "train_dataset" and not isinstance(loader.sampler, SequentialSampler):
            raise UsageError(
                f"{method} with a {type(loader.sampler).__name__}", where="Trainer", expected="rows in their order",
                todo="Leave out sampler= and shuffle=, which an evaluation does not need",
            )  # fmt: skip
        return loader.dataset, reading.more_than_padding(loader.collate_fn)

    def _rows(self, dataset: Any, name: str) -> reading.Rows:
        """Rows of a dataset, which during a training are read once."""
        for known, rows in self._read_before:
            if known is dataset:
                return rows
        source, collator = self._source(dataset, name)
        others = not self.args.remove_unused_columns
        rows = reading.read(source, name, collator, self.args.label_names, others=others)
        if name == "train_dataset" and rows.targets is None:
            known = self.args.label_names or reading.LABELS
            raise DataError("no labels", where=name, expected=f"a column {' or '.join(known)}")
        if self.is_in_train or name == "train_dataset":
            self._read_before.append((dataset, rows))
        return rows

    def _drawn(self, seed: int) -> Drawn:
        loader = self._train_loader or self.get_train_dataloader()
        self._train_loader = None
        return Drawn(loader, self.args.gradient_accumulation_steps, seed)


class Epochs:
    """whet's own order as a sampler of torch, which `set_epoch` leads from one epoch to the next."""

    def __init__(self, order: Order, rows: int) -> None:
        self._order, self._rows, self._epoch = order, rows, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(self._order.order(self._epoch).tolist())


class Drawn:
    """The rows of each step, as a data loader draws them, epoch after epoch from the first.

    torch's random numbers are the loader's own from the seed on: what else is drawn meanwhile does not change them,
    and a training that goes on from a checkpoint draws what it has drawn before.
    """

    def __init__(self, loader: Any, accumulated: int, seed: int) -> None:
        self._loader, self._accumulated = loader, accumulated
        self.batches = len(loader)
        if not self.batches:
            raise UsageError("a data loader without a batch", where="Trainer", todo="Lower per_device_train_batch_size")
        self.per_epoch = math.ceil(self.batches / accumulated)
        """Steps."""
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._epochs, self._batches = 0, list[Ints]()

    def __call__(self, step: int) -> Ints:
        epoch, within = divmod(step, self.per_epoch)
        while self._epochs <= epoch:
            self._batches = self._next()
            self._epochs += 1
        return np.concatenate(self._batches[within * self._accumulated : (within + 1) * self._accumulated])

    def _next(self) -> list[Ints]:
        loader = self._loader
        for each in (loader.batch_sampler, loader.sampler):
            if hasattr(each, "set_epoch"):
                each.set_epoch(self._epochs)
        around, rows = torch.get_rng_state(), len(loader.dataset)
        torch.set_rng_state(self._random)
        try:
            # torch draws a number of its own before the sampler does.
            again: Any = DataLoader(
                cast(Any, _Places()),
                batch_sampler=loader.batch_sampler,
                collate_fn=np.asarray,
                generator=loader.generator,
            )
            batches = [batch.astype(np.int64) for batch in again]
        finally:
            self._random = torch.get_rng_state()
            torch.set_rng_state(around)
        wrong = [place for batch in batches for place in batch.tolist() if not 0 <= place < rows]
        if len(batches) != self.batches or wrong:
            raise UsageError(
                f"the sampler of the training drew row {wrong[0]}" if wrong else f"an epoch of {len(batches)} batches",
                where="Trainer",
                expected=f"rows 0 to {rows - 1}" if wrong else f"{self.batches}, which its length says",
            )
        return batches


class _Places:
    def __getitem__(self, place: Any) -> int:
        return int(place)


def collator_of(given: Callable[[list[Any]], Any] | None, tokenizer: Any) -> Any:
    """The script's, or the one that transformers takes in its place."""
    from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, default_data_collator

    if given is not None:
        return given
    return (
        DataCollatorWithPadding(tokenizer) if isinstance(tokenizer, PreTrainedTokenizerBase) else default_data_collator
    )
