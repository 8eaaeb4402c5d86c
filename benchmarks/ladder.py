"""Claim: on 2,000 rows of IMDB texts cut to 128 tokens cost less accuracy than rows whose time is the same.

    python benchmarks/ladder.py [--data imdb] [--rows 2000] [--test-rows 2000] [--seeds 0] [--threads N] [--save]

The embedded model is trained on some rows, two epochs of texts of at most 512 tokens, and then in every
shorter way: one epoch, texts cut to 256 and to 128 tokens (head and tail), half and a quarter of the
rows, and some of these together. Whole texts of a quarter of the rows take about the time of 128 tokens
of all of them, so that the two tell what a budget should give up first. All other settings are whet's own.
The plan's ladder says these points.

Points are accuracy on the same test rows, less that of the first way with the same seed; means over the
seeds. Nothing here is timed, so it may run beside other work.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import mean

import numpy as np
from common import emit, parser, rows, saved_today

SHORT = {"truncation": "head-tail"}
# Name to the share of --rows and other settings; the first is what the others are held against.
WAYS: dict[str, tuple[float, dict[str, object]]] = {
    "whole": (1.0, {}),
    "1 epoch": (1.0, {"epochs": 1.0}),
    "256 tokens": (1.0, {"max_length": 256, **SHORT}),
    "128 tokens": (1.0, {"max_length": 128, **SHORT}),
    "half of the rows": (0.5, {}),
    "a quarter of the rows": (0.25, {}),
    "a quarter of the rows, 1 epoch": (0.25, {"epochs": 1.0}),
    "128 tokens, 1 epoch": (1.0, {"epochs": 1.0, "max_length": 128, **SHORT}),
}


def write_rows(path: Path, data: str, side: str, count: int) -> None:
    """The first rows of a fixed permutation, so that fewer are part of more."""
    texts, labels = rows(data, side)
    chosen = np.random.default_rng(0).permutation(len(texts))[:count]
    lines = [json.dumps({"text": texts[row], "label": str(labels[row])}) for row in chosen]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def accuracy(train: Path, test: Path, threads: int | None, **settings: object) -> float:
    import whet

    fixed = {"model": "embedded", "validation": "none", "baseline": False, "yes": True, "quiet": True}
    with tempfile.TemporaryDirectory() as scratch:
        run = whet.train(str(train), test=str(test), output=f"{scratch}/run", threads=threads, **fixed, **settings)  # type: ignore[arg-type]
        return float(run.metrics["test"]["accuracy"])


def main() -> None:
    made = parser(__doc__ or "", rounds=1)
    made.add_argument("--data", choices=("imdb", "sst2"), default="imdb")
    made.add_argument("--rows", type=int, default=2_000)
    made.add_argument("--test-rows", type=int, default=2_000)
    made.add_argument("--seeds", type=int, nargs="+", default=[0])
    made.add_argument("--threads", type=int)
    given = made.parse_args()
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["WHET_CACHE"] = str(folder / "cache")
        write_rows(folder / "test.jsonl", given.data, "test", given.test_rows)
        for seed in given.seeds:
            for name, (share, settings) in WAYS.items():
                train = folder / f"train-{share}.jsonl"
                write_rows(train, given.data, "train", int(given.rows * share))
                found[name].append(accuracy(train, folder / "test.jsonl", given.threads, seed=seed, **settings))
                print(given.data, seed, name, found[name][-1], file=sys.stderr, flush=True)
    first = next(iter(WAYS))
    result = {
        "met": mean(found["128 tokens"]) >= mean(found["a quarter of the rows"]),
        "rows": given.rows,
        "test_rows": given.test_rows,
        "seeds": given.seeds,
        "accuracy": {name: round(mean(values), 4) for name, values in found.items()},
        "points": {name: round(100 * (mean(values) - mean(found[first])), 1) for name, values in found.items()},
    }
    kept = {**saved_today("ladder").get("data", {}), given.data: result}
    emit("ladder", "128 tokens of all rows are no worse than a quarter of the rows", {"data": kept}, save=given.save)


if __name__ == "__main__":
    main()
