"""The second half of the story: train, evaluate, save. `story.follow` tells the first.

Loads torch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from whet import artifact, heap, machine, runs
from whet.config import Resolved, Settings
from whet.data.batches import steps_per_epoch, subset
from whet.data.clean import clean_text
from whet.data.split import draw, select
from whet.data.store import mapped
from whet.data.targets import classes_of
from whet.data.tokens import Cutter
from whet.errors import Interrupted, OutputError
from whet.interruption import Interruption
from whet.labels import LabelSet
from whet.model.answers import begin_at_shares, begin_in_units, scale_of
from whet.model.classifier import Classifier
from whet.model.exhausted import give_back
from whet.model.files import ModelFiles
from whet.model.loss import SeveralEntropies
from whet.prepare import EncodedSide
from whet.records import (
    Baselines,
    Bools,
    Evaluation,
    Examples,
    Floats,
    Inputs,
    Notice,
    Redone,
    Revision,
    SeveralScores,
    Side,
    Splits,
    Stage,
    StepRecord,
    Usage,
)
from whet.report import card, figures
from whet.score import baseline, unlearned
from whet.score.judge import default_thresholds, judge, predicted, probabilities
from whet.score.leaks import Leaks, without
from whet.score.metrics import value
from whet.training import estimate, loop, memory
from whet.training.checkpoints import Checkpoints, Found
from whet.training.keeper import Keeper
from whet.training.pace import Budget, Pace
from whet.training.selection import Selection
from whet.training.team import Alone


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a training is saved on its way, and what there is of it."""

    checkpoints: Checkpoints
    found: Found | None
    """The newest one of a run that was stopped."""
    redone: Redone


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that training needs of the preparation."""

    resolved: Resolved
    files: ModelFiles
    classifier: Classifier
    cutter: Cutter
    inputs: Inputs
    test: Examples | None
    sides: Mapping[Side, EncodedSide]
    labels: LabelSet
    baselines: Baselines | None
    leaks: Leaks | None
    """Rows of test that train has; None where another process tells it."""
    team: Alone
    budget: Budget | None
    kept: Kept
    facts: Mapping[str, Any]
    """What a checkpoint is to keep of the job beside its training."""
    weights: tuple[float, ...] | None = None
    """What a row of each class, or the yes of each label, counts."""

    @property
    def settings(self) -> Settings:
        return self.resolved.settings

    @property
    def recipe(self) -> loop.Recipe:
        return loop.recipe_of(self.settings, self.weights, kind=self.labels.kind)


def train_and_save(folder: runs.RunFolder, job: Job) -> Iterator[Stage | Notice | StepRecord | Evaluation | Revision]:
    """Fine-tunes, scores and saves; metrics.json, written last, ends the run."""
    artifact.check_tokenizer(job.files.folder, job.cutter)  # now: after hours of training it would be too late
    if job.labels.kind == "value":
        job.classifier.scale = scale_of(np.asarray(job.sides["train"].targets), job.classifier.model)
        begin_in_units(job.classifier.model, job.classifier.scale)
    elif isinstance(loss := job.recipe.loss, SeveralEntropies):
        begin_at_shares(job.classifier.model, np.asarray(job.sides["train"].targets, dtype=np.bool_), loss)
    heap.keep()
    with memory.explained(job.classifier):
        yield from _train_and_save(folder, job.settings, job, job.classifier)


def _train_and_save(
    folder: runs.RunFolder, settings: Settings, job: Job, classifier: Classifier
) -> Iterator[Stage | Notice | StepRecord | Evaluation | Revision]:
    yield Stage("train", f"{len(job.sides['train'].encoded):,} rows")
    pace = None if job.budget is None else _pace(job.budget, job, settings)
    last, validation = yield from _fit(folder, classifier, job, settings, pace)
    classifier.fold()
    give_back(classifier.device)  # to save the model takes as much again as its weights
    metrics: dict[str, object] = {"task": job.labels.task}
    seconds = {"train": last.train_seconds, "evaluate": 0.0}
    thresholds = _thresholds(validation, job.labels)
    if validation is not None:
        metrics["validation"] = figures.scores(validation, len(job.sides["validation"].encoded))
        seconds["evaluate"] += validation.seconds

    if "test" in job.sides:
        yield Stage("evaluate", "test")
        before = classifier.pack_tokens
        test, logits, taken = _evaluate(classifier, job, "test", validation or last, pace, thresholds)
        yield from _smaller_packs(folder, classifier, before)
        if taken is not None:
            all_ = f"{len(taken):,}"
            drawn = "value" if job.labels.kind == "value" else "label"
            message = f"{taken.sum():,} of {all_} test rows, drawn by {drawn}, were scored in the time that was left"
            beside = f"; the baselines were scored on all {all_}" if job.baselines else ""
            yield folder.log(Notice(message + beside, "warning"))
        yield folder.log(test)
        whole = job.budget.whole if job.budget else test.metrics.rows
        metrics["test"] = figures.scores(test, whole) | _without_leaks(job, logits, taken, thresholds)
        metrics |= figures.compared(test.metrics, job.baselines)
        seconds["evaluate"] += test.seconds
        assert job.test is not None
        scored = job.test if taken is None else select(job.test, taken)
        runs.write_predictions(folder, scored, job.labels, probabilities(logits, job.labels), thresholds)
        yield from _doubts(folder, job, test, logits)
    elif validation is not None:
        yield from _doubts(folder, job, validation)

    yield Stage("save")
    metrics["seconds"] = seconds
    text = card.write(job.files.name, job.labels, metrics, settings, job.inputs)
    if job.team.first:
        usage = Usage(job.inputs, thresholds)
        artifact.save(folder.model, classifier, job.cutter, job.labels, source=job.files.folder, card=text, usage=usage)
    folder.log_end(last)
    folder.write("metrics.json", metrics)


def _doubts(folder: runs.RunFolder, job: Job, judged: Evaluation, logits: Floats | None = None) -> Iterator[Notice]:
    """What is to be told of a model that seems to have learned nothing. `logits`: what it answered on that side."""
    answers: Bools | Floats | None = None
    if logits is not None and isinstance(judged.metrics, SeveralScores):
        answers = predicted(probabilities(logits, job.labels), job.labels, judged.metrics.thresholds)
    elif logits is not None and job.labels.kind == "value":
        answers = logits[:, 0]
    spread = float(np.std(job.sides["train"].targets))
    guess, losses = _guess(job), folder.losses()
    signs = unlearned.signs(judged.metrics, judged.side, losses, guess, answers=answers, spread=spread)
    if signs:
        advice = (
            f"Give another --learning-rate (now {job.settings.learning_rate:g}) or more --epochs, or look at the data "
            "with whet check"
        )
        message = f"{signs}: the model may have learned nothing of the texts. {advice}"
        yield folder.log(Notice(message, "warning"))


def _guess(job: Job) -> float:
    """The loss of whoever gives all training rows the same answer, the best there is."""
    targets = job.sides["train"].targets
    if job.labels.kind == "value":
        values = np.asarray(targets, dtype=np.float64)
        scale = scale_of(values, job.classifier.model)
        return job.recipe.loss.guess(torch.from_numpy((values - scale.mean) / scale.deviation))
    # Balanced sampling shows each class as often as any other.
    shown = targets if job.settings.sampling == "plain" else np.arange(len(job.labels))
    return job.recipe.loss.guess(torch.from_numpy(shown))


def baselines(
    splits: Splits, sides: Mapping[Side, EncodedSide], labels: LabelSet, cache: Path, seed: int
) -> Generator[Notice, None, Baselines]:
    """The cheap answers on the same rows; TF-IDF learns from as many training rows as its memory allows."""
    assert splits.test is not None
    rows, train, test = splits.train, sides["train"].targets, sides["test"].targets
    fitting = baseline.fitting_rows(rows.texts, second=rows.pairs)
    if fitting < len(rows.texts):
        beside = f"TF-IDF learns from {fitting:,} of the {len(rows.texts):,} training rows, drawn by label: all of "
        yield Notice(f"{beside}them would take more than {machine.gigabytes(baseline.MOST_BYTES)} of memory", "warning")
        taken = draw(classes_of(train), rows.row_ids, fitting, "rows of the baseline", seed)
        rows, train = select(rows, taken), train[taken]
    learnt, scored = (mapped(side.texts, clean_text) for side in (rows, splits.test))
    pairs = None
    if rows.pairs is not None and splits.test.pairs is not None:
        pairs = mapped(rows.pairs, clean_text), mapped(splits.test.pairs, clean_text)
    return baseline.baselines(learnt, train, scored, test, labels, cache=cache, pairs=pairs)


def _fit(
    folder: runs.RunFolder, classifier: Classifier, job: Job, settings: Settings, pace: Pace | None
) -> Generator[StepRecord | Evaluation | Notice | Revision, None, tuple[StepRecord, Evaluation | None]]:
    """Trains with evaluations on validation in between, from the start or from where a checkpoint was made;
    leaves the weights that are to be kept and returns the last step and the evaluation of those weights."""
    train = job.sides["train"]
    selection = Selection(keep=settings.keep, patience=settings.early_stopping)
    objective = job.team.objective(classifier, train.encoded, job.recipe.loss)
    training = loop.Training(classifier, train.encoded, train.targets, job.recipe, objective, pace)
    keeper = Keeper(
        job.kept.checkpoints, training, selection, classifier.model, job.team, settings.checkpoint_every,
        beside=classifier.device.type != "cpu",
    )  # fmt: skip
    resumed, kept = (None, None) if job.kept.found is None else keeper.load(job.kept.found.path)

    def save(record: StepRecord) -> None:
        left = None if pace is None else pace.left
        keeper.save(record, kept, {**job.facts, "left": left, "events": folder.flushed()})

    interruption = Interruption(shared=job.team.ranks.count > 1)
    with interruption.heard(), closing(keeper):
        # What follows the last step of a checkpoint, such as an evaluation, is still to be done.
        for record in chain([] if resumed is None else [resumed], training.records()):
            # A revision before its step: whoever reads of a step on the disk finds there what was decided after it.
            for revision in pace.news() if pace else ():
                yield folder.log(revision)
            if record is not resumed:
                yield folder.log(record)
            if isinstance(record, Notice):
                continue
            last = record
            if record is not resumed and keeper.due(record):
                yield from _tried(folder, partial(save, record), keeper)
            try:
                interruption.raise_for(job.team.most(interruption.came))
                if _is_judged(record, job, settings):
                    judged = yield from _judge(folder, job, pace, selection, record, interruption)
                    kept = judged or kept
            except Interrupted as fault:
                with suppress(OutputError):  # of the one before; this one may fit
                    keeper.settle()
                save(record)
                keeper.settle()
                raise _stopped(fault, record, keeper.saved_at) from None
            if selection.exhausted:
                tried = f"no better {settings.metric} in {selection.patience} evaluations"
                yield folder.log(Notice(f"stopped at step {record.step}: {tried}"))
                break
        yield from _tried(folder, keeper.settle, keeper)
    if selection.restore(classifier.model):
        yield folder.log(
            Notice(f"kept the weights of step {selection.best_step}, the best {settings.metric} on validation")
        )
    return last, kept


def _tried(folder: runs.RunFolder, save: Callable[[], None], keeper: Keeper) -> Iterator[Notice]:
    """Saves, or tells that it failed."""
    try:
        save()
    except OutputError as fault:
        if keeper.given_up:
            raise
        yield folder.log(Notice(f"{fault.where}: {fault.saw}; the training goes on without it", "warning"))


def _is_judged(record: StepRecord, job: Job, settings: Settings) -> bool:
    """Whether an evaluation on validation follows this step."""
    every = estimate.interval(settings, steps_per_epoch(len(job.sides["train"].encoded), settings.batch_size))
    return "validation" in job.sides and (record.step == record.steps or bool(every and record.step % every == 0))


def _judge(
    folder: runs.RunFolder, job: Job, pace: Pace | None, selection: Selection, record: StepRecord,
    interruption: Interruption,
) -> Generator[Evaluation | Notice, None, Evaluation | None]:  # fmt: skip
    """Evaluates on validation and lets the selection choose; returns the evaluation where it is that of the
    weights to keep."""
    settings, classifier = job.settings, job.classifier
    before, ended = classifier.pack_tokens, record.step == record.steps
    with interruption.at_once():
        evaluation, *_ = _evaluate(classifier, job, "validation", record, pace if ended else None, None)
    if pace and not ended:
        pace.evaluated("validation", evaluation.metrics.rows, evaluation.seconds)
    yield from _smaller_packs(folder, classifier, before)
    best = selection.offer(value(evaluation.metrics, evaluation.loss, settings.metric), record.step, classifier.model)
    evaluation = dataclasses.replace(evaluation, best=best)
    yield folder.log(evaluation)
    return evaluation if best or settings.keep == "last" else None


def _stopped(fault: Interrupted, record: StepRecord, saved_at: int) -> Interrupted:
    """The same with what is told of it."""
    todo = f"the same command goes on from step {saved_at}" if saved_at else "the same command starts anew"
    return type(fault)(f"{fault.saw} after step {record.step} of {record.steps}", todo=todo[0].upper() + todo[1:])


def _pace(budget: Budget, job: Job, settings: Settings) -> Pace:
    steps = loop.count_steps(len(job.sides["train"].encoded), loop.recipe_of(settings))
    redone, found = job.kept.redone, job.kept.found
    return Pace(
        steps,
        budget,
        recorded=redone.revisions,
        until=redone.until,
        revised=None if found is None else found.numbers["steps"],
    )


def _thresholds(validation: Evaluation | None, labels: LabelSet) -> dict[str, float]:
    """From which probability each of several labels is answered: tuned on the validation rows, where there are any."""
    if validation is not None and isinstance(validation.metrics, SeveralScores):
        return dict(validation.metrics.thresholds)
    return default_thresholds(labels)


def _without_leaks(job: Job, logits: Floats, taken: Bools | None, thresholds: Mapping[str, float]) -> dict[str, object]:
    """The scores of test but for the rows that train has, where there are any. `taken`: the rows with logits."""
    if job.leaks is None:
        return {}
    scored = np.ones(len(job.leaks.exact), np.bool_) if taken is None else taken
    found = Leaks(job.leaks.exact[scored], None if job.leaks.near is None else job.leaks.near[scored])
    targets = job.sides["test"].targets[scored]
    clean = without(lambda rows: judge(logits[rows], targets[rows], job.labels, thresholds)[0], found)
    return {} if clean is None else {"without_leaks": clean}


def _evaluate(
    classifier: Classifier, job: Job, name: Side, at: StepRecord | Evaluation, pace: Pace | None,
    thresholds: Mapping[str, float] | None,
) -> tuple[Evaluation, Floats, Bools | None]:  # fmt: skip
    """Scores a side: all of it, or what a pace leaves time for. Returns with the scores the logits [B, C]
    of the rows that have one, and which those are; None: all. Without `thresholds` those of several labels are
    tuned on this side."""
    side, started = job.sides[name], time.perf_counter()
    targets, scored = side.targets, None
    if pace is None:
        logits = job.team.all_logits(classifier, side.encoded)
    else:
        logits, scored = _in_time(classifier, job, name, pace, job.settings.seed)
        targets, scored = targets[scored], None if scored.all() else scored
    seconds = time.perf_counter() - started
    metrics, loss = judge(logits, targets, job.labels, thresholds)
    return Evaluation(name, at.step, at.epoch, loss, metrics, seconds), logits, scored


def _in_time(classifier: Classifier, job: Job, name: Side, pace: Pace, seed: int) -> tuple[Floats, Bools]:
    """Logits [B, C] of the rows of a side that there is time for, and which those are. They are drawn by
    label in an order that does not hang on the clock, and scored part by part."""
    side = job.sides[name]
    rows, classes = len(side.encoded), classes_of(side.targets)
    row_ids = job.test.row_ids if name == "test" and job.test is not None else range(rows)
    scored = np.zeros(rows, np.bool_)
    logits = np.zeros((rows, len(job.labels)))
    while (due := pace.due(name, int(scored.sum()))) > scored.sum():
        part = draw(classes, row_ids, due, f"{name} rows", seed) & ~scored
        began = time.perf_counter()
        logits[part] = job.team.all_logits(classifier, subset(side.encoded, part))
        pace.evaluated(name, int(part.sum()), time.perf_counter() - began)
        scored |= part
    return logits[scored], scored


def _smaller_packs(folder: runs.RunFolder, classifier: Classifier, before: int) -> Iterator[Notice]:
    """What is to be told where memory ran out in an evaluation."""
    if classifier.pack_tokens < before:
        text = f"out of memory in an evaluation; its packs have at most {classifier.pack_tokens:,} tokens from here on"
        yield folder.log(Notice(text, "warning"))
