"""The rows of the word table that are trained in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.small import encoded, stock
from whet.records import Encoded
from whet.training import words
from whet.training.words import Words, expected_ids, used_ids

ROWS = [[5, 9, 7], [9, 9, 3]]


def gradient_of(made: Words, ids: list[int]) -> torch.Tensor:
    """The table's gradient when each token of `ids` has a gradient of ones times its place."""
    table = made._table
    out = table(torch.tensor(ids)) * torch.arange(1.0, len(ids) + 1)[:, None]
    (found,) = torch.autograd.grad(out.sum(), [table.weight])
    return found


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), min_size=1, max_size=6), st.integers(1, 60))
def test_every_id_that_occurs_is_used_once_and_no_other(rows: list[list[int]], at_once: int) -> None:
    counted, words.COUNTED_AT_ONCE = words.COUNTED_AT_ONCE, at_once
    assert used_ids(encoded(rows), 50).tolist() == sorted({token for row in rows for token in row})
    words.COUNTED_AT_ONCE = counted


def test_no_rows_use_no_ids() -> None:
    empty = Encoded(np.zeros(0, np.uint16), np.zeros(1, np.int64), np.zeros(0, np.bool_))
    assert used_ids(empty, 50).tolist() == []


def test_more_texts_use_more_words_as_their_number_grew_in_the_sample() -> None:
    ever_new = encoded([[2 * row, 2 * row + 1] for row in range(8)])
    assert expected_ids(ever_new, 80, 1_000) == 160
    assert expected_ids(ever_new, 80, 100) == 100  # there are no more
    assert expected_ids(encoded([[1, 2, 3]] * 8), 80, 1_000) == 3


def test_words_as_frequent_as_those_of_a_language_are_foreseen() -> None:
    drawn = np.random.default_rng(0).zipf(1.3, (4_096, 20)) % 30_000
    sample, whole = encoded(drawn[::8].tolist()), encoded(drawn.tolist())
    assert expected_ids(sample, 4_096, 30_000) == pytest.approx(len(used_ids(whole, 30_000)), rel=0.15)


def test_a_sample_that_is_all_there_is_tells_no_more_than_it_has() -> None:
    assert expected_ids(encoded([[1, 2], [3, 4], [5, 6]]), 2, 100) == 6
    assert expected_ids(encoded([[1, 2]]), 1, 100) == 2
    assert expected_ids(encoded([[1, 2]]), 50, 100) == 2


def test_the_rows_are_those_of_the_training_texts_and_of_the_padding(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    made = Words(model, encoded(ROWS))
    table = model.get_input_embeddings().weight
    assert model.config.pad_token_id == 0
    assert torch.equal(made.rows, table[[0, 3, 5, 7, 9]])
    assert made.stand_in(table) is made.rows
    other = model.classifier.weight
    assert made.stand_in(other) is other


@pytest.mark.parametrize("sparse", [True, False])
def test_gradients_of_all_shares_are_added_row_by_row(tiny_bert: Path, sparse: bool) -> None:
    made = Words(stock(tiny_bert), encoded(ROWS))
    assert made._table.sparse  # on a CPU
    made._table.sparse = sparse
    made.add([gradient_of(made, [5, 9, 7]), None, gradient_of(made, [9, 9, 3])])
    assert made.rows.grad is not None
    # By id 0, 3, 5, 7, 9: the places at which each stands, added up.
    assert made.rows.grad[:, 0].tolist() == [0, 3, 1, 3, 2 + 1 + 2]
    assert (made.rows.grad == made.rows.grad[:, :1]).all()
    made.settle()
    assert not made.rows.grad.any()


def test_after_a_step_the_table_has_the_new_rows_alone_and_no_gradient_is_left(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    table = model.get_input_embeddings().weight
    before = table.detach().clone()
    made = Words(model, encoded(ROWS))
    made.add([gradient_of(made, [5, 9])])
    with torch.no_grad():
        made.rows += 1.0
    made.settle()
    used = [0, 3, 5, 7, 9]
    assert torch.equal(table[used], before[used] + 1.0)
    rest = [row for row in range(len(before)) if row not in used]
    assert torch.equal(table[rest], before[rest])
    assert made.rows.grad is not None
    assert not made.rows.grad.any()
    made.add([gradient_of(made, [7])])
    assert made.rows.grad[:, 0].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("padding", [None, 0])
def test_a_model_without_a_padding_token_trains_the_rows_of_its_texts(tiny_bert: Path, padding: int | None) -> None:
    model = stock(tiny_bert)
    model.config.pad_token_id = padding
    assert len(Words(model, encoded(ROWS)).rows) == (4 if padding is None else 5)
