"""What the models of an ensemble came to, in the summary of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whet.cli.texts import TEXTS, Words, count, one_line

if TYPE_CHECKING:
    from rich.console import Console


def is_cross_validated(metrics: Mapping[str, Any]) -> bool:
    """Whether its validation rows are all training rows, out of fold."""
    return metrics.get("ensemble", {}).get("folds") is not None


def show(console: Console, words: Words, metrics: Mapping[str, Any]) -> None:
    """The score out of fold, and mean and standard deviation over the models. Nothing of a single model."""
    found: Mapping[str, Any] = metrics.get("ensemble", {})
    spread: Mapping[str, Any] = found.get("spread", {})
    if not spread:
        return
    asked = str(metrics.get("metric"))
    name = asked if all(asked in scores for scores in spread.values()) else "loss"
    metric = words(name) if name in TEXTS else one_line(name, 40)
    console.print()
    folded = is_cross_validated(metrics)
    if folded and "test" in metrics:
        scores = metrics["validation"]
        reach = scores["intervals"].get(name)
        interval = f" [{reach[0]:.3f}, {reach[1]:.3f}]" if reach else ""
        told = {"rows": count(scores["rows"]), "metric": metric, "score": f"{scores[name]:.4f}", "interval": interval}
        console.print(words("out of fold").format(**told), markup=False, soft_wrap=True)
    made = [words("of folds").format(folds=found["folds"])] if folded else []
    made += [words("of seeds").format(seeds=found["seeds"])] if found["seeds"] > 1 else []
    parts = []
    for side, scores in spread.items():
        key = "spread out of fold" if folded and side == "validation" else f"spread {side}"
        parts.append(words(key).format(**{part: f"{value:.4f}" for part, value in scores[name].items()}))
    line = words("each model").format(
        count=len(found["members"]), made=", ".join(made), metric=metric, told=", ".join(parts)
    )
    console.print(line, markup=False, soft_wrap=True)
