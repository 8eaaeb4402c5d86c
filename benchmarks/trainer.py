"""Claim: a transformers script trains at least 4 times the rows a second once its Trainer is whet's.

The script is that of the reference job: IMDB, MiniLM, every text padded to 512 tokens by `map`, batch 16, an evaluation
after the epoch; only the import line differs. The rows are spread evenly over the lengths of 3,200. Each Trainer runs
in a process of its own, and they take turns. `train` is the rate of the training alone, `whole` that of
`trainer.train()` with its evaluation, over the rows of both.

    python benchmarks/trainer.py --rows 64 --save
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import alternate, emit, medians, parser, rows
from train_cpu import Process, model_folder

BATCH, LENGTH, POOL, SEED, AIM = 16, 512, 3_200, 0, 4.0


def chosen(count: int) -> tuple[list[str], list[int]]:
    """Texts and labels, evenly spread over the lengths of the pool, in a fixed random order."""
    texts, labels = rows("imdb")
    generator = np.random.default_rng(SEED)
    pool = sorted(generator.permutation(len(texts))[:POOL], key=lambda row: len(texts[row]))
    taken = generator.permutation([pool[int((i + 0.5) * POOL / count)] for i in range(count)])
    return [texts[row] for row in taken], [labels[row] for row in taken]


def script(name: str, folder: Path, count: int, scratch: Path) -> Callable[[], dict[str, float]]:
    """The script with the Trainer of one of the two, up to its training."""
    import datasets
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if name == "whet":
        from whet import Trainer, TrainingArguments
    else:
        from transformers import Trainer, TrainingArguments
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts, labels = chosen(count + count // 2)
    data = datasets.Dataset.from_dict({"text": texts, "label": labels}).map(
        lambda batch: tokenizer(batch["text"], padding="max_length", truncation=True, max_length=LENGTH), batched=True
    )
    train, test = data.select(range(count)), data.select(range(count, len(texts)))
    arguments: Any = TrainingArguments(
        output_dir=str(scratch / name), num_train_epochs=1, per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH, eval_strategy="epoch", save_strategy="no", weight_decay=0.01,
        logging_steps=100, report_to="none", disable_tqdm=True, use_cpu=True, seed=SEED,
    )  # fmt: skip

    def run() -> dict[str, float]:
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
        trainer: Any = Trainer(model=model, args=arguments, train_dataset=train, eval_dataset=test)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        evaluated = next(log["eval_runtime"] for log in trainer.state.log_history if "eval_runtime" in log)
        return {"rows_per_second": len(train) / (seconds - evaluated), "whole": (len(train) + len(test)) / seconds}

    return run


def serve(name: str, count: int, scratch: Path) -> None:
    """A process of one Trainer: one JSON line for each line it is given."""
    run = script(name, model_folder("minilm", scratch), count, scratch)
    for _ in sys.stdin:
        print("RESULT " + json.dumps(run()), flush=True)


def main() -> None:
    made = parser(__doc__ or "", rounds=3)
    made.add_argument("--rows", type=int, default=64, help="rows to train on; half as many are evaluated")
    made.add_argument("--serve", help=argparse.SUPPRESS)
    made.add_argument("--job", help=argparse.SUPPRESS)
    made.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = made.parse_args()
    if given.serve:
        serve(given.serve, int(given.job), given.scratch)
        return
    with tempfile.TemporaryDirectory() as scratch:
        rivals = {name: Process(name, str(given.rows), Path(scratch), script=__file__) for name in ("whet", "trainer")}
        figures = alternate(dict(rivals), given.rounds)
        for rival in rivals.values():
            rival.close()
    middle = medians(figures)
    whole = medians({name: [said["whole"] for said in rival.said[-given.rounds :]] for name, rival in rivals.items()})
    ratio = middle["whet"] / middle["trainer"]
    result = {
        "rows": given.rows,
        "train": {name: round(value, 3) for name, value in middle.items()},
        "whole": {name: round(value, 3) for name, value in whole.items()},
        "rounds": {name: [round(value, 3) for value in values] for name, values in figures.items()},
        "ratio": round(ratio, 2),
        "ratio_whole": round(whole["whet"] / whole["trainer"], 2),
        "aim": AIM,
        "met": ratio >= AIM,
    }
    emit("trainer", "whet.Trainer / transformers.Trainer, rows a second of one script", result, save=given.save)


if __name__ == "__main__":
    main()
