"""Places and equal texts without a string or a copy for every row."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data import places
from whet.data.places import (
    MOST_SHARED,
    Places,
    hashes,
    kept_numbers,
    kept_places,
    repeated,
    row_places,
    rows_of_both,
    sharing,
)

TEXTS = st.lists(st.text(st.sampled_from("ab "), max_size=3), max_size=30)


def test_places_are_spelled_from_numbers() -> None:
    lines = Places("line", [2, 5, 9])
    assert (len(lines), lines[0], lines[-1], list(lines)) == (3, "line 2", "line 9", ["line 2", "line 5", "line 9"])
    assert list(lines[1:]) == ["line 5", "line 9"]
    assert list(row_places(3)) == ["row 1", "row 2", "row 3"]
    with pytest.raises(IndexError):
        lines[3]


def test_of_places_and_numbers_those_of_the_kept_rows_stay() -> None:
    keep = np.array([True, False, True])
    assert list(kept_places(row_places(3), keep)) == ["row 1", "row 3"]
    assert list(kept_places(["pos/1.txt", "pos/2.txt", "neg/1.txt"], keep)) == ["pos/1.txt", "neg/1.txt"]
    assert list(kept_numbers(range(10, 13), keep)) == [10, 12]


def test_a_million_places_and_row_numbers_take_8_bytes_each() -> None:
    keep = np.ones(100_000, dtype=bool)
    kept = kept_places(row_places(100_000), keep)
    assert isinstance(kept, Places)
    assert sys.getsizeof(kept.numbers) < 900_000
    assert sys.getsizeof(row_places(1_000_000).numbers) < 100


def test_equal_strings_of_a_column_become_one_object_as_long_as_few_differ() -> None:
    share = sharing()
    first, second = "".join(["pos", "itive"]), "".join(["pos", "itive"])
    assert first is not second
    assert share(first) is first
    assert share(second) is first
    assert [share(value) for value in (1, True, None, [1])] == [1, True, None, [1]]
    others = [share(f"text {i}") for i in range(2 * MOST_SHARED)]
    assert others == [f"text {i}" for i in range(2 * MOST_SHARED)]
    assert share(second) is first
    late = "".join(["text ", str(2 * MOST_SHARED - 1)])
    assert share(late) is late  # too many to be remembered


@given(TEXTS)
def test_every_text_that_stands_twice_is_among_the_repeated_rows(texts: list[str]) -> None:
    assert repeated(hashes(texts)) == [i for i, text in enumerate(texts) if texts.count(text) > 1]


@given(TEXTS, TEXTS)
def test_rows_of_both_are_those_whose_text_stands_among_the_others(texts: list[str], others: list[str]) -> None:
    assert rows_of_both(texts, others).tolist() == [text in others for text in texts]


def test_texts_of_one_hash_are_not_taken_for_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "hashes", lambda texts: np.zeros(len(texts), dtype=np.int64))
    assert rows_of_both(["a", "b"], ["b", "c"]).tolist() == [False, True]
