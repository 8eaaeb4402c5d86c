"""Before a job starts: how long it will take, what it needs, and which shorter ways there are.

What this machine does in a second is measured (`training.probe`), what the job asks for is counted
from its rows and a sample of their tokens, and the rest is arithmetic (`training.estimate`). Loads torch.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from whet import durations, machine, prepare, runtime
from whet.config import LONG, Settings
from whet.data.batches import steps_per_epoch
from whet.data.tokens import Cutter, encode_in_memory
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.model import classifier as classifiers
from whet.model import embedded
from whet.model.classifier import Classifier
from whet.model.files import find, longest_input
from whet.model.work import TRAINING, operations, shape_of
from whet.prepare import Asked
from whet.records import SIDES, Encoded, Examples, Ints, Plan, Rung, Side, Span, Splits
from whet.score import baseline
from whet.training import estimate, loop
from whet.training.estimate import Engine, Speed, Times, Workload
from whet.training.pace import Budget
from whet.training.probe import Probed, probe
from whet.training.team import Alone

SAMPLE = 512  # texts of each side whose tokens are counted, evenly spread over all lengths
CHOICES = (5 * 60.0, 30 * 60.0, 120 * 60.0)
EPOCHS = (1.0, 2.0, 3.0, 5.0)
RESERVE, RESERVED_SHARE = 2.0, 0.02  # seconds, and of a budget, that nothing is planned into
SAVING = 2.0  # seconds for canaries, card and metrics
DISK_RATE = 200e6  # bytes a second of a slow disk
WEIGHT, TOKEN = 4, 2  # bytes
TEXT = 1.5  # bytes in predictions.parquet and splits.parquet for a character of the test side

KEPT_LAYERS = 0.6  # of a shorter model
# What a shorter way costs in accuracy, in points, and who says so; that of epochs holds for one instead of two.
EXPECTED = {
    "epochs": (-0.7, "bert-base on IMDB, one epoch against two: hub model JeffreyJIANG/bert-imdb"),
    "layers": (-2.0, "BERT without 40 % of its layers on GLUE: Sajjad et al., arXiv 2004.03844"),
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """Tokens of some texts of each side, and what it took to have them."""

    encoded: dict[Side, Encoded]
    labels: Ints  # of the sampled training texts
    seconds_per_character: float

    @property
    def lengths(self) -> dict[Side, Ints]:
        return {side: np.diff(encoded.offsets) for side, encoded in self.encoded.items()}


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that is ready to start."""

    asked: Asked
    """As it will run: a budget may have changed its settings, rows and model."""
    classifier: Classifier
    """On its device."""
    cutter: Cutter
    said: list[str]
    """What must be said about them."""
    plan: Plan | None = None
    """None where several processes share the job: what they take together, one cannot measure."""
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """A model of the job, what there is to do and how fast it is done here."""

    asked: Asked
    classifier: Classifier
    cutter: Cutter
    work: Workload
    probed: Probed
    started: float

    @property
    def engine(self) -> Engine:
        return Engine(self.asked.resolved.settings.model, self.probed.speed)

    @property
    def times(self) -> Times:
        return estimate.times(self.work, self.probed.speed, self.asked.resolved.settings)


def planned(asked: Asked, team: Alone, folder: Path, started: float) -> Planned:
    """Loads the classifier of a job and its tokenizer, times a few steps, which leave it as it was, and
    tells what the job will take. With a budget the job is first made one that fits: UsageError where
    there is none.

    `folder`: where the run will be; `started`: time.monotonic() at the start.
    """
    settings = asked.resolved.settings
    cutter = prepare.cutter_of(asked.files, settings, runtime.cache_folder())
    seed = team.seed(settings.seed)
    classifier, said = classifiers.fresh(asked.files, asked.labels, asked.machine, settings, seed=seed)
    if team.ranks.count > 1:
        return Planned(asked, classifier, cutter, said)
    with runtime.memory_kept():  # as in training
        measured = _measure(asked, classifier, cutter, started)
        if settings.budget is None:
            return Planned(asked, classifier, cutter, said, _plan(measured, folder))
        return _within(settings.budget, measured, said, folder)


