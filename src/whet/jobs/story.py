"""A job from its data to its scores, told as it happens: check, split, choose, plan, tokenise, compare, train, save."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from whet.data.doctor.look import as_json
from whet.data.rows import fingerprint
from whet.disk import durable, lock
from whet.errors import ModelError, OutputError, RunBusyError, UsageError
from whet.forecast import Plan
from whet.jobs import alike
from whet.jobs.rivals import rivals_of
from whet.planning import linear
from whet.preparing import examine, prepare, teacher, truncated
from whet.preparing.sides import encode_sides, learnt_rows
from whet.records import (
    AnswerStep,
    Checked,
    CurvePoint,
    CurveStep,
    Evaluation,
    Notice,
    Revision,
    Stage,
    StepRecord,
)
from whet.report import page
from whet.run import Finished, Run
from whet.runs import divided, members, naming, run_folder
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import in_korean, joined, said
from whet.settings.config import Resolved, Settings
from whet.settings.meaningless import LINEAR
from whet.system import packages, room, runtime
from whet.track import feed
from whet.training.team import Alone, team_of

if TYPE_CHECKING:
    from whet.model.loss import Own
    from whet.planning.plan import Planned
    from whet.preparing.job import Job, Kept
    from whet.training.checkpoints import Checkpoints, Found

CHECKPOINTS = "checkpoints"  # in the run folder

Happening = Stage | Notice | Checked | Plan | AnswerStep | StepRecord | Revision | Evaluation | CurveStep | CurvePoint
Event = Happening | Finished


def follow(data: object, resolved: Resolved, *, command: str = "", loss: Own | None = None) -> Iterator[Event]:
    """Runs a whole job and yields what happens; the last event is Finished. Where torchrun started
    several processes, each follows the same job and the first alone writes it down. `loss`: another than that of the
    settings."""
    ranks = runtime.ranks()
    settings = prepare.meant(resolved, ranks)[0].settings  # what is left out of a recipe needs nothing
    packages.require_training(linear=settings.model == LINEAR, lora=settings.lora is not None)
    runtime.require_tracker(settings.track)
    with team_of(ranks) as team:
        if settings.learning_curve and team.ranks.count > 1:
            raise UsageError(
                f"--learning-curve in {team.ranks.count} processes",
                expected="a single process, which trains the further models one after the other",
                todo="Leave out --learning-curve, or torchrun",
            )
        if settings.require_gpu:  # at once, for reading the data may take minutes
            runtime.require_gpu(settings.device, team.ranks)
        yield from _story(data, resolved, command, team, loss)


def foresee(data: object, resolved: Resolved) -> Iterator[Event]:
    """The same job up to its plan, which is the last event. Nothing is written."""
    settings = prepare.meant(resolved, runtime.ALONE)[0].settings
    packages.require_training(linear=settings.model == LINEAR, lora=settings.lora is not None)
    resolved = resolved.with_value("brief", False, "default")
    team, started = Alone(runtime.ALONE), time.monotonic()
    asked = yield from prepare.settle(data, resolved, team.ranks)
    if asked.encoder is None:
        yield Stage("plan")
        yield linear.plan_of(asked, naming.FOLDER, started)
        return
    with runtime.loading():
        from whet.planning.plan import plan_of
    yield Stage("plan")
    planned = plan_of(asked, team, naming.FOLDER, started)
    yield from planned.said
    assert planned.plan is not None, "one process alone has a plan"
    yield planned.plan


def _story(data: object, resolved: Resolved, command: str, team: Alone, loss: Own | None) -> Iterator[Event]:
    started, given = time.monotonic(), resolved.settings
    asked = yield from prepare.settle(data, resolved, team.ranks, own_loss=loss is not None)
    resolved, labels = asked.resolved, asked.labels
    digests = _digests(asked, loss)
    same = naming.fingerprint(resolved, [*digests, *labels.names])
    alike.check_alike(team, same, asked.machine.precision)
    ranks = [f"{team.ranks.count} ranks"] * (team.ranks.count > 1)  # each draws its own dropout
    digest = naming.fingerprint(resolved, [*digests, prepare.weights_digest(asked.encoder), *labels.names, *ranks])
    model = LINEAR if asked.encoder is None else asked.encoder.short_name
    folder, finished, mirror = _opened(team, asked, model, digest, same)
    if finished:
        if team.first:
            yield from _kept_up(folder, mirror, resolved)
        yield _finished(folder, resolved, team, before=True)
        return
    if team.first:
        lock.check(folder.path)
    before = seen(folder)
    if asked.encoder is None:
        yield from _linear(folder, before, asked, _facts(command, digest, asked, team), team, started)
        yield _finished(folder, resolved, team, before=False)
        return
    with runtime.loading():
        # Here, because they load torch, and faults of the data need not wait.
        from whet.jobs.ensembling import begun
        from whet.planning.again import again
        from whet.planning.plan import plan_of
        from whet.preparing.job import Kept
        from whet.training.checkpoints import Checkpoints
    checkpoints = Checkpoints(folder.path / CHECKPOINTS, mirror)
    found = begun(folder) if members.are_several(resolved.settings) else checkpoints.newest()
    alike.check_same_step(team, found)
    if found is None:
        yield Stage("plan")
        planned = plan_of(asked, team, folder.path, started)
        if planned.plan is not None:
            yield planned.plan  # nothing has been written yet: whoever does not want the job goes no further
    else:
        planned = again(asked, team, found.facts)
    facts = _facts(command, digest, planned.asked, team, loss, mirror)
    with folder.held(), untouched(folder, before), folder.telling_faults():
        if found is None:
            run_folder.start(folder, planned.asked.resolved, facts)
            redone = run_folder.Redone(0, ())
        else:
            redone = yield from resumed(folder, planned.asked.resolved, planned.asked.machine, facts, found)
        checkpoints.sweep()  # after there is a run.json: what it may raise is then a run's
        job = yield from _ready(folder, planned, team, Kept(checkpoints, found, redone), given, loss)
        del asked, planned  # while it trains, memory holds no training text
        since = 0 if found is None else found.step
        yield from feed.followed(_made(folder, job, checkpoints, resolved), folder, job.settings, since)
    yield _finished(folder, resolved, team, before=False)


def _digests(asked: prepare.Asked, loss: Own | None) -> list[str]:
    """What identifies the rows of a job and what they count."""
    own = [] if loss is None else [f"loss {loss.name}"]
    if asked.teaching is not None:
        further = asked.teaching.further
        own += [f"teacher {asked.teaching.teacher.digest}", "" if further is None else fingerprint(further)]
    return [*prepare.rows_digests(asked), *own]


def _linear(
    folder: RunFolder, before: bytes | None, asked: prepare.Asked, about: Mapping[str, object], team: Alone,
    started: float,
) -> Iterator[Event]:  # fmt: skip
    """The rest of the job of a linear model, which is not saved on its way: what was stopped begins anew."""
    from whet.jobs import fitting  # loads what scores and reports

    plan = None
    if not asked.resolved.settings.brief:
        yield Stage("plan")
        plan = linear.plan_of(asked, folder.path, started)
        yield plan  # nothing has been written yet: whoever does not want the job goes no further
    with folder.held(), untouched(folder, before), folder.telling_faults():
        run_folder.start(folder, asked.resolved, about)
        yield from fitting.fit_and_save(folder, asked, plan, team)
        yield from _reported(folder, asked.resolved)


def seen(folder: RunFolder) -> bytes | None:
    """What every process that works in the folder changes."""
    path = folder.path / "run.json"
    return path.read_bytes() if path.is_file() else None


@contextmanager
def untouched(folder: RunFolder, before: bytes | None) -> Iterator[None]:
    """Raises RunBusyError where another process has begun and ended since, and with it what was found then."""
    if not folder.silent and seen(folder) != before:
        raise RunBusyError(
            "another process worked in this run folder a moment ago",
            where=str(folder.path),
            todo="Give the same command again",
        )
    yield


def _made(folder: RunFolder, job: Job, checkpoints: Checkpoints, resolved: Resolved) -> Generator[Event, None, None]:
    """The run itself, and what follows it."""
    from whet.jobs import ensembling, finetune

    way = ensembling if members.are_several(job.settings) else finetune
    yield from way.train_and_save(folder, job)
    if job.team.first:
        yield from _wound_up(folder, checkpoints, resolved)


def _wound_up(folder: RunFolder, checkpoints: Checkpoints, resolved: Resolved) -> Iterator[Stage | Notice]:
    """What follows when the scores are written: the checkpoints go, the report comes."""
    for left in checkpoints.remove():
        yield Notice(left, "warning")
    teacher.forget(folder.path)
    yield from _reported(folder, resolved)


def _kept_up(folder: RunFolder, mirror: Path | None, resolved: Resolved) -> Iterator[Stage | Notice]:
    """The same for a run that was finished before, where something is left to do."""
    yield from tidied(folder, mirror)
    if page.language_of(folder) == runtime.language(resolved.settings.lang):
        return
    try:
        with folder.held():
            yield from _reported(folder, resolved)
    except RunBusyError:
        return  # it is just about to
    except OutputError as fault:
        yield Notice(fault.message, "warning")  # the result is there all the same


def tidied(folder: RunFolder, mirror: Path | None) -> Iterator[Notice]:
    """Removes the checkpoints that a process left which was killed when its run had just ended."""
    places = [place for place in (folder.path / CHECKPOINTS, mirror) if place is not None]
    left_over = [*places, folder.path / teacher.FOLDER]
    if not any(place.is_dir() for place in left_over) and not any(folder.path.glob(f"{durable.SCRATCH}*")):
        return
    from whet.training.checkpoints import Checkpoints

    try:
        with folder.held():
            durable.sweep(folder.path)
            teacher.forget(folder.path)
            for left in Checkpoints(places[0], mirror).remove():
                yield Notice(left, "warning")
    except RunBusyError:
        return  # it is just about to
    except OutputError as fault:
        yield Notice(fault.message, "warning")  # the result is there all the same


def _reported(folder: RunFolder, resolved: Resolved) -> Iterator[Stage | Notice]:
    """Writes report.html, unless there shall be none. The run is finished, whether that can be done or not."""
    if resolved.settings.brief:
        return
    yield Stage("report")
    if lack := room.lack("matplotlib"):
        yield _unreported(folder.path, lack)
        return
    try:
        page.write(folder, runtime.language(resolved.settings.lang))
    except (ModelError, OutputError) as fault:
        yield _unreported(fault.where, fault.saw)
    except room.FAULTS as fault:
        yield _unreported(folder.path, str(fault) or "out of memory")


def _unreported(where: object, saw: str) -> Notice:
    return Notice(said({"name": run_folder.REPORT, "where": where, "saw": saw}, "no report"), "warning")


def _ready(
    folder: RunFolder, planned: Planned, team: Alone, kept: Kept, given: Settings, loss: Own | None
) -> Generator[Stage | Notice | AnswerStep, None, Job]:
    """The job with its tokens and baselines. `given`: its settings as they came; where they leave the model to the
    program, which one is handed out may be decided on validation, unless there is a loss that a network alone has."""
    from whet.model import choice
    from whet.planning.again import facts_of
    from whet.preparing import teaching
    from whet.preparing.job import Job

    asked = planned.asked  # as the budget has made it
    resolved, splits, labels = asked.resolved, asked.splits, asked.labels
    cache, own = runtime.usable_cache(), runtime.cache_folder()
    if kept.found is None:
        for notice in asked.said:  # told before there was a folder to write to
            folder.log(notice)
        if planned.plan is not None:
            folder.log(planned.plan)
    for notice in planned.said:
        yield folder.log(notice)
    if cache != own:
        yield folder.log(Notice(said({"folder": own}, "cache not writable")))
    divided.write_splits(folder, splits, asked.folds)
    yield Stage("tokens")
    with team.turns():
        sides = encode_sides(splits, labels, planned.cutter, cache)
    for notice in truncated.truncation_notices(sides, planned.cutter):
        yield folder.log(notice)
    leaks = None
    if team.first:
        checked, leaks = examine.of_job(asked, sides, planned.cutter)
        folder.write("findings.json", as_json(checked))
        for finding in checked.findings:
            if finding.code == "near_in_train":
                yield folder.log(Notice(joined(finding.message, finding.todo), "warning"))
    baselines, rivals = None, None
    if resolved.settings.baseline and "test" in sides and team.first:
        yield Stage("baseline")
        is_auto = given.model == "auto" and given.teacher is None  # a student was asked for where there is a teacher
        keep = is_auto and loss is None and planned.budget is not None and "validation" in sides
        true = sides["test"].targets
        baselines, rivals = yield from rivals_of(folder, asked, given, true, cache, nbsvm=planned.nbsvm, keep=keep)
    # With folds the training rows are the validation rows too, and have to say what they are to be answered with.
    answered = splits if asked.folds is None else dataclasses.replace(splits, validation=splits.train)
    job = Job(
        resolved=resolved, files=asked.files, machine=asked.machine, classifier=planned.classifier,
        cutter=planned.cutter, inputs=asked.inputs, test=splits.test, sides=sides, labels=labels, baselines=baselines,
        rivals=rivals, leaks=leaks, team=team, budget=planned.budget, kept=kept, facts=facts_of(planned),
        weights=prepare.weights_of(asked), learnt=learnt_rows(answered, cache), folds=asked.folds, loss=loss,
        better=choice.better(resolved.settings.model, planned.cutter, splits.train.texts, device=asked.machine.device),
    )  # fmt: skip
    return job if asked.teaching is None else (yield from teaching.taught(folder, asked, job, cache))


def resumed(
    folder: RunFolder, resolved: Resolved, machine: runtime.Runtime, about: Mapping[str, object], found: Found
) -> Generator[Notice, None, run_folder.Redone]:
    """Makes the folder ready to go on, and tells from where, and what is not as it was."""
    from whet.planning.again import differences, going_on

    facts = found.facts
    redone = run_folder.go_on(folder, resolved, about, step=found.step, events=facts["events"])
    for told in filter(None, (found.said, differences(machine, facts))):
        yield folder.log(Notice(told, "warning"))
    if members.are_several(resolved.settings):
        done, wanted = members.count_done(folder.model, resolved.settings)
        yield folder.log(Notice(said({"done": done, "count": wanted}, "going on with members")))
        return redone
    yield folder.log(going_on(found, redone))
    return redone


def _opened(
    team: Alone, asked: prepare.Asked, model: str, digest: str, same: str
) -> tuple[RunFolder, bool, Path | None]:  # fmt: skip
    """What the first process opened: the folder, whether its run was finished before, and where its checkpoints are
    copied to. `same`: the digest without the files of the model, which have other times on another machine."""
    opened, said_of_it = None, None
    if team.first:
        opened = run_folder.open_run(asked.resolved, data=asked.name, model=model, digest=digest)
        copied = naming.mirror_of(opened.path, asked.resolved, naming.name_of(asked.name, model, same))
        said_of_it = [str(opened.path), opened.finished, copied and str(copied)]
    path, finished, mirror = team.meet(said_of_it)[0]
    return opened or RunFolder(Path(path), silent=True), finished, mirror and Path(mirror)


def _facts(
    command: str, digest: str, asked: prepare.Asked, team: Alone, loss: Own | None = None, mirror: Path | None = None
) -> dict[str, object]:  # fmt: skip
    return {
        **({} if mirror is None else {"mirrored": mirror.name}),
        **({} if loss is None else {"loss": loss.name}),
        **({} if asked.teaching is None else {"teacher": asked.teaching.teacher.by}),
        "command": command,
        "digest": digest,
        **asked.machine.as_json(),
        "versions": runtime.versions(),
        "ranks": team.ranks.count,
        "sides": {side: str(reason) for side, reason in asked.splits.reasons.items()},
        "sides_ko": {side: in_korean(reason) for side, reason in asked.splits.reasons.items()},
    }


def _finished(folder: RunFolder, resolved: Resolved, team: Alone, *, before: bool) -> Finished:
    run = Run(folder)
    # The folder may be on the disk of another machine.
    metrics = team.meet(run.metrics if team.first else None)[0]
    verdict = metrics.get("verdict", {}).get(runtime.language(resolved.settings.lang), "")
    return Finished(run, metrics, verdict, before)
