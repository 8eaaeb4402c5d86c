"""A linear model on TF-IDF that was fitted: from texts to logits.

Sizes in comments: B rows, F features, C labels, K columns of weights: 1 for two classes, else C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whet.labels import Kind
from whet.records import Floats
from whet.score import features
from whet.score.features import Inputs
from whet.score.sparse import Sparse
from whet.score.terms import Terms


@dataclass(frozen=True, slots=True)
class Linear:
    """Its logits are those of a network: softmax of them is the probability of each class, sigmoid that of each of
    several labels; of values they are the number. A row's do not hang on the rows beside it.

    More than two classes are each decided against the rest. The logit of one is the logarithm of its own probability,
    so that the softmax divides these by their sum, as scikit-learn does (docs/decisions/0023).
    """

    terms: Terms
    weights: Floats  # [F, K]
    bias: Floats  # [K]
    kind: Kind
    outputs: int  # C
    thresholds: Floats | None = None  # [C] of several labels
    temperature: float = 1.0
    """By which logits are divided."""
    strength: float | None = None
    """What `score.linear` chose to fit it with; not saved."""

    def logits(self, inputs: Inputs) -> Floats:
        """[B, C] of texts."""
        found = [self.answers(features.transform(self.terms, part)) for part in inputs.parts()]
        return np.concatenate([np.zeros((0, self.outputs)), *found])

    def answers(self, rows: Sparse) -> Floats:
        """[B, C] of features [B, F]."""
        decided: Floats = rows @ self.weights + self.bias
        if self.kind == "one" and self.outputs == 2:
            decided = np.hstack([-decided / 2, decided / 2])  # their softmax is the logistic function of it
        elif self.kind == "one":
            decided = -np.logaddexp(0, -decided)
        return decided / self.temperature

    def cooled(self, temperature: float) -> Linear:
        """The same with its logits divided by this."""
        return replace(self, temperature=self.temperature * temperature)
