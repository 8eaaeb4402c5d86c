"""The models of an ensemble, by fold and seed: which there are, and what a job of several models does without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from whet.data.folds import deal
from whet.disk import durable
from whet.errors import UsageError
from whet.records import Examples, Ints, Notice, Splits
from whet.sentences.bilingual import Bilingual, said
from whet.settings.config import Resolved, Settings
from whet.system.runtime import Ranks

FOLDER = "members"  # in the run folder: what is kept of each training
# What a job of several models does without, beside what it would mean to leave it out.
WITHOUT = {
    "budget": "time for all models, which nobody can share out before the first has ended",
    "learning_curve": "one model of all rows",
    "mirror": "checkpoints beside the run, for each model has its own",
    "track": "one training for a tracker to follow",
}
OF_FOLDS = {
    "validation": "each fold as the validation of the others",
    "early_stopping": "no choice on the fold that is to be scored",
    "evaluate_every": "no choice on the fold that is to be scored",
    "keep": "no choice on the fold that is to be scored: the last weights",
}
UNASKED = (None, False, "none", "last")


@dataclass(frozen=True, slots=True)
class Member:
    """One model: the fold that it has not seen, from 0, and its seed."""

    fold: int | None
    seed: int

    @property
    def name(self) -> str:
        return f"seed-{self.seed}" if self.fold is None else f"fold-{self.fold + 1}-seed-{self.seed}"

    @property
    def told(self) -> Bilingual:
        if self.fold is None:
            return said({"seed": self.seed}, "a member by seed")
        return said({"fold": self.fold + 1, "seed": self.seed}, "a member by fold")


def are_several(settings: Settings) -> bool:
    """Whether the job is one of several models."""
    return settings.folds is not None or settings.seeds > 1


def members_of(settings: Settings) -> tuple[Member, ...]:
    """In the order of their training: all folds of a seed, then the next one."""
    folds = [None] if settings.folds is None else range(settings.folds)
    return tuple(Member(fold, settings.seed + more) for more in range(settings.seeds) for fold in folds)


def count_done(model: Path, settings: Settings) -> tuple[int, int]:
    """How many of the models are trained, and how many there are to be; `model`: the folder of the ensemble."""
    names = [member.name for member in members_of(settings)]
    return sum(durable.damage(model / name) is None for name in names), len(names)


def dealt(splits: Splits, resolved: Resolved) -> tuple[Splits, Ints | None]:
    """The sides of the job, and with folds that of each training row [B], from 0. Raises DataError where the rows do
    not allow so many."""
    settings = resolved.settings
    if settings.folds is None:
        return splits, None
    reasons = {**splits.reasons, "validation": resolved.reasons["validation"]}
    return replace(splits, reasons=reasons), deal(splits.train, settings.folds, settings.seed)


def aside(settings: Settings, sides: Mapping[str, Examples]) -> Iterator[Notice]:
    """What is to be said of validation rows that the data brought and folds have no use for."""
    if settings.folds is not None and "validation" in sides:
        yield Notice(said({"name": sides["validation"].source}, "validation aside"), "warning")


def check(resolved: Resolved, ranks: Ranks) -> tuple[Resolved, list[str]]:
    """The job, and what must be said. Of several models settings that need a single one raise UsageError, but for those
    of a recipe, which nobody can take back: they are left out, and that is said."""
    settings, reasons = resolved.settings, resolved.reasons
    if not are_several(settings):
        return resolved, []
    flag = "--folds" if settings.folds is not None else "--seeds"
    if ranks.count > 1:
        expected = "a single process, which trains one model after the other"
        raise UsageError(f"{flag} in {ranks.count} processes", expected=expected, todo=f"Leave out {flag}, or torchrun")
    against = WITHOUT | (OF_FOLDS if settings.folds is not None else {})
    asked = [
        name for name in against if reasons[name] != "default" and getattr(settings, name) not in UNASKED
    ]  # fmt: skip
    refused = [name for name in asked if reasons[name] in ("given", reasons[flag[2:]])]
    if refused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in refused)
        expected = ", ".join(dict.fromkeys(against[name] for name in refused))
        raise UsageError(f"{flags} with {flag}", expected=expected, todo=f"Leave out {flags}, or {flag}")
    for name in asked:
        resolved = resolved.with_value(name, Settings.__dataclass_fields__[name].default, "default")
    if settings.folds is not None:
        resolved = resolved.with_value("validation", "none", said({}, "each fold is validation"))
        resolved = resolved.with_value("keep", "last", said({}, "no choice on a fold"))
    return resolved, [said({"names": ", ".join(asked), "flag": flag}, "left out for an ensemble")] if asked else []
