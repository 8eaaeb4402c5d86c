"""The section of a report on whether the model's probabilities can be believed, and on what it gains by silence."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

from whet.report import plots
from whet.report.blocks import Block, Cell, Figure, Figures, Section, Table
from whet.report.material import Material
from whet.report.words import Words, score

MOST_LINES = 7  # of the table of coverage

Line = TypeVar("Line")


def calibration(found: Material, words: Words) -> Section | None:
    """The reliability diagram, calibration errors before and after, coverage against accuracy."""
    known = found.metrics.get("calibration")
    if not known:
        return None
    figures: list[Figure] = []
    bins = [(each["confidence"], each["accuracy"], each["rows"]) for each in known.get("bins", ()) if each["rows"]]
    if bins:
        told = ", ".join(f"{words.percent(sure)}: {words.percent(right)}" for sure, right, _ in bins)
        several = found.task == "multilabel"
        svg = plots.reliability("reliability", bins, across=words("probability" if several else "confidence"))
        label = words("reliability label").format(points=told)
        keys = (("accent", words("bins")), ("muted", words("perfect")))
        figures.append(Figure(words("having" if several else "reliability"), svg, label, keys))
    curve = [each for each in known.get("coverage", ()) if each["accuracy"] is not None]
    if len(curve) > 1:
        points = sorted((each["coverage"], each["accuracy"]) for each in curve)
        told = ", ".join(f"{words.percent(share)}: {words.percent(right)}" for share, right in _some(points))
        svg = plots.curve("coverage", points, across=words("coverage across"))
        figures.append(Figure(words("coverage"), svg, words("coverage label").format(points=told)))
    blocks: list[Block] = [Figures(tuple(figures))] if figures else []
    sides = [(side, known[side]) for side in ("validation", "test") if side in known]
    if sides:
        rows = tuple(
            (Cell(words(side)), Cell(score(each["ece_before"])), Cell(score(each["ece_after"]))) for side, each in sides
        )
        fitted = known.get("temperature")
        note = words("no temperature") if fitted is None else words("temperature").format(value=f"{fitted:.3g}")
        blocks.append(Table(words("calibration table"), ("", words("before"), words("after")), rows, note=note))
    if len(curve) > 1:
        lines = tuple(
            (
                Cell(f"{each['min_confidence']:.2f}"),
                Cell(words.percent(each["coverage"])),
                Cell(words.percent(each["accuracy"])),
            )
            for each in _some(_telling(curve))
        )
        head = (words("min confidence"), words("answered"), words("accuracy"))
        blocks.append(Table(words("coverage table"), head, lines))
    return Section("calibration", words("calibration"), words("calibration lead"), tuple(blocks)) if blocks else None


def _telling(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    """Without the confidences that leave no other rows unanswered than the next higher one does."""
    return [each for each, higher in pairwise([*curve, {"coverage": -1.0}]) if each["coverage"] != higher["coverage"]]


def _some(lines: list[Line]) -> list[Line]:
    """At most so many of them, the first and the last among these."""
    if len(lines) <= MOST_LINES:
        return lines
    return [lines[round(place * (len(lines) - 1) / (MOST_LINES - 1))] for place in range(MOST_LINES)]
