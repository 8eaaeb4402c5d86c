"""What a job with `--model linear` will take. Loads no torch."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path

from whet import machine
from whet.config import LONG
from whet.data.doctor import near
from whet.forecast import Plan, Span
from whet.labels import LabelSet
from whet.prepare import Asked
from whet.records import SIDES, Examples, Side
from whet.score import baseline
from whet.score.linear import FOLDS, SEARCH_ROWS

SAVING = 2.0  # seconds for predictions, card and metrics
LOWER, UPPER = 0.5, 2.0  # times what is expected, between which nine of ten jobs should end: no step is timed
TERMS = 0.1  # different ones for each training character,
TERM = 28  # bytes of each beside its weights, of which each takes WEIGHT
WEIGHT = 8
TEXT = 1.5  # bytes in predictions.parquet and splits.parquet for a character of the test side


def plan_of(asked: Asked, folder: Path, started: float) -> Plan:
    """`folder`: where the run will be; `started`: time.monotonic() at the start."""
    settings, labels, train = asked.resolved.settings, asked.labels, asked.splits.train
    there: dict[Side, Examples] = {side: rows for side in SIDES if (rows := getattr(asked.splits, side)) is not None}
    scored = [rows for side, rows in there.items() if side != "train"]
    texts = [text for rows in scored for text in rows.texts]
    pairs = None if train.pairs is None else (train.pairs, [text for rows in scored for text in rows.pairs or ()])
    fitting, answering = baseline.expected_parts(train.texts, texts, labels, pairs=pairs, nbsvm=False)
    characters = sum(map(len, chain.from_iterable((*rows.texts, *(rows.pairs or ())) for rows in there.values())))
    other = time.monotonic() - started + SAVING
    if settings.near_duplicates:
        other += near.expected_seconds(sum(len(rows.texts) for rows in there.values()), characters)
    answering += _looking(train, labels, fitting) if settings.label_errors != "none" else 0.0
    total = fitting + answering + other
    held, available = machine.resident(), machine.memory().available
    return Plan(
        model=settings.model,
        device=asked.machine.device,
        device_reason=asked.machine.device_reason,
        threads=asked.machine.threads,
        rows={side: len(rows.texts) for side, rows in there.items()},
        tokens=0.0,
        steps=0,
        operations=0.0,
        rate=0.0,
        training=_span(fitting),
        by_epochs={},
        evaluation=_span(answering),
        other=_span(other),
        total=_span(total),
        memory=None if held is None else held + baseline.expected_bytes(train.texts, labels, second=train.pairs),
        memory_there=None if held is None or available is None else held + available,
        disk=_disk(train, labels, sum(map(len, texts))),
        disk_there=machine.disk_free(folder),
        too_long=total > LONG,
        ladder=(),
        choices=(),
        probe_seconds=0.0,
    )


def _looking(train: Examples, labels: LabelSet, fitting: float) -> float:
    """Seconds of the look at training rows for wrong labels: models on parts of some of them."""
    if labels.kind != "one":
        return 0.0
    share = min(1.0, SEARCH_ROWS / len(train.texts))
    searched = 1.0 if len(train.texts) > SEARCH_ROWS else baseline.SEARCH_PASSES / baseline.PASSES
    return fitting * share * FOLDS / searched


def _disk(train: Examples, labels: LabelSet, scored: int) -> int:
    """Bytes of the model, of predictions and of splits."""
    terms = TERMS * sum(map(len, chain(train.texts, train.pairs or ())))
    columns = 1 if labels.kind == "one" and len(labels) == 2 else len(labels)
    weights = (1 if train.pairs is None else baseline.PAIR_FEATURES) * columns * WEIGHT
    return round(terms * (TERM + weights) + TEXT * scored)


def _span(seconds: float) -> Span:
    return Span(seconds, LOWER * seconds, UPPER * seconds)
