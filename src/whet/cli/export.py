"""`whet export RUN`: a folder that answers without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from whet.cli.jobs import language, resolve_and_tell
from whet.cli.options import Given, with_settings

if TYPE_CHECKING:
    from whet.exporting.folder import Export


@with_settings("lang", "json", "quiet", "debug")
def export(
    given: Given,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, its model/ folder, last, or hf:NAME.")],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="What it was trained on, where the training read it elsewhere.", show_default=False
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option("--int8/--no-int8", help="Also with weights of 8 bits, a quarter of the size.",
                     rich_help_panel="Output"),
    ] = True,
    max_accuracy_loss: Annotated[
        float,
        typer.Option(
            "--max-accuracy-loss",
            metavar="X",
            help="int8 answers by itself only where it loses at most X points of the run's metric on validation.",
            rich_help_panel="Output",
        ),
    ] = 0.5,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", metavar="DIR", help="Write to this folder instead of RUN/export/.", rich_help_panel="Output"
        ),
    ] = None,
) -> None:  # fmt: skip
    """Write a folder that answers without torch: the model as ONNX.

    Each engine is compared with the model itself: answers, scores, size, speed. Copy the folder
    anywhere; `whet predict FOLDER` answers there with onnxruntime alone.
    """
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    from whet import published
    from whet.cli import engines, progress
    from whet.cli.output import print_json, stderr_console, stdout_console
    from whet.exporting import job
    from whet.records import Notice

    found: Export | None = None
    for event in job.follow(published.find(run), data, int8=int8, max_loss=max_accuracy_loss, output=output):
        if not isinstance(event, Notice):
            found = event
        elif not resolved.settings.quiet:
            stderr_console().print(progress.notice_line(words, event), soft_wrap=True)
    assert found is not None, "an export ends with Export"
    if resolved.settings.json:
        print_json(found)
    else:
        engines.exported(stdout_console(), words, found)
