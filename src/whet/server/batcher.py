"""Requests wait in a bounded queue, and one thread computes whatever is there, a budget of tokens at a time.

It never waits for more to come: while a batch is computed the next one gathers by itself, so that batches are of one
text on an idle machine and of many on a busy one. A request with more texts than fit goes to the end of the queue with
the rest of them, so that small ones do not wait for a large one. Texts of unlike length in a batch cost nothing: every
engine sorts them (`data.batches`, `exported`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from whet.errors import ModelError
from whet.prediction.predictor import Predictor
from whet.records import Prediction
from whet.server.limits import Limits
from whet.server.pace import Pace
from whet.server.refusals import Refusal, overloaded

Text: TypeAlias = str | tuple[str, str]
Settled: TypeAlias = tuple[asyncio.Future[Any], object]
"""A future, and its result, or the fault to raise."""

UNKNOWN_PACE, LEAST_BATCH = 512, 64  # tokens of a batch
DRAINED = 0.75  # of what may wait

logger = logging.getLogger("whet.server")


@dataclass(eq=False, slots=True)
class Job:
    """The texts of one request, and what of them is answered."""

    texts: Sequence[Text]
    sizes: Sequence[int]
    logits: bool
    future: asyncio.Future[list[Prediction]]
    answers: list[Prediction] = field(default_factory=list)
    taken: int = 0
    fault: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Texts of a job that are computed together."""

    job: Job
    start: int
    end: int

    @property
    def texts(self) -> Sequence[Text]:
        return self.job.texts[self.start : self.end]


@dataclass(slots=True)
class Counts:
    """What was done since the start."""

    batches: int = 0
    texts: int = 0
    tokens: int = 0
    seconds: float = 0.0
    failures_in_a_row: int = 0


