"""From which probability a label of a multi-label task is predicted, from numpy alone.

At 0.5 a rare label is hardly ever predicted, because its probability seldom gets there: for F1 the best
threshold is half of the F1 that it gives, so 0.5 at the most where probabilities are true (Lipton et al. 2014,
"Optimal Thresholding of Classifiers to Maximize F1 Measure").

Sizes in comments: B rows, C labels, V different probabilities of a label.
"""

from __future__ import annotations

import numpy as np

from whet.records import Bools, Floats

DEFAULT = 0.5
FEWEST = 5  # true rows of a label; with fewer its threshold stays at DEFAULT


def tune(probabilities: Floats, true: Bools) -> Floats:
    """For each label the threshold [C] of the best F1 over probabilities [B, C] in float64 and true answers
    [B, C]; a label is predicted where its probability is at least its threshold.

    Every threshold between two neighbouring probabilities gives the same answers, and so the same F1. Of the
    stretches of best F1 the widest is taken, the higher one of equals, and of that its middle: the place
    farthest from where F1 falls. A label with fewer than FEWEST true rows has DEFAULT. Other shapes
    and probabilities outside of 0 to 1 raise ValueError.
    """
    if probabilities.ndim != 2 or probabilities.shape != true.shape:
        raise ValueError(f"probabilities {probabilities.shape} and answers {true.shape}: expected both [B, C]")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability outside of 0 to 1")
    wide = np.asarray(probabilities, dtype=np.float64)
    columns = range(wide.shape[1])
    return np.array([_best(wide[:, c], true[:, c]) for c in columns], dtype=np.float64)


def _best(probabilities: Floats, true: Bools) -> float:
    support = int(true.sum())
    if support < FEWEST:
        return DEFAULT
    steps, place = np.unique(probabilities, return_inverse=True)  # [V] ascending
    # Row v: what is predicted by a threshold above steps[v - 1] and up to steps[v].
    answered = np.bincount(place)[::-1].cumsum()[::-1]
    found = np.bincount(place, weights=true)[::-1].cumsum()[::-1]
    f1 = 2 * found / (answered + support)
    below = np.concatenate([[0.0], steps[:-1]])
    best = np.flatnonzero(f1 == f1.max())
    stretches = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    low, high = max(((below[run[0]], steps[run[-1]]) for run in stretches), key=lambda ends: (ends[1] - ends[0], ends))
    middle = low + (high - low) / 2
    return float(middle if middle > low else high)  # between neighbouring floats there is no middle
