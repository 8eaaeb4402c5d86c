"""Would more labels help: fresh models on parts of the training rows, after the job's own.

The parts are nested: a quarter is drawn from the half. Each model is the same one anew, trained with the same settings
and scored on the validation rows; the test side is not touched. What it answered is kept beside the checkpoints, so
that a job that was stopped does not train it again.

Loads torch.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from whet.data.batches import steps_per_epoch, subset
from whet.data.split import draw
from whet.data.targets import classes_of
from whet.disk import durable
from whet.errors import Interrupted, ModelError, TrainingError
from whet.model import classifier as classifiers
from whet.model.classifier import Classifier
from whet.model.exhausted import give_back
from whet.preparing.job import Job
from whet.records import (
    Bools,
    CurvePoint,
    CurveStep,
    Encoded,
    Floats,
    Notice,
    SeveralScores,
    Stage,
    StepRecord,
    Targets,
)
from whet.runs import naming
from whet.runs.run_folder import RunFolder
from whet.score.judge import judge
from whet.score.learning_curve import SHARES, Learnt, document, score_of
from whet.score.metrics import value
from whet.sentences.bilingual import Bilingual, said
from whet.settings.config import Settings
from whet.system import runtime
from whet.system.interruption import Interruption
from whet.training import estimate, loop, memory
from whet.training.estimate import Part
from whet.training.pace import Pace
from whet.training.selection import Selection

Told = Stage | Notice | CurveStep | CurvePoint


@dataclass(frozen=True, slots=True)
class Whole:
    """What the job's own model came to on the validation rows: all, or those that a budget left time for."""

    last: StepRecord
    encoded: Encoded
    targets: Targets  # [B]
    logits: Floats  # [B, C]
    seconds: float
    """That the evaluation took."""
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Task:
    """One model to train."""

    share: float
    part: Part
    drawn: Bools  # [training rows]
    recipe: loop.Recipe

    @property
    def told(self) -> Bilingual:
        return said({"share": 100 * self.share}, "part of rows")


def curve(folder: RunFolder, job: Job, whole: Whole, pace: Pace | None) -> Generator[Told, None, dict[str, object]]:
    """Trains the models of the parts and returns the part of metrics.json."""
    found: list[Learnt] = []
    for task in _tasks(job, whole.last):
        learnt = yield from _learnt(folder, job, task, whole, pace)
        if learnt is not None:
            found.append(learnt)
    found.append(Learnt(1.0, len(job.sides["train"].encoded), whole.logits, whole.thresholds))
    return document(found, whole.targets, job.labels, job.settings.metric)


def _tasks(job: Job, last: StepRecord) -> list[_Task]:
    """The smallest first. Where a budget made the training shorter, they are made shorter alike."""
    train, rows, settings = job.sides["train"], job.learnt["train"], job.settings
    if last.steps < loop.count_steps(len(train.encoded), job.recipe):
        settings = replace(settings, epochs=last.steps / steps_per_epoch(len(train.encoded), settings.batch_size))
    parts = estimate.parts(len(train.encoded), settings)
    classes, taken, found = classes_of(train.targets), np.ones(len(train.encoded), np.bool_), list[_Task]()
    for share, part in reversed(list(zip(SHARES, parts, strict=True))):
        ids, taken = np.asarray(rows.row_ids)[taken], taken.copy()
        taken[taken] = draw(classes[taken], ids, part.rows, "learning curve", settings.seed)
        found.insert(0, _Task(share, part, taken, replace(job.recipe, epochs=part.epochs)))
    return found


def _learnt(
    folder: RunFolder, job: Job, task: _Task, whole: Whole, pace: Pace | None
) -> Generator[Told, None, Learnt | None]:
    """The model of a part, trained now or by a process before this; None where there is no time or memory for it."""
    path = job.kept.checkpoints.beside(f"curve-{100 * task.share:g}.npz")
    key = naming.fingerprint(job.resolved, [repr(task.part), str(len(whole.targets))])
    known = _read(path, key)
    if known is None:
        yield Stage("curve", said({"share": 100 * task.share, "rows": task.part.rows}, "part learnt"))
        started = time.perf_counter()
        try:
            with memory.explained(job.classifier):
                answered = yield from _trained(job, task, whole, pace)
        except (ModelError, TrainingError) as fault:
            yield folder.log(Notice(said({"part": task.told, "fault": fault.message}, "no part"), "warning"))
            return None
        finally:
            give_back(job.classifier.device)
        if answered is None:
            yield folder.log(Notice(said({"part": task.told}, "no time for a part"), "warning"))
            return None
        known = answered, time.perf_counter() - started
        wrong = _write(path, key, *known)
        if wrong:
            yield folder.log(Notice(said({"path": path, "fault": wrong}, "part not kept"), "warning"))
    (logits, thresholds), seconds = known
    learnt = Learnt(task.share, task.part.rows, logits, thresholds)
    score = score_of(learnt, whole.targets, job.labels, job.settings.metric)
    yield folder.log(CurvePoint(task.share, task.part.rows, score, seconds))
    return learnt


