"""The report of a run: written at its end, in the language of the last command, and never at the cost of the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, write_csv
from whet import pipeline
from whet.records import Notice, Stage
from whet.report import page
from whet.score import linear
from whet.sentences.bilingual import said
from whet.settings import config
from whet.system import room


def test_a_finished_run_has_a_report_with_its_scores(taught: Told) -> None:
    assert taught.run.report == taught.path / "report.html"
    text = taught.run.report.read_text(encoding="utf-8")
    assert f"<dd>{taught.run.metrics['test']['accuracy']:.3f}" in text
    assert taught.end.verdict in text
    assert re.findall('<section id="([a-z]+)"', text)[-3:] == ["findings", "environment", "repeat"]


def test_the_summary_names_it_and_another_language_writes_it_anew(here: Path, whet: Command, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    train = ("train", "reviews.csv", "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--output", "run")
    ended = whet(*train)
    assert (ended.code, re.findall(r"Report +(.+)", ended.out)) == (0, ["run/report.html"])
    report, before = here / "run" / "report.html", (here / "run" / "report.html").read_bytes()
    assert b'<html lang="en">' in before
    assert re.findall(r"보고서 +(.+)", whet(*train, "--lang", "ko").out) == ["run/report.html"]
    assert b'<html lang="ko">' in report.read_bytes()
    whet(*train)
    assert report.read_bytes() == before


def test_a_report_that_cannot_be_written_leaves_a_finished_run_and_is_tried_again(here: Path, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    resolved = config.resolve({"model": str(tiny_bert), "output": "run", **BRIEF})
    in_the_way, said = here / "run" / "report.html", []
    for event in pipeline.follow("reviews.csv", resolved):
        if event == Stage("save"):
            in_the_way.mkdir()
        said += [event.message for event in [event] if isinstance(event, Notice) and event.severity == "warning"]
    assert isinstance(event, pipeline.Finished)
    assert event.metrics["test"]["rows"] == 6
    assert event.run.report is None
    assert said[-1].startswith(f"no report.html: {here}/run/tmp-")
    assert said[-1].endswith(": cannot write: Is a directory; the same command tries it again")
    assert not (here / "run" / "error.json").exists()
    in_the_way.rmdir()
    *_, end = pipeline.follow("reviews.csv", resolved)
    assert isinstance(end, pipeline.Finished)
    assert end.resumed_finished
    assert end.run.report is not None


def test_a_report_for_which_memory_is_short_leaves_a_finished_run(
    here: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(here / "reviews.csv", review_rows())

    def refused(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(page, "write", refused)
    told = job("reviews.csv", **BRIEF)
    assert told.notices[-1] == f"no report.html: {told.path}: out of memory; the same command tries it again"
    assert told.run.metrics["test"]["rows"] == 6


def test_a_look_for_which_memory_is_short_is_the_models_own(
    here: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(here / "reviews.csv", review_rows())

    def refused(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(linear, "held_back", refused)
    told = job("reviews.csv", **{**BRIEF, "epochs": 5.0})
    assert told.run.metrics["label_errors"]["train"]["by"] == "model"


def test_with_no_memory_for_their_libraries_neither_is_begun(
    here: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(here / "reviews.csv", review_rows())

    def begun(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(linear, "held_back", begun)
    monkeypatch.setattr(page, "write", begun)
    monkeypatch.setattr(room, "lack", lambda *_: said({"needed": "200 MB", "left": "30 MB", "limit": "x"}, "no room"))
    told = job("reviews.csv", **{**BRIEF, "epochs": 5.0})
    assert told.run.metrics["label_errors"]["train"]["by"] == "model"
    assert told.notices[-1] == (
        f"no report.html: {told.path}: it needs 200 MB of memory, and 30 MB are left (x); "
        "the same command tries it again"
    )
    assert told.run.report is None