def _measure(asked: Asked, classifier: Classifier, cutter: Cutter, started: float) -> _Measured:
    settings = asked.resolved.settings
    sampled = sample(asked.splits, asked.labels, cutter)
    work = workload(asked, sampled, classifier, started)
    recipe = loop.recipe_of(settings)
    steps = loop.count_steps(work.rows["train"], recipe)
    limit = math.inf if settings.budget is None else durations.seconds(settings.budget, where="--budget")

    def expected(speed: Speed) -> float:
        return min(limit, estimate.times(work, speed, settings).total)

    probed = probe(classifier, sampled.encoded["train"], sampled.labels, recipe, steps=steps, expected=expected)
    return _Measured(asked, classifier, cutter, work, probed, started)


def _plan(measured: _Measured, folder: Path) -> Plan:
    """What the job will take. One of more than half an hour on a CPU gets a ladder of shorter ways and,
    for 5, 30 and 120 minutes, the best job that fits."""
    asked, work, speed = measured.asked, measured.work, measured.probed.speed
    settings, found = asked.resolved.settings, measured.times
    too_long = asked.machine.device == "cpu" and found.total > LONG and settings.budget is None
    lighter = _lighter(measured) if too_long else None
    engines = [measured.engine, *([lighter.engine] if lighter else [])]
    limits = CHOICES if too_long else ()
    choices = [estimate.choose(work, engines, settings, limit) for limit in limits]
    shape = shape_of(measured.classifier.model.config.to_dict())
    lengths = work.lengths["train"]
    per_row = 0.0 if shape is None else TRAINING * operations(shape, lengths) / len(lengths)
    counted = per_row * work.rows["train"] * settings.epochs
    return Plan(
        model=settings.model,
        device=asked.machine.device,
        device_reason=asked.machine.device_reason,
        threads=asked.machine.threads,
        rows=work.rows,
        tokens=float(lengths.mean()),
        steps=loop.count_steps(work.rows["train"], loop.recipe_of(settings)),
        operations=counted,
        rate=counted / found.training,
        training=estimate.span(found.training, speed),
        by_epochs={epochs: _training(work, speed, settings, epochs) for epochs in EPOCHS},
        evaluation=estimate.span(found.evaluation, speed),
        other=estimate.span(found.other, speed),
        total=estimate.span(found.total, speed),
        memory=measured.probed.memory,
        memory_there=_memory_there(measured.classifier),
        disk=_disk(asked, work, measured.classifier),
        disk_there=machine.disk_free(folder),
        too_long=too_long,
        ladder=_ladder(measured, engines),
        choices=tuple(choice for choice in choices if choice is not None),
        probe_seconds=measured.probed.seconds,
    )


# ---------------------------------------------------------------- a budget


def _within(budget: str, measured: _Measured, said: list[str], folder: Path) -> Planned:
    """The first job by the rule of `estimate.candidates` that is over in time: with the model that was
    asked for, else with the embedded one."""
    settings = measured.asked.resolved.settings
    seconds = durations.seconds(budget, where="--budget")
    limit = seconds - RESERVE - RESERVED_SHARE * seconds

    def now(work: Workload) -> Workload:
        return dataclasses.replace(work, spent=time.monotonic() - measured.started)

    others = _has_lighter(settings)
    found = estimate.first_fit(now(measured.work), measured.engine, settings, limit, last=not others)
    if found is None and others:
        lighter = _lighter(measured)
        assert lighter is not None, "it was found to be there"
        measured, said = lighter, []
        found = estimate.first_fit(now(measured.work), measured.engine, settings, limit, last=True)
    if found is None:
        least = estimate.shortest(now(measured.work), measured.engine, settings, max(limit, 1.0))
        needed = durations.written(1.1 * (least + RESERVE) / (1 - RESERVED_SHARE))  # its own plan may take longer
        raise UsageError(
            f"not even the smallest job with {measured.engine.model} would be over in {budget}",
            where="--budget",
            expected=f"about {needed} on this machine",
            todo=f"Give --budget {needed}, or fewer rows with --train-rows and --test-rows",
        )
    whole = measured.work.rows.get("test", 0)
    chosen = _as_chosen(measured, found.changes, f"budget {budget}")
    traded = _traded(budget, settings, found.changes, measured.work, chosen.times.total)
    plan = _plan(chosen, folder)
    limits = _budget_of(chosen, plan.steps, measured.started + limit, seconds, whole)
    return Planned(chosen.asked, chosen.classifier, chosen.cutter, [*said, traded], plan, limits)


