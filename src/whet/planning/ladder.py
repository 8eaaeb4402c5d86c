"""The shorter ways to train, each with its time and what it is expected to cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from whet.forecast import Rung
from whet.model.classifier import Classifier
from whet.model.work import shape_of
from whet.planning.measured import Measured
from whet.settings.config import Settings
from whet.training import estimate
from whet.training.estimate import Engine, Speed

KEPT_LAYERS = 0.6  # of a shorter model
LONG = 512  # tokens, for texts of which shorter ones were measured
# What a shorter way costs in accuracy, in points, and who says so; that of epochs holds for one instead of two.
OURS = "the embedded model on 2,000 rows of IMDB, one seed: benchmarks/ladder.py"
EXPECTED: dict[tuple[str, int | None], tuple[float, str]] = {
    ("epochs", None): (-0.7, "bert-base on IMDB, one epoch against two: hub model JeffreyJIANG/bert-imdb"),
    ("layers", None): (-2.0, "BERT without 40 % of its layers on GLUE: Sajjad et al., arXiv 2004.03844"),
    ("max_length", 256): (0.3, OURS),
    ("max_length", 128): (-2.7, OURS),
    ("train_rows", None): (-2.7, OURS),
}


def ladder(measured: Measured, engines: Sequence[Engine]) -> tuple[Rung, ...]:
    """Each shorter way by itself, the longest first."""
    work, classifier, settings = measured.work, measured.classifier, measured.asked.resolved.settings
    mine = engines[0].speed
    ways: list[tuple[str, Settings, Speed]] = []
    if settings.epochs > 1:
        ways.append(("epochs", dataclasses.replace(settings, epochs=1.0), mine))
    ways += [("max_length", shorter, mine) for shorter in estimate.shorter_texts(work, settings)]
    half = max(estimate.LEAST_ROWS, work.rows["train"] // 2)
    if half < work.rows["train"]:
        ways.append(("train_rows", dataclasses.replace(settings, train_rows=half), mine))
    shorter = _fewer_layers(classifier, settings, mine)
    if shorter is not None:
        ways.append(("layers", *shorter))
    ways += [("model", estimate.of_model(settings, engine.model), engine.speed) for engine in engines[1:]]
    rungs = []
    for kind, wanted, speed in ways:
        points, source = _expected(kind, wanted, settings)
        time_ = estimate.span(estimate.times(work, speed, wanted).total, speed)
        rungs.append(Rung(estimate.changed(settings, wanted), time_, kind != "layers", points, source))
    if work.baseline:
        rungs.append(Rung({}, estimate.span(work.baseline, mine), False, None, ""))
    return tuple(sorted(rungs, key=lambda rung: -rung.time.seconds))


def _expected(kind: str, wanted: Settings, settings: Settings) -> tuple[float | None, str]:
    """Points and their source; None where nobody has measured it."""
    if kind == "epochs" and settings.epochs != 2:
        return None, ""
    if kind == "max_length" and (settings.max_length < LONG or settings.truncation == "chunks"):
        return None, ""
    return EXPECTED.get((kind, wanted.max_length if kind == "max_length" else None), (None, ""))


def _fewer_layers(classifier: Classifier, settings: Settings, mine: Speed) -> tuple[Settings, Speed] | None:
    """The job with the first layers of its model alone, and how fast that is by the arithmetic of both."""
    shape = shape_of(classifier.model.config.to_dict())
    if shape is None or shape.layers < 2 or settings.freeze is not None:  # those that are frozen are the first
        return None
    fewer = dataclasses.replace(shape, layers=max(1, round(KEPT_LAYERS * shape.layers)))
    return dataclasses.replace(settings, layers=fewer.layers), mine.scaled(shape, fewer)
