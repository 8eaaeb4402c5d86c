"""The score without the rows that train has."""

from __future__ import annotations

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Metrics
from whet.score.leaks import Leaks, without
from whet.score.metrics import classification

TWO = LabelSet(("neg", "pos"), "pos", "by its name")
TRUE, PREDICTED = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])


def flags(*rows: int) -> np.ndarray:
    return np.isin(np.arange(4), rows)


def score(rows: Bools) -> Metrics:
    return classification(TRUE[rows], PREDICTED[rows], TWO)


def test_where_no_row_leaked_there_is_nothing_to_leave_out() -> None:
    assert without(score, Leaks(flags(), flags())) is None
    assert without(score, Leaks(flags(), None)) is None


def test_the_others_are_scored_and_a_row_that_leaked_twice_is_counted_once() -> None:
    found = without(score, Leaks(flags(0), flags(0, 1)))
    assert found is not None
    assert {name: found[name] for name in ("left_out", "exact", "near", "rows", "accuracy", "recall")} == {
        "left_out": 2, "exact": 1, "near": 1, "rows": 2, "accuracy": 0.0, "recall": 0.0,
    }  # fmt: skip
    assert not {"classes", "confusion"} & found.keys()


def test_where_near_copies_were_not_looked_for_that_is_said() -> None:
    found = without(score, Leaks(flags(2), None))
    assert found is not None
    assert (found["left_out"], found["near"], found["accuracy"]) == (1, None, 2 / 3)


def test_where_every_row_leaked_there_are_no_scores() -> None:
    assert without(score, Leaks(flags(0, 1, 2, 3), flags())) == {
        "left_out": 4, "exact": 4, "near": 0, "rows": 0,
    }  # fmt: skip
