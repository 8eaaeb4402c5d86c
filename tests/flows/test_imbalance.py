"""Few rows of a class: weights, focal loss and balanced sampling, through the whole job."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import BAD, GOOD, SUBJECTS
from tests.flows.conftest import Command, Job, Told, events_of, write_csv

BASE = {
    "epochs": 20.0,
    "learning_rate": 3e-3,
    "baseline": False,
    "threads": 1,
    "validation": "none",
    "test": "test.csv",
}


def rows(subjects: tuple[str, ...], good: tuple[str, ...], bad: tuple[str, ...]) -> list[tuple[str, str]]:
    said = "The {} of this one was {}, I thought so {}."
    times = ("all evening", "at once", "again")
    pairs = [(word, "positive") for word in good] + [(word, "negative") for word in bad]
    return [(said.format(s, word, time), label) for word, label in pairs for s in subjects for time in times]


@pytest.fixture(autouse=True)
def data(here: Path) -> None:
    """66 negative rows and 6 positive ones, with words of which two rows in three are negative as well: who counts
    rows takes none for positive. The test side has as many of each."""
    words = [text for text, _ in rows(SUBJECTS[:3], GOOD[:2], ())]
    mixed = [(text, "positive" if i in (0, 4, 8, 10, 14, 15) else "negative") for i, text in enumerate(words)]
    write_csv(here / "train.csv", rows(SUBJECTS[:3], (), BAD) + mixed)
    write_csv(here / "test.csv", rows(SUBJECTS[3:], GOOD[:2], BAD[:2]))


def macro_f1(told: Told) -> float:
    return float(told.run.metrics["test"]["macro_f1"])


def test_balanced_weights_find_the_rare_class_that_plain_training_misses(job: Job) -> None:
    plain = job("train.csv", **BASE)
    weighted = job("train.csv", **BASE, class_weights="balanced")
    assert macro_f1(plain) < 0.5 < 0.8 < macro_f1(weighted)
    assert "class weights balanced: 'negative' 0.545, 'positive' 6" in weighted.notices


def test_balanced_sampling_finds_it_too_in_as_many_steps(job: Job) -> None:
    told = job("train.csv", **BASE, sampling="balanced")
    assert macro_f1(told) > 0.8
    assert len(told.steps) == 20 * 5


def test_a_rare_class_is_not_counted_twice_over(whet: Command) -> None:
    ended = whet("train", "train.csv", "--class-weights", "balanced", "--sampling", "balanced")
    assert ended.code == 2
    assert ended.errors == [
        "--class-weights balanced with --sampling balanced. Expected one of the two, for together they count a rare "
        "class twice over. Leave out one of them."
    ]


def test_the_evaluation_has_the_plain_loss_whatever_is_trained_on(job: Job) -> None:
    told = job("train.csv", **{**BASE, "learning_rate": 1e-12}, class_weights="balanced", focal=2.0)
    plain = job("train.csv", **{**BASE, "learning_rate": 1e-12})
    assert told.run.metrics["test"]["loss"] == pytest.approx(plain.run.metrics["test"]["loss"], rel=1e-6)


def test_weights_find_the_rare_ones_of_several_labels_that_plain_training_misses(job: Job, here: Path) -> None:
    """A label of the same 6 rows in 72, without validation rows on which a threshold could be tuned."""
    for name in ("train", "test"):
        found = csv.DictReader((here / f"{name}.csv").read_text().splitlines())
        lines = [{"text": row["text"], "labels": ["rare"] * (row["label"] == "positive")} for row in found]
        (here / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    base = {**BASE, "test": "test.jsonl"}
    plain = job("train.jsonl", **base)
    weighted = job("train.jsonl", **base, class_weights="balanced")
    assert "class weights balanced, of rows that have the label: 'rare' 11" in weighted.notices
    assert macro_f1(plain) < 0.5 < 0.8 < macro_f1(weighted)
    focal = job("train.jsonl", **base, class_weights="balanced", focal=1.0)
    assert macro_f1(focal) > 0.8
    assert focal.steps[0].loss < weighted.steps[0].loss


def test_what_is_chosen_stands_in_run_json_and_the_weights_in_the_events(job: Job, here: Path) -> None:
    (here / "w.json").write_text('{"negative": 1, "positive": 15}', encoding="utf-8")
    told = job("train.csv", **BASE, class_weights="w.json", label_smoothing=0.1)
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["class_weights"] == {"value": "w.json", "reason": "given", "reason_ko": "직접 지정"}
    assert settings["label_smoothing"] == {"value": 0.1, "reason": "given", "reason_ko": "직접 지정"}
    notices = [event["message"] for event in events_of(told.path) if event["kind"] == "notice"]
    assert "class weights w.json: 'negative' 1, 'positive' 15" in notices


def test_other_weights_in_the_same_file_are_another_run(job: Job, here: Path) -> None:
    (here / "w.json").write_text('{"negative": 1, "positive": 2}', encoding="utf-8")
    first = job("train.csv", **BASE, class_weights="w.json")
    (here / "w.json").write_text('{"negative": 1, "positive": 3}', encoding="utf-8")
    assert job("train.csv", **BASE, class_weights="w.json").path != first.path


def test_a_file_without_a_label_is_one_message_before_anything_is_trained(whet: Command, here: Path) -> None:
    (here / "w.json").write_text('{"negative": 1, "postive": 3}', encoding="utf-8")
    ended = whet("train", "train.csv", "--class-weights", "w.json", "--test", "test.csv")
    assert ended.code == 2
    assert ended.errors == [
        "--class-weights w.json: no label 'postive' in the training rows. Did you mean 'positive'.",
        "--class-weights w.json: no weight for 'positive'. Give each label one; 1 changes nothing.",
    ]
    assert not (here / "runs").exists()
