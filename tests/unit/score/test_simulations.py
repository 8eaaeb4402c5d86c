"""Whether intervals and tests keep what they promise: on rows drawn from a population whose scores are known."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest

from whet.labels import LabelSet
from whet.score.compare import paired
from whet.score.judge import judge
from whet.score.uncertain import of_side

THREE = LabelSet(("a", "b", "c"), None, "")
BINARY = LabelSet(("neg", "pos"), "pos", "by name")
SEVERAL = LabelSet(("a", "b", "c"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")
HALVES = dict.fromkeys("abc", 0.5)
RESAMPLES = 1000  # less than usual, as there are many simulations
WHOLE = 1_000_000  # rows that stand for all

Drawn = tuple[np.ndarray, np.ndarray]


def of_three(rng: np.random.Generator, rows: int) -> Drawn:
    """Logits and class ids; the classes are not equally frequent."""
    true = rng.choice(3, size=rows, p=[0.5, 0.3, 0.2])
    return rng.normal(size=(rows, 3)) + 1.3 * np.eye(3)[true], true


def of_two(rng: np.random.Generator, rows: int) -> Drawn:
    true = (rng.random(rows) < 0.3).astype(np.int64)
    margin = rng.normal(size=rows) + 1.5 * true - 1
    return np.column_stack([np.zeros(rows), margin]), true


def of_several(rng: np.random.Generator, rows: int) -> Drawn:
    true = rng.random((rows, 3)) < [0.5, 0.3, 0.15]
    return rng.normal(size=true.shape) + 2 * true - 1.2, true


def of_values(rng: np.random.Generator, rows: int) -> Drawn:
    true = rng.normal(size=rows)
    return (true + 0.8 * rng.normal(size=rows))[:, None], true


SIDES: Mapping[LabelSet, tuple[Callable[[np.random.Generator, int], Drawn], tuple[str, ...]]] = {
    THREE: (of_three, ("accuracy", "macro_f1", "balanced_accuracy", "weighted_f1", "mcc", "roc_auc", "log_loss")),
    BINARY: (of_two, ("accuracy", "f1", "precision", "recall", "macro_f1", "mcc", "roc_auc", "pr_auc", "brier")),
    SEVERAL: (of_several, ("accuracy", "macro_f1", "micro_f1", "samples_f1", "hamming_loss", "roc_auc", "pr_auc")),
    VALUE: (of_values, ("pearson", "spearman", "mae", "rmse", "r2")),
}


@cache
def known(labels: LabelSet) -> dict[str, float]:
    """The scores of all rows."""
    drawn, names = SIDES[labels]
    scores, _ = judge(*drawn(np.random.default_rng(12345), WHOLE), labels, HALVES)
    return {name: getattr(scores, name) for name in names}


def coverage(labels: LabelSet, simulations: int, rows: int) -> dict[str, float]:
    """In which share of simulations the interval of each score holds that of all rows."""
    drawn, names = SIDES[labels]
    held = dict.fromkeys(names, 0)
    for seed in range(simulations):
        logits, true = drawn(np.random.default_rng(seed), rows)
        scores, _ = judge(logits, true, labels, HALVES)
        found = of_side(scores, logits, true, labels, resamples=RESAMPLES)
        for name in names:
            low, high = found[name]
            held[name] += low <= known(labels)[name] <= high
    return {name: count / simulations for name, count in held.items()}


@pytest.mark.slow
@pytest.mark.parametrize("labels", SIDES, ids=lambda labels: labels.task)
def test_an_interval_holds_the_true_score_in_93_to_97_of_100_simulations(labels):
    found = coverage(labels, 1000, 500)
    assert {name: share for name, share in found.items() if not 0.93 <= share <= 0.97} == {}


def test_an_interval_holds_the_true_score_about_as_often_as_it_promises():
    found = coverage(THREE, 150, 300)
    assert {name: share for name, share in found.items() if not 0.90 <= share <= 0.99} == {}


def alike(kind: str, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is true, and the answers of two that are equally good; often they are right or wrong on the same rows."""
    shape = (rows, 3) if kind == "several" else rows
    hard = rng.random(shape) < 0.4
    if kind == "value":
        true = rng.normal(size=rows)
        shared = rng.normal(size=rows)
        mine, theirs = (true + shared + rng.normal(size=rows) for _ in range(2))
        return true, mine, theirs
    true = rng.integers(2, size=shape)
    mine, theirs = (np.where(hard & (rng.random(shape) < 0.4), 1 - true, true) for _ in range(2))
    return true, mine, theirs


def rejections(kind: str, simulations: int, rows: int) -> dict[str, float]:
    """In which share of simulations two that are equally good are told apart."""
    told = {"interval": 0, "p": 0, "mcnemar": 0}
    for seed in range(simulations):
        found = paired(*alike(kind, np.random.default_rng(seed), rows), kind, "tfidf", resamples=RESAMPLES)
        told["interval"] += not found.level
        told["p"] += found.p < 0.05
        told["mcnemar"] += found.mcnemar_p is not None and found.mcnemar_p < 0.05
    return {name: count / simulations for name, count in told.items() if count}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rows"), [("one", 2000), ("several", 500), ("value", 500)])
def test_two_that_are_equally_good_are_told_apart_in_5_of_100_simulations(kind, rows):
    found = rejections(kind, 2000, rows)
    assert set(found) == ({"interval", "p", "mcnemar"} if kind == "one" else {"interval", "p"})
    assert {name: share for name, share in found.items() if not 0.035 <= share <= 0.065} == {}


def test_two_that_are_equally_good_are_seldom_told_apart():
    found = rejections("one", 200, 1000)
    assert all(0 < share < 0.1 for share in found.values())
