"""The queue: every request gets its own answers, in time or a refusal, whatever the others are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.server.made import DIES, FAILS, NO_NUMBER, PANICS, Known, PanicError, score
from whet.errors import ModelError
from whet.prediction.predictor import Predictor
from whet.records import Prediction
from whet.server.batcher import Batcher
from whet.server.limits import Limits
from whet.server.refusals import Refusal


def during(work: Callable[[Batcher], Awaitable[Any]], model: Known, limits: Limits | None = None) -> Any:
    """What comes of work with a batcher that runs."""

    async def run() -> Any:
        batcher = Batcher(Predictor(model), limits or Limits())
        batcher.start()
        try:
            return await work(batcher)
        finally:
            model.gate.set()
            await batcher.stop()

    return asyncio.run(run())


async def entered(model: Known) -> None:
    """Until the thread computes something."""
    while not model.entered.is_set():
        await asyncio.sleep(0.001)
    model.entered.clear()


async def busy(batcher: Batcher, model: Known) -> asyncio.Task[list[Prediction]]:
    """Has the thread compute one text until the gate is opened."""
    model.gate.clear()
    task = asyncio.create_task(batcher.answer(["occupied"]))
    await entered(model)
    return task


def asked(batcher: Batcher, *texts: str) -> asyncio.Task[list[Prediction]]:
    return asyncio.create_task(batcher.answer(texts))


def scores(answers: list[Prediction]) -> list[float]:
    return [answer.probabilities["pos"] for answer in answers]


def test_an_idle_server_computes_a_text_at_once_and_alone() -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[Prediction]:
        return await batcher.answer(["a text"])

    (answer,) = during(work, model)
    assert (answer.text, answer.label) == ("a text", "pos" if score("a text") >= 0.5 else "neg")
    assert answer.probabilities["pos"] == pytest.approx(score("a text"), abs=1e-12)
    assert model.batches == [["a text"]]


def test_what_came_while_a_batch_was_computed_is_the_next_batch_in_order() -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[list[Prediction]]:
        first = await busy(batcher, model)
        others = [asked(batcher, f"text {i}") for i in range(5)]
        await asyncio.sleep(0)
        model.gate.set()
        return await asyncio.gather(first, *others)

    found = during(work, model)
    assert model.batches == [["occupied"], [f"text {i}" for i in range(5)]]
    assert [answers[0].text for answers in found[1:]] == [f"text {i}" for i in range(5)]


def test_a_batch_has_no_more_tokens_than_its_budget_and_one_text_may_have_more() -> None:
    model = Known()

    async def work(batcher: Batcher) -> None:
        first = await busy(batcher, model)
        others = [asked(batcher, f"two words {i}") for i in range(4)]  # 4 tokens each
        large = asked(batcher, "word " * 20)
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(first, *others, large)

    during(work, model, Limits(batch_tokens=10))
    sizes = [int(model.sizes(batch, None).sum()) for batch in model.batches]
    assert sizes == [2, 8, 8, 21]


def test_a_large_request_lets_small_ones_pass() -> None:
    model = Known()
    order: list[str] = []

    async def noted(name: str, task: asyncio.Task[list[Prediction]]) -> list[Prediction]:
        answers = await task
        order.append(name)
        return answers

    async def work(batcher: Batcher) -> list[list[Prediction]]:
        first = await busy(batcher, model)
        tasks = {"large": asked(batcher, *(f"a {i}" for i in range(12))), "small": asked(batcher, "b")}
        waits = [asyncio.create_task(noted(name, task)) for name, task in tasks.items()]
        await asyncio.sleep(0)
        model.gate.set()
        await first
        return await asyncio.gather(*waits)

    large, _ = during(work, model, Limits(batch_tokens=9))
    assert order == ["small", "large"]
    assert [answer.text for answer in large] == [f"a {i}" for i in range(12)]


def test_more_than_may_wait_is_refused_at_once_with_the_time_to_come_back() -> None:
    model = Known()

    async def work(batcher: Batcher) -> Refusal:
        first = await busy(batcher, model)
        waiting = asked(batcher, "one two three")
        await asyncio.sleep(0)
        started = time.perf_counter()
        with pytest.raises(Refusal) as refused:
            await batcher.answer(["one two three"])
        assert time.perf_counter() - started < 0.05
        model.gate.set()
        await asyncio.gather(first, waiting)
        assert scores(await batcher.answer(["one two three four five six"]))  # alone it may be larger than the queue
        return refused.value

    refusal = during(work, model, Limits(queue_tokens=5))
    assert (refusal.status, refusal.code) == (429, "overloaded")
    assert 1 <= int(refusal.headers["Retry-After"]) <= 60


def test_once_full_it_stays_shut_until_a_quarter_is_done() -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[bool]:
        def is_shut() -> bool:
            try:
                batcher.check_room()
            except Refusal as refusal:
                assert refusal.code == "overloaded"
                return True
            return False

        model.gate.clear()
        running = asked(batcher, "occupied")
        await entered(model)
        waiting = [asked(batcher, f"one two {i}") for i in range(4)]  # 4 tokens each
        await asyncio.sleep(0)
        found = [is_shut()]
        with pytest.raises(Refusal):
            await batcher.answer(["six tokens with this one"])
        found.append(is_shut())
        batcher._tokens -= 4
        found.append(is_shut())
        batcher._tokens += 4
        found.append(is_shut())
        model.gate.set()
        await asyncio.gather(running, *waiting)
        return found

    assert during(work, model, Limits(queue_tokens=20)) == [False, True, False, False]


def test_what_may_wait_is_what_is_computed_in_the_time_that_clients_have() -> None:
    model = Known(seconds_a_token=0.001)

    async def work(batcher: Batcher) -> tuple[float, float]:
        before = batcher._bound()
        await batcher.answer(["word " * 300])
        return before, batcher._bound()

    before, after = during(work, model, Limits(queue_tokens=3_000, patience=0.5))
    assert before == 3_000  # nobody knows the pace
    assert 128 <= after <= 500  # a thousand tokens a second at most


def test_a_slow_machine_computes_less_at_once() -> None:
    """So that no batch takes all of the time that clients have, and what waits is answered in time."""
    model = Known(seconds_a_token=0.002)

    async def work(batcher: Batcher) -> list[Any]:
        await batcher.answer(["word " * 300])
        texts = [f"one two three {i}" for i in range(200)]  # 5 tokens each: 2 seconds of work
        return await asyncio.gather(*(batcher.answer([text]) for text in texts), return_exceptions=True)

    found = during(work, model, Limits(patience=0.4, deadline=5))
    assert {each.code for each in found if isinstance(each, Refusal)} == {"overloaded"}
    assert sum(not isinstance(each, Refusal) for each in found) >= 10
    assert max(int(model.sizes(batch, None).sum()) for batch in model.batches[1:]) <= 100


def test_a_request_that_waits_too_long_is_refused_and_never_computed() -> None:
    model = Known()

    async def patient(batcher: Batcher) -> Refusal:
        batcher.limits = Limits(deadline=20)
        model.gate.clear()
        first = asked(batcher, "occupied")
        await entered(model)
        batcher.limits = Limits(deadline=0.05)
        with pytest.raises(Refusal) as refused:
            await batcher.answer(["late"])
        assert batcher.waiting_tokens == 2
        model.gate.set()
        await first
        await batcher.answer(["another"], deadline=time.monotonic() + 20)
        assert batcher.waiting_tokens == 0
        return refused.value

    refusal = during(patient, model)
    assert (refusal.status, refusal.code) == (503, "timeout")
    assert model.batches == [["occupied"], ["another"]]


def test_a_request_whose_client_has_gone_is_never_computed() -> None:
    model = Known()

    async def work(batcher: Batcher) -> None:
        first = await busy(batcher, model)
        gone = asked(batcher, "nobody waits for this")
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        model.gate.set()
        await first
        await batcher.answer(["another"])

    during(work, model)
    assert model.batches == [["occupied"], ["another"]]


@pytest.mark.parametrize("bad", [FAILS, PANICS, NO_NUMBER])
def test_a_request_that_fails_in_a_batch_fails_alone(bad: str) -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[Any]:
        first = await busy(batcher, model)
        tasks = [asked(batcher, "a"), asked(batcher, "b", bad), asked(batcher, "c")]
        await asyncio.sleep(0)
        model.gate.set()
        await first
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert scores(await batcher.answer(["d"])) == [pytest.approx(score("d"))]
        assert batcher.counts.failures_in_a_row == 0
        return found

    one, failed, other = during(work, model)
    assert (scores(one), scores(other)) == ([pytest.approx(score("a"))], [pytest.approx(score("c"))])
    assert isinstance(failed, Refusal)
    assert (failed.status, failed.code) == (500, "failed")
    assert bad not in failed.message


@pytest.mark.parametrize("bad", [FAILS, PANICS])
def test_what_is_left_of_a_large_request_that_failed_takes_no_room(bad: str) -> None:
    model = Known()

    async def work(batcher: Batcher) -> None:
        first = await busy(batcher, model)
        large = asked(batcher, bad, *["one two three"] * 9)
        await asyncio.sleep(0)
        model.gate.set()
        await first
        with pytest.raises(Refusal, match="failed on this request"):
            await large
        assert scores(await batcher.answer(["next"])) == [pytest.approx(score("next"))]
        assert batcher.waiting_tokens == 0

    during(work, model, Limits(batch_tokens=6))
    assert len(model.batches) == 3


def test_failures_in_a_row_are_counted_until_something_succeeds() -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[int]:
        counted = []
        for text in (FAILS, FAILS, "fine", FAILS):
            with_it = await asyncio.gather(batcher.answer([text]), return_exceptions=True)
            assert isinstance(with_it[0], Refusal) == (text == FAILS)
            counted.append(batcher.counts.failures_in_a_row)
        await batcher.prove()
        return [*counted, batcher.counts.failures_in_a_row]

    assert during(work, model) == [1, 2, 0, 1, 0]


@pytest.mark.parametrize("fault", [RuntimeError("a text"), PanicError("a text")])
def test_a_model_that_fails_on_its_test_texts_is_not_proven(fault: BaseException) -> None:
    model = Known(unproven=fault)

    async def work(batcher: Batcher) -> None:
        with pytest.raises(ModelError, match=rf"^the model fails on its test texts \({type(fault).__name__}\)"):
            await batcher.prove()
        model.unproven = None
        await batcher.prove()

    during(work, model)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_thread_ends_all_that_wait_are_told_at_once() -> None:
    model = Known()

    async def run() -> list[Any]:
        batcher = Batcher(Predictor(model), Limits(batch_tokens=3))
        batcher.start()
        first = await busy(batcher, model)
        tasks = [asked(batcher, DIES), asked(batcher, "later")]
        await asyncio.sleep(0)
        model.gate.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert batcher.has_died
        for again in (batcher.answer(["more"]), batcher.prove()):
            with pytest.raises(Refusal) as refused:
                await again
            assert refused.value.code == "not_ready"
        await batcher.stop()  # until the thread has ended
        return found

    first, dying, later = asyncio.run(run())
    assert scores(first) == [pytest.approx(score("occupied"))]
    assert [(each.status, each.code) for each in (dying, later)] == [(503, "not_ready")] * 2


def test_a_server_that_stops_answers_what_waits_and_takes_nothing_more() -> None:
    model = Known()

    async def run() -> None:
        batcher = Batcher(Predictor(model), Limits())
        batcher.start()
        first = await busy(batcher, model)
        waiting = asked(batcher, "waits")
        await asyncio.sleep(0)
        ending = asyncio.create_task(batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await batcher.answer(["late"])
        assert refused.value.code == "stopping"
        model.gate.set()
        await ending
        assert scores(await waiting) == [pytest.approx(score("waits"))]
        await first
        assert not batcher.has_died

    asyncio.run(run())


def test_what_is_to_be_explained_is_not_mixed_with_the_rest() -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[list[Prediction]]:
        first = await busy(batcher, model)
        tasks = [asked(batcher, "a"), asyncio.create_task(batcher.answer(["b"], logits=True)), asked(batcher, "c")]
        await asyncio.sleep(0)
        model.gate.set()
        await first
        return await asyncio.gather(*tasks)

    one, with_logits, other = during(work, model)
    assert model.batches == [["occupied"], ["a", "c"], ["b"]]
    assert (one[0].logits, other[0].logits) == (None, None)
    assert with_logits[0].logits is not None


@settings(max_examples=30)
@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=9), max_size=12), st.integers(1, 40))
def test_whatever_is_asked_together_each_request_gets_its_own_answers(requests: list[list[str]], budget: int) -> None:
    model = Known()

    async def work(batcher: Batcher) -> list[list[Prediction]]:
        return await asyncio.gather(*(batcher.answer(texts) for texts in requests))

    for texts, answers in zip(requests, during(work, model, Limits(batch_tokens=budget)), strict=True):
        assert [answer.text for answer in answers] == texts
        assert scores(answers) == pytest.approx([score(text) for text in texts], abs=1e-12)
