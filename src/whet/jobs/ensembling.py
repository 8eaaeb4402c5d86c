"""The second half of the story of a job of several models: train one after the other; `outcome` scores and saves all of
them together. `story.follow` tells the first.

Each training has a folder of its own, members/NAME/, with its events, its checkpoints while it lasts, and its answers
to the rows that it has not learnt from. What is done of it is not done again by a job that goes on.

Loads torch.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from whet.artifacts import artifact, ensemble
from whet.artifacts.artifact import Artifact
from whet.data.batches import subset
from whet.disk import durable
from whet.disk.mendable import mendable
from whet.errors import Interrupted
from whet.jobs import finetune, outcome
from whet.jobs.combined import Combined, Held, all_steps, left_out
from whet.jobs.network import Network
from whet.model import classifier as classifiers
from whet.model.exhausted import give_back
from whet.planning.again import going_on
from whet.preparing.job import Job, Kept
from whet.preparing.sides import EncodedSide
from whet.records import Bools, Evaluation, Floats, Notice, Revision, Side, Stage, StepRecord, Usage
from whet.runs import naming, run_folder
from whet.runs.members import FOLDER, Member, members_of
from whet.runs.run_folder import RunFolder
from whet.score.judge import default_thresholds
from whet.sentences.bilingual import said
from whet.system import heap, runtime
from whet.training import memory
from whet.training.checkpoints import Checkpoints, Found

BEGUN = "begun.json"  # in the folder of the members: what a job that goes on has to know
ANSWERS = "answers.npz"  # of a member
Told = Stage | Notice | StepRecord | Evaluation | Revision


def begun(folder: RunFolder) -> Found | None:
    """What an earlier process settled for the same job; None where none began it."""
    path = folder.path / FOLDER / BEGUN
    try:
        return Found(path, json.loads(path.read_text(encoding="utf-8")), "")
    except (OSError, ValueError):
        return None


def train_and_save(folder: RunFolder, job: Job) -> Iterator[Told]:
    """Trains every member, then scores and saves all together; metrics.json, written last, ends the run."""
    artifact.check_tokenizer(job.files.folder, job.cutter)  # now: after hours of training it would be too late
    heap.keep()
    _begin(folder, job)
    members, held = members_of(job.settings), list[Held]()
    with memory.explained(job.classifier):
        for number, member in enumerate(members, 1):
            held.append((yield from _held(folder, job, member, (number, len(members)))))
            give_back(job.classifier.device)
        given = job if job.folds is None else replace(job, sides={**job.sides, "validation": job.sides["train"]})
        kept = left_out(given, held)
        if kept is not None:
            yield folder.log(kept.evaluation)
        loaded = [artifact.load(folder.model / member.name, device=job.machine.device) for member in members]
        usage = Usage(job.inputs, default_thresholds(job.labels))
        tolerance = ensemble.TOLERANCE if job.classifier.device.type == "cpu" else ensemble.LOOSE
        together = ensemble.Ensemble(folder.model, tuple(loaded), job.labels, usage, tolerance)
        model = Combined(Network(given), given, held, together, [partial(_answers, given, each) for each in loaded])
        yield from outcome.conclude(folder, given, model, all_steps(held), kept, None, {})


def _begin(folder: RunFolder, job: Job) -> None:
    """Makes the folder of the members, and keeps what was settled for all of them. What processes that were ended left
    half written or half removed goes."""
    path = folder.path / FOLDER
    with mendable(path):
        path.mkdir(exist_ok=True)
        if job.kept.found is None:
            facts = {**job.facts, "left": None, "events": folder.flushed()}
            durable.write(path / BEGUN, json.dumps({"step": 0, "facts": facts}))
        for left in (folder.model, *path.glob("*"), *path.glob("*/checkpoints")):
            if left.is_dir():
                durable.sweep(left)


def _answers(job: Job, member: Artifact, side: Side, rows: Bools | None) -> Floats:
    encoded = job.sides[side].encoded
    return member.classifier.all_logits(encoded if rows is None else subset(encoded, rows))


def _held(folder: RunFolder, job: Job, member: Member, place_of: tuple[int, int]) -> Generator[Told, None, Held]:
    """A member, trained now or by a process before this. `place_of`: the how manieth of how many it is."""
    place = RunFolder(folder.path / FOLDER / member.name)
    checkpoints = Checkpoints(place.path / "checkpoints")
    key = naming.fingerprint(job.resolved, [member.name, str(len(job.lessons.encoded))])
    facts = {"number": place_of[0], "count": place_of[1], "member": member.told}
    known = _read(place.path / ANSWERS, key, member)
    if known is not None and durable.damage(folder.model / member.name) is None:
        yield Notice(said(facts, "a member is there"))
        checkpoints.remove()
        return known
    own, out = _job_of(job, member, checkpoints)
    yield Stage("train", said({**facts, "rows": len(own.lessons.encoded)}, "a member"))
    own = yield from _opened(place, own, key)
    own.classifier.begin(own.lessons.targets, own.recipe.loss)
    try:
        last, scored = yield from finetune.fit(place, own.classifier, own, own.settings, None)
    except Interrupted as fault:
        raise type(fault)(f"{fault.saw} of {member.told}", todo=fault.todo) from None
    own.classifier.fold()
    started = time.perf_counter()
    logits = np.zeros((0, len(job.labels)))
    if out is not None:
        logits = job.team.all_logits(own.classifier, out.encoded)
    elif scored is not None:
        logits = scored.logits
    found = Held(member, logits, last, time.perf_counter() - started)
    usage = Usage(job.inputs, default_thresholds(job.labels))
    artifact.save(
        folder.model / member.name, own.classifier, job.cutter, job.labels, source=job.files.folder,
        card=ensemble.MEMBER_CARD, usage=usage,
    )  # fmt: skip
    _write(place.path / ANSWERS, key, found)
    for left in checkpoints.remove():
        yield folder.log(Notice(left, "warning"))
    return found


def _job_of(job: Job, member: Member, checkpoints: Checkpoints) -> tuple[Job, EncodedSide | None]:
    """The job of one member: a fresh model, its seed and its rows; and the rows of its fold."""
    resolved = job.resolved.with_value("seed", member.seed, member.told)
    runtime.apply(job.machine, member.seed)
    classifier, _ = classifiers.fresh(job.files, job.labels, job.machine, resolved.settings, seed=member.seed)
    kept = Kept(checkpoints, checkpoints.newest(), run_folder.Redone(0, ()))
    sides: dict[Side, EncodedSide] = {side: each for side, each in job.sides.items() if side != "test"}
    out = None
    if job.folds is not None:
        left = job.folds == member.fold
        sides, out = {"train": _part(job.sides["train"], ~left)}, _part(job.sides["train"], left)
    return replace(job, resolved=resolved, classifier=classifier, kept=kept, sides=sides), out


def _part(side: EncodedSide, rows: Bools) -> EncodedSide:
    return EncodedSide(subset(side.encoded, rows), side.targets[rows])


def _opened(place: RunFolder, job: Job, key: str) -> Generator[Told, None, Job]:
    """Makes the folder of a training ready to begin, or to go on."""
    found, facts = job.kept.found, {"digest": key, "versions": runtime.versions()}
    if found is None:
        run_folder.start(place, job.resolved, facts)
        return job
    if found.said:
        yield Notice(found.said, "warning")
    redone = run_folder.go_on(place, job.resolved, facts, step=found.step, events=found.facts["events"])
    yield going_on(found, redone)
    return replace(job, kept=replace(job.kept, redone=redone))


def _write(path: Path, key: str, held: Held) -> None:
    """Keeps what a member came to. Raises OutputError where the disk does not take it."""
    content = io.BytesIO()
    np.savez(
        content, key=np.array(key), logits=held.logits, seconds=np.array(held.seconds),
        last=np.array(json.dumps(asdict(held.last))),
    )  # fmt: skip
    with mendable(path):
        durable.write(path, content.getvalue())


def _read(path: Path, key: str, member: Member) -> Held | None:
    """What `_write` kept of the same training; None where there is none, or another."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as kept:
            if str(kept["key"]) != key:
                return None
            last: dict[str, Any] = json.loads(str(kept["last"]))
            return Held(member, kept["logits"], StepRecord(**last), float(kept["seconds"]))
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None
