"""Claim: an exported model answers as torch does to 1e-4, and what 8-bit weights cost is measured.

    python benchmarks/export.py [--data sample:reviews|sst2|all] [--epochs 2] [--train-rows 20000] [--save]

The embedded model is trained on the embedded reviews, and on rows of WHET_BENCH_DATA/sst2 where that is there, and
exported; `whet export` times the engines in turn. --save keeps the tables. Last line: one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow
from common import emit, parser, rows
from pyarrow import parquet

import whet

CLAIM = "ONNX answers as torch to 1e-4; int8 measured on validation and test"
TOLERANCE = 1e-4


def sst2(home: Path) -> tuple[str, dict[str, Any]]:
    """The training rows, and those that it is tested on."""
    for side in ("train", "test"):
        texts, classes = rows("sst2", side)
        parquet.write_table(pyarrow.table({"text": texts, "label": list(map(str, classes))}), home / f"{side}.parquet")
    return str(home / "train.parquet"), {"test": str(home / "test.parquet"), "learning_rate": 1e-4}


def exported(data: str, arguments: Any) -> dict[str, Any]:
    """export.json of a fresh run."""
    with tempfile.TemporaryDirectory() as scratch:
        source, further = sst2(Path(scratch)) if data == "sst2" else (data, {})
        if data == "sst2":
            further["train_rows"] = arguments.train_rows
        run = whet.train(
            source, model="embedded", max_length=128, epochs=arguments.epochs, baseline=False, near_duplicates=False,
            label_errors="none", threads=arguments.threads, output=str(Path(scratch) / "run"), yes=True, **further,
        )  # fmt: skip
        found = whet.export(run.path, source)
        return dict(json.loads((found.path / "export.json").read_text(encoding="utf-8")))


def show(data: str, found: dict[str, Any]) -> None:
    print(f"{data}: {found['default']} by itself, for {found['reason']}", file=sys.stderr)
    for each in found["engines"]:
        scores = {side: round(score[found["metric"]], 4) for side, score in each["scores"].items()}
        print(
            f"  {each['engine']:6} {each['size'] / 1e6:7.1f} MB  gap {each['largest_difference'] or 0:.1e}  {scores}  "
            f"texts/s {each['texts_per_second']}",
            file=sys.stderr,
        )


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--data", default="all", choices=("sample:reviews", "sst2", "all"))
    made.add_argument("--epochs", type=float, default=2.0)
    made.add_argument("--train-rows", type=int, default=20_000)
    made.add_argument("--threads", type=int, default=None)
    arguments = made.parse_args()
    asked = ("sample:reviews", "sst2") if arguments.data == "all" else (arguments.data,)
    tables = {}
    for data in asked:
        tables[data] = exported(data, arguments)
        show(data, tables[data])
    gaps = {data: found["engines"][1]["largest_difference"] for data, found in tables.items()}
    result = {"holds": max(gaps.values()) <= TOLERANCE, "epochs": arguments.epochs, "tables": tables}
    emit("export", CLAIM, result, save=arguments.save)


if __name__ == "__main__":
    main()
