"""csv for a spreadsheet: nothing in it is computed, and all of it comes back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data import spreadsheet

ANY = st.text(st.characters(exclude_categories=["Cs"]))
TRICKY = st.text("'=+-@\t\r\n\0\",;a ", max_size=6)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+82 10", "'+82 10"), ("-5 stars", "'-5 stars"), ("@name", "'@name"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("'=1", "''=1"), ("'quoted'", "'quoted'"), ("a=b", "a=b"), ("", ""), ("''", "''"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_compute_has_an_apostrophe_before_it(text: str, cell: str) -> None:
    assert spreadsheet.safe(text) == cell


@given(ANY | TRICKY)
def test_every_text_comes_back_and_no_cell_begins_like_a_formula(text: str) -> None:
    cell = spreadsheet.safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert spreadsheet.original(cell) == text


@given(st.lists(ANY | TRICKY, min_size=1, max_size=4))
def test_every_record_is_read_as_it_was_written(cells: list[str]) -> None:
    written = spreadsheet.line(cells) + spreadsheet.line(["end"])
    assert list(csv.reader(io.StringIO(written, newline=""), strict=True)) == [cells, ["end"]]


def test_a_record_ends_with_a_line_feed_and_a_lone_carriage_return_has_quotation_marks() -> None:
    assert spreadsheet.line(["a\rb", "c", 'd "e"']) == '"a\rb",c,"d ""e"""\n'
