"""Predictions as lines, a table, JSONL or CSV, on stdout or in a file."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, get_args

from whet.errors import OutputError, UsageError, did_you_mean, printable
from whet.prediction.documents import prediction_document

if TYPE_CHECKING:
    from whet.cli.texts import Words
    from whet.prediction import answering
    from whet.records import Prediction
    from whet.run import Run
    from whet.settings.config import Settings

Form = Literal["lines", "table", "jsonl", "csv", "parquet"]
ENDINGS: dict[str, Form] = {
    ".jsonl": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet", ".txt": "lines"
}  # fmt: skip
FILE_WIDTH = 120


def choose(asked: str | None, output: str | None) -> Form:
    """The form that was asked for, else the one that the file's ending means, else lines."""
    forms: dict[str, Form] = {form: form for form in get_args(Form)}
    if asked is not None and asked not in forms:
        raise UsageError(
            f"{asked!r} is not known",
            where="--format",
            expected=" or ".join(forms),
            todo=did_you_mean(asked, forms),
        )
    if asked is not None:
        return forms[asked]
    if output is None:
        return "lines"
    ending = Path(output).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"{output!r} does not say how the predictions are to be written",
            where="--output",
            expected="a file that ends in .jsonl, .csv, .parquet or .txt",
            todo="Or give --format",
        )
    return ENDINGS[ending]


def order(
    form: Form, file: str | None, output: str | None, settings: Settings, *, like: str | None
) -> answering.Order | None:
    """What of it can be taken up again where it is stopped: the rows of a file, answered into another one. None where
    that is not asked for; UsageError where it is the only way."""
    path = None if output is None else Path(output)
    if file is not None and Path(file).is_file() and path is not None and (path.is_file() or not path.exists()):
        from whet.prediction import answering  # a text after RUN is answered sooner without

        if like is not None and form == "csv":
            return answering.Order(Path(file), path, form, settings, like=Path(like))
        if like is None and form in ("csv", "jsonl", "parquet") and not settings.json:
            return answering.Order(Path(file), path, form, settings)
    if like is not None:
        raise UsageError(
            "a sample submission cannot be filled in without a file of rows and one of answers", where="--like",
            expected="--file with a file, and --output with one that ends in .csv",
        )  # fmt: skip
    if form == "parquet":
        raise UsageError("parquet without a file of rows", expected="--file and --output with files, and no --json")
    return None


def write_file(asked: answering.Order, run: Run, words: Words) -> None:
    """Answers the rows of a file into another file, from where that was stopped before."""
    from whet.cli import progress
    from whet.cli.output import stderr_console
    from whet.prediction import answering

    console, quiet, path = stderr_console(), asked.settings.quiet, asked.output
    with answering.begun(asked, run) as job:
        facts = {"path": path, "rows": f"{job.rows:,}"}
        told = [words("goes on").format(done=f"{job.done:,}", **facts)] if job.done else []
        if job.changed:
            changed = ", ".join(words(f"changed {name}") for name in job.changed)
            told.append(words("begins anew").format(changed=changed, **facts))
        for fill in () if job.sample is None else job.sample.fills:
            told.append(words(f"filled {fill.kind}").format(column=printable(fill.column), label=fill.label))
        chunks = job.answer(run.predictor)
        if not quiet:
            for line in told:
                console.print(line, soft_wrap=True)
            chunks = progress.answered(chunks, job.rows, console, words, before=job.done)
        try:
            done = job.done + sum(map(len, chunks))
        except KeyboardInterrupt:
            console.print(words("kept").format(done=f"{job.answered:,}", **facts), soft_wrap=True)
            raise
    if not quiet:
        console.print(words("written").format(count=f"{done:,}", path=path), soft_wrap=True)


def write(
    chunks: Iterable[Sequence[Prediction]], form: Form, output: str | None, *, words: Words, settings: Settings
) -> None:
    """Writes predictions, chunk by chunk as they come, to stdout, or to the file `output`, which
    appears whole or not at all. A table and a JSON document wait for the last of them."""
    from whet.cli.output import print_json, stderr_console

    answers: list[Prediction] = []
    if settings.json or form == "table":
        answers = [answer for chunk in chunks for answer in chunk]
        chunks = [answers]
    count = 0
    if output is not None:
        with _whole_file(Path(output)) as stream:
            for chunk in chunks:
                stream.write(_text(chunk, form, words, first=count == 0))
                count += len(chunk)
        if not settings.quiet:
            said = words("written").format(count=f"{count:,}", path=output)
            stderr_console().print(said, soft_wrap=True)
    if settings.json:
        print_json([prediction_document(answer) for answer in answers])
    elif output is None:
        for chunk in chunks:
            _show(chunk, form, words, first=count == 0)
            count += len(chunk)


def _show(answers: Sequence[Prediction], form: Form, words: Words, *, first: bool) -> None:
    from whet.cli import show
    from whet.cli.output import print_json, stdout_console

    if form == "jsonl":
        for answer in answers:
            print_json(prediction_document(answer))
        return
    if form == "csv":
        sys.stdout.write(_text(answers, form, words, first=first))
        return
    draw = show.predictions_table if form == "table" else show.predictions
    draw(stdout_console(), words, answers)


def _text(answers: Sequence[Prediction], form: Form, words: Words, *, first: bool) -> str:
    """Predictions as a file holds them; `first`: none stand above them."""
    if form in ("jsonl", "csv"):
        from whet.prediction import written

        return written.text(answers, form, first=first)
    from rich.console import Console

    from whet.cli import show

    page = Console(file=io.StringIO(), width=FILE_WIDTH, highlight=False, markup=False, emoji=False, record=True)
    draw = show.predictions_table if form == "table" else show.predictions
    draw(page, words, answers)
    return page.export_text()


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """A file beside this one that takes its name at the end, so that a full disk or an interrupt
    leaves no half of it; a device or a pipe is written to directly."""
    direct = path.exists() and not path.is_file()
    target = path if direct else path.with_name(path.name + ".partial")
    if not direct and target.is_dir():
        raise OutputError(
            f"{target} is a folder, in which a predict --file that was interrupted keeps its rows",
            where="--output",
            todo="Let that command go on first, remove the folder, or name another file",
        )
    try:
        with target.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
            yield stream
        if not direct:
            target.replace(path)
    except OSError as fault:
        raise OutputError(
            f"{fault.strerror}: {path}", where="--output", todo="Name a file in a folder that can be written to"
        ) from None
    finally:
        if not direct:
            with suppress(OSError):  # there is none where it could not be opened
                target.unlink()
