"""A teacher answers the texts that its student learns from, before the training. Loads torch.

What it answered is written part by part into the run folder, so that a job that was stopped, or is begun anew, asks it
for the rest alone. It is gone from memory before the student trains.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from whet.data.rows import select
from whet.data.split import draw
from whet.data.targets import classes_of
from whet.disk import durable
from whet.disk.mendable import mendable
from whet.errors import Interrupted
from whet.model.exhausted import give_back
from whet.prediction import predictor
from whet.prediction.predictor import Answering
from whet.preparing.job import Job
from whet.preparing.prepare import Asked, all_texts
from whet.preparing.sides import EncodedSide, tokens_of
from whet.preparing.taught import Taught
from whet.preparing.teacher import FOLDER, Teacher, check, in_order, lessons
from whet.records import AnswerStep, Bools, Examples, Floats, Notice, Stage
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import said
from whet.system import runtime
from whet.system.interruption import Interruption
from whet.training.estimate import compared, models_of

PART = 1_024  # texts that are answered between two files
TIMED, LEAST_TIMED = 256, 2.0  # texts at the most, and seconds at the least, that tell how fast a teacher is here

Told = Stage | Notice | AnswerStep


@dataclass(frozen=True, slots=True)
class Answered:
    """What a teacher answered for a job, with columns in the order of its labels."""

    train: Floats  # [B, C]
    further: Floats | None  # of the texts without labels
    test: Floats | None
    """Of the test rows that it was asked."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Some texts that are answered together."""

    path: Path
    key: str
    texts: Sequence[str]
    pairs: Sequence[str] | None


def taught(folder: RunFolder, asked: Asked, job: Job, cache: Path) -> Generator[Told, None, Job]:
    """The job with what its teacher answers among what is learnt, and what it is compared with at its end. Interrupted
    by a signal, with the parts kept that were done; OutputError where a disk does not take what is written."""
    assert asked.teaching is not None, "the job has a teacher"
    by = asked.teaching.teacher
    check(by, asked.labels, asked.inputs)  # a budget may have left no row of a label
    test = _to_compare(job, asked)
    given = yield from _answered(folder, asked, test)
    model, matrices = job.classifier.model, "lora_"  # which are merged in the end
    one = sum(each.numel() for name, each in model.named_parameters() if matrices not in name)
    beside = Taught(
        by, len(asked.splits.train.texts), asked.teaching.rows, models_of(job.settings) * one,
        getattr(model.config, "num_hidden_layers", None), test, given.test,
    )  # fmt: skip
    return replace(job, learns=_learnt(asked, given, job, cache), taught=beside)


def _to_compare(job: Job, asked: Asked) -> Bools | None:
    """Which test rows [B] the teacher answers too, drawn by class; None: none."""
    test, settings = asked.splits.test, asked.resolved.settings
    count = 0 if test is None or "test" not in job.sides else compared(settings, len(test.texts))
    if test is None or not count:
        return None
    return draw(classes_of(job.sides["test"].targets), test.row_ids, count, "rows of the teacher", settings.seed)


def _answered(folder: RunFolder, asked: Asked, test: Bools | None) -> Generator[Told, None, Answered]:
    """What the teacher answers; it is asked for what there is no answer to yet. `test` [B]: the test rows of that."""
    assert asked.teaching is not None, "the job has a teacher"
    teacher, further = asked.teaching.teacher, asked.teaching.further
    rows = {"train": asked.splits.train}
    if further is not None:
        rows["further"] = further
    if test is not None and asked.splits.test is not None:
        rows["test"] = select(asked.splits.test, test)
    place = folder.path / FOLDER
    with mendable(place):
        place.mkdir(exist_ok=True)
        durable.sweep(place)
    parts = {name: _parts(place, name, each, teacher) for name, each in rows.items()}
    every = [part for each in parts.values() for part in each]
    found = {part.path: known for part in every if (known := _read(part)) is not None}
    yield from _asked_for(folder, asked, every, found)
    logits = {
        name: in_order(np.concatenate([found[part.path] for part in each]), teacher, asked.labels)
        for name, each in parts.items()
    }
    return Answered(logits["train"], logits.get("further"), logits.get("test"))


def _learnt(asked: Asked, given: Answered, job: Job, cache: Path) -> EncodedSide:
    """The training rows, and after them the texts without labels, with what is to be answered to either."""
    assert asked.teaching is not None, "the job has a teacher"
    side = job.sides["train"]
    targets = lessons(side.targets, given.train, given.further, asked.labels)
    if asked.teaching.further is None:
        return EncodedSide(side.encoded, targets)
    texts, pairs = all_texts(asked)
    encoded = tokens_of(texts, pairs, job.cutter, cache)
    weights = side.encoded.weights
    if weights is not None:  # those without a label count as rows do in the mean
        encoded = replace(encoded, weights=np.concatenate([weights, np.ones(asked.teaching.rows)]))
    return EncodedSide(encoded, targets)


