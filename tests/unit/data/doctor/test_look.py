from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data.doctor.rows import CLEAN, examples, only
from whet.data.doctor.look import EXACT, as_json, check, raise_errors, with_more
from whet.errors import DataError
from whet.labels import label_set
from whet.records import Columns, Examples, Finding

COLUMNS = Columns("review", "its name", "label", "its name")
IMDB = Path(__file__).parents[4].parent / "shared" / "data" / "imdb"


def look(train, drawn=2, **sides):
    return check({"train": train, **sides}, COLUMNS, source="data", drawn=drawn)


def test_clean_data_are_shown_and_nothing_is_found():
    test = examples([("a fresh text", "pos")], "test.csv")
    checked = look(examples(CLEAN), test=test)
    assert (checked.source, checked.columns) == ("data", COLUMNS)
    assert checked.rows == {"train": 6, "test": 1}
    assert checked.head == tuple(CLEAN[:5])
    assert checked.label_counts == {"train": {"neg": 3, "pos": 3}, "test": {"pos": 1}}
    assert (checked.findings, checked.looked_for) == ((), EXACT)
    raise_errors(checked)


def test_rows_without_labels_are_looked_at_as_well():
    table = Examples("texts.csv", ("a", "a", "b"), None, ("line 2", "line 3", "line 4"), (0, 1, 2))
    checked = check({"train": table}, COLUMNS, source="texts.csv")
    assert (checked.head, checked.label_counts) == ((("a", ""), ("a", ""), ("b", "")), {})
    assert [finding.code for finding in checked.findings] == ["duplicate_texts"]


def test_a_test_side_alone_is_looked_at():
    checked = check({"test": examples(CLEAN)}, COLUMNS, source="test.csv")
    assert (checked.rows, checked.findings, len(checked.head)) == ({"test": 6}, (), 5)


def test_rows_without_a_label_are_an_error_and_none_of_the_labels():
    checked = look(examples([*CLEAN, ("what now", ""), ("and this", "")]))
    finding = only(checked)
    assert (finding.code, finding.severity, finding.side, finding.count) == ("missing_labels", "error", "train", 2)
    assert finding.message == "train.csv: 2 rows without label (line 8, line 9). Expected a label in every row"
    assert finding.todo == "Fill them in or drop these rows"
    assert checked.label_counts == {"train": {"neg": 3, "pos": 3}}


def test_findings_come_worst_first():
    rows = [(f"text {i}", "ham") for i in range(300)] + [("lone", "spam"), ("text 0", "ham")]
    checked = look(examples(rows), test=examples([("egg", "egg"), ("e", "ham"), *rows[1:2], *CLEAN], "test.csv"))
    assert [(finding.severity, finding.code) for finding in checked.findings] == [
        ("error", "unknown_labels"),
        ("warning", "small_classes"),
        ("warning", "imbalance"),
        ("warning", "texts_in_train"),
        ("info", "duplicate_texts"),
    ]


def test_all_errors_are_raised_at_once_and_warnings_are_not():
    train = examples([("", "pos"), ("", "pos"), ("", "pos"), ("a", "pos"), ("a", "pos")])
    checked = look(train, test=examples([("b", "neg")], "test.csv"))
    with pytest.raises(DataError) as caught:
        raise_errors(checked)
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    assert [finding.code for finding in errors] == ["empty_texts", "one_label", "unknown_labels"]
    assert caught.value.message == ". ".join(f"{finding.message}. {finding.todo}" for finding in errors) + "."
    assert (len(caught.value.more), caught.value.exit_code) == (2, 3)


def test_an_error_that_is_allowed_is_not_raised():
    checked = look(examples([*CLEAN, ("", "pos")]))
    with pytest.raises(DataError, match="1 of 7 rows has an empty text"):
        raise_errors(checked)
    raise_errors(checked, ["empty_texts"])


def test_one_label_is_an_error_in_the_words_of_the_label_set():
    train = examples([("a", "pos"), ("b", "pos")])
    finding = only(look(train), "one_label")
    with pytest.raises(DataError) as caught:
        label_set(train.labels, positive=None, source="train.csv")
    assert f"{finding.message}. {finding.todo}." == caught.value.message


