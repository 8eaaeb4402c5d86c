"""What a job will take, from speeds and rows: arithmetic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from whet.model.work import Shape
from whet.settings.config import Settings
from whet.training import estimate
from whet.training.estimate import Engine, Speed, Workload

SPEED = Speed(step=0.1, token=1e-3, pair=1e-6, evaluation=2.5e-4, error=0.0, timed=10)
FAST = dataclasses.replace(SPEED, step=0.01, token=1e-4, pair=1e-7, evaluation=2.5e-5)
ASKED = Settings(model="large", epochs=2.0, batch_size=10)


def work(train: int = 1_000, test: int = 400, validation: int = 100, *, length: int = 100) -> Workload:
    lengths = np.array([length])
    return Workload(
        rows={"train": train, "validation": validation, "test": test},
        lengths={"train": lengths, "validation": lengths, "test": lengths},
        spent=3.0,
        preparing=15.0,
        saving=2.0,
    )


def test_the_times_of_a_job_are_those_of_its_steps_rows_and_evaluations() -> None:
    # A row takes 100 tokens x 1 ms + 10,000 pairs x 1 us = 0.11 s; 200 steps take 0.1 s each beside that.
    # 15 % of the 200,000 tokens trained on may explain wrong answers, which are 300 texts.
    found = estimate.times(work(), SPEED, ASKED)
    assert found.training == pytest.approx(200 * 0.1 + 2_000 * 0.11)
    assert found.evaluation == pytest.approx((2 * 100 + 400 + 300) * 110 * 2.5e-4)
    assert found.other == 3.0 + 15.0 + 2.0
    assert found.total == pytest.approx(found.training + found.evaluation + found.other)


def test_fewer_rows_take_their_share_of_steps_tokens_and_validation() -> None:
    found = estimate.times(work(), SPEED, dataclasses.replace(ASKED, train_rows=500, test_rows=100))
    assert found.training == pytest.approx(100 * 0.1 + 1_000 * 0.11)
    assert found.evaluation == pytest.approx((2 * 50 + 100 + 200) * 110 * 2.5e-4)  # 20,000 tokens explain at least
    assert found.other == pytest.approx(3.0 + 15.0 * (500 + 50 + 100) / 1_500 + 2.0)


def test_texts_without_labels_take_steps_and_a_teacher_answers_all_and_test_rows() -> None:
    taught = dataclasses.replace(work(), further=500, teaching=0.02)
    found = estimate.times(taught, SPEED, ASKED)
    assert found.training == pytest.approx(300 * 0.1 + 3_000 * 0.11)
    assert found.teaching == pytest.approx(0.02 * (1_500 + 400))
    assert found.total == pytest.approx(found.training + found.evaluation + found.teaching + found.other)
    fewer = estimate.times(taught, SPEED, dataclasses.replace(ASKED, unlabelled_rows=100, budget="1h"))
    assert fewer.teaching == pytest.approx(0.02 * 1_100)  # under a budget no test rows
    several = estimate.times(taught, SPEED, dataclasses.replace(ASKED, seeds=3))
    assert (several.teaching, several.training) == pytest.approx((found.teaching, 3 * found.training))


def test_texts_without_labels_are_given_up_before_rows_with_labels() -> None:
    taught = dataclasses.replace(work(), further=300)
    tried = [estimate.changed(ASKED, each) for each in estimate.candidates(taught, ASKED, last=True)]
    further = [each.get("unlabelled_rows") for each in tried]
    first = next(place for place, each in enumerate(tried) if each.get("epochs", 1.0) < 1)
    assert further[:first] == [None] * (first - 3) + [270, 240, 210]
    assert {each.get("unlabelled_rows") for each in tried[first:]} == {210}


def test_the_look_for_wrong_labels_is_planned_and_takes_about_a_tenth_of_the_training() -> None:
    doubtful = dataclasses.replace(work(), doubtful=True)
    found = estimate.times(doubtful, SPEED, dataclasses.replace(ASKED, label_errors="auto"))
    assert found.looked == pytest.approx(600 * 110 * 2.5e-4)
    assert found.looked < 0.1 * found.training
    assert found.evaluation == pytest.approx(found.validation + found.test + found.looked + found.explained)
    assert estimate.times(doubtful, SPEED, dataclasses.replace(ASKED, label_errors="none")).looked == 0.0


def test_the_words_of_fifty_short_answers_are_planned_and_none_where_there_is_no_test_side_or_a_budget() -> None:
    # 50 texts of 10 tokens, each once and once without each of its 8 words.
    found = estimate.times(work(length=10), SPEED, dataclasses.replace(ASKED, epochs=50.0))
    assert found.explained == pytest.approx(50 * 9 * (10 + 0.1) * 2.5e-4)
    assert estimate.times(work(), SPEED, dataclasses.replace(ASKED, budget="20m")).explained == 0.0
    untested = dataclasses.replace(work(), rows={"train": 1_000})
    assert estimate.times(untested, SPEED, ASKED).explained == 0.0


def test_texts_are_cut_where_a_shorter_job_would_cut_them() -> None:
    found = estimate.times(work(length=400), SPEED, dataclasses.replace(ASKED, max_length=100))
    assert found.training == pytest.approx(200 * 0.1 + 2_000 * 0.11)


def divided(tokens: int = 400, count: int = 4) -> Workload:
    """Texts of so many tokens in so many sequences."""
    return dataclasses.replace(
        work(length=tokens), counts={side: np.array([count]) for side in ("train", "validation", "test")}
    )


IN_CHUNKS = dataclasses.replace(ASKED, max_length=100, truncation="chunks")


def test_all_tokens_of_a_divided_text_count_and_its_pairs_within_each_sequence() -> None:
    found = estimate.times(divided(), SPEED, IN_CHUNKS)
    row = 400 * 1e-3 + 4 * 100**2 * 1e-6
    assert found.training == pytest.approx(200 * 0.1 + 2_000 * row)
    assert found.evaluation == pytest.approx((2 * 100 + 400 + 300) * row * 1e3 * 2.5e-4)


def test_a_divided_text_that_is_cut_instead_keeps_one_sequence() -> None:
    cut = dataclasses.replace(IN_CHUNKS, truncation="head-tail")
    assert estimate.times(divided(), SPEED, cut) == estimate.times(work(length=100), SPEED, cut)


def test_a_job_of_chunks_is_first_shortened_to_one_of_them() -> None:
    longer = dataclasses.replace(IN_CHUNKS, max_length=200)
    for asked, lengths in ((IN_CHUNKS, [{}]), (longer, [{}, {"max_length": 128}])):
        found = [estimate.changed(asked, other) for other in estimate.shorter_texts(divided(), asked)]
        assert found == [{"truncation": "head-tail", **length} for length in lengths]
    assert list(estimate.shorter_texts(work(length=100), IN_CHUNKS)) == []


def test_part_of_an_epoch_trains_on_part_of_the_rows() -> None:
    assert estimate.times(work(), SPEED, dataclasses.replace(ASKED, epochs=0.5)).training == pytest.approx(
        50 * 0.1 + 500 * 0.11
    )


def test_the_band_grows_with_what_the_probe_left_open() -> None:
    sure, unsure = estimate.span(100.0, SPEED), estimate.span(100.0, dataclasses.replace(SPEED, error=0.3, timed=9))
    assert (sure.low, sure.high) == pytest.approx((88.0, 120.0))
    assert unsure.high - 100 == pytest.approx(20 + 1.64 * 0.3 / 3 * 100)
    assert unsure.low < sure.low
    lost = estimate.span(100.0, dataclasses.replace(SPEED, error=0.9, timed=1))
    assert (lost.low, lost.high) == pytest.approx((50.0, 120 + 164 * 0.9))


def test_a_job_that_fits_is_left_as_it_is() -> None:
    found = estimate.choose(work(), [Engine("large", SPEED)], ASKED, 1_000.0)
    assert found is not None
    assert found.changes == {}


@pytest.mark.parametrize("last", [False, True])
def test_epochs_go_first_then_the_ends_of_long_texts_then_half_of_an_epoch_then_rows(last: bool) -> None:
    candidates = estimate.candidates(work(length=400), ASKED, last=last)
    tried = [estimate.changed(ASKED, candidate) for candidate in candidates]
    epochs = [{}, *({"epochs": tenth / 10} for tenth in range(19, 9, -1))]
    at_256, at_128 = ({"max_length": length, "truncation": "head-tail"} for length in (256, 128))
    assert tried[:11] == epochs
    assert tried[11:22] == [at_256 | fewer for fewer in epochs]
    assert tried[22:33] == [at_128 | fewer for fewer in epochs]
    assert tried[33:38] == [{**at_128, "epochs": part} for part in (0.9, 0.8, 0.7, 0.6, 0.5)]
    rows = [450, 400, 360, 320, 290, 260, 230, 210] if last else []
    assert tried[38:] == [{**at_128, "epochs": 1.0, "train_rows": count} for count in rows]


def test_a_job_of_one_epoch_or_less_is_shortened_to_half_of_it() -> None:
    for epochs in (1.0, 0.5):
        asked = dataclasses.replace(ASKED, epochs=epochs)
        tried = list(estimate.candidates(work(), asked, last=False))
        assert [each.epochs / epochs for each in tried] == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5])
        assert {each.train_rows for each in tried} == {None}


def test_a_job_of_few_rows_is_not_shortened_below_them() -> None:
    tried = list(estimate.candidates(work(train=250), dataclasses.replace(ASKED, epochs=1.0), last=True))
    assert [each.epochs for each in tried] == [1.0, 0.9, 0.8]


def test_a_faster_model_is_taken_before_less_than_half_of_the_rows() -> None:
    found = estimate.choose(work(), [Engine("large", SPEED), Engine("small", FAST)], ASKED, 80.0)
    assert found is not None
    assert found.changes == {"model": "small"}
    assert found.time.high <= 80.0


def test_the_last_model_may_have_as_few_rows_as_fit() -> None:
    found = estimate.choose(work(train=100_000, test=0), [Engine("large", SPEED)], ASKED, 600.0)
    assert found is not None
    assert 200 <= found.changes["train_rows"] < 10_000  # type: ignore[operator]
    assert found.time.high <= 600.0


def test_nothing_is_chosen_where_nothing_fits() -> None:
    assert estimate.choose(work(), [Engine("large", SPEED)], ASKED, 10.0) is None


def test_a_sample_of_a_long_test_side_is_scored_and_has_a_thousand_rows_at_least() -> None:
    jobs = work(train=500, test=20_000, validation=0)
    found = estimate.choose(jobs, [Engine("large", SPEED)], ASKED, 600.0)
    assert found is not None
    assert 1_000 <= found.changes["test_rows"] < 6_000  # type: ignore[operator]


def test_a_larger_shape_is_slower_by_its_arithmetic() -> None:
    small = Shape(layers=6, width=384, inner=1536, words=30_000, heads=12)
    large = Shape(layers=12, width=768, inner=3072, words=30_000, heads=12)
    scaled = SPEED.scaled(small, large)
    assert scaled.token / SPEED.token == pytest.approx(large.per_token / small.per_token)
    assert scaled.pair / SPEED.pair == pytest.approx(2.0)
    assert scaled.step / SPEED.step == pytest.approx(large.parameters / small.parameters)


def test_texts_have_a_size_even_where_steps_told_nothing_of_it() -> None:
    assert SPEED.size(np.array([100, 100])) == pytest.approx(100 + 1e-3 * 10_000)
    assert dataclasses.replace(SPEED, token=0.0, pair=1e-6).size(np.array([100])) == 100


def test_a_job_with_a_budget_is_validated_once_unless_more_was_asked_for() -> None:
    within = dataclasses.replace(ASKED, budget="20m")
    assert estimate.interval(ASKED, 100) == 100
    assert estimate.interval(within, 100) is None
    assert estimate.interval(dataclasses.replace(within, evaluate_every=7), 100) == 7
    assert estimate.interval(dataclasses.replace(within, early_stopping=2), 100) == 100
    once = estimate.times(work(), SPEED, within)
    assert (once.looks, once.validation) == (1, pytest.approx(100 * 110 * 2.5e-4))
    assert estimate.times(work(), SPEED, ASKED).looks == 2


def test_the_shortest_time_is_one_into_which_a_job_fits() -> None:
    engine = Engine("large", SPEED)
    found = estimate.shortest(work(), engine, ASKED, 10.0)
    assert estimate.first_fit(work(), engine, ASKED, found, last=True, paced=True) is not None
    assert estimate.first_fit(work(), engine, ASKED, found / 1.06, last=True, paced=True) is None


def test_the_models_of_a_learning_curve_take_three_quarters_of_a_training_and_their_evaluations() -> None:
    curved = dataclasses.replace(ASKED, learning_curve=True)
    found, plain = (estimate.times(work(4_000), SPEED, settings) for settings in (curved, ASKED))
    assert plain.curve == 0.0
    # Each is evaluated after each of its two epochs, and loaded in the time that it takes to save.
    assert found.curve == pytest.approx(0.75 * found.training + 2 * found.validation + 2 * 2.0)
    assert found.total == pytest.approx(plain.total + found.curve)
    unwatched = dataclasses.replace(work(), rows={"train": 1_000, "test": 400})
    assert estimate.times(unwatched, SPEED, curved).curve == 0.0


def test_a_part_has_as_many_epochs_as_the_job_but_a_hundred_steps_or_as_many_as_the_job() -> None:
    Part = estimate.Part
    assert estimate.parts(4_000, ASKED) == (Part(1_000, 2.0, 100), Part(2_000, 2.0, 200))
    assert estimate.parts(1_000, ASKED) == (Part(250, 4.0, None), Part(500, 2.0, 50))  # 25 and 50 steps an epoch
    assert estimate.parts(400, ASKED) == (Part(100, 8.0, None), Part(200, 4.0, None))  # of 80 steps


def test_a_budget_gives_up_more_where_a_learning_curve_is_asked_for() -> None:
    times = estimate.times(work(4_000), SPEED, ASKED)
    limit = 1.1 * times.total
    settings = dataclasses.replace(ASKED, budget="1h")
    plain = estimate.first_fit(work(4_000), Engine("large", SPEED), settings, limit, last=True, paced=True)
    curved = dataclasses.replace(settings, learning_curve=True)
    shorter = estimate.first_fit(work(4_000), Engine("large", SPEED), curved, limit, last=True, paced=True)
    assert plain is not None
    assert shorter is not None
    assert plain.changes == {}
    assert shorter.changes["epochs"] == pytest.approx(1.2, abs=0.2)