def seconds_a_text(asked: Asked) -> float:
    """How long the teacher takes for one here, by a few of those that it is to answer."""
    texts, pairs = all_texts(asked)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    count = min(TIMED, len(sizes))
    by_size = np.argsort(sizes, kind="stable")
    chosen = by_size[((np.arange(count) + 0.5) * len(sizes) / count).astype(np.int64)]
    mixed = chosen[np.random.default_rng(0).permutation(count)]
    done, spent, some = 0, 0.0, 16
    with loaded(asked) as held:
        while done < count and spent < LEAST_TIMED:
            rows = mixed[done : done + some].tolist()
            began = time.perf_counter()
            held[0].logits([texts[row] for row in rows], None if pairs is None else [pairs[row] for row in rows])
            spent += time.perf_counter() - began
            done, some = done + len(rows), 2 * some
    return spent / done


@contextmanager
def loaded(asked: Asked) -> Iterator[list[Answering]]:
    """The teacher in a block, after which its memory is given back, and torch computes and draws as at the start of the
    job: what follows does not hang on whether it was asked. It comes in a list, which nobody should take it out of:
    whoever still had it would keep its memory."""
    assert asked.teaching is not None, "the job has a teacher"
    settings, machine = asked.resolved.settings, asked.machine
    folder = asked.teaching.teacher.folder
    held = [predictor.load(folder, device=settings.device, threads=machine.threads).artifact]
    try:
        yield held
    finally:
        held.clear()
        give_back(torch.device(machine.device))
        runtime.apply(machine, settings.seed)


def _asked_for(
    folder: RunFolder, asked: Asked, parts: Sequence[_Part], found: dict[Path, Floats]
) -> Generator[Told, None, None]:
    """Answers the parts that are not found yet, and keeps them."""
    total = sum(len(part.texts) for part in parts)
    missing = [part for part in parts if part.path not in found]
    done = total - sum(len(part.texts) for part in missing)
    assert asked.teaching is not None, "the job has a teacher"
    yield Stage("teach", said({"count": total, "teacher": asked.teaching.teacher.name}, "texts to answer"))
    if done:
        yield folder.log(Notice(said({"done": done, "total": total}, "answered before")))
    if not missing:
        runtime.apply(asked.machine, asked.resolved.settings.seed)
        return
    interruption = Interruption()
    with interruption.heard(), loaded(asked) as held:
        try:
            for part in missing:
                with interruption.at_once():
                    logits, _ = held[0].logits(list(part.texts), None if part.pairs is None else list(part.pairs))
                _write(part, logits)
                found[part.path] = logits
                done += len(part.texts)
                yield AnswerStep(done, total)
            interruption.raise_for(interruption.came)  # after the last one
        except Interrupted as fault:
            saw = f"{fault.saw} while the teacher answered, after {done:,} of {total:,} texts"
            raise type(fault)(saw, todo="The same command goes on with the others") from None


def _parts(place: Path, name: str, rows: Examples, teacher: Teacher) -> list[_Part]:
    """The files of the answers to some rows."""
    parts = []
    for number, start in enumerate(range(0, len(rows.texts), PART)):
        texts = rows.texts[start : start + PART]
        pairs = None if rows.pairs is None else rows.pairs[start : start + PART]
        key = sha256(teacher.digest.encode())
        for text in (*texts, *(pairs or ())):
            raw = text.encode("utf-8", "surrogatepass")
            key.update(len(raw).to_bytes(8, "little") + raw)
        parts.append(_Part(place / f"{name}-{number:05d}.npz", key.hexdigest(), texts, pairs))
    return parts


def _write(part: _Part, logits: Floats) -> None:
    """Keeps what was answered. Raises OutputError where the disk does not take it."""
    content = io.BytesIO()
    np.savez(content, key=np.array(part.key), logits=logits)
    with mendable(part.path):
        durable.write(part.path, content.getvalue())


def _read(part: _Part) -> Floats | None:
    """What `_write` kept of the same texts and teacher; None where there is nothing, or something else."""
    try:
        with np.load(io.BytesIO(part.path.read_bytes())) as kept:
            logits: Floats = kept["logits"]
            return logits if str(kept["key"]) == part.key and len(logits) == len(part.texts) else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
