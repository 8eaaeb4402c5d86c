"""What the heap of glibc keeps of freed memory, and what it gives back to the system.

Tensors of ever other sizes leave holes that the next ones do not fit. On other systems, and with another
C library, all of this does nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
GLIBC_THRESHOLD = 128 * 1024  # of both, to begin with
TUNABLES = "GLIBC_TUNABLES"
CACHES = "glibc.malloc.tcache_count"


def keep() -> None:
    """Lets glibc keep the memory of large tensors for the next step, instead of giving it back to
    the system and taking it page by page again. For the time after the data is read: what reading
    leaves behind should go back."""
    _set_thresholds(mapped_from=2**30, trimmed_from=2**31 - 1)


@contextmanager
def kept() -> Iterator[None]:
    """The same for a while, in the midst of reading."""
    keep()
    try:
        yield
    finally:
        release()
        trim()


def release() -> None:
    """Lets glibc give back what is freed, as it does by itself: large tensors then leave no holes, and
    the first touch of each page costs time again."""
    _set_thresholds(mapped_from=GLIBC_THRESHOLD, trimmed_from=GLIBC_THRESHOLD)


def trim() -> None:
    """Gives freed memory back to the system, where glibc holds it: 300 MB after a million predictions."""
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def begin_without_caches() -> None:
    """Starts this process anew where glibc would give each thread a cache of small objects, which can only
    be had without from the very beginning. An object that a cache keeps lies between two tensors
    that are gone, and keeps their places apart: a training grows by a third (docs/log.md, 2026-11-24)."""
    if not _is_glibc() or not has_caches():
        return
    tunables = ":".join(filter(None, (os.environ.get(TUNABLES), f"{CACHES}=0")))
    again = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, again, {**os.environ, TUNABLES: tunables})


def has_caches() -> bool:
    """Whether glibc's threads have caches, unless somebody has chosen how large they are."""
    return CACHES not in os.environ.get(TUNABLES, "")


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def _set_thresholds(*, mapped_from: int, trimmed_from: int) -> None:
    """From which size glibc takes memory for one object alone, and how much unused memory it holds."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, mapped_from)
        libc.mallopt(M_TRIM_THRESHOLD, trimmed_from)
