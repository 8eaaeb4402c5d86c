"""The sections of a report on scores: beside the baselines, by label, by pair of labels, by part of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whet.records import Floats
from whet.report import plots
from whet.report.blocks import Block, Cell, Figure, Figures, Prose, Section, Table, Tile
from whet.report.material import Material
from whet.report.plots import Whisker
from whet.report.words import Words, score

# The scores of each task in the order in which they are shown, the one that decides first.
SHOWN: Mapping[str, tuple[str, ...]] = {
    "binary": ("accuracy", "precision", "recall", "f1", "macro_f1", "balanced_accuracy", "mcc", "roc_auc", "pr_auc",
               "log_loss", "brier", "ece"),
    "multiclass": ("accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall", "balanced_accuracy", "mcc",
                   "roc_auc", "pr_auc", "log_loss", "brier", "ece"),
    "multilabel": ("macro_f1", "micro_f1", "weighted_f1", "samples_f1", "macro_precision", "macro_recall",
                   "micro_precision", "micro_recall", "accuracy", "roc_auc", "pr_auc", "hamming_loss", "log_loss",
                   "brier", "ece"),
    "regression": ("pearson", "spearman", "r2", "mae", "rmse"),
}  # fmt: skip
LOWER = ("hamming_loss", "log_loss", "brier", "ece", "mae", "rmse")  # is better
RIVALS = ("nbsvm", "tfidf", "majority")
MOST_LABELS = 60  # listed one by one
WIDEST_MATRIX = 12
MOST_PAIRS = 20


def main_metric(found: Material) -> str:
    """The score that a task is judged by."""
    return SHOWN[found.task][0]


def rivals(found: Material) -> dict[str, Mapping[str, Any]]:
    """The baselines that were scored on the same rows."""
    scored = found.metrics.get("baselines", {}) if found.side == "test" else {}
    return {name: scored[name] for name in RIVALS if name in scored}


def rival_name(name: str, found: Material, words: Words) -> str:
    """There is no majority of numbers or of several labels."""
    if name == "majority":
        return words({"regression": "mean answer", "multilabel": "constant"}.get(found.task, name))
    return words(name)


def tiles(found: Material, words: Words) -> tuple[Tile, ...]:
    """What stands at the head of the page."""
    if not found.side:
        return ()
    main, scores = main_metric(found), found.scores
    reach = scores.get("intervals", {}).get(main)
    rows = words("of side").format(rows=f"{scores['rows']:,}", side=words(found.side))
    note = rows if reach is None else words("interval of").format(low=score(reach[0]), high=score(reach[1]))
    first = Tile(words.metric(main, found.task), score(scores[main]), note)
    others = {name: each[main] for name, each in rivals(found).items()}
    if not others:
        return (first,)
    best = max(others, key=others.__getitem__)
    return first, Tile(words("best rival"), score(others[best]), rival_name(best, found, words))


def scores(found: Material, words: Words) -> Section | None:
    """The model beside the baselines."""
    if not found.side:
        return None
    mine, others = found.scores, rivals(found)
    names = [name for name in (*SHOWN[found.task], found.setting("metric")) if isinstance(mine.get(name), int | float)]
    rows = []
    for name in dict.fromkeys(names):
        values = [each.get(name) for each in (mine, *others.values())]
        best = (min if name in LOWER else max)((value for value in values if value is not None), default=None)
        note = _reach(mine.get("intervals", {}).get(name))
        rows.append((
            Cell(words.metric(name, found.task)),
            *(_score_cell(value, note if place == 0 else "", best=value == best and len({*values} - {None}) > 1)
              for place, value in enumerate(values)),
        ))  # fmt: skip
    head = ("", words("model"), *(rival_name(name, found, words) for name in others))
    notes = [words("positive").format(name=mine["positive"])] if mine.get("positive") else []
    lower = [words.metric(name, found.task) for name in names if name in LOWER]
    notes += [words("lower").format(names=", ".join(lower))] if lower else []
    blocks: list[Block] = []
    if others:
        blocks.append(_dots(found, words))
    blocks.append(Table(words("scores table"), head, tuple(rows), note=" ".join(notes)))
    blocks += [Prose(text) for text in _remarks(found, words)]
    lead = words("scores lead" if others else "scores lead alone")
    lead = lead.format(rows=f"{mine['rows']:,}", side=words(found.side))
    return Section("scores", words("scores"), lead, tuple(blocks))


def _reach(interval: Sequence[float] | None) -> str:
    return f"{score(interval[0])} – {score(interval[1])}" if interval else ""


def _score_cell(value: float | None, note: str, *, best: bool) -> Cell:
    return Cell("" if value is None else score(value), note=note, strong=best)


def _dots(found: Material, words: Words) -> Figures:
    """The deciding score of everybody, with its interval."""
    main = main_metric(found)
    everybody = {words("model"): found.scores}
    everybody |= {rival_name(name, found, words): each for name, each in rivals(found).items()}
    rows = []
    for name, each in everybody.items():
        low, high = each.get("intervals", {}).get(main, (each[main], each[main]))
        rows.append(Whisker(name, each[main], low, high))
    told = "; ".join(f"{row.name} {score(row.value)}" for row in rows)
    reached = any(row.low < row.high for row in rows)
    title = words("scores figure" if reached else "scores figure plain").format(metric=words.metric(main, found.task))
    return Figures((Figure(title, plots.whiskers("scores", rows), f"{title}: {told}"),))


def _remarks(found: Material, words: Words) -> list[str]:
    """The test of the difference, rows that leaked, and a sample in place of all rows."""
    said, mine = [], found.scores
    compared = found.metrics.get("comparison", {})
    if compared and found.side == "test":
        low, high = compared["interval"]
        said.append(words("difference").format(
            metric=words.metric(compared["metric"], found.task), rival=rival_name(compared["against"], found, words),
            difference=f"{compared['difference']:+.3f}", low=f"{low:+.3f}", high=f"{high:+.3f}", p=_p(compared["p"]),
        ))  # fmt: skip
        if compared.get("mcnemar_p") is not None:
            said[-1] += " " + words("mcnemar").format(p=_p(compared["mcnemar_p"]))
    clean = mine.get("without_leaks")
    if clean:
        main = main_metric(found)
        if main in clean:
            said.append(words("leaks").format(
                count=f"{clean['left_out']:,}", metric=words.metric(main, found.task),
                without=score(clean[main]), with_=score(mine[main]),
            ))  # fmt: skip
    if "sample" in mine:
        counts = {key: f"{mine['sample'][key]:,}" for key in ("rows", "of")}
        said.append(words("scores sampled").format(rows=counts["rows"], of=counts["of"]))
    return said


def _p(value: float) -> str:
    return "<\u00a00.001" if value < 0.001 else f"=\u00a0{value:.3f}"


def classes(found: Material, words: Words) -> Section | None:
    """Precision, recall and F1 of each label, and the threshold of each of several."""
    by_label: Mapping[str, Mapping[str, float]] = found.scores.get("classes", {})
    if not by_label:
        return None
    shown, note = list(by_label), ""
    if len(shown) > MOST_LABELS:
        shown = sorted(by_label, key=lambda name: by_label[name]["f1"])[:MOST_LABELS]
        note = words("classes cut").format(shown=len(shown), count=f"{len(by_label):,}")
    thresholds: Mapping[str, float] = found.scores.get("thresholds", {})
    reaches = found.scores.get("intervals", {}).get("classes", {})
    keys = ("precision", "recall", "f1")
    rows = [
        (
            Cell(name),
            *(
                Cell(score(by_label[name][key]), by_label[name][key], _reach(reaches.get(name, {}).get(key)))
                for key in keys
            ),
            Cell(f"{by_label[name]['support']:,}"),
            *([Cell(f"{thresholds[name]:.2f}")] if thresholds else []),
        )
        for name in shown
    ]
    head = (words("label"), *(words(key) for key in keys), words("rows"))
    head = (*head, words("threshold")) if thresholds else head
    table = Table(words("classes table"), head, tuple(rows), "bars", note)
    return Section("classes", words("classes"), words("classes lead"), (table,))


def confusion(found: Material, words: Words) -> Section | None:
    """What was taken for what: all of it, or the most frequent pairs of many labels."""
    known = found.scores.get("confusion")
    if not known:
        return None
    names, matrix = known["labels"], np.array(known["matrix"])
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if len(names) > WIDEST_MATRIX:
        return _pairs(names, matrix, shares, words)
    rows = tuple(
        (
            Cell(name),
            *(
                Cell(f"{count:,}", share=float(share), note=words.percent(share) if count else "", strong=row == column)
                for column, (count, share) in enumerate(zip(matrix[row], shares[row], strict=True))
            ),
        )
        for row, name in enumerate(names)
    )
    head = (words("true and predicted"), *names)
    table = Table(words("confusion table"), head, rows, "heat")
    return Section("confusion", words("confusion"), words("confusion lead"), (table,))


def _pairs(names: Sequence[str], matrix: Any, shares: Floats, words: Words) -> Section | None:
    wrong = matrix * (1 - np.eye(len(names), dtype=matrix.dtype))
    places = [int(place) for place in np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]]
    pairs = [divmod(place, len(names)) for place in places]
    rows = tuple(
        (
            Cell(names[true]),
            Cell(names[predicted]),
            Cell(f"{wrong[true, predicted]:,}"),
            Cell(words.percent(shares[true, predicted]), share=float(shares[true, predicted])),
        )
        for true, predicted in pairs
        if wrong[true, predicted]
    )
    if not rows:
        return None
    head = (words("true"), words("predicted"), words("rows"), words("of true"))
    table = Table(words("confused table"), head, rows, "bars")
    lead = words("confused lead").format(count=f"{len(names):,}")
    return Section("confusion", words("confusion"), lead, (table,))


def values(found: Material, words: Words) -> Section | None:
    """Predicted and true numbers of a regression."""
    if found.numbers is None:
        return None
    true, predicted = found.numbers
    errors = predicted - true
    label = words("cloud label").format(rows=f"{len(errors):,}", pearson=score(found.scores["pearson"]))
    cloud = plots.cloud("cloud", true, predicted, across=words("true value"))
    told = words("residuals label").format(mean=f"{errors.mean():.3g}", deviation=f"{errors.std():.3g}")
    residuals = plots.histogram("residuals", errors, across=words("residual across"), height=300)
    figures = Figure(words("cloud"), cloud, label), Figure(words("residuals"), residuals, told)
    return Section("values", words("values"), words("values lead"), (Figures(figures),))


def slices(found: Material, words: Words) -> Section | None:
    """How the score differs between parts of the rows: a drawing by length, a table by everything else but the label,
    of whose rows the recall is told already."""
    parts: Sequence[Mapping[str, Any]] = found.metrics.get("slices", ())
    by_length = [each for each in parts if each["by"] == "length"]
    others = [each for each in parts if each["by"] not in ("length", "label")]
    blocks: list[Block] = []
    key = "mae" if found.task == "regression" else "accuracy"
    metric = words.metric(key, found.task)
    if len(by_length) > 1:
        rows = [
            Whisker(each["value"].replace(" to ", "–"), each[key], *each.get("interval", (each[key],) * 2))
            for each in by_length
        ]
        told = ", ".join(f"{row.name}: {score(row.value)}" for row in rows)
        svg = plots.columns("lengths", rows, across=words("lengths across"))
        label = words("lengths label").format(score=metric, points=told)
        blocks.append(Figures((Figure(words("lengths figure").format(score=metric), svg, label),)))
    if others:
        blocks.append(_parts_table(others, key, metric, words))
    return Section("slices", words("slices"), words("slices lead"), tuple(blocks)) if blocks else None


def _parts_table(parts: Sequence[Mapping[str, Any]], key: str, metric: str, words: Words) -> Table:
    rows = []
    for each in parts:
        by = words(f"by {each['by']}") if each["by"] in ("truncated", "leaked") else each["by"]
        value = words(each["value"]) if by != each["by"] else each["value"]
        rows.append((
            Cell(f"{by}: {value}"),
            Cell(f"{each['rows']:,}"),
            Cell(score(each[key]), note=_reach(each.get("interval")), strong=bool(each.get("weaker"))),
        ))  # fmt: skip
    note = words("weaker") if any(each.get("weaker") for each in parts) else ""
    return Table(words("slices table"), (words("part"), words("rows"), metric), tuple(rows), note=note)
