"""Claim: with 5 % of SST-2's training labels flipped, relabel.csv holds at least 60 % of them in its first 5 % of rows.

    python benchmarks/label_errors.py [--rows 67349] [--share 0.05] [--epochs 1] [--seed 0] [--threads N]

Rows of the training side of WHET_BENCH_DATA/sst2 are drawn by a seed, a share of their labels is exchanged, the
embedded model is trained on them with `--label-errors all`, and the flipped rows are counted among the first rows of
its relabel.csv that are of the training side: as many as that share of the training rows. --save keeps the result.
Last line: one JSON object.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
from common import emit, parser, rows
from pyarrow import parquet

import whet

CLAIM = "with 5 % of SST-2's training labels flipped, relabel.csv holds at least 60 % of them in its first 5 % of rows"
AIM = 0.6
NAMES = ("negative", "positive")


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rows", type=int, default=67_349)
    made.add_argument("--share", type=float, default=0.05)
    made.add_argument("--epochs", type=float, default=1.0)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int, default=None)
    arguments = made.parse_args()
    texts, classes = rows("sst2")
    generator = np.random.Generator(np.random.PCG64(arguments.seed))
    drawn = generator.permutation(len(texts))[: arguments.rows].tolist()
    flipped = set(generator.permutation(len(drawn))[: round(arguments.share * len(drawn))].tolist())
    data = [(texts[row], NAMES[classes[row] ^ (place in flipped)]) for place, row in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as scratch:
        run = whet.train(
            data, model="embedded", epochs=arguments.epochs, max_length=128, learning_rate=1e-4, test="none",
            baseline=False, near_duplicates=False, label_errors="all", seed=arguments.seed, threads=arguments.threads,
            output=str(Path(scratch) / "run"), yes=True,
        )  # fmt: skip
        with (run.path / "relabel.csv").open(encoding="utf-8-sig", newline="") as file:
            listed = [int(row["row_id"]) for row in csv.DictReader(file) if row["side"] == "train"]
        splits = parquet.read_table(run.path / "splits.parquet").to_pydict()
        metrics = run.metrics
    train = {row for row, side in zip(splits["row_id"], splits["side"], strict=True) if side == "train"}
    there, first = flipped & train, listed[: round(arguments.share * len(train))]
    found = len(there.intersection(first)) / len(there)
    print(f"{len(there)} of {len(train):,} training labels flipped; {found:.1%} of them in the first {len(first)} rows")
    result = {
        "share": arguments.share, "epochs": arguments.epochs, "seed": arguments.seed, "train_rows": len(train),
        "flipped": len(there), "found": round(found, 4), "listed": len(listed), "first": len(first),
        "flipped_listed": len(there.intersection(listed)), "by": metrics["label_errors"]["train"]["by"],
        "validation_accuracy": metrics["validation"]["accuracy"], "seconds": metrics["seconds"],
        "holds": found >= AIM,
    }  # fmt: skip
    emit("label_errors", CLAIM, result, save=arguments.save)


if __name__ == "__main__":
    main()
