"""Predictions as lines, a table, JSONL or CSV, on stdout or in a file."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, get_args

from whet.documents import prediction_document
from whet.errors import OutputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from whet.cli.texts import Words
    from whet.config import Settings
    from whet.records import Prediction

Form = Literal["lines", "table", "jsonl", "csv"]
ENDINGS: dict[str, Form] = {".jsonl": "jsonl", ".json": "jsonl", ".csv": "csv", ".txt": "lines"}
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
            expected="a file that ends in .jsonl, .csv or .txt",
            todo="Or give --format",
        )
    return ENDINGS[ending]


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
    from whet.cli.output import stdout_console

    if form in ("jsonl", "csv"):
        sys.stdout.write(_text(answers, form, words, first=first))
        return
    draw = show.predictions_table if form == "table" else show.predictions
    draw(stdout_console(), words, answers)


def _text(answers: Sequence[Prediction], form: Form, words: Words, *, first: bool) -> str:
    """Predictions as a file holds them; `first`: none stand above them."""
    if form == "jsonl":
        lines = [json.dumps(prediction_document(answer), ensure_ascii=False, allow_nan=False) for answer in answers]
        return "".join(line + "\n" for line in lines)
    if form == "csv":
        return _csv(answers, header=first)
    from rich.console import Console

    from whet.cli import show

    page = Console(file=io.StringIO(), width=FILE_WIDTH, highlight=False, markup=False, emoji=False, record=True)
    draw = show.predictions_table if form == "table" else show.predictions
    draw(page, words, answers)
    return page.export_text()


def _csv(answers: Sequence[Prediction], *, header: bool) -> str:
    """text, of pairs text2, label and score (or labels, or value), truncated, then a column `probability NAME` for
    each label. Several labels stand in one cell as a JSON list."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    for answer in answers:
        cells = prediction_document(answer)
        chances = answer.probabilities
        names = [name for name in cells if name not in ("probabilities", "logits")]
        if header:
            writer.writerow([*names, *(f"probability {label}" for label in chances)])
            header = False
        writer.writerow([*(_cell(cells[name]) for name in names), *(repr(float(share)) for share in chances.values())])
    return page.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""  # an unsure answer has no label
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """A file beside this one that takes its name at the end, so that a full disk or an interrupt
    leaves no half of it; a device or a pipe is written to directly."""
    direct = path.exists() and not path.is_file()
    target = path if direct else path.with_name(path.name + ".partial")
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
            target.unlink(missing_ok=True)
