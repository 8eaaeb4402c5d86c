"""The same command goes on where a run was stopped, and ends as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, events_of, python, write_csv
from whet import pipeline
from whet.errors import Interrupted, ModelError, RunBusyError, Terminated
from whet.records import StepRecord
from whet.settings import config

SETTINGS: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "output": "run",
}  # fmt: skip
STEPS = 24


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def stopped(data: str, model: Path, at: int, number: int = signal.SIGTERM, **settings: Any) -> Interrupted:
    """The fault of a job that got a signal after a step."""
    resolved = config.resolve({**SETTINGS, "model": str(model), **settings})
    with pytest.raises(Interrupted) as caught:
        for event in pipeline.follow(data, resolved):
            if isinstance(event, StepRecord) and event.step == at:
                os.kill(os.getpid(), number)
    return caught.value


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def scores(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return {name: value for name, value in found.items() if name in ("test", "validation")}


def lines(run: Path, kind: str) -> list[dict[str, Any]]:
    clocks = ("train_seconds", "seconds")
    return [
        {name: value for name, value in line.items() if name not in clocks}
        for line in events_of(run) if line["kind"] == kind
    ]  # fmt: skip


def check_alike(run: Path, whole: Path) -> None:
    assert weights(run) == weights(whole)
    assert scores(run) == scores(whole)
    for kind in ("step", "evaluation"):
        assert lines(run, kind) == lines(whole, kind)
    assert not (run / "checkpoints").exists()
    assert not list(run.glob("tmp-*"))
    assert not (run / "error.json").exists()


COURSES = [
    {}, {"keep": "last"}, {"evaluate_every": 4}, {"evaluate_every": 5, "validation": "0.2"},
    {"sampling": "balanced", "focal": 2.0, "label_smoothing": 0.1}, {"ema": 0.9, "evaluate_every": 5},
    {"ema": 0.5, "keep": "last"},
    {"freeze": "1", "evaluate_every": 5}, {"lora": 4, "freeze": "embeddings", "llrd": 0.9, "evaluate_every": 5},
]  # fmt: skip


@pytest.mark.parametrize("settings", COURSES)
@pytest.mark.parametrize("at", [1, 5, 12, 24])
def test_a_run_that_is_stopped_and_continued_ends_bit_for_bit_as_one_that_was_not(
    data: str, job: Job, tiny_bert: Path, here: Path, at: int, settings: dict[str, Any]
) -> None:
    whole = job(data, **{**SETTINGS, "output": "whole", **settings})
    assert [step.step for step in whole.steps] == list(range(1, len(whole.steps) + 1))
    fault = stopped(data, tiny_bert, at, **settings)
    assert isinstance(fault, Terminated)
    assert fault.saw == f"stopped by SIGTERM after step {at} of {len(whole.steps)}"
    assert fault.todo == f"The same command goes on from step {at}"
    assert not (here / "run" / "metrics.json").exists()
    told = job(data, **SETTINGS, **settings)
    assert f"going on after step {at} of {len(whole.steps)}" in told.notices
    assert [step.step for step in told.steps] == list(range(at + 1, len(whole.steps) + 1))
    check_alike(told.path, whole.path)


def test_a_run_that_is_stopped_again_and_again_ends_alike(data: str, job: Job, tiny_bert: Path, here: Path) -> None:
    whole = job(data, **{**SETTINGS, "output": "whole"}, evaluate_every=4)
    for at in (2, 3, 8, 9, 17, 23):
        stopped(data, tiny_bert, at, evaluate_every=4)
    told = job(data, **SETTINGS, evaluate_every=4)
    check_alike(told.path, whole.path)
    run = json.loads((here / "run" / "run.json").read_text())
    assert [again["step"] for again in run["resumed"]] == [2, 3, 8, 9, 17, 23]


def test_early_stopping_remembers_what_it_had_seen(data: str, job: Job, tiny_bert: Path) -> None:
    settings = {"early_stopping": 2, "evaluate_every": 2, "learning_rate": 1e-6, "metric": "accuracy"}
    whole = job(data, **{**SETTINGS, **settings, "output": "whole"})
    assert 4 < len(whole.steps) < STEPS
    for at in (4, len(whole.steps) - 1):
        stopped(data, tiny_bert, at, **settings)
    check_alike(job(data, **{**SETTINGS, **settings}).path, whole.path)


KILLED = """
import os, sys
from whet import pipeline
from whet.settings import config
from whet.records import StepRecord
at, model = int(sys.argv[1]), sys.argv[2]
settings = dict(epochs=4.0, learning_rate=3e-3, threads=1, batch_size=8, baseline=False, output="run")
for event in pipeline.follow("reviews.csv", config.resolve({**settings, "model": model, "checkpoint_every": 5})):
    if isinstance(event, StepRecord) and event.step == at:
        os._exit(9)
