"""The section of a report on the models of an ensemble: what each came to, their mean and their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.report.blocks import Block, Cell, Prose, Section, Table
from whet.report.material import Material
from whet.report.results import main_metric
from whet.report.words import Words, score


def members(found: Material, words: Words) -> Section | None:
    """Where there are several."""
    known: Mapping[str, Any] = found.metrics.get("ensemble", {})
    there: Sequence[Mapping[str, Any]] = known.get("members", ())
    spread: Mapping[str, Mapping[str, Any]] = known.get("spread", {})
    if not spread:
        return None
    asked, folded = found.setting("metric"), known["folds"] is not None
    names = [
        name for name in dict.fromkeys((main_metric(found), asked)) if all(name in spread[side] for side in spread)
    ]
    columns = [(side, name) for side in spread for name in names]
    shown = {side: words("out of fold" if folded and side == "validation" else side) for side in spread}
    head = (words("model"), *(f"{words.metric(name, found.task)}, {shown[side]}" for side, name in columns))
    rows = [
        (Cell(each["name"], foreign=True), *(Cell(score(each[side].get(name))) for side, name in columns))
        for each in there
    ]
    rows.append((
        Cell(words("mean"), strong=True),
        *(Cell(score(spread[side][name]["mean"]), note=f"± {score(spread[side][name]['deviation'])}", strong=True)
          for side, name in columns),
    ))  # fmt: skip
    table = Table(words("members table"), head, tuple(rows), note=words("members note"))
    blocks: list[Block] = [*([_whole(found, names, words)] if folded else []), table]
    lead = words("members lead folds" if folded else "members lead").format(
        count=len(there), folds=known["folds"], seeds=known["seeds"]
    )  # fmt: skip
    return Section("members", words("members"), lead, tuple(blocks))


def _whole(found: Material, names: Sequence[str], words: Words) -> Prose:
    """The score of all rows, each answered by models that have not seen it."""
    scores = found.metrics["validation"]
    told = []
    for name in names:
        reach = scores["intervals"].get(name)
        interval = f" ({score(reach[0])} – {score(reach[1])})" if reach else ""
        told.append(f"{words.metric(name, found.task)} {score(scores[name])}{interval}")
    return Prose(words("members whole").format(rows=f"{scores['rows']:,}", scores=", ".join(told)))
