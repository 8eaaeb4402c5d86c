"""How many steps a training takes that has to end in time: arithmetic and a clock, without torch."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from whet.records import Revision, Side
from whet.training.estimate import FEWEST_TESTED

EXPECTED = 4  # steps as they were planned, with which the mean over recent ones begins
# Steps that the mean goes over: a share of those that are left, so that the end is met and a noisy machine does not
# raise and lower them all the time; a share of all at the most, and a number at least and at the most.
WINDOW, LONGEST_WINDOW, LEAST_WINDOW, MOST_WINDOW = 0.15, 0.1, 16, 500
INTERVAL = 0.03  # of the planned steps lie between two revisions,
CLOSE = 0.25  # or this share of the steps that are left, where that is less
TOLERANCE = 0.06  # of the steps that are left: by less no revision lowers them, by twice as much none raises them
MARGIN = 0.02  # of the steps that would fit a lowered training leaves out, or noise would lower it again
UNFORESEEN = 0.03  # of `most`, and half of what comes after the training: what that may take longer than it should
STOPPED, STOPPED_TIMES = 5.0, 10  # seconds, and times a recent step, above which the process had been stopped
PART = 5.0  # seconds of an evaluation between two looks at the clock
TELLING = 1.0  # seconds of an evaluation that tell how fast it is, or FEWEST_TESTED rows
WORTH = 32  # rows for which it is worth to go on


@dataclass(frozen=True, slots=True)
class Budget:
    """What a job may take that has to end in time, and what its parts were planned to take, in seconds."""

    deadline: float
    """Reading of the clock, time.monotonic, at which all must be over."""
    step: float
    evaluation: Mapping[Side, float]
    """One evaluation of the whole side, as far as the job has it."""
    rows: Mapping[Side, int]
    """Of each of those sides."""
    most: float
    """For the evaluations at the end, where they were planned to take less but the machine is slow."""
    saving: float
    every: int | None = None
    """Steps between two evaluations on validation before the end; None: there are none."""
    whole: int = 0
    """Rows of the test side before the budget made them fewer."""
    most_steps: int = 0
    """As many as the training may have where there is time for more than were planned; it may have those."""
    curve: float = 0.0
    """The models of the learning curve, between the last evaluation on validation and that on test. They have their
    share of the steps that the training has."""

    def ending(self, slowdown: float) -> float:
        """What comes after the training, but for the learning curve, on a machine that is so many times slower than
        planned."""
        return self._evaluations(tuple(self.evaluation), slowdown) + self.saving * slowdown

    def closing(self, slowdown: float) -> float:
        """What comes after the learning curve."""
        tested: tuple[Side, ...] = ("test",) if "test" in self.evaluation else ()
        return self._evaluations(tested, slowdown) + self.saving * slowdown

    def _evaluations(self, sides: tuple[Side, ...], slowdown: float) -> float:
        whole = sum(self.evaluation[side] for side in sides) * slowdown
        least = sum(self.evaluation[side] * min(1, FEWEST_TESTED / self.rows[side]) for side in sides)
        return min(whole, max(self.most, least * slowdown))


class Pace:
    """The number of steps, lowered when at the speed of the recent ones the rest would not be over in
    time, and raised when more would, up to what the job was asked for.

    Time in which the process was stopped does not count. `recorded` revisions of an earlier attempt
    are repeated up to the step `until`, without a look at the clock. `revised`: how many steps there are by
    those that came before the first one taken here.
    """

    def __init__(
        self,
        steps: int,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
        recorded: Sequence[Revision] = (),
        until: int = 0,
        revised: int | None = None,
    ) -> None:
        self.steps, self._planned = steps if revised is None else revised, steps
        self._most = max(steps, budget.most_steps)
        self._budget, self._clock = budget, clock
        self._recorded, self._until = {revision.step: revision for revision in recorded}, until
        window = min(MOST_WINDOW, max(LEAST_WINDOW, round(LONGEST_WINDOW * steps)))
        self._recent = deque([budget.step] * EXPECTED, maxlen=window)
        self._step = budget.step  # seconds, the mean over recent ones
        self._deadline = budget.deadline
        self._last: float | None = None  # reading of the clock after the last step
        self._elsewhere = 0.0  # seconds since then that went into evaluations
        self._gap = 0.0  # by which the deadline was moved at the last step
        self._evaluating: float | None = None  # how many times slower than planned
        self._revised_at = 0
        self._news: list[Revision] = []

    @property
    def slowdown(self) -> float:
        """How many times slower than planned the recent steps were; at least 1."""
        return max(1.0, self._step / self._budget.step)

    @property
    def left(self) -> float:
        """Seconds until all must be over."""
        return self._deadline - self._clock()

    @property
    def spare(self) -> float:
        """Seconds that are left for the learning curve once the training is over."""
        return self.left - self._budget.closing(self._evaluation_slowdown())

    def after(self, step: int) -> int:
        """How many steps the training has, decided after `step` of them, each of which is told."""
        if step <= self._until:
            if step in self._recorded:
                self._revise(self._recorded[step])
                self._news.append(self._recorded[step])
            return self.steps
        now = self._clock()
        self._time(now)
        count = max(LEAST_WINDOW, round(WINDOW * (self.steps - step)))
        recent = list(islice(reversed(self._recent), count))
        self._step = sum(recent) / len(recent)
        ending = self._budget.ending(self._evaluation_slowdown())
        left = self._deadline - now - ending - min(ending / 2, UNFORESEEN * self._budget.most)
        left -= step * self._curve_of_step()
        wanted = self._wanted(step, left)
        tolerance = max(1.0, TOLERANCE * (self.steps - step))
        pause = min(INTERVAL * self._planned, CLOSE * (self.steps - step))
        rested = step - self._revised_at >= max(1.0, pause)
        if rested and (wanted <= self.steps - tolerance or wanted >= self.steps + 2 * tolerance):
            revision = Revision(step, wanted, max(0.0, left))
            self._revise(revision)
            self._news.append(revision)
        return self.steps

    def news(self) -> list[Revision]:
        """The revisions that have not been told yet."""
        told, self._news = self._news, []
        return told

    def evaluated(self, side: Side, rows: int, seconds: float) -> None:
        """Tells of an evaluation: no step took that time, and the next evaluation will be as fast."""
        self._elsewhere += seconds
        planned = self._budget.evaluation.get(side, 0.0) * rows / self._budget.rows.get(side, rows)
        if planned > 0 and (rows >= FEWEST_TESTED or seconds >= TELLING):
            self._evaluating = seconds / planned

    def rows(self, side: Side, scored: int = 0) -> int:
        """How many rows of a side can be scored by the end, those among them that are: all or, where they
        do not fit, at least FEWEST_TESTED. Of validation and test the test comes first."""
        rows = self._budget.rows[side]
        later = 0.0
        if side != "test":
            later = self._budget.evaluation.get("test", 0.0) * self._evaluation_slowdown()
            later += self.steps * self._curve_of_step()
        left = self._deadline - self._clock() - self._budget.saving * self.slowdown - later
        if (rows - scored) * self._each(side) <= left:
            return rows
        return min(rows, max(FEWEST_TESTED, scored + max(0, int(left / self._each(side)))))

    def due(self, side: Side, scored: int) -> int:
        """How many rows of a side should be scored at the next look at the clock; `scored` where it is
        over. An evaluation is so cut short on a machine that slows down in its course."""
        goal = self.rows(side, scored)
        if scored >= FEWEST_TESTED and goal < self._budget.rows[side] and goal - scored < WORTH:
            return scored
        part = math.ceil(PART / max(self._each(side), 1e-6))
        return min(goal, max(FEWEST_TESTED, scored + part))

    def _curve_of_step(self) -> float:
        """Seconds that the learning curve takes for each step of the training."""
        return self._budget.curve / self._planned * self.slowdown

    def _each(self, side: Side) -> float:
        """Seconds that a row of a side takes in an evaluation."""
        return self._budget.evaluation[side] * self._evaluation_slowdown() / max(1, self._budget.rows[side])

    def _evaluation_slowdown(self) -> float:
        return self.slowdown if self._evaluating is None else self._evaluating

    def _time(self, now: float) -> None:
        """Takes the time of a step, or moves the deadline by what was no step."""
        if self._last is not None:
            taken = now - self._last - self._elsewhere
            usual = self._step
            stopped = taken > STOPPED and taken > STOPPED_TIMES * usual
            if stopped and self._gap:  # twice in a row: the machine has become so slow
                self._deadline -= self._gap
                self._recent += (self._gap + usual, taken)
                self._gap = 0.0
            else:
                self._gap = taken - usual if stopped else 0.0
                self._deadline += self._gap
                self._recent.append(usual if stopped else taken)
        self._last, self._elsewhere = now, 0.0

    def _wanted(self, step: int, left: float) -> int:
        each = self._step
        if self._budget.every is not None:
            each += self._budget.evaluation.get("validation", 0.0) * self._evaluation_slowdown() / self._budget.every
        each += self._curve_of_step()
        fitting = max(0.0, left) / each
        careful = step + math.floor(fitting * (1 - MARGIN))
        if step + fitting >= self._planned >= careful:
            return self._planned
        return min(self._most, careful)

    def _revise(self, revision: Revision) -> None:
        self.steps, self._revised_at = revision.steps, revision.step
