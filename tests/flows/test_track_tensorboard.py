"""--track tensorboard: read back with TensorBoard's own reader."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import TEACH, Command, Job, weights_of, write_csv
from whet import pipeline
from whet.errors import MissingExtraError
from whet.records import Notice, StepRecord
from whet.score.metrics import as_json
from whet.settings import config
from whet.system import runtime

pytest.importorskip("tensorboard", reason="tensorboard is not installed (whet[tensorboard])")

BRIEF: dict[str, Any] = {
    **TEACH, "epochs": 2.0, "batch_size": 8, "baseline": False, "checkpoint_every": 4, "output": "run",
    "track": "tensorboard",
}  # fmt: skip
STEPS = 12


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def reader(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(
        str(run / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0}, purge_orphaned_data=False
    )
    found.Reload()
    return found


def series(run: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in reader(run).Scalars(tag)]


def left_at(data: str, model: Path, step: int) -> None:
    """A job that nobody reads on after a step: as if it had been killed, but for its last words."""
    for event in pipeline.follow(data, config.resolve({**BRIEF, "model": str(model)})):
        if isinstance(event, StepRecord) and event.step == step:
            break


def test_a_job_is_told_with_its_settings_steps_evaluations_scores_and_curve(data: str, job: Job) -> None:
    told = job(data, **BRIEF, learning_curve=True, validation="0.25")
    assert series(told.path, "train/loss") == [(each.step, pytest.approx(each.loss)) for each in told.steps]
    rates = [(each.step, pytest.approx(each.learning_rate)) for each in told.steps]
    assert series(told.path, "train/learning_rate") == rates
    judged = [(each.step, pytest.approx(as_json(each.metrics)["macro_f1"])) for each in told.evaluations("validation")]
    assert series(told.path, "validation/macro_f1") == judged
    last, test = told.steps[-1].step, told.run.metrics["test"]
    assert series(told.path, "test/accuracy") == [(last, pytest.approx(test["accuracy"]))]
    for end, bound in zip(("low", "high"), test["intervals"]["accuracy"], strict=True):
        assert series(told.path, f"test/accuracy_{end}") == [(last, pytest.approx(bound))]
    curve = told.run.metrics["learning_curve"]["points"]
    assert series(told.path, "learning_curve/macro_f1") == [
        (point["rows"], pytest.approx(point["score"])) for point in curve
    ]
    found = reader(told.path)
    (text,) = found.Tensors("settings")
    assert b"| learning_rate | 0.003 |" in text.tensor_proto.string_val[0]
    assert found.PluginTagToContent("hparams")
    assert not [tag for tag in found.Tags()["scalars"] if "classes" in tag or tag.endswith("/rows")]


def test_a_run_that_goes_on_has_every_step_once_and_ends_as_one_that_was_not_stopped(
    data: str, job: Job, tiny_bert: Path
) -> None:
    whole = job(data, **{**BRIEF, "output": "whole"})
    for step in (2, 6, 7, 11):  # before the first checkpoint, and after later ones
        left_at(data, tiny_bert, step)
    told = job(data, **BRIEF)
    assert told.steps[0].step == 9
    for tag in ("train/loss", "validation/macro_f1", "test/accuracy"):
        assert series(told.path, tag) == series(whole.path, tag)
    assert [step for step, _ in series(told.path, "train/loss")] == list(range(1, len(whole.steps) + 1))
    assert len(list((told.path / "tensorboard").iterdir())) == 1


def test_tracking_changes_neither_the_model_nor_the_name_of_the_run(data: str, job: Job) -> None:
    named = {name: value for name, value in BRIEF.items() if name != "output"}
    told = job(data, **named)
    assert weights_of(told.path) == weights_of(job(data, **{**BRIEF, "track": "none"}).path)
    assert job(data, **{**named, "track": "none"}).end.resumed_finished


def test_a_folder_that_cannot_be_made_is_one_warning_and_the_job_ends(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run").mkdir()
    real = pipeline.follow

    def follow(*given: Any, **named: Any) -> Any:
        for event in real(*given, **named):
            if getattr(event, "name", "") == "tokens":
                (Path("run") / "tensorboard").write_text("in the way")
            yield event

    monkeypatch.setattr(pipeline, "follow", follow)
    told = job(data, **BRIEF)
    (warning,) = [event for event in told.events if isinstance(event, Notice) and "--track" in event.message]
    assert warning.severity == "warning"
    assert warning.message.startswith("--track tensorboard: FileExistsError: ")
    assert warning.message.endswith("; the job goes on without it")
    assert told.run.metrics["test"]["rows"] == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to write to")
def test_a_disk_that_is_full_is_one_warning_and_the_job_ends(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.summary.writer import record_writer

    class Full(record_writer.RecordWriter):  # type: ignore[misc]  # the package is not typed
        count = 0

        def write(self, data: bytes) -> None:
            Full.count += 1
            if Full.count < 9:
                super().write(data)
                return
            with Path("/dev/full").open("wb", buffering=0) as full:
                full.write(data)

    monkeypatch.setattr(record_writer, "RecordWriter", Full)
    told = job(data, **BRIEF)
    warnings = [notice for notice in told.notices if "--track" in notice]
    assert warnings == ["--track tensorboard: OSError: [Errno 28] No space left on device; the job goes on without it"]
    assert len(told.steps) == STEPS


def test_a_tracker_that_is_not_installed_is_told_before_anything_is_done(
    data: str, whet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    gone = ("tensorboard", "mlflow")
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None if name in gone else real(name))
    with pytest.raises(MissingExtraError) as caught:
        next(iter(pipeline.follow(data, config.resolve(BRIEF))))
    assert caught.value.saw.startswith("--track tensorboard needs tensorboard, not installed in ")
    assert caught.value.todo == 'Run: pip install "whet[tensorboard]"'
    ended = whet("train", data, "--track", "mlflow")
    assert ended.code == 2
    assert 'Run: pip install "whet[mlflow]".' in ended.err
    assert not Path("run").exists()
    assert not Path("runs").exists()
