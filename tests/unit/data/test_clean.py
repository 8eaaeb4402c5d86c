"""The one text cleaning."""

from __future__ import annotations

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


@given(ANY)
def test_every_text_can_be_cleaned_once_and_then_written(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean_text(cleaned) == cleaned
    assert "\0" not in cleaned
    assert len(cleaned) == len(text) - text.count("\0")
