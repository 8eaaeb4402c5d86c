"""The members of an ensemble as one model, as `outcome` asks it, of whatever kind they are. Loads no torch.

Sizes in comments: M members, B rows, C labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from whet.artifacts import ensemble
from whet.artifacts.ensemble import Ensemble
from whet.jobs.outcome import Model, Scored
from whet.prediction.predictor import Predictor
from whet.preparing.given import Given
from whet.records import Bools, Evaluation, Floats, Ints, Side, StepRecord, Usage
from whet.report import card
from whet.runs import divided
from whet.runs.members import Member
from whet.runs.run_folder import RunFolder
from whet.score.judge import judge, probabilities
from whet.score.metrics import as_json
from whet.sentences.bilingual import Bilingual

Answer = Callable[[Side, Bools | None], Floats]
"""Logits [B, C] of a side, or of some of its rows, by one member."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a member answered to the rows that it has not learnt from."""

    member: Member
    logits: Floats  # [B, C]
    last: StepRecord
    """Of its training."""
    seconds: float
    """That the answers took."""


@dataclass(slots=True)
class Combined:
    """`one`: what is alike of all members. `loaded`: those as they were saved, without a temperature."""

    one: Model
    given: Given
    held: Sequence[Held]
    loaded: Ensemble
    answer: Sequence[Answer]
    temperature: float | None = None
    each: dict[Side, Floats] = field(default_factory=dict)
    """Side to what each member answered [M, B, C], of the sides that were asked whole."""

    @property
    def linear(self) -> bool:
        return self.one.linear

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self.one.thresholds

    @property
    def by_heart(self) -> bool:
        return self.one.by_heart

    @property
    def pack_tokens(self) -> int:
        return self.one.pack_tokens

    def logits(self, side: Side, rows: Bools | None = None) -> Floats:
        answers = np.stack([answer(side, rows) for answer in self.answer])
        if rows is None:
            self.each[side] = answers
        return ensemble.averaged(list(answers), self.temperature)

    def cool(self, temperature: float) -> None:
        self.temperature = temperature

    def save(self, folder: Path, usage: Usage, metrics: Mapping[str, Any]) -> None:
        given, names = self.given, [each.member.name for each in self.held]
        text = card.write_ensemble(given.settings, given.labels, metrics, given.inputs, given.test)
        ensemble.save(dataclasses.replace(self.loaded, usage=usage), names, card=text)

    @contextmanager
    def answering(self, folder: Path, usage: Usage) -> Iterator[Predictor]:
        yield Predictor(
            dataclasses.replace(self.loaded, usage=dataclasses.replace(usage, temperature=self.temperature))
        )

    def sizes(self, side: Side) -> Ints:
        return self.one.sizes(side) * len(self.held)

    def to_look_at(self) -> int:
        """None of folds: all rows are answered by models that have not learnt from them."""
        return 0 if self.given.folds is not None else self.one.to_look_at()

    def guess(self) -> float:
        return self.one.guess()

    def advice(self) -> Bilingual:
        return self.one.advice()

    def memory(self) -> int | None:
        return self.one.memory()

    def members(
        self, folder: RunFolder, validation: Floats | None, thresholds: Mapping[str, float]
    ) -> dict[str, object]:
        """The part of metrics.json: what each member came to, and their mean and spread. Of folds out_of_fold.parquet
        is written too."""
        given, folds, shown = self.given, self.given.folds, []
        for place, each in enumerate(self.held):
            told: dict[str, Any] = {"name": each.member.name, "seed": each.member.seed}
            told |= {} if each.member.fold is None else {"fold": each.member.fold + 1}
            if validation is not None:
                rows = slice(None) if folds is None else folds == each.member.fold
                told["validation"] = self._scores("validation", each.logits, rows, thresholds)
            if "test" in self.each:
                told["test"] = self._scores("test", self.each["test"][place], slice(None), thresholds)
            shown.append(told)
        if folds is not None and validation is not None:
            rows_there, answers = given.learnt["validation"], probabilities(validation, given.labels)
            divided.write_out_of_fold(folder, rows_there, given.labels, answers, thresholds, folds)
        spread = {side: _spread([told[side] for told in shown]) for side in ("validation", "test") if side in shown[0]}
        settings = given.settings
        return {
            "ensemble": {"folds": settings.folds, "seeds": settings.seeds, "members": shown, "spread": spread}
        }  # fmt: skip

    def _scores(
        self, side: Side, logits: Floats, rows: Bools | slice, thresholds: Mapping[str, float]
    ) -> dict[str, float | int]:
        """With the thresholds and the temperature of all together."""
        targets, labels = self.given.sides[side].targets[rows], self.given.labels
        cooled = ensemble.averaged([logits], self.temperature)
        metrics, loss = judge(cooled, targets, labels, thresholds, self.given.settings.metric)
        told = {**as_json(metrics), "loss": loss}
        return {name: value for name, value in told.items() if isinstance(value, int | float)}


def left_out(given: Given, held: Sequence[Held]) -> Scored | None:
    """The rows that members have not learnt from, all of one side, with the mean of what these answered. None where
    there are no such rows."""
    if "validation" not in given.sides:
        return None
    targets, labels = given.sides["validation"].targets, given.labels
    if given.folds is None:
        logits = ensemble.averaged([each.logits for each in held], None)
    else:
        seeds = dict.fromkeys(each.member.seed for each in held)
        by_seed = {seed: np.zeros((len(targets), len(labels))) for seed in seeds}
        for each in held:
            by_seed[each.member.seed][given.folds == each.member.fold] = each.logits
        logits = ensemble.averaged(list(by_seed.values()), None)
    metrics, loss = judge(logits, targets, labels, None, given.settings.metric)
    last, seconds = held[-1].last, sum(each.seconds for each in held)
    return Scored(Evaluation("validation", last.step, last.epoch, loss, metrics, seconds), logits, targets)


def all_steps(held: Sequence[Held]) -> StepRecord:
    """The trainings of all members as one."""
    last = [each.last for each in held]
    return dataclasses.replace(
        last[-1],
        step=sum(each.step for each in last),
        steps=sum(each.steps for each in last),
        tokens=sum(each.tokens for each in last),
        train_seconds=sum(each.train_seconds for each in last),
    )


def _spread(scores: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (of a sample) of each score that all members have."""
    names = [name for name in scores[0] if name != "rows" and all(name in each for each in scores)]
    found = {}
    for name in names:
        values = np.array([each[name] for each in scores], dtype=np.float64)
        deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        found[name] = {"mean": float(values.mean()), "deviation": deviation}
    return found
