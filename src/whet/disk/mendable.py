"""What a disk complains of while a run folder is written, as a message that tells how to go on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whet.errors import OutputError

SPACE = "Free space and give the same command again"
TODO = {errno.ENOSPC: SPACE, errno.EDQUOT: SPACE, errno.ENOENT: "Put the folder back and give the same command again"}


@contextmanager
def mendable(path: Path, *, begun: bool = True) -> Iterator[None]:
    """Turns a disk's complaint into a message that names the folder. `begun`: there has been one."""
    try:
        yield
    except OSError as fault:
        todo = (TODO if begun else {}).get(fault.errno or 0, "Give another --output")
        raise OutputError(
            f"cannot write: {fault.strerror or fault}", where=str(fault.filename or path), todo=todo
        ) from None
