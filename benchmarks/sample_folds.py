"""Claim: on sample:reviews the fine-tuned embedded model is at least 5 points above TF-IDF.

    python benchmarks/sample_folds.py [--recipe demo] [--folds 5] [--seed 0] [--threads N]

Stratified folds over all 1,200 rows, train and test side together; the settings are those of the
recipe, the baseline is the one that `whet train` prints (word 1-2 grams, C by cross-validation within
the training rows). Last line: one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np

import whet
from whet.data.columns import examples, find_columns
from whet.data.read import read
from whet.records import Table
from whet.system.runtime import versions


def folds(labels: list[str], count: int, seed: int) -> list[list[int]]:
    """Row numbers of each fold, every class spread evenly."""
    by_label = defaultdict(list)
    for row, label in enumerate(labels):
        by_label[label].append(row)
    generator = np.random.Generator(np.random.PCG64(seed))
    parts: list[list[int]] = [[] for _ in range(count)]
    for rows in by_label.values():
        for position, row in enumerate(generator.permutation(rows).tolist()):
            parts[position % count].append(row)
    return [sorted(part) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    texts: list[str] = []
    labels: list[str] = []
    for table in read("sample:reviews").tables.values():
        found = examples(table, find_columns(table, text=None, label=None))
        texts += found.texts
        labels += found.labels or ()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, held in enumerate(folds(labels, arguments.folds, arguments.seed)):
            out = set(held)
            kept = [row for row in range(len(texts)) if row not in out]
            sides = {
                side: Table(
                    side,
                    {"text": [texts[row] for row in rows], "label": [labels[row] for row in rows]},
                    [f"row {row}" for row in rows],
                )
                for side, rows in (("train", kept), ("test", held))
            }
            output = str(Path(scratch) / f"fold-{number}")
            run = whet.train(sides, recipe=arguments.recipe, output=output, threads=arguments.threads)
            model, tfidf = run.metrics["test"]["accuracy"], run.metrics["baselines"]["tfidf"]["accuracy"]
            seconds = run.metrics["seconds"]["train"]
            results.append({"model": model, "tfidf": tfidf, "train_seconds": round(seconds, 1)})
            print(f"fold {number + 1}: model {model:.4f}, TF-IDF {tfidf:.4f}, {seconds:.0f} s", flush=True)
    print(
        json.dumps(
            {
                "benchmark": "sample_folds",
                "recipe": arguments.recipe,
                "seed": arguments.seed,
                "model": mean(fold["model"] for fold in results),
                "tfidf": mean(fold["tfidf"] for fold in results),
                "folds": results,
                "versions": versions(),
            }
        )
    )


if __name__ == "__main__":
    main()
