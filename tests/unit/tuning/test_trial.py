"""What a training is given to be that of a trial."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from whet.settings.config import Resolved, Settings, resolve
from whet.training.defaults import suited
from whet.tuning import trial
from whet.tuning.records import Params

SMALL = {"model_type": "bert", "hidden_size": 384}


@dataclass
class Job:
    """As much of a job as a trial's settings follow from."""

    resolved: Resolved
    splits: Any
    machine: Any
    encoder: Any = None


def settled(given: Resolved, rows: int) -> Job:
    resolved, _ = suited(given, SMALL, rows, characters=60.0)
    return Job(resolved, SimpleNamespace(train=SimpleNamespace(texts=["short"] * rows)), SimpleNamespace(device="cpu"))


def both(params: Params, rows: int) -> tuple[Settings, Settings, Params]:
    """The settings of a trial and of a training of its own with what that is given, and what it is given."""
    given = resolve({"model": "embedded"})
    job: Any = settled(given, rows)
    chosen = trial.values_of(job, params)
    last = given
    for name, value in chosen.items():
        last = last.with_value(name, value, "by the best trial")
    return trial.with_params(job, params).resolved.settings, settled(last, rows).resolved.settings, chosen


def test_the_last_training_has_the_larger_batches_that_the_trials_of_many_short_texts_had() -> None:
    of_trial, of_last, chosen = both({"learning_rate": 1e-4, "epochs": 1.0}, rows=20_000)
    assert of_trial.batch_size == 32
    assert chosen == {"learning_rate": 1e-4, "epochs": 1.0, "llrd": 0.8, "warmup": 0.06, "batch_size": 32}
    assert of_last == of_trial


def test_the_last_training_is_given_no_batch_size_that_nobody_decided() -> None:
    of_trial, of_last, chosen = both({"learning_rate": 1e-4}, rows=5_000)
    assert chosen == {"learning_rate": 1e-4, "llrd": 0.8, "warmup": 0.06}
    assert of_last == of_trial


def test_batches_that_are_searched_are_those_of_the_trial() -> None:
    of_trial, of_last, chosen = both({"learning_rate": 1e-4, "batch_size": 16}, rows=20_000)
    assert chosen["batch_size"] == 16
    assert of_last == of_trial
