"""Messages in two languages: what fills their sentences, and that they stay strings of English."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meta.source import called_name, modules
from whet import sentences
from whet.cli.texts import TEXTS
from whet.data.doctor.letters import _LETTERS
from whet.records import SIDES
from whet.sentences import adapting, beside, data, defaults, groups, job, teaching
from whet.sentences.bilingual import Bilingual, joined, listed, said, with_korean, word


def fields(sentence: str) -> set[tuple[str, str]]:
    """What is filled in and how; what English chooses by a number, Korean need not."""
    found = {(name, how) for _, name, how, _ in string.Formatter().parse(sentence) if name}
    return {(name, how) for name, how in found if "|" not in (how or "")}


def test_no_key_stands_for_two_sentences() -> None:
    of_data = (data.FINDINGS, data.TODO, data.REASONS, data.NOTICES)
    of_jobs = (job.ROWS, job.MODEL, job.COURSE, beside.BESIDE, defaults.DEFAULTS, groups.GROUPS, adapting.ADAPTING)
    of_jobs = (*of_jobs, teaching.TEACHING)
    assert len(sentences.SENTENCES) == sum(map(len, (*of_data, *of_jobs)))
    assert len(sentences.WORDS) == len(data.WORDS) + len(job.WORDS) + len(adapting.WORDS)


def test_every_sentence_of_a_job_is_used() -> None:
    code = "\n".join(
        module.path.read_text(encoding="utf-8") for module in modules() if module.name != "whet.sentences.job"
    )
    assert [key for key in (*job.ROWS, *job.MODEL, *job.COURSE) if f'"{key}"' not in code] == []


def test_no_notice_and_no_stage_is_told_in_english_alone() -> None:
    alone = [
        module.place(node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called_name(node, {}).rpartition(".")[2] in ("Notice", "Tightened", "Stage")
        for message in (node.args[1:2] if called_name(node, {}).endswith("Stage") else node.args[:1])
        if isinstance(message, ast.JoinedStr | ast.Constant | ast.BinOp)
    ]
    assert alone == []


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
    listing = joined(said({}, "no label"), said({}, "all of it"), between="; ")
    assert (listing, listing.korean) == ("no label; all of it", "라벨 없음. 전체")
    assert (word("test"), word("test").korean) == ("test", "테스트")
    both = joined(said({}, "no training row"), "as it is")
    assert (both, both.korean) == ("no training row. as it is", "학습 행이 없습니다. as it is")


def test_a_message_that_is_part_of_another_is_told_in_its_language() -> None:
    redone = said({"count": 1}, "redone")
    message = said({"step": 3, "steps": 8, "redone": redone}, "going on")
    assert message == "going on after step 3 of 8; 1 step after it is done again"
    assert message.korean == "전체 8스텝 중 3스텝 다음부터 이어서 학습합니다. 그 뒤의 1스텝은 다시 학습합니다"
    assert said({"step": 3, "steps": 8, "redone": ""}, "going on") == "going on after step 3 of 8"


def test_a_length_of_time_is_told_as_a_setting_in_english_and_in_words_in_korean() -> None:
    message = said({"budget": "5m", "seconds": 90.2}, "fits the budget")
    assert message == "budget 5m: the job fits as it was asked for; it should take about 1m31s"
    assert message.korean == "시간 예산 5m: 요청한 그대로 끝낼 수 있습니다. 예상 시간 약 1분 30초"


def test_rows_of_sides_are_told_side_by_side() -> None:
    facts = {"name": "a.csv", "changed": 3, "unchanged": 0}
    message = said(facts | {"each": {"train": 2, "test": 1}}, "labels changed")
    assert message == "labels changed by a.csv: 3 (train 2, test 1); as they were: 0"
    assert message.korean == "a.csv에 따라 바꾼 라벨 3개(학습 2, 테스트 1), 이미 같던 라벨 0개"
    assert "3 (none in use);" in said(facts | {"each": {}}, "labels changed")


def test_a_document_of_json_has_the_korean_of_each_message_beside_it() -> None:
    told = said({}, "no label")
    document = {"message": told, "count": 3, "sides": {"train": told, "test": "plain"}, "rows": [{"todo": told}]}
    assert with_korean(document) == {
        "message": "no label",
        "message_ko": "라벨 없음",
        "count": 3,
        "sides": {"train": "no label", "train_ko": "라벨 없음", "test": "plain"},
        "rows": [{"todo": "no label", "todo_ko": "라벨 없음"}],
    }
