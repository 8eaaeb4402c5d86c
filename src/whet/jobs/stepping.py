"""A training on its way: each step is written down, checkpoints are made, and a signal ends it where it can go on.

Loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from whet.errors import Interrupted, OutputError
from whet.records import Evaluation, Notice, Revision, StepRecord
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import said
from whet.system.interruption import Interruption
from whet.training.keeper import Keeper
from whet.training.loop import Training
from whet.training.pace import Pace
from whet.training.team import Alone

Told = TypeVar("Told", covariant=True)


class Follows(Protocol[Told]):
    """What a job does between two steps."""

    @property
    def kept(self) -> Evaluation | None:
        """That of the weights that are kept, for a checkpoint; None where none were chosen."""

    def after(self, record: StepRecord, interruption: Interruption) -> Generator[Told, None, bool]:
        """After a step that may have been saved, and once more when the job goes on from there; whether the training
        shall end. May raise Interrupted."""


@dataclass(frozen=True, slots=True)
class Steps(Generic[Told]):
    """The steps of a training in its folder."""

    folder: RunFolder
    training: Training
    keeper: Keeper
    team: Alone
    pace: Pace | None
    facts: Mapping[str, Any]
    """What a checkpoint is to keep of the job beside its training."""
    follows: Follows[Told]

    def taken(self, resumed: StepRecord | None) -> Generator[StepRecord | Notice | Revision | Told, None, StepRecord]:
        """Trains to the end, from the start or from after the step `resumed`, and returns the last step. Interrupted,
        with the training saved, where a signal came."""
        interruption = Interruption(shared=self.team.ranks.count > 1)
        with interruption.heard(), closing(self.keeper):
            # What follows the last step of a checkpoint, such as an evaluation, is still to be done.
            for record in chain([] if resumed is None else [resumed], self.training.records()):
                # A revision before its step: whoever reads of a step on the disk finds there what was decided after it.
                for revision in self.pace.news() if self.pace else ():
                    yield self.folder.log(revision)
                if record is not resumed:
                    yield self.folder.log(record)
                if isinstance(record, Notice):
                    continue
                last = record
                if record is not resumed and self.keeper.due(record):
                    yield from self._tried(partial(self._save, record))
                try:
                    interruption.raise_for(self.team.most(interruption.came))
                    ended = yield from self.follows.after(record, interruption)
                except Interrupted as fault:
                    with suppress(OutputError):  # of the one before; this one may fit
                        self.keeper.settle()
                    self._save(record)
                    self.keeper.settle()
                    raise _stopped(fault, record, self.keeper.saved_at) from None
                if ended:
                    break
            yield from self._tried(self.keeper.settle)
        return last

    def _save(self, record: StepRecord) -> None:
        left = None if self.pace is None else self.pace.left
        self.keeper.save(record, self.follows.kept, {**self.facts, "left": left, "events": self.folder.flushed()})

    def _tried(self, save: Callable[[], None]) -> Iterator[Notice]:
        """Saves, or tells that it failed."""
        try:
            save()
        except OutputError as fault:
            if self.keeper.given_up:
                raise
            yield self.folder.log(Notice(said({"where": fault.where, "saw": fault.saw}, "not saved"), "warning"))


def _stopped(fault: Interrupted, record: StepRecord, saved_at: int) -> Interrupted:
    """The same with what is told of it."""
    todo = f"the same command goes on from step {saved_at}" if saved_at else "the same command starts anew"
    return type(fault)(f"{fault.saw} after step {record.step} of {record.steps}", todo=todo[0].upper() + todo[1:])
