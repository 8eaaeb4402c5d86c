"""What the commands share: settings with their notices, DATA, the language, a watched training."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from whet import recipes
from whet.errors import UsageError, printable
from whet.settings import config
from whet.system import runtime

if TYPE_CHECKING:
    from whet.cli.options import Given
    from whet.cli.texts import Words
    from whet.pipeline import Finished
    from whet.prediction.predictor import Chosen
    from whet.settings.config import Language, Resolved


def resolve_and_tell(given: Given) -> Resolved:
    """The settings of a command line; what a recipe's spelling made us decide is said on stderr."""
    resolved = config.resolve(given)
    for notice in resolved.notices:
        print(f"note: {notice}", file=sys.stderr)
    return resolved


def data_of(data: str | None, resolved: Resolved) -> str:
    """DATA as written, else as the recipe names it; UsageError where neither does."""
    if data is not None:
        return data
    recipe = resolved.settings.recipe
    named = recipes.data_of(recipe) if recipe is not None else None
    if named is None:
        saw = "no DATA" if recipe is None else f"no DATA, and the recipe {recipe} names none"
        raise UsageError(
            saw,
            expected="a file (csv, tsv, jsonl, parquet), a folder, hf:NAME or sample:NAME",
            todo="Try sample:reviews",
        )
    return named


def language(asked: Language) -> Words:
    """The texts in the language that was asked for, or in that of the locale."""
    from whet.cli.texts import Words

    return Words(runtime.language(asked))


def tell_engine(chosen: Chosen, words: Words) -> None:
    """A line on stderr about what answers, where there was a choice. Plain, for a first answer is to be quick."""
    if chosen.reason:
        line = words("answered by").format(engine=chosen.engine, reason=words.of(chosen.reason))
        print(printable(line), file=sys.stderr)


def train_and_watch(
    data: str, resolved: Resolved, words: Words, command: Sequence[str], *, data_shown: bool = False
) -> Finished:
    """Trains, with every event shown on stderr. `data_shown`: the look at the data is left out."""
    from whet import pipeline
    from whet.cli import planned, progress, show
    from whet.cli.output import stderr_console
    from whet.records import Checked

    console = stderr_console()
    if not resolved.settings.quiet:
        show.settings(console, words, resolved)
        console.print()
    events: Iterator[object] = pipeline.follow(data, resolved, command=shlex.join(command))
    if data_shown:
        events = (event for event in events if not isinstance(event, Checked))
    events = planned.asking(events, console, words, resolved.settings, command)
    end = progress.watch(events, progress.reporter(console, words, resolved.settings), pipeline.Finished)
    if runtime.ranks().rank:
        raise typer.Exit  # the result is the first process's to show, and may be on the disk of its machine
    return end


def training_document(end: Finished) -> dict[str, object]:
    """What `--json` says about a training."""
    return {"run": str(end.run.path), "metrics": end.metrics, "verdict": end.verdict}


def command_line(data: str | None, given: Given) -> list[str]:
    """The command that repeats a training, for run.json and the demo; how it was shown is left out."""
    return ["whet", "train", *([data] if data is not None else []), *options_of(given)]


def options_of(given: Given) -> list[str]:
    """The options of a command that decide what it computes, with which findings it goes on, and where that is kept."""
    result = {setting.name for setting in config.fields() if setting.metadata["result"]}
    parts: list[str] = []
    for name, value in given.items():
        if name not in result | {"recipe", "allow", "output", "fresh"}:
            continue
        dashed = name.replace("_", "-")
        parts += (
            [f"--{dashed}" if value else f"--no-{dashed}"] if isinstance(value, bool) else [f"--{dashed}", str(value)]
        )
    return parts
