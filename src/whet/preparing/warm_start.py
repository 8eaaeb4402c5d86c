"""A run that a training goes on from: it must be finished and as it was saved, and its texts are seen as there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.artifacts import sidefile
from whet.disk import durable
from whet.errors import ModelError
from whet.runs import naming, run_folder
from whet.sentences.bilingual import said
from whet.settings import meaningless, values
from whet.settings.config import Resolved

READ_ALIKE = ("max_length", "truncation")


def of_run(resolved: Resolved) -> tuple[Resolved, list[str]]:
    """The same, where `model` names a run or its model with that run looked at, and what must be said: it must be
    finished and as it was saved. `last` becomes the run that it stands for today; what is seen of a long text is as
    there, unless it was asked for, for that is how its weights read. Raises ModelError."""
    resolved = _found(resolved)
    model = resolved.settings.model
    side, told = sidefile.of_model(model) or {}, list[str]()
    if sidefile.kind_of(side) == meaningless.LINEAR:
        todo = "Give --model linear to fit another one, or name a fine-tuned run"
        raise ModelError(f"{model} is a linear model, from which no training goes on", where="--model", todo=todo)
    if side.get("kind") == "ensemble":
        todo = f"Name one of its models: {sidefile.folder_of(model)}/{side['members'][0]}"
        raise ModelError(f"{model} is an ensemble, from which no training goes on", where="--model", todo=todo)
    if side:
        resolved, told = alike(resolved, side, model)
    return resolved, told


def alike(resolved: Resolved, side: Mapping[str, Any], model: str) -> tuple[Resolved, list[str]]:
    """The same, with what is seen of a long text as the side file of `model` has it, and what must be said."""
    told = list[str]()
    for name in READ_ALIKE:
        if resolved.reasons[name] == "default" and side[name] != getattr(resolved.settings, name):
            resolved = resolved.with_value(name, side[name], said({"model": model}, "as in the run"))
            facts = {"name": name, "value": side[name], "model": model, "flag": name.replace("_", "-")}
            told.append(said(facts, "set as in the run"))
    return resolved, told


def _found(resolved: Resolved) -> Resolved:
    """The same with the run that `model` names."""
    model = resolved.settings.model
    path = values.folder(model)
    is_last = model == "last" and not path.exists()
    if not (is_last or path.parts[:1] == naming.FOLDER.parts or (path.is_dir() and (path / "run.json").is_file())):
        return resolved
    run = run_folder.find(model, where="--model", adapted=True)
    if not run.bare and not run.finished:
        todo = "Let it end first: its command in run.json goes on with it"
        raise ModelError(f"{run.path} is not a finished run", where="--model", todo=todo)
    wrong = durable.damage(run.model)
    if wrong is not None:
        todo = "Restore the file, or name another run"
        raise ModelError(f"changed or damaged after it was saved: {wrong}", where=str(run.model), todo=todo)
    return resolved.with_value("model", str(run.path), "last") if is_last else resolved
