"""A linear model that is handed out has learnt from its validation rows too, and says so."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from tests.flows.conftest import Command, Job, Told, write_csv
from whet.report.page import write as write_page
from whet.runs.run_folder import RunFolder
from whet.score import cost, linear
from whet.score.features import Inputs

ROWS = [(f"{word} word{number}", label) for number in range(60) for word, label in (("no", "neg"), ("oh", "pos"))]
SETTINGS: dict[str, Any] = {"model": "linear", "validation": "0.3", "label_errors": "none"}
SAID = "the linear model has learnt once more, from the 84 training and the 36 validation rows together; the scores on "


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "words.csv", ROWS))


def sides_of(told: Told) -> dict[str, list[int]]:
    sides: dict[str, list[int]] = {}
    for row in parquet.read_table(told.path / "splits.parquet").to_pylist():
        sides.setdefault(row["side"], []).append(row["row_id"])
    return sides


def vocabulary(told: Told) -> set[str]:
    return set(json.loads((told.path / "model" / "vocabulary.json").read_text(encoding="utf-8")))


def words_of(rows: list[int]) -> set[str]:
    return {ROWS[row][0].split()[1] for row in rows}


def test_the_model_is_that_of_both_sides_and_validation_scores_are_of_the_one_before(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "SEARCH_ROWS", 0)
    told = job(data, **SETTINGS, test="none")
    sides = sides_of(told)
    assert told.run.metrics["refit"] == {"train": 84, "validation": 36} == {each: len(sides[each]) for each in sides}
    assert f"{SAID}validation are those of the model before" in told.notices
    texts, targets = [ROWS[row][0] for row in sides["train"]], [ROWS[row][1] == "pos" for row in sides["train"]]
    before = linear.fit_each(Inputs(texts), np.array(targets), told.run.labels, nbsvm=False)["tfidf"]
    kept = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    logits = before.logits(Inputs([row["text"] for row in kept]))
    shares = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    assert [row["probability pos"] for row in kept] == pytest.approx(shares)
    assert words_of(sides["validation"]) - words_of(sides["train"]) <= vocabulary(told)
    card = (told.path / "model" / "README.md").read_text(encoding="utf-8")
    assert "It has learnt from 84 training rows and, at last, 36 validation rows." in card
    page = (told.path / "report.html").read_text(encoding="utf-8")
    assert f"T{SAID[1:]}validation are those of the model before." in page
    write_page(RunFolder(told.path), "ko")
    korean = (told.path / "report.html").read_text(encoding="utf-8")
    assert (
        "학습 84행과 검증 36행을 합쳐 선형 모델을 한 번 더 학습했습니다. 검증 점수는 그 전 모델의 것입니다." in korean
    )


def test_rows_that_were_named_for_validation_are_not_learnt_from(data: str, job: Job, here: Path) -> None:
    write_csv(here / "others.csv", [("no other", "neg"), ("oh another", "pos")])
    told = job(data, **{**SETTINGS, "validation": "others.csv"}, test="0.2")
    assert "refit" not in told.run.metrics
    assert not {"other", "another"} & vocabulary(told)
    assert not any("once more" in text for text in told.notices)


def test_nor_are_those_of_a_side_that_came_with_the_data(job: Job, here: Path) -> None:
    folder = here / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", ROWS)
    write_csv(folder / "validation.csv", [("no other", "neg"), ("oh another", "pos")])
    told = job(str(folder), model="linear", test="none")
    assert {side: len(rows) for side, rows in sides_of(told).items()} == {"train": 120, "validation": 2}
    assert "refit" not in told.run.metrics
    assert not {"other", "another"} & vocabulary(told)


def test_where_memory_holds_the_training_rows_alone_it_stays_as_it_is(
    data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = sides_of(job(data, **SETTINGS, test="none", output="whole"))
    texts = [ROWS[row][0] for row in sides["train"]]
    monkeypatch.setattr(cost, "MOST_BYTES", cost.bytes_needed(texts, None))
    told = job(data, **SETTINGS, test="none", output="run")
    assert sides_of(told) == sides
    assert "refit" not in told.run.metrics
    assert words_of(sides["train"]) <= vocabulary(told)


def test_a_plan_counts_what_it_takes(whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "_look", lambda texts: (1e-3, 0.3))
    rows = [
        (f"{word} word{number}", label) for number in range(10, 60) for word, label in (("no", "neg"), ("oh", "pos"))
    ]
    write_csv(here / "words.csv", rows)
    write_csv(here / "others.csv", [("no other", "neg"), ("oh other", "pos")])
    command = ("plan", "words.csv", "--model", "linear", "--test", "none", "--json")
    of_90, of_100 = (cost.seconds(["no word10"] * count) for count in (90, 100))
    assert whet(*command).json["training"]["seconds"] == pytest.approx(of_90.learning + (1 + 10 / 90) * of_90.again)
    given = whet(*command, "--validation", "others.csv").json
    assert given["training"]["seconds"] == pytest.approx(of_100.learning)


@pytest.mark.parametrize("near", [False, True])
def test_test_rows_that_validation_has_are_left_out_of_the_scores_without_leaks(
    near: bool, job: Job, here: Path
) -> None:
    drawn = random.Random(0)  # so that no two rows are nearly equal
    long = [(f"{text} {' '.join(str(drawn.random()) for _ in range(5))}", label) for text, label in ROWS]
    data = str(write_csv(here / "words.csv", long))
    taken = long[sides_of(job(data, **SETTINGS, test="none", output="first"))["validation"][0]]
    others = [
        (f"{word} unheard of {number}", label)
        for number, (word, label) in enumerate([("no", "neg"), ("oh", "pos")] * 5)
    ]
    write_csv(here / "test.csv", [(f"{taken[0]}!" if near else taken[0], taken[1]), *others])
    told = job(data, **SETTINGS, test="test.csv", near_duplicates=True, output="run")
    found = told.run.metrics["test"]["without_leaks"]
    assert (found["left_out"], found["exact"], found["near"]) == ((1, 0, 1) if near else (1, 1, 0))
