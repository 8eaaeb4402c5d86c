"""The library's functions: a whole job, its plan, and what is done with a finished run."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from whet import comparison
from whet.comparison import Compared
from whet.data.split import split
from whet.data.targets import targets_of
from whet.errors import DataError, PlanTooLongError, UsageError
from whet.forecast import Plan
from whet.inputs import reading, unseen
from whet.jobs import evaluation
from whet.jobs.story import Event as Event
from whet.jobs.story import follow as follow
from whet.jobs.story import foresee as foresee
from whet.model.files import find
from whet.prediction import predictor
from whet.preparing import examine, mend, prepare, warm_start
from whet.records import (
    Attribution,
    Checked,
    Floats,
    Notice,
    Prediction,
    Scores,
    Side,
    StepRecord,
    Targets,
)
from whet.run import Finished as Finished
from whet.run import Run as Run
from whet.run import load as load
from whet.runs import mistakes, run_folder
from whet.score import calibration, required
from whet.score.judge import judge, probabilities
from whet.score.metrics import as_json
from whet.score.required import Judged, Requirement
from whet.score.scorer import fitting
from whet.score.uncertain import of_side
from whet.sentences.bilingual import said
from whet.settings import config, values
from whet.settings.config import Resolved, resolve
from whet.settings.keywords import SettingValues
from whet.settings.meaningless import LINEAR
from whet.system import runtime

if TYPE_CHECKING:
    from torch import Tensor

    from whet.model.loss import Own

EVALUATED_ROWS = 50_000  # whose tokens are held at a time

logger = logging.getLogger("whet")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Scores of a run on other data."""

    metrics: Scores
    seconds: float
    source: str
    json: dict[str, object]
    notices: tuple[str, ...]
    """How the data was read."""
    requirements: tuple[Judged, ...] = ()
    output: Path | None = None
    """The folder that was written, where one was asked for."""


@dataclass(frozen=True, slots=True)
class TokenView:
    """A text as its tokens; `kept` tells which of them a model sees."""

    text: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    kept: tuple[bool, ...]
    max_length: int


# ---------------------------------------------------------------- the library's doors


def train(data: object, **settings: Unpack[SettingValues]) -> Run:
    """Fine-tunes on labelled text, scores and saves; the same call on a finished run reads it."""
    resolved = resolve(settings)
    for event in follow(data, resolved):
        tell(event)
        _agree(event, resolved)
        if isinstance(event, Finished):
            return event.run
    raise AssertionError("a job ends with Finished")


def steps(
    data: object, *, loss: Callable[[Tensor, Tensor], Tensor] | None = None, **settings: Unpack[SettingValues]
) -> Iterator[StepRecord]:
    """The same job, step by step; it ends saved when the iterator is read to its end.

    `loss`: another than the settings', of logits [N, C] and of class ids [N], marks [N, C] or numbers [N] (less the
    mean of the training rows, in units of their deviation): the loss of each row [N], or their sum []. A step may be
    computed in parts, and several at once. Nothing tells whether such a function is the one of an earlier call, so each
    call is a run of its own, as with `fresh`, and one that was stopped begins anew.
    """
    resolved, own = resolve(settings), None
    if loss is not None:
        resolved, own = _with_a_loss(resolved, loss)
    for event in follow(data, resolved, loss=own):
        tell(event)
        _agree(event, resolved)
        if isinstance(event, StepRecord):
            yield event


