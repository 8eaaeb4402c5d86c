"""Probabilities that are as true as they say, and answers that are left out where they are not sure."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, events_of, weights_of, write_csv
from whet import pipeline
from whet.errors import Interrupted, UsageError
from whet.records import StepRecord
from whet.score.metrics import softmax
from whet.settings import config

SETTINGS: dict[str, Any] = {
    "epochs": 10.0, "learning_rate": 3e-3, "threads": 1, "baseline": False, "validation": "held.csv",
    "test": "test.csv", "evaluate_every": 13,
}  # fmt: skip


def doubtful(rows: int, seed: int) -> list[tuple[str, str]]:
    """Rows of which a quarter has the other label, so that no model can be sure."""
    chance = random.Random(seed)
    drawn = [chance.choice(review_rows()) for _ in range(rows)]
    other = {"positive": "negative", "negative": "positive"}
    return [
        (f"{text} {seed}{number}", other[label] if chance.random() < 0.25 else label)
        for number, (text, label) in enumerate(drawn)
    ]


def lay_out(folder: Path) -> None:
    for name, rows, seed in (("train.csv", 200, 1), ("held.csv", 100, 2), ("test.csv", 100, 3)):
        write_csv(folder / name, doubtful(rows, seed))


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Told:
    """A finished run whose training labels are noise in part, that is read and never changed."""
    folder = tmp_path_factory.mktemp("noisy")
    with contextlib.chdir(folder):
        lay_out(folder)
        told = job("train.csv", **SETTINGS, min_confidence=0.7)
        run = pipeline.load(told.path.resolve())
    end = pipeline.Finished(run, run.metrics, told.end.verdict, told.end.resumed_finished)
    return Told((*told.events[:-1], end))


def test_the_temperature_of_validation_is_in_the_metrics_and_beside_the_model(noisy: Told) -> None:
    found = noisy.run.metrics["calibration"]
    side = json.loads((noisy.path / "model" / "whet.json").read_text(encoding="utf-8"))
    assert side["temperature"] == found["temperature"]
    assert found["temperature"] != pytest.approx(1.0, abs=0.02)
    assert found["reason"] == "fitted on 100 validation rows"
    assert found["validation"]["log_loss_after"] < found["validation"]["log_loss_before"]
    assert found["validation"]["log_loss_after"] == noisy.run.metrics["validation"]["loss"]
    assert found["test"]["log_loss_after"] == noisy.run.metrics["test"]["loss"]
    kept = [line for line in events_of(noisy.path) if line["kind"] == "evaluation" and line["best"]][-1]
    assert found["validation"]["log_loss_before"] == pytest.approx(kept["loss"], rel=1e-9)


def test_plain_transformers_and_the_file_of_predictions_give_the_calibrated_probabilities(noisy: Told) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    rows = parquet.read_table(noisy.path / "predictions.parquet").to_pydict()
    tokenizer = AutoTokenizer.from_pretrained(noisy.path / "model")
    model = AutoModelForSequenceClassification.from_pretrained(noisy.path / "model").eval()
    batch = tokenizer(rows["text"], truncation=True, padding=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = softmax(model(**batch).logits.double().numpy())
    ours = np.stack([rows[f"probability {name}"] for name in noisy.run.labels.names], axis=1)
    assert np.abs(theirs - ours).max() < 1e-5
    true = np.array([noisy.run.labels.names.index(label) for label in rows["label"]])
    loss = -np.log(theirs[np.arange(len(true)), true]).mean()
    assert loss == pytest.approx(noisy.run.metrics["calibration"]["test"]["log_loss_after"], abs=1e-5)


def test_the_saved_model_scores_validation_as_the_metrics_say(noisy: Told, here: Path) -> None:
    lay_out(here)
    found = library.evaluate(noisy.run, "held.csv")
    metrics, told = noisy.run.metrics, found.json["calibration"]
    assert found.json["test"]["loss"] == pytest.approx(metrics["validation"]["loss"], abs=1e-6)
    assert found.metrics.accuracy == metrics["validation"]["accuracy"]
    assert told["temperature"] == metrics["calibration"]["temperature"]
    assert told["test"] == pytest.approx(metrics["calibration"]["validation"], abs=1e-5)
    assert told["answered"]["min_confidence"] == 0.7


def test_a_resumed_run_has_the_same_temperature_and_weights(noisy: Told, tiny_bert: Path, job: Job, here: Path) -> None:
    lay_out(here)
    best = max(line["step"] for line in events_of(noisy.path) if line["kind"] == "evaluation" and line["best"])
    settings = {**SETTINGS, "min_confidence": 0.7, "output": "run"}
    resolved = config.resolve({**settings, "model": str(tiny_bert)})
    with pytest.raises(Interrupted):
        for event in pipeline.follow("train.csv", resolved):
            if isinstance(event, StepRecord) and event.step == best + 1:
                os.kill(os.getpid(), signal.SIGTERM)
    told = job("train.csv", **settings)
    assert told.steps[0].step > best  # the evaluation of the kept weights was another process's
    assert told.run.metrics["calibration"] == noisy.run.metrics["calibration"]
    assert weights_of(told.path) == weights_of(noisy.path)


def test_answers_that_are_not_sure_have_no_label(noisy: Told) -> None:
    texts = [text for text, _ in doubtful(40, 4)]
    answers = noisy.run.predict(texts)
    assert [answer.label is None for answer in answers] == [answer.score < 0.7 for answer in answers]
    assert 0 < sum(answer.label is None for answer in answers) < 40
    plain = noisy.run.predict(texts, min_confidence=0.0)
    assert None not in [answer.label for answer in plain]
    assert [answer.probabilities for answer in plain] == [answer.probabilities for answer in answers]
    assert {answer.label for answer in library.predict(noisy.run, texts, min_confidence=1.0)} == {None}


def test_the_command_says_unsure(noisy: Told, whet: Command) -> None:
    told = whet("predict", str(noisy.path), "A film.", "--min-confidence", "1", "--lang", "en")
    assert "  prediction: unsure (negative: 0." in told.out
    told = whet("predict", str(noisy.path), "A film.", "--min-confidence", "1", "--lang", "ko")
    assert "예측: 불확실 (" in told.out
    told = whet("predict", str(noisy.path), "A film.", "--min-confidence", "1", "--json")
    assert told.json[0]["label"] is None
    assert 0.5 <= told.json[0]["score"] < 1
    told = whet("predict", str(noisy.path), "A film.", "--min-confidence", "1", "--format", "csv")
    assert told.out.splitlines()[1].startswith("A film.,,0.")


def test_the_summary_tells_how_true_probabilities_are_and_what_is_left_of_the_rows(noisy: Told, whet: Command) -> None:
    found = noisy.run.metrics["calibration"]
    told = whet("evaluate", str(noisy.path), str(noisy.path.parent.parent / "test.csv"), "--lang", "en")
    after, before = (f"{found['test'][f'ece_{name}']:.4f}" for name in ("after", "before"))
    temperature = f"{found['temperature']:.3g}"
    assert f"Calibration error (ECE) {after}; before the temperature of {temperature} it was {before}\n" in told.out
    kept, right = 100 * found["answered"]["coverage"], 100 * found["answered"]["accuracy"]
    assert f"answering only above 0.70 confidence: {kept:.0f} % of rows, {right:.1f} % right\n" in told.out


def test_few_validation_rows_leave_the_model_as_it_was_trained(taught: Told) -> None:
    found = taught.run.metrics["calibration"]
    assert "temperature" not in found
    least = "10 wrong answers on 50 rows are the least that tell a temperature"
    reason = f"{round(6 * (1 - taught.run.metrics['validation']['accuracy']))} answers to 6 validation rows are wrong"
    assert found["reason"] == f"{reason}, and {least}"
    assert f"the probabilities are not calibrated: {found['reason']}" in taught.notices
    assert found["test"]["ece_before"] == found["test"]["ece_after"]


def test_several_labels_keep_their_answers_under_a_temperature(job: Job, here: Path) -> None:
    def several(rows: int, seed: int) -> list[dict[str, Any]]:
        return [
            {"text": text, "labels": [name for name in ("positive", "film") if name == label or name in text]}
            for text, label in doubtful(rows, seed)
        ]

    for name, rows, seed in (("train.jsonl", 200, 1), ("held.jsonl", 100, 2)):
        lines = [json.dumps(row) for row in several(rows, seed)]
        (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = job("train.jsonl", **{**SETTINGS, "epochs": 4.0, "validation": "held.jsonl", "test": "none"})
    metrics = told.run.metrics
    assert metrics["calibration"]["temperature"] != pytest.approx(1.0, abs=1e-3)
    assert "coverage" not in metrics["calibration"]
    kept = [found for found in told.evaluations("validation") if found.best][-1]
    assert metrics["validation"]["macro_f1"] == kept.metrics.macro_f1
    assert metrics["validation"]["thresholds"] != dict(kept.metrics.thresholds)
    assert metrics["validation"]["loss"] < kept.loss
    again = library.evaluate(told.run, "held.jsonl")
    assert again.metrics.macro_f1 == metrics["validation"]["macro_f1"]
    with pytest.raises(UsageError) as caught:
        told.run.predict(["A film."], min_confidence=0.9)
    assert caught.value.message == (
        "--min-confidence with several labels a row. Expected a run with one label a row. Leave out --min-confidence."
    )
    with pytest.raises(UsageError, match="--min-confidence with several labels a row"):
        job("train.jsonl", **{**SETTINGS, "validation": "held.jsonl", "test": "none", "min_confidence": 0.9})
