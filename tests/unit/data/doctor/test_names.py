import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.doctor.rows import CLEAN, only, part
from whet.data.doctor import names


@pytest.mark.parametrize(
    ("one", "other"),
    [("pos", "Pos"), ("pos", " pos"), ("not spam", "notspam"), ("1", "1.0"), ("1", "01"), ("-1", "-1.0"),
     ("긍정", unicodedata.normalize("NFD", "긍정")), ("a", "ａ"), ("straße", "STRASSE"), ("x\u200b", "x"),
     ("true", "True"), ("1e3", "1000")],
)  # fmt: skip
def test_labels_that_differ_by_case_space_form_or_type_are_the_same(one: str, other: str):
    assert names.same(one) == names.same(other)


@pytest.mark.parametrize(
    ("one", "other"), [("pos", "neg"), ("1", "11"), ("1_0", "10"), ("nan", "0"), ("a-b", "ab"), ("인", "이")]
)
def test_other_labels_are_not(one: str, other: str):
    assert names.same(one) != names.same(other)


@given(st.text(max_size=12))
def test_outer_space_and_the_unicode_form_never_make_another_label(name: str):
    for other in (f" {name}\n", unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name)):
        assert names.same(other) == names.same(name)


def test_spellings_are_named_in_pairs_with_their_rows():
    finding = only(names.spellings(part([*CLEAN, ("a", "Pos"), ("b", "pos "), ("c", "Pos")])))
    assert (finding.code, finding.severity, finding.count) == ("label_spellings", "warning", 3)
    assert finding.message == (
        "train.csv: labels that differ only in their spelling: 'pos' (3 rows) and 'Pos' (2 rows) and 'pos ' (1 row); "
        "the rarer at line 8, line 9, line 10"
    )
    assert finding.todo == "Each spelling is a label of its own; write them alike if they mean the same"
    assert finding.figures == {"pos": {"Pos": 2, "pos ": 1}}


def test_a_spelling_that_looks_the_same_is_told_apart():
    nfd = unicodedata.normalize("NFD", "é")
    finding = only(names.spellings(part([("a", "é"), ("b", "é"), ("c", nfd), ("d", "x"), ("e", "x\u200b")])))
    assert f"'{nfd}' [decomposed letters] (1 row)" in finding.message
    assert "[U+200B] (1 row)" in finding.message


def test_spellings_of_test_are_held_against_train_and_are_unknown_labels_too():
    test = part([("x", "Pos"), ("y", "neg")], "test")
    assert only(names.spellings(test, part(CLEAN))).message == (
        "test.csv: labels that differ only in their spelling: 'pos' (3 rows) and 'Pos' (1 row); the rarer at line 2"
    )
    assert only(names.unknown(test, part(CLEAN))).count == 1


def test_a_spelling_that_train_has_itself_is_said_of_train_alone():
    train = part([*CLEAN, ("a", "Pos")])
    assert list(names.spellings(part([("x", "Pos"), ("y", "pos")], "test"), train)) == []


def test_labels_that_train_lacks_are_an_error():
    test = part([("x", "mixed"), ("y", "mixed"), ("z", "\x1b[2J"), ("w", "pos")], "test")
    finding = only(names.unknown(test, part(CLEAN)))
    assert (finding.code, finding.severity, finding.count) == ("unknown_labels", "error", 3)
    assert finding.places == ("line 2", "line 3", "line 4")
    assert finding.message == (
        "test.csv: labels that the training side lacks: 'mixed' (2 rows), '\\x1b[2J' (1 row). "
        "Expected only 'neg', 'pos'"
    )
    assert finding.todo == "Add rows with these labels to the training data or drop them from test"


def test_no_rows_are_no_labels():
    assert only(names.balance(part([]), 2)).message.startswith("train.csv: no labels in the training rows. ")


def test_a_label_of_too_few_rows_for_its_sides_is_named_with_its_first_place():
    train = part([*CLEAN, ("so so", "meh"), ("well", "hm"), ("well well", "hm")])
    finding = only(names.balance(train, 2))
    assert (finding.code, finding.severity, finding.count) == ("small_classes", "warning", 2)
    assert finding.message == "train.csv: 2 labels have fewer than 3 rows: 'meh' (1 row, line 8), 'hm' (2 rows, line 9)"
    assert finding.todo == (
        "Train, validation and test cannot each hold such a label, and train keeps it; add rows, or merge it with "
        "another label"
    )
    finding = only(names.balance(train, 0))
    assert finding.message == "train.csv: 1 label has fewer than 2 rows: 'meh' (1 row, line 8)"
    assert finding.todo == "It can hardly be learnt from so few; add rows, or merge it with another label"


def test_a_label_of_more_than_nine_rows_in_ten_is_a_warning():
    rows = [(f"text {i}", "ham") for i in range(27)] + [(f"prize {i}", "spam") for i in range(3)]
    assert list(names.balance(part(rows), 2)) == []
    finding = only(names.balance(part([*rows, ("one more", "ham")]), 2))
    assert (finding.code, finding.severity, finding.count) == ("imbalance", "warning", 28)
    assert finding.message == "train.csv: 90.3 % of 31 rows have the label 'ham'"
    assert finding.todo == (
        "Always answering it scores as much accuracy; look at macro-F1 and the scores of each label"
    )


def test_a_label_of_ten_times_the_rows_of_another_is_said():
    rows = [(f"{name} {i}", name) for name, count in (("a", 30), ("b", 30), ("c", 3)) for i in range(count)]
    finding = only(names.balance(part(rows), 2))
    assert (finding.code, finding.severity) == ("imbalance", "info")
    assert finding.message == "train.csv: 47.6 % of 63 rows have the label 'a', 10 times those of 'c'"
    assert finding.figures == {"label": "a", "share": 30 / 63, "rarest": "c", "ratio": 10.0}
