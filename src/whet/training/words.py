"""The rows of the word table that the training texts use, trained in its place.

Most rows of a vocabulary occur in no training text: of XLM-R's 250,000 words a data set of reviews
has a tenth. Their gradient is zero in every step, and AdamW would go through them, with two moments
each, only to shrink them by the weight decay. They are left as they are pretrained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from whet.data.batches import subset
from whet.records import Encoded, Ints

STATES = 4  # of each row: itself, its gradient and two moments
COUNTED_AT_ONCE = 2**22  # ids, of a file that may be larger than memory


class Words:
    """`rows` [U, D] is a parameter of its own with a dense gradient; the table [V, D] is given the new
    rows after each step, so that the model is whole between two of them. Of a frozen table there are none."""

    def __init__(self, model: Any, encoded: Encoded) -> None:
        self._table: nn.Embedding = model.get_input_embeddings()
        used = used_ids(encoded, len(self.table)) if self.table.requires_grad else np.zeros(0, np.int64)
        if len(used) and model.config.pad_token_id is not None:  # a fallback that pads looks it up
            used = np.union1d(used, [model.config.pad_token_id])
        device = self.table.device
        self._used = torch.from_numpy(used).to(device)
        self._place = torch.full((len(self.table),), -1, dtype=torch.int64, device=device)
        self._place[self._used] = torch.arange(len(used), device=device)
        self.rows = nn.Parameter(self.table.detach()[self._used].clone())
        self.rows.grad = torch.zeros_like(self.rows)
        self._touched: list[Tensor | slice] = []
        # The gradient of a step then has a row for each token, not for each word. On a GPU a dense one is
        # cheaper than the waiting for how many rows there are.
        self._table.sparse = device.type == "cpu"

    def stand_in(self, parameter: nn.Parameter) -> nn.Parameter:
        """The parameter to train: the rows for the table, any other for itself."""
        return self.rows if parameter is self.table else parameter

    @property
    def table(self) -> nn.Parameter:
        """The whole word table [V, D]."""
        weight = self._table.weight
        assert isinstance(weight, nn.Parameter)
        return weight

    def add(self, gradients: Sequence[Tensor | None]) -> None:
        """Adds gradients of the table to that of the rows."""
        assert self.rows.grad is not None
        for gradient in gradients:
            if gradient is None:
                continue
            if not gradient.is_sparse:
                self.rows.grad += gradient[self._used]
                self._touched.append(slice(None))
                continue
            whole = gradient.coalesce()
            places = self._place[whole.indices()[0]]
            self.rows.grad.index_add_(0, places, whole.values())
            self._touched.append(places)

    def take(self) -> None:
        """The same with the gradient that the table itself has, which is gone then."""
        self.add([self.table.grad])
        self.table.grad = None

    def pool(self, into: Callable[[Tensor], object]) -> None:
        """Lets `into` change the gradient of the rows by what other processes have found."""
        assert self.rows.grad is not None
        if len(self.rows):
            into(self.rows.grad)
            self._touched.append(slice(None))

    def drop(self) -> None:
        """Makes the gradient of the rows zero, whatever was added to it."""
        assert self.rows.grad is not None
        self.rows.grad.zero_()
        self._touched.clear()

    def reload(self) -> None:
        """Takes the rows from the table, which was given other weights."""
        self.rows.detach().copy_(self.table.detach()[self._used])

    def settle(self) -> None:
        """Writes the rows into the table, and makes their gradient zero where it is not."""
        assert self.rows.grad is not None
        self.table.detach().index_copy_(0, self._used, self.rows.detach())
        for places in self._touched:
            self.rows.grad[places] = 0.0
        self._touched.clear()


class AllWords(Words):
    """The whole table, trained like any other parameter: for a masked-language model, whose outputs are made with it,
    so that each of its rows has a gradient in every step, and for an optimiser that holds the model's parameters."""

    def __init__(self, model: Any) -> None:
        self._table = model.get_input_embeddings()
        self._table.sparse = False

    def stand_in(self, parameter: nn.Parameter) -> nn.Parameter:
        return parameter

    def take(self) -> None:
        """It stays where it is."""

    def reload(self) -> None:
        """There is no copy."""

    def settle(self) -> None:
        """Nor is anything to be written back."""


def used_ids(encoded: Encoded, vocabulary: int) -> Ints:
    """The ids that occur, in order, without holding all ids in memory."""
    occurs = np.zeros(vocabulary, np.bool_)
    for start in range(0, len(encoded.ids), COUNTED_AT_ONCE):
        occurs[np.unique(encoded.ids[start : start + COUNTED_AT_ONCE])] = True
    return np.flatnonzero(occurs)


def expected_ids(encoded: Encoded, rows: int, vocabulary: int) -> int:
    """How many ids would occur in so many texts of which `encoded` is an even sample, by how their number
    grew from every second of its texts to all: as a power of the number of texts (Heaps' law)."""
    every_second = np.arange(len(encoded)) % 2 == 0
    whole = len(used_ids(encoded, vocabulary))
    half = len(used_ids(subset(encoded, every_second), vocabulary)) or whole
    growth = math.log(whole / half) / math.log(len(encoded) / int(every_second.sum())) if whole > half else 0.0
    return min(vocabulary, round(whole * math.pow(max(rows, len(encoded)) / len(encoded), growth)))
