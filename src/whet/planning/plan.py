"""Before a job starts: how long it will take, what it needs, and which shorter ways there are.

What this machine does in a second is measured (`training.probe`), what the job asks for is counted
from its rows and a sample of their tokens, and the rest is arithmetic (`training.estimate`). Loads torch.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from whet.data.batches import steps_per_epoch
from whet.data.tokens import Cutter
from whet.errors import UsageError
from whet.forecast import Plan, Span
from whet.model import choice
from whet.model import classifier as classifiers
from whet.model.classifier import Classifier
from whet.model.levels import passes
from whet.model.work import operations, shape_of
from whet.planning.budget import within
from whet.planning.ladder import ladder
from whet.planning.measured import WEIGHT, Measured, has_baseline, lighter, measure, trained_weights, weights
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.preparing.taught import parameters_of
from whet.preparing.teacher import Teacher
from whet.preparing.teaching import seconds_a_text
from whet.records import Notice
from whet.score import cost
from whet.sentences.bilingual import said
from whet.settings.config import LONG, Settings
from whet.system import heap, machine, runtime
from whet.training import checkpoints, estimate, loop
from whet.training.estimate import Speed, Workload
from whet.training.pace import Budget
from whet.training.probe import Needed
from whet.training.team import Alone

CHOICES = (5 * 60.0, 30 * 60.0, 120 * 60.0)
EPOCHS = (1.0, 2.0, 3.0, 5.0)
TOKEN = 2  # bytes
# Times what the tokens of a step take that a process grows by, for freed memory that nothing fits: on a CPU more
# with each step, and no more after some, where malloc's threads have caches and where they have none; on a GPU,
# where the allocator rounds. Figures: docs/log.md.
HOLES_A_STEP, MOST_HOLES = 0.016, 1.2
FEWER_A_STEP, FEWER_HOLES = 0.0015, 0.35
GPU_HOLES = 0.1
TEXT = 1.5  # bytes in predictions.parquet and splits.parquet for a character of the test side


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that is ready to start."""

    asked: Asked
    """As it will run: a budget may have changed its settings, rows and model."""
    classifier: Classifier
    """On its device."""
    cutter: Cutter
    said: list[Notice]
    """What must be said about them."""
    plan: Plan | None = None
    """None where several processes share the job, for what they take together, one cannot measure; and of a brief
    one."""
    budget: Budget | None = None
    nbsvm: bool = True
    """Whether the baseline NB-SVM is worth its time."""


def plan_of(asked: Asked, team: Alone, folder: Path, started: float) -> Planned:
    """Loads the classifier of a job and its tokenizer, times a few steps, which leave it as it was, and
    tells what the job will take. With a budget the job is first made one that fits: UsageError where
    there is none.

    `folder`: where the run will be; `started`: time.monotonic() at the start.
    """
    settings = asked.resolved.settings
    _check_warmup(asked)
    cutter = prepare.cutter_of(asked.files, settings, runtime.usable_cache(), pair=asked.is_pair)
    seed = team.seed(settings.seed)
    classifier, notices = classifiers.fresh(asked.files, asked.labels, asked.machine, settings, seed=seed)
    told = [*map(Notice, notices), *_doubts(asked, cutter)]
    if team.ranks.count > 1 or (settings.brief and settings.budget is None):
        return Planned(asked, classifier, cutter, told)
    if asked.teaching is not None:
        teaching = dataclasses.replace(asked.teaching, seconds=seconds_a_text(asked))
        asked = dataclasses.replace(asked, teaching=teaching)
    with heap.kept():  # as in training
        measured, budget = measure(asked, classifier, cutter, started), None
        if settings.budget is not None:
            chosen, budget, traded = within(settings.budget, measured)
            told = [*(told if chosen.asked.files == asked.files else ()), Notice(traded)]
            measured = chosen
        plan = _plan(measured, folder)
    found, job = measured.asked, measured.times.total
    nbsvm = cost.has_nbsvm(measured.work.nbsvm, job)
    if not nbsvm:
        told.append(Notice(said({}, "no NB-SVM")))
    return Planned(found, measured.classifier, measured.cutter, told, plan, budget, nbsvm)


def _doubts(asked: Asked, cutter: Cutter) -> list[Notice]:
    """A warning where the given model was made for other texts; one that `auto` took has its own."""
    resolved = asked.resolved
    if resolved.reasons["model"].startswith("auto"):
        return []
    model, texts = resolved.settings.model, asked.splits.train.texts
    doubt = choice.doubt(model, cutter, texts, device=asked.machine.device)
    return [Notice(doubt, "warning")] if doubt else []


def _check_warmup(asked: Asked) -> None:
    """Raises UsageError where the learning rate would never reach its peak."""
    settings = asked.resolved.settings
    steps = loop.count_steps(asked.lessons, loop.recipe_of(settings))
    if settings.warmup > max(1, steps) and settings.budget is None:
        raise UsageError(
            f"{settings.warmup:g} steps of warm-up in a training of {steps}",
            where="--warmup",
            expected=f"at most {steps}, or a share of them such as 0.06",
            todo="Lower --warmup, or give more --epochs",
        )


