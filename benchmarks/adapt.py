"""Claim: a model that has read the unlabelled texts of its data set is the better one to fine-tune.

    python benchmarks/adapt.py --work FOLDER [--texts 50000] [--epochs 1] [--rows 2000] [--seeds 0,1,2] [--budget 2h]

The model is adapted once to --texts of --unlabelled, with seed 0, and then fine-tuned with and without it on the same
--rows for each seed, cut at --max-length tokens head and tail, with the settings that whet takes by itself but for
--train-epochs and --rate where they are given, and scored on the same --test-rows. Every run lies in
the folder --work, is read where it is finished and gone on with where it was stopped, so that the same command goes on
after any interruption. --skip-adapt takes a folder of `whet adapt` instead. --save keeps what was found. Last line:
one JSON object: accuracies by seed, their means and spreads, the difference with its interval for each seed, the loss
of hidden tokens before and after, and minutes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from common import emit, parser, shared

import whet

CLAIM = "a model that has read the unlabelled texts of its data set is the better one to fine-tune"


def adapted(given: argparse.Namespace, work: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the adapted model, and its figures."""
    if given.skip_adapt is not None:
        folder = Path(given.skip_adapt)
        return folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    settings: dict[str, Any] = {"train_rows": given.texts, "seed": 0, "output": str(work / "adapted"), "yes": True}
    for name, value in (("epochs", given.epochs), ("budget", given.budget), ("learning_rate", given.adapt_rate)):
        if value is not None:
            settings[name] = value
    end = whet.adapt(given.model, shared("data") / given.data / given.unlabelled, **settings)
    return end.path, dict(end.metrics)


def tuned(given: argparse.Namespace, work: Path, model: str, name: str, seed: int) -> whet.Run:
    """A fine-tuned run, of the same rows for each seed."""
    folder = shared("data") / given.data
    asked: dict[str, Any] = {"epochs": given.train_epochs, "learning_rate": given.rate}
    return whet.train(
        folder / "train.parquet", test=str(folder / "test.parquet"), label_names=str(folder / "labels.json"),
        model=model, train_rows=given.rows, test_rows=given.test_rows, max_length=given.max_length,
        truncation="head-tail", seed=seed, baseline=False, near_duplicates=False, label_errors="none", brief=True,
        yes=True, output=str(work / f"{name}-{seed}"),
        **{name: value for name, value in asked.items() if value is not None},
    )  # fmt: skip


def main() -> None:
    arguments = parser(__doc__ or "", rounds=1)
    arguments.add_argument("--work", default="adapt-benchmark")
    arguments.add_argument("--model", default="embedded")
    arguments.add_argument("--data", default="imdb")
    arguments.add_argument("--unlabelled", default="unsup.parquet")
    arguments.add_argument("--texts", type=int, default=50_000)
    arguments.add_argument("--epochs", type=float, default=None)
    arguments.add_argument("--budget", default=None)
    arguments.add_argument("--adapt-rate", type=float, default=None)
    arguments.add_argument("--skip-adapt", default=None, metavar="FOLDER")
    arguments.add_argument("--rows", type=int, default=2_000)
    arguments.add_argument("--test-rows", type=int, default=5_000)
    arguments.add_argument("--max-length", type=int, default=128)
    arguments.add_argument("--train-epochs", type=float, default=None)
    arguments.add_argument("--rate", type=float, default=None)
    arguments.add_argument("--seeds", default="0,1,2")
    given = arguments.parse_args()
    work = Path(given.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    folder, learnt = adapted(given, work)
    accuracy: dict[str, dict[str, float]] = {"plain": {}, "adapted": {}}
    minutes: dict[str, list[float]] = {"plain": [], "adapted": []}
    differences: dict[str, Any] = {}
    for seed in map(int, given.seeds.split(",")):
        runs = [
            tuned(given, work, model, name, seed) for name, model in (("plain", given.model), ("adapted", str(folder)))
        ]
        for name, run in zip(accuracy, runs, strict=True):
            accuracy[name][str(seed)] = run.metrics["test"]["accuracy"]
            minutes[name].append(run.metrics["seconds"]["train"] / 60)
        found = whet.compare(*runs).runs[1].against_first
        if found is not None:
            differences[str(seed)] = {
                "points": 100 * found.difference,
                "interval": [100 * end for end in found.interval],
            }
        print(f"seed {seed}: {accuracy['plain'][str(seed)]:.4f} {accuracy['adapted'][str(seed)]:.4f}", flush=True)
    means = {name: mean(each.values()) for name, each in accuracy.items()}
    result = {
        "met": means["adapted"] > means["plain"],
        "accuracy": accuracy,
        "means": means,
        "spreads": {name: pstdev(each.values()) for name, each in accuracy.items()},
        "differences": differences,
        "adapting": {**learnt, "minutes": learnt["seconds"]["train"] / 60},
        "minutes": {name: mean(each) for name, each in minutes.items()},
        "settings": {name: value for name, value in vars(given).items() if name not in ("work", "save", "rounds")},
    }
    emit("adapt", CLAIM, result, save=given.save)


if __name__ == "__main__":
    main()
