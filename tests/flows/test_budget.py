"""A job with a budget is one that fits, says what it gave up, and ends in time with a scored and saved model."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow import parquet

import whet as library
from tests.conftest import TinyModel, review_rows
from tests.flows.conftest import BRIEF, Command, Job, events_of, write_csv
from whet import pipeline
from whet.errors import UsageError
from whet.forecast import Plan
from whet.jobs import finetune
from whet.model import embedded
from whet.model.dropout import Dropout
from whet.model.files import find
from whet.planning import measured, plan
from whet.preparing import prepare
from whet.records import Revision, StepRecord
from whet.settings.config import resolve
from whet.system.runtime import Ranks
from whet.training import defaults, estimate, pace
from whet.training.estimate import Speed
from whet.training.pace import Budget, Pace
from whet.training.probe import Probed

Speeds = Callable[..., None]


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def numbered(here: Path, times: int) -> str:
    rows = [(f"{text} No {i}.", label) for i in range(times) for text, label in review_rows()]
    return str(write_csv(here / f"{times}.csv", rows))


@pytest.fixture
def large(here: Path) -> str:
    return numbered(here, 10)


@pytest.fixture
def larger(here: Path) -> str:
    return numbered(here, 20)


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> Speeds:
    """Makes each probe in turn find that a step takes so many seconds, and nothing else any time."""

    def set_to(*seconds: float) -> None:
        found: Iterator[float] = iter(seconds)

        def probe(*given: object, **named: object) -> Probed:
            return Probed(Speed(next(found), 0.0, 0.0, 0.0, 0.0, 10), None, 0.0)

        monkeypatch.setattr(measured, "probe", probe)

    return set_to


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other model is there."""
    monkeypatch.setattr(embedded, "is_installed", lambda: False)


def clocked(monkeypatch: pytest.MonkeyPatch, tick: Callable[[int], float], **changes: Any) -> None:
    """Gives trainings a budget with other numbers, and a clock by which the n-th look, which comes after
    the n-th step, is `tick(n)` seconds after the one before."""

    class Clocked(Pace):
        def __init__(self, steps: int, budget: Budget, **resumed: Any) -> None:
            self.looks, self.now = 0, 0.0
            super().__init__(steps, dataclasses.replace(budget, **changes), clock=self.look, **resumed)

        def look(self) -> float:
            self.looks += 1
            self.now += tick(self.looks)
            return self.now

    monkeypatch.setattr(finetune, "Pace", Clocked)


