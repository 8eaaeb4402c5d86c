"""What trials take, by the plan's arithmetic and by those that are over, and what is left of a budget."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence

from whet import durations
from whet.errors import UsageError
from whet.forecast import Span
from whet.model import classifier as classifiers
from whet.planning.measured import measure
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.settings.config import LONG, Settings
from whet.system import heap, runtime
from whet.training import estimate
from whet.tuning.records import Forecast, Limits, Params

AFTERWARDS = ("learning_curve", "label_errors")  # settings that the last training alone follows


class Clock:
    """Times a few steps of the job, which leave nothing behind. `asked`: the job as its last training is, with all that
    a trial is without; `started`: time.monotonic() at the start of this process's part; `spent`: seconds of earlier
    ones."""

    def __init__(self, asked: Asked, budget: float | None, *, started: float, spent: float) -> None:
        settings = asked.resolved.settings
        cutter = prepare.cutter_of(asked.files, settings, runtime.usable_cache(), pair=asked.is_pair)
        model, _ = classifiers.fresh(asked.files, asked.labels, asked.machine, settings, seed=settings.seed)
        with heap.kept():
            measured = measure(asked, model, cutter, started)
        self._work, self._speed = measured.work, measured.probed.speed
        self._afterwards = {name: getattr(settings, name) for name in AFTERWARDS}
        self._begun, self._budget = started - spent, budget
        self._expected, self._came = 0.0, 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return math.inf if self._budget is None else self._budget - (time.monotonic() - self._begun)

    def trial(self, settings: Settings) -> float:
        """Seconds that a trial is expected to take."""
        return self.planned(settings) * (self._came / self._expected if self._expected else 1.0)

    def planned(self, settings: Settings) -> float:
        """The same before any was seen: the model takes as long to be loaded as to be saved."""
        found = estimate.times(self._work, self._speed, settings)
        return found.training + found.validation + self._work.saving

    def final(self, settings: Settings) -> float:
        """Seconds of a run of its own, with all that follows its training."""
        last = dataclasses.replace(settings, **self._afterwards)
        return estimate.times(self._work, self._speed, last).total

    def ended(self, settings: Settings, seconds: float) -> None:
        """Tells of a trial that was trained to its end."""
        self._expected += self.planned(settings)
        self._came += seconds

    def forecast(self, asked: Asked, points: Sequence[Params], limits: Limits, *, done: int, jobs: int) -> Forecast:
        """What is ahead. `points`: of the search space. UsageError where not even the job's own settings would be over
        in the budget."""
        own = asked.resolved.settings
        each = [self.planned(dataclasses.replace(own, **point)) for point in points]  # type: ignore[arg-type]
        mean, final = sum(each) / len(each), self.final(own)
        if not done and self.planned(own) + final > self.left:
            needed = durations.written(1.1 * (time.monotonic() - self._begun + self.planned(own) + final))
            todo = f"Give --budget {needed}, or fewer rows with --train-rows"
            raise UsageError(
                "not even one trial and the last training would be over in the budget", where="--budget",
                expected=f"about {needed} on this machine", todo=todo,
            )  # fmt: skip
        beside = jobs if asked.machine.device.startswith("cuda") else 1  # processes share the cores of a CPU
        count = None if limits.trials is None else max(0, limits.trials - done)
        total = None if count is None else count * mean / beside + final
        too_long = asked.machine.device == "cpu" and self._budget is None and total is not None and total > LONG
        fitting = None if self._budget is None else max(0, int((self.left - final) * beside / mean))
        return Forecast(
            trials=count, done=done, each=self._span(mean), final=self._span(final),
            total=None if total is None else self._span(total), fitting=fitting, jobs=jobs, prune=limits.prune,
            device=asked.machine.device, device_reason=asked.machine.device_reason, too_long=too_long,
        )  # fmt: skip

    def _span(self, seconds: float) -> Span:
        return estimate.span(seconds, self._speed)
