"""Would more labels help: further models on parts of the training rows, which leave the job's own as it is."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import review_rows
from tests.flows.conftest import TEACH, Command, Job, Told, events_of, python, weights_of, write_csv
from whet import pipeline
from whet.errors import Interrupted, TrainingError, UsageError
from whet.forecast import Plan
from whet.jobs import finetune, learning_curve, story
from whet.records import CurvePoint, CurveStep, Evaluation
from whet.score.learning_curve import SENTENCES
from whet.settings import config
from whet.system.runtime import Ranks
from whet.training.pace import Budget, Pace
from whet.training.team import Alone

ASKED: dict[str, Any] = {**TEACH, "baseline": False, "validation": "0.25", "learning_curve": True}


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def points(told: Told) -> list[CurvePoint]:
    return [event for event in told.events if isinstance(event, CurvePoint)]


def without_clocks(run: Path) -> list[dict[str, Any]]:
    kept = ("step", "evaluation")
    return [
        {name: value for name, value in line.items() if "seconds" not in name}
        for line in events_of(run) if line["kind"] in kept
    ]  # fmt: skip


def test_the_curve_has_a_quarter_a_half_and_all_of_the_rows_and_a_forecast_of_twice_as_many(
    data: str, job: Job
) -> None:
    told = job(data, **ASKED)
    found = told.run.metrics["learning_curve"]
    rows = 39
    assert (found["metric"], found["validation_rows"]) == ("macro_f1", 15)
    assert [(point["share"], point["rows"]) for point in found["points"]] == [(0.25, 10), (0.5, 20), (1.0, rows)]
    # The score of all rows is that of the weights that were kept, on the same validation rows.
    assert found["points"][-1]["score"] == told.run.metrics["validation"]["macro_f1"]
    for point in found["points"]:
        assert point["interval"][0] <= point["score"] <= point["interval"][1]
    forecast = found["forecast"]
    assert forecast["rows"] == 2 * rows
    assert forecast["now"] == found["points"][-1]["score"]
    assert forecast["score"] == pytest.approx(forecast["now"] + forecast["gain"])
    assert forecast["interval"][0] <= forecast["score"] <= forecast["interval"][1]
    assert found["sentence"]["en"].endswith(SENTENCES["en"][forecast["outcome"]])
    assert found["sentence"]["ko"].endswith(SENTENCES["ko"][forecast["outcome"]])
    lines = [line for line in events_of(told.path) if line["kind"] == "curve"]
    assert [(line["share"], line["rows"], line["score"]) for line in lines] == [
        (point["share"], point["rows"], point["score"]) for point in found["points"][:2]
    ]
    assert [stage for stage in told.stages if stage in ("train", "curve", "evaluate")] == [
        "train", "curve", "curve", "evaluate"
    ]  # fmt: skip


def test_the_model_and_its_scores_are_to_the_bit_those_of_the_job_without_a_curve(data: str, job: Job) -> None:
    plain = job(data, **{**ASKED, "learning_curve": False, "output": "plain"})
    curved = job(data, **ASKED, output="curved")
    assert weights_of(curved.path) == weights_of(plain.path)
    assert without_clocks(curved.path) == without_clocks(plain.path)
    for part in ("test", "validation", "calibration"):
        assert curved.run.metrics[part] == plain.run.metrics[part]
    assert "learning_curve" not in plain.run.metrics
    assert plain.run.settings["learning_curve"] is False


def test_the_test_side_is_scored_once_after_the_curve(data: str, job: Job) -> None:
    told = job(data, **ASKED)
    assert len(told.evaluations("test")) == 1
    order = [type(event) for event in told.events if isinstance(event, CurvePoint | Evaluation)]
    assert order[-3:] == [CurvePoint, CurvePoint, Evaluation]


def test_a_part_has_as_many_epochs_and_never_much_fewer_steps_than_it_takes_to_learn(data: str, job: Job) -> None:
    # Of a job of 20 steps each part has as many, in whole epochs of 3 and of 5 steps; of one of 100 and more, 100.
    told = job(data, **{**ASKED, "epochs": 2.0, "batch_size": 4})
    steps = [event for event in told.events if isinstance(event, CurveStep)]
    assert [step.steps for step in steps if step.step == 1] == [21, 20]
    by_default = {name: value for name, value in ASKED.items() if name != "epochs"}
    told = job(data, **by_default, batch_size=10)
    assert told.steps[-1].steps == 100
    steps = [event for event in told.events if isinstance(event, CurveStep)]
    assert [step.steps for step in steps if step.step == 1] == [100, 100]


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        ([(text, f"{(label == 'positive') + place % 7 / 4}") for place, (text, label) in enumerate(review_rows())],
         {"metric": "rmse", "task": "regression"}),
        ([(text, "a|b" if label == "positive" else "b|c") for text, label in review_rows()], {"label_separator": "|"}),
        (review_rows(), {"metric": "roc_auc", "keep": "last", "early_stopping": 2}),
    ],
)  # fmt: skip
def test_every_kind_of_task_has_a_curve(here: Path, job: Job, rows: Any, settings: dict[str, Any]) -> None:
    data = write_csv(here / "rows.csv", rows)
    told = job(str(data), **{**ASKED, "epochs": 4.0, **settings})
    found = told.run.metrics["learning_curve"]
    name = found["metric"]
    assert len(found["points"]) == 3
    if settings.get("keep") != "last":
        assert found["points"][-1]["score"] == pytest.approx(told.run.metrics["validation"][name])
    if name == "rmse":  # less is better, and the forecast is not above what it is now
        assert found["forecast"]["score"] <= found["points"][-1]["score"]
        assert found["forecast"]["gain"] >= 0


def test_a_job_that_is_stopped_in_the_curve_goes_on_with_the_points_that_are_done(
    data: str, job: Job, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = job(data, **ASKED, output="whole")
    resolved = config.resolve({**ASKED, "model": str(tiny_bert), "output": "run"})
    with pytest.raises(Interrupted) as caught:
        for event in pipeline.follow(data, resolved):
            if isinstance(event, CurveStep) and (event.share, event.step) == (0.5, 3):
                os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.saw == (
        "stopped by SIGTERM after step 3 of 24 of the learning curve at 50 % of the training rows"
    )
    assert not (Path("run") / "metrics.json").exists()
    told = job(data, **ASKED, output="run")
    assert {step.share for step in told.events if isinstance(step, CurveStep)} == {0.5}
    assert [point.share for point in points(told)] == [0.25, 0.5]
    assert told.run.metrics["learning_curve"] == whole.run.metrics["learning_curve"]
    assert weights_of(told.path) == weights_of(whole.path)
    assert not (told.path / "checkpoints").exists()


KILLED = """
import os, signal, sys
from whet import pipeline
from whet.settings import config
from whet.records import CurveStep
settings = dict(epochs=8.0, learning_rate=3e-3, threads=1, baseline=False, validation="0.25", learning_curve=True)
for event in pipeline.follow("reviews.csv", config.resolve({**settings, "model": sys.argv[1], "output": "run"})):
    if isinstance(event, CurveStep) and (event.share, event.step) == (0.5, 3):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_that_is_killed_in_the_curve_keeps_its_points_even_where_its_training_has_no_checkpoint_yet(
    data: str, job: Job, tiny_bert: Path
) -> None:
    whole = job(data, **ASKED, output="whole")
    assert python("-c", KILLED, str(tiny_bert)).code == -signal.SIGKILL
    assert [path.name for path in (Path("run") / "checkpoints").iterdir()] == ["curve-25.npz"]
    told = job(data, **ASKED, output="run")
    assert told.steps[0].step == 1
    assert {step.share for step in told.events if isinstance(step, CurveStep)} == {0.5}
    assert told.run.metrics["learning_curve"] == whole.run.metrics["learning_curve"]
    assert weights_of(told.path) == weights_of(whole.path)
    assert not (told.path / "checkpoints").exists()


