import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.data.places import row_places
from whet.data.rows import apart, both, fingerprint, select
from whet.data.split import draw, split
from whet.errors import DataError, UsageError
from whet.records import Examples


def examples(labels, texts=None, source="reviews.csv"):
    labels = tuple(labels)
    texts = tuple(f"{source} text {i}" for i in range(len(labels))) if texts is None else tuple(texts)
    return Examples(source, texts, labels, tuple(f"row {i}" for i in range(len(labels))), tuple(range(len(labels))))


def cut(sides, *, test="auto", validation="auto", seed=42, train_rows=None, test_rows=None):
    sides = {"train": sides} if isinstance(sides, Examples) else sides
    return split(sides, test=test, validation=validation, seed=seed, train_rows=train_rows, test_rows=test_rows)


def sizes(splits):
    return tuple(None if side is None else len(side.texts) for side in (splits.train, splits.validation, splits.test))


def rows(splits):
    return [tuple(side.row_ids) for side in (splits.train, splits.validation, splits.test) if side is not None]


TABLE = examples(["neg"] * 60 + ["pos"] * 40)
TEST = examples(["neg", "pos"] * 10, source="test.csv")
DEV = examples(["neg", "pos"] * 5, source="dev.csv")

# Three sides out of a table of at most four labels, with texts that often repeat.
tables = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60)), min_size=1, max_size=120).map(
    lambda drawn: examples([label for label, _ in drawn], [f" {text}"[text % 2 :] for _, text in drawn])
)


# ---------------------------------------------------------------- invariants


@settings(max_examples=200, deadline=None)
@given(tables, st.integers(0, 2**31))
def test_sides_part_the_rows_keep_equal_texts_together_and_every_label_in_train(table, seed):
    try:
        found = cut(table, seed=seed)
    except DataError:
        free = len({text.strip() for text in table.texts}) - len(set(table.labels))
        # Two texts beyond one for each label always suffice.
        assert free < 2
        return
    assert sorted(i for side in rows(found) for i in side) == list(range(len(table.texts)))
    for side in (found.train, found.validation, found.test):
        assert len(side.texts) > 0
        assert list(side.row_ids) == sorted(side.row_ids)
        assert [table.texts[i] for i in side.row_ids] == list(side.texts)
        assert [table.labels[i] for i in side.row_ids] == list(side.labels)
        assert [table.places[i] for i in side.row_ids] == list(side.places)
    texts = [{text.strip() for text in side.texts} for side in (found.train, found.validation, found.test)]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert set(found.train.labels) == set(table.labels)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 80), min_size=1, max_size=5),
    st.floats(0.01, 0.3),
    st.floats(0.01, 0.3),
    st.integers(0, 2**31),
)
def test_each_label_is_within_a_row_of_its_share(counts, test, validation, seed):
    table = examples([name for name, count in zip("abcde", counts, strict=False) for _ in range(count)])
    try:
        found = cut(table, test=str(test), validation=str(validation), seed=seed)
    except DataError:
        assert len(table.texts) - len(counts) < 2
        return
    for side, share in ((found.test, test), (found.validation, validation)):
        drawn = Counter(side.labels)
        for name, count in zip("abcde", counts, strict=False):
            assert abs(drawn[name] - share * count) <= 1 + 1e-6


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_sides_of_texts_do_not_depend_on_the_order_of_rows(table, seed, random):
    order = list(range(len(table.texts)))
    random.shuffle(order)
    shuffled = examples([table.labels[i] for i in order], [table.texts[i] for i in order])
    try:
        first = cut(table, seed=seed)
    except DataError:
        with pytest.raises(DataError):
            cut(shuffled, seed=seed)
        return
    assert Counter(cut(shuffled, seed=seed).test.texts) == Counter(first.test.texts)


def test_the_same_seed_gives_the_same_sides_and_another_seed_others():
    assert cut(TABLE) == cut(TABLE)
    assert cut(TABLE).test != cut(TABLE, seed=43).test


def test_the_draw_is_fixed_for_good():
    found = cut(examples(["a", "b"] * 10))
    assert (tuple(found.test.row_ids), tuple(found.validation.row_ids)) == ((4, 19), (14, 15))


def test_the_order_of_the_sides_does_not_matter():
    sides = {"train": TABLE, "validation": DEV, "test": TEST}
    options = {"test": "auto", "validation": "0.2", "seed": 1, "train_rows": 50, "test_rows": 5}
    assert split(sides, **options) == split(dict(reversed(sides.items())), **options)


# ---------------------------------------------------------------- which rows become which side


