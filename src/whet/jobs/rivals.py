"""The cheap answers beside a network, and the linear models that may be handed out in its place. Loads no torch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator
from pathlib import Path

from whet.artifacts import tfidf
from whet.data.targets import targets_of
from whet.jobs.linear import learnable
from whet.preparing.given import Rivals
from whet.preparing.prepare import Asked
from whet.preparing.sides import on_disk
from whet.records import Baselines, Examples, Notice, Splits, Targets
from whet.runs.run_folder import RunFolder
from whet.score import baseline, linear
from whet.settings.config import Settings


def rivals_of(
    folder: RunFolder, asked: Asked, given: Settings, test: Targets, cache: Path, *, nbsvm: bool, keep: bool
) -> Generator[Notice, None, tuple[Baselines, Rivals | None]]:
    """The cheap answers to the test rows, whose targets are `test`; linear models learn from as many training rows as
    their memory allows. With `keep` also the models that answer so, if there is anything to learn. `given`: the
    settings before a budget changed them."""
    rows, labels, seed = asked.cheap, asked.labels, asked.resolved.settings.seed
    assert asked.splits.test is not None
    learnt, train, notices = learnable(rows, targets_of(rows, labels), seed)
    for notice in notices:
        yield folder.log(notice)
    scored = tfidf.seen(asked.splits.test.texts, asked.splits.test.pairs)
    started = time.perf_counter()
    models = linear.fit_each(learnt, train, labels, nbsvm=nbsvm) if keep else {}
    if not models:
        return baseline.baselines(learnt, train, scored, test, labels, cache=cache, nbsvm=nbsvm), None
    seconds, rows = time.perf_counter() - started, on_disk(rows, cache)
    whole = _whole(asked, rows, cache)
    rivals = Rivals(models, rows, seconds, whole, {"train_rows": given.train_rows, "test_rows": given.test_rows})
    return baseline.of_models(models, train, scored, test, labels), rivals


def _whole(asked: Asked, train: Examples, cache: Path) -> Splits | None:
    """The sides as they were before a budget made them fewer, but for validation. `train`: those rows."""
    whole = asked.whole
    if whole is None:
        return None
    test = None if whole.test is None else on_disk(whole.test, cache)
    return dataclasses.replace(whole, train=train, validation=asked.splits.validation, test=test)
