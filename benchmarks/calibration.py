"""Claim: on held-out rows of SST-2 the temperature lowers the ECE, and plain transformers gives equal probabilities.

    python benchmarks/calibration.py [--train-rows 20000] [--epochs 2] [--seed 0] [--threads N]

Of the training side of WHET_BENCH_DATA/sst2 rows are drawn by a seed: those to train on, 2,000 of validation, which the
temperature is fitted on, and 5,000 held out. The embedded model is trained and its folder loaded by
AutoModelForSequenceClassification, whose softmax is compared on the held-out rows.
--save keeps the result. Last line: one JSON object.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from common import emit, parser, rows
from pyarrow import parquet

import whet

CLAIM = (
    "on a held-out part of SST-2 the temperature lowers the ECE, and plain transformers gives the same probabilities"
)
VALIDATION_ROWS, HELD_OUT_ROWS = 2_000, 5_000
TOLERANCE = 1e-5


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--train-rows", type=int, default=20_000)
    made.add_argument("--epochs", type=float, default=2.0)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int, default=None)
    arguments = made.parse_args()
    texts, classes = rows("sst2", "train")
    drawn = np.random.Generator(np.random.PCG64(arguments.seed)).permutation(len(texts))
    ends = np.cumsum([arguments.train_rows, VALIDATION_ROWS, HELD_OUT_ROWS])
    sides = dict(zip(("train", "validation", "test"), np.split(drawn, ends), strict=False))
    held_out = [texts[i] for i in sides["test"]]
    with tempfile.TemporaryDirectory() as scratch:
        files = {side: str(Path(scratch) / f"{side}.parquet") for side in sides}
        for side, places in sides.items():
            columns = {"text": [texts[i] for i in places], "label": [str(classes[i]) for i in places]}
            parquet.write_table(pyarrow.table(columns), files[side])
        run = whet.train(
            files["train"], validation=files["validation"], test=files["test"], model="embedded", max_length=128,
            epochs=arguments.epochs, learning_rate=1e-4, baseline=False, near_duplicates=False, label_errors="none",
            seed=arguments.seed, threads=arguments.threads, output=str(Path(scratch) / "run"), yes=True,
        )  # fmt: skip
        found = run.metrics["calibration"]
        plain = softmax_of(run.path / "model", held_out)
        ours = np.array([list(one.probabilities.values()) for one in run.predict(held_out)])
    errors = {
        side: {name: found[side][name] for name in ("ece_before", "ece_after")} for side in ("validation", "test")
    }
    difference = float(np.abs(plain - ours).max())
    for side, each in errors.items():
        print(f"{side:12} ECE {each['ece_before']:.4f} before, {each['ece_after']:.4f} after")
    print(f"temperature {found['temperature']:.3f}; plain transformers differs by {difference:.1e} at the most")
    result: dict[str, Any] = {
        "temperature": found["temperature"], "sides": errors,
        "difference": difference, "accuracy": run.metrics["test"]["accuracy"], "seconds": run.metrics["seconds"],
        "train_rows": arguments.train_rows, "epochs": arguments.epochs, "seed": arguments.seed,
        "holds": errors["test"]["ece_after"] < errors["test"]["ece_before"] and difference <= TOLERANCE,
    }  # fmt: skip
    emit("calibration", CLAIM, result, save=arguments.save)


def softmax_of(folder: Path, texts: list[str]) -> Any:
    """[N, C] by transformers alone."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            coded = tokenizer(
                texts[start : start + 64], padding=True, truncation=True, max_length=128, return_tensors="pt"
            )
            parts.append(model(**coded).logits.softmax(-1).numpy())
    return np.concatenate(parts)


if __name__ == "__main__":
    main()
