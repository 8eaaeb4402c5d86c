"""Losses that a script brings with it, as functions of a whole batch: transformers' `compute_loss_func`, and a
`compute_loss` that a subclass of the Trainer has.

Sizes: N rows, C outputs, L columns of the longest row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.errors import UsageError
from whet.model.classifier import Classifier
from whet.model.loss import Loss
from whet.records import Batch, Ints
from whet.trainer.rows import Rows
from whet.training.gradient import OnDevice
from whet.training.words import Words

OfBatch = Callable[[Ints, Tensor, Tensor], Tensor]
"""Places of some rows, their logits [N, C] and labels to the loss of the batch, in whatever mean."""

OF_ITS_OWN = "Use whet.steps(loss=...), or transformers' Trainer for this training"


class OfScript(OnDevice):
    """The whole batch at once: what its loss says is taken for the mean over the rows, and one that is weighted
    otherwise does not add up over parts."""

    def __init__(self, classifier: Classifier, words: Words, function: OfBatch) -> None:
        super().__init__(classifier, words)
        self._function = function

    def _total(self, rows: Batch, logits: Tensor) -> Tensor:
        return self._function(rows.rows, logits, self._classifier.labels(rows)) * len(rows.rows)


def inputs_of(rows: Rows, places: Ints, labels: Tensor, label: str, pad: int) -> dict[str, Tensor]:
    """What a collator would have made of these rows [N, L], with padding, their `labels` by the name `label`."""
    encoded = rows.encoded
    first, lengths = encoded.offsets[places], np.diff(encoded.offsets)[places]
    columns = np.arange(int(lengths.max()))
    real = columns < lengths[:, None]
    ids = np.full(real.shape, pad, np.int64)
    ids[real] = encoded.ids[(first[:, None] + columns)[real]]
    laid = {"input_ids": ids, "attention_mask": real.astype(np.int64)}
    if encoded.seconds is not None:
        laid["token_type_ids"] = (real & (columns >= encoded.seconds[places][:, None])).astype(np.int64)
    found = {name: torch.from_numpy(array).to(labels.device) for name, array in laid.items()}
    found |= {name: torch.from_numpy(column[places]).to(labels.device) for name, column in rows.others.items()}
    return {**found, label: labels}


class Asked:
    """Stands for the model in a `compute_loss`: it answers with the logits that are there already. The last of the
    inputs are the labels."""

    def __init__(self, model: Any, logits: Tensor, loss: Loss, inputs: Mapping[str, Tensor]) -> None:
        self._model, self._logits, self._loss = model, logits, loss
        self._inputs, self._asked = dict(inputs), False

    def __call__(self, *given: Tensor, **named: Any) -> Any:
        """What the model's forward returns; the loss where it is given labels. UsageError where it is asked for what
        is not there: a second pass, or one of other inputs."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        if self._asked:
            raise UsageError(
                "compute_loss calls the model twice", where="Trainer", expected="once a batch", todo=OF_ITS_OWN
            )
        self._asked = True
        known = {id(tensor) for tensor in self._inputs.values()}
        strange = [name for name, value in named.items() if not self._is_plain(name, value)]
        if strange or any(id(tensor) not in known for tensor in given):
            told = ", ".join(strange) or "inputs of its own"
            raise UsageError(
                f"compute_loss calls the model with {told}", where="Trainer", expected="the inputs as they came",
                todo=OF_ITS_OWN,
            )  # fmt: skip
        labels = named.get("labels", named.get(list(self._inputs)[-1]))
        loss = None if labels is None else self._loss.total(self._logits, labels) / len(self._logits)
        return SequenceClassifierOutput(loss=loss, logits=self._logits)

    def _is_plain(self, name: str, value: Any) -> bool:
        """Whether it is one of the inputs, unchanged, or asks for nothing further."""
        if name in self._inputs:
            return value is self._inputs[name]
        return name in ("labels", "return_dict") or value is None or value is False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
