"""Searches in processes that are killed, and in several at a time."""

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

pytestmark = pytest.mark.slow

COMMAND = (
    "--epochs", "8", "--search", "learning_rate=1e-6..1e-2:log", "--search", "llrd=0.7..1", "--no-baseline",
    "--test", "0.2", "--validation", "0.3", "--label-errors", "none", "--brief", "--lang", "en",
)  # fmt: skip


@pytest.fixture(autouse=True)
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "reviews.csv"
    lines = ["text,label", *(f'"{text}",{label}' for text, label in review_rows())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def begun(model: Path, output: str, *more: str) -> subprocess.Popen[bytes]:
    command = ["tune", "reviews.csv", "--model", str(model), "--output", output, *COMMAND, *more]
    return subprocess.Popen([sys.executable, "-m", "whet", *command], start_new_session=True, stdin=subprocess.DEVNULL)


def study(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(output, "study.json").read_text(encoding="utf-8"))
    return found


def outcome(output: str) -> tuple[list[Any], object, object]:
    found = study(output)
    trials = [{name: value for name, value in trial.items() if name != "seconds"} for trial in found["trials"]]
    metrics = json.loads(Path(output, "run", "metrics.json").read_text(encoding="utf-8"))
    return trials, found["importances"], metrics["test"]


def wait_for(process: subprocess.Popen[bytes], pattern: str) -> None:
    """Until there is such a file."""
    until = time.monotonic() + 300
    while not list(Path().glob(pattern)):
        assert process.poll() is None and time.monotonic() < until, pattern
        time.sleep(0.005)


def test_a_search_killed_twice_is_the_same_study_as_one_that_nobody_killed(tiny_bert: Path) -> None:
    settings = ("--trials", "8", "--threads", "1", "--checkpoint-every", "3")
    assert begun(tiny_bert, "whole", *settings).wait() == 0
    for number in (2, 6):
        process = begun(tiny_bert, "killed", *settings)
        wait_for(process, f"killed/trials/{number:04d}/checkpoints/step-*")
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert len(study("killed")["trials"]) == number
    assert begun(tiny_bert, "killed", *settings).wait() == 0
    assert outcome("killed") == outcome("whole")


def test_a_search_that_is_interrupted_says_so_and_goes_on(tiny_bert: Path) -> None:
    settings = ("--trials", "3", "--threads", "1", "--checkpoint-every", "3")
    process = begun(tiny_bert, "study", *settings)
    wait_for(process, "study/trials/0001/checkpoints/step-*")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130
    assert begun(tiny_bert, "study", *settings).wait() == 0
    assert [trial["number"] for trial in study("study")["trials"]] == [0, 1, 2]


def test_several_processes_train_beside_each_other_and_are_interrupted_together(tiny_bert: Path) -> None:
    settings = ("--trials", "6", "--jobs", "2", "--no-prune")
    process = begun(tiny_bert, "study", *settings, "--checkpoint-every", "3")
    wait_for(process, "study/trials/0001/checkpoints/step-*")
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait() == 143
    assert begun(tiny_bert, "study", *settings).wait() == 0
    trials = study("study")["trials"]
    assert [(trial["number"], trial["state"]) for trial in trials] == [(number, "complete") for number in range(6)]
    assert len({trial["params"]["learning_rate"] for trial in trials}) == 6
    alone = begun(tiny_bert, "alone", "--trials", "2", "--threads", "1")
    assert alone.wait() == 0
    first = [(each["trials"][0]["params"], each["trials"][0]["score"]) for each in (study("study"), study("alone"))]
    assert first[0] == first[1], "a trial is the same wherever it is trained"


def test_a_process_that_is_killed_takes_its_trial_with_it_and_no_more(tiny_bert: Path) -> None:
    process = begun(tiny_bert, "study", "--trials", "4", "--jobs", "2", "--no-prune", "--checkpoint-every", "1")
    wait_for(process, "study/trials/0001/checkpoints/step-*")
    owner = json.loads(Path("study/trials/0001/.owner.json").read_text(encoding="utf-8"))
    assert owner["pid"] != process.pid
    os.kill(owner["pid"], signal.SIGKILL)
    assert process.wait() == 0
    trials = study("study")["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "failed", "complete", "complete"]
    assert trials[1]["fault"] == "the process of a trial ended with signal 9"
