"""`whet train DATA`: from labelled text to a saved classifier and its score."""

from __future__ import annotations

from whet.cli.jobs import command_line, data_of, language, resolve_and_tell, train_and_watch, training_document
from whet.cli.options import EVERY, Data, Given, with_settings


@with_settings(*EVERY, brief=True)
def train(
    given: Given,
    data: Data = None,
) -> None:
    """Fine-tune a model on labelled text, score it and save it.

    The score stands beside that of the majority label and of TF-IDF with logistic regression.

    The run goes to its own folder; the same command on a finished run shows its results.
    """
    resolved = resolve_and_tell(given)
    source = data_of(data, resolved)
    words = language(resolved.settings.lang)
    end = train_and_watch(source, resolved, words, command_line(data, given))
    from whet.cli import summary
    from whet.cli.output import print_json, stdout_console

    if resolved.settings.json:
        print_json(training_document(end))
    else:
        summary.finished(stdout_console(), words, end)
