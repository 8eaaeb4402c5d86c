"""What a training came to: its sides scored, the answers to the test rows written, the model saved, whatever kind it is
of. Loads no torch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from whet.artifacts import tfidf
from whet.data.rows import select
from whet.data.split import draw
from whet.data.targets import classes_of
from whet.errors import MissingExtraError
from whet.prediction.predictor import Predictor
from whet.preparing.given import Given
from whet.records import (
    Bools,
    Evaluation,
    Examples,
    Floats,
    Ints,
    Notice,
    SeveralScores,
    Side,
    Stage,
    StepRecord,
    Targets,
    Usage,
)
from whet.report import explanations, figures
from whet.runs import mistakes, run_folder
from whet.runs.run_folder import RunFolder
from whet.score import baseline, calibration, cost, linear, uncertain, unlearned
from whet.score.calibration import Fitted
from whet.score.judge import answers, judge, predicted, probabilities
from whet.score.leaks import Leaks, without
from whet.score.mistakes import wrong as wrong_answers
from whet.sentences.bilingual import Bilingual, said, word
from whet.system import room
from whet.training.pace import Pace


class Model(Protocol):
    """What has learnt, and is asked for all that its run is scored and saved by."""

    @property
    def linear(self) -> bool: ...
    @property
    def thresholds(self) -> Mapping[str, float]:
        """Of several labels, where there are no validation rows."""

    @property
    def by_heart(self) -> bool:
        """Whether it knows the training rows so well that it cannot tell wrong labels among them."""

    @property
    def pack_tokens(self) -> int:
        """What is computed at once in an evaluation; less after memory ran out in one."""

    def logits(self, side: Side, rows: Bools | None = None) -> Floats:
        """[B, C] of the rows of a side, or of some of them [B]."""

    def cool(self, temperature: float) -> None:
        """From now on its logits are divided by this."""

    def save(self, folder: Path, usage: Usage, metrics: Mapping[str, Any]) -> None:
        """Writes the model/ folder. `metrics`: the content of metrics.json, for the card."""

    def answering(self, folder: Path, usage: Usage) -> AbstractContextManager[Predictor]:
        """It as a predictor, in a block."""

    def sizes(self, side: Side) -> Ints:
        """How much work each row of a side is [B], in tokens."""

    def to_look_at(self) -> int:
        """How many training rows the setting label_errors has looked at."""

    def guess(self) -> float:
        """The loss, as its steps have it, of whoever gives all training rows the same answer, the best there is."""

    def advice(self) -> Bilingual:
        """What to do where it seems to have learned nothing."""

    def memory(self) -> int | None:
        """Bytes that the job had at the most, where the model is; None where that cannot be told."""

    def members(
        self, folder: RunFolder, validation: Floats | None, thresholds: Mapping[str, float]
    ) -> Mapping[str, object]:
        """What metrics.json tells of the models that it is made of, where it is an ensemble. `validation`: logits
        [B, C] of those rows."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A side, scored: all of it, or what a budget left time for."""

    evaluation: Evaluation
    logits: Floats  # [B, C] of the rows that were scored
    targets: Targets  # [B] likewise
    rows: Bools | None = None
    """Which rows of the side were scored. None: all."""


