"""Messages in two languages: what fills their sentences, and that they stay strings of English."""

from __future__ import annotations

import copy
import json
import pickle
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.cli.texts import TEXTS
from whet.data import sentences
from whet.data.bilingual import Bilingual, joined, listed, said
from whet.data.doctor.letters import _LETTERS
from whet.records import SIDES


def fields(sentence: str) -> set[tuple[str, str]]:
    """What is filled in and how; what English chooses by a number, Korean need not."""
    found = {(name, how) for _, name, how, _ in string.Formatter().parse(sentence) if name}
    return {(name, how) for name, how in found if "|" not in (how or "")}


def test_no_key_stands_for_two_sentences() -> None:
    parts = (sentences.FINDINGS, sentences.TODO, sentences.REASONS, sentences.NOTICES)
    assert len(sentences.SENTENCES) == sum(map(len, parts))


@pytest.mark.parametrize("key", sentences.SENTENCES)
def test_both_languages_say_the_same_things(key: str) -> None:
    english, korean = sentences.SENTENCES[key]
    assert {name for name, _ in fields(english)} == {name for name, _ in fields(korean)}
    assert re.search("[가-힣]", korean)
    assert not re.search("[가-힣]", english)
    assert not english.endswith(".")
    assert not korean.endswith(".")


def test_names_of_sides_and_scripts_are_all_there() -> None:
    assert {side: TEXTS[side][1] for side in SIDES} == {side: sentences.WORDS[side] for side in SIDES}
    assert sentences.WORDS.keys() > _LETTERS.keys()


def test_a_message_is_a_string_of_english_with_its_korean() -> None:
    message = said({"count": 1, "places": ("line 3",)}, "missing_labels")
    assert message == "1 row without label (line 3). Expected a label in every row"
    assert message.korean == "라벨이 없는 행이 1개 있습니다(3번째 줄). 모든 행에 라벨이 있어야 합니다"
    assert json.loads(json.dumps(message)) == message
    for other in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert (other, other.korean) == (message, message.korean)


def test_sentences_that_belong_together_stand_one_after_the_other() -> None:
    both = said({}, "no labels", "two labels expected")
    assert both == (
        "no labels in the training rows. Expected two labels or more, so that there is something to tell apart"
    )
    assert both.korean == "학습 데이터에 라벨이 없습니다. 분류를 배우려면 라벨이 두 개 이상이어야 합니다"


SHARE = {"count": 1_234, "limit": 8, "rows": 0.5, "tokens": 0.0004, "tokens_interval": None}


def test_a_small_share_is_not_nothing_and_bounds_are_told_where_there_are_some() -> None:
    message = said(SHARE, "truncated")
    assert message == "1,234 rows have more than 8 tokens, 50.0 %: <0.1 % of all tokens are cut"
    assert message.korean.endswith("전체의 50.0%이고, 모든 토큰 중 잘리는 비율은 0.1% 미만입니다")
    message = said({**SHARE, "tokens": 0.25, "tokens_interval": (0.2, 0.31)}, "truncated")
    assert message.endswith("25.0 % (20.0 to 31.0) of all tokens are cut")
    assert message.korean.endswith("25.0%(20.0~31.0)입니다")
    assert said({**SHARE, "tokens": 0.0}, "truncated").endswith(": 0.0 % of all tokens are cut")


@pytest.mark.parametrize(
    ("places", "english", "korean"),
    [
        (("line 1", "line 2"), "line 1, line 2", "1번째 줄, 2번째 줄"),
        (("row 1", "row 2", "row 3", "row 4"), "row 1, row 2, row 3, …", "1번째 행, 2번째 행, 3번째 행, …"),
        (("pos/line 1.txt",), "pos/line 1.txt", "pos/line 1.txt"),
    ],
)
def test_places_are_told_in_the_language_and_files_by_their_names(
    places: tuple[str, ...], english: str, korean: str
) -> None:
    message = said({"count": len(places), "places": places}, "missing_labels")
    assert f"({english})." in message
    assert f"({korean})." in message.korean


def test_of_many_names_ten_are_listed() -> None:
    assert listed([*"abcdefghij"]) == "a, b, c, d, e, f, g, h, i, j"
    labels = dict.fromkeys("abcdefghijk", 2)
    message = said({"labels": labels, "known": ""}, "unknown_labels")
    assert "i (2 rows), j (2 rows), …. Expected" in message
    assert "i(2행), j(2행), …. 학습" in message.korean


def test_a_spelling_that_looks_the_same_is_told_apart() -> None:
    nfd = unicodedata.normalize("NFD", "가")
    message = said({"spellings": [{"가": 3, nfd: 1, "가\u200b": 2}], "places": ("line 4",)}, "label_spellings")
    assert f": '가' (3 rows) and '{nfd}' [decomposed letters] (1 row) and '가\\u200b' [U+200B] (2 rows); " in message
    assert f": '가'(3행) / '{nfd}' [자모 분리](1행) / '가\\u200b' [U+200B](2행). " in message.korean


@given(st.text(), st.text())
def test_facts_are_filled_in_as_they_are(one: str, other: str) -> None:
    message = said({"one": one, "other": other}, "named as a pair")
    assert message == f"named {one} and {other}"
    assert message.korean == f"이름이 {one}, {other}"


def test_what_is_made_of_a_message_is_english_alone_and_joining_keeps_both() -> None:
    assert not isinstance(said({}, "fill in") + ".", Bilingual)
    both = joined(said({}, "no training row"), "as it is")
    assert (both, both.korean) == ("no training row. as it is", "학습 행이 없습니다. as it is")
