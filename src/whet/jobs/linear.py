"""A linear model as `outcome` asks it, and the rows that one learns from. Loads no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet.artifacts import tfidf
from whet.artifacts.tfidf import LinearArtifact
from whet.data.rows import select
from whet.data.split import draw
from whet.data.targets import classes_of
from whet.prediction.predictor import Predictor
from whet.preparing.given import Given
from whet.preparing.sides import counted
from whet.records import Bools, Examples, Floats, Ints, Notice, Side, Targets, Usage
from whet.report import card
from whet.runs.run_folder import RunFolder
from whet.score import calibration, cost
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.score.judge import judge
from whet.score.learning_curve import is_error
from whet.score.linear import SEARCH_ROWS
from whet.score.metrics import value
from whet.sentences.bilingual import Bilingual, said
from whet.system import machine


@dataclass(frozen=True, slots=True)
class Answered:
    """A side with what its rows are to be answered with. None of its texts is cut."""

    targets: Targets

    @property
    def truncated(self) -> Bools:
        return np.zeros(len(self.targets), np.bool_)


@dataclass(slots=True)
class Fit:
    """`rows`: the sides of the job as a model sees them."""

    given: Given
    model: Linear
    rows: Mapping[Side, Inputs]
    learner: str = "tfidf"
    """How it was fitted, by the name of the baseline that is fitted so."""

    @property
    def linear(self) -> bool:
        return True

    @property
    def thresholds(self) -> Mapping[str, float]:
        if self.model.thresholds is None:
            return {}
        return dict(zip(self.given.labels.names, self.model.thresholds.tolist(), strict=True))

    @property
    def by_heart(self) -> bool:
        return True  # as strongly as it is fitted, it is hardly ever wrong about a row that it has learnt from

    @property
    def pack_tokens(self) -> int:
        return 0

    def logits(self, side: Side, rows: Bools | None = None) -> Floats:
        inputs = self.rows[side]
        return self.model.logits(inputs if rows is None else inputs.take(np.flatnonzero(rows)))

    def cool(self, temperature: float) -> None:
        self.model = self.model.cooled(temperature)

    def save(self, folder: Path, usage: Usage, metrics: Mapping[str, Any]) -> None:
        given = self.given
        text = card.write_linear(given.labels, metrics, given.inputs, given.test, nbsvm=self.learner == "nbsvm")
        tfidf.save(folder, self.model, given.labels, card=text, usage=usage)

    @contextmanager
    def answering(self, folder: Path, usage: Usage) -> Iterator[Predictor]:
        yield Predictor(LinearArtifact(folder, self.model, self.given.labels, usage))

    def sizes(self, side: Side) -> Ints:
        return np.zeros(len(self.rows[side]), np.int64)  # next to nothing beside the tokens of a network

    def to_look_at(self) -> int:
        rows, asked = len(self.rows["train"]), self.given.settings.label_errors
        return 0 if asked == "none" else rows if asked == "all" else min(rows, SEARCH_ROWS)

    def guess(self) -> float:
        return math.inf  # it takes no steps, so that no loss of them says anything

    def advice(self) -> Bilingual:
        return said({}, "look at the data")

    def members(
        self, folder: RunFolder, validation: Floats | None, thresholds: Mapping[str, float]
    ) -> Mapping[str, object]:
        return {}

    def memory(self) -> int | None:
        return machine.peak()


def best(fits: Sequence[Fit], kept: Bools | None, targets: Targets) -> tuple[Fit, Floats, list[Notice]]:
    """Of some models, logistic regression first, the one with the best metric on validation, or on the rows of it that
    are kept [B], of equals the first; its logits [B, C], and what is to be said. `targets`: those of these rows. The
    logits of NB-SVM are distances: where the rows are too few to fit a temperature, nothing makes probabilities of
    them, and it is left out."""
    logits = [fit.logits("validation", kept) for fit in fits]
    found = [metric_of(fit.given, each, targets) for fit, each in zip(fits, logits, strict=True)]
    usable = [
        fit.learner != "nbsvm" or calibration.fit(each, targets, fit.given.labels).temperature is not None
        for fit, each in zip(fits, logits, strict=True)
    ]
    place = int(np.argmax(np.where(usable, found, -np.inf)))
    told = []
    if place:
        first, other = (as_told(fits[0].given, score) for score in (found[0], found[place]))
        facts = {"metric": fits[0].given.settings.metric, "first": first, "other": other}
        told.append(Notice(said(facts, "NB-SVM taken")))
    return fits[place], logits[place], told


def metric_of(given: Given, logits: Floats, targets: Targets) -> float:
    """The job's metric of logits [B, C], of which more is better. Of several labels each is judged with thresholds
    that are tuned on these very rows."""
    scores, loss = judge(logits, targets, given.labels, None, given.settings.metric)
    return value(scores, loss, str(given.settings.metric))


def as_told(given: Given, score: float) -> float:
    """A `metric_of`, where less of it is better turned back."""
    return -score if is_error(given.settings.metric) else score


def learnable(rows: Examples, targets: Targets, seed: int) -> tuple[Inputs, Targets, list[Notice]]:
    """As many of the training rows, drawn by label, as memory allows a linear model, as it sees them; their targets;
    and what is to be said where those are not all."""
    fitting = cost.fitting_rows(rows.texts, second=rows.pairs)
    if fitting == len(rows.texts):
        return dataclasses.replace(tfidf.seen(rows.texts, rows.pairs), weights=counted(rows)), targets, []
    facts = {"count": fitting, "total": len(rows.texts), "size": machine.gigabytes(cost.MOST_BYTES)}
    taken = draw(classes_of(targets), rows.row_ids, fitting, "rows of the baseline", seed)
    some = select(rows, taken)
    seen = dataclasses.replace(tfidf.seen(some.texts, some.pairs), weights=counted(some))
    return seen, targets[taken], [Notice(said(facts, "some fit TF-IDF"), "warning")]
