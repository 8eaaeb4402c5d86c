"""Columns on the disk are the columns that were put there, and views of them the rows that were asked for."""

from __future__ import annotations

import datetime
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.data.growing import Columns, Disk
from whet.data.store import (
    PORTION,
    Coded,
    Mapped,
    Picked,
    Stored,
    are_strings,
    chained,
    mapped,
    picked,
    portions,
    same,
    taken,
)
from whet.errors import OutputError

VALUES = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(codec=None)),  # lone surrogates too
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.lists(st.one_of(st.text(), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=2),
    st.decimals(allow_nan=False),
    st.dates(),
    st.tuples(st.text(max_size=3)),
)


def column(values: list[Any], folder: Path, *, above: int = -1, portion: int = 7) -> Any:
    columns = Columns(Disk(folder, above))
    made = columns.new()
    for start in range(0, len(values), portion):
        made.extend(values[start : start + portion])
    return made.done()


def stored(values: list[Any], folder: Path) -> Stored:
    """On the disk, however few values there are: a list is no code."""
    made = column([*values, ["no code"]], folder)
    assert isinstance(made, Stored)
    return made


def spelled(values: Any) -> list[str]:
    """With types, because True is 1 and 1.0 is 1."""
    return [f"{type(value).__name__} {value!r}" for value in values]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, max_size=40))
def test_any_values_come_back_as_they_were(values: list[Any], tmp_path: Path) -> None:
    found = stored(values, tmp_path)
    assert spelled(found) == [*spelled(values), "list ['no code']"]
    assert spelled(found[row] for row in range(len(values))) == spelled(values)
    assert spelled(column(values, tmp_path)) == spelled(values)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.text(max_size=5), min_size=1, max_size=30), data=st.data())
def test_slices_and_views_of_views_are_those_of_a_list(values: list[str], data: st.DataObject, tmp_path: Path) -> None:
    known: list[Any] = [*values, ["no code"]]
    seen: Any = stored(list(values), tmp_path)
    for _ in range(3):
        cut = data.draw(st.slices(len(known)))
        known, seen = known[cut], seen[cut]
        assert list(seen) == known
        keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(known), max_size=len(known))), dtype=np.bool_)
        known, seen = [value for value, kept in zip(known, keep, strict=True) if kept], taken(seen, keep)
        assert list(seen) == known
        assert [seen[row] for row in range(-len(known), len(known))] == known + known


def test_a_row_beyond_the_last_is_an_index_error(tmp_path: Path) -> None:
    found = stored(["a", "b"], tmp_path)
    assert found[-3] == "a"
    for row in (3, -4):
        with pytest.raises(IndexError):
            found[row]


def test_rows_in_any_order_and_twice_are_read_as_asked_for(tmp_path: Path) -> None:
    values = [f"{row} " * (row % 50) for row in range(3 * PORTION)]
    found = stored(list(values), tmp_path)
    rows = np.random.default_rng(0).integers(0, len(values), 2 * PORTION)
    assert list(picked(found, rows)) == [values[row] for row in rows]
    assert list(found)[:-1] == values


def test_a_text_that_is_longer_than_what_is_read_at_once_comes_back(tmp_path: Path) -> None:
    values = ["a" * 3_000_000, "", "가" * 1_000_000, "b"]
    assert list(stored(list(values), tmp_path))[:-1] == values


def test_few_different_values_are_kept_as_codes_and_many_on_the_disk(tmp_path: Path) -> None:
    few = column([1, True, 1.0, None, "1", -0.0, 0.0] * 10, tmp_path)
    assert isinstance(few, Coded)
    assert spelled(few) == spelled([1, True, 1.0, None, "1", -0.0, 0.0] * 10)
    assert isinstance(column([str(row) for row in range(1_000)], tmp_path), Coded)
    many = column([str(row) for row in range(1_001)], tmp_path)
    assert isinstance(many, Stored)
    assert list(many) == [str(row) for row in range(1_001)]


