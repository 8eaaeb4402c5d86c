"""Whoever serves: this process alone, or several of which this one takes care."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from whet.errors import WhetError
from whet.prediction import predictor
from whet.prediction.predictor import Answers
from whet.server import logs
from whet.server.front import LOOPBACK, Door
from whet.server.limits import Limits
from whet.server.process import DIED, serve
from whet.settings.config import DeviceName
from whet.system import machine, runtime

DEATHS, WITHIN = 3, 60.0  # so many processes that die in so many seconds are the fault of something that stays

logger = logging.getLogger("whet.server")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is served, to whom. `hosts`: names that it is asked by, beside those of this machine; `any_address`: it
    listens where others reach it, by whatever address."""

    model: Path
    engine: Answers = "torch"
    report: Path | None = None
    deadline: float = Limits().deadline
    min_confidence: float | None = None
    device: DeviceName = "auto"
    threads: int | None = None
    token: str | None = None
    hosts: frozenset[str] = frozenset()
    any_address: bool = False
    quiet: bool = False
    leader: int = 0
    """The process that takes care of this one; 0: none."""


def alone(plan: Plan, listening: socket.socket) -> int:
    """Serves with this process; returns its exit code. Raises ModelError for a model that does not verify."""
    from whet.server.app import build

    logs.write_json(quiet=plan.quiet)
    runtime.share_interpreter()
    limits = Limits(deadline=plan.deadline)
    loaded = predictor.load(plan.model, device=plan.device, threads=plan.threads, engine=plan.engine)
    loaded.artifact.prove()  # by all test texts, of which a load asks a few
    app, state = build(
        loaded, limits, Door(plan.hosts | LOOPBACK, plan.any_address, plan.token), report=plan.report,
        min_confidence=plan.min_confidence, shared=bool(plan.leader),
    )  # fmt: skip
    runtime.set_apart()
    return serve(app, state, listening, limits, leader=plan.leader)


def together(plan: Plan, listening: socket.socket, count: int) -> int:
    """Serves with `count` processes of the same socket; returns the exit code. One that dies is followed by another;
    where several do in a short time, or one does not come up, all end."""
    logs.write_json(quiet=plan.quiet)
    threads = plan.threads or max(1, machine.free_cores() // count)
    member = replace(plan, leader=os.getpid(), threads=threads)
    with tempfile.TemporaryDirectory(prefix="whet-metrics-") as folder, _heard() as heard:
        runtime.share_metrics(Path(folder))
        crew = _Crew(member, listening, count)
        try:
            return crew.watch(heard)
        finally:
            crew.end()


class _Crew:
    def __init__(self, plan: Plan, listening: socket.socket, count: int) -> None:
        self._plan, self._listening = plan, listening
        self._deaths: deque[float] = deque()
        self._processes = [self._started() for _ in range(count)]

    def _started(self) -> BaseProcess:
        context = multiprocessing.get_context("spawn")
        made = context.Process(target=_member, args=(self._plan, self._listening), name="whet-serve")
        made.start()
        return made

    def watch(self, heard: list[int]) -> int:
        """Until a signal, or until it makes no sense any more."""
        while not heard:
            for place, process in enumerate(self._processes):
                process.join(0.05)
                code = process.exitcode
                if code is None or heard:
                    continue
                logger.error("a process ended", extra={"pid": process.pid, "status": code})
                self._deaths.append(time.monotonic())
                while self._deaths[0] < time.monotonic() - WITHIN:
                    self._deaths.popleft()
                if code in (2, 4, 7) or len(self._deaths) > DEATHS:
                    return code if code in (2, 4, 7) else DIED
                self._forget(process)
                self._processes[place] = self._started()
        return 0

    def _forget(self, process: BaseProcess) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        if process.pid is not None:
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]

    def end(self) -> None:
        """Has each answer what it has taken; a second signal to this process ends them at once."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


@contextmanager
def _heard() -> Iterator[list[int]]:
    """The signals that came. A second one ends all processes at once."""
    came: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        if came:
            for process in multiprocessing.active_children():
                process.kill()
        came.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _member(plan: Plan, listening: socket.socket) -> None:
    """One of several processes. A terminal sends Ctrl-C to all of them; the leader alone obeys it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = alone(plan, listening)
    except WhetError as fault:
        logger.error("%s", fault.message)  # a fault of the user needs no traceback
        code = fault.exit_code
    sys.exit(code)
