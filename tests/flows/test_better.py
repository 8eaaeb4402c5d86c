"""`--model auto` within a budget hands out the fine-tuned or the linear model, whichever is better on validation."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import parquet
from torch.nn import functional as F

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, events_of, write_csv
from tests.flows.test_linear import rows_of, write
from whet import pipeline
from whet.artifacts import sidefile
from whet.errors import Interrupted
from whet.forecast import Choice, Span
from whet.jobs import better, fitting, rivals
from whet.model import choice
from whet.records import StepRecord
from whet.report import material, repeat
from whet.runs.run_folder import RunFolder
from whet.score import calibration, linear
from whet.score.fitted import Linear
from whet.settings import config
from whet.settings.config import Settings
from whet.training import estimate
from whet.training.estimate import Engine, Workload

AUTO: dict[str, Any] = {"model": "auto", "budget": "10m", "threads": 1, "validation": "0.3", "output": "run"}
BRIEF: dict[str, Any] = {**AUTO, "epochs": 1.0}


@pytest.fixture(autouse=True)
def _auto_is_tiny(monkeypatch: pytest.MonkeyPatch, tiny_bert: Path) -> None:
    monkeypatch.setattr(choice, "choose", lambda texts, device: choice.Choice(str(tiny_bert), "it is tiny"))


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def contrary(*names: str) -> Callable[..., dict[str, Linear]]:
    """Linear models of which those of these names say the contrary of what they learnt."""

    def fit_each(*given: Any, **named: Any) -> dict[str, Linear]:
        models = linear.fit_each(*given, **named)
        turned = {name: replace(models[name], weights=-models[name].weights, bias=-models[name].bias) for name in names}
        return {**models, **turned}

    return fit_each


def auto_of(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = told.run.metrics["auto"]
    return found


def test_the_linear_model_is_handed_out_where_it_is_better(data: str, job: Job, tiny_bert: Path, whet: Command) -> None:
    told = job(data, **BRIEF)
    auto = auto_of(told)
    assert (auto["metric"], auto["chosen"], auto["model"]) == ("macro_f1", "linear", str(tiny_bert))
    assert auto["linear"] == 1.0 > auto["fine_tuned"]
    line = f"auto: on validation the linear model has macro_f1 1.0000, {tiny_bert} {auto['fine_tuned']:.4f}; "
    assert f"{line}the linear model is handed out" in told.notices
    run = json.loads((told.path / "run.json").read_text(encoding="utf-8"))
    assert run["settings"]["model"] == {
        "value": "linear",
        "reason": f"auto: better on validation, macro_f1 1.0000 against {auto['fine_tuned']:.4f} of {tiny_bert}",
        "reason_ko": f"자동: 검증 데이터에서 더 나음(macro_f1 1.0000, {tiny_bert} {auto['fine_tuned']:.4f})",
    }
    assert sidefile.read(told.path / "model")["kind"] == "linear"
    metrics = told.run.metrics
    assert metrics["validation"]["accuracy"] == metrics["test"]["accuracy"] == 1.0
    assert set(metrics["baselines"]) == {"majority", "seconds"}
    assert told.end.verdict.startswith("The linear model beats always answering")
    rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    assert [answer.label for answer in told.run.predict([row["text"] for row in rows])] == [
        row["predicted"] for row in rows
    ]
    assert not any(row["truncated"] for row in rows)
    page = (told.path / "report.html").read_text(encoding="utf-8")
    assert "On validation the linear model on TF-IDF is better" in page
    command = repeat.command(material.gather(RunFolder(told.path)))
    assert "--model linear" in command
    assert "--epochs" not in command
    shown = whet("train", data, "--budget", "10m", "--threads", "1", "--validation", "0.3", "--epochs", "1",
                 "--output", "run", "--lang", "ko")  # fmt: skip
    assert "최종 모델: 검증에서 더 나은 선형 모델" in shown.out


def test_a_loss_of_ones_own_is_trained_with_and_no_linear_model_taken_for_it(data: str) -> None:
    steps = list(pipeline.steps(data, loss=F.cross_entropy, **BRIEF))
    assert len(steps) > 0
    assert sidefile.read(Path("run") / "model")["kind"] == "transformer"
    assert "auto" not in json.loads((Path("run") / "metrics.json").read_text(encoding="utf-8"))


def test_the_network_is_handed_out_where_it_is_no_worse(
    data: str, job: Job, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A linear model that says the contrary of what it learnt is worse than any network."""
    monkeypatch.setattr(rivals, "linear", SimpleNamespace(fit_each=contrary("tfidf", "nbsvm")))
    told = job(data, **BRIEF)
    auto = auto_of(told)
    assert (auto["chosen"], auto["linear"]) == ("fine-tuned", 0.0)
    assert auto["fine_tuned"] > 0
    assert sidefile.read(told.path / "model")["kind"] == "transformer"
    assert set(told.run.metrics["baselines"]) == {"majority", "tfidf", "nbsvm", "seconds"}
    assert "fine-tuned model" in told.end.verdict
    assert json.loads((told.path / "run.json").read_text())["settings"]["model"]["value"] == str(tiny_bert)
    assert "On validation the fine-tuned model is no worse" in (told.path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("few", [True, False])
def test_nb_svm_is_handed_out_where_it_is_the_best_and_has_rows_for_a_temperature(
    few: bool, data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rivals, "linear", SimpleNamespace(fit_each=contrary("tfidf")))
    if few:
        told = job(data, **BRIEF)
        assert auto_of(told)["linear"] == 0.0
        return
    monkeypatch.setattr(calibration, "FEWEST_ROWS", 1)
    monkeypatch.setattr(calibration, "FEWEST_WRONG", 0)
    told = job(data, **BRIEF)
    assert auto_of(told)["chosen"] == "linear"
    assert "of the linear models NB-SVM is better on validation: macro_f1 1.0000, logistic regression 0.0000" in (
        told.notices
    )
    assert "TF-IDF and NB-SVM, fitted" in (told.path / "model" / "README.md").read_text(encoding="utf-8")
    assert told.run.metrics["test"]["accuracy"] == 1.0
    rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    answered = told.run.predict([row["text"] for row in rows])
    assert [answer.label for answer in answered] == [row["predicted"] for row in rows]


def test_a_linear_job_takes_the_better_of_the_two_as_well(data: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEWEST_ROWS", "FEWEST_WRONG"):
        monkeypatch.setattr(calibration, name, 0)
    settings = {"model": "linear", "validation": "0.3"}
    assert not any("NB-SVM" in text for text in job(data, **settings).notices)  # they are level
    monkeypatch.setattr(fitting, "linear", SimpleNamespace(fit_each=contrary("tfidf")))
    told = job(data, **settings, fresh=True)
    assert "of the linear models NB-SVM is better on validation: macro_f1 1.0000, logistic regression 0.0000" in (
        told.notices
    )
    assert told.run.metrics["test"]["accuracy"] == 1.0


@pytest.fixture
def words(here: Path) -> str:
    """200 rows of one word each, which tell what they are to anybody who has seen the word."""
    rows = [(f"{word} word{number}", label) for number in range(100) for word, label in (("no", "neg"), ("oh", "pos"))]
    return str(write_csv(here / "words.csv", rows))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that leaves the network 48 rows to learn from, and 10 of test."""

    def chosen(work: Workload, engine: Engine, settings: Settings, limit: float, **named: Any) -> Choice:
        return Choice(limit, {"train_rows": 48, "test_rows": 10}, Span(1.0, 1.0, 1.0))

    monkeypatch.setattr(estimate, "first_fit", chosen)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("slow", [False, True])
def test_linear_models_have_the_rows_that_a_budget_takes_from_the_network(
    slow: bool, words: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linear model answers the 40 rows of test, unless it is so slow that there is no time for it."""
    seen: list[int] = []

    def fit_each(learnt: Any, *given: Any, **named: Any) -> dict[str, Linear]:
        seen.append(len(learnt))
        return linear.fit_each(learnt, *given, **named)

    monkeypatch.setattr(rivals, "linear", SimpleNamespace(fit_each=fit_each))
    if slow:
        monkeypatch.setattr(better, "SHARE", 0.0)
    told = job(words, **{**BRIEF, "test": "0.2"})
    assert auto_of(told)["chosen"] == "linear"
    assert seen == [146]  # 200 less the 40 of test and the 14 of validation that the network has
    sides = Counter(row["side"] for row in parquet.read_table(told.path / "splits.parquet").to_pylist())
    answered = 10 if slow else 40
    assert sides == {"train": 146, "validation": 14, "test": answered}
    assert told.run.metrics["refit"] == {"train": 146, "validation": 14}
    assert (
        told.run.metrics["test"]["rows"] == parquet.read_table(told.path / "predictions.parquet").num_rows == answered
    )
    assert told.run.metrics["test"].get("sample") == ({"rows": 10, "of": 40} if slow else None)
    assert told.run.metrics["baselines"]["majority"]["rows"] == answered
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["train_rows"] == {
        "value": None,
        "reason": "the linear model has learnt from all rows",
        "reason_ko": "선형 모델은 모든 행으로 학습함",
    }
    assert settings["test_rows"]["value"] == (10 if slow else None)
    command = repeat.command(material.gather(RunFolder(told.path)))
    assert "--train-rows" not in command
    assert ("--test-rows" in command) == slow


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("short", [False, True])
def test_the_linear_model_learns_from_validation_too_where_there_is_time(
    short: bool, words: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    if short:
        monkeypatch.setattr(better, "REFIT", 0.0)
    told = job(words, **{**BRIEF, "test": "0.2"})
    sides = parquet.read_table(told.path / "splits.parquet").to_pylist()
    learnt = {f"word{row['row_id'] // 2}" for row in sides if row["side"] in ("train", "validation")}
    judged = {f"word{row['row_id'] // 2}" for row in sides if row["side"] == "validation"} - {
        f"word{row['row_id'] // 2}" for row in sides if row["side"] == "train"
    }
    vocabulary = set(json.loads((told.path / "model" / "vocabulary.json").read_text(encoding="utf-8")))
    assert judged
    assert ("refit" in told.run.metrics) != short
    assert judged <= vocabulary if not short else not judged & vocabulary
    assert {word for word in vocabulary if word.startswith("word")} == (learnt - judged if short else learnt)
    page = (told.path / "report.html").read_text(encoding="utf-8")
    assert ("The linear model has learnt once more, from the 146 training and the 14 validation rows" in page) != short


def stopped(data: str, settings: dict[str, Any]) -> None:
    """A job that is told to end after its second step."""
    with pytest.raises(Interrupted):
        for event in pipeline.follow(data, config.resolve(settings)):
            if isinstance(event, StepRecord) and event.step == 2:
                os.kill(os.getpid(), signal.SIGTERM)


def test_a_job_that_was_stopped_decides_as_one_that_was_not(data: str, job: Job) -> None:
    whole = job(data, **{**BRIEF, "output": "whole"})
    stopped(data, BRIEF)
    told = job(data, **BRIEF)
    assert [step.step for step in told.steps] == [3]
    assert auto_of(told) == auto_of(whole)
    assert told.run.metrics["test"] == whole.run.metrics["test"]
    files = [(path.path / "model" / "model.safetensors").read_bytes() for path in (told, whole)]
    assert files[0] == files[1]


@pytest.mark.usefixtures("taken")
def test_a_job_that_was_stopped_has_the_rows_that_its_budget_took(words: str, job: Job) -> None:
    settings = {**BRIEF, "test": "0.2"}
    whole = job(words, **{**settings, "output": "whole"})
    stopped(words, settings)
    told = job(words, **settings)
    assert [step.step for step in told.steps] == [3]
    assert auto_of(told) == auto_of(whole)
    assert told.run.metrics["test"] == whole.run.metrics["test"]
    for name in ("splits.parquet", "predictions.parquet", "model/model.safetensors"):
        assert (told.path / name).read_bytes() == (whole.path / name).read_bytes()
    settings_of = [
        json.loads((each.path / "run.json").read_text(encoding="utf-8"))["settings"] for each in (told, whole)
    ]
    for name in ("train_rows", "test_rows", "model"):
        assert settings_of[0][name] == settings_of[1][name]


@pytest.mark.parametrize("task", ["several", "value", "pair"])
def test_every_task_is_decided_by_its_metric(task: str, job: Job, here: Path) -> None:
    told = job(write(here / "data.jsonl", rows_of(task)), **BRIEF)
    auto = auto_of(told)
    assert auto["metric"] == {"several": "macro_f1", "value": "pearson", "pair": "macro_f1"}[task]
    assert auto["chosen"] == "linear"
    text = review_rows()[0][0]
    (answer,) = told.run.predict([("What a terrible film; I wasted my time.", text)] if task == "pair" else [text])
    assert answer.value is not None if task == "value" else answer.probabilities


@pytest.mark.parametrize("changes", [{"budget": None}, {"baseline": False}, {"validation": "none"}, {"test": "none"}])
def test_nothing_is_compared_without_a_budget_baselines_or_one_of_the_sides(
    changes: dict[str, Any], data: str, job: Job
) -> None:
    told = job(data, **{**BRIEF, **changes})
    assert "auto" not in told.run.metrics
    assert sidefile.read(told.path / "model")["kind"] == "transformer"


def test_a_model_that_was_named_is_kept(data: str, job: Job, tiny_bert: Path) -> None:
    told = job(data, **{**BRIEF, "model": str(tiny_bert)})
    assert "auto" not in told.run.metrics
    assert not any("auto:" in line.get("message", "") for line in events_of(told.path))
