"""The doors of the flows, for faults go through the whole command too."""

from __future__ import annotations

from pathlib import Path

from tests.flows.conftest import (  # noqa: F401  # fixtures, found here by their names
    Ended,
    _one_core,
    here,
    hidden_gpu,
    job,
    taught,
    whet,
    whet_process,
)


def told(ended: Ended, code: int, *messages: str) -> None:
    """One line for each fault, nothing that looks like a crash, and no result."""
    assert ended.errors == list(messages)
    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
