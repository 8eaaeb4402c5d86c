"""A checkpoint of each format that was ever released, and what a training that goes on from it does.

    python tests/faults/golden.py

writes that of the format of today into tests/faults/golden/, once for each format and never again: it is kept
so that later versions can be held to reading it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from whet.model.classifier import Classifier
from whet.records import Encoded, Ints, StepRecord
from whet.system import runtime
from whet.training.checkpoints import Checkpoints
from whet.training.keeper import Keeper
from whet.training.loop import Recipe, Training
from whet.training.selection import Selection
from whet.training.state import FORMAT
from whet.training.team import Alone

FOLDER = Path(__file__).with_name("golden")
STEP = 3  # of 6
RECIPE = Recipe(epochs=2.0, batch_size=4, learning_rate=3e-2, weight_decay=0.01, warmup=2.0, max_grad_norm=1.0, seed=7)
SIZES = {
    "vocab_size": 24, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
    "max_position_embeddings": 12, "num_labels": 2, "pad_token_id": 0, "initializer_range": 0.5,
}  # fmt: skip


def job(folder: Path, seed: int) -> tuple[Training, Keeper, Selection, Classifier]:
    """Twelve rows and a very small BERT, whose first weights come from the seed; checkpoints go to `folder`. Without
    dropout, so that the losses do not hang on anybody's random numbers."""
    torch.manual_seed(seed)
    config = BertConfig(**SIZES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    classifier = Classifier(AutoModelForSequenceClassification.from_config(config), device="cpu", seed=1)
    rows, labels = data()
    training = Training(classifier, rows, labels, RECIPE)
    selection = Selection(keep="best", patience=3)
    keeper = Keeper(Checkpoints(folder), training, selection, classifier.model, Alone(runtime.ALONE), 1, beside=False)
    return training, keeper, selection, classifier


def data() -> tuple[Encoded, Ints]:
    ids = (np.arange(12 * 5) * 7 % 23 + 1).astype(np.uint16)
    return Encoded(ids, np.arange(0, 61, 5), np.zeros(12, np.bool_)), np.arange(12, dtype=np.int64) % 2


def write(folder: Path) -> None:
    training, keeper, selection, classifier = job(folder, seed=0)
    later: list[float] = []
    for record in training.records():
        assert isinstance(record, StepRecord)
        if record.step == STEP - 1:
            selection.offer(0.75, record.step, classifier.model)
        if record.step == STEP:
            keeper.save(record, None, {"written": "for later versions"})
        elif record.step > STEP:
            later.append(record.loss)
    (folder / "later.json").write_text(json.dumps(later) + "\n")


if __name__ == "__main__":
    new = FOLDER / f"format-{FORMAT}"
    if new.exists():
        sys.exit(f"{new} is there, and stays as it was written")
    write(new)
