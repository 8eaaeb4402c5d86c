"""SIGINT, SIGTERM and SIGHUP, for which a training finishes its step and saves before it ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from whet.errors import HungUp, Interrupted, Terminated

SIGNALS = {signal.SIGINT: Interrupted, signal.SIGTERM: Terminated}
if sys.platform != "win32":  # which has no such signal
    SIGNALS[signal.SIGHUP] = HungUp


class Interruption:
    """Hears of the signals of a process. The first is kept until somebody asks for it, or raised at once where
    nothing needs to be finished; a second one ends the process as if nobody had listened."""

    def __init__(self) -> None:
        self._came: signal.Signals | None = None
        self._at_once = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A block in which signals are kept. In another thread than the main one nothing can be heard."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # A signal that whoever started this process wants ignored (nohup) stays so.
        before: dict[signal.Signals, Any] = {
            number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN
        }
        for number in before:
            signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that may be left unfinished: a signal raises WhetError in it."""
        self.raise_if_came()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def raise_if_came(self) -> None:
        """Raises Interrupted or one of its kinds where there was a signal."""
        if self._came is not None:
            raise SIGNALS[self._came](f"stopped by {self._came.name}")

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._came is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._came = signal.Signals(number)
        if self._at_once:
            self._at_once = False
            self.raise_if_came()
