"""The one text cleaning."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data.clean import clean_text

# st.text leaves surrogates out by default; here they are the point.
ANY = st.text(st.characters(codec=None, exclude_categories=()) | st.characters(categories=["Cs"]) | st.just("\0"))


def test_markup_white_space_and_case_stay() -> None:
    text = "  A <br /> B\t\r\n é 재밌다 \u2028 "
    assert clean_text(text) == text


def test_nul_is_removed_and_a_lone_surrogate_replaced() -> None:
    assert clean_text("a\0b\ud800c\udfff") == "ab\ufffdc\ufffd"


def test_letters_that_macos_takes_apart_are_composed() -> None:
    apart = unicodedata.normalize("NFD", "정말 재밌는 영화 café")
    assert len(apart) == 27
    assert clean_text(apart) == "정말 재밌는 영화 café"


@pytest.mark.parametrize("text", ["ㅋㅋㅋㅋ", "ㅠㅠ ㅜㅜ", "ㄹㅇ ㅇㅈ", "ＡＢＣ１２３！", "ｶﾞ", "① ㎏ ﬁ", "½"])
def test_jamo_strings_and_compatibility_forms_stay_as_they_are_written(text: str) -> None:
    assert clean_text(text) == text


def test_marks_without_end_are_neither_sorted_nor_a_loss_of_time() -> None:
    text = "a" + "\u0300\u0316" * 500_000
    began = time.process_time()
    assert clean_text(text) == text
    assert time.process_time() - began < 1
    few = "a" + "\u0316\u0300" * 15
    assert clean_text(few) == unicodedata.normalize("NFC", few) != few


def test_what_is_no_mark_does_not_count_as_one() -> None:
    apart = unicodedata.normalize("NFD", "좋다") + "♡" * 40
    assert clean_text(apart) == "좋다" + "♡" * 40


def test_a_text_of_2_mb_is_composed_in_a_moment() -> None:
    apart = unicodedata.normalize("NFD", "정말 재밌는 영화였다. ") * 40_000
    began = time.process_time()
    assert clean_text(apart) == "정말 재밌는 영화였다. " * 40_000
    assert time.process_time() - began < 1


@given(ANY)
def test_every_text_can_be_cleaned_once_and_then_written(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean_text(cleaned) == cleaned
    assert "\0" not in cleaned
    assert cleaned == unicodedata.normalize(
        "NFC", "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text if c != "\0")
    )


@given(ANY)
def test_composed_and_taken_apart_are_the_same_text(text: str) -> None:
    assert clean_text(unicodedata.normalize("NFD", text)) == clean_text(unicodedata.normalize("NFC", text))
