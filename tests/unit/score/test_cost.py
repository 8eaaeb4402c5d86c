"""What linear models are expected to take."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from whet.labels import LabelSet
from whet.score import cost
from whet.score.cost import expected_bytes, has_nbsvm, held_back_seconds, seconds

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
THREE = LabelSet(("bad", "good", "plain"), None, "")
SEVERAL = LabelSet(("a", "b", "c"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")
TEN = ["ten chars."] * 10  # each of three pieces: two words, and both in a row
MANY = TEN * 1000
SIZE, LARGE = sqrt(30 / 1e6), sqrt(30_000 / 1e6)  # roots of millions of pieces
IN_PARTS = (2 / 3) ** 1.5  # a fit of two thirds of the rows


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the texts takes one second: all of TEN, and a fiftieth of MANY."""
    ticks = iter(range(1000))
    monkeypatch.setattr(cost.time, "perf_counter", lambda: float(next(ticks)))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("labels", "searched", "plain"),
    [
        (
            THREE,
            11.0 + SIZE * 3 * (0.7 * (1 + 15 * IN_PARTS) + 0.5),
            50 * (3.0 + LARGE * 3 * (0.7 + 0.5)),
        ),
        (
            BINARY,
            11.0 + SIZE * (0.7 * (1 + 15 * IN_PARTS) + 0.5),
            50 * (3.0 + LARGE * (0.7 + 0.5)),
        ),
        (VALUE, 11.0 + 0.5 * (1 + 15 * IN_PARTS), 50 * 3.5),
        (
            SEVERAL,
            11.0 + 3 * (1 + 15 * IN_PARTS) * (0.4 * SIZE + 0.003),
            50 * 11.0 + 3 * (1 + 3 * IN_PARTS) * (50 * 0.4 * LARGE + 0.003),
        ),
    ],
)
def test_the_time_grows_with_what_is_learnt_and_searched_for(labels: LabelSet, searched: float, plain: float) -> None:
    assert seconds(TEN, labels).learning == pytest.approx(searched)
    assert seconds(MANY, labels).learning == pytest.approx(plain)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("labels", "expected"),
    [(THREE, 3.0 + SIZE * 3 * 0.7), (VALUE, 3.5), (SEVERAL, 3.0 + 3 * (0.4 * SIZE + 0.003))],
)
def test_a_model_more_takes_its_features_and_a_fit(labels: LabelSet, expected: float) -> None:
    assert seconds(TEN, labels).again == pytest.approx(expected)


@pytest.mark.usefixtures("clock")
def test_what_nbsvm_takes_is_told_apart_and_can_be_left_out() -> None:
    both, alone = seconds(MANY, THREE), seconds(MANY, THREE, nbsvm=False)
    assert both.nbsvm == pytest.approx(50 * LARGE * 3 * 0.5)
    assert (alone.nbsvm, alone.learning) == (0.0, pytest.approx(both.learning - both.nbsvm))
    assert [seconds(MANY, labels).nbsvm for labels in (SEVERAL, VALUE)] == [0.0, 0.0]
    assert seconds(TEN, BINARY, second=TEN).nbsvm == 0.0


@pytest.mark.usefixtures("clock")
def test_answers_take_twice_the_look_and_of_pairs_more() -> None:
    alone = seconds(TEN, BINARY)
    assert alone.of(["ten chars.", "more"]) == pytest.approx(alone.learning + 2.0 * 14 / 100)
    pairs = seconds(TEN, BINARY, second=TEN)
    assert pairs.learning == pytest.approx(23.5 + sqrt(60 / 1e6) * 0.7 * (1 + 15 * IN_PARTS))
    assert pairs.of(TEN, TEN) == pytest.approx(pairs.learning + 5.5)


@pytest.mark.usefixtures("clock")
def test_answers_to_rows_held_back_take_three_models_on_two_thirds_each() -> None:
    assert held_back_seconds(TEN, BINARY) == pytest.approx(3 * 2 / 3 * (3.0 + SIZE * 0.7) + 2.0)


def test_a_search_is_made_of_few_rows_and_can_be_left_out() -> None:
    looked = {
        (rows, asked): seconds(["a film"] * rows, BINARY, search=asked)
        for rows in (5000, 5001)
        for asked in (False, True)
    }
    share = {key: each.learning / each.answering for key, each in looked.items()}  # of whatever the look took
    assert share[5001, True] == pytest.approx(share[5001, False]) == pytest.approx(share[5000, False], rel=1e-3)
    assert share[5000, True] > 3 * share[5001, True]


@pytest.mark.parametrize(
    ("own", "job", "there"), [(2.0, 60.0, True), (2.1, 60.0, False), (6.0, 300.0, True), (6.1, 300.0, False)]
)
def test_nbsvm_is_left_out_where_it_takes_more_than_two_seconds_and_than_a_fiftieth_of_the_job(
    own: float, job: float, there: bool
) -> None:
    assert has_nbsvm(own, job) is there


def test_memory_grows_with_the_characters_the_pairs_and_the_labels() -> None:
    libraries = cost.LIBRARIES
    assert expected_bytes(TEN) == libraries + 100 * 28
    assert expected_bytes(["영화가 재미있다"]) == libraries + 8 * 160
    assert expected_bytes(TEN, second=TEN) == libraries + 200 * 28 * 4
    assert expected_bytes(TEN, SEVERAL) == libraries + 100 * 28 + 10 * 3 * 8 * 5
    assert expected_bytes(MANY, SEVERAL) == libraries + 100_000 * 28 + 10_000 * 3 * 8


def test_rows_that_take_more_than_their_share_of_memory_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a film of forty characters, as they go .."] * 100
    assert cost.fitting_rows(texts) == 100
    needed = expected_bytes(texts) - cost.LIBRARIES
    monkeypatch.setattr(cost, "MOST_BYTES", needed // 4)
    assert cost.fitting_rows(texts) == 25
    assert cost.fitting_rows(texts, second=texts) == 3
    assert expected_bytes(texts) == cost.LIBRARIES + needed // 4


@pytest.mark.parametrize(("text", "each"), [("warm and lovely", 5), ("재미있는 영화", 24)])
def test_the_look_counts_the_pieces_that_linear_models_see(
    text: str, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: Any = iter(range(1000))
    monkeypatch.setattr(cost.time, "perf_counter", lambda: float(next(ticks)))
    found = seconds([text] * 6000, BINARY, nbsvm=False)
    pieces = 6000 * each
    assert found.learning == pytest.approx(30 * (3.0 + 0.7 * sqrt(pieces / 1e6)))


@pytest.mark.parametrize(("first", "second", "expected"), [(1.5, 1.0, 1.5), (9.0, 1.0, 1.0), (1.0, 9.0, 1.0)])
def test_a_look_in_which_the_machine_did_something_else_is_not_believed(
    first: float, second: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter((0.0, first, 100.0, 100.0 + second))
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(ticks))
    assert cost._look(TEN)[0] == pytest.approx(expected / sum(map(len, TEN)))
