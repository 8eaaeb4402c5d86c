"""Whole jobs on tiny models: one finished run that many tests read, and doors to make others."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from whet import pipeline
from whet.cli import main
from whet.records import Checked, Evaluation, Notice, Stage, StepRecord
from whet.report import plots
from whet.settings import config
from whet.system import machine

TEACH = {"epochs": 8.0, "learning_rate": 3e-3, "threads": 1}
"""Settings under which a tiny model learns the 60 reviews."""

BRIEF = {"epochs": 1.0, "baseline": False, "threads": 1}
"""Settings of a job of which only the course matters."""


@dataclass(frozen=True)
class Told:
    """A job to its end, and everything that it said on the way."""

    events: tuple[pipeline.Event, ...]

    @property
    def end(self) -> pipeline.Finished:
        last = self.events[-1]
        assert isinstance(last, pipeline.Finished)
        return last

    @property
    def run(self) -> pipeline.Run:
        return self.end.run

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def steps(self) -> list[StepRecord]:
        return [event for event in self.events if isinstance(event, StepRecord)]

    @property
    def notices(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Notice)]

    @property
    def stages(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, Stage)]

    @property
    def checked(self) -> Checked:
        return next(event for event in self.events if isinstance(event, Checked))

    def evaluations(self, side: str) -> list[Evaluation]:
        return [event for event in self.events if isinstance(event, Evaluation) and event.side == side]


@dataclass(frozen=True)
class Ended:
    """A command to its end."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The messages of faults, each on one line."""
        return [line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")]

    @property
    def json(self) -> Any:
        """The last line of stdout, which is a document."""
        return json.loads(self.out.splitlines()[-1])


Job = Callable[..., Told]
Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every flow runs in an empty folder of its own, for runs/ is made where one stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> Iterator[None]:
    """A tiny model gains nothing by more threads, and waits for them where other work is done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "free_cores", lambda: 1)
        yield


@pytest.fixture(autouse=True)
def _unwritten_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of reports are painted, and not written as SVG: that would be a sixth of the time of a small job.
    Tests of plots and of pages in a browser read them."""
    monkeypatch.setattr(plots, "_written", lambda figure: '<svg viewBox="0 0 360 210"></svg>')


@pytest.fixture(scope="session")
def job(tiny_bert: Path) -> Job:
    """Follows a whole job in this process; the tiny BERT unless another `model` is given."""

    def follow(data: object, **settings: Any) -> Told:
        resolved = config.resolve({"model": str(tiny_bert), **settings})
        return Told(tuple(pipeline.follow(data, resolved)))

    return follow


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Told:
    """The finished run that is read and never changed: a tiny BERT on the 60 reviews."""
    folder = tmp_path_factory.mktemp("taught")
    with contextlib.chdir(folder):
        write_csv(folder / "reviews.csv", review_rows())
        told = job("reviews.csv", **TEACH)
        # As absolute paths, for the tests stand in folders of their own.
        run = pipeline.load(told.path.resolve())
    end = pipeline.Finished(run, run.metrics, told.end.verdict, told.end.resumed_finished)
    return Told((*told.events[:-1], end))


@pytest.fixture
def hidden_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU on which a variable hides them, too."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    monkeypatch.setattr(machine, "nvidia", machine.Nvidia)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def whet(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def whet_process() -> Command:
    """Runs the command line as a user does, in a process of its own."""

    def run(*arguments: str, **environment: str) -> Ended:
        return python("-m", "whet", *arguments, **environment)

    return run


def python(*arguments: str, **environment: str) -> Ended:
    """A fresh Python process in the current folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        timeout=120,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def write_csv(path: Path, rows: Iterable[tuple[str, str]], header: str = "text,label") -> Path:
    """A csv of two columns, every value quoted."""
    lines = [",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def events_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def weights_of(run: Path) -> str:
    """Sha256 of the saved weights."""
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def timeless(value: Any) -> Any:
    """A document without what a clock gave it, or a process its memory."""
    if isinstance(value, Mapping):
        if value.get("kind") == "plan":  # what was measured, and what follows from it
            return {name: value[name] for name in ("kind", "model", "rows", "steps", "tokens", "too_long")}
        clocked = ("seconds", "train_seconds", "memory", "verdict")
        return {name: timeless(item) for name, item in value.items() if name not in clocked}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
