"""The parts of metrics.json."""

from __future__ import annotations

import dataclasses

from whet.records import Baselines, Evaluation, Scores, Targets, ValueScores
from whet.score.compare import paired
from whet.score.metrics import as_json, interval
from whet.score.verdict import LANGUAGES, kind_of, rival_of, verdict


def scores(found: Evaluation, whole: int) -> dict[str, object]:
    """The part of metrics.json for one side, which has so many rows in all."""
    metrics = found.metrics
    found_scores = {**as_json(metrics), "loss": found.loss}
    if metrics.rows < whole:
        found_scores["sample"] = {"rows": metrics.rows, "of": whole}
        if not isinstance(metrics, ValueScores):
            found_scores["intervals"] = {"accuracy": list(interval(metrics))}
    return found_scores


def compared(
    model: Scores, rivals: Baselines | None, mine: Targets, true: Targets, *, better: str = "", linear: bool = False
) -> dict[str, object]:
    """The baselines' part of metrics.json, how the model compares with the best of them, and the verdict on who won in
    every language. `mine`: what the model answered to the rows of the baselines, `true`: what they are. `better`: a
    model that has the words of the texts, where this one lacks them; `linear`: it is no fine-tuned one."""
    if rivals is None:
        return {}
    there = {name: scores for name in rivals.answers if (scores := getattr(rivals, name)) is not None}
    kind = kind_of(model)
    best = rival_of(rivals, kind)
    found = paired(true, mine, rivals.answers[best], kind, best)
    return {
        "baselines": {**{name: as_json(scores) for name, scores in there.items()}, "seconds": rivals.seconds},
        "comparison": dataclasses.asdict(found) | {"interval": list(found.interval)},
        "verdict": {lang: verdict(model, rivals, found, lang=lang, better=better, linear=linear) for lang in LANGUAGES},
    }
