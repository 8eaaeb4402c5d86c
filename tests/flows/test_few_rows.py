"""A job of few rows by default: enough steps, said and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Job, write_csv

GIVEN = {"baseline": False, "threads": 1, "learning_rate": 1e-3}


def test_few_rows_are_trained_for_enough_steps_and_evaluated_once(here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    told = job(data, **GIVEN)
    assert len(told.steps) == 102
    assert [found.step for found in told.evaluations("validation")] == [102]
    said = "epochs 34: 48 training rows are few, and 2 epochs of them would be 6 steps; --epochs decides otherwise"
    assert said in told.notices
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["epochs"] == {
        "value": 34.0, "reason": "few rows: 100 steps or more", "reason_ko": "행이 적음: 100스텝 이상",
    }  # fmt: skip
    assert job(data, **GIVEN).end.resumed_finished


def test_epochs_that_are_given_are_the_epochs(here: Path, job: Job) -> None:
    told = job(str(write_csv(here / "reviews.csv", review_rows())), epochs=2.0, **GIVEN)
    assert (len(told.steps), len(told.evaluations("validation"))) == (6, 2)


def test_rates_that_suit_the_model_are_taken_and_said_and_the_recipe_of_plain_ones_has_none_of_it(
    here: Path, job: Job
) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    told = job(data, baseline=False, threads=1)
    (said,) = (notice for notice in told.notices if notice.startswith("learning rate"))
    assert said.startswith("learning rate 0.0002, 0.8 times that of the layer above in each layer, warm-up 0.06: ")
    assert max(step.learning_rate for step in told.steps) == pytest.approx(2e-4)
    known = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]["llrd"]
    assert (known["value"], known["reason"]) == (0.8, "what suits such a model (docs/log.md)")
    plain = job(data, baseline=False, threads=1, recipe="reference")
    assert not any(notice.startswith("learning rate") for notice in plain.notices)
    assert (len(plain.steps), max(step.learning_rate for step in plain.steps)) == (6, pytest.approx(5e-5))
