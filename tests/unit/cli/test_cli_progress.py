from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from tests.unit.cli.conftest import FakePipeline, Finished, evaluation, page, printed, step
from whet.cli import progress
from whet.cli.texts import Lang, Words
from whet.records import Notice, Stage, StepRecord
from whet.settings import config

EN = Words("en")
TRAINING = config.resolve({"log_every": 100})


def watched(events: Iterator[object], settings: config.Settings, *, width: int = 80, terminal: bool = False) -> str:
    console = page(width, terminal=terminal)
    end = progress.watch(events, progress.reporter(console, EN, settings), Finished)
    assert end.verdict == "The model beats TF-IDF by 9.0 points."
    return printed(console)


def job() -> Iterator[object]:
    """The stand-in's training, without its look at the data."""
    return (event for event in FakePipeline().follow("x", TRAINING) if type(event).__name__ != "Checked")


def test_without_a_terminal_there_are_plain_lines() -> None:
    assert watched(job(), TRAINING.settings).splitlines() == [
        "look at the data",
        "model: embedded MiniLM",
        "warning: 12 of 1,500 texts are cut at 512 tokens",
        "train",
        "step 100/300 epoch 0.67 loss 0.412 3,210 tokens/s 3 min 20 s left",
        "epoch 1.00 validation: loss 0.301, accuracy 0.9000, macro F1 0.8875, 3.2 s (best so far)",
        "step 200/300 epoch 1.33 loss 0.412 3,210 tokens/s 1 min 40 s left",
        "step 300/300 epoch 2.00 loss 0.412 3,210 tokens/s 0 s left",
    ]


def test_the_last_step_is_shown_whatever_log_every_says() -> None:
    lines = watched(job(), config.Settings(log_every=1000)).splitlines()
    assert [line for line in lines if line.startswith("step")] == [
        "step 300/300 epoch 2.00 loss 0.412 3,210 tokens/s 0 s left"
    ]


def test_quiet_keeps_warnings_and_nothing_else() -> None:
    assert watched(job(), config.Settings(quiet=True)) == "warning: 12 of 1,500 texts are cut at 512 tokens\n"


def test_the_language_is_kept() -> None:
    console = page(80)
    lines = progress.Lines(console, Words("ko"), 100)
    for event in (Stage("baseline"), Notice("x"), step(100), evaluation()):
        lines.show(event)
    assert printed(console).splitlines() == [
        "기준 모델",
        "참고: x",
        "스텝 100/300 에포크 0.67 손실 0.412 초당 3,210토큰 3분 20초 남음",
        "에포크 1.00 검증: 손실 0.301, 정확도 0.9000, 매크로 F1 0.8875, 3.2초",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_a_bar_moves_within_the_width_and_remarks_stay_above_it(width: int) -> None:
    frames = watched(job(), TRAINING.settings, width=width, terminal=True)
    assert "━" in frames
    assert "warning: 12 of 1,500 texts are cut at 512 tokens" in frames
    assert "step 300/300 epoch 2.00 loss 0.412 3,210 tokens/s 0 s left" in frames
    assert "step 100/300" not in frames


@pytest.mark.parametrize("width", [80, 120])
def test_the_bar_of_a_long_job_fits_the_width(width: int) -> None:
    console = page(width, terminal=True)
    bars = progress.Bars(console, EN)
    bars.show(StepRecord(99_999, 100_000, 12.34, 0.123, 5e-5, 9_000_000_000, 90_000.0))
    console.print(bars.bar)
    line = next(line for line in printed(console).splitlines() if "━" in line)
    assert cell_len(line) <= width
    assert "loss 0.123 100,000 tokens/s" in line


def test_an_evaluation_between_two_epochs_leaves_the_bar_its_place() -> None:
    console = page(80, terminal=True)
    bars = progress.Bars(console, EN)
    for event in (Stage("train"), step(150), Stage("evaluate"), evaluation(), step(151)):
        bars.show(event)
    assert [(task.description, task.completed) for task in bars.bar.tasks] == [("train", 151)]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines() -> None:
    console = page(80, terminal=True)
    console._environ = {"TERM": "dumb"}
    assert type(progress.reporter(console, EN, config.Settings())) is progress.Lines


def test_speed_is_that_of_the_last_steps_and_time_left_that_of_all() -> None:
    speed = progress.Speed()
    for number in range(1, 101):
        speed.add(dataclasses.replace(step(number, steps=200), tokens=1000 * number, train_seconds=2.0 * number))
    for number in range(101, 122):
        tokens = 100_000 + 4000 * (number - 100)
        speed.add(dataclasses.replace(step(number, steps=200), tokens=tokens, train_seconds=200.0 + 2 * (number - 100)))
    assert speed.tokens_per_second() == 2000.0
    assert speed.seconds_left() == pytest.approx(2.0 * 79)


def test_the_first_step_has_a_speed_already() -> None:
    speed = progress.Speed()
    speed.add(step(1))
    assert speed.tokens_per_second() == 3210.0


def test_a_job_without_an_end_is_our_bug() -> None:
    console = page(80)
    with pytest.raises(AssertionError, match="the job ended without Finished"):
        progress.watch(iter([Stage("train")]), progress.reporter(console, EN, config.Settings()), Finished)


def answered(chunks: int, *, rows: int = 250, lang: Lang = "en", terminal: bool = False) -> str:
    """What is told of chunks of ten rows."""
    console = page(80, terminal=terminal)
    given = [list(range(first, first + 10)) for first in range(0, 10 * chunks, 10)]
    assert list(progress.answered(given, rows, console, Words(lang))) == given
    return printed(console)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever it is looked at."""
    ticks = itertools.count()
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))


@pytest.mark.usefixtures("seconds")
def test_a_tenth_of_many_answers_is_a_line() -> None:
    lines = answered(25).splitlines()
    assert len(lines) == 10
    assert lines[0] == "30 of 250 rows answered, 10 rows/s, 22 s left"
    assert lines[-1] == "250 of 250 rows answered, 10 rows/s, 0 s left"
    assert answered(25, rows=2_500, lang="ko") == "2,500행 중 250행 예측, 초당 10행, 3분 45초 남음\n"


def test_of_the_only_chunk_nothing_is_told() -> None:
    assert answered(1, rows=10) == answered(0, rows=0) == ""


@pytest.mark.usefixtures("seconds")
def test_on_a_terminal_answers_move_a_bar_that_goes_with_the_last() -> None:
    frames = answered(25, terminal=True)
    assert "━" in frames and "250/250 10 rows/s 0 s left" in frames
    assert "rows answered" not in frames
    assert max(map(cell_len, frames.replace("\r", "\n").splitlines())) <= 200  # with its control sequences
