"""mistakes.json: what it says of rows that are worth a look."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from whet.labels import LabelSet
from whet.records import Examples
from whet.runs import mistakes
from whet.runs.run_folder import Judged, RunFolder

LABELS = LabelSet(("no", "yes"), "yes", "")
ROWS = 40


@pytest.mark.parametrize("paired", [False, True])
def test_a_doubted_row_of_pairs_is_told_with_both_texts(tmp_path: Path, paired: bool) -> None:
    answers = np.tile([[0.98, 0.02], [0.02, 0.98]], (ROWS // 2, 1))
    targets = np.tile([0, 1], ROWS // 2)
    targets[6], answers[6] = 1, [0.99, 0.01]
    names = tuple(LABELS.names[target] for target in targets)
    texts, pairs = (tuple(f"{side} {row}" for row in range(ROWS)) for side in ("premise", "hypothesis"))
    places = [f"line {row + 2}" for row in range(ROWS)]
    rows = Examples("a.csv", texts, names, places, range(ROWS), pairs if paired else None)
    mistakes.write(
        RunFolder(tmp_path), [(Judged("test", rows, answers, np.zeros(ROWS, np.bool_)), targets)], LABELS, {}
    )
    (told,) = json.loads((tmp_path / "mistakes.json").read_text(encoding="utf-8"))["label_errors"]
    assert {key: told[key] for key in ("side", "row_id", "text", "label", "suggestion")} == {
        "side": "test", "row_id": 6, "text": "premise 6", "label": "yes", "suggestion": "no"
    }  # fmt: skip
    assert told.get("text2") == ("hypothesis 6" if paired else None)
