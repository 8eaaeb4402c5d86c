"""Claim: of the bands that --learning-curve gives, 9 of 10 hold the accuracy that twice as many rows come to.

    python benchmarks/learning_curve.py [--sets sst2,nsmc,imdb] [--rows 200,400,800,1600] [--draws 20]

With TF-IDF (hashed word pairs, for Korean letters) and logistic regression, which trains in moments: for each number
of rows and draw, models on a quarter, half, all and twice the rows, an eighth of the rows for validation as whet has
them, and 3,000 others that tell what twice the rows come to. Told are the error of the forecast beside that of the
last score alone and of other exponents, how often the bands of score and gain hold what came, and what of each
outcome came. --save keeps the result. Last line: one JSON object.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import emit, parser, rows
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from whet.labels import LabelSet
from whet.score.learning_curve import EXPONENT, LEAST_GAIN, SHARES, Learnt, document, gain

CLAIM = "of the bands that --learning-curve gives, 9 of 10 hold the accuracy that twice as many rows come to"
HELD, FEATURES, EXPONENTS = 3_000, 2**17, (0.1, 0.25, 0.5, 1.0)
KOREAN = ("nsmc",)


@dataclass(frozen=True)
class Trial:
    """What a draw came to."""

    exact: np.ndarray  # scores of SHARES and all rows on the rows that were held out
    measured: np.ndarray  # on validation
    came: float  # of twice the rows, on the rows that were held out
    forecast: dict[str, Any]


def trials(name: str, counts: list[int], draws: int) -> Iterator[Trial]:
    texts, labels = rows(name)
    most = 2 * max(counts) + HELD + max(counts)
    chosen = np.random.default_rng(0).permutation(len(texts))[:most]
    kind, reach = ("char_wb", (1, 3)) if name in KOREAN else ("word", (1, 2))
    hashed = HashingVectorizer(analyzer=kind, ngram_range=reach, n_features=FEATURES, alternate_sign=False)
    features, true = hashed.transform([texts[i] for i in chosen]), np.array(labels)[chosen]
    names = LabelSet(tuple(map(str, sorted(set(labels)))), None, "", "one")
    for count in counts:
        for draw in range(draws):
            order = np.random.default_rng((count, draw)).permutation(len(true))
            held, validation, train = np.split(order, [HELD, HELD + count // 8])
            scored, points = [], []
            for share in (*SHARES, 1.0, 2.0):
                some = train[: round(share * count)]
                model = LogisticRegression(C=10, max_iter=60, tol=1e-3).fit(features[some], true[some])
                scored.append(float((model.predict(features[held]) == true[held]).mean()))
                if share <= 1:
                    answered = np.full((len(validation), len(names)), -50.0)
                    answered[:, model.classes_] = model.predict_log_proba(features[validation])
                    points.append(Learnt(share, len(some), answered))
            found: Any = document(points, true[validation], names, "accuracy")
            measured = np.array([point["score"] for point in found["points"]])
            yield Trial(np.array(scored[:3]), measured, scored[3], found["forecast"])


def figures(found: list[Trial]) -> dict[str, Any]:
    exact, measured = (np.array([getattr(each, name) for each in found]) for name in ("exact", "measured"))
    came = np.array([each.came for each in found])
    gained = came - exact[:, -1]
    held = {
        name: float(np.mean([low <= value <= high for (low, high), value in zip(ends, values, strict=True)]))
        for name, ends, values in (
            ("score", [each.forecast["interval"] for each in found], came),
            ("gain", [each.forecast["gain_interval"] for each in found], gained),
        )
    }
    errors = {"last score": [error(exact[:, -1], came), error(measured[:, -1], came)]}
    for exponent in EXPONENTS:
        ahead = [scores[:, -1] + gain(scores, exponent) for scores in (exact, measured)]
        errors[f"exponent {exponent:g}"] = [error(each, came) for each in ahead]
    outcomes = np.array([each.forecast["outcome"] for each in found])
    came_of = {
        name: [int((outcomes == name).sum()), float(np.mean(gained[outcomes == name] >= LEAST_GAIN))]
        for name in sorted(set(outcomes.tolist()))
    }
    return {"trials": len(found), "held": held, "error": errors, "gained a point": came_of}


def error(forecast: np.ndarray, came: np.ndarray) -> float:
    """Root mean square."""
    return round(float(np.sqrt(np.mean((forecast - came) ** 2))), 4)


def main(arguments: argparse.Namespace) -> None:
    counts = [int(count) for count in arguments.rows.split(",")]
    result = {}
    for name in arguments.sets.split(","):
        result[name] = figures(list(trials(name, counts, arguments.draws)))
        print(name, result[name])
    emit("learning_curve", CLAIM, {"exponent": EXPONENT, **result}, save=arguments.save)


if __name__ == "__main__":
    options = parser(__doc__ or "")
    options.add_argument("--sets", default="sst2,nsmc,imdb")
    options.add_argument("--rows", default="200,400,800,1600")
    options.add_argument("--draws", type=int, default=20)
    main(options.parse_args())
