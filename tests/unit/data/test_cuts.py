"""How a text of so many tokens is divided: arithmetic."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data.cuts import chunks, likely_tokens


@given(st.integers(0, 2_000), st.integers(1, 60), st.integers(1, 70))
def test_chunks_are_as_few_as_can_be_fit_and_are_alike_to_one_token(length: int, room: int, most: int) -> None:
    found = chunks(length, room, most=most)
    sizes = [len(chunk) for chunk in found]
    assert len(found) == max(1, min(most, -(-length // room)))
    assert max(sizes) <= room
    assert max(sizes) - min(sizes) <= 1
    assert found[0].start == 0
    assert all(one.stop == other.start for one, other in pairwise(found))
    assert found[-1].stop == min(length, most * room)


@pytest.mark.parametrize(
    ("length", "sizes"), [(0, [0]), (1, [1]), (10, [10]), (11, [5, 6]), (25, [8, 8, 9]), (41, [10, 10, 10, 10])]
)
def test_what_does_not_fit_into_the_last_chunk_is_left_out(length: int, sizes: list[int]) -> None:
    assert [len(chunk) for chunk in chunks(length, 10, most=4)] == sizes


def test_likely_tokens_count_letters_and_stop_at_what_a_model_sees() -> None:
    assert likely_tokens(["", "a" * 40, "가" * 40, "a" * 4_000], None).tolist() == [3, 13, 43, 1_003]
    assert likely_tokens(["a" * 4_000], None, most=128).tolist() == [128]
    assert likely_tokens(["a" * 40, "b"], ["c" * 40, "가"]).tolist() == [23, 5]
    assert likely_tokens([], None).tolist() == []
