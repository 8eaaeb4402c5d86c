"""Claim: the settings that whet takes by itself beat those of the reference job, and are worse nowhere.

One `whet train` for each data set, variant and seed, on the embedded model, in a process of its own with one thread.
A variant is what is added to the command: nothing (the defaults), the plain recipe, or an option. What each came to
stands under its command, and is not run again: the runner takes up the newest result that was kept, on whatever day
it was stopped. `--parallel 2` has two at once. Rows of the test side are scored once by each model, and of each it is
kept whether its answer was right.

The defaults are held against the reference job, an option against the defaults. A difference is the mean over the seeds
that both have; its interval and p come from a bootstrap of test rows with all their answers. p is after Holm: that of
the defaults over the data sets, that of an option over all options on all of them.

    python benchmarks/defaults.py [--data sst2 imdb] [--variant defaults reference] [--seeds 0 1 2] [--save]

Last line: one JSON object.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from common import emit, newest, parser, trained

CLAIM = "the settings that whet takes by itself beat those of the reference job, and are worse nowhere"
RESAMPLES = 10_000
TOLD = ("epochs", "batch_size", "learning_rate", "llrd", "warmup")
DATA = {
    "sst2": "sst2/train.parquet --validation sst2/validation.parquet --test sst2/test.parquet "
    "--label-names sst2/labels.json --train-rows 20000 --max-length 128",
    "ag_news": "ag_news/train10k.parquet --test ag_news/test.parquet --text text --label-names ag_news/labels.json "
    "--max-length 128",
    "ko_hate": "ko_hate/train.parquet --test ko_hate/validation.parquet --label-names ko_hate/labels.json "
    "--max-length 128",
    "imdb": "imdb/train.parquet --test imdb/test.parquet --label-names imdb/labels.json --train-rows 2000 "
    "--test-rows 5000 --max-length 128 --truncation head-tail",
    "nsmc": "nsmc/train.parquet --test nsmc/test.parquet --label-names nsmc/labels.json --train-rows 10000 "
    "--test-rows 5000 --max-length 64",
    "mrpc": "mrpc/train.parquet --test mrpc/test.parquet --label-names mrpc/labels.json --max-length 128",
}
VARIANTS = {
    "defaults": "",
    "reference": "--recipe reference",
    "ema": "--ema 0.99",
    "no-llrd": "--learning-rate 2e-4",
    "more-epochs": "--epochs 4",
    "frozen": "--freeze embeddings",
    "lora": "--lora 8",
    "folds": "--folds 5",
    "ensemble": "--seeds 3",
}
ALWAYS = "--model embedded --no-baseline --label-errors none --no-near-duplicates --yes --threads 1"


def command_of(data: str, variant: str, seed: int) -> str:
    """What a person types, in the folder with the data."""
    settings, added = DATA[data], VARIANTS[variant]
    if variant == "no-llrd" and data == "sst2":
        added = "--learning-rate 2.8e-4 --batch-size 32"  # its own, which a rate that is given takes away
    if variant == "folds":  # each is the validation of the others
        settings = re.sub(r"--validation \S+", "", settings)
    return " ".join(f"whet train {settings} {added} {ALWAYS} --seed {seed}".split())


def run(command: str) -> dict[str, Any]:
    """Minutes, scores and answers of one job."""
    with tempfile.TemporaryDirectory() as scratch:
        done = trained(command.removeprefix("whet train "), Path(scratch))
        metrics, settings = done.document("metrics.json"), done.document("run.json")["settings"]
        answers = right_answers(done.run / "predictions.parquet")
    found = {
        **done.minutes(),
        "settings": {name: settings[name]["value"] for name in TOLD},
        **{
            side: {score: round(metrics[side][score], 4) for score in ("accuracy", "macro_f1", "loss")}
            for side in ("validation", "test")
        },
        "right": answers,
    }
    print(command, json.dumps({**found, "right": "..."}), sep="\n", file=sys.stderr, flush=True)
    return found


def right_answers(path: Path) -> str:
    """Of each row of the file that was scored whether its answer was right: numbers in rising order, negative where it
    was wrong, as differences of the numbers, packed."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["row_id", "label", "predicted"])
    rows = np.asarray(table["row_id"].to_pylist(), np.int64)
    right = np.asarray(table["label"].to_pylist()) == np.asarray(table["predicted"].to_pylist())
    order = np.argsort(rows)
    steps = np.diff(rows[order], prepend=-1).astype(np.int32)  # 1 or more
    return base64.b85encode(zlib.compress((steps * np.where(right[order], 1, -1)).astype("<i4").tobytes(), 9)).decode()


