"""What a training came to: its sides scored, the answers to the test rows written, the model saved.

Loads torch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from whet import artifact, machine, runs
from whet.data.batches import subset, tokens_of
from whet.data.split import draw, select
from whet.data.targets import classes_of
from whet.job import Job
from whet.labels import LabelSet
from whet.model.answers import scale_of
from whet.model.classifier import Classifier
from whet.predictor import Predictor
from whet.records import Bools, Evaluation, Examples, Floats, Notice, SeveralScores, Side, Stage, StepRecord, Usage
from whet.report import card, explanations, figures
from whet.score import baseline, uncertain, unlearned
from whet.score.judge import answers, default_thresholds, judge, predicted, probabilities
from whet.score.leaks import Leaks, without
from whet.training.pace import Pace


def conclude(
    folder: runs.RunFolder, job: Job, last: StepRecord, validation: Evaluation | None, pace: Pace | None
) -> Iterator[Stage | Notice | Evaluation]:
    """Scores the test side and saves; metrics.json, written last, ends the run. `validation`: the evaluation
    of the weights that were kept."""
    classifier = job.classifier
    metrics: dict[str, object] = {"task": job.labels.task, "metric": job.settings.metric}
    seconds = {"train": last.train_seconds, "evaluate": 0.0}
    thresholds = _thresholds(validation, job.labels)
    if validation is not None:
        metrics["validation"] = figures.scores(validation, len(job.sides["validation"].encoded))
        seconds["evaluate"] += validation.seconds

    if "test" in job.sides:
        yield Stage("evaluate", "test")
        before = classifier.pack_tokens
        test, logits, taken = evaluate(job, "test", validation or last, pace, thresholds)
        yield from smaller_packs(folder, job, before)
        if taken is not None:
            all_ = f"{len(taken):,}"
            drawn = "value" if job.labels.kind == "value" else "label"
            message = f"{taken.sum():,} of {all_} test rows, drawn by {drawn}, were scored in the time that was left"
            yield folder.log(Notice(message, "warning"))
        yield folder.log(test)
        whole = job.budget.whole if job.budget else test.metrics.rows
        true = job.sides["test"].targets if taken is None else job.sides["test"].targets[taken]
        reach = {"intervals": uncertain.of_side(test.metrics, logits, true, job.labels)}
        metrics["test"] = figures.scores(test, whole) | _without_leaks(job, logits, taken, thresholds) | reach
        rivals = job.baselines
        if rivals is not None and taken is not None:
            rivals = baseline.among(rivals, taken, true, job.labels)
        metrics |= figures.compared(
            test.metrics, rivals, answers(logits, job.labels, thresholds), true, better=job.better
        )
        seconds["evaluate"] += test.seconds
        assert job.test is not None
        scored = job.test if taken is None else select(job.test, taken)
        shares = probabilities(logits, job.labels)
        runs.write_predictions(folder, scored, job.labels, shares, thresholds)
        _explain(folder, job, scored, shares, last.tokens, thresholds)
        yield from _doubts(folder, job, test, logits)
    elif validation is not None:
        yield from _doubts(folder, job, validation)

    yield Stage("save")
    metrics["seconds"] = seconds
    text = card.write(job.files.name, job.labels, metrics, job.settings, job.inputs, job.test)
    if job.team.first:
        usage = Usage(job.inputs, thresholds)
        artifact.save(folder.model, classifier, job.cutter, job.labels, source=job.files.folder, card=text, usage=usage)
    folder.log_end(last, _highest(classifier))
    folder.write("metrics.json", metrics)


def _explain(
    folder: runs.RunFolder, job: Job, test: Examples, shares: Floats, trained: int, thresholds: Mapping[str, float]
) -> None:
    """Writes which words the worst answers hang on, but under a budget, which leaves no time for it."""
    if not job.team.first or job.budget is not None:
        return
    side = job.sides["test"]
    wrong = explanations.worst(shares, side.targets, job.labels, thresholds)
    loaded = artifact.Artifact(folder.model, job.classifier, job.cutter, job.labels, Usage(job.inputs, thresholds))
    with job.classifier.in_fp32():
        document = explanations.document(Predictor(loaded), test, wrong, tokens_of(side.encoded), trained)
    folder.write(explanations.NAME, document)


def _highest(classifier: Classifier) -> int | None:
    """Bytes that the job had at the most, where the model is; None where that cannot be told."""
    if classifier.device.type == "cuda":
        return torch.cuda.max_memory_reserved(classifier.device)
    return machine.peak() if classifier.device.type == "cpu" else None


def _doubts(folder: runs.RunFolder, job: Job, judged: Evaluation, logits: Floats | None = None) -> Iterator[Notice]:
    """What is to be told of a model that seems to have learned nothing. `logits`: what it answered on that side."""
    given: Bools | Floats | None = None
    if logits is not None and isinstance(judged.metrics, SeveralScores):
        given = predicted(probabilities(logits, job.labels), job.labels, judged.metrics.thresholds)
    elif logits is not None and job.labels.kind == "value":
        given = logits[:, 0]
    spread = float(np.std(job.sides["train"].targets))
    guess, losses = _guess(job), folder.losses()
    signs = unlearned.signs(judged.metrics, judged.side, losses, guess, answers=given, spread=spread)
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


def evaluate(
    job: Job, name: Side, at: StepRecord | Evaluation, pace: Pace | None,
    thresholds: Mapping[str, float] | None,
) -> tuple[Evaluation, Floats, Bools | None]:  # fmt: skip
    """Scores a side: all of it, or what a pace leaves time for. Returns with the scores the logits [B, C]
    of the rows that have one, and which those are; None: all. Without `thresholds` those of several labels are
    tuned on this side."""
    side, started = job.sides[name], time.perf_counter()
    targets, scored = side.targets, None
    if pace is None:
        logits = job.team.all_logits(job.classifier, side.encoded)
    else:
        logits, scored = _in_time(job, name, pace, job.settings.seed)
        targets, scored = targets[scored], None if scored.all() else scored
    seconds = time.perf_counter() - started
    metrics, loss = judge(logits, targets, job.labels, thresholds, job.settings.metric)
    return Evaluation(name, at.step, at.epoch, loss, metrics, seconds), logits, scored


def _in_time(job: Job, name: Side, pace: Pace, seed: int) -> tuple[Floats, Bools]:
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
        logits[part] = job.team.all_logits(job.classifier, subset(side.encoded, part))
        pace.evaluated(name, int(part.sum()), time.perf_counter() - began)
        scored |= part
    return logits[scored], scored


def smaller_packs(folder: runs.RunFolder, job: Job, before: int) -> Iterator[Notice]:
    """What is to be told where memory ran out in an evaluation."""
    if job.classifier.pack_tokens < before:
        text = (
            f"out of memory in an evaluation; its packs have at most {job.classifier.pack_tokens:,} tokens from here on"
        )
        yield folder.log(Notice(text, "warning"))
