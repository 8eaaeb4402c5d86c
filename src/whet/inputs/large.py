"""From which size data lie on the disk instead of in memory, and where."""

from __future__ import annotations

from whet.data.growing import Disk
from whet.system import machine, runtime

LARGE = 100 * 2**20
"""Bytes of a table that memory holds in any case: 25,000 reviews of IMDB have a third of it,"""

SHARE = 0.1
"""unless that is more than such a share of the memory that is there."""


def disk() -> Disk:
    """Large tables lie in nameless files of the cache folder."""
    available = machine.memory().available
    return Disk(runtime.usable_cache(), LARGE if available is None else min(LARGE, int(SHARE * available)))
