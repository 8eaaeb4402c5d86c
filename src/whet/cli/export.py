"""`whet export RUN`: a folder that answers without torch; or with --hub the model on the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from whet.cli.jobs import language, resolve_and_tell
from whet.cli.options import Given, with_settings
from whet.errors import UsageError

if TYPE_CHECKING:
    from whet.cli.texts import Words
    from whet.exporting.folder import Export
    from whet.settings.config import Settings

LOSS = 0.5  # points that int8 may lose

RunToExport: TypeAlias = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, its model/ folder, last, or hf:NAME.")
]
TrainedOn: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA", help="What it was trained on, where the training read it elsewhere.", show_default=False
    ),
]
Int8: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--int8/--no-int8", help="Also with weights of 8 bits, a quarter of the size.", rich_help_panel="Output"
    ),
]
MostLost: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-accuracy-loss",
        metavar="X",
        help="int8 answers by itself only where it loses at most X points of the run's metric on validation.",
        rich_help_panel="Output",
    ),
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output", metavar="DIR", help="Write to this folder instead of RUN/export/.", rich_help_panel="Output"
    ),
]
Hub: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--hub",
        metavar="OWNER/NAME",
        help="Push the model to the hub instead, privately, with the export that RUN has.",
        rich_help_panel="Hub",
    ),
]
Public: TypeAlias = Annotated[
    bool, typer.Option("--public", help="With --hub: where everybody may read it.", rich_help_panel="Hub")
]
License: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--license",
        metavar="NAME",
        help="With --hub: what the model card says, such as apache-2.0.",
        rich_help_panel="Hub",
    ),
]


@with_settings("lang", "json", "quiet", "debug")
def export(
    given: Given,
    run: RunToExport,
    data: TrainedOn = None,
    int8: Int8 = True,
    max_accuracy_loss: MostLost = LOSS,
    output: Output = None,
    hub: Hub = None,
    public: Public = False,
    license: License = None,
) -> None:
    """Write a folder that answers without torch: the model as ONNX.

    Each engine is compared with the model itself: answers, scores, size, speed. Copy the folder
    anywhere; `whet predict FOLDER` answers there with onnxruntime alone. With --hub the model
    goes to the hub as it is, and nothing is computed.
    """
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    if hub is not None:
        if data is not None or output is not None or not int8 or max_accuracy_loss != LOSS:
            raise UsageError("DATA, --output, --no-int8 or --max-accuracy-loss", where="--hub",
                             todo="Export without --hub first: what RUN/export/ holds goes along")  # fmt: skip
        _push(run, hub, words, resolved.settings, public=public, license=license)
        return
    if public or license is not None:
        raise UsageError("--public or --license without --hub", where="export", todo="Give --hub OWNER/NAME")
    from whet.artifacts import published
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


def _push(run: str, name: str, words: Words, settings: Settings, *, public: bool, license: str | None) -> None:
    """The run's model to the hub, with its export where there is one, as `Run.push_to_hub` does."""
    from whet.artifacts import published
    from whet.cli.output import print_json, stdout_console

    found = published.find(run)
    pushed = published.push(
        found, name, private=not public, exports=found.export.is_dir(), license=license, message=published.MESSAGE
    )
    if settings.json:
        print_json(pushed)
        return
    console = stdout_console()
    console.print(words("pushed").format(url=pushed.url), soft_wrap=True, highlight=False)
    console.print(words("pushed use").format(name=pushed.repository), soft_wrap=True, highlight=False)
