"""P1: jobs that are killed at random moments end by the same command, with the weights of one that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def campaign(model: Path, trials: int) -> dict[str, object]:
    script = Path(__file__).with_name("kills.py")
    done = subprocess.run(
        [sys.executable, str(script), str(model), str(trials), "20261124"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("trials", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_killed_jobs_end_by_the_same_command_with_the_same_weights(tiny_bert: Path, trials: int) -> None:
    found = campaign(tiny_bert, trials)
    assert found["strange"] == []
    assert found["alike"] == trials
    kills, in_saves = found["kills"], found["in_saves"]
    assert isinstance(kills, int)
    assert isinstance(in_saves, int)
    assert kills >= 2 * trials
    assert in_saves >= trials * 3 // 4  # a few had ended before
