"""What a student is to answer, and beside which figures it is held."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from whet.errors import UsageError
from whet.labels import Kind, LabelSet
from whet.preparing.taught import agreement, parameters_of
from whet.preparing.teacher import Teacher, check, in_order, lessons
from whet.records import Inputs, Usage

NO_YES = LabelSet(("no", "yes"), "yes", "")
LN3 = float(np.log(3))


def teacher(labels: LabelSet, *, pair: str | None = None) -> Teacher:
    return Teacher("large", Path("large/model"), labels, Usage(Inputs("text", pair)), "d" * 64, "transformer")


def test_a_labelled_row_is_taught_half_its_label_and_half_the_answer_and_another_text_the_answer() -> None:
    given, further = np.array([[LN3, 0.0], [0.0, LN3]]), np.array([[0.0, 0.0], [LN3, 0.0]])
    found = lessons(np.array([0, 0]), given, further, NO_YES)
    assert found == pytest.approx(np.array([[0.875, 0.125], [0.625, 0.375], [0.5, 0.5], [0.75, 0.25]]))
    assert found.dtype == np.float64
    assert lessons(np.array([0, 0]), given, None, NO_YES) == pytest.approx(found[:2])


def test_marks_of_several_labels_and_numbers_are_mixed_likewise() -> None:
    several = LabelSet(("a", "b"), None, "", "several")
    found = lessons(np.array([[True, False]]), np.array([[LN3, 0.0]]), np.array([[0.0, -LN3]]), several)
    assert found == pytest.approx(np.array([[0.875, 0.25], [0.5, 0.25]]))
    stars = LabelSet(("stars",), None, "", "value")
    numbers = lessons(np.array([4.0, 1.0]), np.array([[3.0], [2.0]]), np.array([[5.0]]), stars)
    assert numbers.tolist() == [3.5, 1.5, 5.0]


def test_the_columns_of_a_teacher_come_into_the_order_of_the_students_labels() -> None:
    given = np.array([[1.0, 2.0]])
    assert in_order(given, teacher(LabelSet(("yes", "no"), "yes", "")), NO_YES).tolist() == [[2.0, 1.0]]
    assert in_order(given, teacher(NO_YES), NO_YES).tolist() == [[1.0, 2.0]]


def labels(names: tuple[str, ...], kind: Kind) -> LabelSet:
    return LabelSet(names, None, "", kind)


@pytest.mark.parametrize(
    ("theirs", "pair", "message"),
    [
        (
            labels(("no", "yes"), "several"), None,
            "--teacher: large answers with several labels a row. Expected one label a row, as the data have them.",
        ),
        (
            labels(("stars",), "value"), None,
            "--teacher: large answers with numbers. Expected one label a row, as the data have them.",
        ),
        (
            NO_YES, "answer",
            "--teacher: large reads pairs of texts. Expected single texts, as the data have them.",
        ),
        (
            labels(("bad", "good"), "one"), None,
            "--teacher: large has the labels 'bad', 'good'. Expected those of the training rows, 'no', 'yes'. Give "
            "rows of each label, and name labels alike: --label-names renames those of the data.",
        ),
    ],
)  # fmt: skip
def test_a_teacher_that_does_not_fit_the_data_is_refused(theirs: LabelSet, pair: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(teacher(theirs, pair=pair), NO_YES, Inputs("text"))
    assert caught.value.message == message


def test_a_number_may_be_called_otherwise() -> None:
    check(teacher(labels(("stars",), "value")), labels(("score",), "value"), Inputs("text"))


def test_agreement_is_a_share_of_answers_and_of_numbers_a_correlation() -> None:
    assert agreement(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])) == 0.75
    assert agreement(np.array([[True, False], [True, True]]), np.array([[True, True], [True, True]])) == 0.75
    assert agreement(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])) == pytest.approx(1.0)
    assert agreement(np.array([1.0, 1.0]), np.array([10.0, 20.0])) is None


def test_parameters_are_counted_by_the_headers_of_all_weight_files(tmp_path: Path) -> None:
    for number, shapes in enumerate([{"a": [2, 3], "b": [4]}, {"c": [5]}, {"d": []}]):
        header = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
        raw = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
        (tmp_path / f"model-{number}.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)
    assert parameters_of(tmp_path) == 6 + 4 + 5 + 1
    (tmp_path / "none").mkdir()
    assert parameters_of(tmp_path / "none") is None
