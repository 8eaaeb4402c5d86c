"""What a training process has imported when it takes its first step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import python, write_csv

SCRIPT = """
import json, sys
from whet import pipeline
from whet.settings.config import resolve
from whet.records import Stage, StepRecord

LATE = ("sklearn", "pandas", "datasets", "transformers.trainer")
seen = {}
resolved = resolve({"model": sys.argv[1], "epochs": 1, "threads": 1, "output": sys.argv[2]})
for event in pipeline.follow("reviews.csv", resolved):
    name = event.name if isinstance(event, Stage) else type(event).__name__
    seen.setdefault(name, [module for module in LATE if module in sys.modules])
    if isinstance(event, StepRecord):
        break
print(json.dumps(seen))
"""


def test_trainer_datasets_pandas_and_scikit_learn_are_not_imported_before_they_are_needed(
    here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHET_CACHE", str(here / "cache"))  # where nobody has fitted a baseline yet
    write_csv(here / "reviews.csv", review_rows())
    first, second = (python("-W", "error", "-c", SCRIPT, str(tiny_bert), name) for name in ("one", "two"))
    assert (first.code, second.code) == (0, 0), first.err + second.err
    seen = json.loads(first.out)
    assert [seen[name] for name in ("check", "split", "model", "plan", "tokens", "baseline")] == [[]] * 6
    assert "sklearn" in seen["train"]  # this process has fitted the baseline
    seen = json.loads(second.out)
    assert {name: late for name, late in seen.items() if late} == {}  # and that one has read its scores
    assert "StepRecord" in seen
