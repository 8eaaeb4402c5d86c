"""What a job will take is said before it starts, and a long one does not start unasked."""

from __future__ import annotations

import dataclasses
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, content_of, events_of, write_csv
from whet import pipeline
from whet.errors import PlanTooLongError
from whet.forecast import Plan
from whet.model import embedded
from whet.planning import ladder, measured, plan
from whet.records import StepRecord
from whet.score import cost
from whet.settings import config
from whet.training import estimate
from whet.training.estimate import Speed
from whet.training.probe import Needed, Probed

MB = 10**6

ON_A_TERMINAL = """
import sys
from whet.model import embedded
from whet.planning import plan
plan.LONG = 0.0
embedded.is_installed = lambda: False
from whet.cli import main
sys.exit(main(["train", "reviews.csv", "--model", sys.argv[1], "--epochs", "1", "--no-baseline", "--threads", "1"]))
"""


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job is too long."""
    monkeypatch.setattr(plan, "LONG", 0.0)
    monkeypatch.setattr(embedded, "is_installed", lambda: False)


def test_a_plan_counts_rows_steps_and_tokens_and_writes_nothing(data: str, here: Path, tiny_bert: Path) -> None:
    before = content_of(here)
    found = library.plan(data, model=str(tiny_bert), epochs=3, threads=1)
    assert content_of(here) == before
    assert (found.device, found.threads, found.too_long) == ("cpu", 1, False)
    assert found.rows == {"train": 48, "validation": 6, "test": 6}
    assert found.steps == 3 * 3
    assert list(found.by_epochs) == [1.0, 2.0, 3.0, 5.0]
    assert found.by_epochs[3.0] == found.training
    assert found.by_epochs[1.0].seconds < found.by_epochs[5.0].seconds
    parts = found.training.seconds + found.evaluation.seconds + found.other.seconds
    assert found.total.seconds == pytest.approx(parts)
    assert found.total.low < found.total.seconds < found.total.high
    weights = sum(file.stat().st_size for file in tiny_bert.glob("*.safetensors"))
    assert found.disk == pytest.approx(weights, rel=0.05)  # next to them, texts of 60 rows are nothing
    assert [rung.changes for rung in found.ladder if "epochs" in rung.changes] == [{"epochs": 1.0}]
    (layers,) = [rung for rung in found.ladder if "layers" in rung.changes]
    assert (layers.changes, layers.measured, layers.points) == ({"layers": 1}, False, -2.0)
    assert layers.time.seconds < found.total.seconds
    assert [rung.points for rung in found.ladder if "epochs" in rung.changes] == [None]  # known for two epochs alone
    baseline = next(rung for rung in found.ladder if not rung.changes)
    assert 0 < baseline.time.seconds < found.other.seconds
    assert found.choices == ()


@pytest.mark.parametrize(
    ("kind", "wanted", "asked", "points"),
    [
        ("epochs", {"epochs": 1.0}, {}, -0.7),
        ("epochs", {"epochs": 1.0}, {"epochs": 3.0}, None),
        ("max_length", {"max_length": 128}, {}, -2.7),
        ("max_length", {"max_length": 256}, {}, 0.3),
        ("max_length", {"max_length": 128}, {"max_length": 256}, None),
        ("train_rows", {"train_rows": 500}, {"max_length": 128}, -2.7),
        ("model", {"model": "embedded"}, {}, None),
    ],
)
def test_what_a_shorter_way_costs_is_said_where_it_was_measured(
    kind: str, wanted: dict[str, Any], asked: dict[str, Any], points: float | None
) -> None:
    given = config.resolve(asked).settings
    found, source = ladder._expected(kind, dataclasses.replace(given, **wanted), given)
    assert found == points
    assert bool(source) == (points is not None)


@pytest.fixture(autouse=True)
def _no_tunables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan as in a process that glibc was told nothing of, whoever runs the tests."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)


def planned_memory(data: str, model: Path, monkeypatch: pytest.MonkeyPatch, needed: Needed, **settings: Any) -> int:
    """What a plan says of the memory, in MB, where a probe found what is needed."""
    speed = Speed(1e-3, 1e-3, 0.0, 1e-3, 0.0, 10)
    monkeypatch.setattr(measured, "probe", lambda *given, **named: Probed(speed, needed, 0.0))
    for name in ("weights", "trained_weights"):
        monkeypatch.setattr(plan, name, lambda classifier: 500 * MB)
    given = {"baseline": False, "test": "none", "validation": "none", "epochs": 1.0, **settings}
    found = library.plan(data, model=str(model), **given).memory
    assert found is not None
    return round(found / MB)


@pytest.mark.parametrize(
    ("needed", "settings", "expected"),
    [
        # 54 texts are 4 steps, with 0.016 of holes each. They are all in the sample, and use no further words.
        (Needed(1_000 * MB, 2_000 * MB, 3_000 * MB, 2_500 * MB), {}, 2_000 + 1_064),
        (Needed(1_000 * MB, 2_000 * MB, 3_000 * MB, 2_500 * MB), {"epochs": 1_000.0}, 2_000 + 2_200),
        (Needed(1_000 * MB, 2_000 * MB, 3_000 * MB, 9_000 * MB), {}, 9_000),
        # The best weights lie beside those in training, where that goes on.
        (Needed(1_000 * MB, 2_000 * MB, 2_000 * MB, 2_500 * MB), {"validation": "auto", "epochs": 2.0}, 2_500 + 500),
        (Needed(1_000 * MB, 2_000 * MB, 2_000 * MB, 2_500 * MB), {"validation": "auto", "evaluate_every": 1}, 3_000),
        (Needed(1_000 * MB, 2_000 * MB, 2_000 * MB, 2_500 * MB), {"validation": "auto"}, 2_500),
        (
            Needed(1_000 * MB, 2_000 * MB, 2_000 * MB, 2_500 * MB),
            {"validation": "auto", "epochs": 2.0, "keep": "last"},
            2_500,
        ),
        # The libraries of the baseline stay.
        (
            Needed(1_000 * MB, 2_000 * MB, 2_000 * MB, 2_500 * MB),
            {"test": "auto", "baseline": True},
            2_500 + cost.LIBRARIES // MB,
        ),
    ],
)
def test_the_memory_of_a_plan_is_that_of_the_largest_moment(
    data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, needed: Needed, settings: dict[str, Any], expected: int
) -> None:
    assert planned_memory(data, tiny_bert, monkeypatch, needed, **settings) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("epochs", "expected"), [(1.0, 2_000 + 1_006), (1_000.0, 2_000 + 1_350)])
def test_without_the_caches_of_threads_there_are_fewer_holes(
    data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, epochs: float, expected: int
) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
    needed = Needed(1_000 * MB, 2_000 * MB, 3_000 * MB, 2_500 * MB)
    assert planned_memory(data, tiny_bert, monkeypatch, needed, epochs=epochs) == pytest.approx(expected, abs=1)


def test_words_that_the_sample_has_not_seen_need_memory(
    data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = Needed(1_000 * MB, 2_000 * MB, 3_000 * MB, 2_500 * MB)
    before = planned_memory(data, tiny_bert, monkeypatch, needed)
    monkeypatch.setattr(measured, "expected_ids", lambda encoded, rows, vocabulary: 10**6)
    width = 32
    seen = before + (10**6 - 1_000) * width * 4 * 4 / MB  # rows, gradients and two moments, in float32
    assert planned_memory(data, tiny_bert, monkeypatch, needed) == pytest.approx(seen, rel=0.01)


def test_the_command_prints_the_plan_and_its_json(data: str, whet: Command, tiny_bert: Path, here: Path) -> None:
    ended = whet("plan", data, "--model", str(tiny_bert), "--threads", "1")
    assert ended.code == 0
    for name in ("Plan", "model", "train", "by epochs", "evaluation", "total", "disk"):
        assert name in ended.out
    document = whet("plan", data, "--model", str(tiny_bert), "--threads", "1", "--json", "--quiet").json
    assert document["rows"] == {"train": 48, "validation": 6, "test": 6}
    assert document["total"]["low"] < document["total"]["high"]
    assert not (here / "runs").exists()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_narrow_terminal_shows_every_option_of_a_shorter_way_whole(
    here: Path, whet: Command, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.setattr(plan, "LONG", 0.0)
    monkeypatch.setattr(estimate, "SHORTER", (12,))
    monkeypatch.setattr(estimate, "LEAST_ROWS", 10)
    monkeypatch.setenv("COLUMNS", "80")
    slow = Probed(Speed(599.0, 0.1, 0.0, 0.1, 0.0, 10), None, 0.0)  # times are long to write, too
    monkeypatch.setattr(measured, "probe", lambda *given, **named: slow)
    data = str(write_csv(here / "reviews.csv", review_rows()))
    ended = whet("plan", data, "--model", str(tiny_bert), "--threads", "1", "--lang", lang)
    assert ended.code == 0
    table = ended.out[ended.out.index("Shorter" if lang == "en" else "더 짧게") :]
    assert "…" not in table
    shown = " ".join(table.split())
    for option in ("--max-length 12 --truncation", "head-tail", "--train-rows 24", "--layers 1", "--epochs 1"):
        assert option in shown


def test_a_korean_reader_gets_a_korean_plan(data: str, whet: Command, tiny_bert: Path) -> None:
    ended = whet("plan", data, "--model", str(tiny_bert), "--threads", "1", "--lang", "ko")
    assert "계획" in ended.out
    assert "합계" in ended.out


def test_a_job_tells_its_plan_before_it_writes_anything(data: str, tiny_bert: Path, here: Path) -> None:
    resolved = pipeline.resolve({"model": str(tiny_bert), **BRIEF})
    events = pipeline.follow(data, resolved)
    plan = next(event for event in events if isinstance(event, Plan))
    assert not (here / "runs").exists()
    events.close()
    assert not (here / "runs").exists()
    assert plan.steps == 3


def test_the_plan_of_a_run_is_kept_in_it(data: str, job: Job) -> None:
    told = job(data, **BRIEF)
    (kept,) = [event for event in events_of(told.path) if event["kind"] == "plan"]
    assert kept["steps"] == len(told.steps)


@pytest.mark.usefixtures("impatient")
def test_a_long_job_is_refused_where_nobody_can_be_asked(data: str, whet: Command, tiny_bert: Path, here: Path) -> None:
    ended = whet("train", data, "--model", str(tiny_bert), "--epochs", "2", "--no-baseline", "--threads", "1")
    assert ended.code == 2
    (message,) = ended.errors
    assert message.startswith("this job would take about 0.0 hours on the CPU (no GPU was found). Expected at most")
    assert "or --yes" in message
    # Three ready commands; this job would end within each limit as it is.
    assert message.count(f"whet train {data} --model {tiny_bert} --epochs 2") == 3
    assert not (here / "runs").exists()


@pytest.mark.usefixtures("impatient")
def test_with_yes_a_long_job_starts(data: str, whet: Command, tiny_bert: Path) -> None:
    brief = ("--epochs", "1", "--no-baseline", "--threads", "1")
    ended = whet("train", data, "--model", str(tiny_bert), *brief, "--yes")
    assert (ended.code, ended.errors) == (0, [])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("call", ["train", "steps"])
def test_python_is_refused_by_an_error_of_its_own(call: str, data: str, tiny_bert: Path, here: Path) -> None:
    settings: dict[str, Any] = {"model": str(tiny_bert), **BRIEF}
    with pytest.raises(PlanTooLongError, match="or yes=True"):
        list(library.steps(data, **settings)) if call == "steps" else library.train(data, **settings)
    assert not (here / "runs").exists()
    assert isinstance(next(library.steps(data, yes=True, **settings)), StepRecord)


@pytest.mark.parametrize(("answer", "code", "trained"), [("n\n", 2, False), ("y\n", 0, True)])
@pytest.mark.usefixtures("data")
def test_on_a_terminal_the_user_is_asked(answer: str, code: int, trained: bool, here: Path, tiny_bert: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONWARNINGS": "error", "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, str(tiny_bert)],
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment, cwd=here,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = ""
        while "[y/N]" not in shown:
            shown += os.read(ours, 4096).decode()
        os.write(ours, answer.encode())
        while True:  # until the other end is closed, which Linux tells by an error
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:
                break
        process.wait()
    os.close(ours)
    assert process.returncode == code, shown
    assert "Start now, for about" in shown
    assert "Traceback" not in shown
    assert (here / "runs").exists() == trained
