import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from whet.errors import UsageError
from whet.labels import LabelSet
from whet.records import ValueScores
from whet.score import several, values
from whet.score.metrics import (
    METRICS_OF,
    OF_PROBABILITIES,
    as_json,
    classification,
    default_metric,
    from_confusion,
    interval,
    log_loss,
    metric_of,
    sigmoid,
    softmax,
    value,
)
from whet.settings.values import METRICS

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
THREE = LabelSet(("a", "b", "c"), None, "")
SEVERAL = LabelSet(("a", "b", "c"), None, "", kind="several")
HALVES = dict.fromkeys("abc", 0.5)


def ints(*values):
    return np.array(values, dtype=np.int64)


@st.composite
def answers(draw):
    """C, true and predicted ids; often some classes occur in only one of the two, or in neither."""
    classes = draw(st.integers(2, 6))
    rows = draw(st.integers(1, 200))
    id_of = st.sampled_from(draw(st.lists(st.integers(0, classes - 1), min_size=1, unique=True)))
    true = draw(st.lists(id_of, min_size=rows, max_size=rows))
    predicted = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return classes, ints(*true), ints(*predicted)


def recall_of_those_that_occur(true, predicted):
    """balanced_accuracy_score, which warns of predicted classes that no row has."""
    return sk.recall_score(true, predicted, labels=np.unique(true), average="macro", zero_division=0)


@settings(max_examples=150, deadline=None)
@given(answers())
def test_every_score_equals_that_of_scikit_learn(case):
    classes, true, predicted = case
    names = tuple(f"class {i}" for i in range(classes))
    found = classification(true, predicted, LabelSet(names, names[1] if classes == 2 else None, ""))
    ids = list(range(classes))

    def close(number):
        return pytest.approx(float(number), abs=1e-12)

    assert found.rows == len(true)
    assert found.accuracy == close(sk.accuracy_score(true, predicted))
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            true, predicted, labels=ids, average=average, zero_division=0
        )
        assert getattr(found, f"{average}_precision") == close(precision)
        assert getattr(found, f"{average}_recall") == close(recall)
        assert getattr(found, f"{average}_f1") == close(f1)
    assert found.balanced_accuracy == close(recall_of_those_that_occur(true, predicted))
    if len(set(true.tolist())) > 1:
        assert found.mcc == close(sk.matthews_corrcoef(true, predicted))
    else:
        assert found.mcc is None
    assert found.micro_f1 == close(sk.f1_score(true, predicted, labels=ids, average="micro", zero_division=0))
    each = sk.precision_recall_fscore_support(true, predicted, labels=ids, average=None, zero_division=0)
    for name, precision, recall, f1, support in zip(names, *each, strict=True):
        score = found.classes[name]
        assert (score.precision, score.recall, score.f1) == (close(precision), close(recall), close(f1))
        assert score.support == support
    assert found.confusion == tuple(map(tuple, sk.confusion_matrix(true, predicted, labels=ids).tolist()))
    if classes == 2:
        assert (found.precision, found.recall, found.f1) == tuple(close(values[1]) for values in each[:3])


def test_balanced_accuracy_is_that_of_scikit_learn():
    true, predicted = ints(0, 0, 0, 1, 1, 2), ints(0, 1, 0, 1, 1, 0)
    assert classification(true, predicted, THREE).balanced_accuracy == pytest.approx(
        sk.balanced_accuracy_score(true, predicted)
    )


def test_the_matthews_correlation_of_one_answer_is_0_and_of_one_class_undefined():
    assert classification(ints(0, 1, 1), ints(1, 1, 1), BINARY).mcc == 0.0
    assert classification(ints(1, 1, 1), ints(0, 1, 1), BINARY).mcc is None
    assert math.isnan(value(classification(ints(1, 1, 1), ints(0, 1, 1), BINARY), 0.1, "mcc"))


def test_scores_of_a_small_case_worked_out_by_hand():
    found = classification(ints(1, 1, 1, 0, 0), ints(1, 1, 0, 1, 0), BINARY)
    assert found.accuracy == 3 / 5
    assert found.confusion == ((1, 1), (1, 2))
    assert (found.positive, found.precision, found.recall) == ("pos", 2 / 3, 2 / 3)
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_positive_class_need_not_be_the_second():
    labels = LabelSet(("spam", "ham"), "spam", "asked for")
    found = classification(ints(0, 0, 1), ints(0, 1, 1), labels)
    assert (found.positive, found.precision, found.recall) == ("spam", 1.0, 0.5)


def test_precision_recall_and_f1_of_a_positive_class_are_absent_with_three_classes():
    found = classification(ints(0, 1, 2), ints(0, 1, 1), THREE)
    assert (found.positive, found.precision, found.recall, found.f1) == (None, None, None, None)


def test_scores_from_a_confusion_matrix_equal_scores_from_its_rows():
    true, predicted = ints(0, 1, 2, 2, 1), ints(0, 2, 2, 1, 1)
    found = classification(true, predicted, THREE)
    assert from_confusion(np.array(found.confusion), THREE) == found


