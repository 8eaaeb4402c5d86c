"""`whet adapt` from its texts to a saved encoder, told as it happens."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from whet import pipeline
from whet.adapting.asked import Asked, check_warmup, enough_steps, settle, told_apart
from whet.data.batches import sequences_of, subset
from whet.data.masking import Masking
from whet.data.tokens import Cutter, encode_to_disk
from whet.disk import lock
from whet.errors import DataError, ModelError, OutputError, UsageError
from whet.forecast import Plan
from whet.jobs import story
from whet.preparing import prepare
from whet.records import Encoded, HeldOut, Notice, Revision, Stage, StepRecord
from whet.runs import naming, run_folder
from whet.runs.run_folder import Redone, RunFolder
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, resolve
from whet.settings.keywords import SettingValues
from whet.system import packages, runtime

if TYPE_CHECKING:
    from whet.adapting.learning import Job
    from whet.model.masked import MaskedModel
    from whet.training.checkpoints import Checkpoints

MOST_WINDOWS = 10**6  # of a text: all of it


@dataclass(frozen=True, slots=True)
class Adapted:
    """An encoder that learnt the language of texts: `whet train DATA --model PATH` goes on from it."""

    path: Path
    """Its run folder."""
    metrics: Mapping[str, Any]
    """The content of metrics.json."""
    resumed_finished: bool = False
    """Whether the job had ended before."""

    @property
    def model(self) -> Path:
        """The folder that transformers loads."""
        return self.path / "model"


Event = Stage | Notice | Plan | StepRecord | Revision | HeldOut | Adapted


def adapt(model: str, /, *texts: object, **settings: Unpack[SettingValues]) -> Adapted:
    """Trains an encoder to tell hidden tokens of texts without labels, before it is fine-tuned; the same call on a
    finished run reads it, and on one that was stopped goes on.

    `model`: as for `train`, but no linear one. `texts`: files (.csv, .tsv, .jsonl, .parquet, .txt with a text a line),
    folders of .txt files, names as for `train`, data frames, or a list of texts; a test side is left out, labels are
    not looked at, and a text that stands there twice counts once. `settings`: those of a training that mean something
    without labels; `validation`: the share of the texts that is held out, to measure the loss before and after.
    """
    resolved = resolve(settings)
    for event in follow(model, texts, resolved):
        if isinstance(event, Notice):
            pipeline.tell(event)
        elif isinstance(event, Plan) and event.too_long and not resolved.settings.yes:
            shorter = [f"budget={choice.changes['budget']!r}" for choice in event.choices]
            raise pipeline.too_long(event, shorter, "yes=True")
        elif isinstance(event, Adapted):
            return event
    raise AssertionError("the job ends with Adapted")


def follow(model: str, texts: Sequence[object], resolved: Resolved, *, command: str = "") -> Iterator[Event]:
    """Runs the whole job and yields what happens; the last event is Adapted."""
    packages.require_training()
    count = runtime.ranks().count
    if count > 1:
        raise UsageError(f"{count} processes", where="torchrun", expected="a single process", todo="Leave out torchrun")
    if resolved.settings.require_gpu:  # at once, for reading the texts may take minutes
        runtime.require_gpu(resolved.settings.device)
    started = time.monotonic()
    asked = yield from settle(model, texts, resolved)
    resolved = asked.resolved
    parts = [naming.ADAPTED, asked.corpus.digest, *told_apart(resolved)]
    digest = naming.fingerprint(resolved, [*parts, prepare.weights_digest(asked.files)])
    name = f"{asked.files.short_name}-adapt"
    folder = run_folder.open_run(resolved, data=asked.corpus.name, model=name, digest=digest)
    same = naming.fingerprint(resolved, parts)  # the files of a model have other times on another machine
    mirror = naming.mirror_of(folder.path, resolved, naming.name_of(asked.corpus.name, name, same))
    if folder.finished:
        yield from story.tidied(folder, mirror)
        yield Adapted(folder.path, folder.read("metrics.json"), resumed_finished=True)
        return
    lock.check(folder.path)
    before = story.seen(folder)
    yield Stage("tokens")
    cutter, train, held_out = _encoded(asked)
    with runtime.loading():  # here, because it loads torch, and faults of the texts need not wait
        from whet.training.checkpoints import Checkpoints
    checkpoints = Checkpoints(folder.path / story.CHECKPOINTS, mirror)
    ready = yield from _ready(asked, (train, held_out), cutter, checkpoints, folder.path, started)
    about = {"job": naming.ADAPTED, "command": command, "digest": digest, **ready.asked.machine.as_json(),
             "versions": runtime.versions(), **({} if mirror is None else {"mirrored": mirror.name})}  # fmt: skip
    with folder.held(), story.untouched(folder, before), folder.telling_faults():
        yield from _done(folder, ready, about)
    yield Adapted(folder.path, folder.read("metrics.json"))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A job that may start."""

    asked: Asked
    job: Job
    said: tuple[Notice, ...]
    plan: Plan | None


