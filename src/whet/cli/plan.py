"""`whet plan DATA`: how long a training would take, and what it would need."""

from __future__ import annotations

from whet.cli.jobs import command_line, data_of, language, resolve_and_tell
from whet.cli.options import EVERY, Data, Given, with_settings


@with_settings(
    *(name for name in EVERY if name not in ("fresh", "yes", "checkpoint_every", "mirror", "brief")), brief=True
)
def plan(
    given: Given,
    data: Data = None,
) -> None:
    """Say how long a training would take and what it would need.

    A few steps are timed and undone. Nothing is trained or written.
    """
    resolved = resolve_and_tell(given)
    source = data_of(data, resolved)
    words = language(resolved.settings.lang)
    from whet import pipeline
    from whet.cli import planned, progress
    from whet.cli.output import print_json, stderr_console, stdout_console
    from whet.forecast import Plan
    from whet.records import Checked

    events = (event for event in pipeline.foresee(source, resolved) if not isinstance(event, Checked))
    shown_by = progress.reporter(stderr_console(), words, resolved.settings)
    found = progress.watch(events, shown_by, Plan)
    if resolved.settings.json:
        print_json(found)
    else:
        planned.show_plan(stdout_console(), words, found, command_line(data, given))
