"""One trial: the job's rows trained on with other settings and judged on validation. The test side is not there.

Loads torch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from whet.jobs import finetune, story
from whet.jobs.outcome import Scored
from whet.model.exhausted import give_back
from whet.planning.again import again, facts_of
from whet.planning.plan import Planned, plan_of
from whet.preparing import prepare
from whet.preparing.job import Job, Kept
from whet.preparing.prepare import Asked
from whet.preparing.sides import encode_sides
from whet.records import Evaluation, Notice, Revision, StepRecord
from whet.runs import run_folder
from whet.runs.run_folder import RunFolder
from whet.score.metrics import value
from whet.sentences.bilingual import said
from whet.settings import config
from whet.settings.config import Settings
from whet.system import heap, runtime
from whet.training import defaults, few, memory
from whet.training.checkpoints import Checkpoints
from whet.training.team import Alone
from whet.tuning.records import Params, Reported, Trained

Event = StepRecord | Evaluation | Notice | Revision | Reported | Trained
Training = Generator[StepRecord | Evaluation | Notice | Revision | Reported, None, tuple[StepRecord, Scored | None]]


def without_test(asked: Asked) -> Asked:
    """The job as a search sees it."""
    return dataclasses.replace(asked, splits=dataclasses.replace(asked.splits, test=None), rows=None)


def with_params(asked: Asked, params: Params) -> Asked:
    """The job with the values of a trial, settled as if they had been given to it. UsageError where they contradict
    each other or the model."""
    resolved, texts = asked.resolved, asked.splits.train.texts
    if resolved.reasons["epochs"] in (few.REASON, defaults.why_epochs(len(texts))):  # for the job's own batches
        resolved = resolved.with_value("epochs", Settings.__dataclass_fields__["epochs"].default, "default")
    for name, chosen in params.items():
        resolved = resolved.with_value(name, chosen, said({}, "by a trial"))
    config.check_together(resolved)
    resolved, files, _ = prepare.choose_model(resolved, texts, asked.machine.device)
    resolved, _ = few.enough_steps(resolved, len(texts))
    resolved = defaults.with_epochs(resolved, len(texts))
    if resolved.reasons["evaluate_every"] == few.ONE_LOOK:
        resolved = resolved.with_value("evaluate_every", few.steps_of(resolved.settings, len(texts)), few.ONE_LOOK)
    return dataclasses.replace(asked, resolved=resolved, encoder=files)


def values_of(asked: Asked, params: Params) -> Params:
    """What a training is to be given to be that of a trial: its values, the rates of the model and the batches that go
    with them, which it would not have beside a rate that is given, and, of few rows, that it is looked at once, as the
    job is: of trainings with more looks the best one would be luckier."""
    if not params:
        return {}
    resolved = with_params(asked, params).resolved
    decided = [name for name in (*defaults.NAMES, "batch_size", "dropout") if resolved.reasons[name] != "default"]
    if resolved.reasons["evaluate_every"] == few.ONE_LOOK:
        decided.append("evaluate_every")
    return {**{name: getattr(resolved.settings, name) for name in decided}, **params}


def follow(asked: Asked, folder: Path) -> Iterator[Event]:
    """Trains, and goes on where an earlier process was stopped in this folder; the last event is Trained. Of the
    training nothing is kept but its checkpoints, until whoever asked removes the folder."""
    started, settings, run = time.monotonic(), asked.resolved.settings, RunFolder(folder)
    checkpoints = Checkpoints(folder / story.CHECKPOINTS)
    with run.held():
        found = checkpoints.newest()
        before = 0.0 if found is None else float(found.numbers["train_seconds"])
        planned = _planned(asked, folder, started) if found is None else again(asked, _alone(), found.facts)
        if found is None:
            run_folder.start(run, asked.resolved, {})
            redone = run_folder.Redone(0, ())
        else:
            redone = run_folder.go_on(run, asked.resolved, {}, step=found.step, events=found.facts["events"])
        checkpoints.sweep()
        job = _job(planned, Kept(checkpoints, found, redone))
        del planned
        job.classifier.begin(job.sides["train"].targets, job.recipe.loss)
        heap.keep()
        steps = 0 if found is None else int(found.numbers["steps"])
        with memory.explained(job.classifier):
            _, kept = yield from _reporting(finetune.fit(run, job.classifier, job, settings, None), settings, steps)
        give_back(job.classifier.device)
    score = float("nan") if kept is None else _score(kept.evaluation, settings)
    yield Trained(score, before + time.monotonic() - started)


def _reporting(training: Training, settings: Settings, steps: int) -> Training:
    """The same events, and after each evaluation how far the training was and what it came to. `steps`: how many the
    training has, as far as is known before its next one."""
    with closing(training):
        while True:
            try:
                event = next(training)
            except StopIteration as ended:
                result: tuple[StepRecord, Scored | None] = ended.value
                return result
            yield event
            if isinstance(event, StepRecord):
                steps = event.steps
            elif isinstance(event, Evaluation):
                yield Reported(round(100 * event.step / steps), _score(event, settings))


def _score(evaluation: Evaluation, settings: Settings) -> float:
    return value(evaluation.metrics, evaluation.loss, str(settings.metric))


def _alone() -> Alone:
    return Alone(runtime.ALONE)


def _planned(asked: Asked, folder: Path, started: float) -> Planned:
    """The job with its model, as a run of its own would begin."""
    runtime.apply(asked.machine, asked.resolved.settings.seed)
    return plan_of(asked, _alone(), folder, started)


def _job(planned: Planned, kept: Kept) -> Job:
    asked = planned.asked
    sides = encode_sides(asked.splits, asked.labels, planned.cutter, runtime.usable_cache())
    return Job(
        resolved=asked.resolved, files=asked.files, machine=asked.machine, classifier=planned.classifier,
        cutter=planned.cutter, inputs=asked.inputs, test=None, sides=sides, labels=asked.labels, baselines=None,
        leaks=None, team=_alone(), kept=kept, facts=facts_of(planned), weights=prepare.weights_of(asked),
    )  # fmt: skip
