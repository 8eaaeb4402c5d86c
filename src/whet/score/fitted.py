"""A linear model on TF-IDF that was fitted: from texts to logits.

Sizes in comments: B rows, F features, C labels, K columns of weights: 1 for two classes, else C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whet.records import Floats
from whet.score import features
from whet.score.features import Inputs


@dataclass(frozen=True, slots=True)
class Linear:
    """Its logits are those of a network: softmax of them is the probability of each class, sigmoid that of each of
    several labels; of values they are the number. A row's do not hang on the rows beside it."""

    words: Any
    """The fitted vectorizer of scikit-learn."""
    weights: Floats  # [F, K]
    bias: Floats  # [K]
    outputs: int  # C
    thresholds: Floats | None = None  # [C] of several labels

    def logits(self, inputs: Inputs) -> Floats:
        """[B, C] of texts."""
        found = [self.answers(features.transform(self.words, part)) for part in inputs.parts()]
        return np.concatenate([np.zeros((0, self.outputs)), *found])

    def answers(self, rows: Any) -> Floats:
        """[B, C] of features, a sparse matrix of B rows."""
        decided: Floats = rows @ self.weights + self.bias
        if decided.shape[1] == self.outputs:
            return decided
        return np.hstack([-decided / 2, decided / 2])  # their softmax is the logistic function of what was decided

    def cooled(self, temperature: float) -> Linear:
        """The same with its logits divided by this."""
        return replace(self, weights=self.weights / temperature, bias=self.bias / temperature)
