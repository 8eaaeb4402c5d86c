"""When a linear model is fitted unasked, and which rows it has."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import review_rows
from whet.data.read import read
from whet.data.split import split
from whet.hub import reach
from whet.inputs import reading
from whet.model import embedded
from whet.preparing import for_linear
from whet.records import Examples, Source, Splits, Table
from whet.sentences.bilingual import in_korean
from whet.settings.config import Resolved, Settings, resolve
from whet.system.runtime import ALONE, Ranks

ENGLISH = tuple(text for text, _ in review_rows())
KOREAN = tuple(map(str, read("sample:reviews-ko").tables["train"].columns["text"]))
GERMAN = ("Der Film war leider sehr langweilig, und die Schauspieler haben mir auch nicht gefallen.",) * 20
NO_HUB = "the hub hub.example cannot be reached (timed out); intfloat/multilingual-e5-small would be the choice. "
NO_WORDS = (
    "The embedded English model does not have the words of these Korean texts, so a linear model on TF-IDF is fitted "
    "in its place. --model takes the folder of one that has them, and --model embedded trains the English one all the "
    "same"
)


@pytest.fixture(autouse=True)
def _without_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setattr(reach, "host", lambda: "hub.example")
    monkeypatch.setattr(reach, "unreachable_because", lambda: "timed out")


def instead(texts: tuple[str, ...], *, ranks: Ranks = ALONE, **given: Any) -> tuple[Resolved, list[str]]:
    resolved, notices = for_linear.instead(resolve(given), texts, ranks)
    assert all(notice.severity == "warning" for notice in notices)
    return resolved, [notice.message for notice in notices]


def test_korean_texts_without_a_hub_get_a_linear_model_and_are_told_why() -> None:
    resolved, told = instead(KOREAN)
    assert resolved.settings.model == "linear"
    assert resolved.reasons["model"] == f"auto: {NO_HUB}{NO_WORDS}"
    assert told == [f"model linear: {NO_HUB}{NO_WORDS}"]
    assert "TF-IDF 선형 모델을 대신 학습합니다" in in_korean(resolved.reasons["model"])


@pytest.mark.parametrize("texts", [ENGLISH, GERMAN])
def test_texts_whose_words_the_embedded_model_has_do_not(texts: tuple[str, ...]) -> None:
    resolved, told = instead(texts)
    assert (resolved.settings.model, told) == ("auto", [])


def test_english_texts_do_not_wait_for_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "unreachable_because", lambda: pytest.fail("was asked"))
    assert instead(ENGLISH)[1] == []


def test_where_the_hub_answers_a_network_is_taken_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "unreachable_because", lambda: "")
    assert instead(KOREAN)[0].settings.model == "auto"


@pytest.mark.parametrize(
    "given",
    [
        {"model": "embedded"},
        {"epochs": 1.0},
        {"learning_rate": 1e-4},
        {"require_gpu": True},
        {"device": "cuda"},
        {"lora": 8},
        {"seeds": 3},
        {"teacher": "last"},
    ],
    ids=str,
)
def test_whoever_chose_a_model_or_what_a_network_alone_has_keeps_it(given: dict[str, Any]) -> None:
    resolved, told = instead(KOREAN, **given)
    assert (resolved.settings.model, told) == (given.get("model", "auto"), [])


def test_several_processes_train_a_network() -> None:
    assert instead(KOREAN, ranks=Ranks(0, 2))[1] == []


@pytest.mark.parametrize("given", [{"budget": "10m"}, {"folds": 5}, {"threads": 1, "metric": "accuracy"}], ids=str)
def test_a_budget_and_folds_mean_something_to_either(given: dict[str, Any]) -> None:
    assert instead(KOREAN, **given)[0].settings.model == "linear"


# ---------------------------------------------------------------- rows

FEW = 40


def job(rows: list[tuple[str, str]], **given: Any) -> tuple[reading.Labelled, Splits, Settings]:
    columns: dict[str, list[object]] = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    table = Table("reviews.csv", columns, [f"row {row}" for row in range(len(rows))])
    chosen = resolve({"text": "text", "label": "label", **given}).settings
    labelled = reading.labelled(Source("reviews", {"train": table}), chosen)
    return (
        labelled,
        split(
            labelled.sides, test=chosen.test, validation=chosen.validation, seed=0, train_rows=chosen.train_rows,
            test_rows=None,
        ),
        chosen,
    )  # fmt: skip


def with_more_rows(monkeypatch: pytest.MonkeyPatch, *asked: Any) -> tuple[Splits, list[str]]:
    monkeypatch.setattr(for_linear, "JUDGED", FEW)
    found, notices = for_linear.with_more_rows(*asked)
    return found, [notice.message for notice in notices]


def rows_of(side: Examples | None) -> set[int]:
    assert side is not None
    return set(map(int, side.row_ids))


UNLIKE = [(f"text {row}", "ab"[row % 2]) for row in range(1_000)]


def test_a_linear_model_is_judged_on_few_rows_and_learns_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job(UNLIKE)
    found, told = with_more_rows(monkeypatch, *asked)
    before = asked[1]
    assert [len(side.texts) for side in (found.train, found.validation, found.test) if side is not None] == [
        860,
        40,
        100,
    ]
    assert rows_of(found.validation) < rows_of(before.validation)
    assert rows_of(found.train) == (rows_of(before.train) | rows_of(before.validation)) - rows_of(found.validation)
    assert rows_of(found.test) == rows_of(before.test)
    assert found.validation is not None
    assert found.validation.labels is not None
    assert sorted(found.validation.labels).count("a") == 20
    assert told == ["validation: 40 of 100 rows, which are enough to judge a linear model; it learns from the others"]


@pytest.mark.parametrize("validation", ["0.1", "none"])
def test_validation_rows_that_somebody_asked_for_stay(monkeypatch: pytest.MonkeyPatch, validation: str) -> None:
    asked = job(UNLIKE, validation=validation)
    assert with_more_rows(monkeypatch, *asked) == (asked[1], [])


def test_who_says_how_many_rows_it_learns_from_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job(UNLIKE, train_rows=700)
    found, told = with_more_rows(monkeypatch, *asked)
    assert found.validation is not None
    assert (len(found.train.texts), len(found.validation.texts), told) == (700, 70, [])
    assert found == asked[1]


def test_a_validation_side_from_elsewhere_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled, before, chosen = job(UNLIKE)
    assert before.validation is not None
    other = Examples("other.csv", before.validation.texts, before.validation.labels, (), before.validation.row_ids)
    elsewhere = Splits(before.train, other, before.test, before.reasons)
    assert with_more_rows(monkeypatch, labelled, elsewhere, chosen) == (elsewhere, [])


@settings(max_examples=25, deadline=None)
@given(st.integers(50, 600), st.integers(0, 2**31))
def test_it_learns_from_no_text_that_it_is_judged_on_or_tested_with(different: int, seed: int) -> None:
    drawn = Random(seed)
    asked = job([(f"text {drawn.randrange(different)}", "ab"[row % 2]) for row in range(600)])
    before = asked[1]
    with pytest.MonkeyPatch.context() as patched:
        found, _ = with_more_rows(patched, *asked)
    assert found.validation is not None
    assert found.test is not None
    learnt = set(found.train.texts)
    assert not learnt & set(found.validation.texts)
    assert not learnt & set(found.test.texts)
    assert rows_of(found.train) >= rows_of(before.train)
    assert found == before or len(found.validation.texts) == FEW  # the former where all others are copies of those
