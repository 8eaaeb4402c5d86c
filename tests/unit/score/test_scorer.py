import copy
import dataclasses
import json
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from whet.errors import UsageError
from whet.labels import LabelSet
from whet.runs.naming import fingerprint
from whet.score.judge import judge
from whet.score.metrics import value
from whet.score.scorer import fitting
from whet.settings.config import resolve

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
FIRST = LabelSet(("spam", "ham"), "spam", "asked for")
THREE = LabelSet(("a", "b", "c"), None, "")
SEVERAL = LabelSet(("a", "b"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")
RNG = np.random.default_rng(0)
LOGITS, IDS = RNG.normal(size=(60, 2)), RNG.integers(2, size=60)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def asked(metric, logits, targets, labels, thresholds=None):
    scores, loss = judge(logits, targets, labels, thresholds, metric)
    assert list(scores.asked) == [str(metric)]
    found = scores.asked[str(metric)]
    assert found is None or value(scores, loss, str(metric)) == found
    return found


def half_right(true, answered):
    """A function of a user's."""
    return float((answered.argmax(axis=1) == true).mean()) / 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("neg_log_loss", -sk.log_loss(IDS, SHARES)),
        ("average_precision", sk.average_precision_score(IDS, SHARES[:, 1])),
        ("neg_brier_score", -sk.brier_score_loss(IDS, SHARES[:, 1])),
        ("matthews_corrcoef", sk.matthews_corrcoef(IDS, SHARES.argmax(axis=1))),
        ("jaccard", sk.jaccard_score(IDS, SHARES.argmax(axis=1))),
        ("f1_macro", sk.f1_score(IDS, SHARES.argmax(axis=1), average="macro")),
    ],
)
def test_a_scorer_of_scikit_learn_scores_two_classes(name, expected):
    assert fitting(name, BINARY) == name
    assert asked(name, LOGITS, IDS, BINARY) == pytest.approx(expected)


def test_the_positive_class_is_scored_though_it_is_the_first():
    expected = sk.average_precision_score(1 - IDS, SHARES[:, 0])
    assert asked("average_precision", LOGITS, IDS, FIRST) == pytest.approx(expected)
    assert asked("jaccard", LOGITS, IDS, FIRST) == pytest.approx(sk.jaccard_score(1 - IDS, 1 - SHARES.argmax(axis=1)))


def test_a_scorer_scores_several_labels_at_their_thresholds_and_by_their_probabilities():
    true = RNG.random((60, 2)) < 0.4
    shares = 1 / (1 + np.exp(-LOGITS))
    found = asked("f1_samples", LOGITS, true, SEVERAL, {"a": 0.3, "b": 0.6})
    assert found == pytest.approx(sk.f1_score(true, shares >= [0.3, 0.6], average="samples", zero_division=0))
    found = asked("average_precision", LOGITS, true, SEVERAL, {"a": 0.3, "b": 0.6})
    assert found == pytest.approx(sk.average_precision_score(true, shares))


def test_a_scorer_scores_more_classes_and_numbers():
    logits, ids = RNG.normal(size=(60, 3)), np.arange(60) % 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = sk.roc_auc_score(ids, shares, multi_class="ovo")
    assert asked("roc_auc_ovo", logits, ids, THREE) == pytest.approx(expected)
    true = RNG.normal(size=60)
    expected = -sk.median_absolute_error(true, LOGITS[:, 0])
    assert asked("neg_median_absolute_error", LOGITS[:, :1], true, VALUE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("neg_log_loss", lambda ids, shares: -sk.log_loss(ids, shares, labels=[0, 1, 2])),
        ("d2_log_loss_score", lambda ids, shares: sk.d2_log_loss_score(ids, shares, labels=[0, 1, 2])),
        ("top_k_accuracy", lambda ids, shares: sk.top_k_accuracy_score(ids, shares, labels=[0, 1, 2])),
        ("roc_auc_ovo", lambda ids, shares: sk.roc_auc_score(ids, shares, labels=[0, 1, 2], multi_class="ovo")),
        ("f1_macro", lambda ids, shares: sk.f1_score(ids, shares.argmax(axis=1), average="macro")),
    ],
)
def test_rows_that_lack_a_class_have_the_score_of_a_scorer(name, expected):
    logits, ids = RNG.normal(size=(60, 3)), np.arange(60) % 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert fitting(name, THREE) == name
    assert asked(name, logits, ids, THREE) == pytest.approx(expected(ids, shares))


