"""An encoder learns the language of texts: measured on held-out ones before, trained, measured again, saved.

Loads torch.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.adapting import card
from whet.adapting.plan import Work
from whet.artifacts import sidefile
from whet.data.masking import Masking
from whet.data.tokens import Cutter
from whet.jobs.stepping import Steps
from whet.model import encoder
from whet.model.exhausted import give_back
from whet.model.files import ModelFiles, longest_input
from whet.records import Evaluation, HeldOut, Notice, Revision, Stage, StepRecord
from whet.runs.run_folder import Redone, RunFolder
from whet.settings.config import Settings
from whet.system import heap, machine, runtime
from whet.system.interruption import Interruption
from whet.training import loop, memory
from whet.training.checkpoints import Checkpoints, Found
from whet.training.keeper import Keeper
from whet.training.pace import Budget, Pace
from whet.training.selection import Selection
from whet.training.team import Alone

Told = Stage | Notice | StepRecord | Revision | HeldOut


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that is needed of the preparation."""

    work: Work
    settings: Settings
    files: ModelFiles
    cutter: Cutter
    masking: Masking
    beside: Mapping[str, Tensor]
    """Weights that are saved as they are."""
    texts: Mapping[str, int]
    """How many are learnt from and held out."""
    checkpoints: Checkpoints
    found: Found | None
    redone: Redone
    facts: Mapping[str, Any]
    """What a checkpoint is to keep of the job beside its training."""
    budget: Budget | None = None


def recipe_of(settings: Settings, masking: Masking, work: Work) -> loop.Recipe:
    """That of the settings, with hidden tokens to be told."""
    return dataclasses.replace(loop.recipe_of(settings), loss=work.model.loss, masking=masking)


def steps_of(recipe: loop.Recipe, work: Work) -> int:
    """How many the whole training has."""
    return loop.count_steps(len(work.train), recipe)


def learn_and_save(folder: RunFolder, job: Job) -> Iterator[Told]:
    """Trains and saves; metrics.json, written last, ends the run."""
    heap.keep()
    with memory.explained(job.work.model):
        before = HeldOut(**job.facts["before"]) if job.found is not None and job.facts["before"] else None
        if job.found is None and len(job.work.held_out):
            yield Stage("evaluate", card.HELD_OUT)
            before = folder.log(_measured(job, 0))
            yield before
        kept = {**job.facts, "before": None if before is None else dataclasses.asdict(before)}
        yield Stage("train")
        last, after = yield from _trained(folder, dataclasses.replace(job, facts=kept))
        give_back(job.work.model.device)
        yield Stage("save")
        _save(folder, job, last, before, after)


class _Measuring:
    """Measures what is held out after the last step."""

    kept: Evaluation | None = None  # no weights are chosen: those of the last step are saved

    def __init__(self, folder: RunFolder, job: Job) -> None:
        self._folder, self._job = folder, job
        self.found: HeldOut | None = None

    def after(self, record: StepRecord, interruption: Interruption) -> Generator[Stage | HeldOut, None, bool]:
        if record.step == record.steps and len(self._job.work.held_out):
            yield Stage("evaluate", card.HELD_OUT)
            with interruption.at_once():
                self.found = self._folder.log(_measured(self._job, record.step))
            yield self.found
        return False


def _trained(folder: RunFolder, job: Job) -> Generator[Told, None, tuple[StepRecord, HeldOut | None]]:
    work, settings = job.work, job.settings
    recipe, labels = recipe_of(settings, job.masking, work), np.zeros(len(work.train), np.int64)
    pace = None
    if job.budget is not None:
        revised = None if job.found is None else job.found.numbers["steps"]
        steps = steps_of(recipe, work)
        recorded, until = job.redone.revisions, job.redone.until
        pace = Pace(steps, job.budget, recorded=recorded, until=until, revised=revised)
    training = loop.Training(work.model, work.train, labels, recipe, pace=pace)
    team, on_cpu = Alone(runtime.ALONE), work.model.device.type == "cpu"
    keeper = Keeper(
        job.checkpoints, training, Selection(keep="last", patience=None), work.model.model, team,
        settings.checkpoint_every, beside=not on_cpu,
    )  # fmt: skip
    resumed = None if job.found is None else keeper.load(job.found.path)[0]
    measuring = _Measuring(folder, job)
    last = yield from Steps(folder, training, keeper, team, pace, job.facts, measuring).taken(resumed)
    return last, measuring.found


def _measured(job: Job, step: int) -> HeldOut:
    """What is held out, as the model tells it now."""
    started, work = time.perf_counter(), job.work
    assert work.held_out.hidden is not None
    hidden = int((work.held_out.hidden >= 0).sum())
    loss = float(work.model.losses(work.held_out).sum()) / max(1, hidden)
    return HeldOut(step, loss, job.texts["held_out"], hidden, time.perf_counter() - started)


def _save(
    folder: RunFolder, job: Job, last: StepRecord, before: HeldOut | None, after: HeldOut | None
) -> None:  # fmt: skip
    work, model = job.work, job.work.model
    metrics: dict[str, Any] = {
        "job": "adapt",
        "texts": dict(job.texts),
        "windows": {"train": len(work.train), "held_out": len(work.held_out)},
        "steps": last.steps, "epochs": last.epoch, "tokens": last.tokens,
        "seconds": {"train": last.train_seconds, "evaluate": sum(each.seconds for each in (before, after) if each)},
    }  # fmt: skip
    if before is not None and after is not None:
        metrics["held_out"] = {"tokens": after.tokens, "before": _scores(before), "after": _scores(after)}
    text = card.write(job.files.name, job.settings, metrics)
    with sidefile.new_folder(folder.model, text) as scratch:
        encoder.save(model.model, scratch, job.beside)
        encoder.save_tokenizer(job.files.folder, scratch, max_length=longest_input(job.files.folder))
    on_card = model.device.type == "cuda"
    folder.log_end(last, torch.cuda.max_memory_reserved(model.device) if on_card else machine.peak())
    folder.write("metrics.json", metrics)


def _scores(found: HeldOut) -> dict[str, float]:
    return {"loss": found.loss, "perplexity": math.exp(min(found.loss, 700.0))}
