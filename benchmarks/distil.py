"""Claim: a student of half the layers is the better one for having had a teacher, and texts without labels.

    python benchmarks/distil.py --work FOLDER [--data sst2|imdb] [--rows 4000] [--further 20000] [--layers 3,2]
        [--seeds 1,2,3]

For each seed the embedded model is fine-tuned on --rows of --data: the teacher. Students of the first --layers of its
layers are trained on the same rows with the same epochs in four ways: `plain` from the pretrained model on labels
alone, `begun` from the teacher's weights on labels alone, `taught` by the teacher, and `taught more` by it with
--further texts without labels too, of which an epoch has more steps. Those are, of sst2, training texts whose labels
are not looked at, and of imdb its texts without labels. All are scored on the same --test-rows. Every run lies in the
folder --work, is read where it is finished and gone on with where it was stopped, so that the same command goes on
after any interruption. Then teacher and students of the first seed answer the same test texts in turns, on one thread.
--save keeps what was found.

Last line: one JSON object: of each model parameters, megabytes, texts a second, accuracies by seed with mean and
spread, and how alike student and teacher answer. Whether the claim is met is told by the means of `taught more` and
`plain`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from common import alternate, emit, medians, parser, rows, shared

import whet
from whet.prediction import predictor
from whet.preparing.taught import parameters_of

CLAIM = (__doc__ or "").partition("\n")[0].removeprefix("Claim: ").rstrip(".")
FURTHER = {"sst2": "train.parquet", "imdb": "unsup.parquet"}
LENGTH = 128  # tokens, of both ends where a text has more
TEACHER, PLAIN, BEGUN, TAUGHT, MORE = "teacher", "plain", "begun", "taught", "taught more"
WAYS = (PLAIN, BEGUN, TAUGHT, MORE)


def trained(given: argparse.Namespace, name: str, seed: int, **settings: Any) -> whet.Run:
    """A run of the same rows for each model."""
    folder = shared("data") / given.data
    return whet.train(
        folder / "train.parquet", test=str(folder / "test.parquet"), label_names=str(folder / "labels.json"),
        train_rows=given.rows, test_rows=given.test_rows, max_length=LENGTH, truncation="head-tail",
        epochs=given.epochs, seed=seed, baseline=False, near_duplicates=False, label_errors="none", brief=True,
        yes=True, output=str(Path(given.work).resolve() / f"{given.data}-{name.replace(' ', '-')}-{seed}"), **settings,
    )  # fmt: skip


def student(given: argparse.Namespace, way: str, layers: int, teacher: whet.Run, seed: int) -> whet.Run:
    settings: dict[str, Any] = {"layers": layers}
    if way == PLAIN:
        settings["model"] = given.model
    elif way == BEGUN:
        settings["model"] = str(teacher.path)
    else:
        settings["teacher"] = str(teacher.path)
    if way == MORE:
        further = shared("data") / given.data / FURTHER[given.data]
        settings |= {"unlabelled": str(further), "unlabelled_rows": given.further}
    return trained(given, f"{layers} {way}", seed, **settings)


def answering(run: predictor.Predictor, texts: list[str]) -> Callable[[], float]:
    """A rival whose figure is the texts that it answers a second."""

    def work() -> float:
        started = time.perf_counter()
        run.predict(texts)
        return len(texts) / (time.perf_counter() - started)

    return work


def main() -> None:
    arguments = parser(__doc__ or "", rounds=3)
    arguments.add_argument("--work", default="distil-benchmark")
    arguments.add_argument("--data", choices=sorted(FURTHER), default="sst2")
    arguments.add_argument("--model", default="embedded")
    arguments.add_argument("--rows", type=int, default=4_000)
    arguments.add_argument("--further", type=int, default=20_000)
    arguments.add_argument("--test-rows", type=int, default=1_821)
    arguments.add_argument("--epochs", type=float, default=3.0)
    arguments.add_argument("--layers", default="3,2")
    arguments.add_argument("--seeds", default="1,2,3")
    arguments.add_argument("--texts", type=int, default=500, help="that are answered a round")
    given = arguments.parse_args()
    Path(given.work).mkdir(parents=True, exist_ok=True)
    accuracy: dict[str, dict[str, float]] = {}
    agreement: dict[str, dict[str, float]] = {}
    first: dict[str, whet.Run] = {}
    for seed in map(int, given.seeds.split(",")):
        runs = {TEACHER: trained(given, TEACHER, seed, model=given.model)}
        for layers in map(int, given.layers.split(",")):
            for way in WAYS:
                runs[f"{layers} {way}"] = student(given, way, layers, runs[TEACHER], seed)
        for name, run in runs.items():
            accuracy.setdefault(name, {})[str(seed)] = run.metrics["test"]["accuracy"]
            if "teacher" in run.metrics:
                agreement.setdefault(name, {})[str(seed)] = run.metrics["teacher"]["test"]["agreement"]
            print(f"seed {seed}, {name}: {accuracy[name][str(seed)]:.4f}", flush=True)
        first = first or runs
    texts = rows(given.data, "test")[0][: given.texts]
    timed = {name: run for name, run in first.items() if name == TEACHER or name.endswith(f" {TAUGHT}")}
    loaded = {name: predictor.load(run.path / "model", threads=1) for name, run in timed.items()}
    rates = medians(alternate({name: answering(run, texts) for name, run in loaded.items()}, given.rounds))
    means = {name: mean(each.values()) for name, each in accuracy.items()}
    size = {name: run.path / "model" for name, run in first.items()}
    result = {
        "met": all(means[f"{n} {MORE}"] > means[f"{n} {PLAIN}"] for n in given.layers.split(",")),
        "accuracy": accuracy,
        "means": means,
        "spreads": {name: pstdev(each.values()) for name, each in accuracy.items()},
        "agreement": agreement,
        "parameters": {name: parameters_of(folder) for name, folder in size.items()},
        "mb": {name: round((path / "model.safetensors").stat().st_size / 1e6, 1) for name, path in size.items()},
        "texts_a_second": {name: round(rate, 1) for name, rate in rates.items()},
        "times_as_fast": {name: round(rate / rates[TEACHER], 2) for name, rate in rates.items()},
        "settings": {name: value for name, value in vars(given).items() if name not in ("work", "save")},
    }
    emit("distil", CLAIM, result, save=given.save)


if __name__ == "__main__":
    main()
