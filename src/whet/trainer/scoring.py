"""What `whet.Trainer` finds of a dataset: predictions, loss and metrics, as transformers' Trainer returns them.

Sizes: B rows, C outputs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from whet.model.classifier import Classifier
from whet.records import Floats, Targets
from whet.trainer.loss import OfBatch
from whet.trainer.rows import Rows


def predicted(classifier: Classifier, rows: Rows, batch_size: int) -> Iterator[Floats | None]:
    """None each time that as many rows are done as a batch of the script's would have; at last the logits [B, C]."""
    total = len(rows.encoded)
    logits = np.zeros((total, classifier.model.config.num_labels))
    done = told = 0
    for places, found in classifier.packs(rows.encoded):
        logits[places] = found
        done += len(places)
        while told < (math.ceil(done / batch_size) if done == total else done // batch_size):
            told += 1
            yield None
    yield logits


def loss(classifier: Classifier, given: OfBatch, logits: Floats, targets: Targets, batch_size: int) -> float:
    """The mean over all rows of the mean losses of the batches that they would be evaluated in, one after another."""
    dtype = torch.int64 if classifier.kind == "one" else torch.float32
    outputs, wanted = torch.from_numpy(logits).float(), torch.as_tensor(targets, dtype=dtype)
    parts = [np.arange(i, min(i + batch_size, len(logits))) for i in range(0, len(logits), batch_size)]
    with torch.no_grad():
        totals = [given(part, outputs[part], wanted[part]) * len(part) for part in parts]
    return float(torch.stack(totals).double().sum()) / len(logits)


def processed(logits: Floats, labels: Any, change: Callable[[Any, Any], Any] | None) -> Any:
    """Predictions in single precision, as transformers has them, after what the script makes of them."""
    predictions = logits.astype(np.float32)
    if change is None:
        return predictions
    changed = change(torch.from_numpy(predictions), None if labels is None else torch.from_numpy(labels))
    return changed.numpy() if isinstance(changed, torch.Tensor) else changed


def metrics_of(
    predictions: Any, labels: Any, compute: Callable[[Any], dict[str, Any]] | None, prefix: str, mean: float | None
) -> dict[str, Any]:
    """What the script computes of them, each name with its prefix, and the loss."""
    from transformers import trainer_utils

    library: Any = trainer_utils

    found: dict[str, Any] = {}
    if compute is not None and labels is not None:
        given = library.EvalPrediction(predictions=predictions, label_ids=labels)
        found = dict(library.denumpify_detensorize(compute(given)))
    if mean is not None:
        found[f"{prefix}_loss"] = mean
    return {name if name.startswith(f"{prefix}_") else f"{prefix}_{name}": value for name, value in found.items()}


def speed(prefix: str, started: float, rows: float, steps: int) -> dict[str, float]:
    """Seconds since then, and rows and steps a second."""
    seconds = max(time.time() - started, 1e-9)
    return {
        f"{prefix}_runtime": round(seconds, 4),
        f"{prefix}_samples_per_second": round(rows / seconds, 3),
        f"{prefix}_steps_per_second": round(steps / seconds, 3),
    }


def label_ids(targets: Any) -> Any:
    """Labels as transformers hands them out: whole numbers as they are, others in single precision."""
    found = np.asarray(targets)
    return found if np.issubdtype(found.dtype, np.integer) else found.astype(np.float32)
