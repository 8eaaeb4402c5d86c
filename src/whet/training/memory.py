"""A step that memory does not hold is done again in smaller parts, of the same rows.

Each part is a packed batch of its own whose gradient counts by its rows, so that loss, gradient and
schedule are those of the undivided step. The parts are halved until a row has one to itself; the last
resort is to compute the layers again in the backward pass. On a CPU `guard` looks ahead besides.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
from torch import Tensor

from whet.data.batches import encoded_of, tokens_of
from whet.errors import TrainingError
from whet.model.classifier import Classifier
from whet.model.exhausted import is_exhausted, left, save_memory
from whet.model.recompute import torch_random
from whet.records import Batch, Notice, Tightened
from whet.sentences.bilingual import Bilingual, said
from whet.system import heap
from whet.system.machine import gigabytes
from whet.training.guard import AMPLE, LEAST_RESERVE, Guard, Load, Shortage
from whet.training.limit import Limit
from whet.training.objective import Objective

REMEDY = "Lower --max-length, or take a smaller --model or fewer --layers"


class Sparing:
    """Comes by the gradient of each step within the memory there is. `limit` holds from one step to
    the next and only ever becomes lower. `moments`: bytes that the optimiser holds before the first step."""

    def __init__(self, classifier: Classifier, objective: Objective, limit: Limit, *, moments: int = 0) -> None:
        self.limit = limit
        self._classifier, self._objective = classifier, objective
        objective.limit = limit
        if limit.recompute:
            classifier.recompute()
        on_cpu = classifier.device.type == "cpu"
        self._guard = None
        if on_cpu:
            outputs = classifier.output_bytes
            self._guard = Guard(classifier.model, objective.parameters, limit, outputs=outputs, moments=moments)

    def gradient(self, batch: Batch, scale: float, step: int) -> Generator[Notice, None, Tensor]:
        """That of the objective; yields a notice each time the limit became lower. Raises TrainingError
        where no limit helps."""
        stream, random = self._classifier.stream, torch_random(self._classifier.device)
        if self._guard is not None:
            yield from self._foresee(self._guard, batch, step)
            self._guard.begin()
        positions, state = dict(stream.positions), random.get_rng_state()
        while (mean := self._tried(batch, scale)) is None:
            self._objective.drop()
            self._save_memory()
            # What a step draws does not hang on how often it was tried.
            stream.positions = dict(positions)
            random.set_rng_state(state)
            yield self._lowered(batch, step)
        if self._guard is not None:
            self._guard.learn(self._load(batch))
            self._objective.limit = self.limit  # the first step may have had one of its own
        return mean

    def _tried(self, batch: Batch, scale: float) -> Tensor | None:
        """None where memory ran out; what the attempt held is free when this has returned."""
        try:
            return self._objective.gradient(batch, scale)
        except (RuntimeError, MemoryError) as fault:
            if not is_exhausted(fault):
                raise
        return None

    def _save_memory(self) -> None:
        save_memory(self._classifier.device)
        if self._guard is not None:
            self._guard.released = True

    def _lowered(self, batch: Batch, step: int) -> Tightened:
        """After memory ran out: the notice of a lower limit."""
        largest, longest = self._sizes(batch)
        if not self._lower(largest, longest):
            raise self._fault(batch, step, longest)
        return self._notice(step, said({"tokens": largest}, "out of memory"))

    def _lower(self, largest: int, longest: int) -> bool:
        self.limit.tokens = self._objective.limit.tokens  # in the first step perhaps a smaller one
        may = not self.limit.recompute and largest <= longest and self._classifier.recompute()
        lower = self.limit.lower(largest, longest, may_recompute=may)
        self._objective.limit = self.limit
        if may and self._guard is not None:
            self._guard.forget()
        return lower

    def _foresee(self, guard: Guard, batch: Batch, step: int) -> Iterator[Notice]:
        """Lowers the limit before the system would end this process."""
        if self.limit.token_bytes is None:
            if not guard.learnt:
                yield from self._first(guard, batch, step)
            return
        is_limited = self.limit.tokens is not None or self.limit.recompute
        if guard.released and not is_limited and guard.lacks(self._load(batch), reserve=AMPLE) is None:
            heap.keep()  # the first step was careful in vain
            guard.released = False
            return
        if guard.lacks(self._load(batch)) is None:
            return
        self._save_memory()  # what is kept of earlier steps lies in pieces, which may not fit this one
        first = guard.lacks(self._load(batch))
        if first is None:
            return
        tokens, is_lower = self._sizes(batch)[0], False
        while self.limit.token_bytes is not None and guard.lacks(self._load(batch)) is not None:
            if not self._lower(*self._sizes(batch)):
                break
            is_lower = True
        # Of a step that is like those before it is known that it fits as they did.
        lack = guard.lacks(self._load(batch), reserve=0.0 if self.limit.token_bytes is not None else LEAST_RESERVE)
        if lack is not None:
            raise self._refused(lack, batch, step)
        if is_lower:
            yield self._notice(step, said({"tokens": tokens, "lack": _told(first)}, "too many at once"))

    def _first(self, guard: Guard, batch: Batch, step: int) -> Iterator[Notice]:
        """Nothing is known of what a token takes: where memory may be short, the step that is to show
        it is computed in small parts."""
        first = guard.lacks(self._load(batch))
        if first is None:
            return
        self._save_memory()
        small = self._objective.limit = Limit(self.limit.tokens, recompute=self.limit.recompute)
        while guard.lacks(self._load(batch)) is not None:
            if not small.lower(*self._sizes(batch), may_recompute=False):
                break
        if guard.lacks(self._load(batch), reserve=LEAST_RESERVE, least=True) is not None:
            # Not even the gradients of all threads fit.
            while self._lower(*self._sizes(batch)):
                pass
            lack = guard.lacks(self._load(batch), reserve=LEAST_RESERVE, least=True)
            if lack is not None:
                raise self._refused(lack, batch, step)
            yield self._notice(step, said({"lack": _told(first)}, "too many threads"))
        elif small.tokens != self.limit.tokens:
            there = {"left": gigabytes(first.left), "limit": first.limited_by}
            yield Notice(said({**there, "step": step, "tokens": small.tokens}, "to see what a token takes"))

    def _sizes(self, batch: Batch) -> tuple[int, int]:
        """Tokens of the largest part that is computed at once, and of the longest row."""
        parts = [part for mine in self._objective.parts(batch) for part in mine]
        return max(len(part.ids) for part in parts), max(int(tokens_of(encoded_of(part)).max()) for part in parts)

    def _load(self, batch: Batch) -> Load:
        shares = self._objective.parts(batch)
        tokens = sum(max(len(part.ids) for part in parts) for parts in shares)
        gradients = sum(min(2, len(parts)) for parts in shares)
        longest = max(int(np.diff(part.cu_seqlens).max()) for parts in shares for part in parts)
        return Load(tokens, longest, gradients)

    def _notice(self, step: int, why: Bilingual) -> Tightened:
        parts = "" if self.limit.tokens is None else said({"tokens": self.limit.tokens}, "in parts")
        again = said({}, "layers again") if self.limit.recompute else ""
        message = said({"step": step, "why": why, "parts": parts, "again": again}, "tightened")
        return Tightened(message, "warning", step, self.limit.tokens, self.limit.recompute)

    def _fault(self, batch: Batch, step: int, longest: int) -> TrainingError:
        tried = ", and computing the layers again in the backward pass" if self.limit.recompute else ""
        return TrainingError(
            f"out of memory at step {step} with parts of {longest:,} tokens, the longest row of the step: "
            f"{left(self._classifier.device)}",
            expected=f"room for one row at a time, the least that was tried{tried}",
            todo=_remedy(batch),
        )

    def _refused(self, lack: Shortage, batch: Batch, step: int) -> TrainingError:
        """Before the system ends this process without a word."""
        _, longest = self._sizes(batch)
        return TrainingError(
            f"step {step} in parts of {longest:,} tokens, its longest row, with gradients and the optimiser's moments, "
            f"would take {_told(lack)}",
            todo=f"{_remedy(batch)}, or end what else takes memory",
        )


@contextmanager
def explained(classifier: Classifier) -> Iterator[None]:
    """Turns memory that runs out in work that cannot be divided into a TrainingError."""
    try:
        yield
    except (RuntimeError, MemoryError) as fault:
        if not is_exhausted(fault):
            raise
        said = str(fault).partition("\n")[0]
        raise TrainingError(f"out of memory: {said}; {left(classifier.device)}", todo=REMEDY) from None


def _remedy(batch: Batch) -> str:
    return REMEDY if batch.owners is None else REMEDY.replace("Lower", "Give --truncation head-tail, lower", 1)


def _told(lack: Shortage) -> Bilingual:
    facts = {"needed": gigabytes(lack.needed), "left": gigabytes(lack.left), "limit": lack.limited_by}
    return said(facts, "lack")
