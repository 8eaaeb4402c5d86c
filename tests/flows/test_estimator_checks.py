"""scikit-learn's own checks of whet.TextClassifier.

As its tags say that it takes texts, not columns of numbers, scikit-learn runs none of them by itself. Here the numbers
of the checks are said in words first, and what is checked is everything behind that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from whet import TextClassifier

# The checks that do not apply, each with its reason; of a transformer more.
EXCLUDED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight 2 is one row and not two where validation rows and folds are drawn and words are counted; the "
        "loss of a step is that of two (tests/unit/training/test_objective.py), and weight 0 is no row at all"
    ),
}
EXCLUDED_OF_TRANSFORMERS = EXCLUDED | {
    "check_classifiers_train": "an epoch of a random encoder of two layers is not right about 83 % of blobs of numbers",
    "check_methods_subset_invariance": (
        "asks for 1e-7 of numbers in fp32, whose last bits hang on the rows that are computed beside them"
    ),
}


class OnNumbers(TextClassifier):
    """One that says each number in a word: 0.6 in the third column is c3p1."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextClassifier:
        return super().fit(self._said(validate_data(self, X)), y, sample_weight)

    def _logits(self, X: Any) -> Any:
        check_is_fitted(self)
        return super()._logits(self._said(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags

    @staticmethod
    def _said(rows: Any) -> list[str]:
        halves = np.round(2 * np.asarray(rows, dtype=np.float64)).astype(int)
        return [" ".join(f"c{i + 1}{'m' if x < 0 else 'p'}{abs(x)}" for i, x in enumerate(row)) for row in halves]


@parametrize_with_checks([OnNumbers(model="linear")], expected_failed_checks=lambda _: EXCLUDED)
@pytest.mark.filterwarnings("default")
def test_a_linear_one_passes_the_checks_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_transformer_passes_them_too(tiny_bert: Path) -> None:
    made = OnNumbers(model=str(tiny_bert), epochs=1.0, validation="none", max_length=64)
    found = check_estimator(made, expected_failed_checks=EXCLUDED_OF_TRANSFORMERS, on_skip=None)
    assert {each["check_name"] for each in found if each["status"] == "xfail"} == set(EXCLUDED_OF_TRANSFORMERS)
    assert {each["check_name"] for each in found if each["status"] == "skipped"} <= {"check_array_api_input"}
