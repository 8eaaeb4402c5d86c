"""Confidence intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from whet import intervals


def test_the_interval_of_a_share_is_that_of_wilson() -> None:
    # Wilson's interval for 81 of 263, as in Newcombe 1998, Statistics in Medicine 17, table I: 0.2553 to 0.3662.
    assert intervals.of_share(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.of_share(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert intervals.of_share(1.0, 20)[1] == 1.0


def test_the_interval_of_a_ratio_holds_it_in_about_95_of_100_draws() -> None:
    draw = np.random.default_rng(1)
    wholes = draw.geometric(0.01, 20_000)
    parts = np.maximum(wholes - 200, 0)
    true = parts.sum() / wholes.sum()
    held = 0
    for _ in range(400):
        rows = draw.choice(len(wholes), 1_000, replace=False)
        low, high = intervals.of_ratio(parts[rows], wholes[rows])
        held += low <= true <= high
    assert 0.92 * 400 <= held <= 0.985 * 400


def test_a_ratio_of_too_few_rows_may_be_anything() -> None:
    assert intervals.of_ratio(np.array([1]), np.array([2])) == (0.0, 1.0)
    assert intervals.of_ratio(np.array([0, 0]), np.array([0, 0])) == (0.0, 1.0)
