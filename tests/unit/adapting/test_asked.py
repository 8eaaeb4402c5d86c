"""What a job without labels is asked for."""

from __future__ import annotations

from whet.adapting.asked import told_apart
from whet.settings.config import resolve


def test_a_job_whose_epochs_nobody_chose_is_told_by_its_settings_texts_and_model_alone() -> None:
    some = resolve({}).with_value("epochs", 1.0, "for adapting")
    assert [told_apart(each) for each in (some, resolve({"epochs": 1}), resolve({"epochs": 2}))] == [
        [], ["epochs given"], [],
    ]  # fmt: skip
    assert told_apart(resolve({"epochs": 1, "budget": "1h"})) == []  # which decides them either way
