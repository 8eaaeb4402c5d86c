"""Times as people write them."""

from __future__ import annotations

import pytest

from whet import durations
from whet.errors import UsageError
from whet.settings.config import resolve


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1_200), ("2h", 7_200), ("1h30m", 5_400), ("1.5h", 5_400), ("1m30s", 90), ("1h5s", 3_605)],
)
def test_a_time_is_read_in_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert durations.seconds(text, where="--budget") == seconds
    assert resolve({"budget": text}).settings.budget == text


@pytest.mark.parametrize("text", ["soon", "20 m", "-5m", "30m1h", "5d", "m", "1h30", "20M"])
def test_what_is_no_time_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({"budget": text})
    assert caught.value.message == f"--budget: '{text}' is no time. Expected a time such as 90s, 20m, 2h or 1h30m."


@pytest.mark.parametrize("number", ["20", 20, 2.5])
def test_a_number_without_a_unit_is_refused_and_minutes_are_offered(number: object) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({"budget": number})
    assert caught.value.message == (
        f"--budget: {number} without a unit. Expected a time such as 90s, 20m, 2h or 1h30m. Did you mean {number}m."
    )


def test_no_time_at_all_is_refused_together_with_other_faults() -> None:
    with pytest.raises(UsageError) as caught:
        resolve({"budget": "0m", "epochs": -1})
    assert caught.value.message.startswith("--budget: 0m is no time to do anything in. Expected a time such as 90s")
    assert "--epochs: -1 is out of range" in caught.value.message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1s"),
        (59, "59s"),
        (119.5, "2m"),
        (138.7, "2m19s"),
        (601, "11m"),
        (1_200, "20m"),
        (3_590, "1h"),
        (5_400, "1h30m"),
    ],
)
def test_a_time_is_written_rounded_up_and_reads_back(seconds: float, text: str) -> None:
    assert durations.written(seconds) == text
    assert durations.seconds(text, where="") >= seconds