@pytest.mark.parametrize(("true", "predicted"), [((), ()), ((0, 1), (0,)), ((0, 2), (0, 1)), ((0, 1), (0, -1))])
def test_no_rows_unequal_lengths_and_strange_ids_are_refused(true, predicted):
    with pytest.raises(ValueError, match=r"expected as many|outside of 0\.\.1"):
        classification(ints(*true), ints(*predicted), BINARY)


def test_probabilities_of_huge_logits_neither_overflow_nor_lose_their_sum():
    probabilities = softmax(np.array([[1e300, 1e300], [-1e300, 1e300], [1000.0, 999.0], [0.0, 0.0]]))
    assert probabilities[0].tolist() == [0.5, 0.5]
    assert probabilities[1].tolist() == [0.0, 1.0]
    assert probabilities[2] == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))])
    assert probabilities.sum(axis=1).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_probabilities_of_float32_logits_are_float64():
    probabilities = softmax(np.array([[0.1, 0.2, 0.3]], dtype=np.float32))
    assert probabilities.dtype == np.float64
    assert probabilities.sum() == pytest.approx(1, abs=1e-15)


def test_the_loss_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    assert log_loss(np.full((5, 7), 3e8), ints(0, 1, 2, 3, 6)) == pytest.approx(math.log(7), abs=1e-12)


def test_the_loss_of_a_sure_and_wrong_answer_is_the_distance_of_the_logits():
    assert log_loss(np.array([[0.0, 5e5], [5e5, 0.0]]), ints(0, 0)) == 2.5e5


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_the_loss_equals_that_of_scikit_learn(classes, rows, seed):
    rng = np.random.default_rng(seed)
    logits, true = rng.normal(scale=4, size=(rows, classes)), rng.integers(classes, size=rows)
    expected = sk.log_loss(true, softmax(logits), labels=range(classes))
    assert log_loss(logits, true) == pytest.approx(expected, abs=1e-9)


def test_sigmoids_of_huge_logits_neither_overflow_nor_lose_their_sum():
    found = sigmoid(np.array([[1e300, -1e300, 0.0, 30.0, -30.0]]))
    assert found[0, :3].tolist() == [1.0, 0.0, 0.5]
    assert found[0, 3:] == pytest.approx([1 - 9.357622968839299e-14, 9.357622968839299e-14], rel=1e-15)


def test_sigmoids_of_float32_logits_are_those_of_scipy_in_float64():
    from scipy.special import expit

    logits = np.random.default_rng(0).normal(scale=9, size=(20, 5)).astype(np.float32)
    assert sigmoid(logits).dtype == np.float64
    assert sigmoid(logits) == pytest.approx(expit(logits.astype(np.float64)), rel=1e-14)


# ---------------------------------------------------------------- names

BETTER = {
    "binary": (
        classification(ints(0, 1, 1), ints(0, 1, 1), BINARY),
        classification(ints(0, 1, 1), ints(1, 0, 1), BINARY),
    ),
    "multiclass": (
        classification(ints(0, 1, 2), ints(0, 1, 2), THREE),
        classification(ints(0, 1, 2), ints(1, 0, 2), THREE),
    ),
    "multilabel": tuple(
        several.scores(np.eye(3, dtype=bool), answers, SEVERAL, HALVES)
        for answers in (np.eye(3, dtype=bool), np.ones((3, 3), dtype=bool))
    ),
    "regression": tuple(values.scores(np.array([1.0, 2, 3]), np.array(other)) for other in ([1, 2, 3.5], [5, 4, 4.5])),
}


def test_every_metric_of_every_task_is_higher_for_the_better_model():
    assert BETTER.keys() == METRICS_OF.keys()
    for task, (good, bad) in BETTER.items():
        for name in METRICS_OF[task]:
            better = value(good, 0.1, name) > value(bad, 0.7, name)
            assert better or name in OF_PROBABILITIES, name  # which these lack
        assert value(good, 0.1, "loss") == -0.1
        assert value(good, 0.1, "auto") == value(good, 0.1, default_metric(task))


def test_the_metrics_of_the_settings_are_those_of_the_tasks():
    assert {name for names in METRICS_OF.values() for name in names} == set(METRICS)


def test_errors_are_turned_and_correlations_are_not():
    found = ValueScores(rows=3, pearson=0.5, spearman=-0.25, mae=1.5, rmse=2.0, r2=-0.5)
    assert [value(found, 4.0, name) for name in METRICS_OF["regression"]] == [0.5, -0.25, -1.5, -2.0, -0.5, -4.0]


def test_what_was_asked_for_has_its_value_and_its_place_in_the_json():
    found = dataclasses.replace(BETTER["binary"][0], asked={"neg_log_loss": -0.25, "fbeta": None})
    assert value(found, 0.1, "neg_log_loss") == -0.25
    assert math.isnan(value(found, 0.1, "fbeta"))
    assert as_json(found) | {"neg_log_loss": -0.25, "fbeta": None} == as_json(found)


