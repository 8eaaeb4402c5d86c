"""NB-SVM: a linear classifier on words that are weighted by how much a class favours them (Wang and Manning 2012,
"Baselines and Bigrams: Simple, Good Sentiment and Topic Classification").

Sizes in comments: B rows, F features, K classes that are told from the rest; of two classes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.records import Floats, Ints

STRENGTH = 1.0  # C of the support vector machine,
SHARE = 0.25  # of its own weights; the rest is their mean size, so that no rare word decides alone (beta in the paper)
SMOOTHING = 1.0  # rows that every class is taken to have had with every feature (alpha)
SEED = 0


@dataclass(frozen=True, slots=True)
class NbSvm:
    classes: Ints  # ids; the second of two, or one for each column of the weights
    weights: Floats  # [F, K]
    shift: Floats  # [K]

    @staticmethod
    def fit(rows: Any, ids: Ints) -> NbSvm:
        """Learns from a sparse matrix of B rows, of which it counts which features are there, and their class ids
        [B], of which there are two or more."""
        there = _presence(rows)
        classes = np.unique(ids)
        told = classes[1:] if len(classes) == 2 else classes
        found = [_one(there, ids == each) for each in told]
        return NbSvm(classes, np.column_stack([weights for weights, _ in found]), np.array([at for _, at in found]))

    def predict(self, rows: Any) -> Ints:
        """Class ids [B] of a sparse matrix with the same features."""
        sides = _presence(rows) @ self.weights + self.shift
        chosen: Ints = (sides[:, 0] > 0).astype(np.int64) if len(self.classes) == 2 else sides.argmax(axis=1)
        return self.classes[chosen]


def _one(there: Any, marks: Any) -> tuple[Floats, float]:
    """Weights [F] and shift of one class against the rest."""
    from sklearn.svm import LinearSVC

    with_, without = (SMOOTHING + there.T @ which.astype(np.float64) for which in (marks, ~marks))
    ratio = np.log(with_ / with_.sum()) - np.log(without / without.sum())
    scaled = there.copy()
    scaled.data = ratio[there.indices]
    fitted = LinearSVC(C=STRENGTH, tol=0.1, random_state=SEED).fit(scaled, marks)
    own = fitted.coef_[0]
    return ratio * ((1 - SHARE) * np.abs(own).mean() + SHARE * own), float(fitted.intercept_[0])


def _presence(rows: Any) -> Any:
    there = rows.copy()
    there.data = np.ones_like(there.data)
    return there
