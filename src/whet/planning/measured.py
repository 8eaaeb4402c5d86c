"""What there is to do in a job, and how fast its model does it on this machine."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet import durations
from whet.data.batches import counts_of, tokens_of
from whet.data.doctor import near
from whet.data.rows import select
from whet.data.store import taken
from whet.data.targets import has_answers, targets_of
from whet.data.tokens import Cutter, encode_in_memory
from whet.data.vocabulary import fit
from whet.model import classifier as classifiers
from whet.model import embedded
from whet.model.classifier import Classifier
from whet.model.files import find, longest_input
from whet.model.trained import sizes
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.records import SIDES, Bools, Encoded, Examples, Ints, Side, Targets
from whet.score import cost
from whet.sentences.bilingual import said
from whet.system import runtime
from whet.training import estimate, loop
from whet.training.estimate import Engine, Speed, Times, Workload
from whet.training.probe import Probed, probe
from whet.training.words import STATES, expected_ids, used_ids

SAMPLE = 512  # texts of each side whose tokens are counted, evenly spread over all lengths
SAVING = 2.0  # seconds for canaries, card and metrics
DISK_RATE = 200e6  # bytes a second of a slow disk
WEIGHT = 4  # bytes


@dataclass(frozen=True, slots=True)
class Sampled:
    """Tokens of some texts of each side, and what it took to have them."""

    encoded: dict[Side, Encoded]
    targets: Targets  # of the sampled training texts
    seconds_per_character: float

    @property
    def lengths(self) -> dict[Side, Ints]:
        return {side: tokens_of(encoded) for side, encoded in self.encoded.items()}

    @property
    def counts(self) -> dict[Side, Ints]:
        """In how many sequences the texts of a side are, where any has several."""
        divided = {side: encoded for side, encoded in self.encoded.items() if encoded.documents is not None}
        return {side: counts_of(encoded) for side, encoded in divided.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """A model of the job, what there is to do and how fast it is done here."""

    asked: Asked
    classifier: Classifier
    cutter: Cutter
    work: Workload
    probed: Probed
    words: int
    """Bytes of the word table's rows in training, that all training texts use and the sample does not."""
    started: float

    @property
    def engine(self) -> Engine:
        return Engine(self.asked.resolved.settings.model, self.probed.speed)

    @property
    def times(self) -> Times:
        return estimate.times(self.work, self.probed.speed, self.asked.resolved.settings)


def measure(
    asked: Asked, classifier: Classifier, cutter: Cutter, started: float, *, most: float = math.inf
) -> Measured:
    """Counts the work and times a few steps, for a small share of the job, of its budget or of `most`
    seconds. `started`: time.monotonic() at the start of the job."""
    settings = asked.resolved.settings
    sampled = sample(asked, cutter)
    work = workload(asked, sampled, classifier, started)
    recipe = loop.recipe_of(settings, kind=asked.labels.kind)
    steps = loop.count_steps(work.lessons, recipe)
    if settings.budget is not None:
        most = min(most, durations.seconds(settings.budget, where="--budget"))

    def expected(speed: Speed) -> float:
        return min(most, estimate.times(work, speed, settings).total)

    probed = probe(classifier, sampled.encoded["train"], sampled.targets, recipe, steps=steps, expected=expected)
    work = dataclasses.replace(work, spent=time.monotonic() - started)  # the probe is part of the job
    return Measured(asked, classifier, cutter, work, probed, more_words(sampled, work, classifier), started)


def sample(asked: Asked, cutter: Cutter) -> Sampled:
    """SAMPLE texts of each side, every k-th by length, so that their mean is that of all; of train among those without
    labels too."""
    encoded: dict[Side, Encoded] = {}
    targets: Targets = np.zeros(0, np.int64)
    characters, seconds = 0, 0.0
    for side in SIDES:
        rows: Examples | None = getattr(asked.splits, side)
        if rows is None or not rows.texts or not has_answers(rows):
            continue
        texts, pairs = prepare.all_texts(asked) if side == "train" else (rows.texts, rows.pairs)
        sizes = characters_in(texts, pairs)
        count = min(SAMPLE, len(sizes))
        chosen = np.argsort(sizes, kind="stable")[((np.arange(count) + 0.5) * len(sizes) / count).astype(np.int64)]
        part = np.isin(np.arange(len(sizes)), chosen)
        began = time.perf_counter()
        encoded[side] = encode_in_memory(taken(texts, part), cutter, None if pairs is None else taken(pairs, part))
        seconds += time.perf_counter() - began
        characters += int(sizes[chosen].sum())
        if side == "train":
            targets = _targets(asked, rows, part)
    return Sampled(encoded, targets, seconds / max(1, characters))


