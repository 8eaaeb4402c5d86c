"""Whether probabilities are as true as they say, and the temperature that makes them so. From numpy alone.

A fine-tuned network is mostly too sure of itself. One number, fitted on rows that it has not learnt from, by which
all logits are divided, mends most of that and changes no answer (Guo et al. 2017, "On Calibration of Modern Neural
Networks", arXiv 1706.04599, section 4.2).

Sizes in comments: B rows, C labels, N answers with a confidence each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Side, Targets
from whet.score import several
from whet.score.judge import probabilities
from whet.score.metrics import log_loss, sigmoid, softmax
from whet.score.probabilistic import BINS, bin_of, calibration_error, confidence
from whet.sentences.bilingual import said

FEWEST_ROWS = 50  # to fit a temperature on,
FEWEST_WRONG = (
    10  # of whose answers so many are wrong: with fewer it does more harm than good (docs/log.md, 2026-11-27)
)
LOWEST, HIGHEST = 0.05, 20.0  # temperatures
STEPS = 100  # of the fit, which takes about ten
CURVE = (*(0.05 * i for i in range(19)), *(0.91 + 0.01 * i for i in range(9)), 0.995, 0.999)
"""The confidences at which coverage is told."""
ADVISED = 0.9  # the confidence that a summary tells of where none was asked for


@dataclass(frozen=True, slots=True)
class Fitted:
    """A temperature, or why there is none."""

    temperature: float | None
    reason: str

    @property
    def divisor(self) -> float:
        return 1.0 if self.temperature is None else self.temperature


def fit(logits: Floats, targets: Targets, labels: LabelSet) -> Fitted:
    """The temperature with the lowest log loss on logits [B, C] and what they should say, one for all labels."""
    if labels.kind == "value":
        return Fitted(None, said({}, "no probabilities"))
    if not np.isfinite(logits).all():
        return Fitted(None, said({}, "logits not finite"))
    missed = (logits > 0) != targets if labels.kind == "several" else logits.argmax(axis=1) != targets
    rows, wrong = len(logits), int(missed.sum())
    if rows < FEWEST_ROWS or wrong < FEWEST_WRONG:
        facts = {"wrong": wrong, "rows": rows, "least": FEWEST_WRONG, "fewest": FEWEST_ROWS}
        return Fitted(None, said(facts, "too few wrong"))
    slope = _slope_of_several if labels.kind == "several" else _slope_of_one
    low, high, scale = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(STEPS):  # Newton's, within the bounds: in 1 / temperature the loss is convex
        first, second = slope(logits, targets, scale)
        low, high = (scale, high) if first < 0 else (low, scale)
        after = scale - first / second if second > 0 else 0.0
        after = after if low < after < high else (low * high) ** 0.5
        if abs(after - scale) <= 1e-12 * scale or high - low <= 1e-12 * low:
            break
        scale = after
    return Fitted(1 / scale, said({"rows": rows}, "fitted"))


def _slope_of_one(logits: Floats, targets: Targets, scale: float) -> tuple[float, float]:
    """The first and second derivative of the log loss by the scale of the logits."""
    shares = softmax(logits * scale)
    expected = (shares * logits).sum(axis=1)
    spread = (shares * (logits - expected[:, None]) ** 2).sum(axis=1)
    true = logits[np.arange(len(logits)), np.asarray(targets, dtype=np.int64)]
    return float((expected - true).mean()), float(spread.mean())


def _slope_of_several(logits: Floats, targets: Targets, scale: float) -> tuple[float, float]:
    shares = sigmoid(logits * scale)
    return float(((shares - targets) * logits).mean()), float((shares * (1 - shares) * logits**2).mean())


def moved(thresholds: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Thresholds of probabilities before a temperature to those with the same answers after it."""
    found = {}
    for name, share in thresholds.items():
        if 0 < share < 1:
            logit = np.log(share) - np.log1p(-share)
            share = float(sigmoid(np.array([logit / temperature]))[0])
        found[name] = share
    return found


# ---------------------------------------------------------------- how true probabilities are


def bins(sure: Floats, right: Bools) -> list[dict[str, float]]:
    """Of confidences and whether they were right [N], in BINS equal parts of 0 to 1, those that have any: from above
    `low` up to `high`, how many, their mean confidence and how many of them were right."""
    part = bin_of(sure)
    counts = np.bincount(part, minlength=BINS)
    sums, hits = (np.bincount(part, weights=values, minlength=BINS) for values in (sure, right))
    return [
        {
            "low": i / BINS, "high": (i + 1) / BINS, "rows": int(counts[i]),
            "confidence": float(sums[i] / counts[i]), "accuracy": float(hits[i] / counts[i]),
        }
        for i in np.flatnonzero(counts)
    ]  # fmt: skip


def answered(sure: Floats, right: Bools, least: float) -> dict[str, float | int | None]:
    """How many answers there are at this confidence and above, and how many of them are right."""
    kept = sure >= least
    share = float(right[kept].mean()) if kept.any() else None
    return {"min_confidence": least, "rows": int(kept.sum()), "coverage": float(kept.mean()), "accuracy": share}


# ---------------------------------------------------------------- metrics.json


def as_json(
    fitted: Fitted, sides: Mapping[Side, tuple[Floats, Targets]], labels: LabelSet, *, least: float | None
) -> dict[str, object]:
    """The part of metrics.json: logits [B, C] of the calibrated model and what they should say, by side; the last
    side is the one told in full. `least`: the confidence below which the run says unsure. Empty for numbers."""
    if labels.kind == "value":
        return {}
    found: dict[str, object] = {} if fitted.temperature is None else {"temperature": fitted.temperature}
    found["reason"] = str(fitted.reason)
    for side, (logits, targets) in sides.items():
        logits = np.nan_to_num(logits)
        true: Ints | Bools = np.asarray(targets, dtype=np.bool_ if labels.kind == "several" else np.int64)
        sure, right = confidence(probabilities(logits, labels), true)
        before, _ = confidence(probabilities(logits * fitted.divisor, labels), true)
        found[side] = {
            "ece_before": calibration_error(before, right),
            "ece_after": calibration_error(sure, right),
            "log_loss_before": _loss(logits * fitted.divisor, targets, labels),
            "log_loss_after": _loss(logits, targets, labels),
        }
        found["bins"] = bins(sure, right)
        if labels.kind == "one":
            found["coverage"] = [answered(sure, right, round(at, 3)) for at in CURVE]
            found["answered"] = answered(sure, right, ADVISED if least is None else least)
    return found


def _loss(logits: Floats, targets: Targets, labels: LabelSet) -> float:
    if labels.kind == "several":
        return several.log_loss(logits, np.asarray(targets, dtype=np.bool_))
    return log_loss(logits, np.asarray(targets, dtype=np.int64))