def test_a_single_table_is_split_80_10_10_by_label():
    found = cut(TABLE)
    assert sizes(found) == (80, 10, 10)
    assert Counter(found.test.labels) == Counter(found.validation.labels) == {"neg": 6, "pos": 4}
    assert found.reasons == {
        "test": "10 % of reviews.csv, by label, seed 42",
        "validation": "10 % of reviews.csv, by label, seed 42",
        "train": "reviews.csv: what test leaves, less 10 for validation",
    }


def test_sides_that_came_with_the_data_stay_as_they_are():
    found = cut({"train": TABLE, "validation": DEV, "test": TEST})
    assert (found.train, found.validation, found.test) == (TABLE, DEV, TEST)
    assert found.reasons == {
        "test": "test.csv, which came with the data",
        "validation": "dev.csv, which came with the data",
        "train": "reviews.csv: all of it",
    }


def test_validation_is_a_tenth_of_train_where_test_came_with_the_data():
    found = cut({"train": TABLE, "test": TEST})
    assert sizes(found) == (90, 10, 20)
    assert found.test == TEST


def test_test_is_a_share_of_train_where_only_validation_came_with_the_data():
    found = cut({"train": TABLE, "validation": DEV})
    assert sizes(found) == (90, 10, 10)
    assert found.validation == DEV
    assert set(found.test.texts) < set(TABLE.texts)


def test_a_named_side_is_taken_and_said():
    found = cut({"train": TABLE, "test": TEST}, test="held/test.csv")
    assert found.test == TEST
    assert found.reasons["test"] == "test.csv, as asked for"


def test_none_sets_a_side_of_the_data_aside():
    found = cut({"train": TABLE, "validation": DEV, "test": TEST}, test="none", validation="none")
    assert (found.train, found.validation, found.test) == (TABLE, None, None)
    assert found.reasons == {
        "test": "none asked for",
        "validation": "none asked for",
        "train": "reviews.csv: all of it",
    }


def test_a_share_sets_a_side_of_the_data_aside():
    found = cut({"train": TABLE, "validation": DEV, "test": TEST}, test="0.25", validation="0.05")
    assert sizes(found) == (70, 5, 25)
    assert found.reasons["test"] == "25 % of reviews.csv, by label, seed 42"


def test_validation_rows_of_the_data_that_were_made_the_test_side_do_not_validate_too():
    found = cut({"train": TABLE, "validation": DEV, "test": DEV}, test="validation")
    assert found.test == DEV
    assert sizes(found) == (90, 10, 10)
    assert set(found.validation.texts) < set(TABLE.texts)


def test_test_and_validation_rows_that_are_the_same_are_refused():
    with pytest.raises(UsageError) as caught:
        cut({"train": TABLE, "validation": DEV, "test": DEV}, test="dev.csv", validation="dev.csv")
    assert caught.value.message == (
        "--test dev.csv and --validation dev.csv are the same rows. Expected test rows that no choice was made on. "
        "Leave out --validation, and a share of the training rows is taken."
    )


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.1", "nan", "inf", "10"])
def test_a_share_outside_of_0_to_1_is_refused(share):
    with pytest.raises(UsageError) as caught:
        cut({"train": TABLE, "test": TEST}, test=share)
    assert caught.value.message == f"--test: {share} is no share. Expected a number above 0 and below 1."


def test_shares_that_leave_nothing_to_train_are_refused():
    with pytest.raises(UsageError) as caught:
        cut({"train": TABLE}, test="0.5", validation="0.5")
    assert caught.value.message == (
        "--test, --validation: a test share of 0.5 and a validation share of 0.5 leave nothing to train. "
        "Expected shares that sum to less than 1."
    )


def test_a_name_without_rows_is_refused():
    with pytest.raises(UsageError) as caught:
        cut({"train": TABLE}, validation="10%")
    assert caught.value.message == (
        "--validation: '10%' is no file, no split of the data and no share. "
        "Expected a file, a split of the data, a share such as 0.1, or none."
    )


def test_data_without_training_rows_is_refused():
    with pytest.raises(DataError) as caught:
        cut({"test": TEST})
    assert caught.value.message == (
        "there are no training rows, only test. "
        "Name the training data as DATA and other files with --test and --validation."
    )


# ---------------------------------------------------------------- small and odd data


def test_ten_rows_give_each_side_a_row():
    found = cut(examples(["neg", "pos"] * 5))
    assert sizes(found) == (8, 1, 1)
    assert found.test.labels != found.validation.labels


def test_four_rows_are_the_least_for_two_labels_and_three_sides():
    found = cut(examples(["neg", "pos"] * 2))
    assert sizes(found) == (2, 1, 1)
    assert set(found.train.labels) == {"neg", "pos"}


