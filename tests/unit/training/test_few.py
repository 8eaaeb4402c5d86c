"""Few rows get enough steps, unless somebody said how many."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data.batches import steps_per_epoch
from whet.settings.config import resolve
from whet.training.few import STEPS, enough_steps


@given(st.integers(2, 5_000), st.integers(1, 64))
def test_no_training_by_default_has_fewer_steps_and_one_that_has_as_many_stays_as_it_was(
    rows: int, batch_size: int
) -> None:
    before = resolve({"batch_size": batch_size})
    after, said = enough_steps(before, rows)
    per_epoch = steps_per_epoch(rows, batch_size)
    assert after.settings.epochs * per_epoch >= STEPS
    assert (after.settings.epochs - 1) * per_epoch < STEPS or not said
    assert (after == before) == (not said) == (2 * per_epoch >= STEPS)


def test_what_is_chosen_is_said_with_its_reason() -> None:
    after, said = enough_steps(resolve({}), 64)
    assert (after.settings.epochs, after.reasons["epochs"]) == (25.0, "few rows: 100 steps or more")
    assert (after.settings.evaluate_every, after.reasons["evaluate_every"]) == (100, "few rows: once, at the end")
    assert said == (
        "epochs 25: 64 training rows are few, and 2 epochs of them would be 8 steps; --epochs decides otherwise"
    )


@pytest.mark.parametrize("chosen", [{"epochs": 2.0}, {"recipe": "demo"}])
def test_epochs_that_somebody_chose_stay(chosen: dict[str, object]) -> None:
    before = resolve(chosen)
    assert enough_steps(before, 16) == (before, "")


@pytest.mark.parametrize("chosen", [{"evaluate_every": 7}, {"early_stopping": 3}])
def test_evaluations_that_somebody_asked_for_stay(chosen: dict[str, object]) -> None:
    after, _ = enough_steps(resolve(chosen), 64)
    assert after.settings.epochs == 25.0
    assert after.settings.evaluate_every == chosen.get("evaluate_every")


def test_it_loads_no_torch() -> None:
    code = "import sys, whet.training.few; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
