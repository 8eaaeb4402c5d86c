import numpy as np
import pytest

from tests.unit.data.doctor.rows import CLEAN, only, part
from whet.data.doctor import copies


def many(count: int, word: str = "text") -> list[tuple[str, str]]:
    return [(f"{word} {i}", "ab"[i % 2]) for i in range(count)]


def test_empty_texts_are_counted_with_those_of_white_space_and_named():
    finding = only(copies.empty(part([*many(60), ("", "a"), (" \t\n", "b"), ("", "b")])))
    assert (finding.code, finding.severity, finding.count) == ("empty_texts", "warning", 3)
    assert finding.places == ("line 62", "line 63", "line 64")
    assert finding.message == "train.csv: 3 of 63 rows have an empty text (line 62, line 63, line 64)"
    assert finding.todo == "Such rows are trained on as they are; remove them if they mean nothing"
    finding = only(copies.empty(part([*many(30), ("", "a")], "test")))
    assert finding.message == "test.csv: 1 of 31 rows has an empty text (line 32)"
    assert finding.todo == "Such rows are scored as they are; remove them if they mean nothing"


def test_empty_texts_in_more_than_one_row_of_twenty_are_an_error():
    assert only(copies.empty(part([*many(19), ("", "a")]))).severity == "warning"
    finding = only(copies.empty(part([*many(18), ("", "a")])))
    assert finding.severity == "error"
    assert finding.message == (
        "train.csv: 1 of 19 rows has an empty text (line 20). Expected text in at least 95 % of the rows"
    )
    assert finding.todo == "Name the column that holds the text with --text, drop these rows, or --allow empty_texts"


def test_duplicates_are_the_rows_beyond_the_first_of_each_text():
    finding = only(copies.duplicates(part([*CLEAN, CLEAN[0], CLEAN[0], CLEAN[1]])))
    assert (finding.severity, finding.count, finding.places) == ("warning", 3, ("line 8", "line 9", "line 10"))
    assert finding.message == "train.csv: 3 rows of 9 repeat the text of an earlier row (line 8, line 9, line 10)"
    assert finding.todo == "A split keeps copies on one side. Remove them if they were not meant"


def test_a_copy_among_very_many_rows_is_no_warning():
    finding = only(copies.duplicates(part([*many(200), many(1)[0]], "test")))
    assert (finding.severity, finding.count) == ("info", 1)
    assert finding.message == "test.csv: 1 row of 201 repeats the text of an earlier row (line 202)"
    assert finding.todo == "Remove them if they were not meant"


def test_texts_that_differ_by_a_space_and_empty_ones_are_no_duplicates():
    assert list(copies.duplicates(part([*CLEAN, ("good film ", "pos"), ("", "neg"), ("", "neg")]))) == []


def test_test_texts_that_train_has_are_counted_as_rows_and_as_texts():
    test = part([("good film", "pos"), ("", "neg"), ("good film", "pos"), ("bad film", "neg"), *many(20)], "test")
    finding = only(copies.overlap(test, part([*CLEAN, ("", "pos")])))
    assert (finding.severity, finding.count, finding.places) == ("warning", 3, ("line 2", "line 4", "line 5"))
    assert finding.figures == {"rows": 3, "texts": 2, "share": 3 / 24}
    assert finding.message == (
        "test.csv: 3 of 24 rows, 2 different texts, stand in train.csv too (line 2, line 4, line 5)"
    )
    assert finding.todo == (
        "The test score is flattered by what was learnt by heart; remove the rows from one of the two"
    )


def test_where_more_than_a_fifth_of_the_test_rows_stand_in_train_it_is_an_error():
    assert only(copies.overlap(part([CLEAN[0], *many(4)], "test"), part(CLEAN))).severity == "warning"
    finding = only(copies.overlap(part([CLEAN[0], *many(3)], "test"), part(CLEAN)))
    assert finding.severity == "error"
    assert finding.message == (
        "test.csv: 1 of 4 rows stands in train.csv too (line 2). "
        "Expected at most 20 %: the score of learnt texts says nothing of others"
    )
    assert finding.todo == "Remove the rows from one of the two, name another --test, or --allow texts_in_train"


def test_equal_texts_under_different_labels_are_found():
    finding = only(copies.contradictions(part([*CLEAN, ("good film", "neg"), ("bad film", "neg")])))
    assert (finding.severity, finding.count, finding.places) == ("warning", 1, ("line 2", "line 8"))
    assert finding.message == "train.csv: 1 text stands under different labels (line 2, line 8)"
    assert finding.todo == "No model can answer both; decide for one label or remove the rows"


def test_the_empty_text_is_one_of_those_under_different_labels():
    finding = only(copies.contradictions(part([*CLEAN, ("good film", "neg"), ("", "pos"), ("", "neg")])))
    assert (finding.count, finding.figures) == (2, {"rows": 4})
    assert finding.message.startswith("train.csv: 2 texts stand under different labels, one of them empty (line 2,")


def test_texts_whose_hashes_collide_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.data.doctor.copies.hashes", lambda texts: np.zeros(len(texts), dtype=np.int64))
    rows = part([("a", "x"), ("b", "y"), ("a", "y"), ("c", "x"), ("c", "x")])
    assert copies.surplus_rows(rows) == [2, 4]
    assert copies.mixed_texts(rows) == copies.Mixed(1, False, (0, 2))
