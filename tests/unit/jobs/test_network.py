"""A fine-tuned classifier as a job asks it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from whet.jobs.network import as_they_count


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_each_row_stands_as_often_as_it_counts_to_within_one(weights: list[float]) -> None:
    rows = np.arange(len(weights))
    found = as_they_count(rows, np.array(weights))
    assert len(found) == len(rows)
    expected = np.array(weights) * len(weights) / np.sum(weights)
    assert (np.abs(np.bincount(found, minlength=len(rows)) - expected) <= 1 + 1e-9).all()


def test_rows_that_count_alike_are_left_as_they_are() -> None:
    targets = np.array([1, 0, 1])
    assert as_they_count(targets, None) is targets
    assert as_they_count(targets, np.ones(3)).tolist() == [1, 0, 1]
