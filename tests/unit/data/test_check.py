import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whet.data.check import check, raise_errors

from whet.errors import DataError
from whet.labels import label_set
from whet.records import Columns, Examples

COLUMNS = Columns("review", "its name", "label", "its name")
IMDB = Path(__file__).parents[3].parent / "shared" / "data" / "imdb"


def examples(rows, source="train.csv"):
    texts, labels = zip(*rows, strict=True) if rows else ((), ())
    return Examples(source, texts, labels, tuple(f"line {i + 2}" for i in range(len(rows))), tuple(range(len(rows))))


def look(train, **sides):
    return check({"train": train, **sides}, COLUMNS, source="data")


def only(checked, code):
    """The one finding of that code."""
    (finding,) = [finding for finding in checked.findings if finding.code == code]
    return finding


CLEAN = [("good film", "pos"), ("bad film", "neg"), ("fine film", "pos"), ("poor film", "neg")]


def test_clean_data_are_shown_and_nothing_is_found():
    test = examples([("a fresh text", "pos")], "test.csv")
    checked = look(examples([*CLEAN, ("nice", "pos"), ("dull", "neg")]), test=test)
    assert (checked.source, checked.columns) == ("data", COLUMNS)
    assert checked.rows == {"train": 6, "test": 1}
    assert checked.head == (*CLEAN, ("nice", "pos"))
    assert checked.label_counts == {"train": {"neg": 3, "pos": 3}, "test": {"pos": 1}}
    assert checked.findings == ()
    raise_errors(checked)


def test_rows_without_labels_are_looked_at_as_well():
    table = Examples("texts.csv", ("a", "a", "b"), None, ("line 2", "line 3", "line 4"), (0, 1, 2))
    checked = check({"train": table}, COLUMNS, source="texts.csv")
    assert (checked.head, checked.label_counts) == ((("a", ""), ("a", ""), ("b", "")), {})
    assert [finding.code for finding in checked.findings] == ["duplicate_texts"]


def test_a_test_side_alone_is_looked_at():
    checked = check({"test": examples(CLEAN)}, COLUMNS, source="test.csv")
    assert (checked.rows, checked.findings, len(checked.head)) == ({"test": 4}, (), 4)


def test_empty_texts_are_counted_once_and_not_as_duplicates_or_overlap():
    train = examples([*CLEAN, ("", "pos"), (" \t\n", "neg"), ("", "neg")])
    checked = look(train, test=examples([("", "pos"), ("x", "neg")], "test.csv"))
    first, second = checked.findings
    assert (first.code, first.severity, first.count) == ("empty_texts", "warning", 3)
    assert first.places == ("line 6", "line 7", "line 8")
    assert first.message == (
        "train.csv: 3 of 7 rows have an empty text (line 6, line 7, line 8). "
        "Such rows are trained on as they are; remove them if they mean nothing."
    )
    assert second.message == (
        "test.csv: 1 of 2 rows has an empty text (line 2). "
        "Such rows are scored as they are; remove them if they mean nothing."
    )


def test_empty_texts_in_more_than_half_of_the_rows_are_an_error():
    checked = look(examples([("", "pos"), (" ", "neg"), ("", "pos"), ("a", "pos"), ("b", "neg")]))
    finding = only(checked, "empty_texts")
    assert (finding.severity, finding.count) == ("error", 3)
    assert finding.message == (
        "train.csv: 3 of 5 rows have an empty text (line 2, line 3, line 4). "
        "Expected text in at least half of the rows. Name the column that holds the text with --text."
    )


def test_duplicates_are_the_rows_beyond_the_first_of_each_text():
    finding = only(look(examples([*CLEAN, CLEAN[0], CLEAN[0], CLEAN[1]])), "duplicate_texts")
    assert (finding.severity, finding.count, finding.places) == ("warning", 3, ("line 6", "line 7", "line 8"))
    assert finding.message == (
        "train.csv: 3 rows of 7 repeat the text of an earlier row (line 6, line 7, line 8). "
        "A split keeps copies on one side. Remove them if they were not meant."
    )


