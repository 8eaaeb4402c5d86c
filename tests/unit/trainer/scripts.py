"""Small jobs that transformers' Trainer and whet's can do alike: no dropout, the same weights, a few rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import whet
from tests.conftest import review_rows

MARKS = 3


def model_of(folder: Path, *, labels: int = 2, problem: str | None = None, dropout: float = 0.0, seed: int = 1) -> Any:
    """A sequence classifier with a new head."""
    torch.manual_seed(seed)
    config = transformers.AutoConfig.from_pretrained(folder, num_labels=labels, problem_type=problem)
    for name in vars(config).copy():
        if "dropout" in name and isinstance(getattr(config, name), int | float):
            setattr(config, name, dropout)
    return transformers.AutoModelForSequenceClassification.from_pretrained(folder, config=config)


def tokenizer_of(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


def rows_of(folder: Path, rows: int = 40, *, padded: int | None = None, task: str = "one") -> list[dict[str, Any]]:
    """Reviews as a tokenizer makes them, `padded` to a length or not at all, of which every third is shorter."""
    tokenizer = tokenizer_of(folder)
    made = []
    for index, (text, label) in enumerate(review_rows()[:rows]):
        text = text if index % 3 else text.partition(",")[0]
        pad = {"padding": "max_length", "max_length": padded} if padded else {}
        row = dict(tokenizer(text, truncation=padded is not None, **pad))
        row["labels"] = {
            "one": int(label == "positive"),
            "several": [float(label == "positive"), float(index % 2), float(len(text) > 50)],
            "value": float(len(text)) / 50,
        }[task]
        made.append(row)
    return made


def accuracy(given: Any) -> dict[str, float]:
    predictions, labels = given
    return {"accuracy": float((np.argmax(predictions, -1) == labels).mean())}


def options(output: Path, **more: Any) -> dict[str, Any]:
    """Arguments that both understand."""
    return {
        "output_dir": str(output), "num_train_epochs": 2, "per_device_train_batch_size": 8, "learning_rate": 1e-3,
        "weight_decay": 0.1, "logging_steps": 1, "eval_strategy": "epoch", "save_strategy": "no", "report_to": "none",
        "disable_tqdm": True, "use_cpu": True, "seed": 3, **more,
    }  # fmt: skip


def theirs(model: Any, output: Path, given: dict[str, Any], **more: Any) -> Any:
    """transformers' Trainer."""
    return transformers.Trainer(model=model, args=transformers.TrainingArguments(**options(output, **given)), **more)


def ours(model: Any, output: Path, given: dict[str, Any], **more: Any) -> whet.Trainer:
    return whet.Trainer(model=model, args=whet.TrainingArguments(**options(output, **given)), **more)


def quiet(trainer: Any) -> Any:
    """Without the callback that prints."""
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def told(trainer: Any) -> list[dict[str, float]]:
    """The history without what hangs on the clock, and without the operations, which each counts in its own way."""
    return [
        {name: value for name, value in each.items() if not name.endswith(("_runtime", "_per_second", "_flos"))}
        for each in trainer.state.log_history
    ]
