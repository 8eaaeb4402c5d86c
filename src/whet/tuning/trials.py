"""The trials of a search, one after the other or several at a time."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from whet.errors import Interrupted
from whet.preparing.prepare import Asked
from whet.records import Evaluation, Notice, Revision, StepRecord
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, Settings
from whet.tuning import space as spaces
from whet.tuning.clock import Clock
from whet.tuning.folder import Folder, Open
from whet.tuning.lanes import Crew, Here, Lanes, Task, Told
from whet.tuning.records import Begun, Ended, Failed, Limits, Reported, State, Trained, Trial
from whet.tuning.space import Space
from whet.tuning.study import Study

Event = StepRecord | Evaluation | Notice | Revision | Begun | Ended
LUCKLESS = 20  # trials without a score, after which none is to be expected of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What its trials have in common."""

    data: object
    resolved: Resolved
    """As another process settles the same job from it."""
    asked: Asked
    """Without the test side."""
    folder: Folder
    study: Study
    space: Space
    limits: Limits
    clock: Clock
    devices: Sequence[str]
    """Of each lane; '' is the job's own."""

    def lanes(self) -> Lanes:
        """This process for one, else others."""
        if len(self.devices) == 1:
            return Here(self.asked)
        return Crew(self.data, self.resolved, self.devices)

    def settings(self, number: int, params: Mapping[str, object]) -> Settings:
        """Those of a trial, as far as its time hangs on them."""
        own = self.asked.resolved.settings
        return dataclasses.replace(own, **params) if number else own  # type: ignore[arg-type]

    @property
    def is_late(self) -> bool:
        """Whether what is left of a budget belongs to the last training."""
        return self.limits.budget is not None and self.clock.left < self.last()

    def last(self) -> float:
        """Seconds that the last training is expected to take."""
        best = self.study.best
        return self.clock.final(self.settings(0, {}) if best is None else self.settings(best.number, best.params))


@dataclass(slots=True)
class _Running:
    trial: Open
    began: float = field(default_factory=time.monotonic)


def more(limits: Limits, space: Space, tried: Mapping[int, Mapping[str, Any]]) -> bool:
    """Whether a search goes on after these trials by number: there are to be more of them, and there are values that
    were not tried. The first has the job's own settings."""
    if limits.trials is not None and len(tried) >= limits.trials:
        return False
    different = {tuple(params.items()) for number, params in tried.items() if number}
    return len(different) < spaces.size(space)


def searched(search: Search) -> Iterator[Event]:
    """Trains until the limits are reached; a trial that is stopped on the way is left to be gone on with."""
    told = frozenset(trial.number for trial in search.study.trials)
    waiting = deque(search.folder.open(told))
    running: dict[int, _Running] = {}
    with closing(search.lanes()) as lanes:
        while True:
            for lane in lanes.idle:
                begun = yield from _next(search, waiting, [each.trial for each in running.values()])
                if begun is None:
                    break
                number = begun.trial.number
                lanes.begin(lane, Task(search.folder.place(number), begun.trial.params if number else {}))
                running[lane] = begun
            if not running:
                return
            try:
                lane, event = lanes.next()
            except Interrupted as fault:
                numbers = ", ".join(str(each.trial.number) for each in running.values())
                saw = f"{fault.saw} in trial {numbers}"
                raise type(fault)(saw, todo=fault.todo or "The same command goes on with the search") from None
            if event is not None and lane in running:
                yield from _heard(search, lanes, lane, event, running, waiting)


def _next(
    search: Search, waiting: deque[Open], running: Sequence[Open]
) -> Generator[Begun | Ended | Notice, None, _Running | None]:
    """The trial to train next: one that an earlier process had begun, else a new one; None where there is none."""
    while True:
        again = bool(waiting)
        trial = waiting[0] if again else _new(search, running)
        if trial is None or not _fits(search, trial):
            return None
        if again:
            waiting.popleft()
        begun = _Running(trial)
        if search.study.hopeless(trial.reports):
            yield _end(search, begun, "pruned", trial.reports[max(trial.reports)])
            continue
        same = next(
            (each for each in search.study.trials if each.number and trial.number and each.params == trial.params), None
        )
        if same is not None:
            found = dataclasses.replace(same, number=trial.number, seconds=0.0, same_as=same.number)
            yield _told(search, found)
            continue
        search.folder.note(trial)
        yield Begun(trial.number, trial.params, search.limits.trials, again)
        return begun


def _new(search: Search, open_: Sequence[Open]) -> Open | None:
    """A trial that nobody has begun."""
    known = {each.number: each.params for each in search.study.trials}
    known |= {each.number: each.params for each in open_}
    if not more(search.limits, search.space, known):
        return None
    number = max(known, default=-1) + 1
    if number == 0:
        settings = search.asked.resolved.settings
        return Open(0, {name: getattr(settings, name) for name in search.space})
    return Open(number, search.study.ask(number, [each.params for each in open_]))


def _fits(search: Search, trial: Open) -> bool:
    """Whether it may begin: its number is one of those asked for, and a budget leaves time for it and for the last
    training. The first always may, for without it there is nothing to hand out."""
    if search.limits.trials is not None and trial.number >= search.limits.trials:
        return False
    if search.study.best is None and len(search.study.trials) >= LUCKLESS:
        return False
    expected = search.clock.trial(search.settings(trial.number, trial.params))
    return not search.study.trials or expected + search.last() <= search.clock.left


def _heard(
    search: Search, lanes: Lanes, lane: int, event: Told, running: dict[int, _Running], waiting: deque[Open]
) -> Iterator[Event]:
    """What an event of a lane means for its trial. One for which there is no time goes back to those that wait."""
    begun, study = running[lane], search.study
    trial = begun.trial
    if isinstance(event, Reported):
        if not math.isfinite(event.score):
            return
        trial.reports[event.percent] = study.natural(event.score)
        search.folder.note(trial)
        reports = {percent: score for percent, score in trial.reports.items() if percent <= event.percent}
        if study.hopeless(reports):
            lanes.stop(lane)
            del running[lane]
            yield _end(search, begun, "pruned", reports[event.percent])
    elif isinstance(event, Trained):
        del running[lane]
        if not math.isfinite(event.score):
            yield _end(search, begun, "failed", None, "its score on validation is undefined")
        else:
            search.clock.ended(search.settings(trial.number, trial.params), event.seconds)
            begun.began = time.monotonic() - event.seconds
            yield _end(search, begun, "complete", study.natural(event.score))
    elif isinstance(event, Failed):
        del running[lane]
        yield _end(search, begun, "failed", None, event.saw)
    elif event is not None and len(search.devices) == 1:
        yield event
    if isinstance(event, StepRecord) and study.best is not None and search.is_late:
        lanes.stop(lane)
        del running[lane]
        waiting.append(trial)
        facts = {"number": trial.number, "step": event.step, "steps": event.steps}
        yield Notice(said(facts, "trial out of time"), "warning")


def _end(search: Search, begun: _Running, state: State, score: float | None, fault: str = "") -> Ended:
    trial = begun.trial
    seconds = time.monotonic() - begun.began
    return _told(search, Trial(trial.number, trial.params, state, score, seconds, dict(trial.reports), fault))


def _told(search: Search, trial: Trial) -> Ended:
    """Keeps a trial that is over, and then nothing else of it."""
    search.study.tell(trial)
    search.folder.forget(trial.number)
    search.folder.write(search.study)
    best = search.study.best
    return Ended(trial, None if best is None else best.number)