def test_points_of_another_training_or_damaged_ones_are_not_taken(tmp_path: Path) -> None:
    path, logits = tmp_path / "checkpoints" / "curve-25.npz", np.arange(6.0).reshape(3, 2)
    assert learning_curve._read(path, "mine") is None
    assert learning_curve._write(path, "mine", (logits, {"a": 0.25}), 1.5) == ""
    (kept, thresholds), seconds = learning_curve._read(path, "mine") or ((None, None), None)
    assert (kept.tolist(), thresholds, seconds) == (logits.tolist(), {"a": 0.25}, 1.5)
    assert learning_curve._read(path, "another") is None
    for damaged in (b"", b"PK\x03\x04", path.read_bytes()[:-40]):
        path.write_bytes(damaged)
        assert learning_curve._read(path, "mine") is None


def test_a_part_that_cannot_be_trained_is_told_and_the_job_ends_all_the_same(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*given: object) -> Any:
        raise TrainingError("out of memory: 3 GB")
        yield

    monkeypatch.setattr(learning_curve, "_trained", trained)
    told = job(data, **ASKED)
    assert "no learning curve at 25 % of the training rows: out of memory: 3 GB." in told.notices
    assert [point["share"] for point in told.run.metrics["learning_curve"]["points"]] == [1.0]
    assert "forecast" not in told.run.metrics["learning_curve"]


