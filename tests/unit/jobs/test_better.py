"""What is told of a linear model and of a network that were held against each other on validation."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from whet.jobs import better
from whet.jobs.linear import Fit, best
from whet.jobs.outcome import Scored
from whet.labels import LabelSet
from whet.preparing.given import Given, Rivals
from whet.records import Examples, Floats
from whet.settings import config

STARS = LabelSet(("stars",), None, "", kind="value")
TRUE = np.array([1.0, 2.0, 3.0, 4.0])
NEAR, FAR = (TRUE + 2 * np.array([1, -1, 1, -1]))[:, None], (TRUE + 3)[:, None]
SCORES: Mapping[str, tuple[float, float]] = {"r2": (-2.2, -6.2), "mae": (2.0, 3.0)}


def answering(logits: Floats) -> Any:
    """A linear model of these answers."""
    return SimpleNamespace(logits=lambda inputs: logits)


def given(metric: str) -> Given:
    rows = Examples("reviews.csv", ["a"] * 4, None, [""] * 4, range(4), values=TRUE.tolist())
    nothing: Any = None
    return Given(
        resolved=config.resolve({"metric": metric, "model": "embedded"}), inputs=nothing, labels=STARS, sides={},
        test=None, baselines=None, leaks=None, team=nothing, learnt={"validation": rows},
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["r2", "mae"])
def test_a_score_below_zero_is_told_with_its_sign_and_an_error_without(metric: str) -> None:
    near, far = SCORES[metric]
    folder: Any = SimpleNamespace(log=lambda notice: notice)
    nothing: Any = None
    telling = better.chosen(
        folder,
        given(metric),
        nothing,
        Rivals({"tfidf": answering(FAR)}, nothing, 0.0),
        Scored(nothing, NEAR, TRUE),
        60.0,
    )
    notice = next(telling)
    assert str(notice.message) == (
        f"auto: on validation the linear model has {metric} {far:.4f}, embedded {near:.4f}; the latter is handed out"
    )
    with pytest.raises(StopIteration) as ended:
        next(telling)
    auto = ended.value.value[0].auto
    assert (auto["linear"], auto["fine_tuned"]) == (pytest.approx(far), pytest.approx(near))


@pytest.mark.parametrize("metric", ["r2", "mae"])
def test_scores_of_two_linear_models_are_told_with_their_sign_too(metric: str) -> None:
    near, far = SCORES[metric]
    nothing: Any = None
    fits = [Fit(given(metric), answering(logits), {"validation": nothing}) for logits in (FAR, NEAR)]
    fit, _, told = best(fits, None, TRUE)
    assert fit is fits[1]
    assert [str(notice.message) for notice in told] == [
        f"of the linear models NB-SVM is better on validation: {metric} {near:.4f}, logistic regression {far:.4f}"
    ]
