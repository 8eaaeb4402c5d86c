"""The notebooks of examples/, run from their first cell to their last on tiny settings, each in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import whet
from tests.meta.source import REPOSITORY
from tests.meta.test_notebooks import NOTEBOOKS, cells, source

pytestmark = pytest.mark.slow

# What is written smaller for a test: the way through the notebook stays the same.
TINY = {
    '"max_length": 128, "learning_rate": 2e-4': '"max_length": 16, "epochs": 0.2, "train_rows": 40, "test_rows": 20',
    "TRAIN_ROWS, TEST_ROWS = 700, 500": "TRAIN_ROWS, TEST_ROWS = 24, 12",
    "num_train_epochs=2": "num_train_epochs=1",
    "max_length=128)": "max_length=16)",
}


def program(path: Path) -> str:
    """The cells as one program, in which the last expression of a cell is evaluated as a notebook does."""
    parts = []
    for cell in cells(path):
        text = source(cell)
        for written, tiny in TINY.items():
            text = text.replace(written, tiny)
        parts.append(text)
    return "\n\n".join(parts)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path: Path, tmp_path: Path) -> None:
    if path.stem == "3-from-trainer" and not hasattr(whet, "Trainer"):
        pytest.skip("whet.Trainer is not there yet")
    ended = subprocess.run(
        [sys.executable, "-c", program(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    made = {"1-first-model": "runs", "2-korean-csv": "리뷰.csv", "3-from-trainer": "model"}[path.stem]
    assert (tmp_path / made).exists()
