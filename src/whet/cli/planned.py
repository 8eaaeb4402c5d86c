"""How a plan looks on a terminal, and the question before a job that is too long."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from whet.cli import show
from whet.cli.texts import Words, count
from whet.forecast import Plan, Rung, Span
from whet.system.machine import gigabytes

if TYPE_CHECKING:
    from rich.console import Console

    from whet.settings.config import Settings

CALM_SHARE = 0.9  # of the memory or the disk there is, above which a plan warns


def show_plan(console: Console, words: Words, plan: Plan, command: Sequence[str]) -> None:
    """Times, memory, disk and, for a job that is too long, shorter ways. `command` is the training's."""
    show.heading(console, words("plan"))
    for line in show.aligned(_lines(words, plan)):
        console.print(line, soft_wrap=True)
    for name, needed, there in (("memory", plan.memory, plan.memory_there), ("disk", plan.disk, plan.disk_there)):
        if needed is not None and there is not None and needed > CALM_SHARE * there:
            facts = {"needed": gigabytes(needed), "there": gigabytes(there)}
            console.print(Text(words(f"{name} short").format(**facts), style="bold yellow"), soft_wrap=True)
    if plan.ladder and plan.too_long:
        show.heading(console, words("shorter ways"))
        rows = show.table(words("change"), words("time"), words("accuracy"), right=(1, 2))
        for rung in plan.ladder:
            rows.add_row(options(rung.changes) or words("tfidf alone"), _time(words, rung), points(words, rung))
        show.indented(console, rows)
        for source in sorted({rung.source for rung in plan.ladder if rung.source}):
            console.print(Text("  " + words("expectation").format(source=source), style="dim"), soft_wrap=True)
    if plan.choices:
        show.heading(console, words("fits"))
        for choice in plan.choices:
            console.print(words("within").format(limit=words.duration(choice.limit), time=between(words, choice.time)))
            console.print(Text("  " + changed_command(command, choice.changes), style="cyan"), soft_wrap=True)


def brief(words: Words, plan: Plan) -> str:
    """The plan on one line, for a job that may start at once."""
    return words("plan brief").format(
        time=between(words, plan.total), memory=words("unknown") if plan.memory is None else gigabytes(plan.memory)
    )


def asking(
    events: Iterable[object], console: Console, words: Words, settings: Settings, command: Sequence[str]
) -> Iterator[object]:
    """The events of a job; of a plan that is too long the user is asked first. Where nobody can be
    asked, or the answer is no, nothing has been written and the job ends with exit code 2."""
    from whet import pipeline

    for event in events:
        yield event
        if not isinstance(event, Plan) or not event.too_long or settings.yes:
            continue
        show_plan(console, words, event, command)
        shorter = [changed_command(command, choice.changes) for choice in event.choices]
        if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise pipeline.too_long(event, shorter, "--yes")
        if not typer.confirm(words("start anyway").format(time=words.duration(event.total.seconds)), err=True):
            raise typer.Exit(2)


def changed_command(command: Sequence[str], changes: Mapping[str, object]) -> str:
    """A training's command with other settings; options that these take the place of are dropped."""
    kept: list[str] = []
    waiting = list(command)
    while waiting:
        part = waiting.pop(0)
        if part.startswith("--") and part[2:].replace("-", "_") in changes:
            waiting = waiting[1:]
            continue
        kept.append(part)
    return " ".join([shlex.join(kept), options(changes)]).strip()


def options(changes: Mapping[str, object]) -> str:
    """`--epochs 1 --max-length 256`."""
    parts: list[str] = []
    for name, value in changes.items():
        if value is not None:
            parts += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(parts)


def between(words: Words, span: Span) -> str:
    """`9 h 40 min (8 h 15 min to 11 h 30 min)`."""
    return words("between").format(
        time=words.duration(span.seconds), low=words.duration(span.low), high=words.duration(span.high)
    )


def _time(words: Words, rung: Rung) -> str:
    time = words.duration(rung.time.seconds)
    return time if rung.measured else words("derived").format(time=time)


def points(words: Words, rung: Rung) -> str:
    """`about -0.7 points`; '' where nobody has measured it."""
    return "" if rung.points is None else words("points about").format(points=f"{rung.points:+.1f}")


def _teacher(words: Words, plan: Plan, span: Span) -> str:
    return words("teacher answers").format(texts=count(plan.answered), time=between(words, span))


def _lines(words: Words, plan: Plan) -> list[tuple[str, str]]:
    rows = words("plan rows" if plan.steps else "plan rows linear").format(
        rows=count(plan.rows["train"] + plan.further), tokens=f"{plan.tokens:.0f}", steps=count(plan.steps)
    )
    epochs = [
        words("epochs take").format(epochs=f"{number:g}", time=words.duration(span.seconds))
        for number, span in plan.by_epochs.items()
    ]
    lines = [
        (words("model"), plan.model),
        (
            words("device"),
            words("plan device").format(device=plan.device, reason=words.of(plan.device_reason), threads=plan.threads),
        ),
        *([] if plan.teaching is None else [(words("teacher"), _teacher(words, plan, plan.teaching))]),
        (words("work"), rows),
        *([(words("models"), words("plan models").format(count=plan.models))] if plan.models > 1 else []),
        (words("train"), between(words, plan.training)),
        *([(words("by epochs"), ", ".join(epochs))] if epochs else []),
        (words("evaluation time"), between(words, plan.evaluation)),
        (words("other time"), words.duration(plan.other.seconds)),
        *([(words("curve time"), between(words, plan.curve))] if plan.curve is not None else []),
        (words("total"), between(words, plan.total)),
    ]
    if plan.rate and plan.operations:
        why = words("why").format(operations=f"{plan.operations / 1e15:.2f}", rate=f"{plan.rate / 1e9:,.0f}")
        lines.append((words("why so long"), why))
    if plan.memory is not None and plan.memory_there is not None:
        lines.append(
            (words("memory"), words("of").format(needed=gigabytes(plan.memory), there=gigabytes(plan.memory_there)))
        )
    there = words("unknown") if plan.disk_there is None else gigabytes(plan.disk_there)
    lines.append((words("disk"), words("of").format(needed=gigabytes(plan.disk), there=there)))
    return lines