def _plan(measured: Measured, folder: Path) -> Plan:
    """What the job will take. One of more than half an hour on a CPU gets a ladder of shorter ways and,
    for 5, 30 and 120 minutes, the best job that fits."""
    asked, work, speed = measured.asked, measured.work, measured.probed.speed
    settings, found = asked.resolved.settings, measured.times
    too_long = asked.machine.device == "cpu" and found.total > LONG and settings.budget is None
    smaller = lighter(measured) if too_long else None
    engines = [measured.engine, *([smaller.engine] if smaller else [])]
    limits = CHOICES if too_long else ()
    choices = [estimate.choose(work, engines, settings, limit) for limit in limits]
    shape = shape_of(measured.classifier.model.config.to_dict())
    lengths = work.lengths["train"]
    counts = work.counts.get("train", np.ones_like(lengths))
    sequences = np.repeat(lengths / counts, counts)
    forward = 0.0 if shape is None else operations(shape, sequences) / len(lengths)
    models, learnt = estimate.models_of(settings), estimate.learnt_rows(settings, work.lessons)
    counted = models * passes(measured.classifier.model) * forward * learnt * settings.epochs
    return Plan(
        model=settings.model,
        device=asked.machine.device,
        device_reason=asked.machine.device_reason,
        threads=asked.machine.threads,
        rows=work.rows,
        tokens=float(lengths.mean()),
        steps=models * loop.count_steps(learnt, loop.recipe_of(settings)),
        operations=counted,
        rate=counted / found.training,
        training=estimate.span(found.training, speed),
        by_epochs={epochs: _training(work, speed, settings, epochs) for epochs in EPOCHS},
        evaluation=estimate.span(found.evaluation, speed),
        other=estimate.span(found.other, speed),
        total=estimate.span(found.total, speed),
        memory=_memory(measured),
        memory_there=memory_there(measured.classifier),
        disk=_disk(measured),
        disk_there=machine.disk_free(folder),
        too_long=too_long,
        ladder=ladder(measured, engines),
        choices=tuple(choice for choice in choices if choice is not None),
        probe_seconds=measured.probed.seconds,
        curve=estimate.span(found.curve, speed) if found.curve else None,
        models=models,
        teaching=estimate.span(found.teaching, speed) if found.teaching else None,
        answered=work.lessons + estimate.compared(settings, work.rows.get("test", 0)) if found.teaching else 0,
        further=work.further,
    )


def _training(work: Workload, speed: Speed, settings: Settings, epochs: float) -> Span:
    return estimate.span(estimate.times(work, speed, dataclasses.replace(settings, epochs=epochs)).training, speed)


def _memory(measured: Measured) -> int | None:
    """Bytes that the process will have at its highest: in its steps and evaluations or, on a CPU, in the
    baseline before them, whose libraries stay."""
    asked, found, work = measured.asked, measured.probed.memory, measured.work
    if found is None:
        return None
    settings, on_cpu = asked.resolved.settings, measured.classifier.device.type == "cpu"
    steps = loop.count_steps(work.lessons, loop.recipe_of(settings))
    # The best weights are put aside at the first evaluation; beside those of the last one nothing is trained.
    every = estimate.interval(settings, steps_per_epoch(work.lessons, settings.batch_size))
    kept = settings.keep == "best" and "validation" in work.rows and every is not None and every < steps
    # Beside those of a point of the learning curve stand the job's own.
    models, whole = estimate.models_of(settings), weights(measured.classifier)
    aside = trained_weights(measured.classifier) * ((settings.ema is not None) + kept)
    aside = max(aside, whole) if settings.learning_curve or models > 1 else aside
    training = round(highest(found, steps, on_cpu=on_cpu) + measured.words + aside)
    if models > 1:  # at the end all of them answer
        training = max(training, round(found.evaluation + models * whole))
    if asked.teaching is not None:  # beside the student, whose evaluation stands for what its answers take
        training = max(training, found.evaluation + teacher_bytes(asked.teaching.teacher))
    if not on_cpu or not has_baseline(asked):
        return training
    rows = asked.cheap
    cheap = cost.expected_bytes(rows.texts, asked.labels, second=rows.pairs)
    return max(training + cost.LIBRARIES, found.held + cheap)


def highest(found: Needed, steps: int, *, on_cpu: bool) -> float:
    """Bytes at the highest in so many steps, and in the evaluations."""
    a_step, most = (HOLES_A_STEP, MOST_HOLES) if heap.has_caches() else (FEWER_A_STEP, FEWER_HOLES)
    holes = min(most, a_step * steps) if on_cpu else GPU_HOLES
    return max(found.fixed + (1 + holes) * (found.step - found.fixed), found.evaluation)


def teacher_bytes(teacher: Teacher) -> int:
    """What its weights take; those of a linear model next to nothing."""
    return WEIGHT * (parameters_of(teacher.folder) or 0)


def memory_there(classifier: Classifier) -> int | None:
    """Bytes that this process could have at the highest, on the device of the model."""
    if classifier.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(classifier.device)
        return int(free) + torch.cuda.memory_reserved(classifier.device)
    held, available = machine.resident(), machine.memory().available
    return None if held is None or available is None else held + available


def _disk(measured: Measured) -> int:
    """Bytes of model, predictions, splits, cached tokens and checkpoints, as many as there are at once."""
    asked, work, model = measured.asked, measured.work, weights(measured.classifier)
    settings = asked.resolved.settings
    # The weights that are trained, two moments of each, their average, and those that were the best; of one model at a
    # time.
    copies = 3 + (settings.ema is not None) + (settings.keep == "best" and "validation" in work.rows)
    state = trained_weights(measured.classifier) * copies
    models = estimate.models_of(settings)
    count = checkpoints.at_once(settings.checkpoint_every, measured.times.training / models)
    tokens = sum(work.rows[side] * float(lengths.mean()) for side, lengths in work.lengths.items())
    test = 0 if asked.splits.test is None else sum(map(len, asked.splits.test.texts))
    return round(models * model + count * state + tokens * TOKEN + test * TEXT)
