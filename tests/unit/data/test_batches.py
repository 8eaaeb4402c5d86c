"""Which rows share a step, and that none is lost or seen twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data.batches import (
    GRAINS,
    LEAST_GRAIN,
    Balance,
    counts_of,
    cut,
    deal,
    encoded_of,
    evaluation_batches,
    filled,
    gather,
    order,
    select,
    sequences_of,
    share,
    steps_per_epoch,
    subset,
    tokens_of,
    training_batch,
)
from whet.records import Batch, Encoded, Ints

lengths_of_rows = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def encoded(lengths: list[int]) -> Encoded:
    """Row r of length l is the ids 100 r, 100 r + 1, ..., so that each token tells where it was."""
    ids = np.concatenate([100 * row + np.arange(length) for row, length in enumerate(lengths)]).astype(np.uint16)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Encoded(ids, offsets, np.zeros(len(lengths), np.bool_))


def assert_whole(batch: Batch, source: Encoded) -> None:
    """Each sequence of the batch is the whole of its row, shortest first."""
    assert batch.cu_seqlens[0] == 0
    assert batch.cu_seqlens[-1] == len(batch.ids)
    assert {array.dtype for array in (batch.ids, batch.cu_seqlens, batch.rows)} == {np.dtype(np.int64)}
    lengths = np.diff(batch.cu_seqlens)
    assert (np.diff(lengths) >= 0).all()
    for row, start, stop in zip(batch.rows, batch.cu_seqlens[:-1], batch.cu_seqlens[1:], strict=True):
        expected = source.ids[source.offsets[row] : source.offsets[row + 1]]
        assert batch.ids[start:stop].tolist() == expected.tolist()


# ---------------------------------------------------------------- order


@given(st.integers(1, 500), st.integers(0, 2**40), st.integers(0, 20))
def test_the_order_is_a_permutation_and_a_pure_function_of_seed_and_epoch(rows: int, seed: int, epoch: int) -> None:
    first = order(rows, seed=seed, epoch=epoch).tolist()
    order.cache_clear()
    assert sorted(first) == list(range(rows))
    assert order(rows, seed=seed, epoch=epoch).tolist() == first


def test_other_seeds_and_epochs_give_other_orders() -> None:
    orders = {tuple(order(50, seed=seed, epoch=epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_the_order_is_the_same_in_every_version() -> None:
    assert order(10, seed=42, epoch=0).tolist() == [5, 6, 0, 7, 3, 2, 4, 9, 1, 8]


def test_the_order_of_all_callers_cannot_be_changed_by_one() -> None:
    with pytest.raises(ValueError, match="read-only"):
        order(5, seed=1, epoch=0)[0] = 3


# ---------------------------------------------------------------- balance

many_labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda ids: np.array(ids, np.int64))


@given(many_labels, st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_a_balanced_order_is_a_pure_function_of_labels_seed_and_epoch(labels: Ints, seed: int, epoch: int) -> None:
    asked = Balance(labels, seed=seed)
    for other in range(3):
        asked.order(other)
    assert asked.order(epoch).tolist() == Balance(labels, seed=seed).order(epoch).tolist()


@given(many_labels, st.integers(0, 5), st.integers(0, 6))
def test_every_class_is_drawn_as_often_as_any_other_in_as_many_draws_as_there_are_rows(
    labels: Ints, seed: int, epoch: int
) -> None:
    drawn = Balance(labels, seed=seed).order(epoch)
    assert len(drawn) == len(labels)
    present = np.unique(labels)
    counts = [int((labels[drawn] == label).sum()) for label in present]
    assert max(counts) - min(counts) <= 1
    rounds = np.split(labels[drawn], np.arange(len(present), len(drawn), len(present)))
    assert all(len(np.unique(part)) == len(part) for part in rounds)


@given(many_labels, st.integers(0, 5), st.integers(1, 7))
def test_over_the_epochs_all_rows_of_a_class_come_equally_often_but_for_one(
    labels: Ints, seed: int, epochs: int
) -> None:
    balance = Balance(labels, seed=seed)
    times = np.bincount(np.concatenate([balance.order(epoch) for epoch in range(epochs)]), minlength=len(labels))
    by_class = [times[labels == label] for label in np.unique(labels)]
    assert all(found.max() - found.min() <= 1 for found in by_class)
    totals = [int(found.sum()) for found in by_class]
    assert max(totals) - min(totals) <= 1


def test_balanced_orders_differ_by_seed_and_epoch_and_are_the_same_in_every_version() -> None:
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2])
    found = {tuple(Balance(labels, seed=seed).order(epoch)) for seed in range(4) for epoch in range(4)}
    assert len(found) == 16
    assert Balance(labels, seed=42).order(0).tolist() == [6, 2, 8, 6, 1, 8, 8, 3, 7]
    with pytest.raises(ValueError, match="read-only"):
        Balance(labels, seed=42).order(0)[0] = 3


def test_a_step_of_a_balanced_training_is_its_part_of_that_order() -> None:
    source, labels = encoded([3] * 10), np.array([0] * 8 + [1] * 2)
    balance = Balance(labels, seed=5)
    batch = training_batch(source, labels, batch_size=4, seed=5, step=4, drawn=balance)
    assert sorted(batch.rows.tolist()) == sorted(balance.order(1)[4:8].tolist())
    assert batch.labels is not None
    assert sorted(batch.labels.tolist()) == [0, 0, 1, 1]


# ---------------------------------------------------------------- training


@given(lengths_of_rows, st.integers(1, 20), st.integers(0, 3), st.integers(0, 5))
def test_an_epoch_trains_on_every_row_once(lengths: list[int], batch_size: int, epoch: int, seed: int) -> None:
    source = encoded(lengths)
    labels: Ints = np.arange(len(lengths), dtype=np.int64) * 7
    steps = steps_per_epoch(len(lengths), batch_size)
    batches = [
        training_batch(source, labels, batch_size=batch_size, seed=seed, step=epoch * steps + i) for i in range(steps)
    ]
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    assert [len(batch.rows) for batch in batches[:-1]] == [batch_size] * (steps - 1)
    assert 1 <= len(batches[-1].rows) <= batch_size
    for batch in batches:
        assert_whole(batch, source)
        assert batch.labels is not None
        assert batch.labels.tolist() == (batch.rows * 7).tolist()


def test_a_step_is_its_part_of_the_order_and_a_later_epoch_has_another() -> None:
    source, labels = encoded([3] * 10), np.zeros(10, np.int64)
    shuffled = order(10, seed=5, epoch=1)
    first = training_batch(source, labels, batch_size=4, seed=5, step=3)
    last = training_batch(source, labels, batch_size=4, seed=5, step=5)
    assert first.rows.tolist() == shuffled[:4].tolist()
    assert last.rows.tolist() == shuffled[8:].tolist()


@pytest.mark.parametrize(("rows", "batch_size", "steps"), [(1, 16, 1), (16, 16, 1), (17, 16, 2), (32, 16, 2)])
def test_steps_of_an_epoch(rows: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(rows, batch_size) == steps


# ---------------------------------------------------------------- evaluation


@given(lengths_of_rows, st.integers(1, 100), st.integers(1, 4))
def test_an_evaluation_sees_every_row_once_within_the_budget(lengths: list[int], budget: int, at_once: int) -> None:
    source = encoded(lengths)
    batches = list(evaluation_batches(source, tokens=budget, at_once=at_once))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        assert_whole(batch, source)
        assert batch.labels is None
        assert len(batch.ids) <= budget or len(batch.rows) == 1
    in_order = np.concatenate([np.diff(batch.cu_seqlens) for batch in batches]) if batches else np.zeros(0)
    assert (np.diff(in_order) >= 0).all()


@given(st.integers(100, 400), st.integers(1, 4))
def test_packs_come_in_full_rounds_of_like_size(rows: int, at_once: int) -> None:
    batches = list(evaluation_batches(encoded([3 + row % 5 for row in range(rows)]), tokens=200, at_once=at_once))
    sizes = [len(batch.ids) for batch in batches]
    assert len(batches) % at_once == 0
    assert max(sizes) - min(sizes) <= 2 * 7


def test_no_rows_are_no_batches() -> None:
    empty = Encoded(np.zeros(0, np.uint16), np.zeros(1, np.int64), np.zeros(0, np.bool_))
    assert list(evaluation_batches(empty, tokens=10)) == []


def test_equal_lengths_keep_the_order_in_which_they_were_asked_for() -> None:
    batch = gather(encoded([2, 5, 2, 5]), np.array([3, 2, 1, 0]), None)
    assert batch.rows.tolist() == [2, 0, 3, 1]
    assert batch.cu_seqlens.tolist() == [0, 2, 4, 9, 14]
    assert batch.ids.tolist() == [200, 201, 0, 1, 300, 301, 302, 303, 304, 100, 101, 102, 103, 104]


@given(lengths_of_rows)
def test_a_batch_that_is_filled_up_has_its_sequences_first_and_few_tokens_more(lengths: list[int]) -> None:
    source = encoded(lengths)
    batch = gather(source, np.arange(len(lengths), dtype=np.int64), None)
    batch = replace(batch, seconds=np.diff(batch.cu_seqlens) // 2)
    found = filled(batch)
    count = len(batch.ids)
    more = len(found.ids) - count
    assert 0 <= more < max(LEAST_GRAIN, count / GRAINS)
    assert found.ids[:count].tolist() == batch.ids.tolist()
    assert found.cu_seqlens[: len(batch.cu_seqlens)].tolist() == batch.cu_seqlens.tolist()
    assert found.cu_seqlens[-1] == len(found.ids)
    further = np.diff(found.cu_seqlens)[len(lengths) :]
    assert ((further >= 1) & (further <= max(lengths))).all()
    assert found.seconds is not None
    assert batch.seconds is not None
    assert found.seconds.tolist() == [*batch.seconds.tolist(), *further.tolist()]
    assert found.rows.tolist() == batch.rows.tolist()


def test_batches_that_are_filled_up_have_few_numbers_of_tokens() -> None:
    found = {len(filled(gather(encoded([count]), np.zeros(1, np.int64), None)).ids) for count in range(256, 4096)}
    assert len(found) <= 4 * GRAINS + 1
    assert all(count % LEAST_GRAIN == 0 for count in found)


# ---------------------------------------------------------------- several processes


@given(lengths_of_rows, st.integers(1, 9))
def test_each_row_of_a_batch_goes_to_one_process_and_the_tokens_are_even(lengths: list[int], count: int) -> None:
    source = encoded(lengths)
    labels = np.arange(len(lengths), dtype=np.int64) + 1000
    batch = gather(source, np.arange(len(lengths), dtype=np.int64)[::-1], labels)
    shares = [share(batch, index, count) for index in range(count)]
    for part in shares:
        assert_whole(part, source)
        assert part.labels is not None
        assert part.labels.tolist() == (part.rows + 1000).tolist()
    assert sorted(row for part in shares for row in part.rows.tolist()) == list(range(len(lengths)))
    tokens = [len(part.ids) for part in shares]
    assert max(tokens) - min(tokens) <= max(lengths)
    assert sum(len(part.rows) > 0 for part in shares) == min(count, len(lengths))


def test_a_long_row_is_balanced_by_several_short_ones() -> None:
    batch = gather(encoded([30, 8, 9, 10, 2]), np.arange(5, dtype=np.int64), None)
    assert [sorted(share(batch, index, 2).rows.tolist()) for index in (0, 1)] == [[0], [1, 2, 3, 4]]


def test_places_of_a_batch_are_selected_with_their_rows() -> None:
    batch = gather(encoded([5, 1, 3]), np.arange(3, dtype=np.int64), np.array([7, 8, 9]))
    chosen = select(batch, np.array([0, 2]))
    assert (chosen.rows.tolist(), chosen.ids.tolist()) == ([1, 0], [100, 0, 1, 2, 3, 4])
    assert chosen.labels is not None
    assert chosen.labels.tolist() == [8, 7]


@given(st.lists(st.integers(0, 1000), max_size=12), st.integers(1, 4))
def test_everything_is_dealt_once_and_nobody_has_more_than_one_thing_too_many(sizes: list[int], count: int) -> None:
    dealt = deal(sizes, count)
    assert sorted(index for part in dealt for index in part) == list(range(len(sizes)))
    filled = [sum(sizes[index] for index in part) for part in dealt]
    assert max(filled) - min(filled) <= max(sizes, default=0)


def test_a_subset_keeps_its_texts_and_their_order() -> None:
    whole = Encoded(np.arange(10, dtype=np.uint16), np.array([0, 3, 4, 8, 10]), np.array([False, True, False, True]))
    found = subset(whole, np.array([True, False, True, True]))
    assert found.ids.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert found.offsets.tolist() == [0, 3, 7, 9]
    assert found.truncated.tolist() == [False, False, True]
    assert len(subset(whole, np.zeros(4, dtype=bool))) == 0


# ---------------------------------------------------------------- parts


@given(lengths_of_rows, st.integers(1, 100))
def test_parts_have_every_row_once_in_order_within_the_budget_unless_they_are_one_row(
    lengths: list[int], budget: int
) -> None:
    source = encoded(lengths)
    batch = gather(source, np.arange(len(lengths)), np.arange(len(lengths)) * 7)
    parts = cut(batch, budget)
    assert np.concatenate([part.rows for part in parts]).tolist() == batch.rows.tolist()
    for part in parts:
        assert_whole(part, source)
        assert part.labels is not None
        assert part.labels.tolist() == (part.rows * 7).tolist()
        assert len(part.ids) <= budget or len(part.rows) == 1
    for part, following in pairwise(parts):  # none is smaller than it need be
        assert len(part.ids) + following.cu_seqlens[1] > budget


def test_a_batch_that_fits_is_not_cut() -> None:
    batch = gather(encoded([3, 4]), np.arange(2), None)
    assert [cut(batch, tokens)[0] is batch for tokens in (None, 7, 100)] == [True] * 3
    assert [part.rows.tolist() for part in cut(batch, 6)] == [[0], [1]]


def test_the_second_texts_of_pairs_go_where_their_rows_go() -> None:
    source = encoded([5, 3, 9, 4])
    pairs = Encoded(source.ids, source.offsets, source.truncated, np.asarray([2, 1, 4, 3]))

    def seconds(found: Batch | Encoded) -> list[int]:
        assert found.seconds is not None
        return found.seconds.tolist()

    whole = gather(pairs, np.arange(4), None)
    assert (whole.rows.tolist(), seconds(whole)) == ([1, 3, 0, 2], [1, 3, 2, 4])
    assert seconds(select(whole, np.asarray([0, 3]))) == [1, 4]
    assert [seconds(part) for part in cut(whole, 8)] == [[1, 3], [2], [4]]
    assert seconds(subset(pairs, np.asarray([True, False, True, False]))) == [2, 4]
    assert gather(source, np.arange(4), None).seconds is None


# ---------------------------------------------------------------- rows of several sequences

documents_of_rows = st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=5), min_size=1, max_size=25)


def divided(rows: list[list[int]]) -> Encoded:
    """Each row with sequences of these lengths."""
    flat = encoded([length for row in rows for length in row])
    documents = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return replace(flat, truncated=np.zeros(len(rows), np.bool_), documents=documents)


def texts(source: Encoded) -> list[list[list[int]]]:
    """Of each row its sequences."""
    assert source.documents is not None
    whole = [source.ids[a:b].tolist() for a, b in pairwise(source.offsets)]
    return [whole[a:b] for a, b in pairwise(source.documents)]


def assert_all_of_its_rows(batch: Batch, source: Encoded) -> None:
    """Each row of the batch has all its sequences in their order, and the batch has them shortest first."""
    lengths = np.diff(batch.cu_seqlens)
    assert (np.diff(lengths) >= 0).all()
    sequences = [batch.ids[a:b].tolist() for a, b in pairwise(batch.cu_seqlens)]
    owners = np.arange(len(sequences)) if batch.owners is None else batch.owners
    mine = texts(source)
    for place, row in enumerate(batch.rows):
        found = [sequence for sequence, owner in zip(sequences, owners, strict=True) if owner == place]
        assert sorted(found) == sorted(mine[row])
    sizes = [sum(map(len, mine[row])) for row in batch.rows]
    assert sizes == sorted(sizes)
    assert batch.labels is None or batch.labels.tolist() == (batch.rows % 7).tolist()


@given(documents_of_rows, st.integers(1, 9), st.integers(0, 5))
def test_a_batch_has_all_sequences_of_its_rows(rows: list[list[int]], batch_size: int, step: int) -> None:
    source = divided(rows)
    assert (len(source), tokens_of(source).tolist(), counts_of(source).tolist()) == (
        len(rows), [sum(row) for row in rows], [len(row) for row in rows],
    )  # fmt: skip
    labels = np.arange(len(rows)) % 7
    batch = training_batch(source, labels, batch_size=batch_size, seed=1, step=step)
    assert_all_of_its_rows(batch, source)
    assert (batch.owners is None) == all(len(rows[row]) == 1 for row in batch.rows)
    assert tokens_of(encoded_of(batch)).tolist() == [sum(rows[row]) for row in batch.rows]


@given(documents_of_rows, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 60)))
def test_shares_and_parts_of_a_batch_leave_no_row_in_two(rows: list[list[int]], count: int, tokens: int | None) -> None:
    source = divided(rows)
    batch = gather(source, np.arange(len(rows)), np.arange(len(rows)) % 7)
    for parts in ([share(batch, index, count) for index in range(count)], cut(batch, tokens)):
        for part in parts:
            assert_all_of_its_rows(part, source)
        assert sorted(int(row) for part in parts for row in part.rows) == list(range(len(rows)))
    if tokens is not None:
        assert all(len(part.ids) <= tokens or len(part.rows) == 1 for part in cut(batch, tokens))


@given(documents_of_rows, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 60)), st.booleans())
def test_what_a_row_counts_goes_where_the_row_goes(
    rows: list[list[int]], count: int, tokens: int | None, is_whole: bool
) -> None:
    source = encoded([sum(row) for row in rows]) if is_whole else divided(rows)
    source = replace(source, weights=0.5 + np.arange(len(rows)))
    batch = training_batch(source, np.arange(len(rows)), batch_size=5, seed=1, step=0)
    shares = [share(batch, index, count) for index in range(count)]
    for part in (batch, *shares, *cut(batch, tokens), select(batch, np.arange(len(batch.rows))[::2])):
        assert part.weights is not None
        assert part.weights.tolist() == (0.5 + part.rows).tolist()
    taken = subset(source, np.arange(len(rows)) % 2 == 0).weights
    assert taken is not None
    assert taken.tolist() == (0.5 + np.arange(0, len(rows), 2)).tolist()


@given(documents_of_rows, st.data())
def test_a_subset_has_all_sequences_of_what_is_taken(rows: list[list[int]], data: st.DataObject) -> None:
    taken = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    source = divided(rows)
    part = subset(source, taken)
    assert texts(part) == [row for row, mine in zip(texts(source), taken, strict=True) if mine]
    assert len(part) == len(part.truncated) == taken.sum()


def test_sequences_can_be_looked_at_as_texts_of_their_own() -> None:
    flat = sequences_of(divided([[3, 2], [4]]))
    assert (len(flat), flat.documents, tokens_of(flat).tolist()) == (3, None, [3, 2, 4])
    assert len(flat.truncated) == 3


@given(documents_of_rows, st.integers(1, 100), st.integers(1, 3))
def test_an_evaluation_has_each_row_once(rows: list[list[int]], tokens: int, at_once: int) -> None:
    source = divided(rows)
    packs = list(evaluation_batches(source, tokens=tokens, at_once=at_once))
    for pack in packs:
        assert_all_of_its_rows(pack, source)
    assert sorted(int(row) for pack in packs for row in pack.rows) == list(range(len(rows)))
