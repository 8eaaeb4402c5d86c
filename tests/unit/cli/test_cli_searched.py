"""What the command line says of a search."""

from __future__ import annotations

from typing import Any

import pytest

from whet.cli.searched import _best
from whet.cli.texts import Words


def trial(number: int, score: float | None, state: str = "complete") -> dict[str, Any]:
    return {"number": number, "state": state, "score": score}


@pytest.mark.parametrize(
    ("trials", "best", "line"),
    [
        (
            [trial(0, 0.5), trial(1, 0.75)], 1,
            "Best: trial 1, macro_f1 0.7500, +0.2500 against the job's own settings (0.5000)",
        ),
        ([trial(0, 0.5), trial(1, 0.25)], 0, "No trial was better than the job's own settings, macro_f1 0.5000"),
        ([trial(0, None, "failed"), trial(1, 0.75)], 1, "Best: trial 1, macro_f1 0.7500"),
        # The first ran out of time beside the others.
        ([trial(1, 0.25), trial(2, 0.75)], 2, "Best: trial 2, macro_f1 0.7500"),
    ],
)  # fmt: skip
def test_the_best_trial_is_held_against_the_settings_of_the_job_alone(
    trials: list[dict[str, Any]], best: int, line: str
) -> None:
    chosen = next(each for each in trials if each["number"] == best)
    assert _best(Words("en"), {"metric": "macro_f1", "trials": trials}, chosen) == line
