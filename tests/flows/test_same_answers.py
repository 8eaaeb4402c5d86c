"""The library and the command line answer alike, in the order of the texts."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import Command, Told, write_csv
from whet.prediction import predictor
from whet.records import Prediction

TEXTS = [
    "The story of this one was wonderful, I thought so all evening.",
    "",
    "The film of this one was awful, I thought so all evening. " * 30,
    'He said, "no, thanks";\tthen left -- 이 영화는 별로였습니다',
    "-- a text that begins with dashes",
    *(text for text, _ in review_rows()[5:20]),
]


def as_documents(answers: list[Prediction]) -> list[dict[str, Any]]:
    documents = [dataclasses.asdict(answer) for answer in answers]
    # What belongs to other tasks is None.
    return [{key: value for key, value in document.items() if value is not None} for document in documents]


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Alike but for the last digits, which the number of threads may change."""
    return [list(left) for left in one] == [list(right) for right in other] and all(
        left["text"] == right["text"]
        and left["label"] == right["label"]
        and left["truncated"] is right["truncated"]
        and left["score"] == pytest.approx(right["score"], abs=1e-6)
        and list(left["probabilities"]) == list(right["probabilities"])
        and left["probabilities"] == pytest.approx(right["probabilities"], abs=1e-6)
        for left, right in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def answers(taught: Told) -> list[dict[str, Any]]:
    return as_documents(taught.run.predict(TEXTS))


def test_the_answers_are_worth_comparing(answers: list[dict[str, Any]]) -> None:
    assert [answer["text"] for answer in answers] == TEXTS
    assert {answer["label"] for answer in answers} == {"negative", "positive"}
    assert [answer["truncated"] for answer in answers[:4]] == [False, False, True, False]
    assert len({answer["score"] for answer in answers}) > 10


@pytest.mark.parametrize("name", ["", "model"])
def test_the_function_answers_as_the_run(taught: Told, answers: list[dict[str, Any]], name: str) -> None:
    assert same(as_documents(library.predict(taught.path / name, TEXTS)), answers)
    assert same(as_documents(library.predict(taught.run, TEXTS)), answers)
    assert same(as_documents(library.load(taught.path / name).predict(TEXTS)), answers)


def test_the_command_answers_as_the_library(taught: Told, answers: list[dict[str, Any]], whet_process: Command) -> None:
    ended = whet_process("predict", str(taught.path), "--json", "--", *TEXTS)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == 1
    assert same(ended.json, answers)


def test_a_file_is_answered_in_its_order(
    taught: Told, answers: list[dict[str, Any]], whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 3)
    write_csv(here / "texts.csv", [(str(row), text) for row, text in enumerate(TEXTS)], header="id,text")
    ended = whet("predict", str(taught.path), "--file", "texts.csv", "--output", "answers.jsonl", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    lines = (here / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert same([json.loads(line) for line in lines], answers)


def test_permuting_a_file_permutes_its_answers_and_nothing_else(
    taught: Told, answers: list[dict[str, Any]], whet: Command, here: Path
) -> None:
    order = random.Random(1).sample(range(len(TEXTS)), len(TEXTS))
    (here / "texts.txt").write_text("".join(f"{TEXTS[i]}\n" for i in order), encoding="utf-8")
    ended = whet("predict", str(taught.path), "--file", "texts.txt", "--json")
    assert ended.code == 0
    assert same(ended.json, [answers[i] for i in order])


def close(scores: object) -> object:
    """The same, its fractions within what the order of a sum decides."""
    if isinstance(scores, dict):
        return {name: close(score) for name, score in scores.items()}
    if isinstance(scores, list):
        return [close(score) for score in scores]
    return pytest.approx(scores, abs=1e-6) if isinstance(scores, float) else scores


def test_evaluating_permuted_rows_gives_the_same_scores(taught: Told, whet: Command, here: Path) -> None:
    rows = review_rows()
    write_csv(here / "straight.csv", rows)
    write_csv(here / "mixed.csv", random.Random(2).sample(rows, len(rows)))
    straight = whet("evaluate", str(taught.path), "straight.csv", "--json")
    mixed = whet("evaluate", str(taught.path), "mixed.csv", "--json")
    assert straight.code == mixed.code == 0
    one = straight.json["test"]
    assert one == close(mixed.json["test"])
    assert one["rows"] == 60
    assert one["accuracy"] > 0.5


def test_the_command_evaluates_as_the_library(taught: Told, whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    ended = whet("evaluate", str(taught.path), "reviews.csv", "--json")
    found = library.evaluate(taught.run, "reviews.csv")
    told, known = ended.json["test"], found.json["test"]
    assert isinstance(known, dict)
    assert told.pop("loss") == pytest.approx(known.pop("loss"), abs=1e-6)
    assert told == known
    assert found.metrics.accuracy == told["accuracy"]
    assert (found.source, found.metrics.rows) == ("reviews.csv", 60)
    few = library.evaluate(taught.path, "reviews.csv", test_rows=10)
    assert few.metrics.rows == 10
    assert {name: score.support for name, score in few.metrics.classes.items()} == {"negative": 5, "positive": 5}
