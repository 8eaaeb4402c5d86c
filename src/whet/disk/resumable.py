"""A text file that is written some rows at a time, and goes on where it was stopped.

What is written lies in a folder beside it, NAME.partial, with a record of how far that is; the file takes its name
when the last row is there. A record is written after what it speaks of is on the disk: whatever ends the process or
the power, it is true of the first bytes that lie there.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from whet.disk import durable, lock
from whet.errors import OutputError

ENDING = ".partial"
RECORD, ROWS, WHOLE = "progress.json", "rows", "whole"
FORMAT = 1
EVERY = 1.0  # seconds between two records
BLOCK = 2**20


class Unfinished:
    """What is written so far. Made by `opened`, in whose block the file is this process's alone."""

    def __init__(self, path: Path, folder: Path, about: Mapping[str, object]) -> None:
        self._path = path
        self._folder = folder
        self._about = json.loads(json.dumps(about))
        self.whole.unlink(missing_ok=True)
        (folder / ROWS).touch()
        self._file = (folder / ROWS).open("r+b", buffering=BLOCK)
        self.rows = 0
        """How many are written."""
        self.threads = 0
        """How many computed them; 0: not known."""
        self.changed: tuple[str, ...] = ()
        """What is no longer as it was when a process began to write this file, for which it begins anew."""
        self._bytes = self._crc = self._kept = 0
        known = _record(folder)
        if known:
            self._go_on(known)
        self._file.seek(self._bytes)
        self._file.truncate()
        self._recorded = time.monotonic()

    def _go_on(self, known: Mapping[str, Any]) -> None:
        self.changed = tuple(name for name, value in self._about.items() if known.get(name) != value)
        if self.changed:
            return
        crc = size = 0
        while block := self._file.read(min(BLOCK, known["bytes"] - size)):
            crc, size = zlib.crc32(block, crc), size + len(block)
        if (crc, size) != (known["crc32"], known["bytes"]):
            self.changed = ("rows",)
            return
        self.rows, self.threads, self._bytes, self._crc, self._kept = known["rows"], known["threads"], size, crc, size

    @property
    def whole(self) -> Path:
        """Where another form of what is written may be put, which then becomes the file."""
        return self._folder / WHOLE

    def write(self, text: str, rows: int) -> None:
        """Further rows. OutputError where the disk does not take them, and what was written before is kept."""
        raw = text.encode("utf-8", "backslashreplace")
        with self.told():
            self._file.write(raw)
            self.rows, self._bytes, self._crc = self.rows + rows, self._bytes + len(raw), zlib.crc32(raw, self._crc)
            if time.monotonic() - self._recorded >= EVERY:
                self._keep()

    def lines(self) -> Iterator[str]:
        """What is written, line by line."""
        self._file.flush()
        with (self._folder / ROWS).open(encoding="utf-8", newline="\n") as file:
            yield from file

    def finish(self) -> None:
        """The file takes its name: as `whole` where that is there. OutputError where the disk does not let it."""
        with self.told():
            self._keep()
            self._file.close()
            made = self.whole if self.whole.exists() else self._folder / ROWS
            with made.open("rb+") as file:
                durable.flush(file.fileno())
            made.replace(self._path)
            self._kept = 0
            durable.flush_folder(self._path.parent)

    def told(self) -> AbstractContextManager[None]:
        """A block of writing, in which a disk that takes no more is told as OutputError."""
        return _told(self._path, "Make room; the same command goes on with what is written")

    def end(self) -> None:
        """Keeps what is written and is not finished, as far as the disk takes it; nothing else stays."""
        if not self._file.closed:
            with suppress(OSError):
                self._keep()
            with suppress(OSError):  # what could not be written a moment ago
                self._file.close()
        if not self._kept:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        with suppress(OSError):
            os.truncate(self._folder / ROWS, self._kept)  # others may need the room

    def _keep(self) -> None:
        self._file.flush()
        durable.flush(self._file.fileno())
        far = {"rows": self.rows, "bytes": self._bytes, "crc32": self._crc, "threads": self.threads}
        durable.write(self._folder / RECORD, json.dumps({"format": FORMAT, **self._about, **far}))
        self._recorded, self._kept = time.monotonic(), self._bytes


@contextmanager
def opened(path: Path, about: Mapping[str, object]) -> Iterator[Unfinished]:
    """The unfinished file of this name, with what another process has left of it if that was `about` the same, by
    name JSON values. However the block ends, what was written in it is kept.

    RunBusyError where another process writes it. OutputError where the disk does not take it.
    """
    if path.exists() and not path.is_file():
        raise OutputError(f"not a file: {path}", where="--output", todo="Name a file")
    folder = path.with_name(path.name + ENDING)
    with ExitStack() as stack:
        with _told(path, "Name a file in a folder that can be written to"):
            folder.mkdir(exist_ok=True)
            stack.enter_context(lock.held(folder, "writes this file"))
            unfinished = Unfinished(path, folder, about)
        stack.callback(unfinished.end)
        yield unfinished


@contextmanager
def _told(path: Path, todo: str) -> Iterator[None]:
    """What a disk does not take, as OutputError."""
    try:
        yield
    except OSError as fault:
        raise OutputError(f"{fault.strerror or fault}: {path}", where="--output", todo=todo) from None


def _record(folder: Path) -> dict[str, Any]:
    """How far another process was; empty where that is not told."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return {}
    numbers = [found.get(name) for name in ("rows", "bytes", "crc32", "threads")]
    return found if all(type(number) is int and number >= 0 for number in numbers) else {}
