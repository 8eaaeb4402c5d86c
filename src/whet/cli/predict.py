"""`whet predict RUN TEXT...`: labels with their probabilities for new texts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from whet.cli.jobs import language, resolve_and_tell, tell_engine
from whet.cli.options import Given, engine_option, with_settings
from whet.errors import UsageError

if TYPE_CHECKING:
    from whet.records import Prediction

File: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Texts from a file: .txt with a text a line; csv, tsv, jsonl or parquet with a column "
        "(--text), of pairs two (--pair).",
        rich_help_panel="Data",
    ),
]
Explain: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Show which words speak for the answer, and which against it.",
        rich_help_panel="Output",
    ),
]
ExplainLabel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--explain-label",
        metavar="LABEL",
        help="The same for this label, whatever the answer is.",
        rich_help_panel="Output",
    ),
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="lines|table|jsonl|csv|parquet",
        help="How predictions are written. Otherwise by the ending of --output, else lines.",
        rich_help_panel="Output",
    ),
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the predictions to this file: .jsonl, .csv, .parquet or .txt. Of a --file the same command goes on "
        "where it was stopped.",
        rich_help_panel="Output",
    ),
]
Engine: TypeAlias = Annotated[
    str,
    engine_option("ray", "a Ray cluster, the files of a folder or a pattern (--file) into the folder --output."),
]
Like: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--like",
        metavar="FILE",
        help="A competition's sample submission: --output has its columns, ids and rows, filled with labels or "
        "probabilities.",
        rich_help_panel="Output",
    ),
]


RunToAsk: TypeAlias = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, its model/ or export/ folder, last, or hf:NAME.")
]
Texts: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help="Texts; of a run on pairs in twos. None: a text a line from standard input, of pairs with a tab.",
        show_default=False,
    ),
]


@with_settings("text", "pair", "encoding", "min_confidence", "lang", "json", "quiet", "debug")
def predict(
    given: Given,
    run: RunToAsk,
    texts: Texts = None,
    file: File = None,
    explain: Explain = False,
    explain_label: ExplainLabel = None,
    format: Format = None,
    output: Output = None,
    like: Like = None,
    engine: Engine = "auto",
) -> None:
    """Label new texts, with the probability of every label.

    A regression answers with a number. The answers keep the order of the texts."""
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    from whet.cli import inputs, writing

    if engine == "ray":
        from whet.cli import clustered

        if texts or like is not None or explain or explain_label is not None:
            raise UsageError("texts, --like or --explain", where="--engine ray", todo="Leave them out, or --engine ray")
        clustered.predict(run, file, output, format, resolved.settings)
        return
    from whet.prediction import predictor

    predictor.engine_named(engine, beside=("ray",))  # before a run is looked for
    chosen = writing.choose(format, output)
    order = writing.order(chosen, None if texts else file, output, resolved.settings, like=like)
    from whet import run as finished  # of which pipeline would take longer to load

    loaded = finished.load(run, engine=engine)
    if not resolved.settings.quiet:
        tell_engine(loaded.chosen, words)
    if order is not None:
        writing.write_file(replace(order, explain=explain, explain_label=explain_label), loaded, words)
        return
    asked, rows = inputs.texts_from(texts or [], file, resolved.settings, loaded.inputs)
    least = resolved.settings.min_confidence
    answers: Iterable[Sequence[Prediction]] = loaded.predictor.stream(asked, min_confidence=least)
    if explain or explain_label is not None:
        from whet.score import occlusion

        answers = occlusion.stream(loaded.predictor, asked, label=explain_label, min_confidence=least)
    if file is not None and not resolved.settings.quiet and (output is not None or not sys.stdout.isatty()):
        from whet.cli import progress
        from whet.cli.output import stderr_console

        answers = progress.answered(answers, rows, stderr_console(), words)
    writing.write(answers, chosen, output, words=words, settings=resolved.settings)
