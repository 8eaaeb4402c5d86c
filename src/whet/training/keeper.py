"""A training that is saved on its way, and goes on from where it was saved."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from whet.records import ClassScore, Evaluation, Metrics, StepRecord
from whet.training.checkpoints import Checkpoints, Schedule
from whet.training.loop import Training
from whet.training.selection import Selection
from whet.training.state import State, read_as_written, read_state
from whet.training.team import Alone

EVERY = 500  # steps between two checkpoints of several processes, whose clocks may differ


class Keeper:
    """Saves and loads what a training and the choice of its weights have become. Of several processes each
    takes part, and the first writes."""

    def __init__(
        self, checkpoints: Checkpoints, training: Training, selection: Selection, model: nn.Module, team: Alone,
        every: int | None,
    ) -> None:  # fmt: skip
        self._checkpoints, self._training, self._selection = checkpoints, training, selection
        self._model, self._team = model, team
        self._schedule = Schedule(every or (EVERY if team.ranks.count > 1 else None))
        self.saved_at = 0
        """The step of the newest checkpoint, 0 where there is none."""

    def due(self, record: StepRecord) -> bool:
        """Whether to save after this step."""
        return self._schedule.due(record.step, ended=record.step == record.steps)

    def save(self, record: StepRecord, kept: Evaluation | None, facts: Mapping[str, Any]) -> None:
        """After a step and before an evaluation that follows it. `kept`: that of the best weights so far;
        `facts`: plain JSON that `load` gives back. OutputError where the disk does not take it."""
        started = time.perf_counter()
        state = self._training.state()
        weights, selected = self._selection.state(record.step)
        numbers = dict(state.numbers)
        own = numbers.pop("own")
        numbers |= {
            "ranks": self._team.meet(own), "selection": selected, "record": dataclasses.asdict(record),
            "kept": None if kept is None else dataclasses.asdict(kept), "facts": facts,
        }  # fmt: skip
        if self._team.first:
            tensors = {**state.tensors, **({"best": weights} if weights else {})}
            self._checkpoints.save(State(tensors, numbers))
        self._team.meet()  # no rank goes on from a step that is not on the disk
        self.saved_at = record.step
        self._schedule.saved(time.perf_counter() - started)

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
    metrics = dict(known["metrics"])
    metrics["classes"] = {name: ClassScore(**scores) for name, scores in metrics["classes"].items()}
    metrics["confusion"] = tuple(tuple(row) for row in metrics["confusion"])
    return Evaluation(**{**known, "metrics": Metrics(**metrics)})
