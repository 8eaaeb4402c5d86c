"""`--model auto` within a budget: of the fine-tuned network and of linear models the one that is best on validation.
Loads no torch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator

from whet.artifacts import tfidf
from whet.data.doctor.copies import rows_in
from whet.data.doctor.part import part_of
from whet.data.targets import targets_of
from whet.jobs import refit
from whet.jobs.linear import Answered, Fit, as_told, best, metric_of
from whet.jobs.outcome import Model, Scored
from whet.preparing.given import Given, Rivals
from whet.records import Notice, Side, Splits
from whet.runs import divided, run_folder
from whet.runs.run_folder import RunFolder
from whet.score import baseline
from whet.score.features import Inputs
from whet.score.judge import judge
from whet.score.leaks import Leaks
from whet.sentences.bilingual import said
from whet.settings.meaningless import LINEAR

# Of the time that is left may go, as far as can be told,
REFIT = 0.25  # into a linear model that learns once more,
SHARE = 0.5  # and of what is left then into its answers to all test rows.


def chosen(
    folder: RunFolder, job: Given, network: Model, rivals: Rivals, kept: Scored, left: float
) -> Generator[Notice, None, tuple[Given, Model, Scored]]:
    """The job, the model and its validation side as they go on; run.json says where that is a linear one. `kept`: the
    validation side, scored with the network. Of several labels both are judged with thresholds tuned on these very
    rows, as the network's are anyway. `left`: seconds in which all must be over."""
    given, validation = _of_linear(job), job.learnt["validation"]
    seen = tfidf.seen(validation.texts, validation.pairs)
    fits = [Fit(given, model, {"validation": seen}, name) for name, model in rivals.models.items()]
    started = time.perf_counter()
    fit, logits, told = best(fits, kept.rows, kept.targets)
    each = (time.perf_counter() - started) / len(fits) / len(kept.targets)
    for notice in told:
        yield folder.log(notice)
    mine, theirs = metric_of(job, logits, kept.targets), metric_of(job, kept.logits, kept.targets)
    metric, model, wins = str(job.settings.metric), job.settings.model, mine > theirs
    facts = {"metric": metric, "linear": as_told(job, mine), "fine_tuned": as_told(job, theirs), "model": model}
    yield folder.log(Notice(said(facts, "linear handed out" if wins else "network handed out")))
    auto = facts | {"chosen": LINEAR if wins else "fine-tuned"}
    if not wins:
        return dataclasses.replace(job, auto=auto), network, kept
    run_folder.amend(folder, "model", LINEAR, said(facts, "better on validation"))
    given = dataclasses.replace(given, auto=auto)
    refits = rivals.seconds <= REFIT * left
    if rivals.whole is not None:
        answered = SHARE * (left - refits * rivals.seconds) / each
        given = _with_all_rows(folder, given, rivals, rivals.whole, answered=answered)
    if refits:
        fit = dataclasses.replace(fit, given=given)
        fit, _ = yield from refit.with_validation(folder, fit, rivals.learnt, validation)
        given = fit.given
    rows: dict[Side, Inputs] = {"validation": seen}
    if given.test is not None:
        rows["test"] = tfidf.seen(given.test.texts, given.test.pairs)
    fit = dataclasses.replace(fit, given=given, rows=rows)
    metrics, loss = judge(logits, kept.targets, job.labels, fit.thresholds, job.settings.metric)
    evaluation = dataclasses.replace(kept.evaluation, metrics=metrics, loss=loss)
    return given, fit, dataclasses.replace(kept, evaluation=evaluation, logits=logits)


def _of_linear(job: Given) -> Given:
    """The job as one of the linear model: it cuts no text, and is no rival of itself."""
    cheap = job.baselines
    if cheap is not None:
        others = {name: answers for name, answers in cheap.answers.items() if name not in ("tfidf", "nbsvm")}
        cheap = dataclasses.replace(cheap, tfidf=None, nbsvm=None, answers=others)
    return Given(
        resolved=job.resolved, inputs=job.inputs, labels=job.labels, test=job.test, baselines=cheap, leaks=job.leaks,
        sides={side: Answered(rows.targets) for side, rows in job.sides.items()}, team=job.team, budget=job.budget,
        learnt=job.learnt,
    )  # fmt: skip


def _with_all_rows(folder: RunFolder, given: Given, rivals: Rivals, whole: Splits, *, answered: float) -> Given:
    """The job with the rows that a budget took from the network alone: those of train, from which the linear model has
    learnt, and those of test, where they are no more than it answers in time (`answered`). splits.parquet and run.json
    have them."""
    settings, test = given.settings, given.test
    if settings.train_rows != rivals.rows["train_rows"]:
        run_folder.amend(folder, "train_rows", rivals.rows["train_rows"], said({}, "all rows for the linear model"))
    if settings.test_rows != rivals.rows["test_rows"] and whole.test is not None and len(whole.test.texts) <= answered:
        test = whole.test
        run_folder.amend(folder, "test_rows", rivals.rows["test_rows"], said({}, "all rows answered"))
    divided.write_splits(folder, dataclasses.replace(whole, test=test))
    assert test is not None, "there are baselines"
    known, true = targets_of(whole.train, given.labels), targets_of(test, given.labels)
    exact = rows_in(part_of("test", test), part_of("train", whole.train))
    return dataclasses.replace(
        given, test=test, baselines=baseline.constant(known, true, given.labels), leaks=Leaks(exact, None),
        sides={**given.sides, "train": Answered(known), "test": Answered(true)},
        learnt={**given.learnt, "train": whole.train},
    )  # fmt: skip