def _encoded(asked: Asked) -> tuple[Cutter, Encoded, Encoded]:
    """The tokenizer, and the windows of the texts to learn from and of those that are held out."""
    settings, cache = asked.resolved.settings, runtime.usable_cache()
    cutter = dataclasses.replace(prepare.cutter_of(asked.files, settings, cache), most_chunks=MOST_WINDOWS)
    try:
        train, held_out = (
            sequences_of(encode_to_disk(texts, cutter, cache)) for texts in (asked.corpus.train, asked.corpus.held_out)
        )
    except OSError as fault:
        saw = f"the tokens cannot be written: {fault.strerror or fault}"
        raise OutputError(saw, where=str(cache), todo="Free space, or set WHET_CACHE to another folder") from None
    return cutter, train, held_out


def _ready(
    asked: Asked, windows: tuple[Encoded, Encoded], cutter: Cutter, checkpoints: Checkpoints, folder: Path,
    started: float,
) -> Generator[Stage | Notice | Plan, None, _Ready]:  # fmt: skip
    """Loads the model, and plans a job that begins; one that goes on has what it had."""
    from whet.adapting.learning import Job
    from whet.adapting.plan import Work
    from whet.artifacts import artifact
    from whet.model import choice, masked
    from whet.training.pace import Budget

    train, held_out = windows
    found = checkpoints.newest()
    resolved, machine = asked.resolved, asked.machine
    resolved, told = enough_steps(resolved, len(train))
    if found is not None:
        machine = dataclasses.replace(machine, threads=found.facts["threads"])
        runtime.apply(machine, resolved.settings.seed)
        for name, value in found.facts["chosen"].items():
            resolved = resolved.with_value(name, value, said({"budget": resolved.settings.budget}, "by a budget"))
    asked = dataclasses.replace(asked, resolved=resolved, machine=machine)
    artifact.check_tokenizer(asked.files.folder, cutter)  # now: after hours of training it would be too late
    model, beside, notices = masked.fresh(asked.files, machine, seed=resolved.settings.seed)
    masking = _masking(asked, cutter, model)
    if not masking.hides_any(train):
        raise DataError(
            "no token to be hidden: all are special or unknown to the model", where=asked.files.name,
            expected="texts in the words of its vocabulary", todo="Take another MODEL",
        )  # fmt: skip
    if not masking.hides_any(held_out):
        held_out = subset(held_out, np.zeros(len(held_out), np.bool_))  # there is nothing to measure by
    work = Work(model, train, masking.fixed(held_out), machine, started)
    settings, plan, budget = resolved.settings, None, None
    told += [Notice(notice) for notice in notices]
    if not resolved.reasons["model"].startswith("auto"):
        doubt = choice.doubt(resolved.settings.model, cutter, asked.corpus.train, device=machine.device)
        told += [Notice(doubt, "warning")] if doubt else []
    yield from told
    facts: dict[str, Any]
    if found is None:
        resolved, plan, budget, traded = yield from _planned(resolved, work, masking, folder)
        settings, told = resolved.settings, [*told, *traded]
        chosen = {"epochs": settings.epochs} if traded else {}
        facts = {
            "device": machine.device, "precision": machine.precision, "threads": machine.threads,
            "versions": runtime.versions(), "chosen": chosen, "before": None,
            "budget": None if budget is None else dataclasses.asdict(budget),
        }  # fmt: skip
    else:
        facts = dict(found.facts)
        if facts["budget"] is not None:
            budget = Budget(**{**facts["budget"], "deadline": time.monotonic() + facts["left"]})
    texts = {"train": len(asked.corpus.train), "held_out": len(asked.corpus.held_out)}
    job = Job(
        work, settings, asked.files, cutter, masking, beside, texts, checkpoints, found, Redone(0, ()), facts, budget
    )
    return _Ready(dataclasses.replace(asked, resolved=resolved), job, (*asked.said, *told), plan)


