"""Answers as arrays, and the classes by which rows are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from whet.data.places import row_places
from whet.data.targets import classes_of, strata, targets_of
from whet.errors import DataError
from whet.labels import LabelSet
from whet.records import Examples

ABC = LabelSet(("a", "b", "c"), None, "", "several")
SEVERAL = (("c", "a"), (), ("a",), ("b", "a"), ("a",))


def rows(count: int, **fields: Any) -> Examples:
    given = {"labels": None, **fields}
    return Examples("t.csv", ("x",) * count, places=row_places(count), row_ids=range(count), **given)


def test_each_kind_has_its_array() -> None:
    one = targets_of(rows(2, labels=("b", "a")), LabelSet(("a", "b"), "b", ""))
    assert (one.dtype, one.tolist()) == (np.int64, [1, 0])
    several = targets_of(rows(5, several=SEVERAL), ABC)
    assert several.dtype == np.bool_
    assert several.tolist() == [
        [True, False, True], [False] * 3, [True, False, False], [True, True, False], [True, False, False]
    ]  # fmt: skip
    value = targets_of(rows(2, values=(1.5, -2.0)), LabelSet(("score",), None, "", "value"))
    assert (value.dtype, value.tolist()) == (np.float64, [1.5, -2.0])


def test_a_label_that_training_lacks_is_named() -> None:
    with pytest.raises(DataError, match="labels that the training side lacks: 'd' \\(1 row\\)"):
        targets_of(rows(1, several=(("a", "d"),)), ABC)


def test_the_class_of_several_labels_is_the_rarest_and_that_of_none_its_own() -> None:
    marks = targets_of(rows(5, several=SEVERAL), ABC)
    assert classes_of(marks).tolist() == [2, 3, 0, 1, 0]
    assert strata(rows(5, several=SEVERAL)) == ("c", "", "a", "b", "a")
    assert strata(rows(2, several=((), ()))) == ("", "")


def test_the_class_of_a_value_is_its_part_of_the_range() -> None:
    values = np.arange(100.0)[::-1].copy()
    assert classes_of(values).tolist() == [9 - i // 10 for i in range(100)]
    assert classes_of(np.ones(50)).tolist() == [1] * 50
    assert classes_of(np.arange(4.0)).tolist() == [0] * 4
    assert strata(rows(10, values=tuple(map(float, range(10))))) == ("0",) * 5 + ("1",) * 5


def test_the_class_of_a_label_is_the_label() -> None:
    assert classes_of(np.array([2, 0, 1])).tolist() == [2, 0, 1]
    assert strata(rows(2, labels=("b", "a"))) == ("b", "a")
    assert strata(rows(2)) == ("", "")
