"""A probe measures and leaves no trace."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.unit import small
from whet.errors import TrainingError
from whet.model import threads
from whet.model.classifier import Classifier
from whet.records import Batch
from whet.training import estimate, loop, probe
from whet.training.estimate import Speed

RECIPE = loop.Recipe(1.0, 4, 1e-3, 0.01, 0.1, 1.0, 0)
LENGTHS = [5, 9, 12, 3, 7, 20, 16, 4, 11, 8, 14, 6]


def timed(tokens: int, pairs: float, seconds: float) -> probe._Timed:
    return probe._Timed(tokens, pairs, seconds)


def test_the_fit_finds_the_three_coefficients() -> None:
    true = (0.02, 3e-4, 2e-7)
    sizes = [(100, 2_000), (400, 9_000), (1_600, 600_000), (3_000, 500_000), (200, 9_900)]
    found = probe.fit([timed(t, p, true[0] + true[1] * t + true[2] * p) for t, p in sizes])
    assert (found.step, found.token, found.pair) == pytest.approx(true, rel=1e-6)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert found.timed == 5


def test_no_coefficient_is_negative_where_larger_steps_happened_to_be_quicker() -> None:
    found = probe.fit([timed(100, 1_000, 0.3), timed(200, 3_000, 0.2), timed(400, 9_000, 0.25)])
    assert min(found.step, found.token, found.pair) >= 0
    assert found.error > 0.05


def test_one_step_is_enough_for_a_speed() -> None:
    found = probe.fit([timed(100, 1_000, 0.5)])
    assert found.step + found.token * 100 + found.pair * 1_000 == pytest.approx(0.5)


def test_the_band_of_few_steps_holds_the_true_time_most_of_the_times() -> None:
    """Four steps that happen to agree do not make a narrow band."""
    random = np.random.default_rng(0)
    sizes = [(120, 2_000), (900, 60_000), (260, 9_000), (1_000, 64_000)]
    tokens, held = 500, []
    for _ in range(500):
        noise = 1 + 0.1 * random.standard_normal(len(sizes))
        found = probe.fit([timed(t, p, 1e-3 * t * factor) for (t, p), factor in zip(sizes, noise, strict=True)])
        said = found.step + found.token * tokens + found.pair * 25_000
        band = estimate.span(said, found)
        held.append(abs(said / (1e-3 * tokens) - 1) <= (band.high - said) / said - estimate.DRIFT_UP)
    assert np.mean(held) >= 0.8  # 0.56 before the width of few steps was widened


@pytest.fixture
def job(tiny_bert: Path) -> tuple[object, object, np.ndarray]:
    classifier = small.classifier(tiny_bert)
    rows = small.encoded(small.sequences(LENGTHS, vocabulary=classifier.model.config.vocab_size))
    return classifier, rows, np.arange(len(LENGTHS)) % 3


def run(job: tuple[object, object, np.ndarray], *, seconds: float = 10.0, steps: int = 6) -> probe.Probed:
    classifier, rows, labels = job

    def expected(speed: Speed) -> float:
        return seconds

    return probe.probe(classifier, rows, labels, RECIPE, steps=steps, expected=expected)  # type: ignore[arg-type]


def test_weights_dropout_and_random_state_are_what_they_were(job: tuple[object, object, np.ndarray]) -> None:
    classifier = job[0]
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}  # type: ignore[attr-defined]
    positions, state = dict(classifier.stream.positions), torch.get_rng_state()  # type: ignore[attr-defined]
    run(job)
    after = classifier.model.state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert classifier.stream.positions == positions  # type: ignore[attr-defined]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in classifier.model.parameters())  # type: ignore[attr-defined]


def test_training_after_a_probe_is_training_without_one(tiny_bert: Path) -> None:
    losses = []
    for probed in (False, True):
        classifier = small.classifier(tiny_bert)
        rows = small.encoded(small.sequences(LENGTHS, vocabulary=classifier.model.config.vocab_size))
        labels = np.arange(len(LENGTHS)) % 3
        if probed:
            run((classifier, rows, labels))
        losses.append([record.loss for record in loop.Training(classifier, rows, labels, RECIPE).records()])
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("precision", "expected"), [("fp32", [1, 1, 1]), ("bf16", [2, 1, 2])])
def test_a_step_is_timed_when_products_of_its_number_of_tokens_have_been_made_ready(
    tiny_bert: Path, precision: Any, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(small.stock(tiny_bert), device="cpu", seed=0, precision=precision)
    rows = small.encoded(small.sequences([*LENGTHS, 60], vocabulary=classifier.model.config.vocab_size))
    found = probe._Probe(classifier, rows, np.arange(len(rows)) % 3, RECIPE, lambda _: 10.0)
    real, calls = found._sparing.gradient, 0

    def counted(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        return real(*given)

    monkeypatch.setattr(found._sparing, "gradient", counted)
    seen = []
    for chosen in ([0, 1, 2], [0, 1, 2], [0, 12]):
        before = calls
        found._step(found._batch(np.array(chosen)))
        seen.append(calls - before)
    assert seen == expected
    assert all(weight.grad is None for weight in classifier.model.parameters())


def test_a_speed_is_positive_and_says_how_many_steps_it_rests_on(job: tuple[object, object, np.ndarray]) -> None:
    found = run(job).speed
    assert found.step + found.row(np.array(LENGTHS)) > 0
    assert 0 < found.evaluation * found.size(np.array(LENGTHS)) < 1
    assert found.timed >= 2


def test_steps_that_touch_their_memory_for_the_first_time_do_not_count(
    job: tuple[object, object, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0

    def step(self: object, batch: Batch) -> probe._Timed:
        nonlocal largest
        slower = 3.0 if len(batch.ids) > largest else 1.0
        largest = max(largest, len(batch.ids))
        return timed(len(batch.ids), float((np.diff(batch.cu_seqlens) ** 2).sum()), slower * 1e-3 * len(batch.ids))

    monkeypatch.setattr(probe._Probe, "_step", step)
    found = run(job).speed
    assert (found.step, found.pair) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found.token == pytest.approx(1e-3)


def test_a_slow_model_is_timed_with_as_many_rows_as_the_time_allows(
    job: tuple[object, object, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, rows = 0.0, []

    def step(self: object, batch: Batch) -> probe._Timed:
        nonlocal now
        now += 0.1 * len(batch.ids)
        rows.append(len(batch.rows))
        return timed(len(batch.ids), float((np.diff(batch.cu_seqlens) ** 2).sum()), 0.1 * len(batch.ids))

    monkeypatch.setattr(probe._Probe, "_step", step)
    monkeypatch.setattr(probe.time, "perf_counter", lambda: now)
    monkeypatch.setattr(probe._Probe, "_evaluation", lambda self, speed: 0.0)
    classifier, encoded, labels = job
    recipe = dataclasses.replace(RECIPE, batch_size=12)
    probe.probe(classifier, encoded, labels, recipe, steps=6, expected=lambda speed: 150.0)  # type: ignore[arg-type]
    assert rows[:4] == [2, 2, 2, 3]  # four at once would have taken more than their part of the time
    assert now <= 0.08 * 150


def test_a_probe_ends_when_its_share_of_the_job_is_spent(
    job: tuple[object, object, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr(probe.time, "perf_counter", lambda: float(next(clock)))  # every look a second later
    short, long = run(job, seconds=100.0).speed.timed, run(job, seconds=2_000.0).speed.timed
    assert short < long <= 100


def test_memory_beyond_the_largest_step_grows_by_its_tokens_from_what_any_step_needs() -> None:
    assert probe._at([(0, 1_000), (100, 3_000)], 250) == 6_000
    assert probe._at([(0, 1_000), (100, 1_200), (300, 2_500)], 600) == 4_000
    assert probe._at([(0, 1_000), (100, 3_000)], 80) == 3_000
    assert probe._at([(0, 1_000), (100, 900)], 250) == 1_000  # not all gradients were there at once
    assert probe._at([(0, 1_000)], 250) == 1_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
@pytest.mark.parametrize("cores", [1, 2])
def test_a_step_needs_the_gradient_of_each_thread_whatever_its_tokens(
    job: tuple[Any, Any, np.ndarray], monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(threads, "at_once", lambda: cores)
    monkeypatch.setattr(probe._Probe, "_held", lambda self: 10**9)
    found = run(job).memory
    assert found is not None
    classifier = job[0]
    table = classifier.model.get_input_embeddings().weight
    others = sum(weight.numel() for weight in classifier.model.parameters() if weight is not table)
    assert found.fixed == 10**9 + cores * 4 * others
    assert found.step >= found.fixed
    assert found.evaluation >= found.fixed


@pytest.mark.parametrize("room", [30, 2])
def test_a_probe_that_runs_out_of_memory_goes_on_in_parts_or_says_why_not(
    job: tuple[object, object, np.ndarray], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    real = Classifier.logits

    def logits(self: Classifier, given: Batch, precision: Any = None) -> Tensor:
        if self.model.training and len(given.ids) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, given, precision)

    monkeypatch.setattr(Classifier, "logits", logits)
    if room == 30:
        assert run(job).speed.timed > 1
        return
    with pytest.raises(TrainingError) as caught:
        run(job)
    assert caught.value.message.startswith("out of memory at step 1 with parts of ")
