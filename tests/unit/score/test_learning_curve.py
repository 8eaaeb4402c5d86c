"""What parts of the training rows brought, and the forecast for twice as many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.labels import LabelSet
from whet.score import learning_curve
from whet.score.learning_curve import EXPONENT, Learnt, document, gain, judged, score_of, sentence
from whet.settings.values import MetricFunction

NAMES = LabelSet(("bad", "good"), "good", "", "one")
NUMBER = LabelSet(("score",), None, "", "value")


def answering(true: np.ndarray, share_right: float, share: float, rows: int, seed: int = 0) -> Learnt:
    """A model that answers so many of the rows right, the same rows as every weaker one."""
    wrong = np.random.default_rng(seed).permutation(len(true)) >= round(share_right * len(true))
    answered = np.where(wrong, 1 - true, true)
    return Learnt(share, rows, np.eye(2)[answered] * 4.0)


def curve_of(*right: float, validation: int, metric: Any = "accuracy", rows: int = 400) -> Any:
    true = np.arange(validation) % 2
    points = [
        answering(true, each, share, round(share * rows))
        for each, share in zip(right, (0.25, 0.5, 1.0), strict=True)
    ]  # fmt: skip
    return document(points, true, NAMES, metric)


def test_scores_on_an_inverse_power_law_are_forecast_exactly() -> None:
    law = lambda rows: 0.95 - 0.6 * rows**-EXPONENT  # noqa: E731
    scores = np.array([law(100), law(200), law(400)])
    assert gain(scores, EXPONENT) == pytest.approx(law(800) - law(400))


def test_with_an_exponent_near_0_each_doubling_brings_as_much_as_the_ones_before() -> None:
    assert gain(np.array([0.7, 0.75, 0.8]), 1e-6) == pytest.approx(0.05, abs=1e-5)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0.01, 2))
def test_more_labels_are_never_forecast_to_do_harm(scores: list[float], exponent: float) -> None:
    assert gain(np.array(scores), exponent) >= 0


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(-5, 5), st.floats(0.01, 2))
def test_a_forecast_does_not_hang_on_where_the_scale_begins(scores: list[float], shift: float, exponent: float) -> None:
    assert gain(np.array(scores) + shift, exponent) == pytest.approx(gain(np.array(scores), exponent), abs=1e-6)


def test_many_resamples_at_once_are_those_one_by_one() -> None:
    drawn = np.random.default_rng(0).random((5, 3))
    exponents = np.linspace(0.1, 0.5, 5)
    together = gain(drawn, exponents)
    assert together == pytest.approx([float(gain(row, c)) for row, c in zip(drawn, exponents, strict=True)])


def test_a_curve_that_rises_on_many_rows_is_worth_labels() -> None:
    found = curve_of(0.70, 0.78, 0.85, validation=2_000)
    assert [point["score"] for point in found["points"]] == [0.70, 0.78, 0.85]
    assert found["forecast"]["outcome"] == "worth"
    assert found["forecast"]["rows"] == 800
    low, high = found["forecast"]["gain_interval"]
    assert 0.03 < low < found["forecast"]["gain"] < high < 0.10
    assert found["sentence"]["en"].endswith("more labels are worth it.")


def test_a_flat_curve_on_many_rows_would_change_little() -> None:
    found = curve_of(0.899, 0.9, 0.9, validation=4_000)
    assert found["forecast"]["outcome"] == "little"
    assert found["sentence"]["ko"].endswith("라벨을 더 모아도 거의 달라지지 않습니다.")


def test_forty_validation_rows_do_not_tell() -> None:
    true = np.arange(40) % 2
    points = [
        answering(true, right, share, round(share * 400), seed)
        for seed, (right, share) in enumerate(zip((0.85, 0.875, 0.9), (0.25, 0.5, 1.0), strict=True))
    ]
    assert document(points, true, NAMES, "accuracy")["forecast"]["outcome"] == "open"  # type: ignore[index]


def test_rows_on_which_all_models_answer_alike_tell_of_no_small_gain_unless_they_are_many() -> None:
    assert curve_of(1.0, 1.0, 1.0, validation=25)["forecast"]["outcome"] == "open"
    assert curve_of(1.0, 1.0, 1.0, validation=299)["forecast"]["outcome"] == "open"
    assert curve_of(1.0, 1.0, 1.0, validation=300)["forecast"]["outcome"] == "little"


def test_a_score_never_rises_above_the_best_there_is() -> None:
    found = curve_of(0.6, 0.8, 1.0, validation=100)
    assert found["forecast"]["score"] == 1.0
    assert found["forecast"]["interval"][1] == 1.0
    assert found["forecast"]["gain"] == 0.0


def test_of_an_error_less_is_better_and_it_is_told_as_it_is() -> None:
    true = np.linspace(0, 10, 500)
    noise = np.random.default_rng(0).normal(size=(500, 1))
    points = [
        Learnt(share, rows, true[:, None] + off * noise)
        for share, rows, off in ((0.25, 100, 2.0), (0.5, 200, 1.5), (1.0, 400, 1.1))
    ]
    found: Any = document(points, true, NUMBER, "rmse")
    scores = [point["score"] for point in found["points"]]
    assert scores == sorted(scores, reverse=True)
    assert score_of(points[0], true, NUMBER, "rmse") == scores[0] > 0
    forecast = found["forecast"]
    assert 0 < forecast["score"] < scores[-1]
    assert forecast["interval"][0] <= forecast["score"] <= forecast["interval"][1]
    assert forecast["gain"] == pytest.approx(scores[-1] - forecast["score"])
    assert forecast["outcome"] == "worth"


def test_scores_of_probabilities_and_scorers_have_intervals_and_a_function_of_the_users_has_none() -> None:
    for metric in ("roc_auc", "loss", "neg_log_loss"):
        found = curve_of(0.7, 0.8, 0.9, validation=60, metric=metric)
        assert len(found["forecast"]["interval"]) == 2, metric

    def agreeing(true: Any, shares: Any) -> float:
        assert len(true) == 60, "it is given the rows as they are"
        return float((shares.argmax(axis=1) == true).mean())

    # The function is only asked about the whole side.
    found = curve_of(0.7, 0.8, 0.9, validation=60, metric=MetricFunction.of(agreeing))
    assert found["metric"].endswith("agreeing")
    assert found["forecast"]["outcome"] == "open"
    assert "interval" not in found["forecast"]


def test_without_one_of_its_points_nothing_is_forecast() -> None:
    true = np.arange(50) % 2
    points = [answering(true, 0.8, 0.5, 200), answering(true, 0.9, 1.0, 400)]
    found = document(points, true, NAMES, "macro_f1")
    assert set(found) == {"metric", "validation_rows", "points"}


@pytest.mark.parametrize(
    ("expected", "low", "high", "outcome"),
    [(0.02, 0.001, 0.05, "worth"), (0.02, 0.0, 0.05, "open"), (0.004, 0.0, 0.009, "little"),
     (0.004, 0.001, 0.009, "little"), (0.004, 0.001, 0.02, "open")],
)  # fmt: skip
def test_worth_it_needs_a_gain_above_chance_and_of_a_point(
    expected: float, low: float, high: float, outcome: str
) -> None:
    assert judged(expected, low, high, learning_curve.LEAST_GAIN, 1_000) == outcome


def test_the_sentence_has_the_figures_and_without_an_interval_none() -> None:
    known = {"rows": 2_400, "score": 0.9123, "gain": 0.0211, "outcome": "worth"}
    assert sentence(known, "en") == (
        "With twice as many labels, 2,400 rows, it would be about 0.912, better by 0.021: more labels are worth it."
    )
    whole = {**known, "interval": [0.893, 0.931], "gain_interval": [0.004, 0.038], "outcome": "open"}
    assert sentence(whole, "ko") == (
        "라벨을 두 배(2,400행)로 늘리면 약 0.912(0.893~0.931), 지금보다 0.021(0.004~0.038)만큼 나아질 것으로 "
        "예상됩니다. "
        "라벨을 더 모을 가치가 있는지는 지금 있는 행만으로는 알 수 없습니다."
    )
