"""The embedded model learns the language of the embedded reviews."""

from __future__ import annotations

from pathlib import Path

import pytest

import whet

pytestmark = pytest.mark.slow


def test_the_embedded_model_tells_hidden_tokens_of_reviews_better_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    end = whet.adapt("embedded", "sample:reviews", epochs=2, yes=True)
    found = end.metrics["held_out"]
    assert found["before"]["loss"] > 10  # of a head that was just made
    assert found["after"]["loss"] < found["before"]["loss"] - 3
    run = whet.train("sample:reviews", model=str(end.path), epochs=1, max_length=64, baseline=False, yes=True)
    assert run.metrics["test"]["accuracy"] > 0.6
