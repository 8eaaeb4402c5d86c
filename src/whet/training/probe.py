"""How fast this machine trains this model, measured on a few real steps before the job.

A step takes a + b T + c P seconds: T its tokens, P the pairs of tokens that attend to each other (the
sum of squared lengths). The three are fitted to steps of unlike size, so that they hold for other
lengths too. The steps are real ones, with a learning rate of zero: weights, dropout stream and random
state are afterwards what they were.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from whet.data.batches import counts_of, encoded_of, filled, gather, sequences_of, tokens_of
from whet.model.classifier import Classifier
from whet.records import Batch, Encoded, Floats, Ints, Targets
from whet.system import heap, machine
from whet.training import loop, optim
from whet.training.estimate import Speed
from whet.training.limit import Limit
from whet.training.memory import Sparing, explained
from whet.training.objective import objective_of

LEAST_STEPS = 4  # that vary, where the time allows
ENOUGH = 3  # varied steps, beside which those that grew do not count
PRECISE = 0.03  # a standard error of the mean step at which the probe ends before its time
SHARE, MOST = 0.08, 40.0  # of the job, and seconds: it takes the smaller
SHORTENED = 4  # every second step has texts of a quarter of their length, for the fit
FIRST_ROWS = 2
WHOLE, PART = 0.9, 0.6  # of the time that is left, that a step of all rows, or of twice as many as before, may take
EVALUATION_SHARE = 0.2  # of the time that a probe may take
# The 95th percentile of Student's t over that of the normal distribution, by degrees of freedom from 1 on: how much
# wider a band is whose width is known from so few steps.
STUDENT = (3.84, 1.78, 1.43, 1.30, 1.23, 1.18, 1.15, 1.13, 1.11, 1.10)


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes that the process has, or on a GPU that the model takes there."""

    held: int
    """Without a training, on a GPU 0."""
    fixed: int
    """In a step however small: with moments and gradients."""
    step: int
    """At the highest in the largest step of the job."""
    evaluation: int
    """At the highest in an evaluation beside the moments."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found out."""

    speed: Speed
    memory: Needed | None
    """None where the system does not tell."""
    seconds: float


@dataclass(frozen=True, slots=True)
class _Timed:
    tokens: int
    pairs: float
    seconds: float


def probe(
    classifier: Classifier,
    encoded: Encoded,
    labels: Targets,
    recipe: loop.Recipe,
    *,
    steps: int,
    expected: Callable[[Speed], float],
) -> Probed:
    """Times steps of random rows of `encoded`, and an evaluation, for a small share of the job.

    The first steps are small ones; a step that would take too much of the time is not tried, and what
    it takes follows from smaller ones. `steps` is how many the job has: the largest of so many is
    tried, because it decides about the memory. `expected` tells how long the job takes at a speed.
    Raises TrainingError where memory does not suffice for a single row.
    """
    started = time.perf_counter()
    with explained(classifier):
        speed, peaks = _Probe(classifier, encoded, labels, recipe, expected).run(steps)
    held: int | None = 0
    if classifier.device.type == "cpu":
        heap.trim()  # of gradients, moments and activations, all of them gone by now
        held = machine.resident()
    memory = None if held is None or peaks is None else Needed(held, *peaks)
    return Probed(speed, memory, time.perf_counter() - started)


