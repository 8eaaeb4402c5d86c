"""What the tests of models and training share: small classifiers and batches of random tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from whet.labels import LabelSet
from whet.model import encoder
from whet.model.classifier import Classifier
from whet.model.dropout import Dropout
from whet.model.files import ModelFiles
from whet.records import Batch, Encoded
from whet.training.gradient import OnDevice

TWO = LabelSet(("neg", "pos"), "pos", "by its name")
THREE = LabelSet(("a", "b", "c"), None, "")

# Those whose attention is asked for by its name, and those that are run layer by layer.
REGISTERED = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert")
PACKED = (*REGISTERED, "deberta-v2")
PADDED = ("mpnet",)


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


def without_dropout(made: Classifier) -> Classifier:
    """On the route of dropout, at a rate that rounds to no level at all."""
    for module in made.model.modules():
        if isinstance(module, Dropout):
            module.p = 1e-6
        if hasattr(module, "attention_dropout"):  # ModernBERT keeps this rate outside of a module
            module.attention_dropout = 1e-6
    made.model.train()
    return made


def sequences(lengths: Sequence[int], *, vocabulary: int, seed: int = 0) -> list[list[int]]:
    """Random tokens, special ones among them."""
    generator = np.random.default_rng(seed)
    return [generator.integers(0, vocabulary, length).tolist() for length in lengths]


def batch(
    rows: Sequence[Sequence[int]], labels: Sequence[int] | None = None, seconds: Sequence[int] | None = None
) -> Batch:
    """The rows end to end in the order given; those of pairs with the places where the second texts begin."""
    cu_seqlens = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    ids = np.asarray([token for row in rows for token in row], dtype=np.int64)
    given = None if labels is None else np.asarray(labels, dtype=np.int64)
    places = None if seconds is None else np.asarray(seconds, dtype=np.int64)
    return Batch(ids, cu_seqlens, np.arange(len(rows), dtype=np.int64), given, places)


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


def compare(made: Classifier, plain: Any, rows: Sequence[Sequence[int]], tolerance: float = 1e-5) -> None:
    """Logits and the gradients of all parameters, relative to the largest of each tensor.

    A gradient that is zero by the mathematics (that of a key's bias, say) is rounding alone: what lies
    below a hundredth of the largest gradient of all is held against that hundredth.
    """
    targets = torch.arange(len(rows)) % made.model.config.num_labels
    results = []
    for model, logits in ((made.model, made.logits(batch(rows))), (plain, padded_logits(plain, rows))):
        model.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(logits, targets).backward()
        results.append({"logits": logits.detach()} | {name: part.grad for name, part in model.named_parameters()})
    ours, theirs = results
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] is None} == {name for name in theirs if theirs[name] is None}
    floor = 1e-2 * max(float(value.abs().max()) for value in theirs.values() if value is not None)
    wrong = {
        name: gap(value, theirs[name])
        for name, value in ours.items()
        if value is not None and gap(value, theirs[name]) > tolerance * max(float(theirs[name].abs().max()), floor)
    }
    assert wrong == {}


def gradients(objective: OnDevice, model: Any) -> dict[str, Tensor | None]:
    """By name, that of the word table with a row for every word."""
    found: dict[str, Tensor | None] = dict.fromkeys(name for name, _ in model.named_parameters())
    trained = [(name, own) for name, own in model.named_parameters() if own.requires_grad]
    for (name, own), parameter in zip(trained, objective.parameters, strict=True):
        found[name] = parameter.grad
        if own is not parameter:
            assert parameter.grad is not None
            found[name] = torch.zeros_like(own).index_copy_(0, objective._words._used, parameter.grad)
    return found


class LargestTensor(TorchDispatchMode):
    """Elements of the largest tensor that any operation under it gave."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, tuple | list) else (out,):
            if isinstance(value, Tensor):
                self.elements = max(self.elements, value.numel())
        return out
