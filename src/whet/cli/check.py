"""`whet check DATA`: what is in the data, before anything is trained."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whet.cli.jobs import data_of, language, resolve_and_tell
from whet.cli.options import Given, with_settings
from whet.errors import DataError


@with_settings(
    "recipe", "text", "pair", "label", "weight", "group", "task", "label_separator", "label_names", "test",
    "validation", "encoding", "allow", "near_duplicates", "model", "max_length", "truncation", "seed",
    "lang", "json", "debug",
)  # fmt: skip
def check(
    given: Given,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A file, a folder, hf:NAME or sample:NAME.", show_default=False)
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(
            "--tokens",
            metavar="ROW",
            min=0,
            help="Show the tokens and ids of this training row (the first is 0), and where it is cut.",
            rich_help_panel="Data",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Count the tokens of every row, not of 2,000 a side.", rich_help_panel="Data"),
    ] = False,
    fix: Annotated[
        str | None,
        typer.Option(
            "--fix",
            metavar="OUT",
            help="Write the training rows to OUT (csv, tsv, jsonl or parquet) without those that a finding names, and "
            "each dropped row with its reason to OUT.dropped.jsonl.",
            rich_help_panel="Data",
        ),
    ] = None,
) -> None:
    """Look at labelled text: columns, rows, labels, duplicates, leaks, tokens.

    Nothing is trained, and torch is not needed. An error among the findings ends it with exit code 3.
    """
    resolved = resolve_and_tell(given)
    source = data_of(data, resolved)
    words = language(resolved.settings.lang)
    from whet import pipeline
    from whet.cli import show
    from whet.cli.output import print_json, stdout_console
    from whet.data.doctor.look import as_json
    from whet.preparing import prepare

    found = pipeline.check_data(source, resolved, exact=exact, fix=fix)
    view = None if tokens is None else pipeline.show_tokens(source, resolved, tokens)
    if resolved.settings.json:
        document: dict[str, Any] = as_json(found)
        print_json(document if view is None else {**document, "tokens": view})
    else:
        console = stdout_console()
        show.checked(console, words, found)
        if view is not None and tokens is not None:
            show.tokens(console, words, view, tokens)
    allowed = prepare.allowed_by(resolved.settings)
    if any(finding.severity == "error" and finding.code not in allowed for finding in found.findings):
        raise typer.Exit(DataError.exit_code)
