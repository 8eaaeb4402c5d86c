"""Claim: from csv to scores, SST-2 takes 1/6 of the reference script's time and 1/1.3 of the best Trainer script's.

    python benchmarks/wall.py [--rows 20000] [--reference-rows 1000 2000] [--rounds 3] [--save]

MiniLM on a CPU, 20,000 phrases, 1 epoch, batch 16, 128 tokens, learning rate 1e-4, scored on the 1,821
test rows. A figure is the seconds of a whole process, from its start to its end: imports, reading,
tokenising, training, scores, saving the model. Each rival is a new process each time, its caches an empty
folder; they take turns, and the round's number is the seed. Before the rounds each runs once on a few
rows, so that the packages' files are in memory. It means something only where the cores are free, for
whet takes fewer threads on a busy machine and the others do not.

whet is `whet train` as a user types it, with its TF-IDF baseline, and without a validation side, so
that all train on the same rows. The reference script reads with datasets, pads every text to 128 tokens,
leaves the optimiser to the Trainer and tests 16 rows at a time; the best Trainer script pads to the
longest of a batch, makes batches of like length, attends eagerly, uses the fused optimiser and tests 64
rows at a time. Both score accuracy, precision, recall and F1 by scikit-learn and save the model once, at
the end.

The reference is run on fewer rows, and its time for all of them is EXTRAPOLATED: each of its steps
costs the same, so its time is a straight line, a fixed part and a part for each row. The fixed part has
the start, the test side, whole at each size, and the slow first steps of a process. The last line says
`reference_extrapolated`, and its accuracy is that of the fewer rows; `--reference-rows 20000` runs it
whole, which on two cores takes half an hour a round, and `--reference-rows` alone leaves it out:

    python benchmarks/wall.py --rows 2000 --reference-rows --rounds 5 --save  # the accuracy of five seeds
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import linear_regression
from typing import Any

import numpy as np
from common import alternate, emit, medians, parser, rows

ROWS = 20_000
BATCH, EVALUATION_BATCH, MAX_LENGTH, LEARNING_RATE, SEED, WARM = 16, 64, 128, 1e-4, 0, 32
AIMS = {"reference": 6.0, "trainer": 1.3}


def write_rows(path: Path, side: str, count: int | None) -> int:
    """The first `count` rows of a fixed permutation as csv, so that fewer rows are part of more; gives
    how many were written."""
    texts, labels = rows("sst2", side)
    chosen = np.random.default_rng(SEED).permutation(len(texts))[:count]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((texts[row], labels[row]) for row in chosen)])
    return len(chosen)


# ---------------------------------------------------------------- the rivals, each a process


class Rival:
    """A command that trains on the first rows of a folder; what each of its processes said is kept."""

    def __init__(self, name: str, data: Path, count: int, model: Path) -> None:
        self.said: list[dict[str, float]] = []
        self._name, self._data, self._count, self._model = name, data, count, model

    def __call__(self) -> float:
        with tempfile.TemporaryDirectory() as scratch:
            output = Path(scratch) / "run"
            environment = {
                **os.environ,
                "WHET_CACHE": str(Path(scratch) / "cache"),
                "HF_HOME": str(Path(scratch) / "hub"),  # the cache of datasets lies in it
                "HF_HUB_OFFLINE": "1",
                "CUDA_VISIBLE_DEVICES": "",
            }
            started = time.perf_counter()
            done = subprocess.run(self._command(output), capture_output=True, text=True, env=environment)
            seconds = time.perf_counter() - started
            if done.returncode:
                raise SystemExit(f"{self._name}, {self._count} rows: {done.stderr[-2000:]}")
            said = self._of_whet(output) if self._name == "whet" else json.loads(done.stdout.splitlines()[-1])
        said["other"] = seconds - said["train"] - said["evaluate"]
        self.said.append(said)
        told = ", ".join(f"{name} {value:.3f}" for name, value in said.items())
        print(f"{self._name}, {self._count} rows: {seconds:.1f} s; {told}", file=sys.stderr, flush=True)
        return seconds

    def _command(self, output: Path) -> list[str]:
        train, test, seed = self._data / f"train-{self._count}.csv", self._data / "test.csv", len(self.said) + 1
        if self._name == "whet":
            return [
                sys.executable, "-m", "whet", "train", str(train), "--test", str(test), "--validation", "none",
                "--model", "embedded", "--max-length", str(MAX_LENGTH), "--epochs", "1", "--batch-size", str(BATCH),
                "--learning-rate", str(LEARNING_RATE), "--seed", str(seed), "--output", str(output), "--fresh",
                "--precision", "fp32",  # which the scripts have
            ]  # fmt: skip
        return [
            sys.executable, __file__, "--serve", self._name, "--train", str(train), "--test", str(test),
            "--model", str(self._model), "--seed", str(seed), "--output", str(output),
        ]  # fmt: skip

    def _of_whet(self, output: Path) -> dict[str, float]:
        metrics = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
        return {**metrics["seconds"], "accuracy": metrics["test"]["accuracy"]}


def script(given: argparse.Namespace) -> dict[str, float]:
    """The reference script, or the best Trainer script: what each costs, and the accuracy."""
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    best = given.serve == "trainer"
    set_seed(given.seed)
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    sides = load_dataset("csv", data_files={"train": given.train, "test": given.test})
    padding = False if best else "max_length"

    def encode(part: Mapping[str, list[str]]) -> Any:
        return tokenizer(part["text"], padding=padding, truncation=True, max_length=MAX_LENGTH)

    sides = sides.map(encode, batched=True)
    ways: dict[str, Any] = {"per_device_eval_batch_size": BATCH}
    if best:
        ways = {
            "per_device_eval_batch_size": EVALUATION_BATCH,
            "train_sampling_strategy": "group_by_length",
            "optim": "adamw_torch_fused",
        }
    model = AutoModelForSequenceClassification.from_pretrained(
        given.model, num_labels=2, attn_implementation="eager" if best else None
    )
    arguments = TrainingArguments(
        output_dir=given.output, num_train_epochs=1, per_device_train_batch_size=BATCH, learning_rate=LEARNING_RATE,
        logging_steps=100, save_strategy="no", report_to="none", seed=given.seed, **ways,
    )  # fmt: skip
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=sides["train"],
        eval_dataset=sides["test"],
        data_collator=DataCollatorWithPadding(tokenizer) if best else None,
        compute_metrics=scores,
    )
    started = time.perf_counter()
    trainer.train()
    trained = time.perf_counter()
    found = trainer.evaluate()
    evaluated = time.perf_counter()
    trainer.save_model()
    return {"train": trained - started, "evaluate": evaluated - trained, "accuracy": found["eval_accuracy"]}


def scores(answers: Any) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    predicted = answers.predictions.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(answers.label_ids, predicted, average="binary")
    accuracy = accuracy_score(answers.label_ids, predicted)
    return {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}


# ---------------------------------------------------------------- the figures


def reference_at(count: int, measured: Mapping[int, float]) -> dict[str, float]:
    """Seconds of the reference with `count` rows: as measured, or on the straight line through the
    measured numbers of rows, whose fixed part and part for each row are then told too."""
    if count in measured:
        return {"seconds": measured[count]}
    per_row, fixed = linear_regression(list(measured), list(measured.values()))
    return {"seconds": fixed + per_row * count, "fixed_seconds": fixed, "seconds_per_row": per_row}


def compared(count: int, sizes: list[int], middle: Mapping[str, float]) -> dict[str, Any]:
    """What follows from the median seconds of every rival."""
    seconds = {"whet": middle["whet"], "trainer": middle["trainer"]}
    reference: dict[str, float] = {}
    if sizes:
        reference = reference_at(count, {size: middle[f"reference, {size} rows"] for size in sizes})
        seconds["reference"] = reference.pop("seconds")
    ratio = {name: round(seconds[name] / seconds["whet"], 2) for name in AIMS if name in seconds}
    return {
        "met": bool(sizes) and all(seconds[name] / seconds["whet"] >= aim for name, aim in AIMS.items()),
        "ratio": ratio,
        "aims": AIMS,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "reference_extrapolated": bool(sizes) and count not in sizes,
        "reference_line": {name: round(value, 4) for name, value in reference.items()},
    }


def write_data(folder: Path, sizes: set[int], test: int | None) -> int:
    """A training file of each size and a test file; the rows of the test file."""
    folder.mkdir()
    for size in sizes:
        there = write_rows(folder / f"train-{size}.csv", "train", size)
        if there < size:
            raise SystemExit(f"{size} training rows were asked for, and there are {there}")
    return write_rows(folder / "test.csv", "test", test)


def measure(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    from whet.model.files import find

    model, sizes = find("embedded").folder, sorted(set(given.reference_rows))
    test_rows = write_data(scratch / "data", {given.rows, *sizes}, None)
    write_data(scratch / "few", {WARM}, WARM)
    alternate({name: Rival(name, scratch / "few", WARM, model) for name in ("whet", *AIMS)}, 1, warmup=0)
    rivals = {name: Rival(name, scratch / "data", given.rows, model) for name in ("whet", "trainer")}
    rivals |= {f"reference, {size} rows": Rival("reference", scratch / "data", size, model) for size in sizes}
    figures = alternate(rivals, given.rounds, warmup=0)  # warm already, and each process starts with nothing
    parts = {
        name: medians({part: [said[part] for said in rival.said] for part in rival.said[0]})
        for name, rival in rivals.items()
    }
    return {
        **compared(given.rows, sizes, medians(figures)),
        "rows": given.rows,
        "test_rows": test_rows,
        "accuracy": {name: round(part.pop("accuracy"), 4) for name, part in parts.items()},
        "parts": {name: {kind: round(value, 1) for kind, value in part.items()} for name, part in parts.items()},
        "rounds": {name: [round(value, 1) for value in values] for name, values in figures.items()},
    }


def main() -> None:
    made = parser(__doc__ or "", rounds=3)
    made.add_argument("--rows", type=int, default=ROWS)
    made.add_argument("--reference-rows", type=int, nargs="*", default=[1_000, 2_000])
    made.add_argument("--serve", choices=AIMS, help=argparse.SUPPRESS)
    for name in ("--train", "--test", "--model", "--output"):
        made.add_argument(name, help=argparse.SUPPRESS)
    made.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = made.parse_args()
    if given.serve:
        print(json.dumps(script(given)))
        return
    if given.rows not in given.reference_rows and len(set(given.reference_rows)) == 1:
        made.error(f"--reference-rows needs two numbers of rows, {given.rows} alone, or none at all")
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(given, Path(scratch))
    name = "wall" if given.rows == ROWS else f"wall_{given.rows}_rows"
    emit(name, "rival / whet, seconds from csv to scores on a CPU", result, save=given.save)


if __name__ == "__main__":
    main()