def conclude(
    folder: RunFolder, job: Given, model: Model, last: StepRecord, kept: Scored | None, pace: Pace | None,
    learnt: Mapping[str, object],
) -> Iterator[Stage | Notice | Evaluation]:  # fmt: skip
    """Calibrates, scores the test side and saves; metrics.json, written last, ends the run. `kept`: the validation
    side, scored with the model as it is; `learnt`: what metrics.json holds of the training beside."""
    metrics: dict[str, object] = {"task": job.labels.task, "metric": job.settings.metric, **learnt}
    metrics |= {name: told for name, told in {"auto": job.auto, "refit": job.refit}.items() if told is not None}
    seconds = {"train": last.train_seconds, "evaluate": 0.0}
    fitted, thresholds, validation = _calibrated(job, model, kept)
    if fitted.temperature is None and job.labels.kind != "value":
        yield folder.log(Notice(said({"reason": fitted.reason}, "not calibrated")))
    sides: dict[Side, Scored] = {}
    if validation is not None:
        sides["validation"] = validation
        metrics["validation"] = _of_validation(job, validation)
        seconds["evaluate"] += validation.evaluation.seconds

    if "test" in job.sides:
        yield Stage("evaluate", word("test"))
        before = model.pack_tokens
        at = last if validation is None else validation.evaluation
        sides["test"] = scored = evaluate(job, model, "test", at, pace, thresholds)
        test, logits, taken = scored.evaluation, scored.logits, scored.rows
        yield from smaller_packs(folder, model, before)
        if taken is not None:
            drawn = "by value" if job.labels.kind == "value" else "by label"
            facts = {"count": int(taken.sum()), "total": len(taken), "by": drawn}
            yield folder.log(Notice(said(facts, "rows in time"), "warning"))
        yield folder.log(test)
        whole = job.budget.whole if job.budget else test.metrics.rows
        reach = {"intervals": uncertain.of_side(test.metrics, logits, scored.targets, job.labels)}
        metrics["test"] = figures.scores(test, whole) | _without_leaks(job, logits, taken, thresholds) | reach
        rivals = job.baselines
        if rivals is not None and taken is not None:
            rivals = baseline.among(rivals, taken, scored.targets, job.labels)
        answered = answers(logits, job.labels, thresholds)
        metrics |= figures.compared(
            test.metrics, rivals, answered, scored.targets, better=job.better, linear=model.linear
        )
        seconds["evaluate"] += test.seconds
        yield from _doubts(folder, job, model, test, logits)
        started, shares = time.perf_counter(), probabilities(logits, job.labels)
        if told := (yield from _explain(folder, job, model, shares, last.tokens, thresholds)):
            metrics["explanations"], seconds["explain"] = told, time.perf_counter() - started
    elif validation is not None:
        yield from _doubts(folder, job, model, validation.evaluation)
    metrics |= _beside_teacher(job, sides.get("test"), thresholds) | _calibration(job, fitted, sides)
    metrics |= yield from _looked_over(folder, job, model, sides, thresholds)
    metrics |= model.members(folder, None if validation is None else validation.logits, thresholds)

    yield Stage("save")
    metrics["seconds"] = seconds
    if job.team.first:
        usage = Usage(job.inputs, thresholds, fitted.temperature, job.settings.min_confidence, job.taught_by)
        model.save(folder.model, usage, metrics)
    folder.log_end(last, model.memory())
    folder.write("metrics.json", metrics)


def _beside_teacher(job: Given, test: Scored | None, thresholds: Mapping[str, float]) -> dict[str, object]:
    """The part of metrics.json, where there was a teacher."""
    if job.taught is None:
        return {}
    whole = test is not None and test.rows is None
    logits, targets = (test.logits, test.targets) if test is not None and whole else (None, None)
    return {"teacher": job.taught.compared(logits, targets, job.labels, thresholds)}


def _of_validation(job: Given, found: Scored) -> dict[str, object]:
    """The part of metrics.json; where the rows are all training rows, out of fold, with intervals."""
    scores = figures.scores(found.evaluation, len(job.sides["validation"].targets))
    if job.folds is None:
        return scores
    reach = uncertain.of_side(found.evaluation.metrics, found.logits, found.targets, job.labels)
    return scores | {"intervals": reach}


def _explain(
    folder: RunFolder, job: Given, model: Model, shares: Floats, trained: int, thresholds: Mapping[str, float]
) -> Generator[Stage, None, dict[str, object]]:
    """Writes which words the worst answers to test rows hang on, but under a budget, which leaves no time for it.
    Returns the part of metrics.json."""
    if not job.team.first or job.budget is not None:
        return {}
    assert job.test is not None
    limits = mistakes.limits_of(job.labels, thresholds)
    wrong = wrong_answers(shares, job.sides["test"].targets, job.labels, limits).rows
    yield Stage("explain")
    with model.answering(folder.model, Usage(job.inputs, thresholds)) as predictor:
        document = explanations.document(predictor, job.test, wrong, model.sizes("test"), trained)
    folder.write(explanations.NAME, document)
    return {name: document[name] for name in ("wrong", "explained")}


