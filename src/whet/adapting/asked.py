"""What a job is asked for: its settings, and what they are where nobody gives them; its model and its machine."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from whet.adapting.defaults import DEFAULTS, SETTINGS
from whet.adapting.texts import Corpus, read_texts
from whet.errors import UsageError
from whet.model.files import ModelFiles, find
from whet.preparing import prepare, warm_start
from whet.records import Notice, Stage
from whet.sentences.bilingual import said
from whet.settings import values
from whet.settings.config import Resolved, Settings, check_value
from whet.settings.meaningless import LINEAR
from whet.system import runtime
from whet.training.few import epochs_of

STEPS = 500  # at least, over few texts


@dataclass(frozen=True, slots=True)
class Asked:
    """A job whose texts, model and machine are settled."""

    corpus: Corpus
    resolved: Resolved
    machine: runtime.Runtime
    files: ModelFiles
    said: tuple[Notice, ...]


def settle(model: str, given: Sequence[object], resolved: Resolved) -> Generator[Stage | Notice, None, Asked]:
    """Reads the texts, and settles model and machine. UsageError for settings that this job does not know, ModelError
    for a model that cannot be had."""
    _check(resolved)
    resolved = resolved.with_value("model", check_value("model", model), "given")
    for name, value in DEFAULTS.items():
        if resolved.reasons[name] == "default":
            resolved = resolved.with_value(name, value, said({}, "for adapting"))
    if model == LINEAR:
        raise UsageError("a linear model has no tokens to be hidden", where="MODEL", expected="a transformer")
    resolved, _ = warm_start.of_run(resolved)
    if model not in ("auto", "last"):
        find(resolved.settings.model)  # what cannot be had is said before minutes of reading
    yield Stage("check")
    corpus = read_texts(given, resolved.settings)
    told = [Notice(notice) for notice in corpus.notices]
    yield from told
    yield Stage("model")
    machine = prepare.machine_for(resolved)
    resolved, files, notices = prepare.choose_model(resolved, corpus.train, machine.device)
    chosen = [Notice(prepare.device_line(machine, runtime.ALONE)), *notices]
    yield from chosen
    return Asked(corpus, resolved, machine, files, (*told, *chosen))


def enough_steps(resolved: Resolved, windows: int) -> tuple[Resolved, list[Notice]]:
    """The same with as many epochs as make STEPS steps, unless somebody chose them or there is a budget, and what must
    be said."""
    settings = resolved.settings
    epochs = epochs_of(settings, windows, STEPS)
    if epochs == settings.epochs or resolved.reasons["epochs"] == "given" or settings.budget is not None:
        return resolved, []
    facts = {"epochs": epochs, "windows": windows, "steps": STEPS}
    reason = said({"steps": STEPS}, "steps for few rows")
    return resolved.with_value("epochs", epochs, reason), [Notice(said(facts, "few windows"))]


def told_apart(resolved: Resolved) -> list[str]:
    """What the digest of a job is taken of beside its settings, texts and model: that as many epochs as the default
    were chosen by somebody, for `enough_steps` may make the default more."""
    settings = resolved.settings
    chosen = resolved.reasons["epochs"] == "given" and settings.budget is None
    return ["epochs given"] if chosen and settings.epochs == DEFAULTS["epochs"] else []


def check_warmup(settings: Settings, steps: int) -> None:
    """Raises UsageError where the learning rate would never reach its peak."""
    if settings.warmup > max(1, steps) and settings.budget is None:
        raise UsageError(
            f"{settings.warmup:g} steps of warm-up in a training of {steps}", where="--warmup",
            expected=f"at most {steps}, or a share of them such as 0.06",
        )  # fmt: skip


def _check(resolved: Resolved) -> None:
    """Raises UsageError for settings that mean nothing here."""
    other = [name for name, reason in resolved.reasons.items() if reason != "default" and name not in SETTINGS]
    if other:
        raise UsageError(
            f"{', '.join(f'{name}={values.shown(getattr(resolved.settings, name))}' for name in other)}",
            where="adapt",
            expected=f"settings of a training without labels: {', '.join(SETTINGS)}",
        )
