"""Before a job starts: how long it will take, what it needs, and which shorter ways there are.

What this machine does in a second is measured (`training.probe`), what the job asks for is counted
from its rows and a sample of their tokens, and the rest is arithmetic (`training.estimate`). Loads torch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from whet import machine, prepare, runtime
from whet.config import LONG, Settings
from whet.data.tokens import Cutter, encode_in_memory
from whet.labels import LabelSet
from whet.model import classifier as classifiers
from whet.model import embedded
from whet.model.classifier import Classifier
from whet.model.files import find
from whet.model.work import TRAINING, operations, shape_of
from whet.prepare import Asked
from whet.records import SIDES, Encoded, Examples, Ints, Plan, Rung, Side, Span, Splits
from whet.score import baseline
from whet.training import estimate, loop
from whet.training.estimate import Engine, Speed, Workload
from whet.training.probe import probe
from whet.training.team import Alone

SAMPLE = 512  # texts of each side whose tokens are counted, evenly spread over all lengths
CHOICES = (5 * 60.0, 30 * 60.0, 120 * 60.0)
EPOCHS = (1.0, 2.0, 3.0, 5.0)
SAVING = 2.0  # seconds for canaries, card and metrics
DISK_RATE = 200e6  # bytes a second of a slow disk
WEIGHT, TOKEN = 4, 2  # bytes
TEXT = 1.5  # bytes in predictions.parquet and splits.parquet for a character of the test side

# What a shorter way costs in accuracy, in points, and who says so.
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


def planned(
    asked: Asked, team: Alone, folder: Path, started: float
) -> tuple[Classifier, Cutter, list[str], Plan | None]:
    """The classifier of a job on its device, its tokenizer, what must be said about them, and the plan.
    Where several processes share the job there is none: what they take together, one cannot measure.

    `folder`: where the run will be; `started`: time.monotonic() at the start.
    """
    settings = asked.resolved.settings
    cutter = prepare.cutter_of(asked.files, settings, runtime.cache_folder())
    seed = team.seed(settings.seed)
    classifier, said = classifiers.fresh(asked.files, asked.labels, asked.machine, settings, seed=seed)
    if team.ranks.count > 1:
        return classifier, cutter, said, None
    with runtime.memory_kept():  # as in training
        return classifier, cutter, said, plan(asked, classifier, cutter, folder, started)


def plan(asked: Asked, classifier: Classifier, cutter: Cutter, folder: Path, started: float) -> Plan:
    """Times a few steps of the classifier, which is left as it was, and tells what the job will take.

    A job of more than half an hour on a CPU gets a ladder of shorter ways and, for 5, 30 and 120
    minutes, the best job that fits.
    """
    sampled = sample(asked.splits, asked.labels, cutter)
    work = workload(asked, sampled, classifier, started)
    settings = asked.resolved.settings
    recipe = loop.recipe_of(settings)
    steps = loop.count_steps(work.rows["train"], recipe)

    def expected(speed: Speed) -> float:
        return estimate.times(work, speed, settings).total

    probed = probe(classifier, sampled.encoded["train"], sampled.labels, recipe, steps=steps, expected=expected)
    speed = probed.speed
    found = estimate.times(work, speed, settings)
    too_long = asked.machine.device == "cpu" and found.total > LONG
    engines = [Engine(settings.model, speed), *(_lighter(asked, work) if too_long else ())]
    limits = CHOICES if too_long else ()
    choices = [estimate.choose(work, engines, settings, limit) for limit in limits]
    shape = shape_of(classifier.model.config.to_dict())
    per_row = 0.0 if shape is None else TRAINING * operations(shape, work.lengths["train"]) / len(work.lengths["train"])
    counted = per_row * work.rows["train"] * settings.epochs
    return Plan(
        model=settings.model,
        device=asked.machine.device,
        device_reason=asked.machine.device_reason,
        threads=asked.machine.threads,
        rows=work.rows,
        tokens=float(work.lengths["train"].mean()),
        steps=steps,
        operations=counted,
        rate=counted / found.training,
        training=estimate.span(found.training, speed),
        by_epochs={epochs: _training(work, speed, settings, epochs) for epochs in EPOCHS},
        evaluation=estimate.span(found.evaluation, speed),
        other=estimate.span(found.other, speed),
        total=estimate.span(found.total, speed),
        memory=probed.memory,
        memory_there=_memory_there(classifier),
        disk=_disk(asked, work, classifier),
        disk_there=machine.disk_free(folder),
        too_long=too_long,
        ladder=_ladder(work, engines, settings),
        choices=tuple(choice for choice in choices if choice is not None),
        probe_seconds=probed.seconds,
    )


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


def _lighter(asked: Asked, work: Workload) -> list[Engine]:
    """The embedded model, timed here, where it is another one than the job's."""
    if asked.resolved.settings.model == "embedded" or not embedded.is_installed():
        return []
    settings = dataclasses.replace(asked.resolved.settings, model="embedded", layers=None)
    files = find("embedded")
    cutter = prepare.cutter_of(files, settings, runtime.cache_folder())
    sampled = sample(asked.splits, asked.labels, cutter)
    other, _ = classifiers.fresh(files, asked.labels, asked.machine, settings, seed=settings.seed)

    def expected(speed: Speed) -> float:
        return estimate.times(work, speed, settings).total

    recipe, steps = loop.recipe_of(settings), 1  # its memory is not asked for
    found = probe(other, sampled.encoded["train"], sampled.labels, recipe, steps=steps, expected=expected)
    return [Engine("embedded", found.speed)]


def _ladder(work: Workload, engines: Sequence[Engine], settings: Settings) -> tuple[Rung, ...]:
    """Each shorter way by itself, the longest first."""
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
    ways += [
        ("model", dataclasses.replace(settings, model=engine.model, layers=None), engine.speed)
        for engine in engines[1:]
    ]
    rungs = []
    for kind, wanted, speed in ways:
        points, source = EXPECTED.get(kind, (None, ""))
        time_ = estimate.span(estimate.times(work, speed, wanted).total, speed)
        rungs.append(Rung(estimate.changed(settings, wanted), time_, True, points, source))
    return tuple(sorted(rungs, key=lambda rung: -rung.time.seconds))


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
