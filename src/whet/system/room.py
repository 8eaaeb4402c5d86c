"""Memory for what follows a training and may be left out. Its libraries are large: where they find no room they end in
errors of many kinds, and where a system or a container has no page left, it ends the process."""

from __future__ import annotations

import sys
from typing import Literal

from whet.sentences.bilingual import Bilingual, said
from whet.system import machine

LIBRARY_BYTES = 200 * 10**6  # scikit-learn took 147 MB on Linux, matplotlib 117 MB with a page drawn
ADDRESSES = 2  # times as much is counted where a limit is one of addresses: the libraries' own files are mapped
FAULTS = (ImportError, MemoryError, SystemError)
"""As a library ends that finds no room: its file cannot be mapped, or C code returns without a result."""


def lack(library: Literal["sklearn", "matplotlib"], beside: int = 0) -> Bilingual | None:
    """What is missing for work that loads a library and takes `beside` bytes with it; None where nothing is, or the
    system does not tell."""
    found = machine.memory()
    needed = beside + (0 if library in sys.modules else LIBRARY_BYTES)
    counted = needed * (ADDRESSES if found.limited_by == "ulimit -v" else 1)
    if found.available is None or counted <= found.available:
        return None
    facts = {"needed": machine.gigabytes(counted), "left": machine.gigabytes(found.available)}
    return said(facts | {"limit": found.limited_by}, "no room")