def _planned(
    resolved: Resolved, work: Any, masking: Masking, folder: Path
) -> Generator[Stage | Notice | Plan, None, tuple[Resolved, Plan | None, Any, list[Notice]]]:
    """The job as long as its budget allows, its plan, and what must be said."""
    from whet.adapting import learning, plan

    settings, told, budget = resolved.settings, [], None
    recipe = learning.recipe_of(settings, masking, work)
    check_warmup(settings, learning.steps_of(recipe, work))
    if settings.brief and settings.budget is None:
        return resolved, None, None, []
    yield Stage("plan")
    probed = plan.measured(work, recipe, settings)
    if settings.budget is not None:
        epochs, budget, notice = plan.within(work, probed, settings)
        told.append(notice)
        resolved = resolved.with_value("epochs", epochs, said({"budget": settings.budget}, "by a budget"))
        yield notice
    found = plan.plan_of(work, probed, resolved.settings, folder)
    yield found  # nothing has been written yet: whoever does not want the job goes no further
    return resolved, found, budget, told


def _masking(asked: Asked, cutter: Cutter, model: MaskedModel) -> Masking:
    """How tokens are hidden; ModelError where the tokenizer has no token for it."""
    from whet.model.encoder import load_tokenizer

    mask = load_tokenizer(asked.files.folder).mask_token_id
    if mask is None:
        raise ModelError(
            "the tokenizer has no mask token", where=asked.files.name, expected="a model that was pretrained with one"
        )
    added = cutter.tokenizer.get_added_tokens_decoder().items()
    ordinary = np.zeros(model.model.config.vocab_size, np.bool_)
    ordinary[sorted(cutter.tokenizer.get_vocab().values())] = True
    ordinary[[*(number for number, token in added if token.special), *cutter.prefix, *cutter.suffix, mask]] = False
    return Masking(asked.resolved.settings.seed, mask, ordinary)


def _done(folder: RunFolder, ready: _Ready, about: Mapping[str, object]) -> Iterator[Event]:
    """The training itself, in its folder."""
    from whet.adapting import learning

    job, found = ready.job, ready.job.found
    if found is None:
        run_folder.start(folder, ready.asked.resolved, about)
        for notice in ready.said:  # told before there was a folder to write to
            folder.log(notice)
        if ready.plan is not None:
            folder.log(ready.plan)
    else:
        redone = yield from story.resumed(folder, ready.asked.resolved, ready.asked.machine, about, found)
        job = dataclasses.replace(job, redone=redone)
    job.checkpoints.sweep()  # after there is a run.json: what it may raise is then a run's
    yield from learning.learn_and_save(folder, job)
    for left in job.checkpoints.remove():
        yield Notice(left, "warning")