def _calibrated(job: Given, model: Model, kept: Scored | None) -> tuple[Fitted, dict[str, float], Scored | None]:
    """Fits a temperature on the validation side and gives it to the model. Returns it with the thresholds of several
    labels and the validation side as they are with it."""
    fitted = Fitted(None, said({}, "no validation rows"))
    thresholds = dict(model.thresholds)
    if kept is None:
        return fitted, thresholds, None
    if isinstance(kept.evaluation.metrics, SeveralScores):
        thresholds = dict(kept.evaluation.metrics.thresholds)
    fitted = calibration.fit(kept.logits, kept.targets, job.labels)
    # Of every process the same bits: the sums of another processor may differ.
    fitted = dataclasses.replace(fitted, temperature=job.team.meet(fitted.temperature)[0])
    if fitted.temperature is None:
        return fitted, thresholds, kept
    model.cool(fitted.temperature)
    thresholds, logits = calibration.moved(thresholds, fitted.temperature), kept.logits / fitted.temperature
    metrics, loss = judge(logits, kept.targets, job.labels, thresholds, job.settings.metric)
    evaluation = dataclasses.replace(kept.evaluation, metrics=metrics, loss=loss)
    return fitted, thresholds, dataclasses.replace(kept, evaluation=evaluation, logits=logits)


def _calibration(job: Given, fitted: Fitted, sides: Mapping[Side, Scored]) -> dict[str, object]:
    """The part of metrics.json, where there are probabilities and rows to compare them with."""
    if not sides or job.labels.kind == "value":
        return {}
    scored = {side: (found.logits, found.targets) for side, found in sides.items()}
    return {"calibration": calibration.as_json(fitted, scored, job.labels, least=job.settings.min_confidence)}


def _looked_over(
    folder: RunFolder, job: Given, model: Model, sides: Mapping[Side, Scored], thresholds: Mapping[str, float]
) -> Generator[Stage, None, dict[str, object]]:
    """Writes the answers to the rows of test, else of validation, what is wrong with them, and which labels may be
    wrong; returns the parts of metrics.json that tell of it."""
    looked = [_judged_rows(job, side, each.logits, each.targets, each.rows) for side, each in sides.items()]
    by = ""
    if job.labels.kind == "one" and job.budget is None and (count := model.to_look_at()):
        yield Stage("look", said({"count": count}, "some rows"))
        learnt, by = _learnt(job, model, count)
        looked.insert(0, learnt)
    if not looked:
        return {}
    counted = mistakes.write(folder, looked, job.labels, thresholds)
    if by or job.folds is not None:
        counted.get("train", {})["by"] = by or "out of fold"
    found: dict[str, object] = {"label_errors": counted} if counted else {}
    if sides:
        side, scored = list(sides.items())[-1]
        told, targets = looked[-1]
        cut = told.truncated
        run_folder.write_predictions(
            folder, told.rows, job.labels, told.answers, thresholds, side=told.side, truncated=cut
        )
        leaked = None
        if side == "test" and job.leaks is not None:
            leaked = job.leaks.exact if job.leaks.near is None else job.leaks.exact | job.leaks.near
            leaked = leaked if scored.rows is None else leaked[scored.rows]
        found["slices"] = mistakes.sliced(told.rows, cut, leaked, scored.logits, targets, job.labels, thresholds)
    return found


def _judged_rows(
    job: Given, side: Side, logits: Floats, targets: Targets, scored: Bools | None
) -> tuple[run_folder.Judged, Targets]:
    """The rows of a side that were scored, with their answers."""
    rows = job.test if side == "test" else job.learnt[side]
    assert rows is not None
    truncated = job.sides[side].truncated
    if scored is not None:
        rows, truncated = select(rows, scored), truncated[scored]
    if job.folds is not None and side == "validation":
        side = "train"  # as splits.parquet has them
    return run_folder.Judged(side, rows, probabilities(logits, job.labels), truncated), targets


def _learnt(
    job: Given, model: Model, count: int
) -> tuple[tuple[run_folder.Judged, Targets], Literal["model", "tfidf"]]:
    """So many training rows, drawn by label, as the model answers them, which has learnt from them. Where it has
    learnt them by heart, TF-IDF answers that has not; says which of the two did."""
    side, rows = job.sides["train"], job.learnt["train"]
    if model.by_heart:
        count = min(count, cost.fitting_rows(rows.texts, second=rows.pairs))
    drawn = draw(classes_of(side.targets), rows.row_ids, count, "rows to look at", job.settings.seed)
    targets, shares = np.asarray(side.targets[drawn], dtype=np.int64), None
    if model.by_heart:
        shares = _held_back(select(rows, drawn), targets, len(job.labels))
    if shares is not None:
        logits = np.log(np.maximum(shares, np.finfo(np.float64).tiny))
        return _judged_rows(job, "train", logits, targets, drawn), "tfidf"
    logits = model.logits("train", drawn)
    return _judged_rows(job, "train", logits, targets, drawn), "model"


