import numpy as np
import pytest

from whet import intervals
from whet.labels import LabelSet
from whet.score.judge import judge
from whet.score.resample import chance, draws
from whet.score.uncertain import of_side

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
SEVERAL = LabelSet(("a", "b", "c"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")


def some(labels, rows=400, seed=0):
    """Logits that are mostly right, and their targets."""
    rng = np.random.default_rng(seed)
    if labels.kind == "value":
        true = rng.normal(size=rows)
        return true[:, None] + rng.normal(size=(rows, 1)), true
    if labels.kind == "several":
        true = rng.random((rows, len(labels))) < 0.3
        return rng.normal(size=true.shape) + 3 * true - 1.5, true
    true = rng.integers(len(labels), size=rows)
    return rng.normal(size=(rows, len(labels))) + 1.5 * np.eye(len(labels))[true], true


def intervals_of(labels, logits, true):
    scores, _ = judge(logits, true, labels, None)
    return scores, of_side(scores, logits, true, labels)


def plain(found):
    return {name: ends for name, ends in found.items() if name != "classes"}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (
            BINARY,
            "accuracy balanced_accuracy brier f1 log_loss macro_f1 macro_precision macro_recall mcc micro_f1 pr_auc "
            "precision recall roc_auc weighted_f1 weighted_precision weighted_recall",
        ),
        (
            SEVERAL,
            "accuracy brier hamming_loss log_loss macro_f1 macro_precision macro_recall micro_f1 micro_precision "
            "micro_recall pr_auc roc_auc samples_f1 weighted_f1",
        ),
        (VALUE, "mae pearson r2 rmse spearman"),
    ],
)
def test_every_interval_holds_its_score(labels, names):
    scores, found = intervals_of(labels, *some(labels))
    assert sorted(plain(found)) == names.split()
    for name, (low, high) in plain(found).items():
        assert low < getattr(scores, name) < high, name
    for label, each in found.get("classes", {}).items():
        assert list(each) == ["precision", "recall", "f1"]
        for name, (low, high) in each.items():
            assert low < getattr(scores.classes[label], name) < high


def test_the_interval_of_an_accuracy_is_nearly_that_of_the_binomial_distribution():
    true = np.zeros(2000, dtype=int)
    logits = np.eye(2)[(np.arange(2000) < 300).astype(int)]
    _, found = intervals_of(BINARY, logits, true)
    assert found["accuracy"] == pytest.approx([0.85 - 1.96 * 0.008, 0.85 + 1.96 * 0.008], abs=0.001)


def test_rows_without_a_mistake_have_wilsons_interval_and_not_one_without_width():
    _, found = intervals_of(BINARY, np.eye(2)[np.arange(20) % 2], np.arange(20) % 2)
    assert found["accuracy"] == found["macro_f1"] == pytest.approx(intervals.of_share(1.0, 20))
    low, high = intervals.of_share(1.0, 10)
    assert found["recall"] == pytest.approx((low, high))
    assert found["classes"]["neg"]["f1"] == pytest.approx((2 * low / (1 + low), 1.0))
    assert "roc_auc" not in found


def test_without_a_mistake_macro_scores_have_an_interval_too_where_a_label_has_no_rows():
    three = LabelSet(("a", "b", "c"), None, "")
    scores, found = intervals_of(three, np.eye(3)[np.arange(20) % 2], np.arange(20) % 2)
    low, _ = intervals.of_share(1.0, 20)
    assert (scores.macro_f1, scores.accuracy) == (pytest.approx(2 / 3), 1.0)
    for name in ("macro_f1", "macro_precision", "macro_recall"):
        assert found[name] == pytest.approx([low * 2 / 3, 1 - (1 - 2 / 3) * low]), name
    assert found["accuracy"] == found["weighted_f1"] == pytest.approx([low, 1.0])


def test_one_answer_for_all_rows_has_a_macro_recall_that_is_not_sure():
    _, found = intervals_of(BINARY, np.eye(2)[np.zeros(40, dtype=int)], np.arange(40) % 2)
    low, _ = intervals.of_share(1.0, 40)
    assert found["balanced_accuracy"] == found["macro_recall"] == pytest.approx([low / 2, 1 - low / 2])


def test_a_label_without_rows_has_no_interval():
    logits, true = some(SEVERAL)
    logits[:, 2], true[:, 2] = -9.0, False
    _, found = intervals_of(SEVERAL, logits, true)
    assert found["classes"]["c"] == {}
    assert len(found["classes"]["a"]) == 3


@pytest.mark.parametrize("labels", [BINARY, SEVERAL, VALUE])
def test_one_row_and_logits_that_are_not_finite_are_no_reason_to_fail(labels):
    logits, true = some(labels)
    intervals_of(labels, logits[:1], true[:1])
    if labels.kind != "value":  # whose squares would not be finite either
        logits[0, 0] = np.nan
        _, found = intervals_of(labels, logits, true)
        assert "accuracy" in found
        assert "log_loss" not in found


@pytest.mark.parametrize("labels", [BINARY, SEVERAL, VALUE])
def test_the_same_rows_have_the_same_intervals(labels):
    assert intervals_of(labels, *some(labels)) == intervals_of(labels, *some(labels))


def test_every_resample_has_as_many_rows_as_there_are_by_either_way_of_drawing():
    for outcomes in (np.arange(30), np.arange(60) % 2):
        drawn = np.concatenate(list(draws(outcomes, 2000)))
        assert drawn.shape == (2000, outcomes.max() + 1)
        assert set(drawn.sum(axis=1)) == {len(outcomes)}
        assert drawn.mean(axis=0) == pytest.approx(np.bincount(outcomes), rel=0.15)


def test_many_rows_have_fewer_resamples(monkeypatch):
    monkeypatch.setattr("whet.score.resample.WORK", 30 * 1500)
    assert sum(map(len, draws(np.arange(30)))) == 1500
    monkeypatch.setattr("whet.score.resample.WORK", 1)
    assert sum(map(len, draws(np.arange(30)))) == 1000


def test_a_difference_is_by_chance_as_often_as_resamples_have_the_other_sign():
    assert chance(np.arange(-9, 991).astype(float)) == pytest.approx(2 * 11 / 1001)
    assert chance(np.ones(9999)) == pytest.approx(2e-4)
    assert chance(np.zeros(99)) == 1.0
