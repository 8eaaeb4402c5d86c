"""SIGINT, SIGTERM and SIGHUP, for which a training finishes its step and saves before it ends."""

from __future__ import annotations

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
    nothing needs to be finished; a second one ends the process as if nobody had listened.

    `shared`: of several processes, each of which may get the signal, twice where torchrun passes on what a
    terminal has sent to all. Then nothing is raised before the processes have agreed on it, and a second one
    changes nothing: torchrun itself ends what takes too long."""

    def __init__(self, *, shared: bool = False) -> None:
        self.came = 0
        """The number of the first signal; 0 where there was none."""
        self._at_once, self._shared = False, shared

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
        """A block that may be left unfinished: a signal raises WhetError in it, unless it is `shared`."""
        if not self._shared:
            self.raise_for(self.came)
        self._at_once = not self._shared
        try:
            yield
        finally:
            self._at_once = False

    def raise_for(self, number: int) -> None:
        """Raises Interrupted or one of its kinds for the number of a signal; 0 is none."""
        if number:
            raise SIGNALS[signal.Signals(number)](f"stopped by {signal.Signals(number).name}")

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.came and not self._shared:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.came = self.came or number
        if self._at_once:
            self._at_once = False
            self.raise_for(self.came)
