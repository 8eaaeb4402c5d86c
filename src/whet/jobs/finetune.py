"""The second half of the story: train; `outcome` evaluates and saves. `story.follow` tells the first.

Loads torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

from whet.artifacts import artifact
from whet.data.batches import steps_per_epoch, subset
from whet.jobs import better, learning_curve, outcome
from whet.jobs.network import Network
from whet.jobs.outcome import Scored
from whet.jobs.stepping import Steps
from whet.model.classifier import Classifier
from whet.model.exhausted import give_back
from whet.preparing.given import Given
from whet.preparing.job import Job
from whet.records import (
    CurvePoint,
    CurveStep,
    Evaluation,
    Notice,
    Revision,
    SeveralScores,
    Stage,
    StepRecord,
)
from whet.runs.run_folder import RunFolder
from whet.score.metrics import value
from whet.sentences.bilingual import said
from whet.settings.config import Settings
from whet.system import heap
from whet.system.interruption import Interruption
from whet.training import estimate, loop, memory
from whet.training.keeper import Keeper
from whet.training.pace import Budget, Pace
from whet.training.selection import Selection


def train_and_save(
    folder: RunFolder, job: Job
) -> Iterator[Stage | Notice | StepRecord | Evaluation | Revision | CurveStep | CurvePoint]:
    """Fine-tunes, scores and saves; metrics.json, written last, ends the run."""
    artifact.check_tokenizer(job.files.folder, job.cutter)  # now: after hours of training it would be too late
    job.classifier.begin(job.lessons.targets, job.recipe.loss)
    heap.keep()
    with memory.explained(job.classifier):
        yield Stage("train", said({"count": len(job.lessons.encoded)}, "some rows"))
        pace = None if job.budget is None else _pace(job.budget, job, job.settings)
        last, kept = yield from fit(folder, job.classifier, job, job.settings, pace)
        job.classifier.fold()
        give_back(job.classifier.device)  # to save the model takes as much again as its weights
        learnt = yield from _curve(folder, job, last, kept, pace)
        given: Given = job
        model: outcome.Model = Network(job)
        if job.rivals is not None and kept is not None:
            assert pace is not None, "only a budget asks for rivals"
            given, model, kept = yield from better.chosen(folder, job, model, job.rivals, kept, pace.left)
        yield from outcome.conclude(folder, given, model, last, kept, None if model.linear else pace, learnt)


def _curve(
    folder: RunFolder, job: Job, last: StepRecord, kept: Scored | None, pace: Pace | None
) -> Generator[learning_curve.Told, None, dict[str, object]]:
    """The part of metrics.json on the learning curve, where one was asked for."""
    if not job.settings.learning_curve:
        return {}
    assert kept is not None, "there are validation rows, as the settings were checked"
    encoded, evaluation = job.sides["validation"].encoded, kept.evaluation
    if kept.rows is not None:
        encoded = subset(encoded, kept.rows)
    thresholds = evaluation.metrics.thresholds if isinstance(evaluation.metrics, SeveralScores) else {}
    whole = learning_curve.Whole(last, encoded, kept.targets, kept.logits, evaluation.seconds, thresholds)
    found = yield from learning_curve.curve(folder, job, whole, pace)
    return {"learning_curve": found}


def fit(
    folder: RunFolder, classifier: Classifier, job: Job, settings: Settings, pace: Pace | None
) -> Generator[StepRecord | Evaluation | Notice | Revision, None, tuple[StepRecord, Scored | None]]:
    """Trains with evaluations on validation in between, from the start or from where a checkpoint was made;
    leaves the weights that are to be kept and returns the last step and the validation side, scored with them."""
    train = job.lessons
    selection = Selection(keep=settings.keep, patience=settings.early_stopping, apart=settings.ema is not None)
    objective = job.team.objective(classifier, train.encoded, job.recipe.loss)
    training = loop.Training(classifier, train.encoded, train.targets, job.recipe, objective, pace)
    keeper = Keeper(
        job.kept.checkpoints, training, selection, classifier.model, job.team, settings.checkpoint_every,
        beside=classifier.device.type != "cpu",
    )  # fmt: skip
    judging = _Judging(folder, job, settings, pace, selection, training)
    resumed, judging.kept = (None, None) if job.kept.found is None else keeper.load(job.kept.found.path)
    last = yield from Steps(folder, training, keeper, job.team, pace, job.facts, judging).taken(resumed)
    training.finish()
    kept, scored = judging.kept, judging.scored
    if kept is None and judging.last is not None:
        kept, scored = judging.last.evaluation, judging.last
        yield folder.log(Notice(said({"metric": settings.metric}, "no best weights"), "warning"))
    if selection.restore(classifier.model):
        facts = {"step": selection.best_step, "metric": settings.metric}
        yield folder.log(Notice(said(facts, "weights kept")))
    if kept is not None and scored is None:
        again = outcome.evaluate(job, Network(job), "validation", kept, None, None)  # for its logits
        scored = dataclasses.replace(again, evaluation=kept)
    return last, scored


class _Judging:
    """Evaluates on validation between two steps, and lets the selection choose."""

    def __init__(
        self, folder: RunFolder, job: Job, settings: Settings, pace: Pace | None, selection: Selection,
        training: loop.Training,
    ) -> None:  # fmt: skip
        self._folder, self._job, self._settings = folder, job, settings
        self._pace, self._selection, self._training = pace, selection, training
        self.kept: Evaluation | None = None
        self.scored: Scored | None = None  # as in `kept`, where this process did it
        self.last: Scored | None = None  # whatever its score, likewise

    def after(
        self, record: StepRecord, interruption: Interruption
    ) -> Generator[Evaluation | Notice, None, bool]:  # fmt: skip
        if _is_judged(record, self._job, self._settings):
            with self._training.judged():
                judged = yield from _judge(self._folder, self._job, self._pace, self._selection, record, interruption)
            self.last = judged
            if judged.evaluation.best or self._settings.keep == "last":
                self.kept, self.scored = judged.evaluation, judged
        if self._selection.exhausted:
            facts = {
                "step": record.step, "metric": self._settings.metric, "patience": self._selection.patience
            }  # fmt: skip
            yield self._folder.log(Notice(said(facts, "stopped early")))
        return self._selection.exhausted


def _is_judged(record: StepRecord, job: Job, settings: Settings) -> bool:
    """Whether an evaluation on validation follows this step."""
    every = estimate.interval(settings, steps_per_epoch(len(job.lessons.encoded), settings.batch_size))
    return "validation" in job.sides and estimate.is_judged(record, every)


def _judge(
    folder: RunFolder, job: Job, pace: Pace | None, selection: Selection, record: StepRecord,
    interruption: Interruption,
) -> Generator[Evaluation | Notice, None, Scored]:  # fmt: skip
    """Evaluates on validation, lets the selection choose, and returns the scored side."""
    settings, classifier, network = job.settings, job.classifier, Network(job)
    before, ended = network.pack_tokens, record.step == record.steps
    with interruption.at_once():
        scored = outcome.evaluate(job, network, "validation", record, pace if ended else None, None)
    evaluation = scored.evaluation
    if pace and not ended:
        pace.evaluated("validation", evaluation.metrics.rows, evaluation.seconds)
    yield from outcome.smaller_packs(folder, network, before)
    best = selection.offer(
        value(evaluation.metrics, evaluation.loss, str(settings.metric)), record.step, classifier.model
    )
    evaluation = dataclasses.replace(evaluation, best=best)
    yield folder.log(evaluation)
    return dataclasses.replace(scored, evaluation=evaluation)


def _pace(budget: Budget, job: Job, settings: Settings) -> Pace:
    steps = loop.count_steps(len(job.lessons.encoded), loop.recipe_of(settings))
    redone, found = job.kept.redone, job.kept.found
    return Pace(
        steps,
        budget,
        recorded=redone.revisions,
        until=redone.until,
        revised=None if found is None else found.numbers["steps"],
    )
