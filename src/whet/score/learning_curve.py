"""Would more labels help: scores of models that learnt from parts of the training rows, and what twice as many rows
would bring.

The forecast follows an inverse power law, score = a - b n^-c of n rows, as learning curves of text do (Figueroa et al.
2012, doi 10.1186/1472-6947-12-8; Johnson et al. 2018, ACL). Three scores of a few hundred rows do not tell its
exponent: that is EXPONENT, and for the band anything within EXPONENTS. b is fitted by least squares, and the law goes
on from the score of all rows. What other rules gave: docs/decisions/0024-learning-curve.md.

Sizes in comments: B rows, C labels, P points, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from whet.labels import LabelSet
from whet.records import Floats, Ints, Targets
from whet.score import resample
from whet.score.judge import answers, judge, scores_of
from whet.score.metrics import ERRORS, value
from whet.score.verdict import Language
from whet.settings.values import METRICS, Metric, MetricFunction

SHARES = (0.25, 0.5)  # of the training rows, beside all of them
AHEAD = 2  # times the training rows
EXPONENT, EXPONENTS = 0.25, (0.01, 0.5)
# Scores of answers alone; the others need probabilities, and more time for each resample.
OF_ANSWERS = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "f1", "samples_f1", "balanced_accuracy", "mcc",
              "pearson", "mae", "rmse", "r2")  # fmt: skip
RESAMPLES, FEWER = 1_000, 200
LEAST_GAIN, LEAST_SHARE = 0.01, 0.05  # of a score, and of an error as a share of it, that labels are worth their work
TELLING = 300  # validation rows: what none of so many shows may still be so for 1 % of all (the rule of three)

Outcome = Literal["worth", "little", "open"]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model that learnt from so many rows, and its answers to the validation rows."""

    share: float
    """Of the training rows."""
    rows: int
    logits: Floats  # [B, C]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Of several labels."""


def document(points: Sequence[Learnt], targets: Targets, labels: LabelSet, metric: Metric) -> dict[str, object]:
    """What metrics.json holds of the curve. `points`: the largest, of all training rows, comes last; `targets` [B]: of
    the validation rows, which are drawn again for the intervals. Where no point is missing there are a forecast, and a
    sentence on it in each language."""
    sign = -1.0 if is_error(metric) else 1.0
    scores = np.array([_score(point, targets, None, labels, metric) for point in points])
    drawn = _resampled(points, targets, labels, metric)
    told = [
        {"share": point.share, "rows": point.rows} | _told(sign * score, sign * resampled)
        for point, score, resampled in zip(points, scores, drawn.T, strict=True)
    ]
    found: dict[str, object] = {"metric": str(metric), "validation_rows": len(targets), "points": told}
    if len(points) <= len(SHARES) or not np.isfinite(scores).all():
        return found
    forecast = _forecast(scores, drawn, metric, len(targets)) | {"rows": AHEAD * points[-1].rows}
    return found | {"forecast": forecast, "sentence": {lang: sentence(forecast, lang) for lang in SENTENCES}}


def score_of(point: Learnt, targets: Targets, labels: LabelSet, metric: Metric) -> float:
    """The score of a point as it is told: an error is not turned."""
    found = _score(point, targets, None, labels, metric)
    return -found if is_error(metric) else found


def is_error(metric: Metric) -> bool:
    """Whether less of it is better."""
    return metric in (*ERRORS, "loss")


def gain(scores: Floats, exponent: float | Floats) -> Floats:
    """By how much the scores [.., P] of SHARES and of all rows would rise with AHEAD times the rows; never below 0, for
    more labels do no harm. `exponent` [..]."""
    shares = np.array([*SHARES, 1.0])
    powers = shares ** -np.asarray(exponent)[..., None]
    apart = powers - powers.mean(axis=-1, keepdims=True)
    slope = (apart * scores).sum(axis=-1) / (apart**2).sum(axis=-1)
    found: Floats = np.maximum(0.0, slope * (AHEAD ** -np.asarray(exponent) - 1))
    return found


def judged(expected: float, low: float, high: float, least: float, rows: int) -> Outcome:
    """Whether a gain within an interval is worth it, where `least` is. Few validation `rows`, on which all models may
    answer alike, do not tell that it is small."""
    if low > 0 and expected >= least:
        return "worth"
    return "little" if high < least and rows >= TELLING else "open"


