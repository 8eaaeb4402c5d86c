"""`--model auto` within a budget: of the fine-tuned network and of linear models the one that is best on validation.
Loads no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

from whet import runs, tfidf
from whet.bilingual import said
from whet.given import Given, Rivals
from whet.linear import Answered, Fit, best, metric_of
from whet.meaningless import LINEAR
from whet.outcome import Model, Scored
from whet.records import Examples, Notice, Side
from whet.score.judge import judge


def chosen(
    folder: runs.RunFolder, job: Given, network: Model, rivals: Rivals, kept: Scored
) -> Generator[Notice, None, tuple[Given, Model, Scored]]:
    """The job, the model and its validation side as they go on; run.json says where that is a linear one. `kept`: the
    validation side, scored with the network. Of several labels both are judged with thresholds tuned on these very
    rows, as the network's are anyway."""
    given = _of_linear(job)
    rows = {side: tfidf.seen(each.texts, each.pairs) for side, each in _rows(job)}
    fits = [Fit(given, model, rows, name) for name, model in rivals.models.items()]
    fit, logits, told = best(fits, kept.rows, kept.targets)
    for notice in told:
        yield folder.log(notice)
    mine, theirs = metric_of(job, logits, kept.targets), metric_of(job, kept.logits, kept.targets)
    metric, model, wins = str(job.settings.metric), job.settings.model, mine > theirs
    facts = {"metric": metric, "linear": abs(mine), "fine_tuned": abs(theirs), "model": model}
    yield folder.log(Notice(said(facts, "linear handed out" if wins else "network handed out")))
    auto = facts | {"chosen": LINEAR if wins else "fine-tuned"}
    if not wins:
        return dataclasses.replace(job, auto=auto), network, kept
    runs.amend(folder, "model", LINEAR, said(facts, "better on validation"))
    if rivals.train_rows != job.settings.train_rows:
        runs.amend(folder, "train_rows", rivals.train_rows, said({}, "all rows for the linear model"))
    metrics, loss = judge(logits, kept.targets, job.labels, fit.thresholds, job.settings.metric)
    evaluation = dataclasses.replace(kept.evaluation, metrics=metrics, loss=loss)
    return dataclasses.replace(given, auto=auto), fit, dataclasses.replace(kept, evaluation=evaluation, logits=logits)


def _rows(job: Given) -> Iterator[tuple[Side, Examples]]:
    yield "validation", job.learnt["validation"]
    if job.test is not None:
        yield "test", job.test


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