def _held_back(rows: Examples, targets: Ints, labels: int) -> Floats | None:
    """What TF-IDF answers in cross-validation; None where it cannot, where scikit-learn is missing, or where memory
    does not hold it."""
    if room.lack("sklearn", cost.bytes_needed(rows.texts, rows.pairs)):
        return None
    try:
        return linear.held_back(tfidf.seen(list(rows.texts), rows.pairs and list(rows.pairs)), targets, labels)
    except (MissingExtraError, *room.FAULTS):
        return None


def _doubts(
    folder: RunFolder, job: Given, model: Model, judged: Evaluation, logits: Floats | None = None
) -> Iterator[Notice]:
    """What is to be told of a model that seems to have learned nothing. `logits`: what it answered on that side."""
    given: Bools | Floats | None = None
    if logits is not None and isinstance(judged.metrics, SeveralScores):
        given = predicted(probabilities(logits, job.labels), job.labels, judged.metrics.thresholds)
    elif logits is not None and job.labels.kind == "value":
        given = logits[:, 0]
    spread = float(np.std(job.sides["train"].targets))
    guess, losses = model.guess(), folder.losses()
    signs = unlearned.signs(judged.metrics, judged.side, losses, guess, answers=given, spread=spread)
    if signs:
        message = said({"signs": signs, "advice": model.advice()}, "learned nothing")
        yield folder.log(Notice(message, "warning"))


def _without_leaks(
    job: Given, logits: Floats, taken: Bools | None, thresholds: Mapping[str, float]
) -> dict[str, object]:
    """The scores of test but for the rows that train has, where there are any. `taken`: the rows with logits."""
    if job.leaks is None:
        return {}
    scored = np.ones(len(job.leaks.exact), np.bool_) if taken is None else taken
    found = Leaks(job.leaks.exact[scored], None if job.leaks.near is None else job.leaks.near[scored])
    targets = job.sides["test"].targets[scored]
    clean = without(lambda rows: judge(logits[rows], targets[rows], job.labels, thresholds)[0], found)
    return {} if clean is None else {"without_leaks": clean}


def evaluate(
    job: Given, model: Model, name: Side, at: StepRecord | Evaluation, pace: Pace | None,
    thresholds: Mapping[str, float] | None,
) -> Scored:  # fmt: skip
    """Scores a side: all of it, or what a pace leaves time for. Without `thresholds` those of several labels are
    tuned on this side."""
    side, started = job.sides[name], time.perf_counter()
    targets, scored = side.targets, None
    if pace is None:
        logits = model.logits(name)
    else:
        logits, scored = _in_time(job, model, name, pace)
        targets, scored = targets[scored], None if scored.all() else scored
    seconds = time.perf_counter() - started
    metrics, loss = judge(logits, targets, job.labels, thresholds, job.settings.metric)
    return Scored(Evaluation(name, at.step, at.epoch, loss, metrics, seconds), logits, targets, scored)


def _in_time(job: Given, model: Model, name: Side, pace: Pace) -> tuple[Floats, Bools]:
    """Logits [B, C] of the rows of a side that there is time for, and which those are. They are drawn by
    label in an order that does not hang on the clock, and scored part by part."""
    classes = classes_of(job.sides[name].targets)
    rows = len(classes)
    row_ids = job.test.row_ids if name == "test" and job.test is not None else range(rows)
    scored = np.zeros(rows, np.bool_)
    logits = np.zeros((rows, len(job.labels)))
    while (due := pace.due(name, int(scored.sum()))) > scored.sum():
        part = draw(classes, row_ids, due, f"{name} rows", job.settings.seed) & ~scored
        began = time.perf_counter()
        logits[part] = model.logits(name, part)
        pace.evaluated(name, int(part.sum()), time.perf_counter() - began)
        scored |= part
    return logits[scored], scored


def smaller_packs(folder: RunFolder, model: Model, before: int) -> Iterator[Notice]:
    """What is to be told where memory ran out in an evaluation."""
    if model.pack_tokens < before:
        yield folder.log(Notice(said({"tokens": model.pack_tokens}, "smaller packs"), "warning"))
