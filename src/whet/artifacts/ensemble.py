"""The model/ folder of an ensemble: a model/ folder of its own for each member, and what makes one model of them.

    model/    fold-1-seed-42/ · fold-2-seed-42/ · ... · whet.json · README.md · MANIFEST.json

Its logits are the mean of its members', divided by the temperature in its whet.json: the members' own are as they were
trained. The manifest has the members' manifests, and so all of them. Loads no torch by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from whet.artifacts import sidefile
from whet.artifacts.sidefile import CARD, NAME, Canary
from whet.disk import durable
from whet.errors import ModelError, OutputError
from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Usage

TOLERANCE, LOOSE = 1e-4, 0.05  # of the answers to the test texts, on a CPU and on a GPU
MEMBER_CARD = "# A member of an ensemble\n\nOne of the models whose answers the folder above averages.\n"


class Member(Protocol):
    """A loaded model/ folder of any kind."""

    @property
    def labels(self) -> LabelSet: ...
    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]: ...
    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints: ...
    def prove(self, *, quick: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A loaded model/ folder. `tolerance`: of its answers to its test texts."""

    folder: Path
    members: tuple[Member, ...]
    labels: LabelSet
    usage: Usage
    tolerance: float = TOLERANCE

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        """Of texts, or pairs of them, [B, C], and which of them were cut [B]."""
        answers, cut = zip(*(member.logits(texts, pairs) for member in self.members), strict=True)
        return averaged(answers, self.usage.temperature), cut[0]

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How much work each is [B], in tokens, about."""
        return self.members[0].sizes(texts, pairs) * len(self.members)

    def prove(self, *, quick: bool = False) -> None:
        """Raises ModelError unless each member answers its test texts, or the first few of them, as it did when it was
        saved, and all together these."""
        for member in self.members:
            member.prove(quick=quick)
        side = sidefile.read(self.folder)
        given = _answered(self, sidefile.canaries_of(side, quick=quick))
        sidefile.check_answers(self.folder, side, given, self.tolerance)


def averaged(answers: Sequence[Floats], temperature: float | None) -> Floats:
    """The logits [B, C] of several models as one's. In probabilities that is their geometric mean."""
    mean: Floats = np.mean(answers, axis=0)
    return mean if temperature is None else mean / temperature


def load(folder: Path, member: Callable[[Path], Member], *, tolerance: float = TOLERANCE) -> Ensemble:
    """The ensemble of a folder, verified: its files must be those that were saved, and its answers to the first test
    texts too. `member` loads one of its models. Raises ModelError otherwise."""
    side = sidefile.verified(folder)
    labels, members = sidefile.labels_of(side), tuple(member(folder / name) for name in side["members"])
    for name, each in zip(side["members"], members, strict=True):
        if each.labels.names != labels.names:
            raise ModelError(
                f"{name} has the labels {', '.join(each.labels.names)}",
                where=str(folder),
                expected=f"{', '.join(labels.names)} as in {NAME}",
                todo="Train again, or restore it",
            )
    loaded = Ensemble(folder, members, labels, sidefile.usage_of(side), tolerance)
    loaded.prove(quick=True)
    return loaded


def save(loaded: Ensemble, names: Sequence[str], *, card: str) -> None:
    """Writes what makes one model of the members, which lie in its folder under these names. Raises OutputError where
    the disk is full or locked."""
    folder = loaded.folder
    of = sidefile.read(folder / names[0])
    kept = ("max_length", "truncation", "chunks") if of["kind"] == "transformer" else ("analyzer", "ngrams")
    seen: dict[str, Any] = {"of": of["kind"], "members": list(names)} | {name: of[name] for name in kept if name in of}
    asked = sidefile.canaries_of(of)
    side = sidefile.content(
        "ensemble", seen, loaded.labels, loaded.usage, canaries=asked, logits=_answered(loaded, asked)
    )  # fmt: skip
    try:
        durable.write(folder / CARD, card)
        durable.write(folder / NAME, json.dumps(side, ensure_ascii=False, indent=1))
        inside = [path for name in names for path in (folder / name).rglob("*") if path.is_file()]
        free = [path.relative_to(folder).as_posix() for path in inside if path.name != durable.MANIFEST]
        durable.seal(folder, free=[CARD, *free])
    except OSError as fault:
        raise OutputError(
            f"cannot be saved: {fault.strerror or fault}",
            where=str(folder),
            todo="Free space or mend the disk, and give the same command again",
        ) from None


def _answered(loaded: Ensemble, canaries: Sequence[Canary]) -> Floats:
    texts, *pairs = (list(column) for column in zip(*canaries, strict=True))
    return loaded.logits(texts, pairs[0] if pairs else None)[0]