def unpacked(right: str) -> dict[int, bool]:
    """Row number to whether its answer was right."""
    steps = np.frombuffer(zlib.decompress(base64.b85decode(right)), "<i4")
    rows = np.cumsum(np.abs(steps)) - 1
    return dict(zip(rows.tolist(), (steps > 0).tolist(), strict=True))


def difference(mine: Iterable[str], theirs: Iterable[str]) -> dict[str, Any]:
    """In accuracy, of models that were trained with the same seeds and scored on the same rows."""
    from whet.score.resample import chance, ends

    rows: dict[int, list[int]] = {}
    for ours, others in zip(mine, theirs, strict=True):
        left, right = unpacked(ours), unpacked(others)
        if left.keys() != right.keys():
            raise SystemExit("two models of one seed were scored on different rows")
        for row, is_right in left.items():
            rows.setdefault(row, []).append(int(is_right) - int(right[row]))
    totals = np.array([sum(each) for each in rows.values()], float)
    counts = np.array([len(each) for each in rows.values()], float)
    generator = np.random.Generator(np.random.PCG64(0))
    drawn = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        chosen = generator.integers(len(totals), size=len(totals))
        drawn[index] = totals[chosen].sum() / counts[chosen].sum()
    low, high = ends(drawn)
    return {
        "difference": round(float(totals.sum() / counts.sum()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "p": chance(drawn),
    }


def table_of(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Mean, spread and minutes of each data set and variant, and how it differs from what it is held against."""
    from whet.comparison import holm

    found: dict[str, Any] = {}
    families: dict[str, list[dict[str, Any]]] = {"reference": [], "defaults": []}
    for name, variant in product(DATA, VARIANTS):
        seeds = runs_of(runs, name, variant)
        if not seeds:
            continue
        found[f"{name} {variant}"] = entry = {
            "seeds": list(seeds),
            **summary([each["test"]["accuracy"] for each in seeds.values()]),
            "macro_f1": round(mean(each["test"]["macro_f1"] for each in seeds.values()), 4),
            "validation": round(mean(each["validation"]["accuracy"] for each in seeds.values()), 4),
            "minutes": round(mean(each["minutes"] for each in seeds.values()), 1),
            "processor_minutes": round(mean(each["processor_minutes"] for each in seeds.values()), 1),
        }
        against = "reference" if variant == "defaults" else "defaults"
        theirs = runs_of(runs, name, against)
        both = [seed for seed in seeds if seed in theirs]
        if variant != "reference" and both:
            answers = [[each[seed]["right"] for seed in both] for each in (seeds, theirs)]
            entry["against"] = {"variant": against, "seeds": both, **difference(*answers)}
            families[against].append(entry["against"])
    for compared in families.values():
        for entry, p in zip(compared, holm([each["p"] for each in compared]), strict=True):
            entry["p"] = round(float(p), 4)
    return found


def runs_of(runs: Mapping[str, Mapping[str, Any]], name: str, variant: str) -> dict[int, Mapping[str, Any]]:
    """Seed to its run, of those that there are."""
    return {seed: runs[command] for seed in range(100) if (command := command_of(name, variant, seed)) in runs}


def summary(scores: list[float]) -> dict[str, float | None]:
    return {
        "accuracy": round(mean(scores), 4),
        "spread": round(stdev(scores), 4) if len(scores) > 1 else None,
    }


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--data", nargs="*", choices=list(DATA), default=list(DATA)[:4])
    made.add_argument("--variant", nargs="+", choices=list(VARIANTS), default=["defaults", "reference"])
    made.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    made.add_argument("--parallel", type=int, default=1)
    given = made.parse_args()
    runs: dict[str, dict[str, Any]] = dict(newest("defaults").get("runs", {}))
    asked = (command_of(name, variant, seed) for seed, variant, name in product(given.seeds, given.variant, given.data))
    left = [command for command in dict.fromkeys(asked) if command not in runs]
    with ThreadPoolExecutor(given.parallel) as pool:
        waiting = {command: pool.submit(run, command) for command in left}
        for command, found in waiting.items():
            runs[command] = found.result()
            emit("defaults", CLAIM, {"table": table_of(runs), "runs": runs}, save=given.save)
    if not left:
        emit("defaults", CLAIM, {"table": table_of(runs), "runs": runs}, save=given.save)


if __name__ == "__main__":
    main()
