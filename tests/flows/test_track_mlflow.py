"""--track mlflow: a real local store, read back with the real client, and servers that are gone."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import TEACH, Job, write_csv
from whet import pipeline
from whet.records import Notice, StepRecord
from whet.settings import config
from whet.system import runtime

pytest.importorskip("mlflow", reason="mlflow is not installed (whet[mlflow]); it is no part of the dev extra")
pytest.importorskip("alembic", reason="alembic is not installed (whet[mlflow])")
pytestmark = pytest.mark.filterwarnings("ignore")  # of a library of other people's

BRIEF: dict[str, Any] = {
    **TEACH, "epochs": 2.0, "batch_size": 8, "baseline": False, "checkpoint_every": 4, "output": "runs/run",
    "track": "mlflow",
}  # fmt: skip


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def client(uri: str = "") -> Any:
    runtime.mlflow()
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri or f"sqlite:///{Path('runs/mlflow/mlflow.db').absolute()}")


def tracked(run: Path) -> str:
    return str(json.loads((run / "mlflow.json").read_text())["run"])


def series(found: Any, run: str, key: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in found.get_metric_history(run, key)]


def left_at(data: str, model: Path, step: int) -> None:
    for event in pipeline.follow(data, config.resolve({**BRIEF, "model": str(model)})):
        if isinstance(event, StepRecord) and event.step == step:
            break


def test_a_job_is_in_the_local_store_with_settings_steps_scores_and_its_report(data: str, job: Job) -> None:
    told = job(data, **{**BRIEF, "baseline": True})
    found, run = client(), tracked(told.path)
    known = found.get_run(run)
    assert known.info.status == "FINISHED"
    assert known.info.run_name == "run"
    assert found.get_experiment(known.info.experiment_id).name == "whet"
    assert (known.data.params["learning_rate"], known.data.params["track"]) == ("0.003", "mlflow")
    assert series(found, run, "train/loss") == [(each.step, pytest.approx(each.loss)) for each in told.steps]
    test = told.run.metrics["test"]
    assert known.data.metrics["test/accuracy"] == pytest.approx(test["accuracy"])
    assert known.data.metrics["test/accuracy_low"] == pytest.approx(test["intervals"]["accuracy"][0])
    assert len(series(found, run, "validation/macro_f1")) == len(told.evaluations("validation"))
    assert known.data.tags["mlflow.note.content"] == told.run.metrics["verdict"]["en"]
    assert [file.path for file in found.list_artifacts(run)] == ["report.html"]
    copies = list(Path("runs/mlflow/artifacts").rglob("report.html"))
    assert [copy.read_bytes() for copy in copies] == [(told.path / "report.html").read_bytes()]


def test_a_run_that_goes_on_is_the_same_tracked_run_with_every_step_once(data: str, job: Job, tiny_bert: Path) -> None:
    left_at(data, tiny_bert, 6)
    run = tracked(Path("runs/run"))
    assert client().get_run(run).info.status == "KILLED"
    left_at(data, tiny_bert, 7)
    assert tracked(Path("runs/run")) == run
    told = job(data, **BRIEF)
    assert tracked(told.path) == run
    assert client().get_run(run).info.status == "FINISHED"
    steps = [step for step, _ in series(client(), run, "train/loss")]
    assert steps == list(range(1, told.steps[-1].step + 1))
    judged = [step for step, _ in series(client(), run, "validation/loss")]
    assert len(judged) == len(set(judged)) == 2


def test_a_run_that_starts_anew_is_another_tracked_run(data: str, job: Job, tiny_bert: Path) -> None:
    left_at(data, tiny_bert, 2)  # before the first checkpoint
    before = tracked(Path("runs/run"))
    told = job(data, **BRIEF)
    assert tracked(told.path) != before
    assert client().get_run(before).info.status == "KILLED"
    steps = [step for step, _ in series(client(), tracked(told.path), "train/loss")]
    assert steps == [each.step for each in told.steps]


def test_the_server_and_experiment_of_the_environment_are_used(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{Path('elsewhere.db').absolute()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    told = job(data, **BRIEF)
    known = client(uri).get_run(tracked(told.path))
    assert client(uri).get_experiment(known.info.experiment_id).name == "mine"
    assert not Path("runs/mlflow").exists()
    assert uri not in (told.path / "mlflow.json").read_text()  # it may hold a password


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which connections are taken and nothing is ever answered."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        yield silent.getsockname()[1]


def test_a_server_that_is_gone_is_one_warning_and_does_not_hold_up_the_job(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        free = closed.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free}")
    began = time.monotonic()
    told = job(data, **BRIEF)
    assert time.monotonic() - began < 60
    (warning,) = [event for event in told.events if isinstance(event, Notice) and "--track" in event.message]
    assert warning.severity == "warning"
    assert warning.message.startswith("--track mlflow: MlflowException: ")
    assert warning.message.endswith("; the job goes on without it")
    assert told.run.metrics["test"]["rows"] == 6


def test_a_server_that_never_answers_is_given_up(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    told = job(data, **BRIEF)
    assert len([notice for notice in told.notices if "--track mlflow: " in notice]) == 1
    assert len(told.steps) == 12


def test_a_store_that_goes_away_on_the_way_is_one_warning(data: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    from whet.track import mlflow

    monkeypatch.setattr(mlflow, "PAUSE", 0.0)
    real = pipeline.follow

    def follow(*given: Any, **named: Any) -> Any:
        for event in real(*given, **named):
            if isinstance(event, StepRecord) and event.step == 5:
                Path("runs/mlflow/mlflow.db").write_bytes(b"no longer a database" * 100)
            yield event

    monkeypatch.setattr(pipeline, "follow", follow)
    told = job(data, **BRIEF)
    assert len([notice for notice in told.notices if "--track mlflow: " in notice]) == 1
    assert told.run.metrics["test"]["rows"] == 6
