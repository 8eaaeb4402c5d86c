"""The run folder: its files, and how a run is found again.

A run counts as finished when it has `metrics.json`, which is written last.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from whet.data.rows import select
from whet.disk import arrow, durable, lock
from whet.disk.mendable import mendable
from whet.errors import Interrupted, ModelError, OutputError, WhetError, did_you_mean
from whet.forecast import Plan
from whet.labels import LabelSet
from whet.records import (
    Bools,
    CurvePoint,
    Evaluation,
    Examples,
    Floats,
    HeldOut,
    Notice,
    Revision,
    Side,
    StepRecord,
    Tightened,
)
from whet.runs import members, naming, relabel
from whet.sentences.bilingual import with_korean
from whet.settings.config import Resolved

ODD = "backslashreplace"  # the bytes of a file name that are no UTF-8, which is how JSON escapes them
RUN, REPORT = "run.json", "report.html"
EXPORT = "export"
LEVELS = ("*", "*-tune-*/run*")  # below runs/, where runs are: the second of searches
EVALUATION = "evaluation.json"  # which a run on other data has in the place of run.json
WRITTEN_ROWS = 50_000  # rows of a parquet file that are laid out at a time
OWN_FILES = (
    "findings.json", "events.jsonl", "metrics.json", "predictions.parquet", "mistakes.json", "relabel.csv",
    "explanations.json", "splits.parquet", "out_of_fold.parquet", REPORT, "error.json", RUN,
)  # fmt: skip
EVALUATED_FILES = ("metrics.json", "predictions.parquet", "mistakes.json", "relabel.csv", REPORT)
_KINDS = {
    StepRecord: "step", Evaluation: "evaluation", Notice: "notice", Tightened: "limit", Plan: "plan",
    Revision: "revision", CurvePoint: "curve", HeldOut: "held_out",
}  # fmt: skip

Record = TypeVar("Record", bound=StepRecord | Evaluation | Notice | Plan | Revision | CurvePoint | HeldOut)


@dataclass(frozen=True, slots=True)
class Redone:
    """What an earlier process had done after the checkpoint that is gone on from, and is done again."""

    until: int
    """Its last step."""
    revisions: tuple[Revision, ...]
    """What it had decided meanwhile."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with what they should be answered with, and the answers."""

    side: Side
    rows: Examples
    answers: Floats  # [B, C] probabilities, or numbers
    truncated: Bools  # [B]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run on disk. `bare`: only a copied model/ folder, without the run around it. `silent`:
    another process writes it, and nothing is written here."""

    path: Path
    bare: bool = False
    silent: bool = False

    @property
    def model(self) -> Path:
        return self.path if self.bare else self.path / "model"

    @property
    def export(self) -> Path:
        """What `whet export` writes, where it was not told another folder."""
        return self.path / EXPORT

    @property
    def finished(self) -> bool:
        return (self.path / "metrics.json").is_file()

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the run. Raises ModelError where it is missing or damaged."""
        try:
            loaded: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"no {name}", where=str(self.path), expected="a finished run") from None
        except (ValueError, RecursionError) as fault:
            raise ModelError(f"{name} is damaged: {fault}", where=str(self.path)) from None
        return loaded

    def write(self, name: str, content: Mapping[str, object]) -> None:
        """Writes a JSON file of the run, whole or not at all; the Korean of a message stands beside it."""
        self.write_text(name, json.dumps(with_korean(content), ensure_ascii=False, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes a file of the run, whole or not at all."""
        if self.silent:
            return
        with mendable(self.path):
            durable.write(self.path / name, text.encode("utf-8", ODD))

    def write_relabel(self, rows: Sequence[relabel.Doubted]) -> None:
        """Writes relabel.csv, likewise."""
        if not self.silent:
            with mendable(self.path):
                relabel.write(self.path / relabel.NAME, rows)

    def log(self, record: Record) -> Record:
        """Appends a record to events.jsonl and gives it back."""
        self._append({"kind": _KINDS[type(record)], **dataclasses.asdict(record)})
        return record

    def log_end(self, last: StepRecord, memory: int | None) -> None:
        """Closes events.jsonl with the figures of the last step, and the most bytes that the job had on its device."""
        self._append({"kind": "end", **dataclasses.asdict(last), "memory": memory})

    def events(self) -> list[dict[str, Any]]:
        """The lines of events.jsonl that are whole."""
        return list(_events(self.path))

    def losses(self) -> list[float | None]:
        """The loss of each step so far; None for one that was left out."""
        return [line["loss"] for line in _events(self.path) if line["kind"] == "step"]

    def flushed(self) -> int:
        """How long events.jsonl is, in bytes that are on the disk."""
        if self.silent:
            return 0
        with mendable(self.path), (self.path / "events.jsonl").open("ab") as file:
            durable.flush(file.fileno())
            return file.tell()

    def begin_evaluation(self) -> None:
        """Makes the folder if need be, without the files of an earlier evaluation, and what a killed one left half
        written, but EVALUATION, which says what it is until another takes its place."""
        with mendable(self.path, begun=False):
            self.path.mkdir(parents=True, exist_ok=True)
            durable.sweep(self.path)
            for name in EVALUATED_FILES:
                (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder, made if need be, is this process's alone. RunBusyError where it is another's."""
        if self.silent:
            yield
            return
        with mendable(self.path, begun=False):
            self.path.mkdir(parents=True, exist_ok=True)
        with lock.held(self.path):
            yield

    @contextmanager
    def telling_faults(self) -> Iterator[None]:
        """Keeps a fault in error.json before it goes on."""
        try:
            yield
        except WhetError as fault:
            if not isinstance(fault, Interrupted):  # somebody wanted it so
                with suppress(OutputError):  # which the fault itself may be about
                    self.write("error.json", fault.as_json())
            raise

    def _append(self, line: Mapping[str, object]) -> None:
        if self.silent:
            return
        with mendable(self.path), (self.path / "events.jsonl").open("a", encoding="utf-8", errors=ODD) as file:
            # JSON has no number for the loss of a step that was left out.
            plain = {name: None if _is_not_finite(value) else value for name, value in with_korean(line).items()}
            file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")


def _is_not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def open_run(resolved: Resolved, *, data: str, model: str, digest: str) -> RunFolder:
    """The folder of this job: `--output`, else runs/DATA-MODEL-HASH. `--fresh` takes the next free
    name. Nothing is made or removed: that is `start`.

    An `--output` folder that holds something else is refused.
    """
    base = naming.base_of(resolved, data=data, model=model, digest=digest)
    with mendable(base):
        return RunFolder(naming.chosen(base, resolved, digest))


def start(run: RunFolder, resolved: Resolved, facts: Mapping[str, object]) -> None:
    """Makes the folder, removes what an unfinished run left in it, and writes run.json, in place of one that is there:
    every setting with its reason, and `facts`."""
    if not run.silent:
        with mendable(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            _clear(run.path)
    run.write(RUN, _described(resolved, facts))


def amend(run: RunFolder, name: str, value: object, reason: str) -> None:
    """Writes in run.json that a setting was decided otherwise on the way."""
    known = run.read(RUN)
    known["settings"][name] = {"value": value, "reason": reason}
    run.write(RUN, known)


def _described(resolved: Resolved, facts: Mapping[str, object]) -> dict[str, Any]:
    """The content of run.json."""
    values = dataclasses.asdict(resolved.settings)
    settings = {name: {"value": value, "reason": resolved.reasons[name]} for name, value in values.items()}
    return {"format": 1, "started": datetime.now(UTC).isoformat(), **facts, "settings": settings}


def go_on(run: RunFolder, resolved: Resolved, facts: Mapping[str, object], *, step: int, events: int) -> Redone:
    """Prepares the folder of an unfinished run for another process, which goes on from a checkpoint of so many
    steps and bytes of events.jsonl; returns what had been done since."""
    if run.silent:
        return Redone(step, ())
    later = [line for line in _events(run.path) if line.get("step", 0) > step]
    done = max((line["step"] for line in later if line["kind"] == "step"), default=step)
    revisions = [Revision(line["step"], line["steps"], line["seconds"]) for line in later if line["kind"] == "revision"]
    with mendable(run.path):
        (run.path / "error.json").unlink(missing_ok=True)
        durable.sweep(run.path)
        path = run.path / "events.jsonl"
        if path.exists():
            os.truncate(path, _length_at(path, step, events))
    try:
        known = run.read(RUN)
    except ModelError:  # from a mirror, on another machine
        known = _described(resolved, facts)
    if "mirrored" in facts:  # it may be given now only
        known["mirrored"] = facts["mirrored"]
    known.setdefault("resumed", []).append({"at": datetime.now(UTC).isoformat(), "step": step})
    run.write(RUN, known)
    return Redone(done, tuple(revisions))


def _length_at(path: Path, step: int, events: int) -> int:
    """How many bytes of events.jsonl a run goes on with that had so many at the checkpoint of a step. Where another
    machine made that, they are no end of a line here, or are not reached: then all before what is done again."""
    length = 0
    with path.open("rb") as file:
        for line in file:
            if length == events or not line.endswith(b"\n") or _is_redone(line, step):
                break
            length += len(line)
    return length


def _is_redone(line: bytes, step: int) -> bool:
    """Whether a line tells what comes after the checkpoint of a step, or of its evaluation, which follows it too."""
    try:
        known = json.loads(line)
    except ValueError:
        return False
    at: int = known.get("step", 0)
    return at > step or (at == step and known.get("kind") in (_KINDS[Evaluation], _KINDS[HeldOut]))


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of events.jsonl that are whole."""
    with suppress(FileNotFoundError), (path / "events.jsonl").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                yield json.loads(line)


def find(run: str | os.PathLike[str], *, where: str = "RUN", adapted: bool = False) -> RunFolder:
    """The run that RUN names: a run folder, its model/ or export/ folder, or `last`, the newest finished run
    under runs/. Raises ModelError where there is none; `where` is how RUN was given. `adapted`: it may be one of
    `whet adapt`, whose model answers nothing."""
    if str(run) == "last" and not Path("last").exists():
        return _last(adapted)
    found = _named(run, where)
    if not adapted:
        naming.refuse_adapted(found.path, run, where)
    return found


def _named(run: str | os.PathLike[str], where: str) -> RunFolder:
    path = Path(run)
    if _is_model(path):
        in_run = path.name == "model" and (path.parent / "metrics.json").is_file()
        return RunFolder(path.parent) if in_run else RunFolder(path, bare=True)
    if _is_model(path / "model"):
        return RunFolder(path)
    near = did_you_mean(str(path), [str(known.path) for known in _all()])
    saw = f"{path} is not a finished run" if path.exists() else f"no such run: {path}"
    raise ModelError(saw, where=where, expected="a run folder, its model/ folder, or last", todo=near)


def _is_model(path: Path) -> bool:
    """Whether it was a model/ folder, even where one of the two is missing now."""
    return any((path / name).is_file() for name in ("whet.json", durable.MANIFEST))


def write_predictions(
    run: RunFolder, test: Examples, labels: LabelSet, answers: Floats, thresholds: Mapping[str, float],
    *, side: Side = "test", truncated: Bools | None = None,
) -> None:  # fmt: skip
    """predictions.parquet: of each test row, or row of another side, what it should be answered with, the answer, and
    the probability of every label. `answers` [B, C] are probabilities, or numbers; `truncated` [B]: whose text was cut,
    None where that is not known."""
    if run.silent:
        return
    import pyarrow as pa
    from pyarrow import parquet

    with mendable(run.path), ExitStack() as closing:
        writer = None
        for start in range(0, len(test.texts), WRITTEN_ROWS):
            part = np.zeros(len(test.texts), np.bool_)
            part[start : start + WRITTEN_ROWS] = True
            page = answered(select(test, part), labels, answers[part], thresholds)
            if truncated is not None:
                page = page.add_column(3, "truncated", [pa.array(truncated[part])])
            page = page.add_column(1, "side", [arrow.strings([side] * page.num_rows)])
            if writer is None:
                writer = closing.enter_context(parquet.ParquetWriter(run.path / "predictions.parquet", page.schema))
            writer.write_table(page)


def answered(test: Examples, labels: LabelSet, answers: Floats, thresholds: Mapping[str, float]) -> Any:
    """Rows with what they should be answered with, the answers, and the probability of every label, as a table."""
    import pyarrow as pa

    columns: dict[str, object] = {
        "row_id": arrow.numbers(np.array(test.row_ids, dtype=np.int64)),
        "place": arrow.strings(test.places),
        "text": arrow.strings(test.texts),
    }
    if test.pairs is not None:
        columns["text2"] = arrow.strings(test.pairs)
    if test.values is not None:
        columns |= {"value": arrow.numbers(np.array(test.values)), "predicted": arrow.numbers(answers[:, 0])}
    elif test.several is not None:
        chosen = [[name for name, share in zip(labels.names, row, strict=True) if share >= thresholds[name]]
                  for row in answers]  # fmt: skip
        columns |= {"labels": arrow.lists(test.several), "predicted": arrow.lists(chosen)}
    else:
        assert test.labels is not None
        predicted = [labels.names[i] for i in answers.argmax(axis=1)]
        columns |= {"label": arrow.strings(test.labels), "predicted": arrow.strings(predicted)}
    for index, name in enumerate(labels.names if test.values is None else ()):
        columns[f"probability {name}"] = arrow.numbers(answers[:, index])
    return pa.table(columns)


def _last(adapted: bool) -> RunFolder:
    runs = [run for run in _all() if adapted or not naming.is_adapted(run.path)]
    if not runs:
        saw, todo = f"no finished run under {naming.FOLDER.resolve()}", "Run whet train DATA first, or name a run"
        raise ModelError(saw, where="last", todo=todo)
    return max(runs, key=lambda run: (run.path / "metrics.json").stat().st_mtime_ns)


def _all() -> list[RunFolder]:
    found = [path.parent for level in LEVELS for path in sorted(naming.FOLDER.glob(f"{level}/metrics.json"))]
    return [RunFolder(path) for path in found if not (path / EVALUATION).exists()]


def _clear(path: Path) -> None:
    """Removes what an unfinished run of ours left, and nothing else; not run.json, which says that it is ours until
    another takes its place."""
    for folder in (
        path / EXPORT,
        path / "model",
        path / members.FOLDER,
    ):  # the first would answer for a model that is gone
        if folder.is_dir():
            shutil.rmtree(folder)
    durable.sweep(path)
    for name in OWN_FILES:
        if name != RUN:
            (path / name).unlink(missing_ok=True)
