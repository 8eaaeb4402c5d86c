"""`whet adapt MODEL TEXTS...`: an encoder learns the language of texts without labels."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from whet.adapting.defaults import DEFAULTS, SETTINGS
from whet.cli.jobs import language, options_of, resolve_and_tell
from whet.cli.options import Given, with_settings

if TYPE_CHECKING:
    from rich.console import Console

    from whet.adapting.story import Adapted
    from whet.cli.texts import Words


HELPS = {
    "train_rows": "Learn from this many of the texts.",
    "max_length": "Tokens of a window; longer texts are divided into several.",
    "epochs": "Passes over the texts; by default more where they are few.",
    "budget": "Time from the start to the saved model, such as 20m or 1h30m: as many epochs as fit are trained.",
    "batch_size": "Windows a step.",
    "seed": "Seed of what is held out and hidden, of order, dropout and a new head.",
    "output": "Folder of the run. Otherwise runs/TEXTS-MODEL-adapt-HASH.",
}


@with_settings(*(name for name in SETTINGS if name != "validation"), brief=True, defaults=DEFAULTS, helps=HELPS)
def adapt(
    given: Given,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="auto, embedded, a name on the hub, a folder, or a run to go on from."
        ),
    ],
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXTS", help="Files (csv, tsv, jsonl, parquet, txt with a text a line), folders of .txt files, "
            "hf:NAME or sample:NAME. Labels are not looked at."
        ),
    ],
    validation: Annotated[
        str | None,
        typer.Option(
            "--validation", metavar="0.05|none", help="Share of the texts that is held out, to measure the loss "
            "before and after. Otherwise 0.05, and no more than 2,000 texts.", rich_help_panel="Data",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Let a model learn the language of texts without labels.

    To be fine-tuned afterwards. Tokens are hidden and the model tells them, as when BERT was pretrained. Long texts are
    divided, so that all of them is used.

    The result goes to its own folder, from which `whet train DATA --model FOLDER` goes on.
    """
    if validation is not None:
        given = {**given, "validation": validation}
    resolved = resolve_and_tell(given)
    words = language(resolved.settings.lang)
    command = ["whet", "adapt", model, *texts, *options_of(given)]
    from whet.adapting import story
    from whet.cli import planned, progress, show
    from whet.cli.output import print_json, stderr_console, stdout_console

    console = stderr_console()
    if not resolved.settings.quiet:
        show.settings(console, words, resolved)
        console.print()
    events: Iterator[object] = story.follow(model, texts, resolved, command=shlex.join(command))
    events = planned.asking(events, console, words, resolved.settings, command)
    end = progress.watch(events, progress.reporter(console, words, resolved.settings), story.Adapted)
    if resolved.settings.json:
        print_json({"run": str(end.path), "metrics": end.metrics})
    else:
        _show(stdout_console(), words, end)


def _show(console: Console, words: Words, end: Adapted) -> None:
    """What it came to, and what to do with it."""
    from whet.cli import show
    from whet.cli.summary import short_path
    from whet.cli.texts import count

    if end.resumed_finished:
        console.print(words("finished before"))
    texts, found = end.metrics["texts"], end.metrics.get("held_out")
    show.heading(console, words("adapted").format(texts=count(texts["train"])))
    if found is None:
        show.indented(console, words("not measured"))
    else:
        rows = show.table("", words("before"), words("after"), right=(1, 2), fixed=(0,))
        for name, key, digits in (("hidden loss", "loss", 4), ("perplexity", "perplexity", 2)):
            rows.add_row(words(name), *(f"{found[when][key]:,.{digits}f}" for when in ("before", "after")))
        show.indented(console, rows)
        facts = {"texts": count(texts["held_out"]), "tokens": count(found["tokens"])}
        show.indented(console, words("measured on").format(**facts))
    console.print()
    seconds = {name: words.duration(value) for name, value in end.metrics["seconds"].items()}
    lines = [
        (words("run"), short_path(end.path)),
        (words("saved model"), short_path(end.model)),
        (words("time"), words("time spent").format(**seconds)),
    ]
    for line in show.aligned(lines):
        console.print(line, soft_wrap=True)
    show.next_commands(console, words, [f"whet train DATA --model {short_path(end.path)}"])
