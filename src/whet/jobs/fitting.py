"""The second half of the story of a linear model: fit; `outcome` evaluates and saves. `story.follow` tells the first.

Loads no torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from whet.artifacts import ensemble, tfidf
from whet.artifacts.tfidf import LinearArtifact
from whet.data.doctor.look import as_json
from whet.data.rows import select
from whet.data.targets import has_answers, targets_of
from whet.errors import DataError, Interrupted
from whet.forecast import Plan
from whet.jobs import outcome, refit
from whet.jobs.combined import Combined, Held, all_steps, left_out
from whet.jobs.linear import Answered, Fit, best, learnable
from whet.labels import LabelSet
from whet.preparing import examine
from whet.preparing.given import Given, Rows
from whet.preparing.prepare import Asked
from whet.records import SIDES, Bools, Evaluation, Examples, Notice, Side, Stage, StepRecord, Targets, Usage
from whet.runs import divided
from whet.runs.members import members_of
from whet.runs.run_folder import RunFolder
from whet.score import baseline, linear
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.sentences.bilingual import joined, said
from whet.system.interruption import Interruption
from whet.training.team import Alone


def fit_and_save(
    folder: RunFolder, asked: Asked, plan: Plan | None, team: Alone
) -> Iterator[Stage | Notice | Evaluation]:
    """Fits, scores and saves; metrics.json, written last, ends the run. Stopped, the job begins anew."""
    interruption = Interruption()
    try:
        with interruption.heard(), interruption.at_once():
            given = yield from _given(folder, asked, plan, team)
            yield from (_fitted if given.folds is None else _folded)(folder, given, asked)
    except Interrupted as fault:
        raise type(fault)(fault.saw, todo="The same command starts anew") from None


def _given(folder: RunFolder, asked: Asked, plan: Plan | None, team: Alone) -> Generator[Stage | Notice, None, Given]:
    """The rows of the job; its splits and findings are written."""
    splits, labels, settings = asked.splits, asked.labels, asked.resolved.settings
    for notice in asked.said:  # told before there was a folder to write to
        folder.log(notice)
    if plan is not None:
        folder.log(plan)
    divided.write_splits(folder, splits, asked.folds)
    checked, leaks = examine.of_job(asked, {}, None)
    folder.write("findings.json", as_json(checked))
    for finding in checked.findings:
        if finding.code == "near_in_train":
            yield folder.log(Notice(joined(finding.message, finding.todo), "warning"))
    rows: dict[Side, Examples] = {side: each for side in SIDES if (each := getattr(splits, side)) is not None}
    sides = {side: Answered(targets_of(each, labels)) for side, each in rows.items() if has_answers(each)}
    constant = None
    if settings.baseline and "test" in sides:
        constant = baseline.constant(sides["train"].targets, sides["test"].targets, labels)
    return Given(
        resolved=asked.resolved, inputs=asked.inputs, labels=labels, sides=sides, test=splits.test, baselines=constant,
        leaks=leaks, team=team, learnt={side: each for side, each in rows.items() if side != "test"}, folds=asked.folds,
    )  # fmt: skip


def _fitted(folder: RunFolder, given: Given, asked: Asked) -> Iterator[Stage | Notice | Evaluation]:
    splits, targets, started = asked.splits, given.sides["train"].targets, time.perf_counter()
    learnt, known, notices = learnable(splits.train, targets, given.settings.seed)
    for notice in notices:
        yield folder.log(notice)
    yield Stage("train", said({"count": len(learnt)}, "some rows"))
    judged = "validation" in given.sides
    models = linear.fit_each(learnt, known, given.labels, nbsvm=judged)
    if not models:
        raise _nothing(splits.train.source)
    seconds = time.perf_counter() - started
    present = {side: getattr(splits, side) for side in given.sides}
    rows = {side: tfidf.seen(each.texts, each.pairs) for side, each in present.items()}
    fits = [Fit(given, model, rows, name) for name, model in models.items()]
    fit, last, kept = fits[0], StepRecord(0, 0, 0.0, math.nan, 0.0, 0, seconds), None  # it takes no steps
    if splits.validation is not None and judged:
        if len(fits) > 1:
            fit, _, told = best(fits, None, given.sides["validation"].targets)
            for notice in told:
                yield folder.log(notice)
        kept = outcome.evaluate(given, fit, "validation", last, None, fit.thresholds)
        yield folder.log(kept.evaluation)
        fit, more = yield from refit.with_validation(folder, fit, splits.train, splits.validation)
        last = replace(last, train_seconds=seconds + more)
    yield from outcome.conclude(folder, fit.given, fit, last, kept, None, {})


def _model(learnt: Inputs, targets: Targets, labels: LabelSet, source: str) -> Linear:
    model = linear.fit(learnt, targets, labels)
    if model is None:
        raise _nothing(source)
    return model


def _nothing(source: str) -> DataError:
    return DataError(
        "there is nothing to learn from: no training text has a word, or all training rows have the same answer",
        where=source,
        expected="texts with words, and answers that differ",
    )


def _folded(folder: RunFolder, given: Given, asked: Asked) -> Iterator[Stage | Notice | Evaluation]:
    """A model for each fold, of the rows of the others; all together are scored and saved."""
    rows, targets, labels = asked.splits.train, given.sides["train"].targets, given.labels
    sides: dict[Side, Rows] = {**given.sides, "validation": given.sides["train"]}
    folds = given.folds
    assert folds is not None
    given = replace(given, sides=sides, learnt={"train": rows, "validation": rows})
    present: dict[Side, Examples] = {"train": rows, "validation": rows}
    if given.test is not None:
        present["test"] = given.test
    inputs: dict[Side, Inputs] = {side: tfidf.seen(each.texts, each.pairs) for side, each in present.items()}
    members, held, fits = members_of(given.settings), list[Held](), list[Fit]()
    for number, member in enumerate(members, 1):
        left: Bools = folds == member.fold
        learnt, known, notices = learnable(select(rows, ~left), targets[~left], given.settings.seed)
        for notice in notices:
            yield folder.log(notice)
        facts = {"number": number, "count": len(members), "member": member.told, "rows": len(learnt)}
        yield Stage("train", said(facts, "a member"))
        started = time.perf_counter()
        fit = Fit(given, _model(learnt, known, labels, rows.source), inputs)
        last = StepRecord(0, 0, 0.0, math.nan, 0.0, 0, time.perf_counter() - started)
        usage = Usage(given.inputs, fit.thresholds)
        tfidf.save(folder.model / member.name, fit.model, labels, card=ensemble.MEMBER_CARD, usage=usage)
        fits.append(fit)
        held.append(Held(member, fit.logits("train", left), last, 0.0))
    kept = left_out(given, held)
    assert kept is not None, "with folds there are validation rows"
    yield folder.log(kept.evaluation)
    usage = Usage(given.inputs, fits[0].thresholds)
    places = [folder.model / member.name for member in members]
    loaded = [LinearArtifact(place, fit.model, labels, usage) for place, fit in zip(places, fits, strict=True)]
    together = ensemble.Ensemble(folder.model, tuple(loaded), labels, usage)
    model = Combined(fits[0], given, held, together, [fit.logits for fit in fits])
    yield from outcome.conclude(folder, given, model, all_steps(held), kept, None, {})
