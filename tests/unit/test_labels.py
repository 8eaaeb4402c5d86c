"""Label names and their ids."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import DataError, UsageError
from whet.labels import POSITIVE_NAMES, LabelSet, label_set, read_label_names, rename


def made(labels: list[str], *, positive: str | None = None, order: tuple[str, ...] = ()) -> LabelSet:
    return label_set(labels, positive=positive, source="a.csv", order=order)


def usage(given: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_label_names(given)
    return caught.value.message


# ---------------------------------------------------------------- order


def test_whole_numbers_stand_by_value_and_before_names() -> None:
    assert made(["10", "b", "9", "-1", "a"]).names == ("-1", "9", "10", "a", "b")


def test_labels_stay_byte_for_byte() -> None:
    assert made(["01", "1", "NA", " NA", "None", ""]).names == ("01", "1", "", " NA", "NA", "None")


def test_the_order_given_by_the_user_wins_and_absent_names_are_left_out() -> None:
    assert made(["a", "c", "b"], order=("c", "x", "a", "b")).names == ("c", "a", "b")


def test_the_positive_class_comes_second() -> None:
    assert made(["positive", "negative"]).names == ("negative", "positive")
    assert made(["good", "meh"]).names == ("meh", "good")
    assert made(["0", "1"]).names == ("0", "1")
    assert made(["a", "b"], positive="a").names == ("b", "a")


def test_the_users_order_stays_even_where_the_positive_class_is_first() -> None:
    labels = made(["긍정", "부정"], order=("긍정", "부정"))
    assert labels.names == ("긍정", "부정")
    assert (labels.positive, labels.positive_id) == ("긍정", 0)


@given(st.lists(st.text(max_size=4), min_size=2, unique=True), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_rows(names: list[str], shuffle: object) -> None:
    again = list(names) * 2
    shuffle.shuffle(again)  # type: ignore[attr-defined]
    labels = made(names)
    assert made(again) == labels
    assert sorted(labels.names) == sorted(names)
    assert labels.ids(labels.names, source="x") == list(range(len(names)))


# ---------------------------------------------------------------- the positive class


@pytest.mark.parametrize("name", POSITIVE_NAMES)
def test_a_known_name_makes_its_class_the_positive_one(name: str) -> None:
    labels = made([name.upper(), "~other"])
    assert (labels.positive, labels.positive_reason) == (name.upper(), "by its name")
    assert labels.positive_id == 1


def test_of_two_known_names_the_earlier_entry_of_the_table_wins() -> None:
    for first, second in itertools.pairwise(POSITIVE_NAMES):
        assert made([first, second]).positive == first


def test_without_a_known_name_the_second_is_positive_and_that_is_said() -> None:
    labels = made(["cat", "dog"])
    assert labels.positive == "dog"
    assert labels.positive_reason == "the second of two labels without a known name; --positive chooses"


def test_a_given_positive_class_wins_over_the_table() -> None:
    labels = made(["negative", "positive"], positive="negative")
    assert (labels.names, labels.positive, labels.positive_reason) == (("positive", "negative"), "negative", "given")


def test_an_unknown_positive_class_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        made(["negative", "positive"], positive="positiv")
    assert caught.value.message == (
        "--positive: no label 'positiv'. Expected 'negative' or 'positive'. Did you mean 'positive'."
    )


def test_more_than_two_labels_have_no_positive_class() -> None:
    labels = made(["a", "b", "pos"])
    assert (labels.task, labels.positive, labels.positive_id, labels.positive_reason) == ("multiclass", None, None, "")
    assert made(["a", "b"]).task == "binary"
    assert len(labels) == 3


def test_a_positive_class_of_three_labels_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        made(["a", "b", "c"], positive="a")
    assert caught.value.message == (
        "--positive a with 3 labels. Expected two labels: a positive class belongs to a binary task. "
        "Leave out --positive; every class is scored on its own."
    )


# ---------------------------------------------------------------- too few, and unknown ones


def test_one_label_only_is_a_data_error() -> None:
    with pytest.raises(DataError) as caught:
        made(["spam", "spam"])
    assert caught.value.message == (
        "a.csv: only one label in the training rows: 'spam'. "
        "Expected two labels or more, so that there is something to tell apart. "
        "Add rows of another class, or name another column with --label."
    )


def test_no_label_at_all_is_a_data_error() -> None:
    with pytest.raises(DataError, match=r"^a\.csv: no labels in the training rows\. Expected two labels"):
        made([])


def test_ids_are_the_positions_of_the_names() -> None:
    assert made(["a", "b", "c"]).ids(["c", "a", "c"], source="x") == [2, 0, 2]


def test_labels_that_training_never_saw_are_named_with_their_counts() -> None:
    with pytest.raises(DataError) as caught:
        made(["neg", "pos"]).ids(["pos", "mixed", "Pos", "mixed"], source="test.csv")
    assert caught.value.message == (
        "test.csv: labels that the training side lacks: 'mixed' (2 rows), 'Pos' (1 row). "
        "Expected only 'neg', 'pos'. Add rows with these labels to the training data or drop them here."
    )


# ---------------------------------------------------------------- --label-names


def test_bare_names_stand_for_0_1_and_so_on() -> None:
    assert read_label_names("부정,긍정") == {"0": "부정", "1": "긍정"}
    assert read_label_names(" a , b,c ") == {"0": "a", "1": "b", "2": "c"}


def test_pairs_name_the_label_and_its_name() -> None:
    assert read_label_names("neg=부정, pos = 긍정") == {"neg": "부정", "pos": "긍정"}
    assert read_label_names("a=x=y,b=z") == {"a": "x=y", "b": "z"}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('["neg", "pos"]', {"0": "neg", "1": "pos"}),
        ('{"labels": ["neg", "pos"]}', {"0": "neg", "1": "pos"}),
        ('{"-1": "neg", "1": "pos"}', {"-1": "neg", "1": "pos"}),
        ('\ufeff["부정", "긍정"]', {"0": "부정", "1": "긍정"}),
    ],
)
def test_a_json_file_of_names(tmp_path: Path, content: str, names: dict[str, str]) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content, encoding="utf-8")
    assert read_label_names(str(path)) == names


def test_a_text_file_has_a_name_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("\ufeffneg\n\npos, or so\n", encoding="utf-8")
    assert read_label_names(str(path)) == {"0": "neg", "1": "pos, or so"}


def test_the_label_file_of_a_real_data_set(shared: Path) -> None:
    assert read_label_names(str(shared / "data/sst2/labels.json")) == {"0": "negative", "1": "positive"}


def test_wrong_label_names_on_the_command_line() -> None:
    assert usage("a,b=c") == "--label-names: 'a,b=c' mixes names and label=name. Expected one form for all."
    assert usage("a,a") == "--label-names: empty or repeated names in 'a,a'. Expected distinct names."
    assert usage("a,") == "--label-names: empty or repeated names in 'a,'. Expected distinct names."
    repeated = "--label-names: an empty name or a repeated label in {!r}. Expected a name for each label."
    assert usage("a=x,a=y") == repeated.format("a=x,a=y")
    assert usage("a=x,b=") == repeated.format("a=x,b=")
    assert usage("nope.json") == "--label-names: no such file: nope.json. Expected a .json or .txt file of names."


@pytest.mark.parametrize("content", ["[]", "{}", "3", '["a", 1]', '{"0": 1}', '{"labels": []}', "null"])
def test_a_json_file_without_names_shows_the_three_forms(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content)
    assert usage(str(path)) == (
        f"--label-names {path}: no label names in this file. "
        'Expected ["neg", "pos"], {"labels": ["neg", "pos"]} or {"0": "neg", "1": "pos"}.'
    )


def test_damaged_files_of_names(tmp_path: Path) -> None:
    broken, latin, lines, empty = (tmp_path / name for name in ("a.json", "b.json", "c.txt", "d.txt"))
    broken.write_text('["a",')
    latin.write_bytes(b'["\xe9"]')
    lines.write_bytes(b"\xe9\n")
    empty.write_text("\n")
    assert usage(str(broken)) == f"--label-names {broken}: not JSON: Expecting value: line 1 column 6 (char 5)."
    assert usage(str(latin)).startswith(f"--label-names {latin}: not JSON: 'utf-8' codec can't decode byte 0xe9")
    assert usage(str(lines)).startswith(f"--label-names {lines}: not UTF-8: 'utf-8' codec can't decode byte 0xe9")
    assert usage(str(empty)) == f"--label-names: empty or repeated names in {str(empty)!r}. Expected distinct names."


def test_renaming_keeps_the_order_of_the_rows() -> None:
    names = {"0": "neg", "1": "pos"}
    assert rename(["1", "0", "1"], names, source="a.csv") == ("pos", "neg", "pos")


def test_labels_that_already_are_names_stay_and_no_names_change_nothing() -> None:
    assert rename(["pos", "neg"], {"0": "neg", "1": "pos"}, source="a.csv") == ("pos", "neg")
    assert rename(["x"], {}, source="a.csv") == ("x",)


def test_names_that_are_labels_too_are_no_reason_to_leave_a_side_as_it_is() -> None:
    names = dict(zip("01234", "12345", strict=True))  # stars from 1 in a set that counts from 0
    assert rename(["0", "4"], names, source="train.csv") == ("1", "5")
    assert rename(["1", "4"], names, source="test.csv") == ("2", "5")  # a side without a row of 0
    assert rename(["1", "5"], names, source="named.csv") == ("1", "5")


def test_a_label_without_a_name_is_a_data_error() -> None:
    names = {"0": "neg", "1": "pos"}
    with pytest.raises(DataError) as caught:
        rename(["0", "10", "2", "1"], names, source="a.csv")
    assert caught.value.message == (
        "a.csv: no name is given for the labels '2', '10'. "
        "Expected a name for each label; given were 0=neg, 1=pos. Write --label-names 2=NAME,10=NAME."
    )
    with pytest.raises(DataError, match=r"^a\.csv: no name is given for the label '2'\. "):
        rename(["0", "2"], names, source="a.csv")


def test_a_positive_label_whose_letters_macos_took_apart_is_known_and_stays_as_written() -> None:
    apart = [unicodedata.normalize("NFD", name) for name in ("긍정", "부정")]
    labels = label_set(apart, positive=None, source="reviews/")
    assert (labels.names, labels.positive, labels.positive_reason) == ((apart[1], apart[0]), apart[0], "by its name")
