"""A training that is saved on its way, and goes on from where it was saved."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import nn

from whet.errors import OutputError
from whet.records import ClassScore, Evaluation, Metrics, Scores, SeveralScores, StepRecord, ValueScores
from whet.training.checkpoints import Checkpoints, Schedule
from whet.training.loop import Training
from whet.training.selection import Selection
from whet.training.state import State, on_host, read_as_written, read_state
from whet.training.team import Alone

FAILED = 3  # saves in a row end a training
EVERY = 500  # steps between two checkpoints of several processes, whose clocks may differ


class Keeper:
    """Saves and loads what a training and the choice of its weights have become. Of several processes each
    takes part, and the first writes.

    `beside`: a checkpoint is written in a thread while the next steps are computed, from a copy in the
    memory of the host. That is for a training on a device of its own: on a CPU, writing and checking
    would take cores and memory from it."""

    def __init__(
        self, checkpoints: Checkpoints, training: Training, selection: Selection, model: nn.Module, team: Alone,
        every: int | None, *, beside: bool,
    ) -> None:  # fmt: skip
        self._checkpoints, self._training, self._selection = checkpoints, training, selection
        self._model, self._team = model, team
        self._schedule = Schedule(every or (EVERY if team.ranks.count > 1 else None))
        self._thread = ThreadPoolExecutor(1, "whet-checkpoint") if beside else None
        self._writing: Future[None] | None = None
        self._failed = 0  # in a row
        self.saved_at = 0
        """The step of the newest checkpoint that is on the disk, 0 where there is none."""

    def close(self) -> None:
        """Waits for a checkpoint that is being written, whatever comes of it."""
        if self._thread is not None:
            self._thread.shutdown()

    def due(self, record: StepRecord) -> bool:
        """Whether to save after this step."""
        return self._schedule.due(record.step, ended=record.step == record.steps)

    def settle(self) -> None:
        """The checkpoint that is being written, if any, is on the disk. OutputError where the disk did not take it."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    @property
    def given_up(self) -> bool:
        """Whether saves have failed so often in a row that a training should end. Before that the disk may have
        room again by the next one; several processes would have to agree on it, and end at once."""
        return self._failed >= (FAILED if self._team.ranks.count == 1 else 1)

    def save(self, record: StepRecord, kept: Evaluation | None, facts: Mapping[str, Any]) -> None:
        """After a step and before an evaluation that follows it; nothing where that step is saved. `kept`: that
        of the best weights so far; `facts`: plain JSON that `load` gives back. OutputError where the disk does
        not take it or, once this one is on its way, where it did not take the one before."""
        started, before = time.perf_counter(), None
        try:
            self.settle()
        except OutputError as fault:
            before = fault
        if self.saved_at == record.step:
            return
        state = self._training.state()
        weights, selected = self._selection.state(record.step)
        numbers = dict(state.numbers)
        own = numbers.pop("own")
        numbers |= {
            "ranks": self._team.meet(own), "selection": selected, "record": dataclasses.asdict(record),
            "kept": None if kept is None else dataclasses.asdict(kept), "facts": facts,
        }  # fmt: skip
        whole = State({**state.tensors, **({"best": weights} if weights else {})}, numbers)
        try:
            if self._thread is None:
                self._write(whole)
                self._team.meet()  # no rank goes on from a step that is not on the disk
            else:
                self._writing = self._thread.submit(self._write, on_host(whole) if self._team.first else whole)
        finally:  # one that fails is not tried again after every step
            self._schedule.saved(time.perf_counter() - started)
        if before is not None:
            raise before

    def _write(self, state: State) -> None:
        try:
            if self._team.first:
                self._checkpoints.save(state)
        except OutputError:
            self._failed += 1
            raise
        self._failed, self.saved_at = 0, state.numbers["step"]

    def load(self, folder: Path) -> tuple[StepRecord, Evaluation | None]:
        """Puts a saved training back; returns its last step, and the evaluation of its best weights. An
        evaluation that follows that step is still to come."""
        state = read_state(folder)
        numbers = dict(state.numbers)
        with read_as_written(folder):
            own = numbers["ranks"][self._team.ranks.rank]
            self._training.load_state(State(state.tensors, {**numbers, "own": own}))
            self._selection.load_state(state.tensors.get("best", {}), numbers["selection"], self._model)
            record = StepRecord(**numbers["record"])
            kept = None if numbers["kept"] is None else _evaluation(numbers["kept"])
        self.saved_at = record.step
        return record, kept


def _evaluation(known: Mapping[str, Any]) -> Evaluation:
    """What dataclasses.asdict and JSON have made of one."""
    return Evaluation(**{**known, "metrics": _scores(dict(known["metrics"]))})


def _scores(known: dict[str, Any]) -> Scores:
    if "classes" not in known:
        return ValueScores(**known)
    known["classes"] = {name: ClassScore(**scores) for name, scores in known["classes"].items()}
    if "thresholds" in known:
        return SeveralScores(**known)
    return Metrics(**{**known, "confusion": tuple(tuple(row) for row in known["confusion"])})
