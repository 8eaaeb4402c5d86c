import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.labels import LabelSet
from whet.score import counts, several, values
from whet.score.metrics import classification


def again(outcomes, rows):
    """How often each outcome is there where these rows are drawn."""
    return np.bincount(outcomes[rows], minlength=outcomes.max() + 1)[None].astype(float)


def labels_of(classes, kind="one"):
    return LabelSet(tuple("abcdefgh"[:classes]), None, "", kind=kind)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_scores_of_classes_are_those_of_the_rows_that_were_drawn(classes, rows, seed):
    rng = np.random.default_rng(seed)
    true, predicted, drawn = (
        rng.integers(classes, size=rows),
        rng.integers(classes, size=rows),
        rng.integers(rows, size=rows),
    )
    outcomes, scored = counts.of_classes(true, predicted, classes)
    found = scored(again(outcomes, drawn))
    expected = classification(true[drawn], predicted[drawn], labels_of(classes))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall",
                 "weighted_precision", "weighted_recall"):  # fmt: skip
        assert found[name][0] == pytest.approx(getattr(expected, name), abs=1e-12), name
    assert found["mcc"][0] == pytest.approx(expected.mcc or 0.0, abs=1e-12)
    for c, score in enumerate(expected.classes.values()):
        assert [found[name][0, c] for name in ("precision", "recall", "f1")] == pytest.approx(
            [score.precision, score.recall, score.f1], abs=1e-12
        )


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_scores_of_several_labels_are_those_of_the_rows_that_were_drawn(classes, rows, seed):
    rng = np.random.default_rng(seed)
    true, predicted, drawn = (
        rng.random((rows, classes)) < 0.3,
        rng.random((rows, classes)) < 0.3,
        rng.integers(rows, size=rows),
    )
    labels = labels_of(classes, "several")
    outcomes, scored = counts.of_several(true, predicted)
    found = scored(again(outcomes, drawn))
    expected = several.scores(true[drawn], predicted[drawn], labels, dict.fromkeys(labels.names, 0.5))
    for name in ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "samples_f1", "micro_precision", "micro_recall",
                 "macro_precision", "macro_recall", "hamming_loss"):  # fmt: skip
        assert found[name][0] == pytest.approx(getattr(expected, name), abs=1e-12), name


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 40), st.sampled_from([1e-6, 1.0, 1e6]), st.integers(0, 2**32 - 1))
def test_scores_of_values_are_those_of_the_rows_that_were_drawn(rows, scale, seed):
    rng = np.random.default_rng(seed)
    true = np.round(rng.normal(size=rows), 1) * scale
    predicted, drawn = true + rng.normal(size=rows) * scale, rng.integers(rows, size=rows)
    outcomes, scored = counts.of_values(true, predicted)
    found = scored(again(outcomes, drawn))
    expected = values.scores(true[drawn], predicted[drawn])
    assert found["pearson"][0] == pytest.approx(expected.pearson, abs=1e-6)
    assert (found["mae"][0], found["rmse"][0]) == pytest.approx((expected.mae, expected.rmse), rel=1e-6)
    if expected.r2 is None:
        assert np.isnan(found["r2"][0])
    else:
        assert found["r2"][0] == pytest.approx(expected.r2, rel=1e-5, abs=1e-6)
