"""Which trial is trained next, in lanes whose events are written down here."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from whet.records import StepRecord
from whet.settings.config import Settings
from whet.tuning import space, trials
from whet.tuning.folder import Folder
from whet.tuning.lanes import Lanes, Task, Told
from whet.tuning.records import Begun, Ended, Failed, Limits, Reported, Trained
from whet.tuning.study import Study
from whet.tuning.trials import Search, searched

SPACE = space.parse(["learning_rate=1e-6..1e-2:log"])


@dataclass
class Script:
    """Lanes in which happens what is written."""

    told: deque[tuple[int, Told]]
    busy: dict[int, Task] = field(default_factory=dict)
    count: int = 2

    @property
    def idle(self) -> Sequence[int]:
        return [lane for lane in range(self.count) if lane not in self.busy]

    def begin(self, lane: int, task: Task) -> None:
        self.busy[lane] = task

    def next(self) -> tuple[int, Told]:
        lane, event = self.told.popleft()
        if isinstance(event, Trained | Failed):
            del self.busy[lane]
        return lane, event

    def stop(self, lane: int) -> None:
        del self.busy[lane]

    def close(self) -> None:
        return None


@dataclass
class Watch:
    """A clock by which a trial and the last training take 10 seconds each, and no time goes by."""

    left: float

    def trial(self, settings: Settings) -> float:
        return 10.0

    def final(self, settings: Settings) -> float:
        return 10.0

    def ended(self, settings: Settings, seconds: float) -> None:
        return None


def search(folder: Path, script: Script, *, trials_: int | None, left: float = float("inf")) -> Search:
    facts = {"metric": "macro_f1", "seed": 1, "direction": "maximize", "digest": "0", "validation_rows": 10}
    made = Folder(folder, facts, SPACE, prune=True)

    class Scripted(Search):
        def lanes(self) -> Lanes:
            return script

    asked: Any = SimpleNamespace(resolved=SimpleNamespace(settings=Settings()))
    clock: Any = Watch(left)
    return Scripted(
        data=None, resolved=asked.resolved, asked=asked, folder=made, study=made.begin(), space=SPACE,
        limits=Limits(trials_, None if left == float("inf") else 100.0, 2, prune=True), clock=clock, devices=["", ""],
    )  # fmt: skip


def step(lane: int) -> tuple[int, Told]:
    return lane, StepRecord(5, 20, 0.5, 0.7, 1e-4, 100, 1.0)


def test_trials_are_numbered_as_they_begin_and_kept_as_they_end(tmp_path: Path) -> None:
    script = Script(
        deque([(1, Trained(0.4, 1.0)), (0, Trained(0.5, 2.0)), (1, Trained(0.7, 1.0)), (0, Trained(0.6, 1.0))])
    )
    told = list(searched(search(tmp_path, script, trials_=4)))
    assert [event.number for event in told if isinstance(event, Begun)] == [0, 1, 2, 3]
    assert [(event.trial.number, event.best) for event in told if isinstance(event, Ended)] == [
        (1, 1), (0, 0), (2, 2), (3, 2)
    ]  # fmt: skip
    assert list((tmp_path / "trials").iterdir()) == []


def test_a_trial_that_is_out_of_time_stays_what_it_is_and_is_gone_on_with(tmp_path: Path) -> None:
    script = Script(
        deque(
            [(0, Trained(0.5, 1.0)), (1, Trained(0.4, 1.0)), (0, Reported(25, 0.45)), step(0), (1, Trained(0.6, 1.0))]
        )
    )
    late = search(tmp_path, script, trials_=None, left=25.0)
    watch: Any = late.clock
    begun: list[Begun] = []
    for event in searched(late):
        if isinstance(event, Begun):
            begun.append(event)
            watch.left = 5.0 if event.number == 3 else 25.0
    assert [event.number for event in begun] == [0, 1, 2, 3]
    assert [trial.number for trial in late.study.trials] == [0, 1, 3]
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["0002"]

    script = Script(deque([(0, Trained(0.5, 1.0)), (1, Trained(0.3, 1.0))]))
    more = list(searched(search(tmp_path, script, trials_=5)))
    again = [(event.number, event.params, event.again) for event in more if isinstance(event, Begun)]
    assert again[0] == (2, begun[2].params, True)
    assert [number for number, _, _ in again] == [2, 4]
    ended = {event.trial.number: event.trial for event in more if isinstance(event, Ended)}
    assert ended[2].reports == {25: 0.45}


def test_trials_that_all_fail_do_not_go_on_beyond_a_budget(tmp_path: Path) -> None:
    script = Script(deque([(0, Failed("no")), (1, Failed("no"))]))
    late = search(tmp_path, script, trials_=None, left=5.0)
    told = list(searched(late))
    assert [event.trial.state for event in told if isinstance(event, Ended)] == ["failed", "failed"]
    assert late.study.best is None


def test_trials_that_all_fail_end_before_a_budget_does(tmp_path: Path) -> None:
    script = Script(deque([(0, Failed("no"))] * 30), count=1)
    told = list(searched(search(tmp_path, script, trials_=None, left=1000.0)))
    assert len([event for event in told if isinstance(event, Ended)]) == trials.LUCKLESS == 20


def test_a_score_that_is_no_number_or_infinite_is_none(tmp_path: Path) -> None:
    script = Script(deque([(0, Trained(0.5, 1.0)), (1, Reported(50, float("-inf"))), (1, Trained(float("-inf"), 1.0))]))
    found = search(tmp_path, script, trials_=2)
    ended = {event.trial.number: event.trial for event in searched(found) if isinstance(event, Ended)}
    assert (ended[1].state, ended[1].fault) == ("failed", "its score on validation is undefined")
    assert ended[1].reports == {}
    assert Study(tmp_path, SPACE, seed=1, minimise=False, prune=True).trials == found.study.trials


def test_a_search_ends_when_all_values_were_tried() -> None:
    few = space.parse(["epochs=1,2"])
    limits = Limits(None, 60.0, None, prune=True)
    assert trials.more(limits, few, {0: {"epochs": 3.0}, 1: {"epochs": 1.0}})
    assert not trials.more(limits, few, {0: {"epochs": 3.0}, 1: {"epochs": 1.0}, 2: {"epochs": 2.0}})
    assert not trials.more(Limits(2, None, None, prune=True), few, {0: {"epochs": 3.0}, 1: {"epochs": 1.0}})
