"""A training that starts from the weights of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, write_csv

STILL = {**BRIEF, "epochs": 0.1, "learning_rate": 1e-12}
TEXTS = ["The story of this one was superb.", "What a dreadful film!", "Is it true?"]


def probabilities(told: Told, names: tuple[str, ...]) -> list[list[float]]:
    answers = library.load(told.path).predict(TEXTS)
    return [[answer.probabilities[name] for name in names] for answer in answers]


def folder_of(run: Path) -> tuple[str, str]:
    return str(run), str(run / "model")


@pytest.mark.parametrize("named", [0, 1])
def test_a_run_or_its_model_is_where_training_starts(taught: Told, here: Path, job: Job, named: int) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    given = folder_of(taught.path)[named]
    told = job(data, model=given, **STILL)
    assert f"{given} was fine-tuned before; its head is kept for 2 of 2 labels" in told.notices
    names = ("negative", "positive")
    assert np.allclose(probabilities(told, names), probabilities(taught, names), atol=1e-5)
    assert told.path.name.startswith(f"reviews-{taught.path.name}-")


def test_labels_in_another_order_are_matched_by_name(taught: Told, here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    told = job(data, model=str(taught.path), label_names="positive=positive,negative=negative", **STILL)
    assert told.run.labels.names == ("positive", "negative")
    names = ("negative", "positive")
    assert np.allclose(probabilities(told, names), probabilities(taught, names), atol=1e-5)


def test_a_new_label_and_one_that_is_gone_are_named(taught: Told, here: Path, job: Job) -> None:
    rows = [(text, "mixed" if label == "negative" else label) for text, label in review_rows()]
    told = job(str(write_csv(here / "reviews.csv", rows)), model=str(taught.path), **STILL)
    said = "its head is kept for 1 of 2 labels; new: 'mixed'; dropped: 'negative'"
    assert f"{taught.path} was fine-tuned before; {said}" in told.notices


def test_last_is_the_run_that_it_stands_for_when_the_job_begins(here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    first = job(data, **BRIEF)
    told = job(data, model="last", **STILL)
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["model"] == {"value": str(first.path), "reason": "last"}
    assert told.path != first.path
    assert job(data, model=str(first.path), **STILL).end.resumed_finished


def test_a_run_that_was_trained_anew_is_another_model(here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    job(data, output="first", **BRIEF)
    told = job(data, model="first", **STILL)
    shutil.rmtree(here / "first")
    job(data, output="first", seed=3, **BRIEF)
    assert job(data, model="first", **STILL).path != told.path


def test_a_run_that_is_not_finished_is_not_there_or_was_changed_is_one_message(
    taught: Told, here: Path, whet: Command
) -> None:
    write_csv(here / "reviews.csv", review_rows())
    shutil.copytree(taught.path, here / "runs" / "one")
    (here / "runs" / "one" / "metrics.json").unlink()

    def told(model: str) -> list[str]:
        ended = whet("train", "reviews.csv", "--model", model)
        assert ended.code == 4
        return ended.errors

    assert told("runs/one") == [
        "--model: runs/one is not a finished run. Let it end first: its command in run.json goes on with it."
    ]
    expected = "Expected a run folder, its model/ folder, or last."
    shutil.rmtree(here / "runs" / "one" / "model")
    assert told("runs/one") == [f"--model: runs/one is not a finished run. {expected}"]
    assert told("runs/none") == [f"--model: no such run: runs/none. {expected}"]
    shutil.copytree(taught.path, here / "two")
    with (here / "two" / "model" / "config.json").open("a") as file:
        file.write(" ")
    (message,) = told("two")
    assert message.startswith(f"{Path('two') / 'model'}: changed or damaged after it was saved: config.json")
    assert told("last") == [f"last: no finished run under {here / 'runs'}. Run whet train DATA first, or name a run."]
