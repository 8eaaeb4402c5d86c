"""The n-th thing that a save does to the disk fails, or ends the process."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

Kind = Literal["full", "broken", "short", "killed"]
KINDS: tuple[Kind, ...] = ("full", "broken", "short", "killed")
CODES = {"full": errno.ENOSPC, "broken": errno.EIO, "short": errno.ENOSPC}


class Shim:
    """Counts opens for writing, writes, flushes, new folders and renames, and lets one of them fail."""

    def __init__(self, at: int, kind: Kind) -> None:
        self._left, self._kind = at, kind
        self.fired = False

    def op(self, partly: Callable[[], object] = lambda: None) -> None:
        """One of them is about to be done. `partly`: does half of it."""
        self._left -= 1
        if self._left != 0:
            return
        self.fired = True
        if self._kind in ("short", "killed"):
            partly()
        if self._kind == "killed":
            os._exit(9)
        code = CODES[self._kind]
        raise OSError(code, os.strerror(code))


class _File:
    """A file open for writing, each of whose writes counts."""

    def __init__(self, file: Any, shim: Shim) -> None:
        self._file, self._shim = file, shim

    def write(self, content: Any) -> int:
        def half() -> None:
            raw = content[: len(content) // 2] if isinstance(content, str) else memoryview(content).cast("B")
            self._file.write(raw if isinstance(raw, str) else raw[: len(raw) // 2])
            self._file.flush()

        self._shim.op(half)
        return int(self._file.write(content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *fault: object) -> None:
        self._file.close()


@contextmanager
def failing(at: int, kind: Kind) -> Iterator[Shim]:
    """Within the block the `at`-th operation (from 1) fails, where there are as many."""
    shim = Shim(at, kind)
    real_open, real_fdopen = io.open, os.fdopen

    def opened(real: Any) -> Any:
        def open_(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            if mode in ("r", "rb", "r+b", "rb+"):
                return real(file, mode, *given, **named)
            shim.op()
            return _File(real(file, mode, *given, **named), shim)

        return open_

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            shim.op()
            return real(*given, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", opened(real_open))
        patch.setattr(builtins, "open", opened(real_open))
        patch.setattr(os, "fdopen", opened(real_fdopen))
        for name in ("fsync", "replace", "mkdir", "sendfile"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield shim
