"""NB-SVM: a linear classifier on words that are weighted by how much a class favours them (Wang and Manning 2012,
"Baselines and Bigrams: Simple, Good Sentiment and Topic Classification").

Unlike there a word counts by its TF-IDF instead of 1, so that long and short texts need no strengths of their own, and
the weights are not drawn to their mean: on rows of IMDB, SST-2, AG News and ko_hate that were held back both did
better (docs/log.md, 2026-11-27).

Sizes in comments: B rows, F features, K classes that are told from the rest; of two classes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.records import Bools, Floats, Ints
from whet.score.sparse import Sparse

STRENGTH = 3.0  # C of the support vector machine
SMOOTHING = 1.0  # rows that every class is taken to have had with every feature (alpha)
TOLERANCE = 0.1  # what liblinear itself gives its dual solver; a hundredth takes twice as long for the same accuracy
SEED = 0


@dataclass(frozen=True, slots=True)
class NbSvm:
    classes: Ints  # ids; the second of two, or one for each column of the weights
    weights: Floats  # [F, K]
    shift: Floats  # [K]

    @staticmethod
    def fit(rows: Any, ids: Ints) -> NbSvm:
        """Learns from a sparse matrix of B rows, none of whose entries is below 0, and their class ids [B], of which
        there are two or more."""
        there, classes = _with(rows, np.ones_like(rows.data)), np.unique(ids)
        told = classes[1:] if len(classes) == 2 else classes
        found = [_one(rows, there, ids == each) for each in told]
        return NbSvm(classes, np.column_stack([weights for weights, _ in found]), np.array([at for _, at in found]))

    def predict(self, rows: Sparse) -> Ints:
        """Class ids [B] of the same features of other rows."""
        sides = rows @ self.weights + self.shift
        chosen: Ints = (sides[:, 0] > 0).astype(np.int64) if len(self.classes) == 2 else sides.argmax(axis=1)
        return self.classes[chosen]


def _one(rows: Any, there: Any, marks: Bools) -> tuple[Floats, float]:
    """Weights [F] and shift of one class against the rest. `there`: 1 for every entry of the rows."""
    from sklearn.svm import LinearSVC

    with_, without = (SMOOTHING + there.T @ which.astype(np.float64) for which in (marks, ~marks))
    ratio = np.log(with_ / with_.sum()) - np.log(without / without.sum())
    scaled = _with(rows, rows.data * ratio[rows.indices])
    fitted = LinearSVC(C=STRENGTH, tol=TOLERANCE, random_state=SEED).fit(scaled, marks)
    return ratio * fitted.coef_[0], float(fitted.intercept_[0])


def _with(rows: Any, data: Floats) -> Any:
    """A sparse matrix with other entries in the same places, which both share."""
    from scipy import sparse

    return sparse.csr_matrix((data, rows.indices, rows.indptr), shape=rows.shape)