"""


def test_a_run_whose_process_was_killed_redoes_the_steps_after_its_checkpoint(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    whole = job(data, **{**SETTINGS, "output": "whole"})
    (here / "killed.py").write_text(KILLED)
    assert python("killed.py", "13", str(tiny_bert)).code == 9
    assert len(lines(here / "run", "step")) == 13
    told = job(data, **SETTINGS, checkpoint_every=5)
    assert "going on after step 10 of 24; 3 steps after it are done again" in told.notices
    check_alike(told.path, whole.path)


def test_a_damaged_checkpoint_is_passed_over_and_that_is_said(data: str, job: Job, tiny_bert: Path, here: Path) -> None:
    whole = job(data, **{**SETTINGS, "output": "whole"})
    stopped(data, tiny_bert, 13, checkpoint_every=5)
    newest = here / "run" / "checkpoints" / "step-00000013" / "optimizer.safetensors"
    newest.write_bytes(newest.read_bytes()[:-4])
    told = job(data, **SETTINGS, checkpoint_every=5)
    (said,) = [notice for notice in told.notices if "going back to" in notice]
    assert "optimizer.safetensors has size" in said
    assert said.endswith("going back to step-00000010")
    check_alike(told.path, whole.path)


def test_where_no_checkpoint_is_whole_the_run_does_not_start_over_unasked(
    data: str, tiny_bert: Path, here: Path
) -> None:
    stopped(data, tiny_bert, 3)
    (here / "run" / "checkpoints" / "step-00000003" / "state.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in (here / "run").rglob("*")}
    with pytest.raises(ModelError, match=r"no checkpoint is whole: .*state\.json is missing"):
        list(pipeline.follow(data, config.resolve({**SETTINGS, "model": str(tiny_bert)})))
    assert {path: path.stat().st_mtime_ns for path in (here / "run").rglob("*")} == before


def test_another_machine_goes_on_from_the_mirror(data: str, job: Job, tiny_bert: Path, here: Path) -> None:
    whole = job(data, **{**SETTINGS, "output": "whole"})
    stopped(data, tiny_bert, 13, mirror=str(here / "drive"))
    (here / "run").rename(here / "lost")
    os.utime(tiny_bert / "model.safetensors")  # the files of the model were copied at another time
    told = job(data, **SETTINGS, mirror=str(here / "drive"))
    assert "going on after step 13 of 24" in told.notices
    assert weights(told.path) == weights(whole.path)
    assert scores(told.path) == scores(whole.path)
    assert not list((here / "drive").iterdir())


def test_the_threads_of_the_start_are_those_of_the_end(
    data: str, job: Job, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    from whet.system import machine

    free = {name: value for name, value in SETTINGS.items() if name != "threads"}
    monkeypatch.setattr(machine, "free_cores", lambda: 2)
    whole = job(data, **{**free, "output": "whole"})
    resolved = config.resolve({**free, "model": str(tiny_bert)})
    with pytest.raises(Terminated):
        for event in pipeline.follow(data, resolved):
            if isinstance(event, StepRecord) and event.step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
    monkeypatch.setattr(machine, "free_cores", lambda: 1)
    told = job(data, **free)
    assert json.loads((told.path / "run.json").read_text())["threads"]["value"] == 2
    check_alike(told.path, whole.path)


def test_fresh_starts_over_and_keeps_the_run_that_was_stopped(data: str, job: Job, tiny_bert: Path, here: Path) -> None:
    stopped(data, tiny_bert, 5)
    told = job(data, **SETTINGS, fresh=True)
    assert told.path == Path("run-2")
    assert len(told.steps) == STEPS
    assert (here / "run" / "checkpoints" / "step-00000005").is_dir()


def test_fresh_leaves_the_copies_of_the_run_that_was_stopped_and_goes_on_with_its_own(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    drive = here / "drive"
    stopped(data, tiny_bert, 5, mirror=str(drive))
    (first,) = drive.iterdir()
    (first / "step-00000005" / "state.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    fault = stopped(data, tiny_bert, 3, mirror=str(drive), fresh=True)
    assert (fault.saw, fault.todo) == (
        "stopped by SIGTERM after step 3 of 24", "The same command goes on from step 3"
    )  # fmt: skip
    assert not [line for line in lines(here / "run-2", "notice") if "going on" in line["message"]]
    second = drive / f"{first.name}-2"
    assert [path.name for path in second.iterdir()] == ["step-00000003"]
    told = job(data, **SETTINGS, mirror=str(drive))
    assert told.path == Path("run-2")
    assert "going on after step 3 of 24" in told.notices
    assert not second.exists()
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before


def test_the_second_process_in_a_folder_is_told_of_the_first(
    data: str, tiny_bert: Path, whet: Command, here: Path
) -> None:
    events = pipeline.follow(data, config.resolve({**SETTINGS, "model": str(tiny_bert)}))
    for event in events:
        if isinstance(event, StepRecord):
            break
    command = ["train", data, "--model", str(tiny_bert), "--epochs", "4", "--learning-rate", "3e-3", "--threads", "1"]
    ended = python("-m", "whet", *command, "--batch-size", "8", "--no-baseline", "--output", "run")
    assert ended.code == RunBusyError.exit_code
    assert f"process {os.getpid()} on " in ended.err
    assert "works in this run folder" in ended.err
    events.close()  # type: ignore[attr-defined]
    ended = whet(*command, "--batch-size", "8", "--no-baseline", "--output", "run")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_saves_on_a_signal_says_so_and_the_same_command_goes_on(
    data: str, tiny_bert: Path, here: Path, number: int, code: int
) -> None:
    command = [
        sys.executable, "-m", "whet", "train", data, "--model", str(tiny_bert), "--epochs", "400", "--threads", "1",
        "--batch-size", "8", "--no-baseline", "--output", "run", "--validation", "none", "--yes",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    events = here / "run" / "events.jsonl"
    until = time.monotonic() + 120
    while not (events.exists() and '"kind": "step"' in events.read_text()):
        assert process.poll() is None and time.monotonic() < until, process.stderr and process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert f"stopped by {signal.Signals(number).name} after step " in err
    assert "The same command goes on from step " in err
    assert "Traceback" not in err
    assert len(list((here / "run" / "checkpoints").iterdir())) in (1, 2)
    assert not (here / "run" / "error.json").exists()
