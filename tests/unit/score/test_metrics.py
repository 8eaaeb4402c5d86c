import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from whet.errors import UsageError
from whet.labels import LabelSet
from whet.score.metrics import as_json, classification, from_confusion, interval, log_loss, softmax, value
from whet.values import METRICS

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
THREE = LabelSet(("a", "b", "c"), None, "")


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
    assert found.micro_f1 == close(sk.f1_score(true, predicted, labels=ids, average="micro", zero_division=0))
    each = sk.precision_recall_fscore_support(true, predicted, labels=ids, average=None, zero_division=0)
    for name, precision, recall, f1, support in zip(names, *each, strict=True):
        score = found.classes[name]
        assert (score.precision, score.recall, score.f1) == (close(precision), close(recall), close(f1))
        assert score.support == support
    assert found.confusion == tuple(map(tuple, sk.confusion_matrix(true, predicted, labels=ids).tolist()))
    if classes == 2:
        assert (found.precision, found.recall, found.f1) == tuple(close(values[1]) for values in each[:3])


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


def test_every_metric_of_the_settings_is_higher_for_the_better_model():
    good, bad = (
        classification(ints(0, 1, 1), ints(0, 1, 1), BINARY),
        classification(ints(0, 1, 1), ints(1, 0, 1), BINARY),
    )
    for name in METRICS:
        assert value(good, 0.1, name) > value(bad, 0.7, name), name
    assert value(good, 0.1, "loss") == -0.1


def test_f1_with_three_classes_points_to_macro_f1():
    with pytest.raises(UsageError) as caught:
        value(classification(ints(0, 1, 2), ints(0, 1, 2), THREE), 0.1, "f1")
    assert caught.value.message == (
        "--metric: metric f1 with 3 labels. Expected two labels: f1 is the score of the positive class of a binary "
        "task. Use --metric macro_f1."
    )


def test_an_unknown_metric_is_refused():
    with pytest.raises(UsageError, match="unknown metric 'auc'"):
        value(classification(ints(0, 1), ints(0, 1), BINARY), 0.1, "auc")


def test_the_json_of_a_binary_task_holds_the_positive_class():
    document = as_json(classification(ints(1, 1, 0, 0), ints(1, 1, 1, 0), BINARY))
    assert json.loads(json.dumps(document)) == {
        "rows": 4,
        "accuracy": 0.75,
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


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(50, 100, 0.4038, 0.5962), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)],
)
def test_the_interval_of_an_accuracy_is_wilsons_and_stays_within_0_and_1(hits, rows, low, high):
    # The values are those of statsmodels' proportion_confint(hits, rows, method="wilson").
    found = from_confusion(np.array([[hits, rows - hits], [0, 0]]), BINARY)
    assert interval(found) == pytest.approx((low, high), abs=1e-4)