def settings_of(run: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"]
    return settings


def words_of(folder: Path) -> torch.Tensor:
    """The table of words of a saved model."""
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    (table,) = (each for name, each in weights.items() if name.endswith("word_embeddings.weight"))
    return table


@pytest.fixture
def long(here: Path) -> str:
    rows = [(" ".join([text] * 20), label) for text, label in review_rows()]
    return str(write_csv(here / "long.csv", rows))


# ---------------------------------------------------------------- what fits


def test_a_job_that_fits_is_trained_as_asked_and_validated_once_at_its_end(data: str, job: Job) -> None:
    told = job(data, **{**BRIEF, "epochs": 2.0}, budget="10m")
    assert [step.steps for step in told.steps] == [6] * 6
    assert [found.step for found in told.evaluations("validation")] == [6]
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    assert said.startswith("budget 10m: the job fits as it was asked for; it should take about ")
    assert "sample" not in told.run.metrics["test"]
    assert settings_of(told.path)["budget"] == {"value": "10m", "reason": "given", "reason_ko": "직접 지정"}


def test_without_a_budget_and_with_the_same_steps_the_model_is_the_same_to_the_bit(data: str, job: Job) -> None:
    plain = job(data, **BRIEF)
    within = job(data, **BRIEF, budget="10m")
    assert [step.loss for step in within.steps] == [step.loss for step in plain.steps]
    assert [step.learning_rate for step in within.steps] == [step.learning_rate for step in plain.steps]


def test_evaluations_that_were_asked_for_take_place(data: str, job: Job) -> None:
    told = job(data, **BRIEF, budget="10m", evaluate_every=1)
    assert [found.step for found in told.evaluations("validation")] == [1, 2, 3]


@pytest.mark.usefixtures("alone")
def test_shorter_texts_are_timed_anew_and_more_is_given_up_where_they_are_slower_than_thought(
    long: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = iter([6e-3, 8e-3])  # seconds a token: first of texts of up to 128 tokens, then of 64
    asked: list[float] = []

    def probe(*given: object, expected: Callable[[Speed], float], **named: object) -> Probed:
        asked.append(expected(Speed(1e9, 0.0, 0.0, 0.0, 0.0, 10)))
        return Probed(Speed(0.0, next(each), 0.0, 0.0, 0.0, 10), None, 0.0)

    monkeypatch.setattr(measured, "probe", probe)
    monkeypatch.setattr(estimate, "SHORTER", (64,))
    told = job(long, **{**BRIEF, "epochs": 3.0, "max_length": 128}, validation="none", budget="40s")
    assert told.run.settings["max_length"] == 64
    assert told.run.settings["epochs"] < 3
    assert asked[0] == 40
    assert 9 < asked[1] < 10  # the second look has a quarter of the time as its job
    (planned,) = [event for event in told.events if isinstance(event, Plan)]
    tokens = planned.tokens * planned.rows["train"] * told.run.settings["epochs"]
    assert planned.training.seconds == pytest.approx(8e-3 * tokens)
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    assert "max_length 64 instead of 128" in said
    assert f"epochs {told.run.settings['epochs']:g} instead of 3" in said


@pytest.mark.usefixtures("alone")
def test_a_job_of_chunks_keeps_one_sequence_of_a_text_before_it_gives_up_rows(
    long: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(*given: object, **named: object) -> Probed:
        return Probed(Speed(0.0, 4e-3, 0.0, 0.0, 0.0, 10), None, 0.0)

    monkeypatch.setattr(measured, "probe", probe)
    job_of_chunks = {**BRIEF, "max_length": 64, "truncation": "chunks", "validation": "none", "output": "chunks"}
    told = job(long, **job_of_chunks, budget="30s")
    assert told.run.settings["truncation"] == "head-tail"
    (planned,) = [event for event in told.events if isinstance(event, Plan)]
    assert planned.tokens == 64
    assert planned.training.seconds == pytest.approx(4e-3 * 64 * planned.rows["train"])
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    assert said.startswith("budget 30s: truncation head-tail instead of chunks; ")


@pytest.mark.usefixtures("alone")
def test_what_was_traded_is_said_planned_trained_and_recorded(
    data: str, job: Job, speeds: Speeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds(9.0)  # four steps would be too long
    clocked(monkeypatch, lambda look: 9.0 * (look <= 3), deadline=37.0)
    told = job(data, **{**BRIEF, "epochs": 2.0}, budget="40s")
    (planned,) = [event for event in told.events if isinstance(event, Plan)]
    assert (planned.steps, planned.training.seconds, planned.too_long) == (3, 27.0, False)
    assert len(told.steps) == 3
    assert settings_of(told.path)["epochs"] == {"value": 1.0, "reason": "budget 40s", "reason_ko": "시간 예산 40s"}
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    assert said.startswith("budget 40s: epochs 1 instead of 2; it should take about ")


@pytest.mark.usefixtures("alone")
def test_epochs_that_were_given_up_are_taken_back_where_there_is_time_for_them(
    data: str, job: Job, speeds: Speeds
) -> None:
    speeds(9.0)  # which they take by far less than
    told = job(data, **{**BRIEF, "epochs": 2.0}, budget="40s")
    (planned,) = [event for event in told.events if isinstance(event, Plan)]
    revised = [event.steps for event in told.events if isinstance(event, Revision)]
    assert (planned.steps, revised, len(told.steps), told.steps[-1].epoch) == (3, [6], 6, 2.0)


@pytest.mark.usefixtures("alone")
def test_a_part_of_an_epoch_goes_over_all_rows_and_may_become_a_whole_one(large: str, job: Job, speeds: Speeds) -> None:
    speeds(0.8)  # 24 seconds for an epoch
    told = job(large, **BRIEF, budget="22s")
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    assert re.match(r"budget 22s: epochs 0\.[5-8] instead of 1; ", said)
    assert parquet.read_table(told.path / "splits.parquet").num_rows == 600
    assert told.steps[-1].epoch == 1.0


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("given", "dropout", "said_of_it"),
    [
        ({}, 0.0, "freeze embeddings, batch_size 64, learning_rate 0.0004, dropout 0"),
        ({"dropout": 0.3}, 0.3, "freeze embeddings, batch_size 64, learning_rate 0.0004"),
    ],
)
def test_where_there_is_no_time_for_two_passes_over_many_short_texts_they_are_trained_as_suits_fewer(
    large: str,
    job: Job,
    speeds: Speeds,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    dropout: float,
    said_of_it: str,
) -> None:
    monkeypatch.setattr(defaults, "MANY", 100)
    rates: set[float] = set()
    frozen: set[str] = set()
    real = finetune.fit

    def fit(folder: Any, classifier: Any, *rest: Any) -> Any:
        rates.update(module.p for module in classifier.model.modules() if isinstance(module, Dropout))
        named = classifier.model.named_parameters()
        frozen.update(name.split(".")[1] for name, each in named if not each.requires_grad)
        return real(folder, classifier, *rest)

    monkeypatch.setattr(finetune, "fit", fit)
    speeds(1.0)  # 30 seconds for two epochs of 15 steps each
    told = job(large, **{**BRIEF, "epochs": 2.0}, **given, budget="27s")
    settings = {name: value["value"] for name, value in settings_of(told.path).items()}
    assert (settings["batch_size"], settings["learning_rate"], settings["freeze"]) == (64, 4e-4, "embeddings")
    assert settings["dropout"] == dropout
    assert (rates, frozen) == ({dropout}, {"embeddings"})
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    # Of steps of 64 rows there is time for almost two passes, as which they are planned at the most.
    assert re.match(r"budget 27s: epochs 1\.9 instead of 2; it should take about [0-9]+s\. ", said)
    assert said.endswith(f". {said_of_it}: what suits less than two passes over many short texts")


@pytest.mark.usefixtures("alone")
def test_a_job_that_was_stopped_goes_on_as_suits_few_passes(
    large: str, job: Job, speeds: Speeds, tiny_bert: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defaults, "MANY", 100)
    speeds(1.0)
    settings = {**BRIEF, "epochs": 2.0, "budget": "27s", "checkpoint_every": 2, "output": "run"}
    course = pipeline.follow(large, resolve({**settings, "model": str(tiny_bert)}))
    for event in course:
        if isinstance(event, StepRecord) and event.step == 5:
            course.close()  # type: ignore[attr-defined]  # a generator
            break
    told = job(large, **settings)
    assert [notice for notice in told.notices if notice.startswith("going on after step 4 ")]
    values = {name: value["value"] for name, value in settings_of(here / "run").items()}
    assert (values["batch_size"], values["freeze"], values["dropout"]) == (64, "embeddings", 0.0)
    before, after = (words_of(path) for path in (tiny_bert, here / "run" / "model"))
    assert torch.equal(before, after)


@pytest.mark.usefixtures("alone")
def test_fewer_rows_are_drawn_anew(larger: str, job: Job, speeds: Speeds) -> None:
    speeds(0.8)  # 48 seconds for an epoch
    told = job(larger, **BRIEF, budget="20s")
    (said,) = [notice for notice in told.notices if notice.startswith("budget")]
    found = re.match(r"budget 20s: train_rows (\d+) instead of all 960; ", said)
    assert found is not None
    rows = int(found[1])  # by how much of the 20 seconds the preparation took
    assert 200 <= rows < 480
    assert len(told.steps) == math.ceil(rows / 16)
    sides = parquet.read_table(told.path / "splits.parquet")["side"].to_pylist()
    counts = {side: sides.count(side) for side in set(sides)}
    assert counts == {"train": rows, "validation": pytest.approx(rows / 10, abs=1), "test": 120}
    assert told.run.metrics["test"]["rows"] == 120


def test_the_embedded_model_takes_the_place_of_one_that_is_too_slow(
    data: str, job: Job, speeds: Speeds, monkeypatch: pytest.MonkeyPatch, tiny_model: TinyModel
) -> None:
    other = dataclasses.replace(find(str(tiny_model("distilbert"))), name="embedded")
    monkeypatch.setattr(embedded, "is_installed", lambda: True)
    monkeypatch.setattr(measured, "find", lambda name: other)
    speeds(100.0, 1.0)
    told = job(data, **BRIEF, budget="20s")
    chosen = settings_of(told.path)["model"]
    assert chosen == {"value": "embedded", "reason": "budget 20s", "reason_ko": "시간 예산 20s"}
    assert told.run.model.config.model_type == "distilbert"
    (planned,) = [event for event in told.events if isinstance(event, Plan)]
    assert (planned.model, planned.training.seconds) == ("embedded", 3.0)


@pytest.mark.usefixtures("alone")
def test_where_nothing_fits_the_shortest_time_is_named_and_nothing_written(
    data: str, whet: Command, speeds: Speeds, tiny_bert: Path, here: Path
) -> None:
    command = ("train", data, "--model", str(tiny_bert), "--threads", "1", "--no-baseline")
    speeds(10.0)
    ended = whet(*command, "--budget", "20s")
    assert ended.code == 2
    (message,) = ended.errors
    assert message.startswith(f"--budget: not even the smallest job with {tiny_bert} would be over in 20s. Expected")
    assert not (here / "runs").exists()
    needed = message.split("Give --budget ")[1].split(",")[0]
    speeds(10.0)
    assert whet(*command, "--budget", needed).code == 0


@pytest.mark.usefixtures("alone")
def test_a_job_with_a_budget_is_never_asked_about(
    data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, whet: Command
) -> None:
    monkeypatch.setattr(plan, "LONG", 0.0)
    run = library.train(data, model=str(tiny_bert), budget="10m", **BRIEF)
    assert run.metrics["test"]["rows"] == 6
    brief = ("--epochs", "1", "--no-baseline", "--threads", "1", "--model", str(tiny_bert))
    again = whet("train", data, "--budget", "10m", *brief)
    assert (again.code, again.errors) == (0, [])
    assert "This run was finished already" in again.out


def test_a_plan_with_a_budget_is_that_of_the_job_that_would_run(
    data: str, whet: Command, tiny_bert: Path, speeds: Speeds, alone: None
) -> None:
    speeds(9.0)
    ended = whet(
        "plan", data, "--model", str(tiny_bert), "--budget", "40s", "--threads", "1", "--no-baseline", "--epochs", "2",
        "--json",
    )  # fmt: skip
    assert (ended.code, ended.json["steps"]) == (0, 3)
    assert "note: budget 40s: epochs 1 instead of 2" in ended.err


def test_several_processes_are_refused(data: str) -> None:
    with pytest.raises(UsageError) as caught:
        next(prepare.settle(data, resolve({"budget": "20m"}), Ranks(rank=0, count=2)))
    assert caught.value.message == (
        "--budget: 2 processes, and what they take together none of them can measure. Expected a single process. "
        "Leave out --budget, or torchrun."
    )


# ---------------------------------------------------------------- in time


def test_a_machine_that_slows_down_half_way_ends_in_time_with_a_scored_and_saved_model(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    clocked(monkeypatch, lambda look: 1.0 if look <= 30 else 2.0, deadline=70.0, step=1.0, evaluation={}, saving=1.0)
    monkeypatch.setattr(Pace, "due", lambda self, side, scored: ended.append(self.now) or 6)
    told = job(data, **{**BRIEF, "epochs": 20.0}, budget="10m")
    last = told.steps[-1]
    assert 46 <= last.step == last.steps < 60
    assert max(ended) <= 70.0
    assert last.learning_rate < 0.1 * max(step.learning_rate for step in told.steps)
    revisions = [event for event in told.events if isinstance(event, Revision)]
    kept = [event for event in events_of(told.path) if event["kind"] == "revision"]
    assert kept == [{"kind": "revision", **dataclasses.asdict(revision)} for revision in revisions]
    assert revisions[-1].steps == last.step
    assert told.run.predict(["The story was superb."])[0].label in ("negative", "positive")


def test_a_budget_goes_on_with_the_time_that_was_left_and_with_its_revisions(
    data: str, job: Job, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    numbers: dict[str, Any] = {"step": 1.0, "evaluation": {}, "saving": 1.0}
    settings = {**BRIEF, "epochs": 20.0, "budget": "10m", "checkpoint_every": 20, "output": "run"}
    monkeypatch.setattr(Pace, "due", lambda self, side, scored: 6)
    clocked(monkeypatch, lambda look: 1.0 if look <= 30 else 2.0, deadline=70.0, **numbers)

    def steps_and_revisions() -> list[dict[str, Any]]:
        timeless = [{**event, "train_seconds": 0} for event in events_of(here / "run")]
        return [event for event in timeless if event["kind"] in ("step", "revision")]

    def cut_off(at: int) -> None:
        """A process that is gone after a step, without a word."""
        course = pipeline.follow(data, resolve({**settings, "model": str(tiny_bert)}))
        for event in course:
            if isinstance(event, StepRecord) and event.step == at:
                course.close()  # type: ignore[attr-defined]  # a generator
                return

    cut_off(44)
    before = steps_and_revisions()
    left = json.loads((here / "run" / "checkpoints" / "step-00000040" / "state.json").read_text())["facts"]["left"]
    assert 0 < left < 70.0 - 40.0
    assert [event["step"] for event in before if event["kind"] == "revision" and event["step"] > 40]

    class Left(Pace):
        """By a clock that stands at zero where the time that is left begins."""

        def __init__(self, steps: int, budget: Budget, **resumed: Any) -> None:
            self.now, whole = 0.0, math.ceil(budget.deadline - time.monotonic())
            assert whole == math.ceil(left)
            super().__init__(steps, dataclasses.replace(budget, deadline=left, **numbers), clock=self.look, **resumed)

        def look(self) -> float:
            self.now += 2.0
            return self.now

    monkeypatch.setattr(finetune, "Pace", Left)
    cut_off(43)  # while it does again what had been done
    done = [event for event in before if event["step"] <= 43]
    assert steps_and_revisions() == done
    told = job(data, **settings)
    steps = [event["steps"] for event in before if event["step"] <= 40][-1]
    assert steps < 60
    assert f"going on after step 40 of {steps}; 3 steps after it are done again" in told.notices
    again = steps_and_revisions()
    assert again[: len(done)] == done
    assert told.steps[-1].step == told.steps[-1].steps == again[-1]["step"]
    assert 46 <= told.steps[-1].step < 60
    assert told.steps[-1].learning_rate < 0.1 * max(event.get("learning_rate", 0.0) for event in again)


def test_revisions_are_told_on_stderr(
    data: str, whet: Command, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(monkeypatch, lambda look: 10.0, deadline=100.0, step=5.0, evaluation={}, saving=0.0)
    monkeypatch.setattr(Pace, "due", lambda self, side, scored: 6)
    command = ("train", data, "--model", str(tiny_bert), "--epochs", "4", "--threads", "1", "--no-baseline")
    ended = whet(*command, "--budget", "10m")
    assert ended.code == 0
    lines = [line for line in ended.err.splitlines() if "which fit into the" in line]
    assert lines
    assert lines[0].startswith("step ")
    korean = whet(*command, "--budget", "10m", "--lang", "ko", "--fresh")
    assert "전체 스텝 수를" in korean.err


# ---------------------------------------------------------------- a sample


def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is left when the training is over, and four rows are a sample."""
    monkeypatch.setattr(pace, "FEWEST_TESTED", 4)
    clocked(
        monkeypatch, lambda look: 0.0 if look <= 3 else 1_000.0, deadline=10.0, step=1.0,
        evaluation={"validation": 1.0, "test": 1.0},
    )  # fmt: skip


def test_where_the_test_side_does_not_fit_a_sample_is_scored_with_its_interval(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(monkeypatch)
    told = job(data, **BRIEF, budget="10m")
    test = told.run.metrics["test"]
    assert (test["rows"], test["sample"]) == (4, {"rows": 4, "of": 6})
    low, high = test["intervals"]["accuracy"]
    assert 0 <= low < test["accuracy"] < high <= 1 or test["accuracy"] in (0, 1)
    assert told.run.metrics["validation"]["sample"] == {"rows": 4, "of": 6}
    scored = parquet.read_table(told.path / "predictions.parquet").to_pydict()
    assert sorted(scored["label"]) == ["negative", "negative", "positive", "positive"]
    # The same rows as those of --test-rows 4.
    again = job(data, **BRIEF, test_rows=4)
    assert parquet.read_table(again.path / "predictions.parquet").to_pydict()["row_id"] == scored["row_id"]
    assert "4 of 6 test rows, drawn by label, were scored in the time that was left" in told.notices
    assert "Scores on 4 test rows, a sample of 6:" in (told.path / "model" / "README.md").read_text()


def test_the_sample_its_interval_and_the_way_to_the_rest_are_printed(
    data: str, whet: Command, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(monkeypatch)
    command = ("train", data, "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--no-baseline")
    ended = whet(*command, "--budget", "10m", "--output", "mine")
    assert ended.code == 0
    shown = " ".join(ended.out.split())
    assert "A sample of 4 of 6 test rows was scored, as the budget left no time for all of them." in shown
    assert "With 95 % confidence the accuracy on all is between 0." in shown
    assert "To score the rest: whet evaluate mine DATA" in shown
    korean = whet(*command, "--budget", "10m", "--output", "mine", "--lang", "ko")
    assert "표본 4행만 평가했습니다" in " ".join(korean.out.split())


@pytest.mark.usefixtures("alone")
def test_a_sample_that_was_planned_is_one_of_the_whole_test_side(
    large: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "FEWEST_TESTED", 20)
    speed = Speed(0.0, 2e-3, 0.0, 4e-2, 0.0, 10)  # evaluations take the time
    monkeypatch.setattr(measured, "probe", lambda *given, **named: Probed(speed, None, 0.0))
    told = job(large, **BRIEF, validation="none", budget="60s")
    rows = told.run.settings["test_rows"]
    assert isinstance(rows, int)
    assert 20 <= rows < 60
    assert told.run.metrics["test"]["sample"] == {"rows": rows, "of": 60}
    assert any(f"test_rows {rows} instead of all 60" in notice for notice in told.notices)