class _Probe:
    def __init__(
        self,
        classifier: Classifier,
        encoded: Encoded,
        labels: Targets,
        recipe: loop.Recipe,
        expected: Callable[[Speed], float],
    ) -> None:
        self._classifier, self._encoded, self._labels = classifier, encoded, labels
        self._recipe, self._expected = recipe, expected
        self._started = time.perf_counter()
        self._lengths = tokens_of(encoded)
        self._generator = np.random.Generator(np.random.PCG64(recipe.seed))
        self._objective = objective_of(classifier, encoded, recipe.loss)
        # Where memory is short its steps are divided as those of the job will be; the job says so.
        self._sparing = Sparing(classifier, self._objective, Limit())
        self._optimizer = optim.Optimizer(self._objective.parameters, weight_decay=0.0)
        self._grown: list[_Timed] = []
        self._varied: list[_Timed] = []
        self._ready: set[int] = set()
        self._peaks: list[tuple[int, int]] = []  # tokens of a step, bytes at the highest

    def run(self, steps: int) -> tuple[Speed, tuple[int, int, int] | None]:
        """The speed, and all of `Needed` but what is held afterwards."""
        positions = dict(self._classifier.stream.positions)
        devices = [self._classifier.device] if self._classifier.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            rows = self._longest(steps)
            self._vary(self._grow(rows))
            speed = self._speed()
            machine.forget_peak()
            evaluation = self._evaluation(speed)
            evaluated = self._peak()  # packs are larger than steps of short texts, and the moments stay
        self._classifier.stream.positions = positions
        self._classifier.model.zero_grad(set_to_none=True)
        speed = dataclasses.replace(speed, evaluation=evaluation)
        if not self._peaks or evaluated is None:
            return speed, None
        fixed = self._peaks[0][1]
        return speed, (fixed, _at(self._peaks, int(self._lengths[rows].sum())), max(evaluated, fixed))

    def _speed(self) -> Speed:
        """By the steps that vary alone, as soon as they are enough: a growing step is the first to touch
        its memory, which takes up to half as long again."""
        return fit(self._varied if len(self._varied) >= ENOUGH else [*self._grown, *self._varied])

    def _left(self) -> float:
        """Seconds for further steps, by what is known of the job so far."""
        limit = min(MOST, SHARE * self._expected(self._speed()))
        return self._started + limit * (1 - EVALUATION_SHARE) - time.perf_counter()

    def _longest(self, steps: int) -> Ints:
        """The rows of the largest of so many random batches."""
        generator = np.random.Generator(np.random.PCG64(self._recipe.seed))
        size = min(self._recipe.batch_size, len(self._encoded))
        drawn = generator.integers(len(self._encoded), size=(min(steps, 2_000), size))
        longest: Ints = drawn[self._lengths[drawn].sum(axis=1).argmax()]
        return longest

    def _grow(self, rows: Ints) -> int:
        """Steps of more and more of these rows; returns how many of them fitted into the time."""
        count = min(FIRST_ROWS, len(rows))
        self._step(self._batch(rows[:count], shortened=True))  # the first step of a process is slow
        held = self._held()
        if held is not None:
            self._peaks.append((0, held + self._gradients(rows)))
        while True:
            timed = self._step(self._batch(rows[:count]))
            self._grown.append(timed)
            self._note_peak(timed)
            a_row, left = timed.seconds / count, self._left()
            if count == len(rows):
                return count
            if a_row * len(rows) <= WHOLE * left:
                count = len(rows)  # a small step tells too little of a whole one, and nothing of its memory
            elif a_row * 2 * count <= PART * left:
                count *= 2
            else:
                return count

    def _vary(self, most: int) -> None:
        """Steps of `most` random rows or more, in turn shortened and as they are, until they agree or time is up."""
        last = self._grown[-1]
        for turn in itertools.count():
            shortened = turn % 2 == 0
            if not shortened:
                most = max(most, self._affordable(last))
            rows = self._generator.integers(len(self._encoded), size=most)
            batch = self._batch(rows, shortened=shortened)
            if last.seconds * len(batch.ids) / last.tokens > self._left():
                return
            last = self._step(batch)
            self._varied.append(last)
            self._note_peak(last)
            found = self._speed()
            if turn >= LEAST_STEPS and found.error / np.sqrt(found.timed) < PRECISE:
                return

    def _note_peak(self, timed: _Timed) -> None:
        peak = self._peak()
        # A smaller step after a larger one finds its memory kept, and tells nothing of its own.
        if peak is not None and timed.tokens > max((tokens for tokens, _ in self._peaks), default=0):
            self._peaks.append((timed.tokens, peak))

    def _affordable(self, last: _Timed) -> int:
        """How many rows, a batch of the job at most, a step could have in the time that is left. The
        steps of a slow model are small at first; one large step tells more than several of them."""
        a_row = last.seconds / last.tokens * float(self._lengths.mean())
        return min(self._recipe.batch_size, len(self._encoded), int(PART * max(0.0, self._left()) / a_row))

    def _batch(self, rows: Ints, *, shortened: bool = False) -> Batch:
        batch = gather(self._encoded, np.asarray(rows, dtype=np.int64), self._labels)
        batch = _shortened(batch) if shortened else batch
        return batch if self._recipe.masking is None else self._recipe.masking.hidden(batch, 0)

    def _step(self, batch: Batch) -> _Timed:
        """One step as the loop does it, at a learning rate of zero."""
        machine.forget_peak()
        self._classifier.model.train()
        self._objective.prepare(batch)
        if self._is_new(batch):
            _end(self._sparing.gradient(batch, 1.0, 1))
            self._objective.drop()
        started = time.perf_counter()
        mean = _end(self._sparing.gradient(batch, 1.0, 1))
        # Here the host waits for the device, as in the loop.
        _, norm = torch.stack([mean, self._optimizer.norm()]).tolist()
        if np.isfinite(norm):  # zero times what is not finite is not zero
            self._optimizer.step(0.0, optim.clipping(norm, self._recipe.max_grad_norm))
        self._objective.settle()
        lengths = np.diff(batch.cu_seqlens)
        seconds = time.perf_counter() - started
        return _Timed(len(batch.ids), float((lengths.astype(np.float64) ** 2).sum()), seconds)

    def _is_new(self, batch: Batch) -> bool:
        """Whether a part of the step has a number of tokens that no step had, for which a CPU makes products in less
        than float32 ready: in a job that is done once for each of few numbers, and here it would be most of a step."""
        classifier = self._classifier
        if classifier.device.type != "cpu" or classifier.precision == "fp32" or not classifier.packed:
            return False  # padded ones have as many numbers in the job
        parts = (part for parts in self._objective.parts(batch) for part in parts)
        found = {len(filled(part).ids) for part in parts} - self._ready
        self._ready |= found
        return bool(found)

    def _peak(self) -> int | None:
        if self._classifier.device.type == "cuda":
            return int(torch.cuda.max_memory_reserved(self._classifier.device))
        return machine.peak()

    def _held(self) -> int | None:
        """Bytes that are held between two steps: weights and moments, and no activations. What of those
        glibc has kept is given back first."""
        if self._classifier.device.type == "cuda":
            return int(torch.cuda.memory_allocated(self._classifier.device))
        heap.trim()
        return machine.resident()

    def _gradients(self, rows: Ints) -> int:
        """Bytes of the gradients that a step of these rows has at once: one of all weights for each share. That of
        the word table has a row for each token, and counts with them; where it is tied to the outputs, it is whole, and
        made of two that are added up."""
        shares = len(self._objective.parts(self._batch(rows)))
        model = {id(parameter) for parameter in self._classifier.model.parameters()}
        dense = [parameter for parameter in self._objective.parameters if id(parameter) in model]
        if self._classifier.tied:
            dense += 2 * [self._classifier.model.get_input_embeddings().weight]
        return shares * sum(parameter.numel() * parameter.element_size() for parameter in dense)

    def _evaluation(self, speed: Speed) -> float:
        """Seconds of evaluating a text for each token of its size."""
        started = time.perf_counter()
        limit = EVALUATION_SHARE * min(MOST, SHARE * self._expected(speed))
        count = FIRST_ROWS
        while True:
            chosen = self._generator.integers(len(self._encoded), size=min(count, len(self._encoded)))
            part = encoded_of(self._batch(chosen))
            before = time.perf_counter()
            for _ in self._classifier.packs(sequences_of(part)):
                pass
            now = time.perf_counter()
            if count >= len(self._encoded) or now - started + 2.5 * (now - before) > limit:
                return (now - before) / (len(part) * speed.size(tokens_of(part), counts_of(part)))
            count *= 2