def _targets(asked: Asked, rows: Examples, part: Bools) -> Targets:
    """What the sampled training texts are to be answered with; where some have no labels, those of others: the time of
    a step does not hang on them."""
    if len(part) == len(rows.texts):
        return targets_of(select(rows, part), asked.labels)
    count = int(part.sum())
    known = targets_of(select(rows, np.arange(len(rows.texts)) < count), asked.labels)
    found: Targets = known[np.arange(count) % len(known)]
    return found


def characters_in(texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
    """Of each text [B], of a pair those of both."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    return sizes if pairs is None else sizes + np.fromiter(map(len, pairs), np.int64, len(pairs))


def workload(asked: Asked, sampled: Sampled, classifier: Classifier, started: float) -> Workload:
    """What the job has to do, counted."""
    rows = {side: len(getattr(asked.splits, side).texts) for side in sampled.encoded}
    given: dict[Side, Examples] = {side: getattr(asked.splits, side) for side in sampled.encoded}
    characters = {side: int(characters_in(each.texts, each.pairs).sum()) for side, each in given.items()}
    every = sum(characters.values())
    if asked.teaching is not None and asked.teaching.further is not None:
        every += int(characters_in(asked.teaching.further.texts, asked.teaching.further.pairs).sum())
    tokens, cheap, nbsvm = sampled.seconds_per_character * every, 0.0, 0.0
    if asked.resolved.settings.near_duplicates and asked.resolved.settings.budget is None:
        tokens += near.expected_seconds(sum(rows.values()), sum(characters.values()))
    if has_baseline(asked):
        assert asked.splits.test is not None
        train, test = asked.cheap, asked.splits.test
        expected = cost.seconds(train.texts, asked.labels, second=train.pairs)
        cheap, nbsvm = expected.of(test.texts, test.pairs), expected.nbsvm
    saving = SAVING + weights(classifier) / DISK_RATE
    spent = time.monotonic() - started
    doubtful = asked.labels.kind == "one"
    of_all, of_these = (0.0, cheap) if asked.whole is None else (cheap, 0.0)
    further, each_text = (0, 0.0) if asked.teaching is None else (asked.teaching.rows, asked.teaching.seconds)
    return Workload(
        rows, sampled.lengths, spent, tokens + of_these, saving, cheap, nbsvm, of_all, sampled.counts, doubtful,
        further, each_text,
    )  # fmt: skip


def more_words(sampled: Sampled, work: Workload, classifier: Classifier) -> int:
    """Bytes in training of the words that the sampled texts do not use and the others do."""
    table = classifier.model.get_input_embeddings().weight
    if not table.requires_grad:
        return 0
    ids = sampled.encoded["train"]
    more = expected_ids(ids, work.lessons, len(table)) - len(used_ids(ids, len(table)))
    return STATES * WEIGHT * more * int(table.shape[1])


def has_baseline(asked: Asked) -> bool:
    """Whether the cheap baselines will be scored."""
    return asked.resolved.settings.baseline and asked.splits.test is not None


def has_lighter(asked: Asked) -> bool:
    """Whether there is a lighter model than the job's, with the words of its texts."""
    settings = asked.resolved.settings
    if settings.model == "embedded" or not embedded.is_installed():
        return False
    cutter = prepare.cutter_of(find("embedded"), settings, runtime.usable_cache())
    return not fit(cutter, asked.splits.train.texts).poor


def lighter(measured: Measured) -> Measured | None:
    """The same job with the embedded model, timed here; None where there is none for its texts."""
    asked = measured.asked
    if not has_lighter(asked):
        return None
    files = find("embedded")
    resolved = asked.resolved
    reason = said({"budget": resolved.settings.budget}, "by a budget")
    longest = min(resolved.settings.max_length, longest_input(files.folder))
    other = dataclasses.replace(estimate.of_model(resolved.settings, "embedded"), max_length=longest)
    for name, value in estimate.changed(resolved.settings, other).items():
        resolved = resolved.with_value(name, value, reason)
    asked = dataclasses.replace(asked, resolved=resolved, encoder=files)
    cutter = prepare.cutter_of(files, resolved.settings, runtime.usable_cache(), pair=asked.is_pair)
    seed = resolved.settings.seed
    classifier, _ = classifiers.fresh(files, asked.labels, asked.machine, resolved.settings, seed=seed)
    return measure(asked, classifier, cutter, measured.started)


def weights(classifier: Classifier) -> int:
    """Their bytes."""
    return WEIGHT * sizes(classifier.model)[1]


def trained_weights(classifier: Classifier) -> int:
    """Bytes of those that are trained."""
    return WEIGHT * sizes(classifier.model)[0]
