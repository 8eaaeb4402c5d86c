"""The test side is used once, at the end, and decides nothing."""

from __future__ import annotations

from pathlib import Path

from pyarrow import parquet

from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, events_of, weights_of, write_csv


def test_the_test_side_is_evaluated_once_after_everything_else(taught: Told) -> None:
    events = events_of(taught.path)
    kinds = [event["kind"] + event.get("side", "").replace("validation", "") for event in events]
    assert kinds.count("evaluationtest") == 1
    assert kinds[-2:] == ["evaluationtest", "end"]
    assert kinds.count("evaluation") >= 8
    assert len(taught.evaluations("test")) == 1


def test_other_test_rows_lead_to_the_same_model(job: Job, here: Path) -> None:
    rows = review_rows()
    data = str(write_csv(here / "train.csv", rows[:40]))
    right = str(write_csv(here / "right.csv", rows[40:50]))
    flipped = [(text, {"positive": "negative", "negative": "positive"}[label]) for text, label in rows[40:48]]
    wrong = str(write_csv(here / "wrong.csv", flipped))
    settings = {**BRIEF, "epochs": 3.0, "learning_rate": 3e-3, "evaluate_every": 2, "baseline": True}
    one, other = job(data, test=right, **settings), job(data, test=wrong, **settings)
    assert one.path != other.path
    assert weights_of(one.path) == weights_of(other.path)
    assert [step.loss for step in one.steps] == [step.loss for step in other.steps]
    assert one.run.metrics["validation"] == other.run.metrics["validation"]
    assert [one.run.metrics["test"]["rows"], other.run.metrics["test"]["rows"]] == [10, 8]


def test_without_a_test_side_nothing_is_tested(job: Job, here: Path) -> None:
    told = job(str(write_csv(here / "reviews.csv", review_rows())), test="none", **{**BRIEF, "baseline": True})
    assert told.evaluations("test") == []
    sections = {"task", "metric", "validation", "calibration", "slices", "label_errors", "seconds"}
    assert set(told.run.metrics) == sections
    assert told.end.verdict == ""
    assert set(parquet.read_table(told.path / "predictions.parquet").column("side").to_pylist()) == {"validation"}
    assert "It was not scored on a test side." in (told.path / "model" / "README.md").read_text()


def test_a_label_that_training_lacks_is_named_before_anything_is_written(whet: Command, here: Path) -> None:
    write_csv(here / "train.csv", review_rows())
    write_csv(here / "test.csv", [("One of a kind.", "mixed"), ("Fine.", "positive"), ("So so.", "mixed")])
    ended = whet("train", "train.csv", "--test", "test.csv")
    assert ended.code == 3
    assert ended.errors == [
        "test.csv: labels that the training side lacks: 'mixed' (2 rows). Expected only 'negative', 'positive'. "
        "Add rows with these labels to the training data or drop them from test."
    ]
    assert sorted(path.name for path in here.iterdir()) == ["test.csv", "train.csv"]


def test_a_row_is_on_one_side(taught: Told) -> None:
    rows = parquet.read_table(taught.path / "splits.parquet").to_pylist()
    assert sorted(row["row_id"] for row in rows) == list(range(60))
    counts = {side: sum(row["side"] == side for row in rows) for side in ("train", "validation", "test")}
    assert counts == {"train": 48, "validation": 6, "test": 6}
    assert all(row["place"] == f"line {row['row_id'] + 2}" for row in rows)
    tested = parquet.read_table(taught.path / "predictions.parquet").column("row_id").to_pylist()
    assert tested == [row["row_id"] for row in rows if row["side"] == "test"]
