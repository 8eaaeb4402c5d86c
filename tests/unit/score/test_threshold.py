import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.score import threshold
from whet.score.threshold import tune


def column(*values):
    return np.array(values)[:, None]


def f1(true, predicted):
    """As scikit-learn's f1_score with zero_division=0, which takes a millisecond to check its arguments."""
    named = true.sum() + predicted.sum()
    return 2 * (true & predicted).sum() / named if named else 0.0


@st.composite
def answered(draw):
    """Probabilities with ties and at the ends, and true answers that hang on them more or less."""
    rows = draw(st.integers(5, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = np.round(rng.random((rows, 3)) ** draw(st.sampled_from([1, 4])), draw(st.integers(1, 6)))
    true = probabilities + rng.normal(scale=draw(st.sampled_from([0.1, 1.0])), size=(rows, 3)) > 0.5
    return probabilities, true


@settings(max_examples=150, deadline=None)
@given(answered())
def test_no_other_threshold_gives_a_better_f1(case):
    probabilities, true = case
    for c, chosen in enumerate(tune(probabilities, true)):
        mine = f1(true[:, c], probabilities[:, c] >= chosen)
        if true[:, c].sum() < threshold.FEWEST:
            assert chosen == 0.5
        else:
            others = [f1(true[:, c], probabilities[:, c] >= other) for other in np.unique(probabilities[:, c])]
            assert mine == pytest.approx(max(others), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(answered(), st.sampled_from([0.3, 0.5, 2.0, 3.0]))
def test_probabilities_that_are_bent_but_keep_their_order_give_the_same_f1(case, power):
    probabilities, true = case
    bent = probabilities**power
    plain, moved = tune(probabilities, true), tune(bent, true)
    for c in range(3):
        if true[:, c].sum() >= threshold.FEWEST:
            before = f1(true[:, c], probabilities[:, c] >= plain[c])
            assert f1(true[:, c], bent[:, c] >= moved[c]) == pytest.approx(before, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(answered(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_of_no_account(case, random):
    probabilities, true = case
    order = list(range(len(true)))
    random.shuffle(order)
    assert tune(probabilities[order], true[order]).tolist() == tune(probabilities, true).tolist()


def test_a_threshold_stands_midway_between_the_answers_that_it_parts():
    found = tune(column(0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9), column(0, 0, 0, 1, 1, 1, 1, 1).astype(bool))
    assert found.tolist() == [pytest.approx(0.35)]


@pytest.mark.parametrize(("fourth", "last", "chosen"), [(0.8, 0.25, 0.65), (0.6, 0.25, 0.125), (0.75, 0.25, 0.625)])
def test_of_two_stretches_of_equal_f1_the_wider_is_taken_and_else_the_higher(fourth, last, chosen):
    # Of six true rows the four most probable rows have four, F1 = 8 / 10, and all nine rows have six, 12 / 15.
    probabilities = column(0.95, 0.9, 0.85, fourth, 0.5, 0.4, 0.35, 0.3, last)
    true = column(1, 1, 1, 1, 0, 0, 0, 1, 1).astype(bool)
    assert tune(probabilities, true).tolist() == [pytest.approx(chosen)]


def test_neighbouring_thresholds_of_equal_f1_are_one_stretch():
    # Of five true rows 4 answers have three, F1 = 6 / 9; 7 answers have four, 8 / 12; 12 answers all, 10 / 17.
    probabilities = column(*[0.8] * 4, *[0.5] * 3, *[0.2] * 5)
    true = column(1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0).astype(bool)
    assert tune(probabilities, true).tolist() == [pytest.approx(0.5)]


def test_a_label_with_few_true_rows_stays_at_a_half():
    probabilities = np.linspace(0, 0.4, 40)[:, None]
    for rows in (0, threshold.FEWEST - 1):
        true = np.arange(40)[:, None] >= 40 - rows
        assert tune(probabilities, true).tolist() == [0.5]
    true = np.arange(40)[:, None] >= 40 - threshold.FEWEST
    assert tune(probabilities, true)[0] < 0.4


def test_equal_probabilities_are_all_predicted():
    assert tune(np.full((9, 1), 0.25), np.ones((9, 1), dtype=bool)).tolist() == [0.125]
    assert tune(np.zeros((9, 1)), np.ones((9, 1), dtype=bool)).tolist() == [0.0]


def test_between_neighbouring_floats_the_upper_one_parts_them():
    low = 0.3
    high = float(np.nextafter(low, 1))
    probabilities = column(*[low] * 9, *[high] * 9)
    true = column(*[0] * 9, *[1] * 9).astype(bool)
    assert ((probabilities >= tune(probabilities, true)) == true).all()


def test_other_shapes_and_probabilities_beyond_one_are_refused():
    with pytest.raises(ValueError, match=r"expected both \[B, C\]"):
        tune(np.zeros((3, 2)), np.zeros((3, 1), dtype=bool))
    for strange in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="a probability outside of 0 to 1"):
            tune(column(0.5, strange), column(0, 1).astype(bool))
