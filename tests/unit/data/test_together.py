"""Which rows stay together, and what is drawn and dealt of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.data.folds import deal
from whet.data.split import split
from whet.data.together import units_of
from whet.errors import DataError
from whet.records import Examples, Splits

Drawn = Sequence[tuple[str, int, int]]
"""Label, text and group of each row; the group 0 is none."""

tables = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 20)), min_size=1, max_size=120
)  # fmt: skip


def examples(rows: Drawn, *, grouped: bool = True) -> Examples:
    return Examples(
        "reviews.csv",
        tuple(f"text {text}" for _, text, _ in rows),
        tuple(label for label, _, _ in rows),
        tuple(f"row {row}" for row in range(len(rows))),
        tuple(range(len(rows))),
        groups=tuple(f"author {group}" if group else "" for _, _, group in rows) if grouped else None,
    )


def cut(rows: Examples, *, test: str = "0.2", validation: str = "none", seed: int = 42) -> Splits:
    return split({"train": rows}, test=test, validation=validation, seed=seed, train_rows=None, test_rows=None)


def apart(sides: Sequence[Examples]) -> bool:
    """Whether no two sides share a text or a group."""
    texts = [set(side.texts) for side in sides]
    groups = [{group for group in side.groups or () if group} for side in sides]
    return all(
        not (one[i] & one[j]) for one in (texts, groups) for i in range(len(sides)) for j in range(i)
    )  # fmt: skip


def linked(rows: Drawn) -> list[int]:
    """The unit of each row, found by walking from row to row."""
    found = [-1] * len(rows)
    for start in range(len(rows)):
        if found[start] >= 0:
            continue
        waiting = [start]
        while waiting:
            row = waiting.pop()
            if found[row] >= 0:
                continue
            found[row] = start
            _, text, group = rows[row]
            waiting += [
                other for other, (_, its, of) in enumerate(rows) if its == text or (group and of == group)
            ]  # fmt: skip
    return found


@settings(max_examples=150, deadline=None)
@given(tables)
def test_rows_that_share_a_text_or_a_group_and_so_on_are_one_unit(drawn: Drawn) -> None:
    units, names = units_of(examples(drawn))
    expected = linked(drawn)
    assert len(list(names)) == len(set(expected))
    pairs = set(zip(units.tolist(), expected, strict=True))
    assert len(pairs) == len(set(expected)) == len(set(units.tolist()))


@settings(max_examples=150, deadline=None)
@given(tables, st.integers(0, 100))
def test_no_group_and_no_text_stands_on_two_sides(drawn: Drawn, seed: int) -> None:
    table = examples(drawn)
    try:
        found = cut(table, validation="0.2", seed=seed)
    except DataError as fault:
        assert fault.saw.startswith("too few groups to take")
        return
    sides = [side for side in (found.train, found.validation, found.test) if side is not None]
    assert sorted(row for side in sides for row in side.row_ids) == list(range(len(drawn)))
    assert apart(sides)
    assert set(found.train.labels or ()) == {label for label, _, _ in drawn}


@settings(max_examples=100, deadline=None)
@given(tables, st.randoms())
def test_the_order_of_the_rows_changes_neither_sides_nor_folds(drawn: Drawn, random: object) -> None:
    table, order = examples(drawn), list(range(len(drawn)))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = examples([drawn[row] for row in order])
    try:
        found, folds = cut(table), deal(table, 2, 42)
    except DataError:
        return
    again, same = cut(mixed), deal(mixed, 2, 42)
    assert found.test is not None
    assert again.test is not None
    assert {order[row] for row in again.test.row_ids} == set(found.test.row_ids)
    assert [folds[row] for row in order] == same.tolist()


@settings(max_examples=150, deadline=None)
@given(tables, st.integers(2, 5), st.integers(0, 100), st.booleans())
def test_every_row_is_in_one_fold_and_no_text_or_group_in_two(
    drawn: Drawn, folds: int, seed: int, grouped: bool
) -> None:
    table = examples(drawn, grouped=grouped)
    try:
        found = deal(table, folds, seed)
    except DataError as fault:
        assert "folds" in fault.saw or "one fold has all rows of the label" in fault.saw
        return
    assert len(found) == len(drawn)
    assert set(found.tolist()) == set(range(folds))
    for key in range(1, 3 if grouped else 2):
        of_key = defaultdict(set)
        for row, fold in zip(drawn, found.tolist(), strict=True):
            of_key[row[key]].add(fold)
        assert all(len(each) == 1 for name, each in of_key.items() if key == 1 or name)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("aaabbc"), min_size=30, max_size=200), st.integers(2, 7), st.integers(0, 100))
def test_of_different_texts_every_fold_has_its_share_of_each_label(labels: list[str], folds: int, seed: int) -> None:
    table = examples([(label, row, 0) for row, label in enumerate(labels)], grouped=False)
    counts = Counter(labels)
    if min(counts.values()) < 2:
        return
    found = deal(table, folds, seed)
    for label, count in counts.items():
        held = np.bincount(found[[row for row, each in enumerate(labels) if each == label]], minlength=folds)
        assert set(held.tolist()) <= {count // folds, -(-count // folds)}
    assert np.ptp(np.bincount(found)) <= len(counts)


def test_another_seed_deals_other_folds() -> None:
    table = examples([("ab"[row % 2], row, 0) for row in range(40)], grouped=False)
    assert deal(table, 5, 1).tolist() != deal(table, 5, 2).tolist()
    assert deal(table, 5, 1).tolist() == deal(table, 5, 1).tolist()


def test_groups_of_many_rows_come_as_near_to_the_share_and_the_labels_as_they_can() -> None:
    """40 authors of 25 rows, of each label about as many: a share of 200 rows is eight of them."""
    rows = [("ab"[(row + group) % 2], 100 * group + row, 1 + group) for group in range(40) for row in range(25)]
    found = cut(examples(rows)).test
    assert found is not None
    assert len(set(found.groups or ())) == 8
    assert abs(Counter(found.labels)["a"] - 100) <= 5


def test_where_one_group_has_nearly_all_rows_the_others_are_the_side() -> None:
    rows = [("ab"[row % 2], row, 1 if row < 90 else row) for row in range(100)]
    found = cut(examples(rows)).test
    assert found is not None
    assert "author 1" not in (found.groups or ())
    assert len(found.texts) == 10


@pytest.mark.parametrize(("groups", "saw"), [
    (1, "too few groups to take test rows from: 20 rows with 1 group, the largest of 20 rows and 2 labels"),
    (0, "too few rows to take test rows from: 20 rows with 1 different text and 2 labels"),
])  # fmt: skip
def test_too_few_groups_are_one_message(groups: int, saw: str) -> None:
    rows = [("ab"[row % 2], row if groups else 0, 1) for row in range(20)]
    with pytest.raises(DataError) as caught:
        cut(examples(rows, grouped=bool(groups)))
    assert caught.value.saw == saw
    assert caught.value.expected == (
        f"a {'group' if groups else 'text'} of each label to train with, and one more for each other side"
    )


def test_fewer_groups_than_folds_are_one_message() -> None:
    rows = [("ab"[row % 2], row, 1 + row % 3) for row in range(21)]
    with pytest.raises(DataError) as caught:
        deal(examples(rows), 5, 42)
    assert caught.value.saw == "21 rows with 3 groups, the largest of 7 rows, for 5 folds"
    assert caught.value.todo == "Give --folds 3"


def test_a_label_of_one_text_is_one_message() -> None:
    rows = [("a" if row else "rare", row, 0) for row in range(9)]
    with pytest.raises(DataError) as caught:
        deal(examples(rows, grouped=False), 3, 42)
    assert caught.value.saw == "one fold has all rows of the label 'rare'"
    assert caught.value.todo == "Add rows of such labels, or leave them out"
