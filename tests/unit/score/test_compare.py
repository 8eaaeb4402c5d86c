import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from whet.labels import LabelSet
from whet.score import several
from whet.score.compare import FEW, mcnemar, paired
from whet.score.values import pearson


def test_two_that_answer_alike_are_level():
    true = np.arange(100) % 2
    found = paired(true, true, true, "one", "tfidf")
    assert (found.difference, found.interval, found.p, found.mcnemar_p) == (0.0, (0.0, 0.0), 1.0, 1.0)
    assert found.level


def test_the_difference_is_that_of_the_accuracies_and_its_interval_holds_it():
    true = np.zeros(1000, dtype=np.int64)
    mine, theirs = (np.arange(1000) >= 900).astype(int), (np.arange(1000) < 160).astype(int)
    found = paired(true, mine, theirs, "one", "tfidf")
    assert (found.against, found.metric) == ("tfidf", "accuracy")
    assert found.difference == pytest.approx(0.06)
    # 160 rows that only the model has right and 100 that only the rival has: standard error 1.6 points.
    assert found.interval == pytest.approx((0.06 - 1.96 * 0.016, 0.06 + 1.96 * 0.016), abs=0.002)
    assert found.p < 0.001
    assert found.mcnemar_p == pytest.approx(stats.chi2.sf((60 - 1) ** 2 / 260, 1))
    assert not found.level


def test_rows_that_both_have_wrong_or_right_alike_say_nothing_of_who_is_better():
    true, mine, theirs = np.zeros(400, dtype=int), np.arange(400) < 10, np.arange(400) < 4
    more = [np.concatenate([each, np.ones(400, dtype=int)]) for each in (true, mine, theirs)]
    few, many = paired(true, mine, theirs, "one", "tfidf"), paired(*more, "one", "tfidf")
    assert few.mcnemar_p == many.mcnemar_p == pytest.approx(stats.binomtest(0, 6).pvalue)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_p_is_that_of_scipy(mine, theirs):
    if mine + theirs < FEW:
        expected = stats.binomtest(mine, mine + theirs).pvalue if mine + theirs else 1.0
    else:
        expected = stats.chi2.sf(max(0, abs(mine - theirs) - 1) ** 2 / (mine + theirs), 1)
    assert mcnemar(mine, theirs) == pytest.approx(expected, abs=1e-12)


def test_several_labels_are_compared_by_macro_f1():
    rng = np.random.default_rng(0)
    true = rng.random((300, 3)) < 0.3
    mine, theirs = true ^ (rng.random((300, 3)) < 0.05), true ^ (rng.random((300, 3)) < 0.3)
    labels = LabelSet(("a", "b", "c"), None, "", kind="several")
    found = paired(true, mine, theirs, "several", "tfidf")
    ours, others = (several.scores(true, each, labels, dict.fromkeys("abc", 0.5)).macro_f1 for each in (mine, theirs))
    assert (found.metric, found.mcnemar_p) == ("macro_f1", None)
    assert found.difference == pytest.approx(ours - others)
    assert found.interval[0] > 0.2


def test_values_are_compared_by_their_correlation():
    rng = np.random.default_rng(0)
    true = rng.normal(size=300)
    mine, theirs = true + rng.normal(size=300), true + 3 * rng.normal(size=300)
    found = paired(true, mine, theirs, "value", "tfidf")
    assert found.difference == pytest.approx(pearson(true, mine) - pearson(true, theirs), abs=1e-9)
    assert found.metric == "pearson"
    assert 0 < found.interval[0] < found.difference < found.interval[1]


@pytest.mark.parametrize("kind", ["one", "several", "value"])
def test_the_same_answers_give_the_same_bits_and_changed_sides_the_other_sign(kind):
    rng = np.random.default_rng(3)
    shape = (40, 3) if kind == "several" else 40
    true, mine, theirs = (rng.integers(2, size=shape) for _ in range(3))
    found, turned = paired(true, mine, theirs, kind, "tfidf"), paired(true, theirs, mine, kind, "tfidf")
    assert paired(true, mine, theirs, kind, "tfidf") == found
    assert turned.difference == pytest.approx(-found.difference, abs=1e-12)
