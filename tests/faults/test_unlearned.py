"""T7: a training that ends well and has taught its model nothing says so."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import review_rows
from tests.flows.conftest import Job, events_of, write_csv

SETTINGS = {"threads": 1, "batch_size": 8, "epochs": 8.0, "baseline": False}


def test_a_model_that_predicts_one_class_only_is_told(job: Job, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    told = job("reviews.csv", **SETTINGS, learning_rate=0.3)
    rows = told.evaluations("test")[-1].metrics.rows
    (said,) = [notice for notice in told.notices if "may have learned nothing" in notice]
    assert said.startswith(f"all {rows} test rows are predicted as '")
    assert "', which 50.0 % of them are; the loss of the last 12 steps is " in said
    assert said.endswith(
        ", and that of a guess by the shares of the labels 0.693: the model may have learned nothing of the texts. "
        "Give another --learning-rate (now 0.3) or more --epochs, or look at the data with whet check"
    )
    logged = [line for line in events_of(told.path) if line["kind"] == "notice" and line["message"] == said]
    assert [line["severity"] for line in logged] == ["warning"]


def test_without_a_test_side_the_rows_of_validation_tell(job: Job, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    told = job("reviews.csv", **SETTINGS, learning_rate=0.3, test="none")
    (said,) = [notice for notice in told.notices if "may have learned nothing" in notice]
    assert " validation rows are predicted as '" in said


def test_of_a_model_that_has_learned_nothing_is_said(job: Job, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    told = job("reviews.csv", **SETTINGS, learning_rate=3e-3)
    assert told.run.metrics["test"]["accuracy"] > 0.9
    assert not [notice for notice in told.notices if "learned nothing" in notice]
