"""Which columns play which role, and the rows in their roles."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from whet.data.columns import examples, find_columns
from whet.errors import DataError, UsageError
from whet.records import Columns, Table


def table(columns: Mapping[str, Sequence[object]], label_names: Mapping[str, str] | None = None) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", columns, [f"line {row + 2}" for row in range(rows)], label_names or {})


def found(columns: Mapping[str, Sequence[object]], *, text: str | None = None, label: str | None = None) -> Columns:
    return find_columns(table(columns), text=text, label=label)


def fault(columns: Mapping[str, Sequence[object]], *, text: str | None = None, label: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        found(columns, text=text, label=label)
    return caught.value


def labels(values: Sequence[object], *, names: Mapping[str, str] | None = None) -> tuple[str, ...] | None:
    given = table({"text": ["a"] * len(values), "label": values})
    return examples(given, Columns("text", "", "label", ""), label_names=names).labels


def label_fault(values: Sequence[object]) -> DataError:
    with pytest.raises(DataError) as caught:
        labels(values)
    return caught.value


SENTENCES = ["a good film", "a bad film indeed", "no idea at all", "one more of those"]


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("text", "label"),
    [("review", "sentiment"), ("document", "label"), ("Text", "CLASS"), ("댓글", "감정"), (" text ", "y")],
)
def test_columns_are_found_by_name(text: str, label: str) -> None:
    assert found({"id": ["1", "2"], text: ["a", "b"], label: ["x", "y"]}) == Columns(
        text, f"named '{text}'", label, f"named '{label}'"
    )


def test_the_exact_name_wins_over_one_that_differs_by_case() -> None:
    assert found({"Text": ["a"], "text": ["b"], "label": ["x"]}).text == "text"
    assert found({"TEXT": ["a"], "Text": ["b"], "review": ["c"], "label": ["x"]}).text == "review"


def test_the_earlier_known_name_wins() -> None:
    both = found({"target": ["0", "1"], "comment": ["a", "b"], "text": ["c", "d"], "label": ["x", "y"]})
    assert (both.text, both.label) == ("text", "label")


def test_columns_without_a_known_name_are_found_by_shape() -> None:
    shaped = {"id": ["1", "2", "3", "4"], "what": SENTENCES, "stars": ["1", "2", "1", "2"]}
    assert found(shaped) == Columns("what", "the longest text (mean 15 characters)", "stars", "2 distinct values")


def test_a_column_of_hangul_without_spaces_can_be_the_text() -> None:
    assert found({"말": ["재밌다", "별로다", "최고다", "최악이다"], "k": ["1", "0", "1", "0"]}).text == "말"


def test_a_column_known_as_label_is_not_taken_for_the_text() -> None:
    assert found({"sentiment": SENTENCES, "what": [text + " and so on" for text in SENTENCES]}).text == "what"


def test_a_number_column_called_text_is_passed_over() -> None:
    assert found({"text": [1, 2, 3, 4], "words": SENTENCES, "label": [0, 1, 0, 1]}).text == "words"


def test_given_columns_are_taken_without_regard_to_case() -> None:
    given = found({"a": SENTENCES, "Mood": ["x"] * 4, "text": SENTENCES}, text="A", label="mood")
    assert given == Columns("a", "given", "Mood", "given")


def test_a_given_label_is_never_taken_for_the_text() -> None:
    assert found({"text": ["x", "y"], "body": ["a", "b"]}, label="text").text == "body"


def test_absent_columns_are_named_together_with_those_that_are_there() -> None:
    assert fault({"review": ["fine"], "mood": [""]}, text="reviw", label="label").message == (
        "--text: no column 'reviw'. Expected one of 'review' ('fine'), 'mood' (''). Did you mean 'review'. "
        "--label: no column 'label'. Expected one of 'review' ('fine'), 'mood' ('')."
    )


def test_one_column_cannot_be_both() -> None:
    assert fault({"a": ["x"], "b": ["y"]}, text="a", label="a").message == "t.csv: 'a' is to be both text and label."


def test_no_text_column_lists_the_columns_with_a_value_of_each() -> None:
    said = fault({"id": ["1", "2"], "n": [None, 3]})
    assert said.saw == "no text column found among 'id' ('1'), 'n' ('3')"
    assert said.todo == "Name it with --text COLUMN"


def test_no_label_column_lists_the_columns() -> None:
    said = fault({"text": SENTENCES, "id": ["1", "2", "3", "4"], "same": ["x"] * 4, "gap": [None] * 4})
    assert said.saw == ("no label column found among 'text' ('a good film'), 'id' ('1'), 'same' ('x'), 'gap' (empty)")
    assert said.todo == "Name it with --label COLUMN"


def test_columns_that_are_equal_by_shape_are_left_to_the_user() -> None:
    said = fault({"left": SENTENCES, "right": SENTENCES[::-1], "label": ["0"] * 4})
    assert said.saw == "2 columns could be the text: 'left' ('a good film'), 'right' ('one more of those')"
    said = fault({"text": SENTENCES, "p": ["0", "1", "0", "1"], "q": ["a", "b", "c", "c"], "r": ["a", "b", "a", "b"]})
    assert said.message == ("t.csv: 2 columns could be the label: 'p' ('0'), 'r' ('a'). Name it with --label COLUMN.")


def test_a_file_without_a_header_is_noticed_by_its_first_line() -> None:
    said = fault({"what a good film": SENTENCES, "1": ["1", "0", "1", "0"]})
    assert said.saw == "the first line looks like a row, not like a header: '1' is among the values below it"


def test_without_need_of_a_label_only_a_full_column_with_a_known_name_is_taken() -> None:
    def taken(columns: Mapping[str, Sequence[object]]) -> tuple[str | None, str]:
        columns_found = find_columns(table(columns), text=None, label=None, need_label=False)
        return columns_found.label, columns_found.label_reason

    assert taken({"text": SENTENCES, "label": ["a", "b", "a", "b"]}) == ("label", "named 'label'")
    assert taken({"text": SENTENCES, "p": ["a", "b", "a", "b"]}) == (None, "no column with a known name")
    for gap in ("", None, [1]):
        reason = "'label' does not hold one label in every row"
        assert taken({"text": SENTENCES, "label": ["a", "b", "a", gap]}) == (None, reason)
    alone = find_columns(table({"x": ["a"]}), text=None, label=None, need_label=False)
    assert (alone.text, alone.text_reason) == ("x", "the only column")


# ---------------------------------------------------------------- rows in their roles


def test_rows_keep_their_order_places_and_texts() -> None:
    rows = examples(table({"text": ["b ", None, "<br />", "\0"], "y": list("xyxy")}), Columns("text", "", "y", ""))
    assert rows.texts == ("b ", "", "<br />", "\0")
    assert rows.labels == ("x", "y", "x", "y")
    assert tuple(rows.places) == ("line 2", "line 3", "line 4", "line 5")
    assert tuple(rows.row_ids) == (0, 1, 2, 3)
    assert rows.source == "t.csv"


def test_texts_that_are_numbers_are_spelled() -> None:
    rows = examples(table({"text": [1, True, 2.5, "x"]}), Columns("text", "", None, ""))
    assert (rows.texts, rows.labels) == (("1", "true", "2.5", "x"), None)


def test_string_labels_stay_byte_for_byte() -> None:
    strange = ["01", "1", "1.0", "NA", "null", "None", "TRUE", " x ", "é", "e\u0301"]
    assert labels(strange) == tuple(strange)


@pytest.mark.parametrize(
    ("values", "spelled"),
    [
        ([1, 0, -1], ("1", "0", "-1")),
        ([True, False], ("true", "false")),
        ([1.0, 2.0], ("1", "2")),
        ([1.0, 1.5], ("1.0", "1.5")),
        ([np.int64(3), np.float64(4.0), np.str_("x")], ("3", "4.0", "x")),
        ([Decimal("1.50"), date(2024, 1, 2)], ("1.50", "2024-01-02")),
    ],
)
def test_labels_of_other_types_are_spelled(values: list[object], spelled: tuple[str, ...]) -> None:
    assert labels(values) == spelled


def test_rows_without_a_label_are_named() -> None:
    said = label_fault(["a", None, "b", "", float("nan"), " "])
    assert said.message == (
        "t.csv, column 'label': 4 rows without label: line 3, line 5, line 6, line 7. "
        "Expected a label in every row. Fill them in or drop these rows."
    )
    assert label_fault([1.0, float("nan")]).saw == "1 row without label: line 3"
    assert label_fault(["a"] + [None] * 1_200).saw.endswith("line 11, line 12 and 1,190 more")


def test_where_gaps_are_allowed_a_missing_label_is_empty_and_the_others_have_their_names() -> None:
    def spelled(values: Sequence[object], names: Mapping[str, str] | None = None) -> tuple[str, ...] | None:
        given = table({"text": ["a"] * len(values), "label": values})
        return examples(given, Columns("text", "", "label", ""), label_names=names, gaps=True).labels

    assert spelled(["a", None, " ", float("nan"), "b"]) == ("a", "", "", "", "b")
    assert spelled([1.0, float("nan"), 0.0], {"0": "no", "1": "yes"}) == ("yes", "", "no")
    assert spelled([None, None]) == ("", "")
    assert spelled(["a", "b"]) == ("a", "b")


def test_minus_one_throughout_means_no_labels_but_only_throughout() -> None:
    assert labels([-1, -1]) is None
    assert labels([-1, 1]) == ("-1", "1")
    assert labels(["-1", "-1"]) == ("-1", "-1")


def test_values_that_are_no_text_are_named_by_place() -> None:
    with pytest.raises(DataError) as caught:
        examples(table({"text": ["a", {"b": 1}, ["c"]]}), Columns("text", "", None, ""))
    assert caught.value.message == (
        "t.csv, column 'text': type dict instead of text: line 3, line 4. Expected text, or a single value."
    )


def test_the_names_of_the_table_are_used_for_its_own_ids_alone() -> None:
    names = {"0": "neg", "1": "pos"}
    given = table({"text": ["a", "b"], "label": ["1", "0"], "stars": [0, 1], "lang": ["en", "ko"]}, names)
    assert examples(given, Columns("text", "", "label", "")).labels == ("pos", "neg")
    assert examples(given, Columns("text", "", "stars", "")).labels == ("0", "1")
    assert examples(given, Columns("text", "", "lang", "")).labels == ("en", "ko")


def test_the_names_of_the_user_win_and_must_be_complete() -> None:
    given = table({"text": ["a", "b"], "label": ["1", "0"]}, {"0": "neg", "1": "pos"})
    columns = Columns("text", "", "label", "")
    assert examples(given, columns, label_names={"0": "부정", "1": "긍정"}).labels == ("긍정", "부정")
    with pytest.raises(DataError, match=r"column 'label': no name is given for the label '1'\."):
        examples(given, columns, label_names={"0": "부정"})


# ---------------------------------------------------------------- pairs of texts


def pair(columns: Mapping[str, Sequence[object]], **given: str | None) -> Columns:
    return find_columns(table(columns), **{"text": None, "label": None, **given})  # type: ignore[arg-type]


PAIRS = {"sentence1": SENTENCES, "sentence2": SENTENCES[::-1], "label": ["a", "b", "a", "b"]}


def test_a_pair_is_found_by_both_names_and_said() -> None:
    columns = pair(PAIRS)
    assert (columns.text, columns.pair, columns.label) == ("sentence1", "sentence2", "label")
    assert columns.pair_reason == "named 'sentence1' and 'sentence2'; --pair none takes the first alone"


def test_pair_none_and_a_text_that_is_given_take_the_text_alone() -> None:
    for given in ({"pair": "none", "text": "sentence1"}, {"text": "sentence1"}):
        assert pair(PAIRS, **given).pair is None
    assert pair({"text": SENTENCES, "text2": SENTENCES, "label": ["a", "b"] * 2}, pair="none").pair is None


def test_a_pair_that_is_given_stands_beside_the_text_that_is_found() -> None:
    columns = pair({"text": SENTENCES, "answer": SENTENCES[::-1], "label": ["a", "b"] * 2}, pair="answer")
    assert (columns.text, columns.text_reason, columns.pair, columns.pair_reason) == (
        "text", "named 'text'", "answer", "given"
    )  # fmt: skip
    columns = pair(PAIRS, text="sentence2", pair="Sentence1")
    assert (columns.text, columns.pair) == ("sentence2", "sentence1")


def test_a_column_cannot_be_both_texts_or_text_and_label() -> None:
    with pytest.raises(DataError, match="'sentence1' is to be both texts of a pair"):
        pair(PAIRS, text="sentence1", pair="sentence1")
    with pytest.raises(DataError, match="'sentence2' is to be both text and label"):
        pair(PAIRS, text="sentence1", pair="sentence2", label="sentence2")


def test_a_pair_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError) as caught:
        pair(PAIRS, pair="sentence3")
    assert (caught.value.saw, caught.value.where) == ("no column 'sentence3'", "--pair")


def test_second_texts_are_read_as_texts_are() -> None:
    rows = examples(table({"text": ["a", "b"], "text2": [None, 3]}), Columns("text", "", None, "", "text2"))
    assert rows.pairs == ("", "3")


# ---------------------------------------------------------------- kinds of answers


def test_a_column_of_numbers_with_a_known_name_is_found_where_no_other_could_be_the_label() -> None:
    columns = pair({"text": SENTENCES * 4, "score": [i / 8 for i in range(16)]})
    assert (columns.label, columns.kind) == ("score", "value")
    assert (columns.label_reason, columns.kind_reason) == ("named 'score'", "numbers with fractions, 16 distinct ones")


def test_one_column_for_each_label_is_given_after_commas() -> None:
    given = table({"text": ["x", "y", "z"], "joy": [1, 0, 0], "Anger": ["1", "0", ""]})
    columns = find_columns(given, text=None, label="joy, anger")
    assert (columns.label, columns.labels, columns.kind) == ("joy,Anger", ("joy", "Anger"), "several")
    assert columns.kind_reason == "2 columns, one for each label"
    assert examples(given, columns).several == (("joy", "Anger"), (), ())


def test_a_column_whose_own_name_has_a_comma_is_one_column() -> None:
    columns = pair({"text": SENTENCES, "a,b": ["x", "y"] * 2}, label="a,b")
    assert (columns.label, columns.labels, columns.kind) == ("a,b", (), "one")


def test_lists_of_ids_have_the_names_of_the_user() -> None:
    given = table({"text": ["x", "y", "z"], "labels": [[0, 2], [], [2, 2]]})
    columns = find_columns(given, text=None, label=None)
    assert (columns.kind, columns.kind_reason) == ("several", "a list of labels a row")
    names = {"0": "joy", "1": "fear", "2": "love"}
    assert examples(given, columns, label_names=names).several == (("joy", "love"), (), ("love",))


def test_lists_have_not_the_names_of_another_column_of_the_table() -> None:
    names = {"0": "neg", "1": "pos"}
    given = table({"text": ["x", "y"], "label": ["0", "1"], "tags": [["a", "b"], []], "ids": [[0], [1]]}, names)
    columns = replace(find_columns(given, text=None, label="tags"), kind="several")
    assert examples(given, columns).several == (("a", "b"), ())
    assert examples(given, replace(columns, label="ids")).several == (("0",), ("1",))
    assert examples(given, replace(columns, label="label")).several == (("neg",), ("pos",))


def test_values_are_read_as_numbers() -> None:
    given = table({"text": SENTENCES, "score": ["1", "2.5", " 3e0", "-4"]})
    columns = find_columns(given, text=None, label="score", task="regression")
    assert examples(given, columns).values == (1.0, 2.5, 3.0, -4.0)


def test_a_side_whose_answers_are_all_missing_has_none() -> None:
    given = table({"text": ["x", "y"], "score": [None, float("nan")]})
    rows = examples(given, Columns("text", "", "score", "", kind="value"))
    assert (rows.values, rows.several, rows.labels) == (None, None, None)


def test_the_ids_of_a_class_label_are_no_numbers() -> None:
    names = {str(i): f"class {i}" for i in range(80)}
    given = table({"text": SENTENCES * 20, "label": [str(i) for i in range(80)]}, names)
    assert find_columns(given, text=None, label=None).kind == "one"


def test_a_column_name_taken_apart_is_the_same_name() -> None:
    apart = {unicodedata.normalize("NFD", name): values for name, values in {"본문": ["가 나"], "라벨": ["1"]}.items()}
    columns = found(apart)
    assert [unicodedata.normalize("NFC", name or "") for name in (columns.text, columns.label)] == ["본문", "라벨"]
    assert found(apart, text="라벨", label="본문").text == unicodedata.normalize("NFD", "라벨")


# ---------------------------------------------------------------- templates

GOODS = {
    "title": ["Lamp", "Desk", "Chair", None], "body": SENTENCES, "price": [3, 12, 12, 3], "topic": ["a", "b", "b", "a"],
    "stars": [1, 2, 1, 2],
}  # fmt: skip


def test_a_template_joins_columns_into_the_text() -> None:
    columns = found(GOODS, text="{title}\n{body} price: {price}", label="stars")
    assert columns.text == "{title}\n{body} price: {price}"
    assert columns.text_parts == ("title", "body", "price")
    rows = examples(table(GOODS), columns)
    assert rows.texts[0] == "Lamp\na good film price: 3"
    assert rows.texts[3] == "\none more of those price: 3"
    assert rows.labels == ("1", "2", "1", "2")


def test_the_columns_of_a_template_are_not_taken_for_the_label() -> None:
    assert found(GOODS, text="{title} {price}").label == "topic"
    assert found({**GOODS, "label": list("xyxy")}, text="{title} {topic} {price}").label == "label"
    numbers = {"a": SENTENCES, "price": [1.5, 2.5, 3.5, 4.5], "score": [9.5, 8.5, 7.5, 6.5]}
    assert found(numbers, text="{a} {price}").label == "score"


def test_the_label_must_not_stand_in_the_template() -> None:
    assert fault(GOODS, text="{title} {Topic}", label="topic").message == (
        "t.csv: the label 'topic' stands in the template of the text. Expected a text that does not hold its answer. "
        "Leave {topic} out of the template."
    )
    marks = {"a": SENTENCES, "b": SENTENCES, "x": [0, 1, 0, 1], "y": [1, 1, 0, 0]}
    assert fault(marks, text="{a} {y}", label="x,y").saw == "the label 'y' stands in the template of the text"


def test_a_known_label_in_the_template_is_not_passed_over_for_one_by_shape() -> None:
    assert fault(GOODS, text="{title} {topic}").message == (
        "t.csv: no label column found: 'topic' is called like one, but stands in the template of the text. Expected a "
        "text that does not hold its answer. Leave it out of the template, or name the label with --label COLUMN."
    )
    assert found(GOODS, text="{title} {topic}", label="stars").label == "stars"


def test_a_column_in_braces_stays_a_column() -> None:
    columns = found({"x": SENTENCES, "{x}": SENTENCES[::-1], "label": list("abab")}, text="{x}")
    assert (columns.text, columns.text_parts, columns.text_reason) == ("{x}", (), "given")


def test_a_template_that_breaks_off_is_a_fault_of_usage() -> None:
    with pytest.raises(UsageError) as caught:
        found(GOODS, text="{title} {body")
    assert caught.value.saw == ("a brace without its other half, or without a name, at character 9 of '{title} {body'")
    assert (caught.value.where, caught.value.exit_code) == ("--text", 2)


def test_both_texts_of_a_pair_may_be_templates() -> None:
    columns = find_columns(table(GOODS), text="{title}: {body}", pair="{price} won", label="stars")
    assert (columns.text_parts, columns.pair_parts) == (("title", "body"), ("price",))
    rows = examples(table(GOODS), columns)
    assert rows.texts[0] == "Lamp: a good film"
    assert rows.pairs == ("3 won", "12 won", "12 won", "3 won")
    with pytest.raises(DataError) as caught:
        find_columns(table(GOODS), text="body", pair="{stars} stars", label="stars")
    assert caught.value.saw == "the label 'stars' stands in the template of the text"


def test_two_equal_templates_are_no_pair() -> None:
    with pytest.raises(DataError) as caught:
        find_columns(table(GOODS), text="{title}", pair="{TITLE}", label="stars")
    assert caught.value.message == "t.csv: '{title}' is to be both texts of a pair."
