"""The parts of metrics.json."""

from __future__ import annotations

from whet.records import Baselines, Evaluation, Scores, ValueScores
from whet.score.metrics import as_json, interval
from whet.score.verdict import verdict


def scores(found: Evaluation, whole: int) -> dict[str, object]:
    """The part of metrics.json for one side, which has so many rows in all."""
    metrics = found.metrics
    found_scores = {**as_json(metrics), "loss": found.loss}
    if metrics.rows < whole:
        found_scores["sample"] = {"rows": metrics.rows, "of": whole}
        if not isinstance(metrics, ValueScores):
            found_scores["intervals"] = {"accuracy": list(interval(metrics))}
    return found_scores


def compared(model: Scores, rivals: Baselines | None) -> dict[str, object]:
    """The baselines' part of metrics.json, with the sentence on who won in every language."""
    if rivals is None:
        return {}
    return {
        "baselines": {
            "majority": as_json(rivals.majority),
            "tfidf": as_json(rivals.tfidf),
            "seconds": rivals.seconds,
        },
        "verdict": {
            "en": verdict(model, rivals, rows=model.rows, lang="en"),
            "ko": verdict(model, rivals, rows=model.rows, lang="ko"),
        },
    }
