"""Calibration: the temperature that is fitted, and how true probabilities are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.labels import LabelSet
from whet.score import calibration
from whet.score.calibration import Fitted, answered, as_json, bins, fit, moved
from whet.score.metrics import log_loss, sigmoid, softmax
from whet.score.probabilistic import calibration_error

TWO = LabelSet(("no", "yes"), "yes", "")
THREE = LabelSet(("a", "b", "c"), None, "")
MANY = LabelSet(("a", "b", "c"), None, "", "several")
NUMBER = LabelSet(("score",), None, "", "value")


def drawn(rows: int, labels: LabelSet, *, temperature: float, seed: int = 0, size: float = 2.0):
    """Logits that are `temperature` times too large, and answers drawn by the true probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(rows, len(labels))) * size
    if labels.kind == "several":
        return true * temperature, rng.random(true.shape) < sigmoid(true)
    chance = softmax(true).cumsum(axis=1)
    answers = (chance < rng.random((rows, 1))).sum(axis=1)
    return true * temperature, np.minimum(answers, len(labels) - 1)


@pytest.mark.parametrize("labels", [TWO, THREE, MANY], ids=["two", "three", "several"])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_by_which_logits_are_too_large_is_found(labels, temperature):
    fitted = fit(*drawn(20_000, labels, temperature=temperature), labels)
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.reason == "fitted on 20,000 validation rows"


@pytest.mark.parametrize("labels", [THREE, MANY], ids=["one", "several"])
def test_no_other_temperature_has_a_lower_log_loss(labels):
    logits, targets = drawn(400, labels, temperature=1.7)
    found = fit(logits, targets, labels).temperature
    least = loss(logits / found, targets, labels)
    assert least <= min(loss(logits / other, targets, labels) for other in np.geomspace(0.06, 19, 300))


def loss(logits, targets, labels):
    section = as_json(Fitted(None, ""), {"test": (logits, targets)}, labels, least=None)["test"]
    assert section["log_loss_after"] == section["log_loss_before"]
    return section["log_loss_after"]


@pytest.mark.parametrize(
    ("rows", "wrong", "reason"),
    [
        (49, 20, "20 answers to 49 validation rows are wrong, and 10 wrong answers on 50 rows are the least that "
                 "tell a temperature"),
        (3_000, 0, "0 answers to 3,000 validation rows are wrong, and 10 wrong answers on 50 rows are the least that "
                   "tell a temperature"),
        (200, 9, "9 answers to 200 validation rows are wrong, and 10 wrong answers on 50 rows are the least that "
                 "tell a temperature"),
    ],
)  # fmt: skip
def test_too_few_rows_and_too_few_wrong_ones_tell_none(rows, wrong, reason):
    targets = np.zeros(rows, np.int64)
    logits = np.tile([2.0, 0.0], (rows, 1))
    logits[:wrong] = [0.0, 1.0]
    assert fit(logits, targets, TWO) == Fitted(None, reason)


def test_numbers_and_logits_that_are_not_finite_have_none():
    assert fit(np.zeros((100, 1)), np.zeros(100), NUMBER) == Fitted(None, "numbers have no probabilities")
    broken = np.full((100, 2), np.nan)
    assert fit(broken, np.zeros(100, np.int64), TWO) == Fitted(None, "there are logits that are not finite")


def test_a_model_that_knows_nothing_stays_within_the_bounds():
    targets = np.arange(200) % 2
    against = np.stack([targets, 1 - targets], axis=1) * 5.0  # always sure, always wrong
    assert fit(against, targets, TWO).temperature == pytest.approx(calibration.HIGHEST, rel=1e-6)
    same = np.zeros((200, 2))  # any temperature is as good
    assert calibration.LOWEST <= fit(same, targets, TWO).temperature <= calibration.HIGHEST


def test_at_the_least_rows_and_errors_a_temperature_gains_more_than_it_loses():
    """The simulation that FEWEST_ROWS and FEWEST_WRONG come from: log loss on 4,000 further rows."""
    gains = {}
    for temperature in (1.0, 1.5):
        held, true = drawn(4_000, TWO, temperature=temperature, seed=1, size=2.5)
        before = log_loss(held, true)
        found = [fit(*drawn(80, TWO, temperature=temperature, seed=seed, size=2.5), TWO) for seed in range(2, 102)]
        assert 5 < sum(one.temperature is None for one in found) < 95  # it is about the least
        gains[temperature] = np.mean([before - log_loss(held / one.divisor, true) for one in found])
    assert gains[1.5] > 0.008
    assert -gains[1.0] < gains[1.5]


