"""What a job will take, from the speed of a machine and the rows of the job: arithmetic only.

Sizes: T tokens of a step, P pairs of tokens that attend to each other (the sum of squared lengths).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from whet.data.batches import steps_per_epoch
from whet.forecast import Choice, Span
from whet.model.work import Shape
from whet.records import Ints, Side, StepRecord
from whet.score.learning_curve import SHARES
from whet.score.mistakes import MOST_EXPLAINED, rows_to_look_at, tokens_to_explain
from whet.score.occlusion import MOST_COPIES
from whet.settings.config import Settings
from whet.training.few import STEPS, epochs_of

# The band around an estimate: what a machine drifts by over a job, beside what the probe leaves open.
DRIFT_DOWN, DRIFT_UP = 0.12, 0.20
MOST_DOWN = 0.5  # the most that a band reaches down: few steps leave more open above than below
CERTAIN = 1.64  # standard errors on either side hold nine of ten
SHORTER = (256, 128)  # tokens that a shorter job keeps of a text
PARTS = (0.9, 0.8, 0.7, 0.6, 0.5)  # of an epoch, that a model keeps while there is a smaller one
FEWER, LEAST_ROWS = 0.9, 200  # of the rows, from one candidate to the next; and that any keeps
NARROW = 1.05  # how many times longer than expected a job may take that is shortened while it runs
FEWEST_TESTED = 1_000
COMPARED = 2_000  # test rows at the most, on which a student is held beside its teacher
WORDS_A_TOKEN = 0.8  # of English; a sequence has more tokens than words
TESTED_SHARE = 0.25  # of a limited time, for evaluations, before they are done on a sample


@dataclass(frozen=True, slots=True)
class Speed:
    """What one machine takes for one model. A training step is `step + token T + pair P` seconds."""

    step: float
    token: float
    pair: float
    evaluation: float
    """An evaluated text, for each token of its `size`."""
    error: float
    """Standard deviation of a step around the formula, as a share; more where few steps were timed, for then it
    is itself uncertain."""
    timed: int
    """How many steps were timed."""

    def row(self, lengths: Ints, counts: Ints | int = 1) -> float:
        """Seconds for the tokens and pairs of a training text, the mean over texts of these lengths, each in so many
        sequences of one length."""
        exact = lengths.astype(np.float64)
        return float(self.token * exact.mean() + self.pair * (exact**2 / counts).mean())

    def size(self, lengths: Ints, counts: Ints | int = 1) -> float:
        """How large a text is, the mean over texts of these lengths: its tokens, and the tokens that its
        pairs are worth in training. The steps of a tiny model may tell nothing of either; tokens count then."""
        exact = lengths.astype(np.float64)
        worth = self.pair / self.token if self.token else 0.0
        return float(exact.mean() + worth * (exact**2 / counts).mean())

    def scaled(self, mine: Shape, other: Shape) -> Speed:
        """The same machine with a model of another shape."""
        tokens = other.per_token / mine.per_token
        pairs = other.layers * other.heads / (mine.layers * mine.heads)
        steps = other.parameters / mine.parameters
        return dataclasses.replace(
            self, step=self.step * steps, token=self.token * tokens, pair=self.pair * pairs,
            evaluation=self.evaluation * tokens,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workload:
    """What a job has to do, whatever machine does it."""

    rows: Mapping[Side, int]
    lengths: Mapping[Side, Ints]
    """Tokens of sampled texts of each side, as the job cuts or divides them."""
    spent: float
    """Seconds so far."""
    preparing: float
    """Seconds for the tokens of all rows and for the baseline."""
    saving: float
    baseline: float = 0.0
    """How much goes into the cheap baselines: a part of the preparing, or `whole`."""
    nbsvm: float = 0.0
    """Of this for NB-SVM."""
    whole: float = 0.0
    """Seconds for baselines that learn from all rows, however few the network has."""
    counts: Mapping[Side, Ints] = field(default_factory=dict)
    """In how many sequences the job divides each of the sampled texts; of no side, where it divides none."""
    doubtful: bool = False
    """Whether training rows are looked at for wrong labels."""
    further: int = 0
    """Texts without labels, that are learnt from too."""
    teaching: float = 0.0
    """Seconds that a teacher takes for a text."""

    @property
    def lessons(self) -> int:
        """How many rows are learnt from."""
        return self.rows["train"] + self.further


@dataclass(frozen=True, slots=True)
class Engine:
    """A model that could do the job, and how fast it is here."""

    model: str
    speed: Speed


@dataclass(frozen=True, slots=True)
class Times:
    """The parts of a job in seconds."""

    training: float
    validation: float
    """All evaluations on validation."""
    looks: int
    """How many those are."""
    test: float
    other: float
    looked: float = 0.0
    """The look at training rows for wrong labels."""
    explained: float = 0.0
    """The words of wrong answers, at the most."""
    curve: float = 0.0
    """The models of the learning curve that learn from a part of the rows."""
    teaching: float = 0.0
    """The answers of a teacher."""

    @property
    def evaluation(self) -> float:
        return self.validation + self.test + self.looked + self.explained

    @property
    def total(self) -> float:
        return self.training + self.evaluation + self.curve + self.teaching + self.other


@dataclass(frozen=True, slots=True)
class Part:
    """A training on a part of the rows."""

    rows: int
    epochs: float
    every: int | None
    """Steps between two evaluations; None: one at its end alone."""


def parts(rows: int, settings: Settings) -> tuple[Part, ...]:
    """Those of the learning curve of so many training rows, the smallest first. Each has as many epochs as the job, but
    STEPS steps or as many as the job: with fewer it would tell what steps bring, and not what rows bring."""
    whole = math.ceil(settings.epochs * steps_per_epoch(rows, settings.batch_size))
    found = []
    for share in SHARES:
        some = max(1, round(share * rows))
        epochs = epochs_of(settings, some, min(STEPS, whole))
        every = interval(settings, steps_per_epoch(some, settings.batch_size)) if epochs == settings.epochs else None
        found.append(Part(some, epochs, every))
    return tuple(found)


def times(work: Workload, speed: Speed, settings: Settings) -> Times:
    """What the job takes with these settings, which may ask for fewer rows, tokens or epochs."""
    if settings.folds is not None or settings.seeds > 1:
        return _of_several(work, speed, settings)
    train = _rows(work, "train", settings.train_rows)
    share = train / work.rows["train"]
    learnt = train + min(work.further, settings.unlabelled_rows or work.further)
    per_epoch = steps_per_epoch(learnt, settings.batch_size)
    steps, training = _training(work, speed, settings, learnt, settings.epochs)
    left, validation, looks, test, looked, explained, curve = train + 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0
    if work.doubtful and settings.budget is None:
        count = rows_to_look_at(settings.label_errors, round(train), settings.epochs * learnt)
        looked = count * speed.evaluation * speed.size(*_cut(work, "train", settings))
    if "validation" in work.rows:
        rows = work.rows["validation"] * share  # a share of the training table, as a rule
        looks = math.ceil(steps / (interval(settings, per_epoch) or steps))
        look = rows * speed.evaluation * speed.size(*_cut(work, "validation", settings))
        validation = looks * look
        left += rows
        if settings.learning_curve:
            curve = _curve(work, speed, settings, train, look)
    if "test" in work.rows:
        rows = _rows(work, "test", settings.test_rows)
        test = rows * speed.evaluation * speed.size(*_cut(work, "test", settings))
        left += rows
        explained = _explaining(work, speed, settings, settings.epochs * learnt)
    prepared = work.preparing * left / sum(work.rows.values())
    taught = work.teaching * (learnt + compared(settings, work.rows.get("test", 0)))
    other = work.spent + prepared + work.whole + work.saving
    return Times(training, validation, looks, test, other, looked, explained, curve, taught)


def compared(settings: Settings, rows: int) -> int:
    """How many of so many test rows a teacher answers too, beside which its student is held: none under a budget, which
    leaves no time for it."""
    return 0 if settings.budget is not None else min(COMPARED, rows)


def models_of(settings: Settings) -> int:
    """How many models are trained one after the other."""
    return (settings.folds or 1) * settings.seeds


def learnt_rows(settings: Settings, rows: int) -> int:
    """How many of the training rows one of them learns from."""
    return rows if settings.folds is None else max(1, rows - rows // settings.folds)


def _of_several(work: Workload, speed: Speed, settings: Settings) -> Times:
    """The same of a job of several models, each of which is loaded anew, which takes as long as to save one, and asked
    for the test rows. Of folds each answers those that it has not learnt from."""
    count, rows = models_of(settings), _rows(work, "train", settings.train_rows)
    learnt = learnt_rows(settings, rows)
    one = times(work, speed, dataclasses.replace(settings, folds=None, seeds=1, train_rows=learnt))
    validation, looked = count * one.validation, count * one.looked
    if settings.folds is not None:
        left_out = settings.seeds * rows * speed.evaluation * speed.size(*_cut(work, "train", settings))
        validation, looked = left_out, 0.0
    return Times(
        count * one.training, validation, count * one.looks, count * one.test,
        one.other + (2 * count - 1) * work.saving, looked, count * one.explained, teaching=one.teaching,
    )  # fmt: skip


def _training(work: Workload, speed: Speed, settings: Settings, rows: int, epochs: float) -> tuple[int, float]:
    """The steps of a training on so many rows, and their seconds."""
    steps = max(1, math.ceil(epochs * steps_per_epoch(rows, settings.batch_size) - 1e-9))
    return steps, steps * speed.step + epochs * rows * speed.row(*_cut(work, "train", settings))


def _curve(work: Workload, speed: Speed, settings: Settings, rows: int, look: float) -> float:
    """Seconds of the trainings on parts of so many rows, each with a model that is loaded anew, which takes as long as
    to save one, and with its evaluations, each of which takes `look`."""
    seconds = 0.0
    for part in parts(rows, settings):
        steps, training = _training(work, speed, settings, part.rows, part.epochs)
        seconds += work.saving + training + math.ceil(steps / (part.every or steps)) * look
    return seconds


def _explaining(work: Workload, speed: Speed, settings: Settings, trained: float) -> float:
    """Seconds to weigh the words of the wrong answers, if there are as many as are explained, after a training that
    took so many rows. Each word is a text more to evaluate."""
    if settings.budget is not None:
        return 0.0
    lengths, counts = _cut(work, "test", settings)
    copies = 1 + np.minimum(MOST_COPIES, WORDS_A_TOKEN * lengths)
    allowed = tokens_to_explain(trained * float(_cut(work, "train", settings)[0].mean()))
    tokens = min(allowed, MOST_EXPLAINED * float((lengths * copies).mean()))
    return tokens / float(lengths.mean()) * speed.evaluation * speed.size(lengths, counts)


def interval(settings: Settings, per_epoch: int) -> int | None:
    """Steps between two evaluations on validation: an epoch unless it was asked for. None: one at the
    end alone, as for a job with a budget, unless early stopping has to watch it."""
    if settings.evaluate_every is None and settings.budget is not None and settings.early_stopping is None:
        return None
    return settings.evaluate_every or per_epoch


def is_judged(record: StepRecord, every: int | None) -> bool:
    """Whether an evaluation on validation follows this step; `every`: steps between two of them."""
    return record.step == record.steps or bool(every and record.step % every == 0)


def span(seconds: float, speed: Speed) -> Span:
    """A time with its band."""
    left_open = CERTAIN * speed.error / math.sqrt(max(1, speed.timed))
    return Span(seconds, seconds * (1 - min(MOST_DOWN, DRIFT_DOWN + left_open)), seconds * (1 + DRIFT_UP + left_open))


def choose(work: Workload, engines: Sequence[Engine], settings: Settings, limit: float) -> Choice | None:
    """The job that fits into `limit` seconds, by the rule of `candidates`: the first whose whole band
    does. Of an evaluation that would take more than a quarter of the time a sample is scored.
    None where not even the last fits."""
    for number, engine in enumerate(engines):
        found = first_fit(work, engine, settings, limit, last=number == len(engines) - 1)
        if found is not None:
            return found
    return None


def first_fit(
    work: Workload, engine: Engine, settings: Settings, limit: float, *, last: bool, paced: bool = False
) -> Choice | None:
    """The same with one model, which may be another than the settings'. `last`: there is no other.
    `paced`: the job will be shortened where it turns out to be slower, so that its band need not fit."""
    asked = settings if engine.model == settings.model else of_model(settings, engine.model)
    for wanted in candidates(work, asked, last=last):
        candidate = _sampled(work, engine.speed, wanted, limit)
        expected = span(times(work, engine.speed, candidate).total, engine.speed)
        if (NARROW * expected.seconds if paced else expected.high) <= limit:
            return Choice(limit, changed(settings, candidate), expected)
    return None


def shortest(work: Workload, engine: Engine, settings: Settings, limit: float) -> float:
    """The first time above `limit` seconds, in steps of a twentieth, into which a paced job fits."""
    while first_fit(work, engine, settings, limit, last=True, paced=True) is None:
        limit *= 1.05
    return limit


def candidates(work: Workload, settings: Settings, *, last: bool) -> Iterator[Settings]:
    """What may be done with one model, the best first: the job as asked, fewer epochs down to one,
    then the same with shorter texts (`shorter_texts`), then fewer texts without labels, then a part of an epoch, down
    to half. The last model that there is may have fewer rows still, until it fits."""
    tenths = range(math.ceil(10 * settings.epochs) - 1, 9, -1)
    epochs = [settings.epochs, *(tenth / 10 for tenth in tenths)]
    cuts = [settings, *shorter_texts(work, settings)]
    for cut in cuts:
        yield from (dataclasses.replace(cut, epochs=count) for count in epochs)
    shortest, every = dataclasses.replace(cuts[-1], epochs=epochs[-1]), _rows(work, "train", settings.train_rows)
    further = FEWER * work.further
    while further >= LEAST_ROWS:
        shortest = dataclasses.replace(shortest, unlabelled_rows=_round(further))
        yield shortest
        further *= FEWER
    for share in PARTS:
        if share * every >= LEAST_ROWS:
            yield dataclasses.replace(shortest, epochs=round(share * shortest.epochs, 2))
    rows = FEWER * PARTS[-1] * every  # which need not be cut into tokens, as those that a part of an epoch leaves out
    while last and rows >= LEAST_ROWS:
        yield dataclasses.replace(shortest, train_rows=_round(rows))
        rows *= FEWER


def shorter_texts(work: Workload, settings: Settings) -> Iterator[Settings]:
    """The job with less of its long texts, head and tail: with what one sequence holds where they are divided into
    several, then with 256 and with 128 tokens."""
    longest = max(int(_cut(work, side, settings)[0].max()) for side in work.lengths)
    if any((counts > 1).any() for counts in work.counts.values()):
        yield dataclasses.replace(settings, truncation="head-tail")
    for length in SHORTER:
        if length < min(longest, settings.max_length):
            yield dataclasses.replace(settings, max_length=length, truncation="head-tail")


def of_model(settings: Settings, model: str) -> Settings:
    """The same job with another model, whose layers are not those that were counted."""
    counted = settings.freeze is not None and settings.freeze.isdecimal()
    return dataclasses.replace(settings, model=model, layers=None, freeze=None if counted else settings.freeze)


def changed(asked: Settings, other: Settings) -> dict[str, object]:
    """Setting to value, where `other` is not as asked."""
    return {
        field.name: getattr(other, field.name)
        for field in dataclasses.fields(Settings)
        if getattr(other, field.name) != getattr(asked, field.name)
    }


def _sampled(work: Workload, speed: Speed, settings: Settings, limit: float) -> Settings:
    """With fewer test rows where their evaluation would take more than its share of the time."""
    if "test" not in work.rows:
        return settings
    evaluation = times(work, speed, settings).evaluation
    if evaluation <= TESTED_SHARE * limit:
        return settings
    rows = _rows(work, "test", settings.test_rows)
    fewer = max(FEWEST_TESTED, _round(rows * TESTED_SHARE * limit / evaluation))
    return dataclasses.replace(settings, test_rows=fewer) if fewer < rows else settings


def _rows(work: Workload, side: Side, asked: int | None) -> int:
    return work.rows[side] if asked is None else min(asked, work.rows[side])


def _cut(work: Workload, side: Side, settings: Settings) -> tuple[Ints, Ints | int]:
    """Tokens of the sampled texts, and in how many sequences each has them."""
    lengths: Ints = work.lengths[side]
    if settings.truncation == "chunks":
        return lengths, work.counts.get(side, 1)
    # One that the job divides has more tokens than a sequence, and keeps as many as that holds.
    return np.minimum(lengths, settings.max_length), 1


def _round(rows: float) -> int:
    """Two figures, rounded down: nobody asks for 3,871 rows."""
    step = 10 ** max(0, math.floor(math.log10(max(rows, 1))) - 1)
    return int(rows // step * step)
