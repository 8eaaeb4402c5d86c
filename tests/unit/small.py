"""What the tests of models and training share: small classifiers and batches of random tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.labels import LabelSet
from whet.model import encoder
from whet.model.classifier import Classifier
from whet.model.files import ModelFiles
from whet.records import Batch, Encoded

TWO = LabelSet(("neg", "pos"), "pos", "by its name")
THREE = LabelSet(("a", "b", "c"), None, "")

PACKED = ("bert", "roberta", "xlm-roberta", "distilbert", "electra")
PADDED = ("mpnet", "deberta-v2")


def stock(folder: Path, *, labels: LabelSet = THREE, layers: int | None = None, seed: int = 0) -> Any:
    """The transformers model with a new head, in eval mode, with its own attention."""
    torch.manual_seed(seed)
    model, _ = encoder.load_pretrained(ModelFiles(str(folder), folder, folder.name), labels, layers=layers)
    return model.eval()


def classifier(folder: Path, *, labels: LabelSet = THREE, seed: int = 0) -> Classifier:
    """Ours, with the weights of `stock` of the same seed, in eval mode."""
    made = Classifier(stock(folder, labels=labels, seed=seed), device="cpu", seed=seed)
    made.model.eval()
    return made


def sequences(lengths: Sequence[int], *, vocabulary: int, seed: int = 0) -> list[list[int]]:
    """Random tokens, special ones among them."""
    generator = np.random.default_rng(seed)
    return [generator.integers(0, vocabulary, length).tolist() for length in lengths]


def batch(rows: Sequence[Sequence[int]], labels: Sequence[int] | None = None) -> Batch:
    """The rows end to end in the order given."""
    cu_seqlens = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    ids = np.asarray([token for row in rows for token in row], dtype=np.int64)
    given = None if labels is None else np.asarray(labels, dtype=np.int64)
    return Batch(ids, cu_seqlens, np.arange(len(rows), dtype=np.int64), given)


def encoded(rows: Sequence[Sequence[int]]) -> Encoded:
    whole = batch(rows)
    return Encoded(whole.ids.astype(np.uint16), whole.cu_seqlens, np.zeros(len(rows), np.bool_))


def padded_logits(model: Any, rows: Sequence[Sequence[int]]) -> Tensor:
    """What plain transformers gives for the rows, padded to the longest, under an attention mask."""
    ids = torch.full((len(rows), max(len(row) for row in rows)), model.config.pad_token_id)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    logits: Tensor = model(input_ids=ids, attention_mask=mask).logits
    return logits


def single_logits(model: Any, rows: Sequence[Sequence[int]]) -> Tensor:
    """What plain transformers gives for each row alone."""
    return torch.cat([model(input_ids=torch.tensor([row])).logits for row in rows])


def gap(left: Tensor, right: Tensor) -> float:
    assert left.shape == right.shape
    return float((left - right).abs().max())
