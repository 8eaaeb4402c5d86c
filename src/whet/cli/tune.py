"""`whet tune DATA`: which settings are best for these data."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from whet.cli.jobs import data_of, language, resolve_and_tell
from whet.cli.options import EVERY, Data, Given, with_settings

if TYPE_CHECKING:
    from rich.console import Console

    from whet.cli.texts import Words
    from whet.settings.config import Settings

PANEL = "Search"


Trials: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        rich_help_panel=PANEL,
        help="Trials in all, those of a search that goes on too. Otherwise 20, or as many as the budget allows.",
    ),
]
Budget: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME",
        rich_help_panel=PANEL,
        help="Time for the search, the last training and its score, such as 30m: no trial begins that would not fit.",
    ),
]
Searched: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--search",
        metavar="NAME=VALUES",
        rich_help_panel=PANEL,
        help="A setting to search, such as learning_rate=1e-5..3e-4:log or epochs=1,2,3; once for each. Otherwise "
        "learning_rate, epochs, batch_size and llrd, but for those that are given.",
    ),
]
Space: TypeAlias = Annotated[
    str | None,
    typer.Option("--space", metavar="FILE", rich_help_panel=PANEL, help="The same as a TOML file: epochs = [1, 2, 3]."),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        rich_help_panel=PANEL,
        help="Trials at a time, each in a process. Otherwise one for each CUDA device, else one.",
    ),
]
Prune: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--prune/--no-prune",
        rich_help_panel=PANEL,
        help="Give up trials that do worse than the median of the others so far into a training.",
    ),
]


@with_settings(*(name for name in EVERY if name != "budget"), brief=True)
def tune(
    given: Given,
    data: Data = None,
    trials: Trials = None,
    budget: Budget = None,
    search: Searched = None,
    space: Space = None,
    jobs: Jobs = None,
    prune: Prune = True,
) -> None:
    """Search for the best settings, judged on validation rows.

    The first trial has the settings as they are; others change the learning rate and the like. Then a model is trained
    with the best ones, and the test side is scored, once.

    The same command goes on where a search was stopped; more --trials go on with one that is over.
    """
    resolved = resolve_and_tell({**given, **({} if budget is None else {"budget": budget})})
    source = data_of(data, resolved)
    words = language(resolved.settings.lang)
    from whet.settings.values import folder
    from whet.tuning import search as job
    from whet.tuning import space as spaces

    searched = {**({} if space is None else spaces.read(folder(space))), **spaces.parse(search or ())}
    limits = job.limits_of(resolved, trials=trials, jobs=jobs, prune=prune)
    from whet.cli import progress, show
    from whet.cli import searched as shown
    from whet.cli.output import print_json, stderr_console, stdout_console
    from whet.tuning.records import Tuned

    console = stderr_console()
    if not resolved.settings.quiet:
        show.settings(console, words, resolved)
        console.print()
    events = _asking(job.follow(source, resolved, searched or None, limits), console, words, resolved.settings)
    found = progress.watch(events, progress.reporter(console, words, resolved.settings), Tuned)
    if resolved.settings.json:
        told = {"search": str(found.path), "recipe": str(found.recipe), "study": found.study}
        print_json({**told, "run": str(found.run.path), "metrics": found.metrics, "verdict": found.verdict})
    else:
        shown.tuned(stdout_console(), words, found)


def _asking(events: Iterable[object], console: Console, words: Words, settings: Settings) -> Iterator[object]:
    """The events of a search, each thing told once; before one that is too long somebody is asked. Where nobody can be,
    or the answer is no, nothing has been written and the search ends with exit code 2."""
    from whet.cli import searched
    from whet.records import Checked, Notice
    from whet.tuning.records import Forecast
    from whet.tuning.search import too_long

    said: set[object] = set()  # the last training reads the data again
    for event in events:
        told = "checked" if isinstance(event, Checked) else event.message if isinstance(event, Notice) else None
        if told is not None and told in said:
            continue
        said.add(told)
        yield event
        if not isinstance(event, Forecast) or not event.too_long or settings.yes or event.total is None:
            continue
        if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise too_long(event, "--yes")
        console.print(searched.ahead(words, event), soft_wrap=True)
        if not typer.confirm(words("search anyway").format(time=words.duration(event.total.seconds)), err=True):
            raise typer.Exit(2)
