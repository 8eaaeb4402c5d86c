"""Slices: which rows they have, and which are weaker than the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from whet.intervals import of_share
from whet.score.slices import Slice, as_json, by_length, by_mark, by_value, fewer_by_chance, of_numbers, standard


def named(slices):
    return {each.value: int(each.rows.sum()) for each in slices}


def test_rows_are_parted_into_quarters_by_length():
    found = by_length([*range(1, 9)])
    assert named(found) == {"1 to 2": 2, "3 to 4": 2, "5 to 6": 2, "7 to 8": 2}
    assert [each.by for each in found] == ["length"] * 4


def test_equal_lengths_are_not_parted():
    assert named(by_length([5] * 9 + [7])) == {"5": 9, "7": 1}
    assert named(by_length([3, 3, 3])) == {"3": 3}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=80))
def test_every_row_is_in_one_quarter(lengths):
    rows = np.stack([each.rows for each in by_length(lengths)])
    assert (rows.sum(axis=0) == 1).all()
    assert len(rows) <= 4


def test_values_of_a_column_stand_by_how_often_they_occur():
    assert named(by_value("shop", ["a", "b", "b", None, 3, 3.5])) == {"b": 2, "a": 1, "": 1, "3": 1, "3.5": 1}


def test_many_numbers_are_parted_into_quarters_and_many_words_into_the_commonest_and_the_rest():
    assert named(by_value("year", [str(year) for year in range(1980, 2020)])) == {
        "1980 to 1989": 10, "1990 to 1999": 10, "2000 to 2009": 10, "2010 to 2019": 10
    }  # fmt: skip
    found = named(by_value("author", [f"author {i % 30}" for i in range(60)] + ["author 0"] * 5))
    assert len(found) == 21
    assert found["author 0"] == 7
    assert found["(others)"] == 20


def test_quarters_of_large_numbers_have_all_their_digits():
    assert list(named(by_value("sent", [1_700_000_000 + 3 * i for i in range(40)]))) == [
        "1700000000 to 1700000027", "1700000030 to 1700000057", "1700000060 to 1700000087", "1700000090 to 1700000117"
    ]  # fmt: skip
    assert next(iter(named(by_value("price", [i + 0.1 for i in range(40)])))) == "0.1 to 9.1"


def test_labels_that_are_numbers_are_names_and_never_quarters():
    labels = [str(i % 30) for i in range(60)] + ["7"] * 5
    found = named(each for each in standard([3] * 65, labels, np.zeros(65, bool), None, {}) if each.by == "label")
    assert len(found) == 21
    assert found["7"] == 7
    assert found["(others)"] == 20


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_test_is_fishers(count, others, data):
    hits, other_hits = data.draw(st.integers(0, count)), data.draw(st.integers(0, others))
    table = [[hits, count - hits], [other_hits, others - other_hits]]
    assert fewer_by_chance(hits, count, other_hits, others) == pytest.approx(
        fisher_exact(table, alternative="less").pvalue, rel=1e-9
    )


def test_a_slice_that_is_much_worse_is_marked_and_chance_is_not():
    right = np.ones(400, bool)
    right[:40] = False
    right[100:120] = False
    weak = np.arange(400) < 80
    rng = np.random.default_rng(0)
    slices = [*by_mark("weak", weak), *(Slice("drawn", str(i), rng.random(400) < 0.3) for i in range(6))]
    found = as_json(slices, right, lambda rows: 0.25)
    assert [each["by"] for each in found if each["weaker"]] == ["weak"]
    first = found[0]
    assert first == {
        "by": "weak", "value": "yes", "rows": 80, "accuracy": 0.5, "interval": list(of_share(0.5, 80)),
        "macro_f1": 0.25, "weaker": True,
    }  # fmt: skip


def test_hardly_any_slices_are_marked_where_none_is_weaker():
    marked = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        right = rng.random(200) < 0.8
        slices = by_value("part", rng.integers(0, 5, 200).tolist())
        marked += any(each["weaker"] for each in as_json(slices, right, lambda rows: 0.0))
    assert marked / 300 < 0.06


def test_a_slice_of_all_rows_or_of_none_is_left_out_and_labels_have_no_average_over_labels():
    right = np.array([True, False, True])
    every = Slice("length", "3", np.ones(3, bool)), Slice("truncated", "yes", np.zeros(3, bool))
    found = as_json([*every, *by_value("label", ["a", "a", "b"])], right, lambda rows: 1.0)
    assert [(each["value"], "macro_f1" in each) for each in found] == [("a", False), ("b", False)]


def test_numbers_have_their_mean_absolute_error():
    found = of_numbers(by_mark("truncated", np.array([True, False, True])), np.array([1.0, 5.0, 3.0]))
    assert found == [
        {"by": "truncated", "value": "yes", "rows": 2, "mae": 2.0},
        {"by": "truncated", "value": "no", "rows": 1, "mae": 5.0},
    ]
