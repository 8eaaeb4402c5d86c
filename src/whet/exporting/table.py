"""Engines beside each other: how far the answers of each are from the model's own, what that costs on labelled rows,
and how fast it answers. Which of them an export answers with by itself follows from it.

Engines are asked in turn, so that all of them meet the same machine.

Sizes in comments: B rows, C labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from whet.artifacts.sidefile import SENTENCES
from whet.data.targets import targets_of
from whet.labels import LabelSet
from whet.prediction.predictor import Answering, Answers
from whet.records import Examples, Floats, Side
from whet.score.judge import judge
from whet.score.metrics import ERRORS, value
from whet.score.uncertain import of_side
from whet.sentences.bilingual import Bilingual, said

SHORT, LONG = 15, 200  # words of the texts by which engines are timed, some 20 and 260 tokens;
TIMED = {SHORT: 32, LONG: 6}  # how many of them,
ROUNDS = 3  # and how often: the fastest counts


@dataclass(frozen=True, slots=True)
class Score:
    """What an engine came to on a side."""

    rows: int
    score: float
    interval: tuple[float, float] | None
    """Of 95 %."""
    gain: float
    """The score, turned so that more is better."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An engine beside the others."""

    engine: Answers
    size: int
    """Bytes of its weights."""
    difference: float | None
    """The largest of its logits to torch's, of numbers relative; None of torch itself, and where there are no rows."""
    scores: Mapping[Side, Score]
    short: float
    """Texts a second, of SHORT words."""
    long: float
    """Of LONG words."""


def table(
    models: Mapping[Answers, Answering], rows: Mapping[Side, Examples], metric: str, sizes: Mapping[Answers, int]
) -> tuple[Measured, ...]:
    """Each of these models, of which the first is what the others are held against."""
    short, long = (speeds(models, words) for words in (SHORT, LONG))
    first = next(iter(models.values()))
    true = {side: _logits(first, each) for side, each in rows.items()}
    found = []
    for engine, model in models.items():
        gaps, scores = [], {}
        for side, each in rows.items():
            logits = true[side] if model is first else _logits(model, each)
            scores[side] = _score(logits, each, model.labels, dict(model.usage.thresholds), metric)
            scale = np.maximum(1.0, np.abs(true[side])) if model.labels.kind == "value" else 1.0
            gaps.append(float((np.abs(logits - true[side]) / scale).max()))
        gap = max(gaps) if gaps and model is not first else None
        found.append(Measured(engine, sizes[engine], gap, scores, short[engine], long[engine]))
    return tuple(found)


def speeds(models: Mapping[Answers, Answering], words: int) -> dict[Answers, float]:
    """Texts a second that each answers, of so many words."""
    known = " ".join(SENTENCES).split()
    texts = [" ".join(islice(cycle(known), start, start + words)) for start in range(TIMED[words])]
    best = dict.fromkeys(models, math.inf)
    for _ in range(ROUNDS):
        for engine, model in models.items():
            pairs = None if model.usage.inputs.pair is None else texts[::-1]
            started = time.perf_counter()
            model.logits(texts, pairs)
            best[engine] = min(best[engine], time.perf_counter() - started)
    return {engine: len(texts) / seconds for engine, seconds in best.items()}


def default(found: Sequence[Measured], metric: str, most: float) -> tuple[Answers, Bilingual]:
    """The engine that answers where none is asked for, and why: int8 where on validation it loses at most so many
    points, or of an error so many percent of it."""
    measured = {each.engine: each.scores.get("validation") for each in found}
    if "int8" not in measured:
        return "onnx", said({}, "int8 not made")
    before, after = measured["torch"], measured["int8"]
    if before is None or after is None:
        return "onnx", said({}, "int8 not judged")
    loss = 100 * (before.gain - after.gain)
    if metric in (*ERRORS, "loss"):
        loss /= abs(before.gain) or 1.0
    facts = {"metric": metric, "loss": loss, "most": most, "rows": before.rows}
    if not round(loss, 6) <= most:  # nor one that is not defined; 1 row of 200 is half a point
        return "onnx", said(facts, "int8 loses")
    return "int8", said(facts, "int8 keeps")


def _logits(model: Answering, rows: Examples) -> Floats:
    return model.logits(rows.texts, rows.pairs)[0]


def _score(logits: Floats, rows: Examples, labels: LabelSet, thresholds: Mapping[str, float], metric: str) -> Score:
    targets = targets_of(rows, labels)
    scores, loss = judge(logits, targets, labels, thresholds, metric)
    gain = value(scores, loss, metric)
    reach = of_side(scores, logits, targets, labels).get(metric)
    interval = (float(reach[0]), float(reach[1])) if isinstance(reach, list) else None
    return Score(len(rows.texts), abs(gain) if metric in (*ERRORS, "loss") else gain, interval, gain)
