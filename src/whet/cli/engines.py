"""The engines of an export beside each other, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from whet.cli import show
from whet.cli.texts import Words, count
from whet.system.machine import gigabytes

if TYPE_CHECKING:
    from rich.console import Console

    from whet.exporting.folder import Export
    from whet.exporting.table import Measured
    from whet.records import Side


def exported(console: Console, words: Words, found: Export) -> None:
    """The table, the default with its reason, the folder."""
    from whet.exporting.table import LONG, SHORT

    sides = list(found.engines[0].scores)
    show.heading(console, words("exported"))
    names = [words("size"), words("logit gap"), *map(words, sides), words("short texts"), words("long texts")]
    table = show.table(words("engine"), *names, right=range(1, len(names) + 1), fixed=(0,))
    for each in found.engines:
        table.add_row(*_row(each, sides))
    show.indented(console, table)
    for side in sides:
        show.indented(console, Text(_reach(words, found, side), style="dim"))
    show.indented(console, Text(words("export note").format(short=SHORT, long=LONG), style="dim"))
    console.print()
    reason = words.of(found.reason)
    console.print(words("default engine").format(engine=found.default, reason=reason), soft_wrap=True)
    console.print(f"{words('export folder')}: {found.path}", soft_wrap=True)


def _row(each: Measured, sides: list[Side]) -> list[str]:
    gap = "" if each.difference is None else f"{each.difference:.1e}"
    scores = [f"{each.scores[side].score:.4f}" for side in sides]
    return [each.engine, gigabytes(each.size), gap, *scores, f"{each.short:.1f}", f"{each.long:.1f}"]


def _reach(words: Words, found: Export, side: Side) -> str:
    """The metric of a side, its rows, and the interval of each engine."""
    each = [
        f"{one.engine} {reach[0]:.4f}{words('to')}{reach[1]:.4f}"
        for one in found.engines
        if (reach := one.scores[side].interval) is not None
    ]
    about = words("side compared").format(
        side=words(side), metric=words(found.metric), rows=count(found.engines[0].scores[side].rows)
    )
    return f"{about}, {words('interval')}: {', '.join(each)}" if each else about
