"""Claim: the models of five folds beat one of them on test, with the mean of logits as with that of probabilities.

    python benchmarks/fold_average.py [--data sst2] [--model linear] [--rows 5000] [--test-rows N] [--epochs 2]

Models of five folds are trained on rows of WHET_BENCH_DATA/DATA, drawn by label; each answers the test side. Told are
accuracy, log loss and calibration error on test of one model (the mean of the five), of the mean of logits and of the
mean of probabilities, without a temperature and with the one that was fitted out of fold. --save keeps the result.
Last line: one JSON object.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import emit, parser, shared
from pyarrow import parquet

import whet
from whet.score.metrics import softmax
from whet.score.probabilistic import calibration_error

CLAIM = "the models of five folds beat one of them on test, with the mean of logits as with that of probabilities"


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--data", default="sst2")
    made.add_argument("--model", default="linear")
    made.add_argument("--rows", type=int, default=5000)
    made.add_argument("--test-rows", type=int, default=None)
    made.add_argument("--epochs", type=float, default=2.0)
    arguments = made.parse_args()
    folder = shared("data") / arguments.data
    train = next(path for name in ("train", "train10k") if (path := folder / f"{name}.parquet").is_file())
    network = {"epochs": arguments.epochs, "learning_rate": 1e-4, "max_length": 128}
    with tempfile.TemporaryDirectory() as scratch:
        run = whet.train(
            str(train), test=str(folder / "test.parquet"), label_names=str(folder / "labels.json"), folds=5,
            train_rows=arguments.rows, test_rows=arguments.test_rows, model=arguments.model, yes=True, baseline=False,
            near_duplicates=False, brief=True, output=str(Path(scratch) / "run"),
            **({} if arguments.model == "linear" else network),
        )  # fmt: skip
        found = compared(run)
    together = found["logits, temperature"]["accuracy"]
    for name, scores in found.items():
        print(f"{name:30}" + "".join(f"  {key} {value:.4f}" for key, value in scores.items()))
    emit("fold_average", CLAIM, {
        "data": arguments.data, "model": arguments.model, "rows": arguments.rows, "scores": found,
        "temperature": run.metrics["calibration"].get("temperature"),
        "out_of_fold": run.metrics["validation"]["accuracy"],
        "holds": together > found["one model, temperature"]["accuracy"],
    }, save=arguments.save)  # fmt: skip


def compared(run: whet.Run) -> dict[str, dict[str, float]]:
    """The ways of averaging by their scores on test."""
    table: dict[str, list[Any]] = parquet.read_table(run.path / "predictions.parquet").to_pydict()
    true = np.array([run.labels.names.index(label) for label in table["label"]])
    names = [each["name"] for each in run.metrics["ensemble"]["members"]]
    loaded = [whet.load(run.path / "model" / name).predictor for name in names]
    logits = np.array([[each.logits for each in one.predict(table["text"], logits=True)] for one in loaded])
    found: dict[str, dict[str, float]] = {}
    for name, divisor in (("plain", 1.0), ("temperature", run.metrics["calibration"].get("temperature", 1.0))):
        alone = [scores(softmax(each / divisor), true) for each in logits]
        found[f"one model, {name}"] = {key: float(np.mean([each[key] for each in alone])) for key in alone[0]}
        found[f"logits, {name}"] = scores(softmax(logits.mean(axis=0) / divisor), true)
        shares = np.array([softmax(each / divisor) for each in logits])
        found[f"probabilities, {name}"] = scores(shares.mean(axis=0), true)
    return found


def scores(shares: Any, true: Any) -> dict[str, float]:
    right = shares.argmax(axis=1) == true
    loss = -np.log(np.maximum(shares[np.arange(len(true)), true], 1e-12)).mean()
    ece = calibration_error(shares.max(axis=1), right)
    return {"accuracy": round(float(right.mean()), 4), "log loss": round(float(loss), 4), "ece": round(float(ece), 4)}


if __name__ == "__main__":
    main()
