"""The rows of the word table that no training text has.

whet leaves them out of its steps (`training/words.py`). transformers' Trainer shrinks them by the weight decay in each
step, since a gradient of zero is one too; that is done here for many steps at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from whet.records import Encoded
from whet.training.words import used_ids


class Unseen:
    """Those rows of a model that is trained on `encoded`."""

    def __init__(self, model: Any, encoded: Encoded, weight_decay: float) -> None:
        self._table = model.get_input_embeddings().weight
        unseen = np.ones(len(self._table), np.bool_)
        unseen[used_ids(encoded, len(self._table))] = False
        if model.config.pad_token_id is not None:
            unseen[model.config.pad_token_id] = False
        self._rows = torch.from_numpy(np.flatnonzero(unseen)).to(self._table.device)
        self._decay = weight_decay if self._table.requires_grad else 0.0
        self._factor = 1.0

    def step(self, learning_rate: float) -> None:
        """Remembers one step of the optimiser."""
        self._factor *= 1.0 - learning_rate * self._decay

    def settle(self) -> None:
        """Shrinks the rows by what was remembered."""
        if self._factor != 1.0:
            with torch.no_grad():
                self._table[self._rows] *= self._factor
            self._factor = 1.0