# ---------------------------------------------------------------- the plan and the budget


def test_the_plan_counts_the_models_of_the_curve(data: str, job: Job) -> None:
    told = job(data, **ASKED)
    (plan,) = [event for event in told.events if isinstance(event, Plan)]
    assert plan.curve is not None
    parts = (plan.training, plan.evaluation, plan.curve, plan.other)
    assert plan.total.seconds == pytest.approx(sum(part.seconds for part in parts))
    (plain,) = [event for event in job(data, **{**ASKED, "learning_curve": False}).events if isinstance(event, Plan)]
    assert plain.curve is None


def test_within_a_budget_that_suffices_the_curve_is_whole(data: str, job: Job) -> None:
    told = job(data, **ASKED, budget="10m")
    assert [point["share"] for point in told.run.metrics["learning_curve"]["points"]] == [0.25, 0.5, 1.0]


def test_a_budget_that_leaves_no_time_for_a_point_goes_without_and_says_so(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Pace):
        def __init__(self, steps: int, budget: Budget, **resumed: Any) -> None:
            super().__init__(steps, dataclasses.replace(budget, saving=budget.saving + 10_000.0), **resumed)

        def after(self, step: int) -> int:
            return self.steps

    monkeypatch.setattr(finetune, "Pace", Late)
    told = job(data, **ASKED, budget="10m")
    lacking = "no learning curve at {} % of the training rows: the budget leaves no time for it"
    assert [notice for notice in told.notices if "curve" in notice] == [lacking.format(25), lacking.format(50)]
    assert not [event for event in told.events if isinstance(event, CurveStep)]
    found = told.run.metrics["learning_curve"]
    assert [point["share"] for point in found["points"]] == [1.0]
    assert "sentence" not in found


# ---------------------------------------------------------------- what is refused, and what is shown


@pytest.mark.parametrize("where", ["given", "recipe"])
def test_without_validation_rows_there_is_no_curve(data: str, job: Job, here: Path, where: str) -> None:
    settings: dict[str, Any] = {"validation": "none"}
    if where == "recipe":
        (here / "mine.toml").write_text('validation = "none"\n')
        settings = {"recipe": "mine.toml"}
    with pytest.raises(UsageError) as caught:
        job(data, learning_curve=True, **settings)
    assert caught.value.message == (
        "--learning-curve with --validation none. Expected validation rows to watch. "
        "Give --validation a share such as 0.1, or leave out --learning-curve."
    )
    assert config.resolve({"learning_curve": False, "validation": "none"}).settings.learning_curve is False


def test_several_processes_are_refused(data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "team_of", lambda ranks: Alone(Ranks(0, 2)))
    with pytest.raises(UsageError) as caught:
        list(pipeline.follow(data, config.resolve({"model": str(tiny_bert), "learning_curve": True})))
    assert caught.value.message == (
        "--learning-curve in 2 processes. Expected a single process, which trains the further models one after the "
        "other. Leave out --learning-curve, or torchrun."
    )


def test_the_summary_tells_the_points_and_the_sentence_in_both_languages(
    data: str, tiny_bert: Path, whet: Command
) -> None:
    options = ["--model", str(tiny_bert), "--epochs", "4", "--learning-rate", "3e-3", "--validation", "0.25"]
    ended = whet("train", data, *options, "--no-baseline", "--learning-curve", "--log-every", "2")
    assert ended.code == 0
    assert "Would more labels help? macro F1 on 15 validation rows: " in ended.out
    assert "With twice as many labels, 78 rows, it would be about " in " ".join(ended.out.split())
    assert "learning curve: 25 % of the training rows, 10" in ended.err
    assert "learning curve, 50 % of the rows: step 2/12" in ended.err
    assert "learning curve, 50 % of the rows (20): 0." in ended.err
    again = whet("train", data, *options, "--no-baseline", "--learning-curve", "--lang", "ko")
    assert "라벨을 더 모으면 나아질까? 검증 15행의 매크로 F1: 학습 10행일 때 0." in again.out
    assert "라벨을 두 배(78행)로 늘리면 약 0." in again.out