def _as_chosen(measured: _Measured, changes: Mapping[str, object], reason: str) -> _Measured:
    """The job with other settings: what hangs on them is split, cut and loaded anew."""
    asked, classifier = measured.asked, measured.classifier
    resolved, splits, labels = asked.resolved, asked.splits, asked.labels
    for name, value in changes.items():
        resolved = resolved.with_value(name, value, reason)
    settings = resolved.settings
    if {"train_rows", "test_rows"} & changes.keys():
        assert asked.rows is not None, "a job with a budget keeps its data"
        splits = prepare.splits_of(asked.rows, settings)
        labels = prepare.label_set_of(asked.rows, splits, settings)
    if labels != asked.labels:  # fewer rows may leave a label out
        classifier, _ = classifiers.fresh(asked.files, labels, asked.machine, settings, seed=settings.seed)
    asked = dataclasses.replace(asked, resolved=resolved, splits=splits, labels=labels, rows=None)
    cutter = prepare.cutter_of(asked.files, settings, runtime.cache_folder())
    work = workload(asked, sample(splits, labels, cutter), classifier, measured.started)
    return _Measured(asked, classifier, cutter, work, measured.probed, measured.started)


def _budget_of(chosen: _Measured, steps: int, deadline: float, seconds: float, whole: int) -> Budget:
    found, rows, settings = chosen.times, chosen.work.rows, chosen.asked.resolved.settings
    each: dict[Side, float] = {"validation": found.validation / max(1, found.looks), "test": found.test}
    there: tuple[Side, ...] = ("validation", "test")
    return Budget(
        deadline=deadline,
        step=found.training / steps,
        evaluation={side: each[side] for side in there if side in rows},
        rows={side: rows[side] for side in there if side in rows},
        most=estimate.TESTED_SHARE * seconds,
        saving=chosen.work.saving,
        every=estimate.interval(settings, steps_per_epoch(rows["train"], settings.batch_size)),
        whole=whole,
    )


def _traded(budget: str, asked: Settings, changes: Mapping[str, object], work: Workload, seconds: float) -> str:
    """The sentence on what a job lost to its budget."""
    every = {"train_rows": work.rows["train"], "test_rows": work.rows.get("test", 0)}
    parts = []
    for name, value in changes.items():
        before = getattr(asked, name)
        before = f"all {every[name]:,}" if name in every and before is None else before
        if value is not None:
            parts.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
            parts[-1] += f" instead of {before:g}" if isinstance(before, float) else f" instead of {before}"
    about = f"it should take about {durations.written(seconds)}"
    return f"budget {budget}: {', '.join(parts) or 'the job fits as it was asked for'}; {about}"


def sample(splits: Splits, labels: LabelSet, cutter: Cutter) -> Sampled:
    """SAMPLE texts of each side, every k-th by length, so that their mean is that of all."""
    encoded: dict[Side, Encoded] = {}
    ids = np.zeros(0, np.int64)
    characters, seconds = 0, 0.0
    for side in SIDES:
        rows: Examples | None = getattr(splits, side)
        if rows is None or not rows.texts or rows.labels is None:
            continue
        sizes = np.fromiter(map(len, rows.texts), np.int64, len(rows.texts))
        count = min(SAMPLE, len(sizes))
        chosen = np.argsort(sizes, kind="stable")[((np.arange(count) + 0.5) * len(sizes) / count).astype(np.int64)]
        began = time.perf_counter()
        encoded[side] = encode_in_memory([rows.texts[i] for i in chosen], cutter)
        seconds += time.perf_counter() - began
        characters += int(sizes[chosen].sum())
        if side == "train":
            ids = np.asarray(labels.ids([rows.labels[i] for i in chosen], source=rows.source), dtype=np.int64)
    return Sampled(encoded, ids, seconds / max(1, characters))


def workload(asked: Asked, sampled: Sampled, classifier: Classifier, started: float) -> Workload:
    """What the job has to do, counted."""
    rows = {side: len(getattr(asked.splits, side).texts) for side in sampled.encoded}
    characters = {side: sum(map(len, getattr(asked.splits, side).texts)) for side in sampled.encoded}
    preparing = sampled.seconds_per_character * sum(characters.values())
    if asked.resolved.settings.baseline and asked.splits.test is not None:
        preparing += baseline.expected_seconds(asked.splits.train.texts, asked.splits.test.texts)
    saving = SAVING + _weights(classifier) / DISK_RATE
    spent = time.monotonic() - started
    return Workload(rows, sampled.lengths, spent, preparing, saving)


