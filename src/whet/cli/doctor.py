"""`whet doctor [RUN]`: what the machine has, and whether a run is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli.jobs import language, resolve_and_tell
from whet.cli.options import Given, with_settings


@with_settings("lang", "json", "debug")
def doctor(
    given: Given,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="A run folder, its model/ or export/ folder, last, or hf:NAME.", show_default=False
        ),
    ] = None,
) -> None:
    """Look at the machine: processor, memory, disk, GPU, packages, hub.

    With RUN its files are read, and its model must answer as it did when it was saved. Nothing is
    changed. The exit code is 0 whatever is found, but for a RUN that is damaged (4).
    """
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    from whet import health
    from whet.cli import show
    from whet.cli.output import print_json, stdout_console

    found = health.doctor(run, lang=words.lang)
    if resolved.settings.json:
        print_json(found)
    else:
        show.health(stdout_console(), words, found)
