"""The story: check, split, choose, tokenise, compare, train, evaluate, save; then predict.

`follow` tells it as it happens, `train` only its end.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from whet import config, prepare, runs, runtime
from whet.config import Resolved, SettingValues, resolve
from whet.data.check import check as look
from whet.data.split import split
from whet.errors import DataError, PlanTooLongError, UsageError
from whet.model.files import find
from whet.records import (
    Checked,
    Evaluation,
    Finding,
    Ints,
    Metrics,
    Notice,
    Plan,
    Prediction,
    Revision,
    Stage,
    StepRecord,
)
from whet.score.metrics import as_json, classification, log_loss
from whet.training.team import Alone, team_of

logger = logging.getLogger("whet")

if TYPE_CHECKING:
    from whet.labels import LabelSet
    from whet.predictor import Predictor


class Run:
    """A finished run: `predict`, `metrics`, and the plain transformers `model` and `tokenizer`."""

    def __init__(self, folder: runs.RunFolder) -> None:
        self._folder = folder

    @property
    def path(self) -> Path:
        return self._folder.path

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return self._folder.read("metrics.json")

    @cached_property
    def settings(self) -> dict[str, object]:
        """Setting to value, as the run resolved them."""
        return {name: entry["value"] for name, entry in self._folder.read("run.json")["settings"].items()}

    @cached_property
    def predictor(self) -> Predictor:
        runtime.require_training()
        from whet import predictor

        return predictor.load(self._folder.model)

    @property
    def labels(self) -> LabelSet:
        return self.predictor.labels

    @cached_property
    def model(self) -> Any:
        """The plain transformers model, loaded from the run's model/ folder on the CPU."""
        from whet.model.encoder import load_saved

        return load_saved(self._folder.model).eval()

    @cached_property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        from whet.model.encoder import load_tokenizer

        return load_tokenizer(self._folder.model)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """A prediction for each text, in order."""
        return self.predictor.predict(texts)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job. `resumed_finished`: it had been finished before and was only read."""

    run: Run
    metrics: dict[str, Any]
    verdict: str
    resumed_finished: bool


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Scores of a run on other data."""

    metrics: Metrics
    seconds: float
    source: str
    json: dict[str, object]
    notices: tuple[str, ...]
    """How the data was read."""


@dataclass(frozen=True, slots=True)
class TokenView:
    """A text as its tokens; `kept` tells which of them a model sees."""

    text: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    kept: tuple[bool, ...]
    max_length: int


Event = Stage | Notice | Checked | Plan | StepRecord | Revision | Evaluation | Finished


# ---------------------------------------------------------------- the library's doors


def train(data: object, **settings: Unpack[SettingValues]) -> Run:
    """Fine-tunes on labelled text, scores and saves; the same call on a finished run reads it."""
    resolved = resolve(settings)
    for event in follow(data, resolved):
        _tell(event)
        _agree(event, resolved)
        if isinstance(event, Finished):
            return event.run
    raise AssertionError("a job ends with Finished")


def steps(data: object, **settings: Unpack[SettingValues]) -> Iterator[StepRecord]:
    """The same job, step by step; it ends saved when the iterator is read to its end."""
    resolved = resolve(settings)
    for event in follow(data, resolved):
        _tell(event)
        _agree(event, resolved)
        if isinstance(event, StepRecord):
            yield event


def _tell(event: Event) -> None:
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
        _tell(event)
        if isinstance(event, Plan):
            return event
    raise AssertionError("a plan ends with Plan")


def check(data: object, **settings: Unpack[SettingValues]) -> Checked:
    """Looks at labelled text: columns, rows, labels, findings. Needs no torch."""
    return check_data(data, resolve(settings))


def evaluate(run: Run | str | os.PathLike[str], data: object, **settings: Unpack[SettingValues]) -> Evaluated:
    """Scores a run on other labelled text."""
    return evaluate_run(run if isinstance(run, Run) else load(run), data, resolve(settings))


def predict(run: Run | str | os.PathLike[str], texts: Sequence[str]) -> list[Prediction]:
    """Predictions of a run, a run folder, its model/ folder or `last`, in the order of the texts."""
    return (run if isinstance(run, Run) else load(run)).predict(texts)


def load(run: str | os.PathLike[str]) -> Run:
    """A finished run: its folder, its model/ folder, or `last`. ModelError where there is none."""
    return Run(runs.find(run))


