"""Which tokens are hidden: how many, as what, and the same ones whoever asks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.small import batch, encoded, sequences
from whet.data.batches import cut, encoded_of, gather, select, share
from whet.data.masking import Masking
from whet.records import Batch

VOCABULARY, SPECIAL, MASK = 1_000, (0, 1, 2, 3), 3


def masking(seed: int = 7) -> Masking:
    ordinary = np.ones(VOCABULARY, np.bool_)
    ordinary[list(SPECIAL)] = False
    return Masking(seed, MASK, ordinary)


def rows_of(hidden: Batch) -> dict[int, tuple[list[int], list[int]]]:
    """Row to its ids and what is hidden of it."""
    assert hidden.hidden is not None
    spans = zip(hidden.rows.tolist(), hidden.cu_seqlens[:-1], hidden.cu_seqlens[1:], strict=True)
    return {row: (hidden.ids[a:b].tolist(), hidden.hidden[a:b].tolist()) for row, a, b in spans}


def test_fifteen_per_cent_are_hidden_of_which_eight_in_ten_become_the_mask_and_one_stays() -> None:
    whole = batch(sequences([100] * 400, vocabulary=VOCABULARY))
    found = masking().hidden(whole, 0)
    assert found.hidden is not None
    chosen = found.hidden >= 0
    may = ~np.isin(whole.ids, SPECIAL)
    assert abs(chosen.sum() / may.sum() - 0.15) < 0.002
    ids, before = found.ids[chosen], found.hidden[chosen]
    assert (before == whole.ids[chosen]).all()
    assert abs((ids == MASK).mean() - 0.8) < 0.015
    assert abs((ids == before).mean() - 0.1) < 0.012
    exchanged = ids[(ids != MASK) & (ids != before)]
    assert abs(len(exchanged) / len(ids) - 0.1) < 0.012
    assert not np.isin(exchanged, SPECIAL).any()
    assert len(np.unique(exchanged)) > 300  # from all over the vocabulary
    assert (found.ids[~chosen] == whole.ids[~chosen]).all()


def test_special_tokens_are_never_hidden() -> None:
    found = masking().hidden(batch([[0, 1, 2, 3, 0, 1]]), 0)
    assert found.hidden is not None
    assert (found.ids.tolist(), found.hidden.tolist()) == ([0, 1, 2, 3, 0, 1], [-1] * 6)
    assert found.weights is not None
    assert found.weights.tolist() == [1.0]  # and not a division by zero


def test_a_text_of_two_words_has_one_of_them_hidden() -> None:
    found = masking().hidden(batch([[1, 50, 60, 2]]), 0)
    assert found.hidden is not None
    assert (found.hidden >= 0).sum() == 1


@given(st.integers(0, 2**32 - 1), st.integers(0, 50), st.lists(st.integers(1, 40), min_size=1, max_size=8), st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_hidden_of_a_row_hangs_on_seed_epoch_and_row_alone(
    seed: int, epoch: int, lengths: list[int], data: st.DataObject
) -> None:
    texts = encoded(sequences(lengths, vocabulary=VOCABULARY))
    order = np.asarray(data.draw(st.permutations(range(len(lengths)))), np.int64)
    whole = rows_of(masking(seed).hidden(gather(texts, np.arange(len(lengths)), None), epoch))
    for part in np.array_split(order, 2):
        if len(part):
            for row, found in rows_of(masking(seed).hidden(gather(texts, part, None), epoch)).items():
                assert found == whole[row]


def test_another_epoch_seed_or_row_hides_others() -> None:
    texts = batch(sequences([200] * 2, vocabulary=VOCABULARY))
    first = masking().hidden(texts, 0).hidden
    assert first is not None
    places = {tuple(np.flatnonzero(part >= 0).tolist()) for part in (first[:200], first[200:])}
    for other in (masking().hidden(texts, 1).hidden, masking(8).hidden(texts, 0).hidden):
        assert other is not None
        places.add(tuple(np.flatnonzero(other[:200] >= 0).tolist()))
    assert len(places) == 4


def test_these_are_the_places_of_seed_7() -> None:
    found = masking().hidden(batch([list(range(10, 50))]), 2)
    assert found.hidden is not None
    assert found.hidden[found.hidden >= 0].tolist() == [16, 17, 18, 36, 42, 43]


def test_fixed_masks_are_the_same_each_time_and_those_of_no_epoch() -> None:
    texts = encoded(sequences([50, 60], vocabulary=VOCABULARY))
    one, other = masking().fixed(texts), masking().fixed(texts)
    assert one.hidden is not None
    assert other.hidden is not None
    assert (one.ids == other.ids).all()
    assert (one.hidden == other.hidden).all()
    epoch = masking().hidden(gather(texts, np.arange(2), None), 0).hidden
    assert (one.hidden != epoch).any()


def test_the_rows_of_a_batch_count_so_that_its_loss_is_the_mean_over_hidden_tokens() -> None:
    found = masking().hidden(batch(sequences([40, 20, 7], vocabulary=VOCABULARY)), 0)
    assert found.hidden is not None
    assert found.weights is not None
    np.testing.assert_allclose(found.weights / len(found.rows), 1 / (found.hidden >= 0).sum())


def test_what_is_hidden_goes_with_its_rows_through_every_division() -> None:
    found = masking().hidden(gather(encoded(sequences([9, 30, 14, 22], vocabulary=VOCABULARY)), np.arange(4), None), 0)
    whole = rows_of(found)
    parts = [*cut(found, 25), *(share(found, index, 2) for index in range(2)), select(found, np.array([2, 0]))]
    for part in parts:
        assert all(row == whole[number] for number, row in rows_of(part).items())
    alone = encoded_of(found)
    assert alone.hidden is not None
    assert found.hidden is not None
    assert (alone.hidden == found.hidden).all()
