"""T: what goes wrong while a model is trained."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.faults.conftest import OPTIONS, SETTINGS, STEPS
from tests.flows.conftest import Command, Job, events_of, python, weights_of, write_csv
from whet import pipeline
from whet.errors import HungUp, Interrupted, OutputError, Terminated, TrainingError
from whet.model.loss import CrossEntropy
from whet.records import StepRecord
from whet.settings import config
from whet.training import checkpoints

pty = pytest.importorskip("pty", reason="terminals and signals of POSIX")


def poison(monkeypatch: pytest.MonkeyPatch, kind: str, steps: set[int], here: Path) -> None:
    """Spoils these steps of a training, of which the plan's are none: it is made before there is a folder."""
    real = CrossEntropy.total

    def loss(self: CrossEntropy, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        found = real(self, logits, labels)
        events = here / "run" / "events.jsonl"
        done = events.read_text().count('"kind": "step"') if events.exists() else -1
        if done + 1 not in steps:
            return found
        # The root is 0 and its slope is infinite there.
        return found * math.nan if kind == "loss" else found.detach() + (logits * 0).sum().sqrt()

    monkeypatch.setattr(CrossEntropy, "total", loss)


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_a_step_that_is_not_finite_is_left_out_told_and_recorded_and_the_run_ends_well(
    command: list[str], whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """T1, T3"""
    poison(monkeypatch, kind, {5, 6}, here)
    ended = whet(*command, "--json")
    assert ended.code == 0, ended.err
    said = [f"step {step}: the {kind} is not a finite number, and the step is left out" for step in (5, 6)]
    assert [line for line in ended.err.splitlines() if "a finite number" in line] == [
        f"warning: {line}" for line in said
    ]
    events = events_of(here / "run")
    assert [event["message"] for event in events if "a finite number" in event.get("message", "")] == said
    assert len([event for event in events if event["kind"] == "step"]) == STEPS
    for tensor in load_file(here / "run" / "model" / "model.safetensors").values():
        assert torch.isfinite(tensor).all()
    assert 0 <= ended.json["metrics"]["test"]["accuracy"] <= 1
    assert not (here / "run" / "error.json").exists()


def test_steps_that_are_never_finite_end_the_training_and_no_such_number_reaches_a_checkpoint(
    command: list[str], whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2"""
    poison(monkeypatch, "loss", {5, 6, 7}, here)
    command = [*command, "--precision", "fp32"]  # of another one it says that fp32 may help
    ended = whet(*command, "--checkpoint-every", "1")
    assert ended.code == TrainingError.exit_code
    (message,) = ended.errors
    assert message.startswith(
        "the loss is not a finite number in 3 steps in a row, up to step 7. Lower --learning-rate (now 0.003), or look "
        "at the rows of the last step: numbers "
    )
    kept = sorted((here / "run" / "checkpoints").iterdir())
    assert [path.name for path in kept] == ["step-00000005", "step-00000006"]
    for file in [file for path in kept for file in path.glob("*.safetensors")]:
        assert all(torch.isfinite(tensor).all() for tensor in load_file(file).values()), file
    assert not (here / "run" / "model").exists()
    assert json.loads((here / "run" / "error.json").read_text())["message"] == message
    monkeypatch.undo()
    monkeypatch.chdir(here)
    again = whet(*command, "--checkpoint-every", "1")  # what was wrong with the machine is mended
    assert again.code == 0, again.err
    assert "note: going on after step 6 of 12" in again.err
    assert not (here / "run" / "error.json").exists()


def test_a_validation_side_of_one_label_has_its_scores_and_the_best_weights_are_kept(
    command: list[str], whet: Command, here: Path
) -> None:
    """T6: the recall of a label without a row is undefined, and counts as 0, as scikit-learn has it."""
    write_csv(here / "validation.csv", [(f"A dreadful evening, number {i}.", "negative") for i in range(6)])
    ended = whet(*command, "--validation", "validation.csv", "--metric", "f1", "--evaluate-every", "3", "--json")
    assert ended.code == 0, ended.err
    assert "note: kept the weights of step 3, the best f1 on validation\n" in ended.err
    found = ended.json["metrics"]["validation"]
    assert (found["classes"]["positive"]["support"], found["classes"]["positive"]["recall"], found["f1"]) == (0, 0, 0)
    assert "NaN" not in ended.out


def test_an_empty_validation_side_is_a_fault_of_the_data(command: list[str], whet: Command, here: Path) -> None:
    """T6"""
    (here / "validation.csv").write_text("text,label\n")
    ended = whet(*command, "--validation", "validation.csv")
    assert (ended.code, len(ended.errors)) == (3, 1)
    assert "validation.csv" in ended.errors[0]
    assert not (here / "run").exists()


# ---------------------------------------------------------------- what only watches a training


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_display_that_cannot_be_written_ends_no_training(
    command: list[str], whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T8: stderr goes to a full disk."""
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        ended = whet(*command, "--json")
        monkeypatch.undo()
    assert ended.code == 0
    assert ended.json["run"] == "run"
    assert (here / "run" / "metrics.json").is_file()


def test_a_line_of_events_that_cannot_be_written_ends_the_training_which_goes_on_by_the_same_command(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """T8: a run folder that takes no line would take no checkpoint and no model either."""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    settings = {**SETTINGS, "checkpoint_every": 2}
    events = here / "run" / "events.jsonl"
    with pytest.raises(OutputError) as caught:
        for event in pipeline.follow(data, config.resolve({**settings, "model": str(tiny_bert)})):
            if isinstance(event, StepRecord) and event.step == 5:
                events.rename(here / "kept.jsonl")
                events.mkdir()
    assert caught.value.message == "run/events.jsonl: cannot write: Is a directory. Give another --output."
    assert json.loads((here / "run" / "error.json").read_text())["message"] == caught.value.message
    events.rmdir()
    with (here / "kept.jsonl").open("a") as file:
        file.write('{"kind": "ste')  # as a disk leaves it that was full in the middle of a line
    (here / "kept.jsonl").rename(events)
    told = job(data, **settings)
    assert "going on after step 4 of 12; 1 step after it is done again" in told.notices
    assert weights_of(told.path) == weights_of(whole.path)
    assert [event["step"] for event in events_of(told.path) if event["kind"] == "step"] == list(range(1, STEPS + 1))


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated), (signal.SIGHUP, HungUp)]
)
def test_a_signal_during_a_save_lets_it_end_and_is_obeyed_then(
    data: str,
    job: Job,
    tiny_bert: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[Interrupted],
) -> None:
    """T10"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    real, saves = checkpoints.write_state, []

    def write_state(folder: Path, state: Any) -> None:
        saves.append(state.numbers["step"])
        if len(saves) == 2:
            os.kill(os.getpid(), number)
        real(folder, state)

    monkeypatch.setattr(checkpoints, "write_state", write_state)
    settings = {**SETTINGS, "checkpoint_every": 3}
    with pytest.raises(Interrupted) as caught:
        list(pipeline.follow(data, config.resolve({**settings, "model": str(tiny_bert)})))
    assert type(caught.value) is kind
    assert caught.value.message == (
        f"stopped by {signal.Signals(number).name} after step 6 of 12. The same command goes on from step 6."
    )
    assert saves == [3, 6]
    told = job(data, **settings)
    assert weights_of(told.path) == weights_of(whole.path)
    assert not (told.path / "checkpoints").exists()


TWICE = """
import os, signal, sys
from whet.cli import main
from whet.training import checkpoints

real = checkpoints.write_state

def write_state(folder, state):
    real(folder, state)
    if state.numbers["step"] == 6:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

checkpoints.write_state = write_state
sys.exit(main())
"""


def test_a_second_signal_ends_a_save_at_once_and_the_checkpoint_before_is_whole(
    data: str, command: list[str], job: Job, here: Path
) -> None:
    """T10"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    ended = python("-c", TWICE, *command, "--checkpoint-every", "3")
    assert ended.code == -signal.SIGTERM
    assert "Traceback" not in ended.err
    names = sorted(path.name for path in (here / "run" / "checkpoints").iterdir())
    assert (names[0], names[1][:4], len(names)) == ("step-00000003", "tmp-", 2)
    told = job(data, **SETTINGS, checkpoint_every=3)
    assert "going on after step 3 of 12; 3 steps after it are done again" in told.notices
    assert weights_of(told.path) == weights_of(whole.path)
    assert not list((here / "run").rglob("tmp-*"))


def test_a_training_whose_terminal_is_closed_saves_and_goes_on_by_the_same_command(
    data: str, tiny_bert: Path, here: Path
) -> None:
    """T10: a window or an ssh connection that is closed."""
    arguments = [sys.executable, "-m", "whet", "train", data, "--model", str(tiny_bert), *OPTIONS, "--output", "run"]
    arguments[arguments.index("--epochs") + 1] = "400"
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*arguments, "--yes"], stdin=end, stdout=end, stderr=end, preexec_fn=lambda: os.login_tty(end)
    )
    os.close(end)
    until = time.monotonic() + 120
    events = here / "run" / "events.jsonl"
    while not (events.exists() and '"kind": "step"' in events.read_text()):
        assert process.poll() is None and time.monotonic() < until
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 100_000)
    os.close(terminal)
    assert process.wait(timeout=60) == HungUp.exit_code
    (newest, *_) = sorted((here / "run" / "checkpoints").iterdir(), reverse=True)
    steps = [event["step"] for event in events_of(here / "run") if event["kind"] == "step"]
    assert newest.name == f"step-{steps[-1]:08}"
    assert not (here / "run" / "error.json").exists()


def test_another_number_of_threads_is_another_job_than_the_one_that_was_stopped(
    data: str, command: list[str], whet: Command, tiny_bert: Path, here: Path
) -> None:
    """T13: the bits of a result hang on it. Where nobody gives it, the run keeps that of its start."""
    with pytest.raises(Interrupted):
        for event in pipeline.follow(data, config.resolve({**SETTINGS, "model": str(tiny_bert)})):
            if isinstance(event, StepRecord) and event.step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
    ended = whet(*command, "--threads", "2")
    assert ended.code == 2
    assert ended.errors[0].startswith("--output: run holds a run of other settings")
    assert (here / "run" / "checkpoints" / "step-00000005").is_dir()