def test_as_json_the_findings_stand_by_code_and_side_and_a_code_without_any_is_empty():
    checked = look(examples([*CLEAN, CLEAN[0]]), test=examples([("a", "pos"), ("a", "pos")], "test.csv"))
    document = as_json(checked)
    assert list(document) == [
        "source",
        "columns",
        "rows",
        "head",
        "head_pairs",
        "label_counts",
        "values",
        "findings",
        "notices",
    ]
    found = document["findings"]
    assert set(found) == set(EXACT)
    assert {side: told["count"] for side, told in found["duplicate_texts"].items()} == {"train": 1, "test": 1}
    assert found["duplicate_texts"]["train"] == {
        "severity": "warning",
        "count": 1,
        "message": "train.csv: 1 row of 7 repeats the text of an earlier row (line 8)",
        "todo": "A split keeps copies on one side. Remove them if they were not meant",
        "places": ("line 8",),
        "figures": {},
    }
    assert found["html"] == {}


def test_what_was_looked_for_later_takes_the_place_of_the_same_codes():
    checked = look(examples([*CLEAN, CLEAN[0]]))
    later = Finding("duplicate_texts", "error", "train", 7, "seven")
    more = with_more(checked, ["duplicate_texts", "near_duplicates"], [later])
    assert more.findings == (later,)
    assert more.looked_for == (*EXACT, "near_duplicates")


def test_no_finding_names_more_than_ten_places():
    finding = only(look(examples([*CLEAN, *[CLEAN[0]] * 30])), "duplicate_texts")
    assert finding.count == 30
    assert finding.places == tuple(f"line {i}" for i in range(8, 18))
    assert "(line 8, line 9, line 10, …)" in finding.message


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "", " "]), st.sampled_from(["x", "y", "z", ""])), max_size=30),
    st.lists(st.tuples(st.sampled_from(["a", "b", "d", ""]), st.sampled_from(["x", "y", "w"])), max_size=10),
)
def test_counts_equal_plain_definitions(train, test):
    checked = look(examples(train), test=examples(test, "test.csv"))
    found = {(finding.code, finding.side): finding.count for finding in checked.findings}
    for rows, side in ((train, "train"), (test, "test")):
        texts = [text for text, _ in rows if text.strip()]
        assert found.get(("empty_texts", side), 0) == len(rows) - len(texts)
        assert found.get(("duplicate_texts", side), 0) == len(texts) - len(set(texts))
        assert found.get(("missing_labels", side), 0) == sum(not label for _, label in rows)
        labels = {text: {label for other, label in rows if other == text and label} for text, _ in rows}
        assert found.get(("contradictory_labels", side), 0) == sum(len(each) > 1 for each in labels.values())
    known = {text for text, _ in train if text.strip()}
    assert found.get(("texts_in_train", "test"), 0) == sum(text in known for text, _ in test)
    unknown = [label for _, label in test if label not in {label for _, label in train}]
    assert found.get(("unknown_labels", "test"), 0) == len(unknown)


@pytest.mark.skipif(not IMDB.is_dir(), reason="the IMDB files are not beside this checkout")
def test_imdb_has_96_and_199_surplus_rows_and_123_texts_on_both_sides():
    parquet = pytest.importorskip("pyarrow.parquet")
    sides = {}
    for side in ("train", "test"):
        table = parquet.read_table(IMDB / f"{side}.parquet", columns=["text", "label"])
        rows = zip(table["text"].to_pylist(), map(str, table["label"].to_pylist()), strict=True)
        sides[side] = examples(list(rows), f"imdb[{side}]")
    found = as_json(check(sides, COLUMNS, source="imdb"))["findings"]
    counts = {code: {side: told["count"] for side, told in sides.items()} for code, sides in found.items() if sides}
    assert counts == {
        "duplicate_texts": {"train": 96, "test": 199},
        "texts_in_train": {"test": 123},
        "html": {"train": 14667, "test": 14534},
    }
