"""A finished run as a folder that answers without torch: its model as ONNX, each engine held against the model itself.

Which engine is the folder's default is decided on validation alone; test is told. Loads torch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from whet.artifacts import exported, published, sidefile, tfidf
from whet.artifacts.exported import TABLE, TOLERANCES
from whet.artifacts.sidefile import CARD, NAME
from whet.disk import durable
from whet.errors import ModelError, OutputError, UsageError
from whet.exporting import folder as written
from whet.exporting import table
from whet.exporting.folder import Export
from whet.exporting.rows import metric_of, rows_of
from whet.exporting.table import LONG, SHORT, Measured
from whet.prediction import predictor
from whet.prediction.predictor import Answering, Answers
from whet.records import Notice
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import said
from whet.settings import values
from whet.system import machine, packages

MAX_LOSS = 0.5  # points


def export(
    run: str | os.PathLike[str], data: object = None, *, int8: bool = True, max_accuracy_loss: float = MAX_LOSS,
    output: str | os.PathLike[str] | None = None,
) -> Export:  # fmt: skip
    """Writes a folder that answers without torch, RUN/export/ unless `output` names another: the model as ONNX, and
    with weights of 8 bits. `data`: DATA of the run, where it is not where the training read it.

    The 8-bit model is the folder's default where it loses at most `max_accuracy_loss` points on validation.
    Raises ModelError for a model that cannot be exported, or whose graph answers otherwise than it does.
    """
    for event in follow(published.find(run), data, int8=int8, max_loss=max_accuracy_loss, output=output):
        if isinstance(event, Export):
            return event
    raise AssertionError("an export ends with Export")


def follow(
    run: RunFolder, data: object, *, int8: bool, max_loss: float, output: str | os.PathLike[str] | None
) -> Iterator[Notice | Export]:
    """The same, with what is told on the way."""
    if not 0 <= max_loss <= 100:
        raise UsageError(f"{max_loss:g}", where="--max-accuracy-loss", expected="points, 0 to 100")
    out, kind = _out(run, output), sidefile.kind_of(sidefile.read(run.model))
    if kind == "onnx":
        raise UsageError("it is an export already", where=str(run.path), expected="a run of whet train")
    if kind == "linear":
        yield _copied(run, out)
        return
    packages.require_export()
    threads = machine.free_cores()
    plain = predictor.load(run.model, device="cpu", threads=threads, engine="torch").artifact
    rows, notices = rows_of(run, data, plain.labels)
    yield from map(Notice, notices)
    with _new_folder(out) as scratch:
        yield Notice(said({}, "exporting"))
        sessions = written.write_graphs(run.model, scratch, int8=int8)
        side = written.side_file(run.model, scratch, sessions)
        models: dict[Answers, Answering] = {"torch": plain}
        for engine, session in sessions.items():
            models[engine] = exported.opened(scratch, side, session, engine, threads=threads)
        yield Notice(said({"names": ", ".join(models)}, "comparing"))
        metric = metric_of(run, plain.labels)
        measured = table.table(models, rows, metric, written.sizes(run.model, scratch, sessions))
        _check(run, measured)
        chosen, reason = table.default(measured, metric, max_loss)
        found = Export(out, metric, measured, chosen, reason, tuple(notices))
        written.write_json(scratch / NAME, side | {"default": chosen})
        written.write_table(scratch, found)
        (scratch / CARD).write_text(written.card(run.model, found, plain.usage), encoding="utf-8")
    yield found


def _check(run: RunFolder, measured: Sequence[Measured]) -> None:
    """Raises ModelError where the graph answers otherwise than the model. The test texts are compared at each load."""
    gap = next(each.difference for each in measured if each.engine == "onnx")
    if gap is not None and not gap <= TOLERANCES["onnx"]:
        raise ModelError(
            f"the exported model answers differently from the model (by {gap:.2g})",
            where=str(run.model),
            expected=f"at most {TOLERANCES['onnx']:g}",
            todo="Use the model/ folder with torch, and please report this model",
        )


def _out(run: RunFolder, asked: str | os.PathLike[str] | None) -> Path:
    """The folder to write. Raises UsageError where it holds what is no export."""
    if asked is None and run.bare:
        todo = "Name a folder with --output"
        raise UsageError("a model/ folder without its run", where=str(run.path), todo=todo)
    out = run.export if asked is None else values.folder(os.fspath(asked))
    ours = (out / TABLE).is_file() or (out.is_dir() and not any(out.iterdir()))
    if out.exists() and not ours:
        raise UsageError("it holds something else", where=str(out), expected="a new folder, or an export")
    return out


def _copied(run: RunFolder, out: Path) -> Export:
    """That of a linear model, which is its model/ folder."""
    loaded = predictor.load(run.model).artifact
    short, long = (table.speeds({"linear": loaded}, words)["linear"] for words in (SHORT, LONG))
    measured = Measured(
        "linear", sum(file.stat().st_size for file in run.model.rglob(tfidf.WEIGHTS)), None, {}, short, long
    )
    found = Export(out, metric_of(run, loaded.labels), (measured,), "linear", said({}, "linear as it is"), ())
    with _new_folder(out) as scratch:
        shutil.copytree(run.model, scratch, dirs_exist_ok=True)  # its manifest is written anew
        written.write_table(scratch, found)
    return found


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """The folder, to be filled. Raises OutputError where the disk is full or locked."""
    try:
        with durable.new_folder(out, free=[CARD]) as scratch:
            yield scratch
    except OSError as fault:
        raise OutputError(
            f"cannot be written: {fault.strerror or fault}",
            where=str(out),
            todo="Free space or mend the disk, and give the same command again",
        ) from None
