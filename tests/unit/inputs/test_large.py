"""From which size data lie on the disk: 100 MB, and less where memory is short."""

from __future__ import annotations

from pathlib import Path

import pytest

from whet.data.growing import Disk
from whet.inputs import large
from whet.system import machine
from whet.system.machine import Memory


@pytest.mark.parametrize(
    ("available", "above"), [(None, 104_857_600), (64 * 10**9, 104_857_600), (500_000_000, 50_000_000)]
)
def test_tables_lie_in_the_cache_above_100_mb_or_a_tenth_of_the_memory_that_is_there(
    available: int | None, above: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHET_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "memory", lambda: Memory(None, available, None, "the machine"))
    assert large.disk() == Disk(tmp_path, above)
