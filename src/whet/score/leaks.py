"""The test score without the rows that were trained on: texts that train has too, or nearly has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whet.records import Bools, Scores
from whet.score.metrics import as_json

LEFT_OUT = ("classes", "confusion", "thresholds")
"""What of a side's scores is not said a second time."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """Test rows whose text is no news to the model."""

    exact: Bools  # [B] train has the very text
    near: Bools | None  # [B] train has nearly the text; None where that was not looked for


def without(score: Callable[[Bools], Scores], leaks: Leaks) -> dict[str, object] | None:
    """The scores of the other rows, with how many were left out; None where none is to be left out. `score`
    gives the scores of the rows that it is told of [B]. Where no row is left there are no scores."""
    near = np.zeros_like(leaks.exact) if leaks.near is None else leaks.near & ~leaks.exact
    leaked = leaks.exact | near
    if not leaked.any():
        return None
    counts: dict[str, object] = {"left_out": int(leaked.sum()), "exact": int(leaks.exact.sum())}
    counts["near"] = None if leaks.near is None else int(near.sum())
    if leaked.all():
        return {**counts, "rows": 0}
    scores = as_json(score(~leaked))
    return {**counts, **{name: value for name, value in scores.items() if name not in LEFT_OUT}}
