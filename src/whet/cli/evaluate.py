"""`whet evaluate RUN DATA`: the scores of a run on other data."""

from __future__ import annotations

from typing import Annotated

import typer

from whet.cli.jobs import language, resolve_and_tell, tell_engine
from whet.cli.options import Engine, Given, with_settings


@with_settings(
    "text", "pair", "label", "label_separator", "label_names", "test_rows", "encoding", "seed",
    "min_confidence", "metric", "slice",
    "lang", "json", "quiet", "debug",
)  # fmt: skip
def evaluate(
    given: Given,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder, its model/ or export/ folder, last, or hf:NAME.")
    ],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, a folder, hf:NAME or sample:NAME.")],
    require: Annotated[
        str | None,
        typer.Option(
            "--require",
            metavar="SCORE>=X,...",
            help='Exit code 8 unless these are met, such as "accuracy>=0.9, recall[negative]>=0.85", at the worse end '
            "of the 95 % interval.",
            rich_help_panel="Output",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Write scores, every answer, mistakes and report.html to this folder.",
            rich_help_panel="Output",
        ),
    ] = None,
    engine: Engine = "auto",
) -> None:
    """Score a trained model on other labelled text."""
    resolved = resolve_and_tell(given if output is None else {**given, "output": output})
    words = language(resolved.settings.lang)
    from whet.score import required

    requirements = () if require is None else required.parse(require)
    from whet import pipeline
    from whet.cli import summary
    from whet.cli.output import print_json, say_fault, stderr_console, stdout_console

    loaded = pipeline.load(run, engine=engine)
    if not resolved.settings.quiet:
        tell_engine(loaded.chosen, words)
        stderr_console().print(words("scoring").format(source=data))
    result = pipeline.evaluate_run(loaded, data, resolved, requirements)
    if not resolved.settings.quiet:
        for notice in result.notices:
            stderr_console().print(f"{words('info')}: {words.of(notice)}", soft_wrap=True)
    if resolved.settings.json:
        print_json(result.json)
    else:
        summary.evaluated(stdout_console(), words, result, [str(resolved.settings.metric)])
    missed = required.refusal(result.requirements)
    if missed is not None:
        say_fault(stderr_console(), missed)
        raise typer.Exit(missed.exit_code)