def test_a_column_that_comes_later_has_gaps_before(tmp_path: Path) -> None:
    columns = Columns(Disk(tmp_path, 300))
    first = columns.new()
    first.extend(["text"] * 2)
    second = columns.new(2)
    assert second.done() == [None, None]
    first.extend(["a longer text " * 10])
    assert columns.spilled
    third = columns.new(PORTION + 1)
    second.extend(["b"])
    third.extend([3])
    assert list(first.done()) == ["text", "text", "a longer text " * 10]
    assert list(second.done()) == [None, None, "b"]
    assert list(third.done()) == [None] * (PORTION + 1) + [3]


def test_columns_below_the_threshold_are_lists_and_without_a_disk_any_are(tmp_path: Path) -> None:
    assert column(["a", "b"], tmp_path, above=10_000) == ["a", "b"]
    unlimited = Columns(None).new()
    unlimited.extend(["a" * 1_000_000])
    assert unlimited.done() == ["a" * 1_000_000]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no files without a name")
def test_the_files_have_no_name_from_the_first_byte(tmp_path: Path) -> None:
    found = column([["a"], "b"], tmp_path)
    assert isinstance(found, Stored)
    assert list(tmp_path.iterdir()) == []


def test_values_that_json_does_not_know_stay_what_they_are(tmp_path: Path) -> None:
    values = [Decimal("1.10"), datetime.date(2026, 1, 2), b"bytes", ("a",), float("inf"), {1: "one"}, np.float64(2)]
    assert spelled(stored(list(values), tmp_path))[:-1] == spelled(values)


def test_what_a_function_makes_is_a_view_of_a_view_and_a_list_of_a_list(tmp_path: Path) -> None:
    assert mapped([" a"], str.strip) == ["a"]
    view = mapped(picked(column([["x"], " a", "b "], tmp_path), np.array([2, 1])), str.strip)
    assert isinstance(view, Mapped)
    assert list(view) == ["b", "a"]
    assert view[1] == "a"
    assert list(view[::-1]) == ["a", "b"]


def test_columns_are_compared_and_searched_by_their_values(tmp_path: Path) -> None:
    found = stored(["a", "b", "b"], tmp_path)
    assert same(found[:3], ["a", "b", "b"])
    assert not same(found[:3], ["a", "b"])
    assert not same(found[:3], ["a", "b", "c"])
    assert "b" in found
    assert "c" not in found
    assert found.index("b") == 1
    assert found.index("b", 2) == 2
    with pytest.raises(ValueError, match="'c' is not in the column"):
        found.index("c")
    assert not are_strings(found)
    assert are_strings(column([str(row) for row in range(2_000)], tmp_path))
    assert are_strings(["a"])
    assert not are_strings(Coded(np.zeros(1, np.uint16), [1]))


def test_picked_rows_of_a_list_are_a_tuple_and_of_codes_are_codes() -> None:
    assert picked(["a", "b"], np.array([1])) == ("b",)
    codes = picked(Coded(np.array([0, 1, 1], np.uint16), ["a", "b"]), np.array([2, 0]))
    assert isinstance(codes, Coded)
    assert list(codes.renamed(["c", "d"])) == ["d", "c"]
    assert list(Picked(["a", "b", "c"], range(2, -1, -1))[1:]) == ["b", "a"]


def test_portions_are_of_the_size_asked_for_and_none_is_empty() -> None:
    assert list(portions(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(portions([], 2)) == []


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as told:
        stored([], tmp_path / "file" / "cache")
    assert told.value.saw == "the data are too large for memory, and cannot be written: Not a directory"
    assert told.value.where == str(tmp_path / "file" / "cache")
    assert told.value.todo == "Free space, or set WHET_CACHE to a folder that has room and can be written"


@given(st.lists(st.integers()), st.lists(st.integers()), st.booleans(), st.booleans(), st.data())
def test_two_columns_one_after_the_other_are_those_of_their_lists(
    first: list[int], second: list[int], one: bool, other: bool, data: st.DataObject
) -> None:
    views = [Picked(each, range(len(each))) if held else each for each, held in ((first, one), (second, other))]
    found, whole = chained(*views), [*first, *second]
    assert (len(found), list(found)) == (len(whole), whole)
    rows = data.draw(st.lists(st.integers(0, max(0, len(whole) - 1)), max_size=9 if whole else 0))
    assert list(picked(found, np.array(rows, np.int64))) == [whole[row] for row in rows]
    start, stop = data.draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
    assert list(found[start:stop]) == whole[start:stop]
