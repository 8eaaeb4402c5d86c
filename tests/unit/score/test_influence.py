import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from whet.score import influence

SCORES = {influence.of_area: sk.roc_auc_score, influence.of_precision: sk.average_precision_score}


@st.composite
def judged(draw):
    """Probabilities, often equal ones, and answers of both kinds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(4, 60))
    true = rng.random(rows) < draw(st.sampled_from([0.1, 0.5]))
    true[0], true[1] = True, False
    return np.round(rng.random(rows) * 0.7 + 0.3 * true, draw(st.sampled_from([1, 9]))), true


@pytest.mark.parametrize("moved", SCORES)
@settings(max_examples=60, deadline=None)
@given(case=judged())
def test_an_influence_is_what_a_little_more_weight_of_a_row_changes(moved, case):
    shares, true = case
    found, tiny = moved(shares, true), 1e-6
    for row in range(0, len(true), 7):
        weights = np.ones(len(true))
        weights[row] += tiny
        more = SCORES[moved](true, shares, sample_weight=weights)
        assert found[row] == pytest.approx((more - SCORES[moved](true, shares)) / tiny, abs=1e-4)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_the_error_of_an_area_is_that_of_delong():
    rng = np.random.default_rng(1)
    true = rng.random(400) < 0.3
    shares = rng.normal(size=400) + true
    with_, without = shares[true], shares[~true]
    wins = (with_[:, None] > without).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / len(with_) + wins.mean(axis=0).var(ddof=1) / len(without)
    assert np.linalg.norm(influence.of_area(shares, true)) == pytest.approx(variance**0.5, rel=0.01)


def test_an_area_without_a_mistake_has_no_interval():
    shares, true = np.array([[0.1], [0.9]]), np.array([[False], [True]])
    assert influence.interval_of_mean(shares, true, influence.of_area, 1.0) is None
