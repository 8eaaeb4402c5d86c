"""Where trials are trained: in this process, or in several beside it.

A lane trains one trial at a time. Such a process knows neither the study nor its folder: it is told what to train,
tells what happens, and is told to stop.

Loads torch.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import torch

from whet.errors import Interrupted, TrainingError, UsageError, WhetError
from whet.model.exhausted import give_back, is_exhausted
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.records import StepRecord
from whet.settings.config import Resolved
from whet.system import runtime
from whet.system.interruption import Interruption
from whet.tuning import trial
from whet.tuning.records import Failed, Params, Trained

OFTEN = 0.5  # seconds between two looks at the clock, and between two steps that a process tells of
DEATHS = 3  # processes that end by themselves, one after the other, are the fault of something that stays

Told = trial.Event | Failed | None
"""None: nothing happened, but time went by."""


@dataclass(frozen=True, slots=True)
class Task:
    """A trial to be trained."""

    folder: Path
    params: Params
    """Nothing for the job's own settings."""


class Lanes(Protocol):
    """Lanes by number."""

    @property
    def idle(self) -> Sequence[int]:
        """Those that train nothing."""

    def begin(self, lane: int, task: Task) -> None: ...

    def next(self) -> tuple[int, Told]:
        """Waits for something to happen in a lane; the last of its trial is Trained or Failed."""

    def stop(self, lane: int) -> None:
        """Gives up its trial, of which nothing more is told."""

    def close(self) -> None: ...


def _followed(asked: Asked, task: Task) -> Generator[trial.Event | Failed, None, None]:
    """A trial, of which a fault of its own is the last event and not the end of the search."""
    try:
        yield from trial.follow(trial.with_params(asked, task.params) if task.params else asked, task.folder)
        return
    except (TrainingError, UsageError) as fault:
        saw = fault.message
    except (RuntimeError, MemoryError) as fault:  # before the training, which tells of it by itself
        if not is_exhausted(fault):
            raise
        saw = "out of memory: " + str(fault).partition("\n")[0]
    give_back(torch.device(asked.machine.device))  # now that nothing holds the frames of the fault
    yield Failed(saw)


class Here:
    """One lane, in this process."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._training: Generator[trial.Event | Failed, None, None] | None = None

    @property
    def idle(self) -> Sequence[int]:
        return [0] if self._training is None else []

    def begin(self, lane: int, task: Task) -> None:
        self._training = _followed(self._asked, task)

    def next(self) -> tuple[int, Told]:
        assert self._training is not None, "a trial was begun"
        event = next(self._training)
        if isinstance(event, Trained | Failed):
            self.stop(0)
        return 0, event

    def stop(self, lane: int) -> None:
        if self._training is not None:
            self._training.close()
        self._training = None

    def close(self) -> None:
        self.stop(0)


@dataclass(frozen=True, slots=True)
class _Idle:
    """A process waits for a task."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """What ended a process, and ends the search."""

    kind: type[WhetError]
    saw: str
    where: str
    expected: str
    todo: str


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    training: bool = False


class Crew:
    """A lane for each of some processes. `devices`: of each; '' is the job's own."""

    def __init__(self, data: object, resolved: Resolved, devices: Sequence[str]) -> None:
        self._data, self._resolved, self._devices = data, resolved, devices
        self._interruption, self._deaths = Interruption(), 0
        with ExitStack() as stack:
            stack.enter_context(self._interruption.heard())
            self._workers = [self._started(device) for device in devices]
            self._stack = stack.pop_all()

    @property
    def idle(self) -> Sequence[int]:
        """Those whose process is about to wait for a task, too."""
        return [lane for lane, worker in enumerate(self._workers) if not worker.training]

    def begin(self, lane: int, task: Task) -> None:
        self._workers[lane].training = True
        with suppress(OSError):  # it has just ended, which `next` finds
            self._workers[lane].connection.send(task)

    def next(self) -> tuple[int, Told]:
        while True:
            self._interruption.raise_for(self._interruption.came)
            lanes = {worker.connection: lane for lane, worker in enumerate(self._workers)}
            ready = wait(list(lanes), OFTEN)
            if not ready:
                return 0, None
            lane = lanes[ready[0]]  # type: ignore[index]  # nothing else was waited for
            told = self._heard(lane)
            if told is not None:
                return lane, told

    def stop(self, lane: int) -> None:
        """Waits until its process has left the folder."""
        worker = self._workers[lane]
        worker.training = False
        try:
            worker.connection.send(None)
            while not isinstance(told := worker.connection.recv(), _Idle):
                _raise(told)
        except (EOFError, OSError):
            self._replaced(lane)

    def close(self) -> None:
        """Has each process save what it is training, and end."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        self._stack.close()

    def _started(self, device: str) -> _Worker:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        process = context.Process(
            target=work, args=(theirs, self._data, self._resolved, device), name="whet-tune", daemon=True
        )
        process.start()
        theirs.close()  # so that its end is the end of the connection
        return _Worker(process, mine)

    def _heard(self, lane: int) -> Told:
        """What a process has to tell of its trial; None where that is of no account."""
        worker = self._workers[lane]
        try:
            told = worker.connection.recv()
        except (EOFError, OSError):
            return self._replaced(lane)
        _raise(told)
        if isinstance(told, _Idle):
            return None
        if isinstance(told, Trained | Failed):
            worker.training, self._deaths = False, 0
        event: Told = told
        return event

    def _replaced(self, lane: int) -> Told:
        """Starts a process in the place of one that has ended by itself, with which its trial has failed."""
        worker = self._workers[lane]
        worker.process.join()
        code, self._deaths = worker.process.exitcode or 0, self._deaths + 1
        how = f"signal {-code}" if code < 0 else f"status {code}"
        saw = f"the process of a trial ended with {how}"
        if self._deaths > DEATHS:
            todo = "Memory may be short: lower --jobs, or look at what it wrote above"
            raise TrainingError(f"{self._deaths} times in a row {saw}", todo=todo)
        self._workers[lane] = self._started(self._devices[lane])
        return Failed(saw) if worker.training else None


def _raise(told: object) -> None:
    """Raises what ended a process."""
    if isinstance(told, _Fault):
        raise told.kind(told.saw, where=told.where, expected=told.expected, todo=told.todo)


def work(connection: Connection, data: object, resolved: Resolved, device: str) -> None:
    """The life of such a process. A terminal sends Ctrl-C to all of them; the first alone obeys it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError, Interrupted):  # the last with its training saved
        try:
            asked = _settled(data, resolved, device)
            while True:
                connection.send(_Idle())
                while (task := connection.recv()) is None:
                    pass  # it was to stop what had just come to its end
                _train(connection, asked, task)
        except Interrupted:
            raise
        except WhetError as fault:
            connection.send(_Fault(type(fault), fault.saw, fault.where, fault.expected, fault.todo))


def _settled(data: object, resolved: Resolved, device: str) -> Asked:
    """The same job as the first process has, whose notices need no repeating."""
    settling = prepare.settle(data, resolved, runtime.ALONE)
    while True:
        try:
            next(settling)
        except StopIteration as ended:
            asked: Asked = trial.without_test(ended.value)
            break
    if device:
        asked = dataclasses.replace(asked, machine=dataclasses.replace(asked.machine, device=device))
    return asked


def _train(connection: Connection, asked: Asked, task: Task) -> None:
    told = 0.0
    with closing(_followed(asked, task)) as training:
        for event in training:
            if not isinstance(event, StepRecord):
                connection.send(event)
            elif time.monotonic() - told > OFTEN:
                told = time.monotonic()
                connection.send(event)
            if connection.poll():
                connection.recv()
                return
