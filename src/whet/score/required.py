"""Scores that must be reached: what is written for them, and whether an interval reaches them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.errors import ScoreError, UsageError, did_you_mean
from whet.labels import Kind, LabelSet
from whet.records import ClassScore, Metrics, SeveralScores, ValueScores

FORM = "NAME>=NUMBER or NAME<=NUMBER, NAME[LABEL] for that of a label, several after commas"
_REQUIREMENT = re.compile(
    r"\s*(?P<name>\w+)\s*(?:\[(?P<label>.*?)\])?\s*(?P<sign>>=|<=)\s*(?P<bound>-?\d*\.?\d+(?:e-?\d+)?)\s*(?P<end>,|$)"
)
_RECORDS: Mapping[Kind, type] = {"one": Metrics, "several": SeveralScores, "value": ValueScores}
_OF_POSITIVE = ("precision", "recall", "f1")
_UNJUDGED = ("ece",)  # has no interval


@dataclass(frozen=True, slots=True)
class Requirement:
    """A score, of one label where it is named, and the bound that its interval must keep."""

    name: str
    label: str | None
    least: bool
    """Whether the bound is the least that the score may be; else the most."""
    bound: float

    def __str__(self) -> str:
        of = "" if self.label is None else f"[{self.label}]"
        return f"{self.name}{of} {'>=' if self.least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a requirement."""

    requirement: str
    score: float
    low: float
    high: float
    """The ends of the score's 95 % interval."""
    met: bool
    alone: bool
    """Whether the score itself keeps the bound."""


def parse(written: str, *, where: str = "--require") -> tuple[Requirement, ...]:
    """`accuracy>=0.9, recall[negative]>=0.85`. UsageError for anything else."""
    found, at = [], 0
    while True:
        match = _REQUIREMENT.match(written, at)
        if match is None:
            raise UsageError(f"cannot read {written[at:].strip()!r}", where=where, expected=FORM)
        found.append(Requirement(match["name"], match["label"], match["sign"] == ">=", float(match["bound"])))
        at = match.end()
        if not match["end"]:
            return tuple(found)


def check(requirements: Sequence[Requirement], labels: LabelSet, *, where: str = "--require") -> None:
    """Raises UsageError, of all of them at once, where a score or a label is none of a run with these labels."""
    faults = [fault for each in requirements if (fault := _fault(each, labels, where)) is not None]
    if faults:
        first, *more = faults
        raise UsageError(first.saw, where=where, expected=first.expected, todo=first.todo, more=more)


def judge(requirements: Sequence[Requirement], scores: Mapping[str, Any], *, where: str = "--require") -> list[Judged]:
    """Each of them by the end of the 95 % interval that is worse for it: so that the score of all rows of the kind
    reaches it, and not only that of the rows at hand. `scores` are those of a side, as in metrics.json.

    A score without an interval raises UsageError: these rows leave it undefined.
    """
    judged = []
    for each in requirements:
        intervals = scores.get("intervals", {})
        if each.label is not None:
            values = scores["classes"][each.label]
            intervals = intervals.get("classes", {}).get(each.label, {})
        else:
            values = scores
        value, interval = values.get(each.name), intervals.get(each.name)
        if value is None or interval is None:
            raise UsageError(f"{each}: these rows give this score no interval", where=where, todo="Give more rows")
        low, high = interval
        met, alone = (end >= each.bound if each.least else other <= each.bound
                      for end, other in ((low, high), (value, value)))  # fmt: skip
        judged.append(Judged(str(each), value, low, high, met, alone))
    return judged


def refusal(judged: Sequence[Judged]) -> ScoreError | None:
    """The fault of the requirements that are not met, where there are any."""
    faults = [_missed(each) for each in judged if not each.met]
    if not faults:
        return None
    first, *more = faults
    return ScoreError(first.saw, todo=first.todo, more=more)


def _missed(each: Judged) -> ScoreError:
    end = "lower" if ">=" in each.requirement else "upper"
    saw = (
        f"{each.requirement} is not met: {each.score:.4f}, of whose 95 % interval {each.low:.4f} to {each.high:.4f} "
        f"the {end} end counts"
    )
    return ScoreError(saw, todo="The score alone meets it: more rows narrow the interval" if each.alone else "")


def _known(labels: LabelSet) -> list[str]:
    """The scores of a side that have an interval."""
    floats = [field.name for field in dataclasses.fields(_RECORDS[labels.kind]) if "float" in str(field.type)]
    positive = labels.positive is not None
    never = (*_UNJUDGED, "thresholds", "asked", *(() if positive else _OF_POSITIVE))
    return sorted(name for name in floats if name not in never)


def _fault(each: Requirement, labels: LabelSet, where: str) -> UsageError | None:
    if each.label is None:
        known = _known(labels)
        if each.name in known:
            return None
        if each.name in _OF_POSITIVE and labels.kind != "value":
            todo = f"Name a label: {each.name}[{labels.names[0]}]"
        else:
            todo = did_you_mean(each.name, known)
        return UsageError(f"no score {each.name!r}", where=where, expected=f"one of {', '.join(known)}", todo=todo)
    of_labels = [field.name for field in dataclasses.fields(ClassScore) if "float" in str(field.type)]
    if labels.kind == "value":
        return UsageError(f"{each}: a regression has no labels", where=where)
    if each.name not in of_labels:
        return UsageError(f"no score {each.name!r} of a label", where=where, expected=f"one of {', '.join(of_labels)}")
    if each.label not in labels.names:
        return UsageError(
            f"no label {each.label!r}",
            where=where,
            expected=f"one of {', '.join(labels.names)}",
            todo=did_you_mean(each.label, labels.names),
        )
    return None
