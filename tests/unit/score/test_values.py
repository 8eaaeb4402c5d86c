import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from whet.score.values import loss, scores


@st.composite
def measured(draw):
    """True and predicted values with ties, at scales between the tiny and the huge."""
    rows = draw(st.integers(2, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    true = np.round(rng.normal(size=rows), draw(st.integers(0, 3)))
    predicted = np.round(true + rng.normal(scale=draw(st.sampled_from([0.1, 1, 10])), size=rows), 1)
    scale, shift = draw(st.sampled_from([1e-6, 1.0, 1e6])), draw(st.sampled_from([0.0, 3.0]))
    return (true + shift) * scale, (predicted + shift) * scale


@settings(max_examples=200, deadline=None)
@given(measured())
def test_every_score_equals_that_of_scipy_and_scikit_learn(case):
    true, predicted = case
    found = scores(true, predicted)
    assert found.rows == len(true)
    if np.ptp(true) > 0 and np.ptp(predicted) > 0:
        assert found.pearson == pytest.approx(float(stats.pearsonr(true, predicted).statistic), abs=1e-9)
        assert found.spearman == pytest.approx(float(stats.spearmanr(true, predicted).statistic), abs=1e-9)
    else:
        assert (found.pearson, found.spearman) == (0.0, 0.0)
    assert found.mae == pytest.approx(sk.mean_absolute_error(true, predicted), rel=1e-12)
    assert found.rmse == pytest.approx(sk.root_mean_squared_error(true, predicted), rel=1e-12)
    if np.ptp(true) > 0:
        assert found.r2 == pytest.approx(sk.r2_score(true, predicted), rel=1e-9, abs=1e-9)
    else:
        assert found.r2 is None
    assert loss(predicted, true) == pytest.approx(found.rmse**2, rel=1e-12)


def test_scores_of_a_small_case_worked_out_by_hand():
    found = scores(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 6.0]))
    assert found.pearson == pytest.approx(7 / math.sqrt(5 * 14))
    assert found.spearman == pytest.approx(0.8)
    assert (found.mae, found.rmse) == (1.0, pytest.approx(math.sqrt(6 / 4)))


def test_equal_values_have_the_mean_of_their_ranks():
    true, predicted = np.array([1.0, 2.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0])
    assert scores(true, predicted).spearman == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 2, 3, 4])[0, 1])


@pytest.mark.parametrize("constant", [0.1, 1e100, 5.0])
def test_a_constant_side_has_no_correlation_though_its_mean_is_rounded(constant):
    other = np.arange(7.0)
    for pair in ((np.full(7, constant), other), (other, np.full(7, constant))):
        found = scores(*pair)
        assert (found.pearson, found.spearman) == (0.0, 0.0)


@settings(max_examples=100, deadline=None)
@given(measured(), st.sampled_from([1e-100, 0.37, 1e100]), st.sampled_from([-2.0, 0.0, 5.0]))
def test_correlations_ignore_scale_and_shift_and_stay_within_one(case, scale, shift):
    true, predicted = case
    plain, moved = scores(true, predicted), scores(true, (predicted + shift * np.ptp(predicted)) * scale)
    assert moved.pearson == pytest.approx(plain.pearson, abs=1e-9)
    assert -1 <= moved.pearson <= 1
    assert -1 <= moved.spearman <= 1
    assert scores(true, -predicted).pearson == pytest.approx(-plain.pearson, abs=1e-9)
    assert scores(true, -predicted).spearman == pytest.approx(-plain.spearman, abs=1e-9)


def test_float32_values_are_scored_in_float64():
    true, predicted = np.array([0.1, 0.2, 0.4], dtype=np.float32), np.array([0.3, 0.1, 0.2])
    assert scores(true, predicted) == scores(true.astype(np.float64), predicted)


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([], [], "expected as many, and at least one"),
        ([1.0, 2.0], [1.0], "expected as many, and at least one"),
        ([1.0, 2.0], [[1.0], [2.0]], "expected as many, and at least one"),
        ([1.0, 2.0], [1.0, math.nan], "a value that is not finite"),
        ([1.0, math.inf], [1.0, 2.0], "a value that is not finite"),
    ],
)
def test_no_rows_unequal_lengths_and_values_that_are_not_finite_are_refused(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        scores(np.array(true), np.array(predicted))
    with pytest.raises(ValueError, match=message):
        loss(np.array(predicted), np.array(true))
