"""Steps that fit into a time, on a clock that the tests turn."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import pytest

from whet.records import Revision
from whet.training import optim
from whet.training.pace import Budget, Pace

# 1,000 steps of a second, evaluations of 30 and 170, and 5 for saving: 1,205 seconds of 1,300.
BUDGET = Budget(
    deadline=1_300.0, step=1.0, evaluation={"validation": 30.0, "test": 170.0},
    rows={"validation": 2_000, "test": 20_000}, most=300.0, saving=5.0,
)  # fmt: skip
STEPS = 1_000


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclasses.dataclass
class Ran:
    """A training as the loop does it, and what it came to."""

    steps: int
    ended: float
    rates: list[float]
    revisions: list[Revision]
    pace: Pace


def run(
    seconds: Callable[[int], float],
    budget: Budget = BUDGET,
    *,
    steps: int = STEPS,
    warmup: int = 60,
    recorded: Sequence[Revision] = (),
    between: Callable[[int, Pace], float] = lambda step, pace: 0.0,
) -> Ran:
    """`seconds`: what the 0-based step takes; `between`: what the caller does after each step."""
    clock = Clock()
    until = recorded[-1].step if recorded else 0
    pace = Pace(steps, budget, clock=clock, recorded=recorded, until=until)
    rates: list[float] = []
    revisions: list[Revision] = []
    total, fall = steps, None
    for step in itertools.count():
        rates.append(optim.rate(step, steps=total, warmup=warmup, peak=1.0, fall=fall))
        clock.now += seconds(step)
        if (revised := pace.after(step + 1)) != total:
            total, fall = revised, optim.fall_from(step, rates[-1], steps=revised, warmup=warmup)
        revisions += pace.news()
        clock.now += between(step, pace)
        if step + 1 >= total:
            break
    return Ran(step + 1, clock.now, rates, revisions, pace)


def slower_from(step: int, times: float) -> Callable[[int], float]:
    return lambda at: times if at >= step else 1.0


def test_at_the_planned_speed_nothing_is_revised() -> None:
    ran = run(lambda step: 1.0)
    assert (ran.steps, ran.revisions, ran.pace.slowdown) == (STEPS, [], 1.0)
    assert ran.rates == [optim.rate(step, steps=STEPS, warmup=60, peak=1.0) for step in range(STEPS)]
    assert (ran.pace.rows("validation"), ran.pace.rows("test")) == (2_000, 20_000)


def test_steps_of_unlike_length_that_are_over_in_time_revise_nothing() -> None:
    assert run(lambda step: (0.4, 1.6, 0.7, 1.3)[step % 4]).revisions == []


def test_a_machine_that_is_faster_takes_no_more_than_the_planned_steps_of_a_job_that_was_asked_for_those() -> None:
    ran = run(lambda step: 0.5)
    assert (ran.steps, ran.revisions) == (STEPS, [])


@pytest.mark.parametrize("times", [0.5, 0.7, 0.8])
def test_a_machine_that_is_faster_takes_more_than_the_planned_steps_where_a_job_was_asked_for_more(
    times: float,
) -> None:
    used = run(lambda step: times, dataclasses.replace(BUDGET, most_steps=10 * STEPS))
    whole = BUDGET.deadline - BUDGET.ending(1.0)
    assert used.steps == used.revisions[-1].steps > 1.1 * STEPS
    assert 0.93 * whole <= used.ended <= whole
    assert 0 < used.rates[-1] <= 0.03
    some = run(lambda step: times, dataclasses.replace(BUDGET, most_steps=STEPS + 150))
    assert some.steps == STEPS + 150


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("half_way", [0, 100, 500, 900])
def test_a_machine_that_slows_down_ends_in_time_with_its_rate_at_its_end(half_way: int, times: float) -> None:
    ran = run(slower_from(half_way, times))
    slow = BUDGET.ending(times)
    assert ran.steps < STEPS
    # The time is used but for a few steps, and the evaluations still fit.
    assert BUDGET.deadline - slow - 0.06 * 1_300 <= ran.ended <= BUDGET.deadline - slow + 0.01 * 1_300
    assert ran.pace.slowdown == pytest.approx(times, rel=0.1)
    assert 0 < ran.rates[-1] <= (0.03 if half_way < 900 else 0.1)
    assert max(ran.rates) == 1.0
    falling = ran.rates[60:]
    assert falling == sorted(falling, reverse=True)
    assert len(ran.revisions) <= 15


def test_from_a_revision_on_the_rate_falls_in_a_line_from_where_it_is() -> None:
    ran = run(slower_from(500, 2.0))
    first, second = ran.revisions[:2]
    line = ran.rates[first.step - 1 : second.step]
    falls = [a - b for a, b in itertools.pairwise(line)]
    assert falls == pytest.approx([ran.rates[first.step - 1] / (first.steps - first.step + 1)] * len(falls))


def test_steps_are_raised_again_up_to_the_planned_number() -> None:
    ran = run(lambda step: 3.0 if 300 <= step < 360 else 0.9)
    assert min(revision.steps for revision in ran.revisions) < 900
    assert ran.steps == ran.revisions[-1].steps == STEPS
    assert ran.rates[-1] < 0.01


def test_a_machine_that_is_fast_and_slow_by_turns_hardly_moves_the_number_of_steps() -> None:
    ran = run(lambda step: 0.7 if step // 30 % 2 else 1.3, dataclasses.replace(BUDGET, most_steps=2 * STEPS))
    assert ran.pace.left >= BUDGET.ending(1.0)
    assert STEPS <= ran.steps <= 1.08 * STEPS
    assert all(0.75 * STEPS <= revision.steps <= 1.2 * STEPS for revision in ran.revisions)


def test_revisions_are_rare() -> None:
    ran = run(lambda step: 1.0 + step / 400)
    assert 3 <= len(ran.revisions) <= 33
    gaps = [b.step - a.step for a, b in itertools.pairwise(ran.revisions)]
    assert min(gap for gap, at in zip(gaps, ran.revisions[1:], strict=True) if at.steps - at.step > 120) >= 30


def test_recorded_revisions_give_the_same_numbers_without_a_clock() -> None:
    first = run(slower_from(500, 2.0))

    def never() -> float:
        raise AssertionError("the clock was looked at")

    pace = Pace(STEPS, BUDGET, clock=never, recorded=first.revisions, until=first.steps)
    total, fall = STEPS, None
    for step in range(first.steps):
        rate = optim.rate(step, steps=total, warmup=60, peak=1.0, fall=fall)
        assert rate == first.rates[step]
        if (revised := pace.after(step + 1)) != total:
            total, fall = revised, optim.fall_from(step, rate, steps=revised, warmup=60)
    assert total == first.steps
    assert pace.news() == first.revisions  # for an attempt after this one


def test_after_the_recorded_revisions_the_clock_counts_again() -> None:
    first = run(slower_from(500, 2.0))
    again = run(slower_from(500, 2.0), recorded=first.revisions[:1])
    assert again.rates[: first.revisions[0].step] == first.rates[: first.revisions[0].step]
    assert again.revisions[0] == first.revisions[0]
    assert again.revisions[1].step > first.revisions[0].step
    assert again.ended <= BUDGET.deadline


def test_a_process_that_was_stopped_has_lost_no_time() -> None:
    ran = run(lambda step: 601.0 if step == 400 else 1.0)
    assert (ran.steps, ran.revisions) == (STEPS, [])
    assert ran.ended == 1_600.0
    assert ran.pace.rows("test") == 20_000


def test_a_step_of_a_few_seconds_is_a_slow_step() -> None:
    # 150 of these spend what the budget has above the plan.
    ran = run(lambda step: 4.9 if step % 5 == 0 else 1.0)
    assert ran.revisions
    assert ran.ended <= BUDGET.deadline - 200


def test_a_machine_that_has_become_very_slow_was_not_stopped() -> None:
    ran = run(slower_from(400, 20.0))
    assert ran.steps < 460
    assert ran.ended <= BUDGET.deadline


def test_an_evaluation_between_two_steps_counts_and_is_no_stop() -> None:
    def evaluate(step: int, pace: Pace) -> float:
        if step != 400:
            return 0.0
        pace.evaluated("validation", 2_000, 60.0)
        return 60.0

    ran = run(lambda step: 1.0, between=evaluate)
    # The test side will take twice its time as well: 340 + 5 seconds, of which 300 are granted.
    assert ran.pace.slowdown == 1.0
    assert ran.steps == pytest.approx(1_300 - 60 - 305, abs=20)
    assert ran.pace.rows("test") == pytest.approx(20_000 * 300 / 340, rel=0.1)


def test_evaluations_to_come_are_counted_in() -> None:
    budget = dataclasses.replace(BUDGET, every=100)

    def evaluate(step: int, pace: Pace) -> float:
        if step % 100 != 99:
            return 0.0
        pace.evaluated("validation", 2_000, 30.0)
        return 30.0

    ran = run(lambda step: 1.0, budget, between=evaluate)
    assert ran.revisions[0].step <= 60
    assert ran.ended <= budget.deadline - budget.ending(1.0) + 30


def test_a_training_of_a_few_long_steps_is_revised_too() -> None:
    budget = dataclasses.replace(BUDGET, deadline=180.0, step=20.0, evaluation={}, rows={})
    ran = run(lambda step: 40.0, budget, steps=7, warmup=0)
    assert ran.steps in (3, 4)
    assert ran.ended <= 180


def test_without_any_time_left_the_training_ends_at_once() -> None:
    ran = run(lambda step: 1.0, dataclasses.replace(BUDGET, deadline=100.0))
    assert ran.steps <= 31


# ---------------------------------------------------------------- evaluations


def rows(left: float, **changes: object) -> dict[str, int]:
    """How many rows of each side fit into what is left."""
    budget = dataclasses.replace(BUDGET, **changes)  # type: ignore[arg-type]
    pace = Pace(STEPS, budget, clock=Clock(budget.deadline - left))
    return {side: pace.rows(side) for side in budget.evaluation}


def test_where_both_sides_do_not_fit_validation_is_scored_in_part_first() -> None:
    assert rows(205.0) == {"validation": 2_000, "test": 20_000}
    assert rows(205.0 - 6) == {"validation": 1_600, "test": 20_000}
    assert rows(105.0) == {"validation": 1_000, "test": int(20_000 * 100 / 170)}


def test_a_sample_has_a_thousand_rows_or_all_that_there_are() -> None:
    assert rows(-50.0) == {"validation": 1_000, "test": 1_000}
    assert rows(0.0, rows={"validation": 700, "test": 900}) == {"validation": 700, "test": 900}


def scored_by(left: float, seconds: Callable[[int], float], **changes: object) -> tuple[list[int], float]:
    """The numbers of rows at which an evaluation of the test side looks at the clock, each row of which
    takes so many seconds, and how long before the deadline it ends."""
    budget = dataclasses.replace(BUDGET, **changes)  # type: ignore[arg-type]
    clock = Clock(budget.deadline - left)
    pace = Pace(STEPS, budget, clock=clock)
    looks = [0]
    while (due := pace.due("test", looks[-1])) > looks[-1]:
        taken = sum(map(seconds, range(looks[-1], due)))
        clock.now += taken
        pace.evaluated("test", due - looks[-1], taken)
        looks.append(due)
    return looks, budget.deadline - clock.now


def test_an_evaluation_that_fits_goes_through_all_rows_in_parts_of_a_few_seconds() -> None:
    looks, left = scored_by(200.0, lambda row: 0.0085)
    assert looks[-1] == 20_000
    assert max(later - earlier for earlier, later in itertools.pairwise(looks[1:])) <= 5.0 / 0.0085 + 1
    assert left == pytest.approx(30.0)


def test_an_evaluation_of_a_few_seconds_has_one_part() -> None:
    assert scored_by(200.0, lambda row: 1e-4, evaluation={"test": 2.0})[0] == [0, 20_000]


def test_a_machine_that_slows_down_in_an_evaluation_scores_fewer_rows_and_ends_in_time() -> None:
    looks, left = scored_by(180.0, lambda row: 0.0085 if row < 10_000 else 0.034)
    assert 11_000 < looks[-1] < 13_000
    assert 5.0 <= left < 10.0  # what saving takes is left


def test_a_machine_that_has_become_fast_scores_more_rows_than_there_seemed_to_be_time_for() -> None:
    assert scored_by(100.0, lambda row: 0.0085 if row < 2_000 else 0.002)[0][-1] == 20_000


def test_a_thousand_rows_are_scored_however_late_it_is() -> None:
    assert scored_by(-50.0, lambda row: 0.125) == ([0, 1_000], -175.0)


def test_a_training_leaves_time_for_the_learning_curve_and_the_curve_for_what_follows_it() -> None:
    curved = dataclasses.replace(BUDGET, deadline=2_100.0, curve=800.0)
    assert run(lambda step: 1.0, curved).steps == STEPS
    # Twice as slow a step takes 2 s, and 1.6 s of the curve: some 500 fit, and the curve of so many after them.
    shorter = run(lambda step: 2.0, curved)
    assert shorter.steps == pytest.approx(500, abs=20)
    assert shorter.ended + shorter.steps * 1.6 + 300.0 + 2 * 5.0 <= 2_100.0
    pace = Pace(STEPS, curved, clock=Clock(1_095.0))
    assert curved.closing(1.0) == 170.0 + 5.0
    assert pace.spare == 2_100.0 - 1_095.0 - 175.0
    # The evaluation on validation leaves time for the curve and for test.
    assert pace.rows("validation") == 2_000
    late = Pace(STEPS, curved, clock=Clock(1_096.0))
    assert late.rows("validation") < 2_000
