"""A checkpoint that is written while the training goes on, as on a GPU; here on a CPU that is told to."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Job, write_csv
from whet import pipeline
from whet.errors import Interrupted, OutputError
from whet.jobs import finetune
from whet.records import StepRecord
from whet.settings import config
from whet.training.checkpoints import Checkpoints
from whet.training.keeper import Keeper
from whet.training.state import State

SETTINGS: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "checkpoint_every": 5,
    "output": "run", "evaluate_every": 4,
}  # fmt: skip


@pytest.fixture
def whole(job: Job, here: Path) -> Path:
    """The run of a training that waits for its checkpoints."""
    write_csv(here / "reviews.csv", review_rows())
    return job("reviews.csv", **{**SETTINGS, "output": "whole"}).path


@pytest.fixture
def beside(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Beside(Keeper):
        def __init__(self, *given: Any, beside: bool) -> None:
            assert not beside  # on a CPU nothing is written beside the training
            super().__init__(*given, beside=True)

    monkeypatch.setattr(finetune, "Keeper", Beside)


def run(model: Path, at: int = 0) -> None:
    """The job, which gets a signal after a step."""
    for event in pipeline.follow("reviews.csv", config.resolve({**SETTINGS, "model": str(model)})):
        if isinstance(event, StepRecord) and event.step == at:
            os.kill(os.getpid(), signal.SIGTERM)


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


@pytest.mark.usefixtures("beside")
def test_the_steps_go_on_and_the_checkpoint_is_that_of_its_step(
    whole: Path, here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, going_on, kept = Checkpoints.save, threading.Event(), {}

    def slow(self: Checkpoints, state: State) -> Path:
        assert going_on.wait(60)
        path = real(self, state)
        kept[path.name] = (path / "model.safetensors").read_bytes(), (path / "optimizer.safetensors").read_bytes()
        return path

    monkeypatch.setattr(Checkpoints, "save", slow)
    for event in pipeline.follow("reviews.csv", config.resolve({**SETTINGS, "model": str(tiny_bert)})):
        if isinstance(event, StepRecord) and event.step == 8:  # three steps after the first checkpoint
            assert not kept
            going_on.set()
    beside = dict(kept)
    assert list(beside) == [f"step-{step:08}" for step in (5, 10, 15, 20, 24)]
    monkeypatch.undo()
    monkeypatch.chdir(here)
    monkeypatch.setattr(Checkpoints, "save", slow)
    (here / "run").rename(here / "before")
    run(tiny_bert)
    assert kept == beside
    assert weights(here / "run") == weights(here / "before") == weights(whole)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("at", [5, 7, 24])
def test_a_signal_waits_for_the_checkpoint_and_the_run_goes_on_from_it(
    whole: Path, here: Path, tiny_bert: Path, at: int
) -> None:
    with pytest.raises(Interrupted) as caught:
        run(tiny_bert, at)
    assert caught.value.message == (
        f"stopped by SIGTERM after step {at} of 24. The same command goes on from step {at}."
    )
    newest = max(path.name for path in (here / "run" / "checkpoints").iterdir())
    assert newest == f"step-{at:08}"
    run(tiny_bert)
    assert weights(here / "run") == weights(whole)


@pytest.mark.usefixtures("beside")
def test_a_disk_that_does_not_take_one_is_told_at_the_next_and_the_third_ends_the_training(
    here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def full(self: Checkpoints, state: State) -> Path:
        tried.append(state.numbers["step"])
        raise OutputError(f"the checkpoint of step {tried[-1]} cannot be written", where="run", todo="Free space")

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(OutputError, match="the checkpoint of step 15 cannot be written"):
        run(tiny_bert)
    told = [json.loads(line) for line in (here / "run" / "events.jsonl").read_text().splitlines()]
    assert [line["message"] for line in told if line.get("severity") == "warning"] == [
        f"run: the checkpoint of step {step} cannot be written; the training goes on without it" for step in (5, 10)
    ]
    assert [line["step"] for line in told if line["kind"] == "step"][-1] == 20
    assert tried == [5, 10, 15, 20]  # each was tried, also where the one before had failed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("whet-checkpoint")]


@pytest.mark.usefixtures("beside")
def test_a_checkpoint_that_failed_once_is_made_good_by_that_of_a_signal(
    whole: Path, here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Checkpoints.save

    def once(self: Checkpoints, state: State) -> Path:
        if state.numbers["step"] == 5:
            raise OutputError("no space", where="run", todo="Free space")
        return real(self, state)

    monkeypatch.setattr(Checkpoints, "save", once)
    with pytest.raises(Interrupted, match=r"after step 7 of 24\. The same command goes on from step 7"):
        run(tiny_bert, 7)
    run(tiny_bert)
    assert weights(here / "run") == weights(whole)
