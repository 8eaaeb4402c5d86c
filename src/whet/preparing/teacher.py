"""The finished run whose answers a model learns beside its labels: which run that is, and what its job is then.

A student learns shares of each label: of a labelled row half its label and half what the teacher answers, of a text
without a label the answer alone (Hinton et al. 2015, arXiv 1503.02531; on further texts Turc et al. 2019, arXiv
1908.08962). The answers are probabilities as the teacher gives them, calibrated, at no other temperature. Loads no
torch.

Sizes: B rows, C labels.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet.artifacts import published, sidefile
from whet.errors import ModelError, UsageError, quoted
from whet.hub import snapshot
from whet.inputs import unlabelled
from whet.labels import Kind, LabelSet
from whet.preparing import warm_start
from whet.records import Examples, Floats, Inputs, Notice, Splits, Targets, Usage
from whet.runs.run_folder import RunFolder
from whet.score.judge import probabilities
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, Settings
from whet.system.runtime import Ranks

FOLDER = "teacher"  # in the run folder of a student: what was answered, until the run is finished
OF_LABEL = 0.5  # of what a labelled row is to be answered with; the rest is the teacher's
# What a job with a teacher does without, beside what it would mean to leave it out.
WITHOUT = {
    "folds": "rows that no model has learnt from, where the teacher may have learnt from all",
    "learning_curve": "a model that learns from labels alone",
    "sampling": "a class for every row that is drawn",
    "focal": "rows with one right answer each",
    "label_smoothing": "targets that are no shares yet",
}
UNASKED = (None, False, 0.0, "plain")
ANSWERS: Mapping[Kind, str] = {"one": "one label a row", "several": "several labels a row", "value": "numbers"}


@dataclass(frozen=True, slots=True)
class Teacher:
    """A finished run of any kind."""

    name: str
    """Without the folders that it lies in."""
    folder: Path
    """Its model/ folder."""
    labels: LabelSet
    usage: Usage
    digest: str
    """What tells its model from others."""
    kind: str
    """As whet.json has it: transformer, linear, ensemble, onnx."""

    @property
    def by(self) -> dict[str, str]:
        """As files of the student name it."""
        return {"name": self.name, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a job with a teacher has beside its data."""

    teacher: Teacher
    further: Examples | None
    """Texts without labels."""
    seconds: float = 0.0
    """That the teacher was found to take for a text."""

    @property
    def rows(self) -> int:
        """How many texts have no label."""
        return 0 if self.further is None else len(self.further.texts)


def asked(resolved: Resolved) -> tuple[Resolved, Teacher | None, list[str]]:
    """The job, its teacher where it has one, and what must be said. Where no model is given the job starts from the
    teacher's, of an ensemble from its first. Raises ModelError for a run that cannot be had."""
    settings, told = resolved.settings, list[str]()
    if settings.teacher is None:
        return resolved, None, told
    run = published.find(settings.teacher, where="--teacher")
    if not run.bare and not run.finished:
        todo = "Let it end first: its command in run.json goes on with it"
        raise ModelError(f"{run.path} is not a finished run", where="--teacher", todo=todo)
    side = sidefile.verified(run.model)
    is_hubs = settings.teacher.startswith(snapshot.PREFIX)
    if settings.teacher == "last":
        resolved = resolved.with_value("teacher", str(run.path), "last")
    name = snapshot.named(settings.teacher).repository if is_hubs else run.path.resolve().name
    labels, usage, digest = sidefile.labels_of(side), sidefile.usage_of(side), sidefile.state_of(run.model)
    found = Teacher(name, run.model, labels, usage, digest, side["kind"])
    start = _start(run, side)
    if start is not None and resolved.reasons["model"] == "default":
        model = settings.teacher if is_hubs and start == run.model else str(start)
        resolved = resolved.with_value("model", model, said({"teacher": name}, "the model of the teacher"))
        resolved, more = warm_start.alike(resolved, side, name)
        told += more
    return resolved, found, told


def _start(run: RunFolder, side: Mapping[str, Any]) -> Path | None:
    """The folder that a training goes on from; None where the teacher's is no network with plain weights."""
    if side["kind"] == "transformer":
        return run.model if run.bare else run.path
    return run.model / side["members"][0] if side["kind"] == "ensemble" and side["of"] == "transformer" else None


def _check_idle(settings: Settings) -> None:
    """Raises UsageError for what does nothing without a teacher."""
    if settings.unlabelled is not None:
        raise UsageError(
            "--unlabelled without --teacher",
            expected="a finished run that answers these texts",
            todo=f"Give --teacher RUN, or let the model read them first: whet adapt MODEL {settings.unlabelled}",
        )


def without(resolved: Resolved, ranks: Ranks) -> tuple[Resolved, list[str]]:
    """The job, and what must be said. What means nothing with a teacher, or without one, raises UsageError, but for
    settings of a recipe, which nobody can take back: with a teacher they are left out."""
    settings, reasons = resolved.settings, resolved.reasons
    if settings.teacher is None:
        _check_idle(settings)
        return resolved, []
    if ranks.count > 1:
        expected = "a single process, in which the teacher answers first"
        todo = "Leave out torchrun, or --teacher"
        raise UsageError(f"--teacher in {ranks.count} processes", expected=expected, todo=todo)
    if settings.unlabelled_rows is not None and settings.unlabelled is None:
        expected, todo = "texts without labels to draw from", "Give --unlabelled FILE, or leave it out"
        raise UsageError("--unlabelled-rows without --unlabelled", expected=expected, todo=todo)
    found = [name for name in WITHOUT if reasons[name] != "default" and getattr(settings, name) not in UNASKED]
    refused = [name for name in found if reasons[name] in ("given", reasons["teacher"])]
    if refused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in refused)
        expected = ", ".join(WITHOUT[name] for name in refused)
        raise UsageError(f"{flags} with --teacher", expected=expected, todo=f"Leave out {flags}, or --teacher")
    for name in found:
        resolved = resolved.with_value(name, Settings.__dataclass_fields__[name].default, "default")
    return resolved, [said({"names": ", ".join(found)}, "left out for a teacher")] if found else []