@pytest.mark.parametrize("labels", [BINARY, FIRST])
def test_rows_of_one_of_two_classes_have_a_log_loss_and_a_brier_score(labels):
    ones = np.ones(60, dtype=int)
    assert asked("neg_log_loss", LOGITS, ones, labels) == pytest.approx(np.log(SHARES[:, 1]).mean())
    assert asked("neg_brier_score", LOGITS, ones, labels) == pytest.approx(-(SHARES[:, 0] ** 2).mean())


def test_what_rows_leave_undefined_is_none_and_never_the_best():
    scores, loss = judge(LOGITS[:3], np.ones(3, dtype=int), BINARY, None, "roc_auc_ovr")
    assert scores.asked == {"roc_auc_ovr": None}
    assert math.isnan(value(scores, loss, "roc_auc_ovr"))
    scores, _ = judge(np.full((2, 2), np.nan), np.array([0, 1]), BINARY, None, "neg_log_loss")
    assert scores.asked == {"neg_log_loss": None}


def test_our_own_names_are_no_scorers():
    scores, _ = judge(LOGITS, IDS, BINARY, None, "roc_auc")
    assert scores.asked == {}
    assert fitting("roc_auc", THREE) == "roc_auc"


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        (
            "neg_max_error", BINARY,
            "--metric: metric neg_max_error in a binary task. Expected a score that this task has. Use one of "
            "macro_f1, accuracy, micro_f1, weighted_f1, f1, balanced_accuracy, mcc, roc_auc, pr_auc, loss.",
        ),
        (
            "roc_auc_ovr", VALUE,
            "--metric: metric roc_auc_ovr in a regression task. Expected a score that this task has. Use one of "
            "pearson, spearman, mae, rmse, r2, loss.",
        ),
        (
            "precision", THREE,
            "--metric: metric precision in a multiclass task. Expected a score that this task has. "
            "Did you mean 'precision_micro'.",
        ),
        (
            "top_k_accuracy", SEVERAL,
            "--metric: metric top_k_accuracy in a multilabel task. Expected a score that this task has. "
            "Did you mean 'accuracy'.",
        ),
    ],
)  # fmt: skip
def test_a_scorer_that_the_task_lacks_is_refused_with_a_near_one(name, labels, message):
    with pytest.raises(UsageError) as caught:
        fitting(name, labels)
    assert caught.value.message == message


def test_a_function_scores_what_is_true_and_what_was_answered():
    metric = resolve({"metric": half_right}).settings.metric
    assert metric == "tests.unit.score.test_scorer.half_right"
    assert fitting(metric, BINARY) == metric
    assert asked(metric, LOGITS, IDS, BINARY) == pytest.approx((SHARES.argmax(axis=1) == IDS).mean() / 2)


@pytest.mark.parametrize(
    ("labels", "targets", "logits"),
    [(SEVERAL, np.eye(2, dtype=bool), LOGITS[:2]), (VALUE, np.arange(2.0), LOGITS[:2, :1])],
)
def test_a_function_is_given_marks_or_values_of_other_tasks(labels, targets, logits):
    seen = []

    def score(true, answered):
        seen.append((true.dtype, answered.shape))
        return 1.0

    metric = resolve({"metric": score}).settings.metric
    asked(metric, logits, targets, labels)
    assert seen == [(targets.dtype, targets.shape)]


def test_a_function_that_returns_no_number_is_refused_and_its_own_fault_is_its_own():
    metric = resolve({"metric": lambda true, answered: "good"}).settings.metric
    with pytest.raises(UsageError, match=r"<lambda> returned str\. Expected a number, of which more is better"):
        fitting(metric, BINARY)
    with pytest.raises(ZeroDivisionError):
        fitting(resolve({"metric": lambda true, answered: 1 / 0}).settings.metric, BINARY)


def test_a_function_enters_settings_and_digest_by_its_name_alone():
    named, spelt = resolve({"metric": half_right}), resolve({"metric": "accuracy"})
    kept = dataclasses.asdict(named.settings)["metric"]
    assert json.dumps(kept) == '"tests.unit.score.test_scorer.half_right"'
    assert copy.deepcopy(named.settings.metric).function is half_right
    assert fingerprint(named, []) == fingerprint(resolve({"metric": half_right}), [])
    assert fingerprint(named, []) != fingerprint(spelt, [])
