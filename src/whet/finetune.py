"""The second half of the story: train, evaluate, save. `pipeline.follow` tells the first.

Loads torch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whet import artifact, runs, runtime
from whet.config import Resolved, Settings
from whet.data.batches import steps_per_epoch
from whet.data.tokens import Cutter
from whet.labels import LabelSet
from whet.model.classifier import Classifier
from whet.model.files import ModelFiles
from whet.prepare import EncodedSide
from whet.records import Baselines, Evaluation, Examples, Floats, Metrics, Notice, Side, Splits, Stage, StepRecord
from whet.report import card
from whet.score import baseline
from whet.score.metrics import as_json, classification, log_loss, softmax, value
from whet.training import loop
from whet.training.selection import Selection
from whet.training.team import Alone


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that training needs of the preparation."""

    files: ModelFiles
    classifier: Classifier
    cutter: Cutter
    test: Examples | None
    sides: Mapping[Side, EncodedSide]
    labels: LabelSet
    machine: runtime.Runtime
    baselines: Baselines | None
    team: Alone


def train_and_save(
    folder: runs.RunFolder, resolved: Resolved, job: Job
) -> Iterator[Stage | Notice | StepRecord | Evaluation]:
    """Fine-tunes, scores and saves; metrics.json, written last, ends the run."""
    settings, classifier = resolved.settings, job.classifier
    artifact.check_tokenizer(job.files.folder, job.cutter)  # now: after hours of training it would be too late
    runtime.keep_memory()
    yield Stage("train", f"{len(job.sides['train'].encoded):,} rows")
    last, validation = yield from _fit(folder, classifier, job, settings)
    metrics: dict[str, object] = {"task": job.labels.task}
    seconds = {"train": last.train_seconds, "evaluate": 0.0}
    if validation is not None:
        metrics["validation"] = {**as_json(validation.metrics), "loss": validation.loss}
        seconds["evaluate"] += validation.seconds

    if "test" in job.sides:
        yield Stage("evaluate", "test")
        test, logits = _evaluate(classifier, job, "test", validation or last)
        yield folder.log(test)
        metrics["test"] = {**as_json(test.metrics), "loss": test.loss}
        metrics |= _compared(test.metrics, job.baselines)
        seconds["evaluate"] += test.seconds
        assert job.test is not None
        runs.write_predictions(folder, job.test, job.labels.names, softmax(logits))

    yield Stage("save")
    metrics["seconds"] = seconds
    text = card.write(job.files.name, job.labels, metrics, settings)
    if job.team.first:
        artifact.save(folder.model, classifier, job.cutter, job.labels, source=job.files.folder, card=text)
    folder.log_end(last)
    folder.write("metrics.json", metrics)


def baselines(splits: Splits, sides: Mapping[Side, EncodedSide], labels: LabelSet, cache: Path) -> Baselines:
    """The cheap answers on the same rows."""
    assert splits.test is not None
    train, test = sides["train"].labels, sides["test"].labels
    return baseline.baselines(splits.train.texts, train, splits.test.texts, test, labels, cache=cache)


def _fit(
    folder: runs.RunFolder, classifier: Classifier, job: Job, settings: Settings
) -> Generator[StepRecord | Evaluation | Notice, None, tuple[StepRecord, Evaluation | None]]:
    """Trains with evaluations on validation in between; leaves the weights that are to be kept and
    returns the last step and the evaluation of those weights."""
    recipe = loop.recipe_of(settings)
    train, validation = job.sides["train"], job.sides.get("validation")
    every = settings.evaluate_every or steps_per_epoch(len(train.encoded), settings.batch_size)
    selection = Selection(keep=settings.keep, patience=settings.early_stopping)
    kept: Evaluation | None = None
    objective = job.team.objective(classifier, train.encoded)
    for record in loop.train(classifier, train.encoded, train.labels, recipe, objective):
        yield folder.log(record)
        if validation is None or (record.step % every and record.step != record.steps):
            continue
        evaluation, _ = _evaluate(classifier, job, "validation", record)
        best = selection.offer(
            value(evaluation.metrics, evaluation.loss, settings.metric), record.step, classifier.model
        )
        evaluation = dataclasses.replace(evaluation, best=best)
        yield folder.log(evaluation)
        kept = evaluation if best or settings.keep == "last" else kept
        if selection.exhausted:
            tried = f"no better {settings.metric} in {selection.patience} evaluations"
            yield folder.log(Notice(f"stopped at step {record.step}: {tried}"))
            break
    if selection.restore(classifier.model):
        yield folder.log(
            Notice(f"kept the weights of step {selection.best_step}, the best {settings.metric} on validation")
        )
    return record, kept


def _evaluate(classifier: Classifier, job: Job, name: Side, at: StepRecord | Evaluation) -> tuple[Evaluation, Floats]:
    side, started = job.sides[name], time.perf_counter()
    logits = job.team.all_logits(classifier, side.encoded)
    seconds = time.perf_counter() - started
    metrics = classification(side.labels, logits.argmax(axis=1), job.labels)
    return Evaluation(name, at.step, at.epoch, log_loss(logits, side.labels), metrics, seconds), logits


def _compared(model: Metrics, rivals: Baselines | None) -> dict[str, object]:
    """The baselines' part of metrics.json, with the sentence on who won in every language."""
    if rivals is None:
        return {}
    return {
        "baselines": {
            "majority": as_json(rivals.majority),
            "tfidf": as_json(rivals.tfidf),
            "seconds": rivals.seconds,
        },
        "verdict": {
            "en": baseline.verdict(model, rivals, rows=model.rows, lang="en"),
            "ko": baseline.verdict(model, rivals, rows=model.rows, lang="ko"),
        },
    }