# ---------------------------------------------------------------- the story


def follow(data: object, resolved: Resolved, *, command: str = "") -> Iterator[Event]:
    """Runs a whole job and yields what happens; the last event is Finished. Where torchrun started
    several processes, each follows the same job and the first alone writes it down."""
    runtime.require_training()
    with team_of(runtime.ranks()) as team:
        if resolved.settings.require_gpu:  # at once, for reading the data may take minutes
            runtime.require_gpu(resolved.settings.device, team.ranks)
        yield from _story(data, resolved, command, team)


def foresee(data: object, resolved: Resolved) -> Iterator[Event]:
    """The same job up to its plan, which is the last event. Nothing is written."""
    runtime.require_training()
    team, started = Alone(runtime.ALONE), time.monotonic()
    asked = yield from prepare.settle(data, resolved, team.ranks)
    with runtime.loading():
        from whet.planning.plan import plan_of
    yield Stage("plan")
    planned = plan_of(asked, team, runs.FOLDER, started)
    yield from map(Notice, planned.said)
    assert planned.plan is not None, "one process alone has a plan"
    yield planned.plan


def _story(data: object, resolved: Resolved, command: str, team: Alone) -> Iterator[Event]:
    started = time.monotonic()
    asked = yield from prepare.settle(data, resolved, team.ranks)
    resolved, labels, machine = asked.resolved, asked.labels, asked.machine
    digests = prepare.data_digests(asked.splits)
    _check_alike(team, runs.fingerprint(resolved, [*digests, *labels.names]), machine.precision)
    identity = [*digests, prepare.weights_digest(asked.files), *labels.names]
    if team.ranks.count > 1:
        identity.append(f"{team.ranks.count} ranks")  # each draws its own dropout
    digest = runs.fingerprint(resolved, identity)
    model = asked.files.short_name
    opened = runs.open_run(resolved, data=asked.name, model=model, digest=digest) if team.first else None
    folder, finished = _shared(team, opened)
    if finished:
        yield _finished(folder, resolved, team, before=True)
        return

    with runtime.loading():
        from whet import finetune  # here, because it loads torch, and faults of the data need not wait
        from whet.planning.plan import plan_of
    yield Stage("plan")
    planned = plan_of(asked, team, folder.path, started)
    if planned.plan is not None:
        yield planned.plan  # nothing has been written yet: whoever does not want the job goes no further

    asked = planned.asked  # as the budget has made it
    resolved, splits, labels = asked.resolved, asked.splits, asked.labels
    cache = runtime.cache_folder()
    runs.start(folder, resolved, _facts(command, digest, machine, splits.reasons, team))
    with folder.telling_faults():
        for notice in asked.said:  # told before there was a folder to write to
            folder.log(notice)
        if planned.plan is not None:
            folder.log(planned.plan)
        for message in planned.said:
            yield folder.log(Notice(message))
        runs.write_splits(folder, splits)
        yield Stage("tokens")
        with team.turns():
            sides = prepare.encode_sides(splits, labels, planned.cutter, cache)
        for notice in prepare.truncation_notices(sides, planned.cutter):
            yield folder.log(notice)
        baselines = None
        if resolved.settings.baseline and "test" in sides and team.first:
            yield Stage("baseline")
            baselines = finetune.baselines(splits, sides, labels, cache)
        job = finetune.Job(
            asked.files, planned.classifier, planned.cutter, splits.test, sides, labels, machine, baselines, team,
            planned.budget,
        )  # fmt: skip
        del asked, splits, planned  # while it trains, memory holds no training text
        yield from finetune.train_and_save(folder, resolved, job)
    yield _finished(folder, resolved, team, before=False)


def _check_alike(team: Alone, digest: str, precision: str) -> None:
    """Raises DataError where another process has other data or settings, UsageError where another
    card led it to another precision. Weights do not count: on another machine their files have other
    times, and those of the first are taken."""
    digests, precisions = zip(*team.meet([digest, precision]), strict=True)
    strange = [str(rank) for rank, theirs in enumerate(digests) if theirs != digests[0]]
    if strange:
        raise DataError(
            f"rank {', '.join(strange)} of {len(digests)} has other data or settings than rank 0",
            where="torchrun",
            expected="the same command and the same data on every machine",
        )
    if len(set(precisions)) > 1:
        raise UsageError(
            f"by their cards the processes would train in {', '.join(precisions)}",
            where="--precision",
            expected="one for all",
            todo=f"Give --precision {'fp16' if 'fp16' in precisions else 'fp32'}",
        )


