"""What a label column says, and how several labels and numbers are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from whet.data.kinds import Found, find_kind, read_marks, read_several, read_values
from whet.errors import DataError
from whet.settings.config import TaskName


def kind(values: Sequence[object], name: str = "label", task: TaskName = "auto", separator: str | None = None) -> Found:
    return find_kind(name, values, task=task, separator=separator)


def several(values: Sequence[object], separator: str | None = None) -> list[tuple[str, ...]]:
    return read_several(values, places(values), "t.csv, column 'labels'", separator=separator)


def places(values: Sequence[object]) -> list[str]:
    return [f"line {row + 2}" for row in range(len(values))]


FRACTIONS = [i / 4 for i in range(12)]
COMBINED = ["a", "b", "c", "a|b", "a|c", "b|c", "a|b|c", ""]


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    "values",
    [
        ["pos", "neg", "pos"],
        [0, 1, 0],
        ["1", "2", "1"],
        [1.0, 2.0],
        [0.5, 1.5, 2.5],  # few values
        [True, False],
        list(range(150)),  # as many classes, counted from 0
        [f"{i:03}" for i in range(99)],  # 007 is no number
        ["1", "2", "many"],
        ["Clothing, Shoes", "Books", "Clothing, Shoes"],  # one combination
        ["yes; later", "no"],
    ],
    ids=str,
)
def test_names_and_few_numbers_are_classes(values: list[object]) -> None:
    assert kind(values).kind == "one"


def test_what_numbers_are_taken_for_is_said() -> None:
    assert kind([1, 2, 3, 1]) == Found("one", "3 classes; --task regression predicts the number itself")
    assert kind([0, 1]) == Found("one")
    assert kind(FRACTIONS) == Found("value", "numbers with fractions, 12 distinct ones")
    assert kind([str(value) for value in FRACTIONS]).kind == "value"
    assert kind([10 * i for i in range(51)]) == Found("value", "numbers, 51 distinct ones")
    assert kind(list(range(20)), name="Rating") == Found("value", "numbers named 'Rating', 20 distinct ones")
    assert kind(list(range(20))).kind == "one"


def test_lists_are_several_labels() -> None:
    assert kind([["a"], [], ["a", "b"]]) == Found("several", "a list of labels a row")
    assert kind([np.array([1, 2]), None]).kind == "several"
    assert kind(['["a", "b"]', "[]", ""]) == Found("several", "a written list of labels a row")
    assert kind(["['a', 'b']", "[1]"]).kind == "several"


def test_a_separator_is_found_where_its_parts_repeat_in_many_combinations() -> None:
    reason = "labels with '|' between them, which repeat in many combinations"
    assert kind(COMBINED) == Found("several", reason, "|")
    assert kind(["a|b", "c"]).kind == "one"
    assert kind(["a|b", "c"], task="multilabel") == Found("several", "as asked for, '|' between labels", "|")
    assert kind(["a", "c"], task="multilabel") == Found("several", "as asked for")


def test_what_was_asked_for_comes_first() -> None:
    assert kind([1, 2, 1], task="regression") == Found("value", "as asked for")
    assert kind(FRACTIONS, task="classification") == Found("one", "as asked for")
    assert kind(COMBINED, task="classification").kind == "one"
    assert kind(["a b", "b"], separator=" ") == Found("several", "labels with ' ' between them", " ")


def test_lists_are_no_single_labels() -> None:
    with pytest.raises(DataError) as caught:
        kind([["a"]], task="classification")
    assert caught.value.message == (
        "column 'label': a list of labels a row. Expected one label a row, as --task classification says. "
        "Leave out --task, or name another column with --label."
    )


# ---------------------------------------------------------------- reading


def test_several_labels_stand_once_in_the_order_written() -> None:
    assert several([["b", "a", "b"], [], [1, True]]) == [("b", "a"), (), ("1", "true")]
    assert several([np.array([3, 1]), None]) == [("3", "1"), ()]
    assert several([" joy | fear||joy", "", "love"], "|") == [("joy", "fear"), (), ("love",)]
    assert several(['["a", "b"]', "[]", "['c', 1]"]) == [("a", "b"), (), ("c", "1")]
    assert several(["a|b", "c"]) == [("a|b",), ("c",)]


def test_a_label_without_a_name_is_named_by_place() -> None:
    with pytest.raises(DataError) as caught:
        several([["a"], ["a", None, " "]])
    assert caught.value.message == (
        "t.csv, column 'labels': a label without a name in line 3. Expected lists of label names."
    )


def test_marks_are_0_and_1_and_nothing_else() -> None:
    columns = [("a", [1, "0", True, 1.0]), ("b", ["yes", None, "", np.int64(0)])]
    assert read_marks(columns, places([0] * 4), "t.csv") == [("a", "b"), (), ("a",), ("a",)]
    with pytest.raises(DataError) as caught:
        read_marks([("a", [1, 2]), ("b", ["maybe", 0.5])], places([0] * 2), "t.csv")
    assert (caught.value.saw, caught.value.where) == ("neither 0 nor 1: line 3 ('2')", "t.csv, column 'a'")
    assert caught.value.expected == "1 in the rows that have the label and 0 in the others"
    (other,) = caught.value.more
    assert other.saw == "neither 0 nor 1: line 2 ('maybe'), line 3 ('0.5')"


def test_values_are_finite_numbers() -> None:
    assert read_values([1, "2.5", np.float32(0.5), " -3 "], places([0] * 4), "t") == (1.0, 2.5, 0.5, -3.0)
    with pytest.raises(DataError) as caught:
        read_values([1.0, None, "nan", "inf", "1_0", "many", "", True], places([0] * 8), "t.csv, column 'score'")
    assert caught.value.message == (
        "t.csv, column 'score': 7 rows without a number: line 3 (nothing), line 4 ('nan'), line 5 ('inf'), line 6 "
        "('1_0'), line 7 ('many'), line 8 (nothing), line 9 ('True'). Expected a finite number in every row, such as "
        "3.5. Mend or drop these rows, or name another column with --label."
    )
