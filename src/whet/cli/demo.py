"""`whet demo`: the whole job on embedded data and an embedded model, offline."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whet.cli.jobs import command_line, data_of, language, train_and_watch, training_document
from whet.cli.options import Given, with_settings
from whet.settings import config

if TYPE_CHECKING:
    from rich.console import Console

RECIPE = "demo"
SENTENCES = (
    "This movie was absolutely fantastic! I highly recommend it.",
    "What a terrible film. I wasted my time watching it.",
    "The plot was a bit confusing, but the acting was superb.",
    "I loved every single moment of this incredible story.",
)


@with_settings("output", "fresh", "lang", "json", "quiet", "threads", "debug")
def demo(given: Given) -> None:
    """Check, train and predict on embedded film reviews, offline.

    Each step is shown as the command that does it; the whole takes a few minutes on two cores.
    """
    resolved = config.resolve({"recipe": RECIPE, **given})
    data = data_of(None, resolved)
    words = language(resolved.settings.lang)
    from whet import pipeline
    from whet.cli import show, summary
    from whet.cli.output import print_json, stdout_console

    console = stdout_console()
    console.quiet = resolved.settings.json
    console.print(words("demo"))
    _announce(console, ["whet", "check", data])
    show.checked(console, words, pipeline.check_data(data, resolved))
    training = command_line(None, {"recipe": RECIPE, **given})
    _announce(console, training)
    end = train_and_watch(data, resolved, words, training, data_shown=True)
    summary.result(console, words, end)
    run = summary.short_path(end.run.path)
    _announce(console, ["whet", "predict", run], SENTENCES)
    answers = end.run.predict(SENTENCES)
    show.predictions(console, words, answers)
    summary.whats_next(console, words, end)
    if resolved.settings.json:
        from whet.prediction.documents import prediction_document

        print_json({**training_document(end), "predictions": [prediction_document(answer) for answer in answers]})


def _announce(console: Console, command: Sequence[str], texts: Sequence[str] = ()) -> None:
    """`$ whet ...`; texts each on a line of their own, so that the whole can be copied."""
    from rich.text import Text

    lines = [shlex.join(command), *(f'    "{text}"' for text in texts)]
    console.print()
    console.print(Text("$ " + " \\\n".join(lines), style="bold cyan"), soft_wrap=True)
    console.print()