def test_a_copy_among_very_many_rows_is_no_warning():
    rows = [(f"text {i}", "ab"[i % 2]) for i in range(200)]
    finding = only(look(examples([*rows, rows[0]])), "duplicate_texts")
    assert (finding.severity, finding.count) == ("info", 1)
    assert finding.message.startswith("train.csv: 1 row of 201 repeats the text of an earlier row (line 202).")


def test_texts_that_differ_by_a_space_are_no_duplicates():
    assert look(examples([*CLEAN, ("good film ", "pos")])).findings == ()


def test_test_texts_that_train_has_are_counted_as_texts_and_as_rows():
    test = examples([("good film", "pos"), ("new", "neg"), ("good film", "pos"), ("bad film", "neg")], "test.csv")
    finding = only(look(examples(CLEAN), test=test), "texts_in_train")
    assert (finding.severity, finding.count, finding.places) == ("warning", 2, ("line 2", "line 4", "line 5"))
    assert finding.message == (
        "test.csv: 2 distinct texts stand in train.csv too, in 3 rows of test (line 2, line 4, line 5). "
        "The test score is flattered by what was learnt by heart; remove the rows from one of the two."
    )


def test_validation_texts_that_train_has_are_said_too():
    validation = examples([("good film", "pos")], "dev.csv")
    assert only(look(examples(CLEAN), validation=validation), "texts_in_train").message == (
        "dev.csv: 1 text stands in train.csv too (line 2). "
        "The validation score is flattered by what was learnt by heart; remove the rows from one of the two."
    )


def test_equal_texts_under_different_labels_are_found():
    train = examples([*CLEAN, ("good film", "neg"), ("bad film", "neg"), ("", "pos"), ("", "neg")])
    finding = only(look(train), "contradictory_labels")
    assert (finding.severity, finding.count, finding.places) == ("warning", 1, ("line 2", "line 6"))
    assert finding.message == (
        "train.csv: 1 text stands under different labels (line 2, line 6). "
        "No model can answer both; decide for one label or remove the rows."
    )


def test_labels_that_train_lacks_are_an_error_on_each_side():
    test = examples([("x", "mixed"), ("y", "mixed"), ("z", "Pos"), ("w", "pos")], "test.csv")
    checked = look(examples(CLEAN), test=test, validation=examples([("v", "mixed")], "dev.csv"))
    first, second = checked.findings
    assert (first.code, first.severity, first.count) == ("unknown_labels", "error", 3)
    assert first.places == ("line 2", "line 3", "line 4")
    assert first.message == (
        "test.csv: labels that the training side lacks: 'mixed' (2 rows), 'Pos' (1 row). Expected only 'neg', 'pos'. "
        "Add rows with these labels to the training data or drop them from test."
    )
    assert second.message.startswith("dev.csv: labels that the training side lacks: 'mixed' (1 row).")


def test_one_label_is_an_error_in_the_words_of_the_label_set():
    train = examples([("a", "pos"), ("b", "pos")])
    finding = only(look(train), "one_label")
    assert finding.severity == "error"
    with pytest.raises(DataError) as caught:
        label_set(train.labels, positive=None, source="train.csv")
    assert finding.message == caught.value.message


def test_no_rows_are_no_labels():
    assert only(look(examples([])), "one_label").message.startswith("train.csv: no labels in the training rows. ")


def test_labels_of_a_single_row_are_named_with_their_place():
    finding = only(look(examples([*CLEAN, ("so so", "meh"), ("well", "hm")])), "rare_labels")
    assert (finding.severity, finding.count, finding.places) == ("warning", 2, ("line 6", "line 7"))
    assert finding.message == (
        "train.csv: 2 labels with a single row: 'meh' at line 6, 'hm' at line 7. "
        "A share for test or validation cannot hold such a label; add rows, or merge it with another label."
    )


def test_a_label_of_more_than_nine_rows_in_ten_is_said():
    rows = [(f"text {i}", "ham") for i in range(27)] + [(f"prize {i}", "spam") for i in range(3)]
    assert look(examples(rows)).findings == ()
    finding = only(look(examples([*rows, ("one more", "ham")])), "dominant_label")
    assert (finding.severity, finding.count) == ("info", 28)
    assert finding.message == (
        "train.csv: 90.3 % of 31 rows have the label 'ham'. "
        "Always answering it scores as much accuracy; look at macro-F1 and the scores of each label."
    )