def _with_a_loss(resolved: Resolved, loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[Resolved, Own]:
    """Settings of a job with such a loss; UsageError for those that it leaves without a meaning."""
    from whet.model.loss import Own

    found = resolved.settings
    without = {"weight": None, "class_weights": None, "focal": None, "label_smoothing": 0.0, "teacher": None}
    idle = [f"{name}={getattr(found, name)!r}" for name, none in without.items() if getattr(found, name) != none]
    if found.model == LINEAR:
        idle.append("model='linear'")
    if idle:
        raise UsageError(f"{', '.join(idle)} with a loss of its own", where="steps", todo="Leave out one of the two")
    return resolved.with_value("fresh", True, "loss"), Own(loss)


def tell(event: Event) -> None:
    """Notices of a job to the logger `whet`: warnings are shown unless a program says otherwise."""
    if isinstance(event, Notice):
        logger.log(logging.WARNING if event.severity == "warning" else logging.INFO, "%s", event.message)


def _agree(event: Event, resolved: Resolved) -> None:
    """Raises PlanTooLongError for a plan that nobody has agreed to."""
    if isinstance(event, Plan) and event.too_long and not resolved.settings.yes:
        raise too_long(event, [_as_arguments(choice.changes) for choice in event.choices], "yes=True")


def too_long(plan: Plan, shorter: Sequence[str], consent: str) -> PlanTooLongError:
    """The refusal of a job that is too long. `shorter`: how the plan's choices are written, `consent`
    how it is started all the same."""
    ways = [f"{choice.limit / 60:.0f} minutes: {way}" for choice, way in zip(plan.choices, shorter, strict=True)]
    return PlanTooLongError(
        f"this job would take about {plan.total.seconds / 3600:.1f} hours on the CPU ({plan.device_reason})",
        expected=f"at most {config.LONG / 60:.0f} minutes, or {consent}",
        todo=". ".join(["Shorter ways", *ways]) if ways else "Give fewer rows, a smaller model or fewer epochs",
    )


def _as_arguments(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in changes.items())


def plan(data: object, **settings: Unpack[SettingValues]) -> Plan:
    """What a training would take on this machine: a few steps are timed and undone, nothing is written."""
    for event in foresee(data, resolve(settings)):
        tell(event)
        if isinstance(event, Plan):
            return event
    raise AssertionError("a plan ends with Plan")


def check(
    data: object, *, exact: bool = False, fix: str | os.PathLike[str] | None = None, **settings: Unpack[SettingValues]
) -> Checked:
    """Looks at labelled text: columns, rows, labels, findings. Needs no torch.

    `exact`: every row's tokens are counted, not those of 2,000. `fix`: a file that the training rows
    are written to without those that a finding names; OutputError where it is there already.
    """
    return check_data(data, resolve(settings), exact=exact, fix=fix)


def evaluate(
    run: Run | str | os.PathLike[str], data: object, *, require: str | None = None, engine: str = "auto",
    **settings: Unpack[SettingValues],
) -> Evaluated:  # fmt: skip
    """Scores a run on other labelled text; `output`: a folder for the scores, every answer and report.html, which
    may hold an earlier evaluation and nothing else. ScoreError where it does not reach what `require` asks for, such as
    `accuracy>=0.9, recall[negative]>=0.85`, at the worse end of the 95 % interval."""
    requirements = () if require is None else required.parse(require, where="require")
    found = evaluate_run(
        run if isinstance(run, Run) else load(run, engine=engine), data, resolve(settings), requirements
    )
    missed = required.refusal(found.requirements)
    if missed is not None:
        raise missed
    return found


def predict(
    run: Run | str | os.PathLike[str],
    texts: Sequence[str] | Sequence[tuple[str, str]],
    *,
    min_confidence: float | None = None,
    engine: str = "auto",
) -> list[Prediction]:
    """Predictions of a run, a run folder, its model/ or export/ folder or `last`, in the order of the texts, or of the
    pairs of texts where the run was trained on pairs. `min_confidence`: below this probability the label is None, for
    unsure; without it that of the run holds, if it has one. `engine`: as for `load`."""
    return (run if isinstance(run, Run) else load(run, engine=engine)).predict(texts, min_confidence=min_confidence)


def explain(
    run: Run | str | os.PathLike[str],
    texts: Sequence[str] | Sequence[tuple[str, str]],
    *,
    label: str | None = None,
) -> list[Attribution]:
    """What the words of each text, or pair, count for the label that a run answers it with, or for `label`."""
    return (run if isinstance(run, Run) else load(run)).explain(texts, label=label)


def compare(*chosen: Run | str | os.PathLike[str], require: str | None = None) -> Compared:
    """Runs on the test rows that they share, each against the first. ScoreError where one is not as `require` asks:
    `not-worse`, or `difference>=-0.01` at the lower end of the 95 % interval. Loads no torch."""
    asked = comparison.parse(require)
    found = comparison.compare([run_folder.find(run.path if isinstance(run, Run) else run) for run in chosen])
    missed = None if require is None else comparison.refusal(found, asked)
    if missed is not None:
        raise missed
    return found


# ---------------------------------------------------------------- around a run


def check_data(
    data: object, resolved: Resolved, *, exact: bool = False, fix: str | os.PathLike[str] | None = None
) -> Checked:
    """The first stage of training on its own, and all else that the doctor looks for."""
    out = None if fix is None else values.folder(os.fspath(fix))
    if out is not None:
        mend.check_out(out)  # before minutes of looking
    resolved, told = warm_start.of_run(resolved)
    examined = examine.examine(data, resolved, exact=exact)
    if out is not None:
        told.append(mend.mend(examined, out).message)
    return dataclasses.replace(examined.checked, notices=(*examined.checked.notices, *told))


def show_tokens(data: object, resolved: Resolved, row: int) -> TokenView:
    """The tokens of one training row under the model that a training takes and its cut. Needs no torch where that
    has a tokenizer.json."""
    resolved = warm_start.of_run(resolved)[0]
    rows = reading.labelled(data, resolved.settings).sides["train"]
    settings, notices = examine.with_model(resolved, rows.texts)
    if settings.model == LINEAR:
        saw = f"--tokens with --model {resolved.settings.model}"
        raise UsageError(": ".join((saw, *notices)), expected="a model that has tokens", todo="Name another model")
    pair = rows.pairs is not None
    if not 0 <= row < len(rows.texts):
        raise DataError(f"no row {row}", where=rows.source, expected=f"0 to {len(rows.texts) - 1}")
    files = find(settings.model, weights=False)
    cutter = prepare.cutter_of(files, settings, runtime.usable_cache(), pair=pair)
    ids, kept = cutter.shown(rows.texts[row], *([rows.pairs[row]] if rows.pairs is not None else []))
    tokens = [cutter.tokenizer.id_to_token(i) or "?" for i in ids]
    return TokenView(rows.texts[row], tuple(tokens), tuple(ids), tuple(kept), settings.max_length)


def evaluate_run(run: Run, data: object, resolved: Resolved, requirements: Sequence[Requirement] = ()) -> Evaluated:
    """Scores a run on the test side of DATA, or on its only table, and judges what is required of it."""
    settings = resolved.settings
    loaded = run.predictor.artifact
    required.check(requirements, loaded.labels)
    metric = fitting(settings.metric, loaded.labels)
    out = None if settings.output is None else values.folder(settings.output)
    if out is not None:
        evaluation.check(out)
    least = predictor.least_of(loaded.usage, loaded.labels, settings.min_confidence)
    rows, notices = unseen.to_score(data, settings, loaded.labels, loaded.usage.inputs)
    if settings.test_rows is not None:
        rows = split({"train": rows, "test": rows}, test="test", validation="none", seed=settings.seed,
                     train_rows=None, test_rows=settings.test_rows).test or rows  # fmt: skip
    targets = targets_of(rows, loaded.labels)
    started = time.perf_counter()
    parts, cut = [], []
    for start in range(0, len(rows.texts), EVALUATED_ROWS):
        part = slice(start, start + EVALUATED_ROWS)
        logits, truncated = loaded.logits(rows.texts[part], None if rows.pairs is None else rows.pairs[part])
        parts.append(logits)
        cut.append(truncated)
    logits = np.concatenate(parts)
    metrics, loss = judge(logits, targets, loaded.labels, loaded.usage.thresholds, settings.metric)
    seconds = time.perf_counter() - started
    reach = of_side(metrics, logits, targets, loaded.labels)
    scores = {**as_json(metrics), "loss": loss, "intervals": reach}
    document: dict[str, object] = {
        "task": loaded.labels.task,
        "engine": run.chosen.engine,
        "test": scores,
        "seconds": {"evaluate": seconds},
    }
    if loaded.labels.kind != "value":
        fitted = calibration.Fitted(loaded.usage.temperature, said({}, "as saved"))
        scored: dict[Side, tuple[Floats, Targets]] = {"test": (logits, targets)}
        document["calibration"] = calibration.as_json(fitted, scored, loaded.labels, least=least)
    truncated, thresholds = np.concatenate(cut), loaded.usage.thresholds
    document["slices"] = mistakes.sliced(rows, truncated, None, logits, targets, loaded.labels, thresholds)
    judged = tuple(required.judge(requirements, scores))
    if judged:
        document["requirements"] = [dataclasses.asdict(each) for each in judged]
    if out is not None:
        answered = run_folder.Judged("test", rows, probabilities(logits, loaded.labels), truncated)
        about = {
            "run": str(run.path), "data": rows.source, "notices": [{"message": notice} for notice in notices],
            "settings": {"metric": {"value": metric, "reason": resolved.reasons["metric"]}},
        }  # fmt: skip
        evaluation.write(out, answered, targets, loaded.labels, thresholds, document, about)
        evaluation.write_report(out, runtime.language(settings.lang))
    return Evaluated(metrics, seconds, rows.source, document, tuple(notices), judged, out)
