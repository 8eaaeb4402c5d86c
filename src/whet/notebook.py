"""What a notebook shows of runs and predictions: small tables that load nothing, in which data are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from whet.records import Prediction

SHOWN = ("accuracy", "macro_f1", "precision", "recall", "f1", "micro_f1", "mcc", "roc_auc", "pearson", "spearman",
         "mae", "rmse")  # fmt: skip
MOST_ROWS, LETTERS = 20, 200


class Predictions(list[Prediction]):
    """Predictions in their order: a list, which a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        paired = any(each.text2 is not None for each in self)
        head = ["text", *(["second text"] if paired else []), "answer", "probability"]
        rows = [
            [_cut(each.text), *([_cut(each.text2 or "")] if paired else []), _answer(each), _share(each)]
            for each in self[:MOST_ROWS]
        ]
        more = f"<p>and {len(self) - MOST_ROWS:,} more</p>" if len(self) > MOST_ROWS else ""
        return _table(head, rows) + more


def of_run(path: str, metrics: Mapping[str, Any]) -> str:
    """A run with its scores beside TF-IDF's, and the sentence on who won."""
    side = next((side for side in ("test", "validation") if side in metrics), "")
    scores, rival = metrics.get(side, {}), metrics.get("baselines", {}).get("tfidf", {}) if side == "test" else {}
    head = [
        f"{side} ({scores['rows']:,} rows)" if scores else "",
        "score",
        "95 % interval",
        *(["TF-IDF"] if rival else []),
    ]
    rows = []
    for name in SHOWN:
        if isinstance(scores.get(name), int | float):
            low_high = scores.get("intervals", {}).get(name, ())
            reach = " to ".join(f"{end:.4f}" for end in low_high)
            rows.append([name, f"{scores[name]:.4f}", reach, *([_number(rival.get(name))] if rival else [])])
    told = f"<p>{escape(str(metrics.get('verdict', {}).get('en', '')))}</p>"
    return f"<p><b>{escape(path)}</b></p>{told}" + (_table(head, rows) if rows else "")


def _answer(each: Prediction) -> str:
    if each.value is not None:
        return f"{each.value:.4g}"
    if each.labels is not None:
        return ", ".join(each.labels) or "no label"
    return each.label if each.label is not None else "unsure"


def _share(each: Prediction) -> str:
    if each.labels:
        return ", ".join(f"{each.probabilities[label]:.4f}" for label in each.labels)
    return _number(each.score)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(cells)}</tbody></table>"