def test_no_finding_names_more_than_ten_places():
    finding = only(look(examples([*CLEAN, *[CLEAN[0]] * 30])), "duplicate_texts")
    assert finding.count == 30
    assert finding.places == tuple(f"line {i}" for i in range(6, 16))
    assert "(line 6, line 7, line 8, …)" in finding.message


def test_control_characters_of_labels_do_not_reach_the_terminal():
    finding = only(look(examples(CLEAN), test=examples([("x", "\x1b[2J")], "test.csv")), "unknown_labels")
    assert "'\\x1b[2J' (1 row)" in finding.message


def test_findings_come_worst_first():
    rows = [(f"text {i}", "ham") for i in range(300)] + [("lone", "spam"), ("text 0", "ham")]
    checked = look(examples(rows), test=examples([("text 1", "egg")], "test.csv"))
    assert [(finding.severity, finding.code) for finding in checked.findings] == [
        ("error", "unknown_labels"),
        ("warning", "texts_in_train"),
        ("warning", "rare_labels"),
        ("info", "duplicate_texts"),
        ("info", "dominant_label"),
    ]


def test_all_errors_are_raised_at_once_and_warnings_are_not():
    train = examples([("", "pos"), ("", "pos"), ("", "pos"), ("a", "pos"), ("a", "pos")])
    checked = look(train, test=examples([("b", "neg")], "test.csv"))
    with pytest.raises(DataError) as caught:
        raise_errors(checked)
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    assert [finding.code for finding in errors] == ["empty_texts", "unknown_labels", "one_label"]
    assert caught.value.message == " ".join(finding.message for finding in errors)
    assert (len(caught.value.more), caught.value.exit_code) == (2, 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "", " "]), st.sampled_from("xyz")), max_size=30),
    st.lists(st.tuples(st.sampled_from(["a", "b", "d", ""]), st.sampled_from("xyz")), max_size=10),
)
def test_counts_equal_plain_definitions(train, test):
    checked = look(examples(train), test=examples(test, "test.csv"))
    found = {(finding.code, finding.message.split(":")[0]): finding.count for finding in checked.findings}
    for rows, source in ((train, "train.csv"), (test, "test.csv")):
        texts = [text for text, _ in rows if text.strip()]
        assert found.get(("empty_texts", source), 0) == len(rows) - len(texts)
        assert found.get(("duplicate_texts", source), 0) == len(texts) - len(set(texts))
    shared = {text for text, _ in train if text.strip()} & {text for text, _ in test}
    assert found.get(("texts_in_train", "test.csv"), 0) == len(shared)
    unknown = [label for _, label in test if label not in {label for _, label in train}]
    assert found.get(("unknown_labels", "test.csv"), 0) == len(unknown)


@pytest.mark.skipif(not IMDB.is_dir(), reason="the IMDB files are not beside this checkout")
def test_imdb_has_96_and_199_surplus_rows_and_123_texts_on_both_sides():
    parquet = pytest.importorskip("pyarrow.parquet")
    sides = {}
    for side in ("train", "test"):
        table = parquet.read_table(IMDB / f"{side}.parquet", columns=["text", "label"])
        rows = zip(table["text"].to_pylist(), map(str, table["label"].to_pylist()), strict=True)
        sides[side] = examples(list(rows), f"imdb[{side}]")
    started = time.process_time()
    checked = check(sides, COLUMNS, source="imdb")
    assert time.process_time() - started < 3  # 0.1 s on an idle core
    counts = {(finding.code, finding.message.split(":")[0]): finding.count for finding in checked.findings}
    assert counts == {
        ("duplicate_texts", "imdb[train]"): 96,
        ("duplicate_texts", "imdb[test]"): 199,
        ("texts_in_train", "imdb[test]"): 123,
    }


def test_texts_whose_hashes_collide_are_told_apart(monkeypatch):
    monkeypatch.setattr("whet.data.check.hashes", lambda texts: np.zeros(len(texts), dtype=np.int64))
    checked = look(examples([("a", "x"), ("b", "y"), ("a", "y"), ("c", "x"), ("c", "x")]))
    assert {finding.code: finding.places for finding in checked.findings} == {
        "duplicate_texts": ("line 4", "line 6"),
        "contradictory_labels": ("line 2", "line 4"),
    }
