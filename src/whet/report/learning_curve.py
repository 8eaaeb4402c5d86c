"""The section of a report on the learning curve: what parts of the training rows brought, and what more may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.report import plots
from whet.report.blocks import Block, Figure, Figures, Prose, Section
from whet.report.material import Material
from whet.report.plots import Whisker
from whet.report.words import Words, score


def learning_curve(found: Material, words: Words) -> Section | None:
    """Where one was asked for and there is more than the point of all rows."""
    known: Mapping[str, Any] = found.metrics.get("learning_curve", {})
    there = [point for point in known.get("points", ()) if point["score"] is not None]
    if len(there) < 2:
        return None
    rows = [_whisker(point) for point in there]
    forecast = known.get("forecast")
    ahead = [_whisker(forecast)] if forecast else []
    told = ", ".join(f"{row.name}: {score(row.value)}" for row in [*rows, *ahead])
    metric = words.metric(known["metric"], found.task)
    title = words("metric figure").format(metric=metric)
    svg = plots.columns("learning-curve", [*rows, *ahead], across=words("rows learnt"), ahead=len(ahead))
    keys = (("accent", words("measured")), ("muted", words("forecast"))) if ahead else ()
    label = words("learning curve label").format(metric=metric, points=told)
    blocks: list[Block] = [Figures((Figure(title, svg, label, keys),))]
    if forecast:
        blocks.append(Prose(known["sentence"][words.lang]))
    lead = words("learning curve lead").format(rows=f"{known['validation_rows']:,}")
    return Section("learning-curve", words("learning curve"), lead, tuple(blocks))


def _whisker(point: Mapping[str, Any]) -> Whisker:
    low, high = point.get("interval", (point["score"],) * 2)
    return Whisker(f"{point['rows']:,}", point["score"], low, high)