def test_the_default_is_macro_f1_of_labels_and_the_correlation_of_values():
    tasks = ("binary", "multiclass", "multilabel", "regression")
    assert [metric_of("auto", task) for task in tasks] == ["macro_f1", "macro_f1", "macro_f1", "pearson"]
    assert metric_of("micro_f1", "multilabel") == "micro_f1"


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        (
            "f1", "multiclass",
            "--metric: metric f1 in a multiclass task. Expected one of macro_f1, accuracy, micro_f1, weighted_f1, "
            "balanced_accuracy, mcc, roc_auc, pr_auc, loss; f1 is the score of the positive class of a binary task. "
            "Use macro_f1.",
        ),
        (
            "f1", "multilabel",
            "--metric: metric f1 in a multilabel task. Expected one of macro_f1, micro_f1, weighted_f1, samples_f1, "
            "accuracy, roc_auc, pr_auc, loss; f1 is the score of the positive class of a binary task. Use macro_f1.",
        ),
        (
            "pearson", "binary",
            "--metric: metric pearson in a binary task. Expected one of macro_f1, accuracy, micro_f1, weighted_f1, f1, "
            "balanced_accuracy, mcc, roc_auc, pr_auc, loss.",
        ),
        (
            "accuracy", "regression",
            "--metric: metric accuracy in a regression task. Expected one of pearson, spearman, mae, rmse, r2, loss.",
        ),
        (
            "auc", "regression",
            "--metric: unknown metric 'auc'. Expected one of pearson, spearman, mae, rmse, r2, loss.",
        ),
    ],
)  # fmt: skip
def test_a_metric_that_the_task_lacks_is_refused_with_those_that_it_has(name, task, message):
    with pytest.raises(UsageError) as caught:
        metric_of(name, task)
    assert caught.value.message == message
    with pytest.raises(UsageError) as caught:
        value(BETTER[task][0], 0.1, name)
    assert caught.value.message == message


def test_the_json_of_a_binary_task_holds_the_positive_class():
    document = as_json(classification(ints(1, 1, 0, 0), ints(1, 1, 1, 0), BINARY))
    assert json.loads(json.dumps(document)) == {
        "rows": 4,
        "accuracy": 0.75,
        "balanced_accuracy": 0.75,
        "mcc": pytest.approx(1 / math.sqrt(3)),
        "macro_f1": pytest.approx((0.8 + 2 / 3) / 2),
        "micro_f1": 0.75,
        "weighted_f1": pytest.approx((0.8 + 2 / 3) / 2),
        "macro_precision": pytest.approx(5 / 6),
        "macro_recall": 0.75,
        "weighted_precision": pytest.approx(5 / 6),
        "weighted_recall": 0.75,
        "positive": "pos",
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "classes": {
            "neg": {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2},
            "pos": {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": pytest.approx(0.8), "support": 2},
        },
        "confusion": {"labels": ["neg", "pos"], "matrix": [[1, 1], [0, 2]]},
    }


def test_the_json_of_three_classes_has_no_positive_class():
    document = as_json(classification(ints(0, 1, 2), ints(0, 1, 2), THREE))
    assert not {"positive", "precision", "recall", "f1"} & set(document)
    assert document["macro_f1"] == 1.0


def test_the_json_of_several_labels_holds_classes_and_thresholds():
    true, predicted = np.array([[1, 0, 1], [0, 0, 0]], bool), np.array([[1, 0, 0], [0, 1, 0]], bool)
    document = as_json(several.scores(true, predicted, SEVERAL, {"a": 0.25, "b": 0.5, "c": 0.75}))
    assert json.loads(json.dumps(document)) == {
        "rows": 2,
        "accuracy": 0.0,
        "macro_f1": pytest.approx(1 / 3),
        "micro_f1": 0.5,
        "weighted_f1": 0.5,
        "samples_f1": pytest.approx(1 / 3),
        "micro_precision": 0.5,
        "micro_recall": 0.5,
        "macro_precision": pytest.approx(1 / 3),
        "macro_recall": pytest.approx(1 / 3),
        "hamming_loss": pytest.approx(2 / 6),
        "classes": {
            "a": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
            "b": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
            "c": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        },
        "thresholds": {"a": 0.25, "b": 0.5, "c": 0.75},
    }


def test_the_json_of_values_is_its_scores():
    document = as_json(values.scores(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])))
    assert json.loads(json.dumps(document)) == {
        "rows": 3, "pearson": pytest.approx(1.0), "spearman": pytest.approx(1.0), "mae": 1.0, "rmse": 1.0,
        "r2": -0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(50, 100, 0.4038, 0.5962), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)],
)
def test_the_interval_of_an_accuracy_is_wilsons_and_stays_within_0_and_1(hits, rows, low, high):
    # The values are those of statsmodels' proportion_confint(hits, rows, method="wilson").
    found = from_confusion(np.array([[hits, rows - hits], [0, 0]]), BINARY)
    assert interval(found) == pytest.approx((low, high), abs=1e-4)