def teaching_of(
    teacher: Teacher | None, settings: Settings, splits: Splits, labels: LabelSet, inputs: Inputs
) -> tuple[Teaching | None, list[str]]:
    """What a job with a teacher has beside its data, and what must be said of that. UsageError where the teacher does
    not fit them."""
    if teacher is None:
        return None, []
    check(teacher, labels, inputs)
    if settings.unlabelled is None:
        return Teaching(teacher, None), []
    further, told = unlabelled.to_answer(settings.unlabelled, settings, inputs, splits)
    return Teaching(teacher, further), told


def told_of(teaching: Teaching, resolved: Resolved, splits: Splits, layers: int | None) -> Iterator[Notice]:
    """Who teaches, and what. `layers`: of the model that the training starts from."""
    name, kind, rows = teaching.teacher.name, teaching.teacher.kind, len(splits.train.texts)
    further = said({"count": teaching.rows}, "texts beside labels") if teaching.rows else ""
    facts = {"teacher": name, "rows": rows, "further": further, "total": rows + teaching.rows}
    yield Notice(said(facts, "taught"))
    for side, scored in (("validation", splits.validation), ("test", splits.test)):
        if scored is not None and (count := learnt_by(teaching.teacher, scored)):
            told = {"teacher": name, "count": count, "total": len(scored.texts), "side": side}
            yield Notice(said(told, "learnt by the teacher"), "warning")
    is_its_own = resolved.reasons["model"] == said({"teacher": name}, "the model of the teacher")
    if is_its_own and kind == "transformer" and resolved.settings.layers in (None, layers):
        yield Notice(said({"layers": layers}, "no smaller than the teacher"), "warning")


def learnt_by(teacher: Teacher, rows: Examples) -> int:
    """How many of some rows a teacher whose run is there has learnt from, told by the name of their file and their
    number in it."""
    run = RunFolder(teacher.folder.parent)
    path = run.path / "splits.parquet"
    if not path.is_file():
        return 0
    from pyarrow import parquet

    named, sides = Path(rows.source).name, ["train", *(["validation"] if "refit" in run.read("metrics.json") else [])]
    of_sides = ("side", "in", sides)
    sources = parquet.read_table(path, columns=["source"], filters=[of_sides])["source"].unique().to_pylist()
    same = [source for source in sources if Path(source).name == named]
    if not same:
        return 0
    learnt = parquet.read_table(path, columns=["row_id"], filters=[of_sides, ("source", "in", same)])
    return int(np.isin(np.asarray(rows.row_ids), learnt["row_id"].to_numpy()).sum())


def check(teacher: Teacher, labels: LabelSet, inputs: Inputs) -> None:
    """Raises UsageError where the teacher answers something else than the data ask, or other texts."""
    theirs, where = teacher.labels, "--teacher"
    if theirs.kind != labels.kind:
        saw = f"{teacher.name} answers with {ANSWERS[theirs.kind]}"
        raise UsageError(saw, where=where, expected=f"{ANSWERS[labels.kind]}, as the data have them")
    if (teacher.usage.inputs.pair is None) != (inputs.pair is None):
        texts = ("pairs of texts", "single texts")
        saw = f"{teacher.name} reads {texts[teacher.usage.inputs.pair is None]}"
        raise UsageError(saw, where=where, expected=f"{texts[inputs.pair is None]}, as the data have them")
    if labels.kind != "value" and set(theirs.names) != set(labels.names):
        named = (", ".join(map(quoted, names)) for names in (theirs.names, labels.names))
        raise UsageError(
            f"{teacher.name} has the labels {next(named)}",
            where=where,
            expected=f"those of the training rows, {next(named)}",
            todo="Give rows of each label, and name labels alike: --label-names renames those of the data",
        )


def in_order(logits: Floats, teacher: Teacher, labels: LabelSet) -> Floats:
    """What the teacher gave [B, C], its columns in the order of the student's labels."""
    if labels.kind == "value":
        return logits
    return logits[:, [teacher.labels.names.index(name) for name in labels.names]]


def lessons(targets: Targets, logits: Floats, further: Floats | None, labels: LabelSet) -> Floats:
    """What a student is to answer [B, C], or numbers [B]: to labelled rows, then to texts without labels. `logits` and
    `further`: those of the teacher to either, in the student's order."""
    shares = probabilities(logits, labels)
    own = np.asarray(targets, np.float64)
    if labels.kind == "value":
        shares = shares[:, 0]
    elif labels.kind == "one":
        own = np.zeros_like(shares)
        own[np.arange(len(own)), np.asarray(targets, np.int64)] = 1.0
    mixed: Floats = OF_LABEL * own + (1 - OF_LABEL) * shares
    if further is None:
        return mixed
    alone = probabilities(further, labels)
    return np.concatenate([mixed, alone[:, 0] if labels.kind == "value" else alone])


def with_fewer(teaching: Teaching | None, settings: Settings) -> Teaching | None:
    """The same where a budget leaves time for fewer texts without labels."""
    if teaching is None or teaching.further is None or settings.unlabelled_rows is None:
        return teaching
    return dataclasses.replace(
        teaching, further=unlabelled.fewer(teaching.further, settings.unlabelled_rows, settings.seed)
    )


def forget(path: str | os.PathLike[str]) -> None:
    """Removes what was answered for a run, which is finished."""
    shutil.rmtree(Path(path) / FOLDER, ignore_errors=True)
