"""Rows that do not count alike: the column that --weight names, through the whole job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BAD, GOOD, SUBJECTS
from tests.flows.conftest import Command, Job, Told, write_csv

BASE: dict[str, Any] = {
    "epochs": 20.0, "learning_rate": 3e-3, "baseline": False, "threads": 1, "validation": "none", "test": "test.csv",
}  # fmt: skip
LINEAR: dict[str, Any] = {"model": "linear", "baseline": False, "validation": "none", "test": "test.csv"}


@pytest.fixture(autouse=True)
def data(here: Path) -> None:
    """66 negative rows and 6 positive ones, with words of which two rows in three are negative as well: who counts rows
    takes none for positive. By weight there are as many of either. The test side has as many of each."""
    times = ("all evening", "at once", "again")

    def texts(words: tuple[str, ...], subjects: tuple[str, ...]) -> list[str]:
        return [f"The {s} of this one was {w}, I thought so {t}." for w in words for s in subjects for t in times]

    rows = [(text, "negative") for text in texts(BAD, SUBJECTS[:3])]
    rows += [
        (text, "positive" if i in (0, 4, 8, 10, 14, 15) else "negative")
        for i, text in enumerate(texts(GOOD[:2], SUBJECTS[:3]))
    ]
    lines = [f'"{text}",{label},{11 if label == "positive" else 1}' for text, label in rows]
    (here / "train.csv").write_text("\n".join(["text,label,sure", *lines]) + "\n", encoding="utf-8")
    test = [(text, "positive") for text in texts(GOOD[:2], SUBJECTS[3:])]
    test += [(text, "negative") for text in texts(BAD[:2], SUBJECTS[3:])]
    write_csv(here / "test.csv", test)


def macro_f1(told: Told) -> float:
    return float(told.run.metrics["test"]["macro_f1"])


@pytest.mark.parametrize("given", [BASE, LINEAR], ids=["transformer", "linear"])
def test_a_model_finds_the_rows_that_count_more(job: Job, given: dict[str, Any]) -> None:
    plain, weighted = job("train.csv", **given), job("train.csv", **given, weight="sure")
    assert macro_f1(plain) < 0.5 < 0.8 < macro_f1(weighted)
    assert weighted.path != plain.path


def test_other_weights_are_another_job(job: Job, here: Path) -> None:
    given = {**LINEAR, "test": "none", "weight": "sure"}
    first = job("train.csv", **given)
    text = (here / "train.csv").read_text(encoding="utf-8")
    (here / "train.csv").write_text(text.replace(",11", ",8"), encoding="utf-8")
    assert job("train.csv", **given).path != first.path


def test_a_fault_in_the_column_ends_the_command_with_its_rows(whet: Command, here: Path) -> None:
    text = (here / "train.csv").read_text(encoding="utf-8")
    (here / "train.csv").write_text(text.replace(",1\n", ",0\n", 1), encoding="utf-8")
    ended = whet("train", "train.csv", "--model", "linear", "--weight", "sure")
    assert ended.code == 3
    assert ended.errors == [
        "train.csv, column 'sure': 1 row that would not count: line 2 (0). Expected numbers above 0. Drop the rows "
        "that shall not count."
    ]
