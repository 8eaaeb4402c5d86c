"""What is found of several labels, of numbers and of pairs of texts."""

from __future__ import annotations

from typing import Any

import pytest

from whet.data.doctor.look import check
from whet.data.doctor.tasks import spread
from whet.data.places import row_places
from whet.records import Checked, Columns, Examples, Finding

COLUMNS = Columns("text", "", "label", "")


def rows(source: str, *texts: str, **fields: Any) -> Examples:
    given = {"labels": None, **fields}
    return Examples(source, texts, places=row_places(len(texts)), row_ids=range(len(texts)), **given)


def looked(**sides: Examples) -> Checked:
    return check(sides, COLUMNS, source="data")


def found(checked: Checked, code: str) -> Finding:
    (finding,) = [each for each in checked.findings if each.code == code]
    return finding


SEVERAL = (("joy", "love"), ("joy",), (), ("joy", "fear"))


def test_several_labels_are_counted_one_by_one() -> None:
    checked = looked(train=rows("a", "p", "q", "r", "s", several=SEVERAL))
    assert checked.label_counts == {"train": {"fear": 1, "joy": 3, "love": 1}}
    assert checked.head[:3] == (("p", "joy, love"), ("q", "joy"), ("r", ""))
    assert found(checked, "small_classes").message == "a: 2 labels have a single row: 'fear', 'love'"


def test_labels_that_train_lacks_are_an_error() -> None:
    checked = looked(
        train=rows("a", "p", "q", several=(("joy",), ("joy",))), test=rows("b", "r", several=(("joy", "envy"),))
    )
    finding = found(checked, "unknown_labels")
    assert (finding.severity, finding.side, finding.places) == ("error", "test", ("row 1",))
    assert finding.message == "b: labels that the training side lacks: 'envy' (1 row). Expected only 'joy'"


def test_equal_texts_with_other_labels_are_told_whatever_the_order_of_the_labels() -> None:
    same = looked(train=rows("a", "p", "p", several=(("joy", "love"), ("love", "joy"))))
    assert "contradictory_labels" not in {each.code for each in same.findings}
    other = looked(train=rows("a", "p", "p", several=(("joy",), ())))
    assert found(other, "contradictory_labels").count == 1


def test_rows_without_any_label_at_all_are_an_error() -> None:
    finding = found(looked(train=rows("a", "p", "q", several=((), ()))), "one_label")
    assert (finding.severity, finding.message) == (
        "error", "a: no training row has a label. Expected labels in some of them"
    )  # fmt: skip


def test_numbers_have_their_spread() -> None:
    checked = looked(train=rows("a", "p", "q", "r", values=(1.0, 2.0, 6.0)))
    assert checked.label_counts == {}
    assert checked.head[0] == ("p", "1")
    assert checked.values["train"] == {
        "least": 1.0, "median": 2.0, "mean": 3.0, "most": 6.0, "deviation": pytest.approx(2.160, abs=1e-3)
    }  # fmt: skip
    assert spread([2.0])["deviation"] == 0.0


def test_one_number_for_all_rows_is_an_error() -> None:
    finding = found(looked(train=rows("a", "p", "q", values=(3.5, 3.5))), "one_label")
    assert finding.message == (
        "a: every training row has the number 3.5. Expected numbers that differ, so that there is something to learn"
    )


def test_pairs_are_equal_where_both_texts_are() -> None:
    labels = ("x", "y", "x", "y")
    checked = looked(train=rows("a", "p", "p", "p", "q", labels=labels, pairs=("r", "s", "r", "r")))
    assert found(checked, "duplicate_texts").places == ("row 3",)
    assert checked.head_pairs == ("r", "s", "r", "r")
    leaked = looked(
        train=rows("a", "p", "q", labels=("x", "y"), pairs=("r", "s")),
        test=rows("b", "p", "p", labels=("x", "y"), pairs=("s", "r")),
    )
    assert found(leaked, "texts_in_train").places == ("row 2",)