class Batcher:
    """Answers texts in batches, for the coroutines of one event loop, the one that `start` was called in."""

    def __init__(self, predictor: Predictor, limits: Limits, *, min_confidence: float | None = None) -> None:
        self.predictor = predictor
        self.limits = limits
        self.counts = Counts()
        self.pace = Pace()
        self.has_died = False
        self._min_confidence = min_confidence
        self._waiting: deque[Job] = deque()
        self._tokens = 0  # of what waits
        self._is_shut = False
        self._changed = threading.Condition()
        self._proofs: list[asyncio.Future[None]] = []
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="whet-batches", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Answers what waits, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        while self._thread.is_alive():  # not join: what is answered has to be delivered
            await asyncio.sleep(0.01)

    @property
    def waiting_tokens(self) -> int:
        return self._tokens

    @property
    def waiting_seconds(self) -> float:
        """How long what waits will take, about."""
        return self._tokens / self.pace.known if self.pace.known else 0.0

    def check_room(self) -> None:
        """Raises Refusal while the queue is shut: before a request is read, which takes time of its own. It is shut
        where nothing fits, and from the first request that did not fit until some of what waits is done."""
        bound = self._bound()
        self._is_shut = self._is_shut and self._tokens > DRAINED * bound
        if self._is_shut or self._tokens >= bound:
            raise overloaded(self.waiting_seconds)

    async def answer(
        self, texts: Sequence[Text], *, logits: bool = False, deadline: float | None = None
    ) -> list[Prediction]:
        """A prediction for each text, in order. `deadline` (of time.monotonic) otherwise that of the limits. A caller
        that is cancelled takes its texts out of the queue. Raises Refusal."""
        assert self._loop is not None, "start() comes first"
        if not texts:
            return []
        job = Job(texts, self._sizes(texts), logits, self._loop.create_future())
        left = self.limits.deadline if deadline is None else deadline - time.monotonic()
        self._admit(job)
        timer = self._loop.call_later(max(0.0, left), _expire, job)
        try:
            return await job.future
        finally:
            timer.cancel()

    async def prove(self) -> None:
        """Has a few test texts of the model answered, before all that waits. Raises ModelError where they are not
        answered as they were when it was saved, Refusal where nothing is answered any more."""
        assert self._loop is not None, "start() comes first"
        proof: asyncio.Future[None] = self._loop.create_future()
        with self._changed:
            if self._closing or self.has_died:
                raise Refusal("not_ready", "The server no longer answers.")
            self._proofs.append(proof)
            self._changed.notify()
        await proof

    def _sizes(self, texts: Sequence[Text]) -> list[int]:
        model = self.predictor.artifact
        if isinstance(texts[0], str):
            found = model.sizes([str(text) for text in texts], None)
        else:
            found = model.sizes([text[0] for text in texts], [text[1] for text in texts])
        return [int(size) for size in found]

    def _admit(self, job: Job) -> None:
        size = sum(job.sizes)
        with self._changed:
            if self.has_died:
                raise Refusal("not_ready", "The server no longer answers.")
            if self._closing:
                raise Refusal("stopping", "The server is about to end.")
            if self._tokens and self._tokens + size > self._bound():
                self._is_shut = True
                raise overloaded(self.waiting_seconds)
            self._tokens += size
            self._waiting.append(job)
            self._changed.notify()

    def _budget(self) -> float:
        """How many tokens are computed at once: on a slow machine fewer, so that no batch takes all of the time that
        clients have. Until the first batch nobody knows."""
        if self.pace.known is None:
            return min(self.limits.batch_tokens, UNKNOWN_PACE)
        return min(self.limits.batch_tokens, max(LEAST_BATCH, self.pace.known * self.limits.patience / 5))

    def _bound(self) -> float:
        """How many tokens may wait: as many as are computed in the time that a client is ready to wait."""
        if self.pace.known is None:
            return min(self.limits.queue_tokens, 32 * UNKNOWN_PACE)
        return max(2 * self._budget(), min(self.limits.queue_tokens, self.pace.known * self.limits.patience))

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        proofs: list[asyncio.Future[None]] = []
        parts: list[Part] = []
        try:
            while (work := self._next()) is not None:
                proofs, parts = work
                if proofs:
                    self._prove(proofs)
                if parts:
                    self._compute(parts)
        finally:
            with self._changed:
                self.has_died = not self._closing or bool(self._waiting)
                jobs = [*(part.job for part in parts), *self._waiting]
                futures: list[asyncio.Future[Any]] = [*proofs, *self._proofs, *(job.future for job in jobs)]
            if self.has_died:
                self._deliver([(each, Refusal("not_ready", "The server no longer answers.")) for each in futures])

    def _next(self) -> tuple[list[asyncio.Future[None]], list[Part]] | None:
        """What is to be done now; None at the end."""
        with self._changed:
            while not (self._waiting or self._proofs or self._closing):
                self._changed.wait()
            proofs, self._proofs = self._proofs, []
            parts = self._take()
            return None if self._closing and not (proofs or parts or self._waiting) else (proofs, parts)

    def _take(self) -> list[Part]:
        """The next batch. Requests that nobody waits for any more are dropped."""
        room = self._budget()
        parts: list[Part] = []
        passed: list[Job] = []  # of another kind
        unfinished: list[Job] = []
        while self._waiting and room > 0:
            job = self._waiting.popleft()
            if job.future.done():
                self._tokens -= sum(job.sizes[job.taken :])
                continue
            if parts and job.logits != parts[0].job.logits:
                passed.append(job)
                continue
            start, end, used = job.taken, job.taken, 0
            while end < len(job.texts) and (used + job.sizes[end] <= room or not (parts or used)):
                used += job.sizes[end]
                end += 1
            if end == start:
                self._waiting.appendleft(job)  # it comes first in the next batch
                break
            job.taken, room = end, room - used
            self._tokens -= used
            parts.append(Part(job, start, end))
            if end < len(job.texts):
                unfinished.append(job)
        self._waiting.extendleft(reversed(passed))
        self._waiting.extend(unfinished)
        return parts

    def _compute(self, parts: Sequence[Part]) -> None:
        """Answers a batch; where that fails, each of its requests alone, so that one does not fail the others."""
        started = time.perf_counter()
        fault = self._answer(parts)
        if fault is not None and len(parts) > 1:
            for part in parts:
                part.job.fault = self._answer([part])
        elif fault is not None:
            parts[0].job.fault = fault
        self._count(parts, time.perf_counter() - started)
        done: list[Settled] = []
        for job in dict.fromkeys(part.job for part in parts):
            if job.fault is not None:
                logger.error("a request failed", extra={"fault": type(job.fault).__name__})
                done.append((job.future, Refusal("failed", "The model failed on this request.")))
                self._drop(job)
            elif len(job.answers) == len(job.texts):
                done.append((job.future, job.answers))
        self._deliver(done)

    def _drop(self, job: Job) -> None:
        """Takes what is left of a request out of the queue."""
        with self._changed:
            self._tokens -= sum(job.sizes[job.taken :])
            job.taken = len(job.texts)
            with suppress(ValueError):  # nothing was left
                self._waiting.remove(job)

    def _answer(self, parts: Sequence[Part]) -> BaseException | None:
        """Adds answers to their jobs, or returns why there are none."""
        rows = [text for part in parts for text in part.texts]
        logits = parts[0].job.logits
        try:
            answers = self.predictor.predict(rows, logits=logits, min_confidence=self._min_confidence)
            _check_finite(answers)
        except BaseException as fault:
            if isinstance(fault, (SystemExit, KeyboardInterrupt)):
                raise  # the thread is to end, and the process with it
            return fault
        start = 0
        for part in parts:
            end = start + part.end - part.start
            part.job.answers += answers[start:end]
            start = end
        return None

    def _count(self, parts: Sequence[Part], seconds: float) -> None:
        tokens = sum(sum(part.job.sizes[part.start : part.end]) for part in parts)
        counts = self.counts
        counts.batches += 1
        counts.texts += sum(part.end - part.start for part in parts)
        counts.tokens += tokens
        counts.seconds += seconds
        counts.failures_in_a_row = counts.failures_in_a_row + 1 if all(part.job.fault for part in parts) else 0
        self.pace.see(tokens, seconds, is_full=tokens >= self._budget() / 2)

    def _prove(self, proofs: Sequence[asyncio.Future[None]]) -> None:
        fault: BaseException | None = None
        try:
            self.predictor.artifact.prove(quick=True)
        except BaseException as raised:
            if isinstance(raised, (SystemExit, KeyboardInterrupt)):
                raise
            name = type(raised).__name__
            logger.error("a proof failed", extra={"fault": name})
            fault = raised
            if not isinstance(raised, ModelError):
                fault = ModelError(f"the model fails on its test texts ({name})")
        else:
            self.counts.failures_in_a_row = 0
        self._deliver([(proof, fault) for proof in proofs])

    def _deliver(self, done: Sequence[Settled]) -> None:
        """In one call for a batch: each wakes up the event loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_settle, done)


def _settle(done: Sequence[Settled]) -> None:
    for future, found in done:
        if future.done():
            continue
        if isinstance(found, BaseException):
            future.set_exception(found)
        else:
            future.set_result(found)


def _expire(job: Job) -> None:
    if not job.future.done():
        job.future.set_exception(Refusal("timeout", "There was no answer in time.", {"Retry-After": "1"}))


def _check_finite(answers: Sequence[Prediction]) -> None:
    """Raises ArithmeticError for answers that are no numbers, which no JSON can hold."""
    for answer in answers:
        numbers = answer.probabilities.values() if answer.value is None else (answer.value,)
        if not all(map(math.isfinite, numbers)):
            raise ArithmeticError("an answer is not finite")
