"""`whet predict RUN --engine ray`: the files of a folder or a pattern, answered on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from whet.cli.jobs import language
from whet.errors import UsageError
from whet.prediction import written

if TYPE_CHECKING:
    from whet.settings.config import Settings


def predict(run: str, files: str | None, output: str | None, asked: str | None, settings: Settings) -> None:
    """Answers each file into one of the folder `output`, as jsonl unless another form is asked for, and tells each. A
    file that cannot be answered does not keep the others from it; its fault is raised at the end."""
    forms: dict[str, written.Form] = {form: form for form in get_args(written.Form)}
    form = "jsonl" if asked is None else asked
    if files is None or output is None or form not in forms or settings.json:
        raise UsageError(
            "a cluster answers files into files", where="--engine ray",
            expected=f"--file with a folder or a pattern, --output with a folder, and --format {' or '.join(forms)}",
        )  # fmt: skip
    from whet import pipeline, scale
    from whet.cli.output import stderr_console

    orders = scale.orders(files, Path(output), forms[form], settings)
    words, done = language(settings.lang), []
    for each in scale.answer(pipeline.load(run), orders):
        done.append(each)
        if each.fault is None and not settings.quiet:
            facts = {"number": len(done), "files": len(orders), "rows": f"{each.rows:,}"}
            told = words("file answered").format(**facts, file=each.file, path=each.output)
            stderr_console().print(told, soft_wrap=True)
    missed = scale.refusal(done)
    if missed is not None:
        raise missed