def _shortened(batch: Batch) -> Batch:
    """Beginnings of the texts: what they say does not matter here."""
    kept = np.maximum(np.diff(batch.cu_seqlens) // SHORTENED, 1)
    places = np.concatenate([np.arange(a, a + n) for a, n in zip(batch.cu_seqlens[:-1], kept, strict=True)])
    seconds = None if batch.seconds is None else np.minimum(batch.seconds, kept)
    starts = np.concatenate([[0], np.cumsum(kept)])
    return dataclasses.replace(batch, ids=batch.ids[places], cu_seqlens=starts, seconds=seconds)


def _end(steps: Generator[object, None, Tensor]) -> Tensor:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Tensor = end.value
            return found


def fit(timed: Sequence[_Timed]) -> Speed:
    """The three coefficients, none negative, that come nearest to what was timed, relative to it."""
    seconds = np.array([step.seconds for step in timed])
    columns = np.array([[1.0, step.tokens, step.pairs] for step in timed]) / seconds[:, None]
    best: tuple[float, Floats] | None = None
    # Non-negative least squares of three unknowns: the best of the subsets that need no negative one.
    for chosen in itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in (3, 2, 1)):
        part = columns[:, chosen]
        scale = np.linalg.norm(part, axis=0)
        solved = np.linalg.lstsq(part / scale, np.ones(len(timed)), rcond=None)[0] / scale
        if (solved < 0).any():
            continue
        residual = float(((part @ solved - 1) ** 2).sum())
        if best is None or residual < best[0] - 1e-12:
            found = np.zeros(3)
            found[list(chosen)] = solved
            best = residual, found
    assert best is not None, "one column alone never needs a negative coefficient"
    residual, (step, token, pair) = best
    used = sum(coefficient > 0 for coefficient in (step, token, pair))
    free = max(1, len(timed) - used)
    error = float(np.sqrt(residual / free)) * (STUDENT[free - 1] if free <= len(STUDENT) else 1.0)
    return Speed(float(step), float(token), float(pair), 0.0, error, len(timed))


def _at(peaks: Sequence[tuple[int, int]], tokens: int) -> int:
    """Bytes at the highest in a step of so many tokens, by the smallest and the largest step seen."""
    (few, low), (many, high) = min(peaks), max(peaks)
    if many <= few or tokens <= many:
        return max(low, high)
    return low + round(max(0, high - low) / (many - few) * (tokens - few))
