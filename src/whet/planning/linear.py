"""What a job with `--model linear` will take. Loads no torch."""

from __future__ import annotations

import math
import time
from itertools import chain
from pathlib import Path

from whet.data.doctor import near
from whet.forecast import Plan, Span
from whet.labels import LabelSet
from whet.preparing.prepare import Asked
from whet.records import SIDES, Examples, Side
from whet.score import cost
from whet.score.linear import SEARCH_ROWS
from whet.settings.config import LONG
from whet.system import machine

SAVING = 2.0  # seconds for predictions, card and metrics
LOWER, UPPER = 0.5, 2.0  # times what is expected: no fit is timed (docs/log.md, 2026-11-29)
TERMS = 0.1  # different ones for each training character,
TERM = 28  # bytes of each beside its weights, of which each takes WEIGHT
WEIGHT = 8
TEXT = 1.5  # bytes in predictions.parquet and splits.parquet for a character of the test side


def plan_of(asked: Asked, folder: Path, started: float) -> Plan:
    """`folder`: where the run will be; `started`: time.monotonic() at the start."""
    settings, labels, train = asked.resolved.settings, asked.labels, asked.splits.train
    there: dict[Side, Examples] = {side: rows for side in SIDES if (rows := getattr(asked.splits, side)) is not None}
    characters = {side: sum(map(len, chain(rows.texts, rows.pairs or ()))) for side, rows in there.items()}
    scored = sum(count for side, count in characters.items() if side != "train")
    judged = asked.splits.validation is not None and not settings.folds  # it chooses between both
    expected = cost.seconds(train.texts, labels, second=train.pairs, nbsvm=judged)
    fitting, models = expected.learning, settings.folds or 1
    more = 0.0  # that is learnt from at last, of what is learnt from at first
    if judged and there["validation"].source == train.source:
        more = characters["validation"] / max(1, characters["train"])
        fitting += (1 + more) * expected.again
    if models > 1:  # each of all rows but those of a fold
        fitting, scored = (models - 1) * fitting, models * scored
    answering = expected.answering * (scored + (characters["train"] if settings.folds else 0))
    other = time.monotonic() - started + SAVING
    if settings.near_duplicates:
        other += near.expected_seconds(sum(len(rows.texts) for rows in there.values()), sum(characters.values()))
    if settings.label_errors != "none" and models == 1:
        answering += _looking(train, labels, whole=settings.label_errors == "all")
    total = fitting + answering + other
    held, available = machine.resident(), machine.memory().available
    model = _model(round((1 + more) * characters["train"]), labels, pairs=train.pairs is not None)
    cheap = round((1 + more) * cost.expected_bytes(train.texts, labels, second=train.pairs))
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
        memory=None if held is None else held + cheap + model,
        memory_there=None if held is None or available is None else held + available,
        disk=models * model + round(TEXT * scored / models),
        disk_there=machine.disk_free(folder),
        too_long=total > LONG,
        ladder=(),
        choices=(),
        probe_seconds=0.0,
        models=models,
    )


def _looking(train: Examples, labels: LabelSet, *, whole: bool) -> float:
    """Seconds of the look at training rows for wrong labels: models on parts of some of them, or of the whole."""
    if labels.kind != "one":
        return 0.0
    some = slice(None, None, 1 if whole else math.ceil(len(train.texts) / SEARCH_ROWS))
    return cost.held_back_seconds(train.texts[some], labels, second=None if train.pairs is None else train.pairs[some])


def _model(learnt: int, labels: LabelSet, *, pairs: bool) -> int:
    """Bytes of the model, in memory and on the disk, from the characters of the training rows."""
    columns = 1 if labels.kind == "one" and len(labels) == 2 else len(labels)
    weights = (cost.PAIR_FEATURES if pairs else 1) * columns * WEIGHT
    return round(TERMS * learnt * (TERM + weights))


def _span(seconds: float) -> Span:
    return Span(seconds, LOWER * seconds, UPPER * seconds)
