"""A search from its data to the best run, told as it happens.

Its trials see the training and the validation side. The test side is scored once, by the run that is trained with the
best settings when the search is over.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from whet import durations, pipeline
from whet.errors import TrainingError, UsageError
from whet.jobs import story
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.records import Notice, Stage
from whet.report import search as report
from whet.run import Finished
from whet.runs import members
from whet.sentences.bilingual import said
from whet.settings import values
from whet.settings.config import Resolved, resolve
from whet.settings.keywords import SettingValues
from whet.settings.meaningless import LINEAR
from whet.settings.values import MetricFunction
from whet.system import machine, packages, runtime
from whet.tuning import space as spaces
from whet.tuning import trial, trials
from whet.tuning.clock import Clock
from whet.tuning.folder import BEST, Folder
from whet.tuning.records import Begun, Ended, Forecast, Limits, Params, Trial, Tuned
from whet.tuning.space import Space
from whet.tuning.study import Study

TRIALS = 20  # where nobody says how many
DRAWN = 32  # points of a search space that the mean time of a trial is taken over

Event = story.Event | Forecast | Begun | Ended | Tuned

# What a trial is without: it is not scored on test, and nobody looks at its rows.
BARE: Mapping[str, object] = {
    "budget": None, "brief": True, "baseline": False, "learning_curve": False, "label_errors": "none",
    "near_duplicates": False, "track": "none", "mirror": None, "fresh": False,
}  # fmt: skip


def tune(
    data: object,
    *,
    trials: int | None = None,
    jobs: int | None = None,
    space: Mapping[str, object] | str | os.PathLike[str] | None = None,
    prune: bool = True,
    **settings: Unpack[SettingValues],
) -> Tuned:
    """Searches for the best settings, judged on validation, then trains with them and scores the test side once. The
    same call goes on where a search was stopped, and reads one that is over.

    `trials`: how many in all, 20 unless there is a `budget`, which holds for all of it. `jobs`: as many trials at a
    time, each in a process. `space`: setting to values, such as `{"learning_rate": "1e-5..3e-4:log", "epochs": [1, 2]}`
    or a TOML file of them. `prune`: whether trials are given up that do worse than the median. Other settings are
    fixed. Trials in processes of their own are begun by a script below `if __name__ == "__main__":` alone.
    """
    resolved = resolve(settings)
    searched: Space | None = None
    if isinstance(space, Mapping):
        searched = spaces.of(space, where="space")
    elif space is not None:
        searched = spaces.read(values.folder(os.fspath(space)))
    limits = limits_of(resolved, trials=trials, jobs=jobs, prune=prune)
    for event in follow(data, resolved, searched, limits):
        if isinstance(event, Notice):
            pipeline.tell(event)
        if isinstance(event, Forecast) and event.too_long and not resolved.settings.yes:
            raise too_long(event, "yes=True")
        if isinstance(event, Tuned):
            return event
    raise AssertionError("a search ends with Tuned")


def limits_of(resolved: Resolved, *, trials: int | None, jobs: int | None, prune: bool) -> Limits:
    """How long a search goes on. UsageError for numbers below 1."""
    for name, number in (("trials", trials), ("jobs", jobs)):
        if number is not None and number < 1:
            raise UsageError(f"{number} {name}", where=f"--{name}", expected="at least 1")
    written = resolved.settings.budget
    budget = None if written is None else durations.seconds(written, where="--budget")
    return Limits(trials if trials or budget is not None else TRIALS, budget, jobs, prune)


def too_long(forecast: Forecast, consent: str) -> UsageError:
    """The refusal of a search that nobody has agreed to."""
    assert forecast.total is not None
    return UsageError(
        f"this search would take about {forecast.total.seconds / 3600:.1f} hours on the CPU ({forecast.device_reason})",
        expected=f"at most 30 minutes, a --budget, or {consent}",
        todo="Give a budget such as --budget 30m, or fewer --trials",
    )


def follow(data: object, resolved: Resolved, space: Space | None, limits: Limits) -> Iterator[Event]:
    """Runs a whole search and yields what happens; the last event is Tuned."""
    started = time.monotonic()
    _check(resolved, limits)
    base = resolved
    for name, value in BARE.items():
        base = base.with_value(name, value, base.reasons[name])
    asked = yield from prepare.settle(data, base, runtime.ALONE)
    if asked.encoder is None:
        raise UsageError(
            f"a search with --model {asked.resolved.reasons['model']}",
            expected="a model with settings to search: a linear one finds its own",
            todo="Give --model a folder with a model for these texts",
        )
    if asked.splits.validation is None:
        raise UsageError("no validation rows", where="--validation", expected="rows to judge trials by")
    space = spaces.default(asked.resolved) if space is None else space
    _check_space(resolved, asked, space)
    folder = Folder.of(asked, resolved, space, limits)
    done: list[dict[str, Any]] = folder.read().get("trials", [])
    devices, clock = _devices(limits, asked), None
    if trials.more(limits, space, {each["number"]: each["params"] for each in done}):
        yield Stage("plan")
        spent = sum(each["seconds"] for each in done) / len(devices)
        clock = Clock(_unbared(asked, resolved), limits.budget, started=started, spent=spent)
        points = list(spaces.drawn(space, DRAWN))
        yield clock.forecast(asked, points, limits, done=len(done), jobs=len(devices))  # nothing was written yet
    with folder.held():
        study = folder.begin()
        if clock is not None:
            search = trials.Search(
                data=data, resolved=_shared(base, len(devices)), asked=trial.without_test(asked), folder=folder,
                study=study, space=space, limits=limits, clock=clock, devices=devices,
            )  # fmt: skip
            yield from trials.searched(search)
            del search
        best = study.best
        if best is None:
            raise _nothing(folder, study)
        chosen = trial.values_of(asked, best.params if best.number else {})
        del asked, clock  # the last training reads the data again
        yield from _concluded(data, resolved, folder, study, best, chosen)


def _unbared(asked: Asked, given: Resolved) -> Asked:
    """The job as its last training is, which has no budget of its own."""
    resolved = asked.resolved
    for name in BARE.keys() - {"budget"}:
        resolved = resolved.with_value(name, getattr(given.settings, name), given.reasons[name])
    return dataclasses.replace(asked, resolved=resolved)


def _check(resolved: Resolved, limits: Limits) -> None:
    """Raises what is wrong with a search, whatever its data."""
    settings, count = resolved.settings, runtime.ranks().count
    packages.require_tuning(lora=settings.lora is not None)
    runtime.require_tracker(settings.track)  # of the last training: after hours of trials it would be too late
    wrong: list[tuple[bool, str, str, str]] = [
        (count > 1, f"{count} processes of torchrun", "one, which starts others with --jobs", "Leave out torchrun"),
        (
            settings.model == LINEAR, "--model linear", "a model with settings to search: a linear one finds its own",
            "Write: whet train DATA --model linear",
        ),
        (
            settings.validation == "none", "--validation none", "validation rows, by which trials are judged",
            "Give --validation a share such as 0.1",
        ),
        (
            members.are_several(settings), "--folds" if settings.folds else "--seeds", "one model a trial",
            "Leave it out, and give it to whet train with the best.toml of the search",
        ),
        (
            settings.teacher is not None, "--teacher", "trainings on labels alone",
            "Search for the teacher, and give its run to whet train --teacher",
        ),
        (
            (limits.jobs or 1) > 1 and isinstance(settings.metric, MetricFunction),
            f"metric={settings.metric} with jobs", "a metric that other processes know by name", "Leave out jobs",
        ),
    ]  # fmt: skip
    for is_so, saw, expected, todo in wrong:
        if is_so:
            raise UsageError(f"a search with {saw}", expected=expected, todo=todo)
    if settings.require_gpu:
        runtime.require_gpu(settings.device, runtime.ALONE)


def _check_space(resolved: Resolved, asked: Asked, space: Space) -> None:
    """Raises UsageError for values that were fixed, too, and for those that the task or the model does not know."""
    if not space:
        todo = "Leave one of them out, or name others with --search"
        raise UsageError("nothing to search: all that would be searched was given", where="--search", todo=todo)
    twice = [name for name in space if resolved.reasons[name] == "given"]
    if twice:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in twice)
        raise UsageError(
            f"{flags} with a search of {', '.join(twice)}", expected="one of the two", todo=f"Leave out {flags}"
        )
    for name, each in space.items():
        for some in each.values if isinstance(each, spaces.OneOf) else [each.high]:
            one = asked.resolved.with_value(name, some, "given")
            prepare.check_options(one.settings, asked.labels.kind)
            prepare.choose_model(one, asked.splits.train.texts, asked.machine.device)  # has it so many tokens, layers


def _devices(limits: Limits, asked: Asked) -> list[str]:
    """The device of each lane: of several GPUs one after the other, else that of the job."""
    there = runtime.cuda_devices(asked.machine.device)
    jobs = limits.jobs or there
    return [f"cuda:{lane % there}" if there > 1 and jobs > 1 else "" for lane in range(jobs)]


def _shared(base: Resolved, lanes: int) -> Resolved:
    """The settings of one of several processes, which share the cores."""
    if lanes == 1 or base.settings.threads is not None:
        return base
    return base.with_value("threads", max(1, machine.free_cores() // lanes), base.reasons["threads"])


def _nothing(folder: Folder, study: Study) -> TrainingError:
    """What is to be said where there is no best trial."""
    faults = sorted({each.fault for each in study.trials if each.fault})
    return TrainingError(
        f"none of {len(study.trials)} trials came to a score: {'; '.join(faults)[:300]}", where=str(folder.path),
        todo="Give other values to --search, and --fresh",
    )  # fmt: skip


def _concluded(
    data: object, resolved: Resolved, folder: Folder, study: Study, best: Trial, chosen: Params
) -> Iterator[Event]:
    """Trains with the best settings as a run of its own, and reports."""
    path, others = folder.run_of(best, resolved.settings)
    if others:
        facts = {"number": best.number, "others": ", ".join(map(str, others))}
        yield Notice(said(facts, "test scored before"), "warning")
    folder.write_recipe(data, resolved, best, chosen)
    yield Notice(said({"number": best.number, "trials": len(study.trials)}, "best trial"))
    final = resolved.with_value("budget", None, "default").with_value("fresh", False, "default")
    for name, value in {**chosen, "output": str(path)}.items():
        final = final.with_value(name, value, said({"number": best.number}, "by the best trial"))
    shown = data if isinstance(data, str) else "DATA"
    command = shlex.join(["whet", "train", shown, "--recipe", str(folder.path / BEST)])
    end = None
    for event in story.follow(data, final, command=command if shown is data else ""):
        if isinstance(event, Finished):
            end = event
        else:
            yield event
    assert end is not None, "a job ends with Finished"
    known = folder.read()
    if known.get("told") != len(study.trials):
        known = folder.write(study, {"importances": study.importances(), "told": len(study.trials)})
    if not resolved.settings.brief:
        yield Stage("report")
        lang = runtime.language(resolved.settings.lang)
        folder.write_report(report.render(known, end.metrics, str(path), command, lang))
    yield Tuned(folder.path, known, end.run, end.metrics, end.verdict, end.resumed_finished)
