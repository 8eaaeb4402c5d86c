"""How much each row moves a score of probabilities, and so how far that score may be off, without drawing rows again.

The standard error of a score is the root of the sum of squared influences, which is what the bootstrap's tends to
(the infinitesimal jackknife, Efron 1982, "The Jackknife, the Bootstrap and Other Resampling Plans"). Of an area under
the ROC curve it is that of DeLong et al. 1988 but for the factor n / (n - 1).

Sizes in comments: B rows, C classes or labels, V different probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from whet.intervals import NORMAL
from whet.records import Bools, Floats
from whet.score.probabilistic import placed

Moved = Callable[[Floats, Bools], Floats]


def of_area(shares: Floats, true: Bools) -> Floats:
    """Of the area under the ROC curve by probabilities [B] against answers [B], of both kinds: [B]."""
    place, with_, without = placed(shares, true)
    below, above = np.cumsum(without) - without, with_.sum() - np.cumsum(with_)
    rows_with, rows_without = with_.sum(), without.sum()
    beaten, beating = (below + without / 2) / rows_without, (above + with_ / 2) / rows_with
    area = with_ @ beaten / rows_with
    moved: Floats = np.where(true, (beaten[place] - area) / rows_with, (beating[place] - area) / rows_without)
    return moved


def of_precision(shares: Floats, true: Bools) -> Floats:
    """Of the average precision likewise."""
    place, with_, without = placed(shares, true)
    found, answered = (np.cumsum(each[::-1])[::-1] for each in (with_, with_ + without))
    precision, rows_with = found / answered, with_.sum()
    average = with_ @ precision / rows_with
    # A row weighs in the precision at every threshold that it reaches, and where it has the label as one that is found.
    more = np.cumsum(with_ / answered)[place] + precision[place] - average
    fewer = np.cumsum(with_ * precision / answered)[place]
    moved: Floats = (np.where(true, more, 0.0) - fewer) / rows_with
    return moved


def interval_of_mean(shares: Floats, true: Bools, moved: Moved, mean: float) -> tuple[float, float] | None:
    """95 % interval of the mean over those columns of probabilities [B, C] whose answers [B, C] are of both kinds,
    taken on the scale of the logit; None at 0 and 1, where it would have no width."""
    columns = [c for c in range(true.shape[1]) if true[:, c].any() and not true[:, c].all()]
    error = np.linalg.norm(np.mean([moved(shares[:, c], true[:, c]) for c in columns], axis=0))
    if not 0 < mean < 1 or not error:
        return None
    middle, reach = math.log(mean / (1 - mean)), NORMAL * float(error) / (mean * (1 - mean))
    low, high = (1 / (1 + math.exp(-min(700.0, max(-700.0, end)))) for end in (middle - reach, middle + reach))
    return low, high