def _shared(team: Alone, opened: runs.RunFolder | None) -> tuple[runs.RunFolder, bool]:
    """The folder that the first process opened, and whether its run was finished before."""
    path, finished = team.meet(opened and [str(opened.path), opened.finished])[0]
    return opened or runs.RunFolder(Path(path), silent=True), finished


def _facts(command: str, digest: str, machine: runtime.Runtime, sides: Any, team: Alone) -> dict[str, object]:
    return {
        "command": command,
        "digest": digest,
        "device": {"value": machine.device, "reason": machine.device_reason},
        "precision": {"value": machine.precision, "reason": machine.precision_reason},
        "threads": {"value": machine.threads, "reason": machine.threads_reason},
        "ranks": team.ranks.count,
        "sides": dict(sides),
        "versions": runtime.versions(),
    }


def _finished(folder: runs.RunFolder, resolved: Resolved, team: Alone, *, before: bool) -> Finished:
    run = Run(folder)
    # The folder may be on the disk of another machine.
    metrics = team.meet(run.metrics if team.first else None)[0]
    verdict = metrics.get("verdict", {}).get(runtime.language(resolved.settings.lang), "")
    return Finished(run, metrics, verdict, before)


# ---------------------------------------------------------------- around a run


def check_data(data: object, resolved: Resolved) -> Checked:
    """The first stage of training on its own."""
    rows = prepare.labelled(data, resolved.settings)
    found = look(rows.sides, rows.columns, source=rows.name)
    said = tuple(Finding("reading", "info", 0, notice) for notice in rows.notices)
    return dataclasses.replace(found, findings=found.findings + said)


def show_tokens(data: object, resolved: Resolved, row: int) -> TokenView:
    """The tokens of one training row under the settings' model and cut. Needs no torch where the
    model has a tokenizer.json."""
    settings = resolved.settings
    rows = prepare.labelled(data, settings).sides["train"]
    if not 0 <= row < len(rows.texts):
        raise DataError(f"no row {row}", where=rows.source, expected=f"0 to {len(rows.texts) - 1}")
    name = "embedded" if settings.model == "auto" else settings.model
    files = find(name, weights=False)
    cutter = prepare.cutter_of(files, settings, runtime.cache_folder())
    coded = cutter.tokenizer.encode(rows.texts[row], add_special_tokens=False)
    spans = cutter.kept_positions(len(coded.ids))
    seen = set(spans) if isinstance(spans, range) else {*spans[0], *spans[1]}
    ids = [*cutter.prefix, *coded.ids, *cutter.suffix]
    kept = [True] * len(cutter.prefix) + [i in seen for i in range(len(coded.ids))] + [True] * len(cutter.suffix)
    tokens = [cutter.tokenizer.id_to_token(i) or "?" for i in ids]
    return TokenView(rows.texts[row], tuple(tokens), tuple(ids), tuple(kept), settings.max_length)


def evaluate_run(run: Run, data: object, resolved: Resolved) -> Evaluated:
    """Scores a run on the test side of DATA, or on its only table."""
    from whet.data.tokens import encode_in_memory

    settings = resolved.settings
    loaded = run.predictor.artifact
    rows, notices = prepare.for_scoring(data, settings, loaded.labels)
    if settings.test_rows is not None:
        rows = split({"train": rows, "test": rows}, test="test", validation="none", seed=settings.seed,
                     train_rows=None, test_rows=settings.test_rows).test or rows  # fmt: skip
    assert rows.labels is not None
    true: Ints = np.asarray(loaded.labels.ids(rows.labels, source=rows.source), dtype=np.int64)
    started = time.perf_counter()
    encoded = encode_in_memory(rows.texts, loaded.cutter)
    logits = loaded.classifier.all_logits(encoded)
    metrics = classification(true, logits.argmax(axis=1), loaded.labels)
    seconds = time.perf_counter() - started
    document = {**as_json(metrics), "loss": log_loss(logits, true)}
    return Evaluated(
        metrics, seconds, rows.source, {"test": document, "seconds": {"evaluate": seconds}}, tuple(notices)
    )
