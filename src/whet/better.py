"""`--model auto` within a budget: of the fine-tuned network and of a linear model the one that is better on validation.
Loads no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

from whet import runs, tfidf
from whet.bilingual import said
from whet.given import Given
from whet.linear import Answered, Fit
from whet.meaningless import LINEAR
from whet.outcome import Model, Scored
from whet.records import Examples, Floats, Notice, Side
from whet.score.fitted import Linear
from whet.score.judge import judge
from whet.score.metrics import value


def chosen(
    folder: runs.RunFolder, job: Given, network: Model, rival: Linear, kept: Scored
) -> Generator[Notice, None, tuple[Given, Model, Scored]]:
    """The job, the model and its validation side as they go on; run.json says where that is the linear one. `kept`: the
    validation side, scored with the network. Of several labels both are judged with thresholds tuned on these very
    rows, as the network's are anyway."""
    given = _of_linear(job)
    fit = Fit(given, rival, {side: tfidf.seen(rows.texts, rows.pairs) for side, rows in _rows(job)})
    logits = fit.logits("validation", kept.rows)
    mine, theirs = _value(job, logits, kept), _value(job, kept.logits, kept)
    metric, model, wins = str(job.settings.metric), job.settings.model, mine > theirs
    facts = {"metric": metric, "linear": abs(mine), "fine_tuned": abs(theirs), "model": model}
    yield folder.log(Notice(said(facts, "linear handed out" if wins else "network handed out")))
    auto = facts | {"chosen": LINEAR if wins else "fine-tuned"}
    if not wins:
        return dataclasses.replace(job, auto=auto), network, kept
    runs.amend(folder, "model", LINEAR, said(facts, "better on validation"))
    metrics, loss = judge(logits, kept.targets, job.labels, fit.thresholds, job.settings.metric)
    evaluation = dataclasses.replace(kept.evaluation, metrics=metrics, loss=loss)
    return dataclasses.replace(given, auto=auto), fit, dataclasses.replace(kept, evaluation=evaluation, logits=logits)


def _rows(job: Given) -> Iterator[tuple[Side, Examples]]:
    yield "validation", job.learnt["validation"]
    if job.test is not None:
        yield "test", job.test


def _value(job: Given, logits: Floats, kept: Scored) -> float:
    """The job's metric on validation, of which more is better."""
    scores, loss = judge(logits, kept.targets, job.labels, None, job.settings.metric)
    return value(scores, loss, str(job.settings.metric))


def _of_linear(job: Given) -> Given:
    """The job as one of the linear model: it cuts no text, and is no rival of itself."""
    rivals = job.baselines
    if rivals is not None:
        others = {name: answers for name, answers in rivals.answers.items() if name != "tfidf"}
        rivals = dataclasses.replace(rivals, tfidf=None, answers=others)
    return Given(
        resolved=job.resolved, inputs=job.inputs, labels=job.labels, test=job.test, baselines=rivals, leaks=job.leaks,
        sides={side: Answered(rows.targets) for side, rows in job.sides.items()}, team=job.team, budget=job.budget,
        learnt=job.learnt,
    )  # fmt: skip
