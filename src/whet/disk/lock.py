"""A run folder, or one of an unfinished file, is one process's at a time.

The lock is the operating system's (flock, on Windows msvcrt), which frees it with the end of the process
that holds it, however that came about. Who holds it stands beside it, for the message.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from whet.disk import durable
from whet.errors import OutputError, RunBusyError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, OWNER = ".lock", ".owner.json"
FILES = (LOCK, OWNER)
WORKS = "works in this run folder"


@contextmanager
def held(folder: Path, doing: str = WORKS) -> Iterator[None]:
    """A folder that is there is this process's alone. RunBusyError where it is another's, with what that does there,
    OutputError where the disk takes no lock; raises OSError."""
    lock = _acquired(folder, doing)
    try:
        owner = {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        durable.write(folder / OWNER, json.dumps(owner))
        yield
    finally:
        with suppress(OSError):
            (folder / OWNER).unlink()
        lock.release()


def check(folder: Path) -> None:
    """RunBusyError where another process holds the folder, OutputError where the disk takes no lock."""
    if (folder / LOCK).exists():
        _acquired(folder, WORKS).release()


def _acquired(folder: Path, doing: str) -> BaseFileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise _busy(folder, doing) from None
    except OSError as fault:
        raise OutputError(
            f"cannot be locked: {fault.strerror or fault}", where=str(folder), todo="Give another --output"
        ) from None
    return lock


def _busy(folder: Path, doing: str) -> RunBusyError:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        who = f"process {owner['pid']} on {owner['host']}, since {owner['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return RunBusyError(f"{who} {doing}", where=str(folder), todo="Wait for it, or give another --output")