@pytest.mark.parametrize("share", ["0.1", "0.5", "0.9"])
def test_a_large_test_share_leaves_a_row_for_validation(share):
    assert min(sizes(cut(examples(["neg", "pos"] * 3), test=share, validation="0.05"))) >= 1


def test_too_few_rows_are_said_with_a_way_out():
    with pytest.raises(DataError) as caught:
        cut(examples(["neg", "pos", "pos"]))
    assert caught.value.message == (
        "reviews.csv: too few rows to take test rows from: 3 rows with 3 different texts and 2 labels. "
        "Expected a text of each label to train with, and one more for each other side. "
        "Add rows, name a file with --test FILE, or go without by --test none."
    )
    assert sizes(cut(examples(["neg", "pos", "pos"]), validation="none")) == (2, None, 1)


def test_a_label_of_one_row_goes_to_train():
    table = examples(["a"] * 50 + ["b"] * 50 + ["rare"])
    assert all("rare" in cut(table, seed=seed).train.labels for seed in range(20))


def test_rows_that_a_label_cannot_give_come_from_another_label():
    found = cut(examples(["a"] * 7 + ["b", "c", "d"]), test="0.6", validation="none")
    assert found.test.labels == ("a",) * 5  # 4.2 by its own share


def test_a_label_that_shares_its_only_text_with_another_label_goes_to_train():
    table = examples(["a"] * 20 + ["b"] * 20 + ["rare"], [*map(str, range(40)), "7"])
    assert all("rare" in cut(table, seed=seed).train.labels for seed in range(20))