Answered = tuple[Floats, dict[str, float]]
"""Logits [B, C] of the validation rows, and the thresholds of several labels."""


def _trained(
    job: Job, task: _Task, whole: Whole, pace: Pace | None
) -> Generator[Notice | CurveStep, None, Answered | None]:
    """What a fresh model answers that has learnt from the part; None where a budget leaves no time for it."""
    settings, train, interruption = job.settings, job.sides["train"], Interruption()
    steps = loop.count_steps(task.part.rows, task.recipe)
    needed = steps * whole.last.train_seconds / whole.last.step + whole.seconds
    if pace is not None and pace.spare < needed:
        return None
    runtime.apply(job.machine, settings.seed)  # the head and the random numbers that the job began with
    classifier, _ = classifiers.fresh(job.files, job.labels, job.machine, settings, seed=settings.seed)
    encoded, targets = subset(train.encoded, task.drawn), train.targets[task.drawn]
    classifier.begin(targets, task.recipe.loss)
    selection = Selection(keep="last", patience=settings.early_stopping)  # the weights themselves are not needed
    kept: Answered | None = None
    with interruption.heard():
        training = loop.Training(classifier, encoded, targets, task.recipe)
        for record in training.records():
            if isinstance(record, Notice):
                yield replace(record, message=said({"part": task.told, "message": record.message}, "of a curve"))
                continue
            yield CurveStep(task.share, record.step, record.steps)
            try:
                interruption.raise_for(interruption.came)
                if estimate.is_judged(record, task.part.every):
                    with interruption.at_once(), training.judged():
                        answered, score = _judged(job, settings, classifier, whole)
                    best = selection.offer(score, record.step, classifier.model)
                    kept = answered if best or kept is None or settings.keep == "last" else kept
            except Interrupted as fault:
                raise _stopped(fault, task, record) from None
            if selection.exhausted:
                break
            if pace is not None and pace.spare < whole.seconds and record.step < record.steps:
                return None
    return kept


def _judged(job: Job, settings: Settings, classifier: Classifier, whole: Whole) -> tuple[Answered, float]:
    """The answers to the validation rows and their score, of which more is better."""
    logits = classifier.all_logits(whole.encoded)
    scores, loss = judge(logits, whole.targets, job.labels, None, settings.metric)
    thresholds = dict(scores.thresholds) if isinstance(scores, SeveralScores) else {}
    return (logits, thresholds), value(scores, loss, str(settings.metric))


def _stopped(fault: Interrupted, task: _Task, record: StepRecord) -> Interrupted:
    """The same with what is told of it."""
    saw = f"{fault.saw} after step {record.step} of {record.steps} of the learning curve at {task.told}"
    return type(fault)(saw, todo="The same command goes on, without the points that are done")


def _write(path: Path, key: str, answered: Answered, seconds: float) -> str:
    """Keeps what a model came to; returns why it could not."""
    logits, thresholds = answered
    content = io.BytesIO()
    np.savez(
        content, key=np.array(key), logits=logits, seconds=np.array(seconds),
        labels=np.array(list(thresholds), np.str_), thresholds=np.array(list(thresholds.values()), np.float64),
    )  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, content.getvalue())
    except OSError as fault:
        return fault.strerror or str(fault)
    return ""


def _read(path: Path, key: str) -> tuple[Answered, float] | None:
    """What `_write` kept of the same training; None where there is none, or another."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as kept:
            if str(kept["key"]) != key:
                return None
            thresholds = dict(zip(kept["labels"].tolist(), kept["thresholds"].tolist(), strict=True))
            return (kept["logits"], thresholds), float(kept["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
