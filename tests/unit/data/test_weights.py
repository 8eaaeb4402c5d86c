"""Class weights: scikit-learn's balanced ones, or those of a file that says one for each label; and rows' own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from whet.data.weights import class_weights, row_weights, without
from whet.errors import DataError, UsageError
from whet.labels import LabelSet
from whet.records import Table

LABELS = LabelSet(("bad", "fair", "good"), None, "")
IDS = np.array([0] * 6 + [1] * 3 + [2])


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def fault(path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        class_weights(written(path / "w.json", text), LABELS, IDS)
    return caught.value.message.replace(str(path / "w.json"), "w.json")


@given(st.lists(st.integers(0, 2), min_size=3, max_size=60).filter(lambda ids: len(set(ids)) == 3))
def test_balanced_is_that_of_scikit_learn_and_has_the_mean_1(ids: list[int]) -> None:
    found = class_weights("balanced", LABELS, np.array(ids))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.array(ids))
    assert found == pytest.approx(tuple(expected))
    assert np.mean([found[i] for i in ids]) == pytest.approx(1.0)


SEVERAL = LabelSet(("joy", "fear", "all", "none"), None, "", "several")


@given(st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda marks: len(set(marks)) == 2))
def test_balanced_of_several_labels_has_the_rows_with_a_label_count_as_much_as_those_without(marks: list[bool]) -> None:
    yes = np.array(marks)
    (found,) = class_weights("balanced", LabelSet(("joy",), None, "", "several"), yes[:, None])
    assert found * yes.sum() == pytest.approx((~yes).sum())


def test_a_yes_counts_a_hundred_at_the_most_and_a_hundredth_at_the_least() -> None:
    rows = np.arange(1000)
    marks = np.stack([rows < 250, rows < 9, rows >= 0, rows < 0], axis=1)
    assert class_weights("balanced", SEVERAL, marks) == (3.0, 100.0, 0.01, 100.0)
    assert class_weights("balanced", SEVERAL, rows[:, None] < np.array([10, 500, 999, 1]))[:3] == (99.0, 1.0, 0.01)


def test_a_file_gives_the_yes_of_each_of_several_labels_its_own(tmp_path: Path) -> None:
    given = written(tmp_path / "w.json", json.dumps({"joy": 3, "none": 500, "fear": 1, "all": 0.001}))
    assert class_weights(given, SEVERAL, np.ones((2, 4), np.bool_)) == (3.0, 1.0, 0.001, 500.0)


def test_a_file_gives_each_label_its_own_by_name(tmp_path: Path) -> None:
    given = written(tmp_path / "w.json", json.dumps({"good": 3, "bad": 0.5, "fair": 1}))
    assert class_weights(given, LABELS, IDS) == (0.5, 1.0, 3.0)


def test_a_file_that_is_not_there_and_one_that_is_no_object_of_weights(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        class_weights("balance", LABELS, IDS)
    assert caught.value.message == (
        "--class-weights: no such file: balance. Expected balanced, or a JSON file. Did you mean 'balanced'."
    )
    expected = 'Expected an object of label names and weights, {"neg": 1, "pos": 4.5}.'
    assert fault(tmp_path, "[1, 2, 3]") == f"--class-weights w.json: no object: [1, 2, 3]. {expected}"
    assert fault(tmp_path, "{").startswith("--class-weights w.json: not JSON: Expecting property name")
    assert fault(tmp_path, '{"bad": 1, "bad": 2}') == (
        f"--class-weights w.json: not JSON: the label 'bad' stands twice. {expected}"
    )


def test_everything_that_is_wrong_with_the_labels_and_weights_is_told_at_once(tmp_path: Path) -> None:
    assert fault(tmp_path, '{"bad": 0, "god": 2, "fair": "1"}') == (
        "--class-weights w.json: no label 'god' in the training rows. Did you mean 'good'. "
        "--class-weights w.json: no weight for 'good'. Give each label one; 1 changes nothing. "
        "--class-weights w.json: the weight of 'bad' is 0. Give a number above 0. "
        "--class-weights w.json: the weight of 'fair' is '1'. Give a number above 0."
    )


@pytest.mark.parametrize("weight", ["-1", "true", "NaN", "Infinity", "null", "[1]"])
def test_a_weight_is_a_finite_number_above_0(tmp_path: Path, weight: str) -> None:
    told = fault(tmp_path, f'{{"bad": {weight}, "fair": 1, "good": 1}}')
    assert told.startswith("--class-weights w.json: the weight of 'bad' is ")
    assert told.endswith("Give a number above 0.")


# ---------------------------------------------------------------- weights of rows


def rows(values: list[object]) -> Table:
    columns = {"text": ["a"] * len(values), "Count": values}
    return Table("t.csv", columns, [f"line {row + 2}" for row in range(len(values))])


def test_each_row_counts_what_its_column_says_however_that_is_spelled() -> None:
    assert row_weights(rows(["1", "2.5", 3, np.float32(0.5)]), "count") == (1.0, 2.5, 3.0, 0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["1", "0", "-2"],
            "t.csv, column 'Count': 2 rows that would not count: line 3 (0), line 4 (-2). Expected numbers above 0. "
            "Drop the rows that shall not count.",
        ),
        (
            ["1", "", "nan"],
            "t.csv, column 'Count': 2 rows without a number: line 3 (nothing), line 4 ('nan'). Expected a finite "
            "number in every row, such as 3.5. Mend or drop these rows, or name another column with --weight.",
        ),
    ],
)
def test_a_row_that_counts_nothing_is_named(values: list[object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        row_weights(rows(values), "Count")
    assert caught.value.message == message


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        row_weights(rows(["1"]), "counts")
    message = "--weight: no column 'counts'. Expected one of 'text' ('a'), 'Count' ('1'). Did you mean 'Count'."
    assert caught.value.message == message


def test_the_column_is_hidden_from_who_looks_for_texts_and_labels() -> None:
    table = rows(["1"])
    assert list(without(table, "count").columns) == ["text"]
    assert without(table, None) is table
