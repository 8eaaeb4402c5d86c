"""The doors of the flows, for faults go through the whole command too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import (  # noqa: F401  # fixtures, found here by their names
    Ended,
    _one_core,
    here,
    hidden_gpu,
    job,
    taught,
    whet,
    whet_process,
    write_csv,
)

SETTINGS: dict[str, Any] = {
    "epochs": 2.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "brief": True,
    "output": "run",
}  # fmt: skip
"""Of a job that learns in STEPS steps, and as OPTIONS of the command; plan and report would double its time."""
OPTIONS = (
    "--epochs", "2", "--learning-rate", "3e-3", "--threads", "1", "--batch-size", "8", "--no-baseline", "--brief",
)  # fmt: skip
STEPS = 12


@pytest.fixture
def data(here: Path) -> str:  # noqa: F811  # the fixture, which pytest hands over
    return str(write_csv(here / "reviews.csv", review_rows()))


@pytest.fixture
def command(data: str, tiny_bert: Path) -> list[str]:
    return ["train", data, "--model", str(tiny_bert), *OPTIONS, "--output", "run"]


def told(ended: Ended, code: int, *messages: str) -> None:
    """One line for each fault, nothing that looks like a crash, and no result."""
    assert ended.errors == list(messages)
    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