def test_pairs_of_equal_texts_are_moved_whole():
    table = examples(["a", "a", "b", "b"] * 5, [str(i // 2) for i in range(20)])
    found = cut(table)
    assert sizes(found) == (16, 2, 2)
    assert len(set(found.test.texts)) == 1


def test_texts_that_differ_by_outer_white_space_are_equal_and_by_case_are_not():
    table = examples(["a", "a", "b", "b"], ["same", " same\n", "other", "Other"])
    found = cut(table, test="0.5", validation="none")
    assert set(found.train.labels) == {"a", "b"}
    assert found.test.texts in {("other",), ("Other",)}


def test_copies_of_one_text_do_not_fill_a_side_while_there_are_others():
    table = examples(["a", "b"] * 10, [*(["same", " same\n"] * 9), "other", "Other"])
    for seed in range(10):
        assert sizes(cut(table, test="0.3", validation="none", seed=seed)) == (18, None, 2)


def test_a_share_of_equal_texts_under_both_labels_keeps_the_labels_balanced():
    copies = [("great", "a")] * 3 + [("great", "b")] * 3
    table = examples(
        *zip(*[(label, text) for text, label in copies] + [("ab"[i % 2], f"{i}") for i in range(194)], strict=True)
    )
    assert Counter(cut(table).test.labels) == {"a": 10, "b": 10}


def test_rows_without_labels_are_split_as_well():
    table = Examples("texts.csv", tuple("abcdefghij"), None, ("",) * 10, tuple(range(10)))
    found = cut(table)
    assert sizes(found) == (8, 1, 1)
    assert found.train.labels is None


def test_lone_surrogates_do_no_harm():
    table = examples(["a", "b"] * 5, [f"\ud800 {i}" for i in range(10)])
    assert sizes(cut(table)) == (8, 1, 1)
    assert fingerprint(table) != fingerprint(examples(["a", "b"] * 5))


# ---------------------------------------------------------------- fewer rows


def test_training_rows_all_train_and_validation_takes_its_share_of_them_from_the_others():
    found = split(
        {"train": TABLE, "test": TEST}, test="auto", validation="auto", seed=42, train_rows=50, test_rows=None
    )
    assert sizes(found) == (50, 5, 20)
    assert Counter(found.train.labels) == {"neg": 30, "pos": 20}
    assert found.reasons["train"] == "reviews.csv: 50 of 95 rows, by label, seed 42"
    assert found.reasons["validation"] == "10 % of 50 training rows, out of reviews.csv, by label, seed 42"


def test_validation_takes_from_the_training_rows_where_there_are_no_others():
    found = split(
        {"train": TABLE, "test": TEST}, test="auto", validation="auto", seed=42, train_rows=100, test_rows=None
    )
    assert sizes(found) == (90, 10, 20)
    assert found.reasons["train"] == "reviews.csv: all 90 rows, 100 were asked for"


def test_training_rows_are_drawn_from_what_test_leaves():
    found = cut(TABLE, train_rows=50)
    assert sizes(found) == (50, 5, 10)
    assert found.test == cut(TABLE).test
    assert found.reasons["train"] == "reviews.csv: 50 of 85 rows, by label, seed 42"


def test_all_training_rows_train_where_validation_is_a_side_of_its_own():
    sides = {"train": TABLE, "test": TEST, "validation": DEV}
    found = split(sides, test="auto", validation="auto", seed=42, train_rows=50, test_rows=None)
    assert sizes(found) == (50, 10, 20)
    assert found.reasons["train"] == "reviews.csv: 50 of 100 rows, by label, seed 42"


def test_test_rows_are_drawn_by_label_from_the_test_side():
    found = cut(TABLE, test_rows=5)
    assert Counter(found.test.labels) == {"neg": 3, "pos": 2}
    assert set(found.test.texts) < set(cut(TABLE).test.texts)
    assert found.train == cut(TABLE).train
    assert found.reasons["test"] == "10 % of reviews.csv, by label, seed 42: 5 of 10 rows, by label, seed 42"


def test_more_rows_than_there_are_is_all_of_them_and_said():
    found = split({"train": TABLE, "test": TEST}, test="auto", validation="none", seed=1, train_rows=200, test_rows=90)
    assert (found.train, found.test) == (TABLE, TEST)
    assert found.reasons["train"] == "reviews.csv: all 100 rows, 200 were asked for"
    assert found.reasons["test"] == "test.csv, which came with the data: all 20 rows, 90 were asked for"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=6), st.integers(2, 200), st.integers(0, 2**31))
def test_a_draw_has_exactly_the_rows_asked_for_and_every_label_where_it_can(counts, wanted, seed):
    labels = [name for name, count in zip("abcdef", counts, strict=False) for _ in range(count)]
    table = examples(labels, texts=["one text"] * len(labels))
    found = split({"train": table}, test="none", validation="none", seed=seed, train_rows=wanted, test_rows=None)
    assert len(found.train.texts) == min(wanted, len(labels))
    assert list(found.train.row_ids) == sorted(set(found.train.row_ids))
    if wanted >= len(counts):
        assert set(found.train.labels) == set(labels)


# ---------------------------------------------------------------- fingerprints and speed


def test_a_fingerprint_tells_texts_labels_and_their_borders_apart():
    table = examples(["a", "b"], ["one", "two"])
    others = [
        examples(["b", "a"], ["one", "two"]),
        examples(["a", "b"], ["two", "one"]),
        examples(["a", "b"], ["onet", "wo"]),
        examples(["one", "two"], ["a", "b"]),
        Examples("reviews.csv", ("one", "two"), None, ("row 0", "row 1"), (0, 1)),
        Examples("reviews.csv", ("one", "two", "a", "b"), None, ("",) * 4, (0, 1, 2, 3)),
    ]
    assert len({fingerprint(each) for each in [table, *others]}) == 7
    assert fingerprint(table) == fingerprint(examples(["a", "b"], ["one", "two"], source="elsewhere.csv"))
    assert len(fingerprint(table)) == 64


def test_150_000_rows_are_split_in_about_a_second():
    table = examples(["neg", "pos"] * 75_000)
    started = time.process_time()
    assert sizes(cut(table)) == (120_000, 15_000, 15_000)
    assert time.process_time() - started < 3  # 0.6 s on an idle core


def test_texts_whose_hashes_collide_are_other_texts(monkeypatch):
    expected = rows(cut(TABLE))
    monkeypatch.setattr("whet.data.together.hashes", lambda texts: np.zeros(len(texts), dtype=np.int64))
    assert rows(cut(TABLE)) == expected


def test_rows_are_drawn_by_class_whatever_the_numbers_of_the_classes():
    classes = np.array([7] * 60 + [3] * 30 + [5] * 10)
    taken = draw(classes, range(100), 20, "test rows", 1)
    assert [int(taken[classes == name].sum()) for name in (7, 3, 5)] == [12, 6, 2]
    assert (taken == draw(classes, range(100), 20, "test rows", 1)).all()
    assert (taken != draw(classes, range(100), 20, "test rows", 2)).any()


# ---------------------------------------------------------------- pairs, several labels, values


def rows_with(texts, **fields):
    there = len(texts)
    given = {"labels": None, **fields}
    return Examples("t.csv", tuple(texts), places=row_places(there), row_ids=range(there), **given)


def test_pairs_are_equal_where_both_texts_are():
    texts, seconds = ["a", "b", "a", " a "] * 5, ["x", "x", "y", "x "] * 5
    train = rows_with(texts, labels=("p", "q") * 10, pairs=tuple(seconds))
    splits = cut({"train": train}, test="0.3", validation="none")
    sides = {(text.strip(), pair.strip()): set() for text, pair in zip(texts, seconds, strict=True)}
    for name, side in (("train", splits.train), ("test", splits.test)):
        for text, pair in zip(side.texts, side.pairs, strict=True):
            sides[text.strip(), pair.strip()].add(name)
    assert sorted(map(len, sides.values())) == [1, 1, 1]
    assert {name for names in sides.values() for name in names} == {"train", "test"}


def test_several_labels_are_drawn_by_the_rarest_of_each_row():
    several = [("common",)] * 60 + [("common", "rare")] * 20 + [()] * 20
    train = rows_with([f"text {i}" for i in range(100)], several=tuple(several))
    splits = cut({"train": train}, test="0.2", validation="0.1")
    assert Counter(splits.test.several) == {("common",): 12, ("common", "rare"): 4, (): 4}
    assert Counter(splits.validation.several) == {("common",): 6, ("common", "rare"): 2, (): 2}
    assert len(splits.train.several) == len(splits.train.texts) == 70


def test_values_are_drawn_over_their_range():
    train = rows_with([f"text {i}" for i in range(200)], values=tuple(float(i % 100) for i in range(200)))
    splits = cut({"train": train}, test="0.1", validation="none")
    parts = Counter(int(value // 10) for value in splits.test.values)
    assert parts == dict.fromkeys(range(10), 2)
    assert splits.reasons["test"] == "10 % of t.csv, by value, seed 42"


def test_few_and_equal_values_are_split_as_well():
    for values in ((1.0,) * 10, tuple(map(float, range(10)))):
        splits = cut({"train": rows_with([f"text {i}" for i in range(10)], values=values)})
        assert [len(side.texts) for side in (splits.train, splits.validation, splits.test)] == [8, 1, 1]


def test_a_fingerprint_knows_pairs_several_labels_and_values():
    texts = ["a", "b"]
    found = {
        fingerprint(rows_with(texts, **fields))
        for fields in (
            {}, {"pairs": ("x", "y")}, {"pairs": ("x", "z")}, {"values": (1.0, 2.0)}, {"values": (1.0, 3.0)},
            {"several": ((), ())}, {"several": (("1",), ())}, {"several": (("1", "2"), ())}, {"labels": ("1", "2")},
        )
    }  # fmt: skip
    assert len(found) == 9


def test_the_same_texts_with_other_values_are_not_the_same_rows():
    train = rows_with([f"text {i}" for i in range(20)], values=tuple(map(float, range(20))))
    one, other = (rows_with(["x", "y"], values=values) for values in ((1.0, 2.0), (1.0, 3.0)))
    splits = cut({"train": train, "test": one, "validation": other}, test="one", validation="other")
    assert (splits.test.values, splits.validation.values) == ((1.0, 2.0), (1.0, 3.0))


@given(tables, st.integers(0, 5), st.floats(0.1, 0.5), st.integers(2, 60))
def test_rows_of_a_whole_table_that_are_left_beside_the_validation_of_a_part_share_no_text_with_it(
    table, seed, share, train_rows
):
    try:
        whole = cut(table, validation=f"{share:.2f}", test="0.2", seed=seed)
        part = cut(table, validation=f"{share:.2f}", test="0.2", seed=seed, train_rows=train_rows)
    except DataError:
        return
    there = both(table, whole.train, whole.validation)
    assert set(there.row_ids) == set(table.row_ids) - set(whole.test.row_ids)
    left = apart(there, part.validation)
    assert set(left.row_ids) <= set(there.row_ids) - set(part.validation.row_ids)
    learnt, judged = ({text.strip() for text in side.texts} for side in (left, part.validation))
    assert not learnt & judged
    assert learnt | judged == {text.strip() for text in there.texts}
    assert not learnt & {text.strip() for text in part.test.texts}


def test_rows_that_have_a_group_of_others_are_not_apart_from_them():
    rows = rows_with(["a", "b", "c", "d"], groups=("x", "y", "", "x"))
    others = select(rows, np.array([True, False, False, False]))
    assert list(apart(rows, others).texts) == ["b", "c"]
    without_group = select(rows, np.array([False, False, True, False]))
    assert list(apart(rows, without_group).texts) == ["a", "b", "d"]


def test_rows_of_another_table_are_no_rows_of_this_one():
    assert apart(TABLE, DEV) is TABLE
    assert apart(TABLE, None) is TABLE
    assert list(apart(TABLE, TABLE).texts) == []
    assert both(TABLE, TABLE, DEV) is TABLE
    assert both(TABLE, TABLE, None) is TABLE
