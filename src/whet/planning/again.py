"""A job that goes on: what was settled when it began holds, and nothing is measured again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from whet.model import classifier as classifiers
from whet.model.files import find
from whet.planning.plan import Planned
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.preparing.teacher import with_fewer
from whet.records import Notice
from whet.runs.run_folder import Redone
from whet.sentences.bilingual import joined, said
from whet.system import runtime
from whet.training import defaults
from whet.training.checkpoints import Found
from whet.training.pace import Budget
from whet.training.team import Alone

KEPT = said({}, "as begun")


def facts_of(planned: Planned) -> dict[str, Any]:
    """What `again` needs of a job, as plain JSON; beside it the seconds that are `left` of its budget."""
    asked, budget = planned.asked, planned.budget
    machine, settings = asked.machine, asked.resolved.settings
    reasons = asked.resolved.reasons
    chosen = {name: getattr(settings, name) for name, reason in reasons.items() if reason.startswith("budget ")}
    return {
        "device": machine.device, "precision": machine.precision, "threads": machine.threads,
        "versions": runtime.versions(), "chosen": chosen,
        "budget": None if budget is None else dataclasses.asdict(budget), "nbsvm": planned.nbsvm,
        "whole": asked.whole is not None,
    }  # fmt: skip


def again(asked: Asked, team: Alone, facts: Mapping[str, Any]) -> Planned:
    """The job with the threads, the settings and what is left of the budget that it had."""
    settings = asked.resolved.settings
    machine = dataclasses.replace(asked.machine, threads=facts["threads"], threads_reason=KEPT)
    runtime.apply(machine, settings.seed)
    asked = dataclasses.replace(
        asked, machine=machine, whole=prepare.before_budget(asked) if facts.get("whole") else None
    )
    if facts["chosen"]:
        asked = _chosen(asked, facts["chosen"], said({"budget": settings.budget}, "by a budget"))
    asked = prepare.within_budget(asked)
    settings = asked.resolved.settings
    cutter = prepare.cutter_of(asked.files, settings, runtime.usable_cache(), pair=asked.is_pair)
    seed = team.seed(settings.seed)
    classifier, told = classifiers.fresh(asked.files, asked.labels, machine, settings, seed=seed)
    budget = None
    if facts["budget"] is not None:
        budget = Budget(**{**facts["budget"], "deadline": time.monotonic() + facts["left"]})
    return Planned(asked, classifier, cutter, list(map(Notice, told)), None, budget, facts.get("nbsvm", True))


def _chosen(asked: Asked, chosen: Mapping[str, Any], reason: str) -> Asked:
    resolved = asked.resolved
    for name, value in chosen.items():
        resolved = resolved.with_value(name, value, reason)
    resolved = defaults.for_few_passes(resolved, resolved.settings.epochs)  # as the budget had it
    settings = resolved.settings
    assert asked.rows is not None, "a job with a budget keeps its data"
    splits = prepare.splits_of(asked.rows, settings)
    labels = prepare.label_set_of(asked.rows, splits, settings)
    files = find(settings.model) if "model" in chosen else asked.files
    teaching = with_fewer(asked.teaching, settings) if "unlabelled_rows" in chosen else asked.teaching
    asked = dataclasses.replace(asked, resolved=resolved, splits=splits, labels=labels, encoder=files)
    return dataclasses.replace(asked, teaching=teaching)


def differences(machine: runtime.Runtime, facts: Mapping[str, Any]) -> str:
    """What is not the same here as where the job began, as a sentence; '' where all is."""
    here = {"device": machine.device, "precision": machine.precision, **runtime.versions()}
    then = {"device": facts["device"], "precision": facts["precision"], **facts["versions"]}
    changed = [
        said({"name": name, "then": then.get(name), "now": here[name]}, "then and now")
        for name in here
        if then.get(name) != here[name]
    ]
    return said({"changed": joined(*changed, between=", ")}, "not as begun") if changed else ""


def going_on(found: Found, redone: Redone) -> Notice:
    """From which step a training goes on."""
    count = redone.until - found.step
    steps = {"step": found.step, "steps": found.numbers.get("steps")}
    return Notice(said(steps | {"redone": said({"count": count}, "redone") if count else ""}, "going on"))
