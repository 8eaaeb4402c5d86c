"""`whet compare RUN RUN...`: runs on the test rows that they share."""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli.jobs import language, resolve_and_tell
from whet.cli.options import Given, with_settings


@with_settings("lang", "json", "quiet", "debug")
def compare(
    given: Given,
    chosen: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Run folders, or last. Each is held against the first.")
    ],
    require: Annotated[
        str | None,
        typer.Option(
            "--require",
            metavar="not-worse|difference>=X",
            help="Exit code 8 where a run is surely worse than the first (not-worse), or where the lower end of the "
            "95 % interval of its difference is below X.",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Compare finished runs on the test rows that they share.

    Scores with significance, training time, size and speed."""
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    from whet import comparison, pipeline
    from whet.cli import beside
    from whet.cli.output import print_json, say_fault, stderr_console, stdout_console

    asked = comparison.parse(require)
    found = pipeline.compare(*chosen)
    if resolved.settings.json:
        print_json(found)
    else:
        beside.compared(stdout_console(), words, found)
    missed = None if require is None else comparison.refusal(found, asked)
    if missed is not None:
        say_fault(stderr_console(), missed)
        raise typer.Exit(missed.exit_code)
