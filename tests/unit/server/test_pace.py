from __future__ import annotations

import pytest

from whet.server.pace import GAIN, Pace


def test_a_burst_after_single_texts_is_not_measured_by_their_pace() -> None:
    pace = Pace()
    assert pace.known is None
    pace.see(30, 0.02, is_full=False)
    assert pace.known == pytest.approx(GAIN * 1_500)
    pace.see(600, 0.2, is_full=True)
    assert pace.known == pytest.approx(3_000)  # the guess is gone
    for _ in range(100):
        pace.see(30, 0.02, is_full=False)
    assert pace.known == pytest.approx(3_000)


def test_full_batches_are_followed_up_and_down_and_small_ones_up() -> None:
    pace = Pace()
    pace.see(1_000, 1.0, is_full=True)
    pace.see(2_000, 1.0, is_full=True)
    assert pace.known == pytest.approx(1_200)
    pace.see(700, 1.0, is_full=True)
    assert pace.known == pytest.approx(1_100)
    pace.see(100, 0.05, is_full=False)
    assert pace.known == pytest.approx(2_000)
