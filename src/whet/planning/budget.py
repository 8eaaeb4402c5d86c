"""The job that fits into a budget of time: chosen by the plan's own arithmetic, and what it gave up."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

from whet import durations
from whet.data.batches import steps_per_epoch
from whet.errors import UsageError
from whet.model import classifier as classifiers
from whet.model.dropout import set_rate
from whet.model.levels import freeze
from whet.planning.measured import Measured, has_lighter, lighter, measure, more_words, sample, workload
from whet.preparing import prepare
from whet.preparing.teacher import with_fewer
from whet.records import Side
from whet.sentences.bilingual import Bilingual, joined, said
from whet.settings.config import Resolved, Settings
from whet.system import runtime
from whet.training import defaults, estimate, loop
from whet.training.estimate import Engine, Workload
from whet.training.pace import Budget

RESERVE, RESERVED_SHARE = 2.0, 0.02  # seconds, and of a budget, that nothing is planned into
AGAIN = 0.25  # of a budget: of so long a job the second look at the speed may take its share
ALMOST = defaults.PASSES - 0.1  # passes, with what suits less than PASSES
CHEAP = 0.2  # of a budget: baselines that take no more of it learn from all rows, however few are left to the network


def within(budget: str, measured: Measured) -> tuple[Measured, Budget, Bilingual]:
    """The first job by the rule of `estimate.candidates` that is over in time, what the training is to keep
    to, and a sentence on what was given up: with the model that was asked for, else with the embedded
    one. UsageError where no job fits."""
    settings = measured.asked.resolved.settings
    seconds = durations.seconds(budget, where="--budget")
    limit = seconds - RESERVE - RESERVED_SHARE * seconds

    if 0 < measured.work.baseline <= CHEAP * limit:
        measured = _with_all_rows(measured)

    def now(work: Workload) -> Workload:
        return dataclasses.replace(work, spent=time.monotonic() - measured.started)

    others = has_lighter(measured.asked)
    found = estimate.first_fit(now(measured.work), measured.engine, settings, limit, last=not others, paced=True)
    if found is None and others:
        smaller = lighter(measured)
        assert smaller is not None, "it was found to be there"
        measured = smaller
        found = estimate.first_fit(now(measured.work), measured.engine, settings, limit, last=True, paced=True)
    if found is None:
        raise _nothing_fits(budget, now(measured.work), measured.engine, settings, limit)
    changes = found.changes
    fitting = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    few = defaults.for_few_passes(measured.asked.resolved, fitting.epochs)
    if few is not measured.asked.resolved:
        measured = _with_recipe(measured, few)
        wanted = dataclasses.replace(few.settings, epochs=min(settings.epochs, ALMOST))
        again = estimate.first_fit(now(measured.work), measured.engine, wanted, limit, last=True, paced=True)
        if again is not None:
            changes = {**estimate.changed(few.settings, wanted), **again.changes}
    whole = measured.work.rows.get("test", 0)
    chosen = _settled(measured, changes, limit, said({"budget": budget}, "by a budget"))
    traded = _traded(budget, settings, chosen.asked.resolved, measured.work, chosen.times.total)
    return chosen, _budget_of(chosen, settings.epochs, measured.started + limit, seconds, whole), traded


def _nothing_fits(budget: str, work: Workload, engine: Engine, settings: Settings, limit: float) -> UsageError:
    least = estimate.shortest(work, engine, settings, max(limit, 1.0))
    needed = durations.written(1.1 * (least + RESERVE) / (1 - RESERVED_SHARE))  # its own plan may take longer
    return UsageError(
        f"not even the smallest job with {engine.model} would be over in {budget}",
        where="--budget",
        expected=f"about {needed} on this machine",
        todo=f"Give --budget {needed}, or fewer rows with --train-rows and --test-rows",
    )


def _with_recipe(measured: Measured, resolved: Resolved) -> Measured:
    """The same job, trained otherwise; its steps are taken to be as fast as those that were timed."""
    settings, model = resolved.settings, measured.classifier.model
    if settings.dropout is not None:
        set_rate(model, settings.dropout)
    if settings.freeze is not None:
        freeze(model, settings.freeze)
    asked = dataclasses.replace(measured.asked, resolved=resolved)
    return dataclasses.replace(measured, asked=asked, words=0 if settings.freeze else measured.words)


def _with_all_rows(measured: Measured) -> Measured:
    """The same, whose baselines learn from the rows that there are now."""
    asked, work = measured.asked, measured.work
    work = dataclasses.replace(work, preparing=work.preparing - work.baseline, whole=work.baseline)
    return dataclasses.replace(
        measured, asked=dataclasses.replace(asked, whole=prepare.before_budget(asked)), work=work
    )


def _settled(measured: Measured, changes: Mapping[str, object], limit: float, reason: str) -> Measured:
    """The job as it was chosen. What is known of long texts tells too little of short ones: where they
    were cut the speed is measured anew, and more is given up if it has to be."""
    chosen = _as_chosen(measured, changes, reason)
    while {"max_length", "truncation"} & changes.keys():
        chosen = measure(chosen.asked, chosen.classifier, chosen.cutter, measured.started, most=AGAIN * limit)
        settings = chosen.asked.resolved.settings
        found = estimate.first_fit(chosen.work, chosen.engine, settings, limit, last=True, paced=True)
        if found is None or not found.changes:
            break  # where it does not fit it is shortened while it runs
        changes = found.changes
        chosen = _as_chosen(chosen, changes, reason)
    return dataclasses.replace(chosen, asked=prepare.within_budget(chosen.asked))


def _as_chosen(measured: Measured, changes: Mapping[str, object], reason: str) -> Measured:
    """The job with other settings: what hangs on them is split, cut and loaded anew."""
    asked, classifier = measured.asked, measured.classifier
    resolved, splits, labels = asked.resolved, asked.splits, asked.labels
    for name, value in changes.items():
        resolved = resolved.with_value(name, value, reason)
    settings = resolved.settings
    if {"train_rows", "test_rows"} & changes.keys():
        assert asked.rows is not None, "a job with a budget keeps its data"
        splits = prepare.splits_of(asked.rows, settings)
        labels = prepare.label_set_of(asked.rows, splits, settings)
    if labels != asked.labels:  # fewer rows may leave a label out
        classifier, _ = classifiers.fresh(asked.files, labels, asked.machine, settings, seed=settings.seed)
        asked = dataclasses.replace(asked, whole=None)  # it has the label, which would have no number
    teaching = with_fewer(asked.teaching, settings) if "unlabelled_rows" in changes else asked.teaching
    asked = dataclasses.replace(asked, resolved=resolved, splits=splits, labels=labels, teaching=teaching)
    cutter = prepare.cutter_of(asked.files, settings, runtime.usable_cache(), pair=asked.is_pair)
    sampled = sample(asked, cutter)
    work = workload(asked, sampled, classifier, measured.started)
    words = more_words(sampled, work, classifier)
    return Measured(asked, classifier, cutter, work, measured.probed, words, measured.started)


def _budget_of(chosen: Measured, epochs: float, deadline: float, seconds: float, whole: int) -> Budget:
    """What the chosen job is to keep to, that may have up to so many epochs where there is time for them."""
    found, rows, settings = chosen.times, chosen.work.rows, chosen.asked.resolved.settings
    recipe = loop.recipe_of(settings)
    steps = loop.count_steps(chosen.work.lessons, recipe)
    each: dict[Side, float] = {"validation": found.validation / max(1, found.looks), "test": found.test}
    there: tuple[Side, ...] = ("validation", "test")
    return Budget(
        deadline=deadline,
        step=found.training / steps,
        evaluation={side: each[side] for side in there if side in rows},
        rows={side: rows[side] for side in there if side in rows},
        most=estimate.TESTED_SHARE * seconds,
        saving=chosen.work.saving,
        every=estimate.interval(settings, steps_per_epoch(chosen.work.lessons, settings.batch_size)),
        whole=whole,
        most_steps=loop.count_steps(chosen.work.lessons, dataclasses.replace(recipe, epochs=epochs)),
        curve=found.curve,
    )


def _traded(budget: str, asked: Settings, chosen: Resolved, work: Workload, seconds: float) -> Bilingual:
    """The sentence on what a job lost to its budget, and on what suits the rest."""
    every = {"train_rows": work.rows["train"], "test_rows": work.rows.get("test", 0)}
    every["unlabelled_rows"] = work.further
    parts, suited, changes = [], defaults.suited_to_few_passes(chosen), estimate.changed(asked, chosen.settings)
    for name, value in changes.items():
        before = getattr(asked, name)
        change = {"name": name, "value": _short(value), "before": _short(before)}
        if name in every and before is None:
            parts.append(said({**change, "count": every[name]}, "instead of all"))
        elif value is not None and name not in suited:
            parts.append(said(change, "instead of"))
    facts = {"budget": budget, "changes": joined(*parts, between=", "), "seconds": seconds}
    told = said(facts, "traded" if parts else "fits the budget")
    return joined(told, defaults.told_of_few_passes(chosen)) if changes.keys() & suited else told


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