def _has_lighter(settings: Settings) -> bool:
    return settings.model != "embedded" and embedded.is_installed()


def _lighter(measured: _Measured) -> _Measured | None:
    """The same job with the embedded model, timed here; None where it has that or there is none."""
    asked = measured.asked
    if not _has_lighter(asked.resolved.settings):
        return None
    files = find("embedded")
    longest = min(asked.resolved.settings.max_length, longest_input(files.folder))
    resolved = asked.resolved
    for name, value in {"model": "embedded", "layers": None, "max_length": longest}.items():
        if getattr(resolved.settings, name) != value:
            resolved = resolved.with_value(name, value, f"budget {resolved.settings.budget}")
    asked = dataclasses.replace(asked, resolved=resolved, files=files)
    cutter = prepare.cutter_of(files, resolved.settings, runtime.cache_folder())
    seed = resolved.settings.seed
    classifier, _ = classifiers.fresh(files, asked.labels, asked.machine, resolved.settings, seed=seed)
    return _measure(asked, classifier, cutter, measured.started)


def _ladder(measured: _Measured, engines: Sequence[Engine]) -> tuple[Rung, ...]:
    """Each shorter way by itself, the longest first."""
    work, classifier, settings = measured.work, measured.classifier, measured.asked.resolved.settings
    mine = engines[0].speed
    ways: list[tuple[str, Settings, Speed]] = []
    if settings.epochs > 1:
        ways.append(("epochs", dataclasses.replace(settings, epochs=1.0), mine))
    longest = int(max(lengths.max() for lengths in work.lengths.values()))
    for length in estimate.SHORTER:
        if length < longest:
            cut = dataclasses.replace(settings, max_length=length, truncation="head-tail")
            ways.append(("max_length", cut, mine))
    half = max(estimate.LEAST_ROWS, work.rows["train"] // 2)
    if half < work.rows["train"]:
        ways.append(("train_rows", dataclasses.replace(settings, train_rows=half), mine))
    shorter = _fewer_layers(classifier, settings, mine)
    if shorter is not None:
        ways.append(("layers", *shorter))
    ways += [
        ("model", dataclasses.replace(settings, model=engine.model, layers=None), engine.speed)
        for engine in engines[1:]
    ]
    rungs = []
    for kind, wanted, speed in ways:
        known = kind in EXPECTED and not (kind == "epochs" and settings.epochs != 2)
        points, source = EXPECTED[kind] if known else (None, "")
        time_ = estimate.span(estimate.times(work, speed, wanted).total, speed)
        rungs.append(Rung(estimate.changed(settings, wanted), time_, kind != "layers", points, source))
    return tuple(sorted(rungs, key=lambda rung: -rung.time.seconds))


def _fewer_layers(classifier: Classifier, settings: Settings, mine: Speed) -> tuple[Settings, Speed] | None:
    """The job with the first layers of its model alone, and how fast that is by the arithmetic of both."""
    shape = shape_of(classifier.model.config.to_dict())
    if shape is None or shape.layers < 2:
        return None
    fewer = dataclasses.replace(shape, layers=max(1, round(KEPT_LAYERS * shape.layers)))
    return dataclasses.replace(settings, layers=fewer.layers), mine.scaled(shape, fewer)


def _training(work: Workload, speed: Speed, settings: Settings, epochs: float) -> Span:
    return estimate.span(estimate.times(work, speed, dataclasses.replace(settings, epochs=epochs)).training, speed)


def _memory_there(classifier: Classifier) -> int | None:
    """Bytes that this process could have at the highest, on the device of the model."""
    if classifier.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(classifier.device)
        return int(free) + torch.cuda.memory_reserved(classifier.device)
    held, available = machine.resident(), machine.memory().available
    return None if held is None or available is None else held + available


def _weights(classifier: Classifier) -> int:
    return sum(weight.numel() * WEIGHT for weight in classifier.model.parameters())


def _disk(asked: Asked, work: Workload, classifier: Classifier) -> int:
    """Bytes of model, predictions, splits and cached tokens."""
    tokens = sum(work.rows[side] * float(lengths.mean()) for side, lengths in work.lengths.items())
    test = 0 if asked.splits.test is None else sum(map(len, asked.splits.test.texts))
    return round(_weights(classifier) + tokens * TOKEN + test * TEXT)