def _forecast(scores: Floats, drawn: Floats, metric: Metric, rows: int) -> dict[str, object]:
    """The part of the document, of scores [P] of which more is better, and those of resamples [R, P]."""
    sign, most = (-1.0, 0.0) if is_error(metric) else (1.0, 1.0 if metric in METRICS else np.inf)
    now, expected = float(scores[-1]), float(gain(scores, EXPONENT))
    expected = min(expected, max(0.0, most - now))
    found: dict[str, object] = {"score": sign * (now + expected), "now": sign * now, "gain": expected}
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if not len(drawn):
        return found | {"outcome": "open"}
    exponents = np.random.default_rng(resample.SEED).uniform(*EXPONENTS, size=len(drawn))
    gains = np.minimum(gain(drawn, exponents), np.maximum(0.0, most - drawn[:, -1]))
    reach, score = _held(gains, expected), _held(sign * (drawn[:, -1] + gains), sign * (now + expected))
    least = LEAST_SHARE * abs(now) if is_error(metric) else LEAST_GAIN
    outcome = judged(expected, *reach, least, rows)
    return found | {"interval": list(score), "gain_interval": list(reach), "outcome": outcome}


def _resampled(points: Sequence[Learnt], targets: Targets, labels: LabelSet, metric: Metric) -> Floats:
    """Scores [R, P] of rows that are drawn again, the same for every point. Of a function of the user's, which may not
    take any rows that are given to it, there are none."""
    if isinstance(metric, MetricFunction):
        return np.empty((0, len(points)))
    rng, rows = np.random.default_rng(resample.SEED), len(targets)
    count = RESAMPLES if metric in OF_ANSWERS else FEWER
    found = np.empty((count, len(points)))
    for place in range(count):
        drawn = rng.integers(rows, size=rows)
        found[place] = [_score(point, targets, drawn, labels, metric) for point in points]
    return found


def _score(point: Learnt, targets: Targets, rows: Ints | None, labels: LabelSet, metric: Metric) -> float:
    """Of the validation rows, or of some of them; more is better. NaN where it is undefined."""
    logits, true = (point.logits, targets) if rows is None else (point.logits[rows], targets[rows])
    if metric in OF_ANSWERS:
        given = answers(logits, labels, point.thresholds)
        return value(scores_of(given, true, labels, point.thresholds), 0.0, str(metric))
    return value(*judge(logits, true, labels, point.thresholds, metric), str(metric))


def _held(resampled: Floats, found: float) -> tuple[float, float]:
    """The percentile interval of scores [R], widened to hold the one that was found."""
    low, high = map(float, resample.ends(resampled))
    return min(low, found), max(high, found)


def _told(score: float, resampled: Floats) -> dict[str, object]:
    """A score, None where it is undefined, and its interval where there is one."""
    if not np.isfinite(score):
        return {"score": None}
    known = resampled[np.isfinite(resampled)]
    return {"score": float(score)} | ({"interval": list(_held(known, score))} if len(known) else {})


def sentence(forecast: Mapping[str, Any], lang: Language) -> str:
    """What twice as many labels would bring, in words."""
    told = SENTENCES[lang]
    facts = {"rows": f"{forecast['rows']:,}"}
    for name, ends in (("score", "interval"), ("gain", "gain_interval")):
        facts[name] = f"{forecast[name]:.3f}"
        if ends in forecast:
            low, high = forecast[ends]
            facts[name] += told["interval"].format(low=f"{low:.3f}", high=f"{high:.3f}")
    return told["forecast"].format(**facts) + told[forecast["outcome"]]


SENTENCES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "interval": " ({low} to {high})",
        "forecast": "With twice as many labels, {rows} rows, it would be about {score}, better by {gain}: ",
        "worth": "more labels are worth it.",
        "little": "more labels would change little.",
        "open": "whether more labels are worth it cannot be told from these rows.",
    },
    "ko": {
        "interval": "({low}~{high})",
        "forecast": "라벨을 두 배({rows}행)로 늘리면 약 {score}, 지금보다 {gain}만큼 나아질 것으로 예상됩니다. ",
        "worth": "라벨을 더 모을 가치가 있습니다.",
        "little": "라벨을 더 모아도 거의 달라지지 않습니다.",
        "open": "라벨을 더 모을 가치가 있는지는 지금 있는 행만으로는 알 수 없습니다.",
    },
}