@settings(max_examples=50, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0.05, 20))
def test_moved_thresholds_give_the_same_answers(threshold, temperature):
    logits = np.linspace(-6, 6, 1001)
    after = moved({"a": threshold}, temperature)["a"]
    shares, calm = sigmoid(logits), sigmoid(logits / temperature)
    clear = np.abs(shares - threshold) > 1e-9
    assert ((shares >= threshold) == (calm >= after))[clear].all()


def test_thresholds_at_the_ends_and_in_the_middle_stay():
    assert moved({"a": 0.0, "b": 0.5, "c": 1.0}, 3.0) == {"a": 0.0, "b": 0.5, "c": 1.0}


def test_bins_and_the_error_are_counted_by_hand():
    sure = np.array([0.52, 0.53, 0.98, 1.0])
    right = np.array([True, False, True, True])
    first, last = bins(sure, right)
    assert first == {"low": 7 / 15, "high": 8 / 15, "rows": 2, "confidence": pytest.approx(0.525), "accuracy": 0.5}
    assert last == {"low": 14 / 15, "high": 1.0, "rows": 2, "confidence": pytest.approx(0.99), "accuracy": 1.0}
    assert calibration_error(sure, right) == pytest.approx((2 * 0.025 + 2 * 0.01) / 4)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_error_is_that_of_the_bins(rows, seed):
    rng = np.random.default_rng(seed)
    sure, right = np.round(rng.random(rows), 2), rng.random(rows) < 0.5
    parts = bins(sure, right)
    assert sum(part["rows"] for part in parts) == rows
    whole = sum(part["rows"] * abs(part["accuracy"] - part["confidence"]) for part in parts)
    assert calibration_error(sure, right) == pytest.approx(whole / rows)


def test_coverage_counts_the_rows_at_a_confidence_and_above():
    sure, right = np.array([0.6, 0.9, 0.95, 0.99]), np.array([False, True, False, True])
    expected = {"min_confidence": 0.9, "rows": 3, "coverage": 0.75, "accuracy": pytest.approx(2 / 3)}
    assert answered(sure, right, 0.9) == expected
    assert answered(sure, right, 1.0) == {"min_confidence": 1.0, "rows": 0, "coverage": 0.0, "accuracy": None}


def test_metrics_tell_of_each_side_before_and_after_and_of_the_last_in_full():
    logits, targets = drawn(2_000, THREE, temperature=2.0)
    fitted = fit(logits, targets, THREE)
    calm = logits / fitted.divisor
    sides = {"validation": (calm[:1000], targets[:1000]), "test": (calm[1000:], targets[1000:])}
    found = as_json(fitted, sides, THREE, least=0.7)
    assert list(found) == ["temperature", "reason", "validation", "bins", "coverage", "answered", "test"]
    assert found["temperature"] == fitted.temperature
    for side, rows in (("validation", slice(0, 1000)), ("test", slice(1000, None))):
        told = found[side]
        assert told["log_loss_before"] == pytest.approx(log_loss(logits[rows], targets[rows]))
        assert told["log_loss_after"] == pytest.approx(log_loss(calm[rows], targets[rows]))
        assert told["ece_after"] < 0.6 * told["ece_before"]
    assert sum(part["rows"] for part in found["bins"]) == 1000
    curve = found["coverage"]
    assert curve[0] == {"min_confidence": 0.0, "rows": 1000, "coverage": 1.0, "accuracy": curve[0]["accuracy"]}
    assert [point["coverage"] for point in curve] == sorted((point["coverage"] for point in curve), reverse=True)
    assert [point["min_confidence"] for point in curve][-5:] == [0.97, 0.98, 0.99, 0.995, 0.999]
    assert found["answered"]["min_confidence"] == 0.7


def test_of_several_labels_there_is_no_coverage_and_of_numbers_nothing():
    logits, marks = drawn(200, MANY, temperature=1.0)
    assert "coverage" not in as_json(fit(logits, marks, MANY), {"test": (logits, marks)}, MANY, least=None)
    numbers = {"test": (np.zeros((2, 1)), np.zeros(2))}
    assert as_json(Fitted(None, ""), numbers, NUMBER, least=None) == {}
