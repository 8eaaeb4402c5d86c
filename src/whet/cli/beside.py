"""Runs beside each other on a terminal: their scores and what they cost, then how far each differs from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from whet.cli import show
from whet.cli.summary import ERRORS
from whet.cli.texts import Words, count, one_line
from whet.system.machine import gigabytes

if TYPE_CHECKING:
    from rich.console import Console

    from whet.comparison import Compared, Entry


def compared(console: Console, words: Words, found: Compared) -> None:
    """The table, its notes, and a line for each run but the first."""
    show.heading(console, words("compared rows").format(rows=count(found.rows)))
    names = list(found.runs[0].scores)
    best = {name: (min if name in ERRORS else max)(run.scores[name] for run in found.runs) for name in names}
    keys = (*names, "training", "size", "rows a second", "device")
    table = show.table("", *(words(key) for key in keys), right=range(1, len(keys)), fixed=(0,))
    for run in found.runs:
        scores = [
            Text(f"{run.scores[name]:.4f}", style="bold green" if run.scores[name] == best[name] else "")
            for name in names
        ]
        speed = "" if run.rows_a_second is None else count(round(run.rows_a_second))
        where = words("device threads").format(device=run.device, threads=run.threads)
        size = gigabytes(run.size)
        table.add_row(one_line(run.name, 60), *scores, words.duration(run.train_seconds), size, speed, where)
    show.indented(console, table)
    for note in _notes(words, found):
        show.indented(console, Text(note, style="dim"))
    console.print()
    for run in found.runs[1:]:
        console.print(_difference(words, found, run), soft_wrap=True)


def _notes(words: Words, found: Compared) -> list[str]:
    notes = [words("speed note")]
    if any(run.test_rows != found.rows for run in found.runs):
        each = ", ".join(f"{one_line(run.name, 60)} {count(run.test_rows)}" for run in found.runs)
        notes.append(words("shared rows").format(each=each))
    if found.relabelled:
        notes.append(words("relabelled").format(count=count(found.relabelled)))
    if len(found.runs) > 2:
        notes.append(words("holm"))
    return notes


def _difference(words: Words, found: Compared, run: Entry) -> str:
    against = run.against_first
    assert against is not None
    low, high = against.interval
    figures = words("difference").format(
        name=one_line(run.name, 60), other=one_line(against.against, 60), metric=words(found.metric),
        difference=f"{against.difference:+.4f}", low=f"{low:+.4f}", high=f"{high:+.4f}", p=_chance(run.p or 0.0),
    )  # fmt: skip
    if against.mcnemar_p is not None:
        figures += f", McNemar {_chance(against.mcnemar_p)}"
    verdict = "level" if against.level else "better" if against.difference > 0 else "worse"
    return f"{figures}: {words(verdict)}"


def _chance(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
