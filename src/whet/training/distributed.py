"""Several processes that train one model: torchrun's ranks, gradients by torch's own DDP.

Every rank tells the whole story of a job; the first alone writes it down. Of a step each takes its
share of the rows, balanced by tokens, and the gradient that all apply is that of the mean loss over
all rows of the step. Long waits are spent in torchrun's key-value store, where a fault of any rank
is heard; gradients and logits go over gloo, on CUDA gradients over NCCL.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from whet import errors
from whet.data.batches import cut, gather, select, share
from whet.errors import TrainingError, WhetError
from whet.model.classifier import Classifier
from whet.model.exhausted import is_exhausted, left
from whet.model.loss import PLAIN, Loss
from whet.records import Batch, Encoded, Floats
from whet.system.runtime import Ranks
from whet.training.gradient import OnDevice
from whet.training.objective import Objective
from whet.training.team import Alone
from whet.training.words import Words

PATIENCE = timedelta(hours=12)  # for a rank that prepares, evaluates or saves while others wait
STEP_PATIENCE = timedelta(minutes=30)  # for a sum to which all ranks come at nearly the same time
PAUSE = 0.02  # seconds between two looks into the store
GRACE = 5.0  # seconds that the first rank has to hear of a fault,
FAREWELL = 1.0  # and to print it: torchrun ends every rank as soon as one has ended

VANISHED = "another process of this job ended without a word; torchrun says how, and killed is mostly out of memory"

_jobs = itertools.count()  # of this process; the store outlives a job


class Team(Alone):
    """The ranks of a job, seen from one of them."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(ranks)
        self._meetings = 0
        self._nccl = False

    def __enter__(self) -> Self:
        store, _, _ = next(rendezvous("env://", timeout=STEP_PATIENCE))
        self._store = PrefixStore(f"whet/{self.ranks.attempt}/{next(_jobs)}", store)
        dist.init_process_group(
            "gloo", store=PrefixStore("gloo", self._store), rank=self.ranks.rank,
            world_size=self.ranks.count, timeout=STEP_PATIENCE,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tells the others of a fault and closes the connections. A connection that another rank
        closed becomes the fault that ended that rank."""
        if fault is None:
            dist.barrier()
        lost = fault is not None and _is_lost(fault)
        with suppress(dist.DistError):  # torchrun itself may be gone
            mine = isinstance(fault, Exception) and not lost and self._post(fault)
            if fault is None or not self._nccl:  # NCCL may wait for the rank that is gone
                dist.destroy_process_group()
            if fault is not None and self.first:
                self._store.set("heard", "")
            elif fault is not None and mine and not self._is_heard():
                fault.add_note(f"rank {self.ranks.rank} of {self.ranks.count}")  # so that it is told here
        if lost:
            raise self._fault_of_another() or TrainingError(VANISHED) from None

    def meet(self, said: object = None) -> list[Any]:
        self._meetings += 1
        keys = [f"{self._meetings}/{rank}" for rank in range(self.ranks.count)]
        self._store.set(keys[self.ranks.rank], json.dumps(said))
        until = time.monotonic() + PATIENCE.total_seconds()
        while not self._store.check(keys):
            fault = self._fault_of_another()
            if fault is not None:
                raise fault
            if time.monotonic() > until:
                raise TrainingError(f"a process of this job did not answer for {PATIENCE}")
            time.sleep(PAUSE)
        return [json.loads(self._store.get(key)) for key in keys]

    def most(self, number: int) -> int:
        said = torch.tensor(number)
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        return int(said)

    @contextmanager
    def turns(self) -> Iterator[None]:
        if self.ranks.local:
            self.meet()
        yield
        if not self.ranks.local:
            self.meet()

    def seed(self, seed: int) -> int:
        """The first rank has the job's own, as a single process would."""
        return seed if self.first else int(np.random.SeedSequence([seed, self.ranks.rank]).generate_state(1)[0])

    def objective(self, classifier: Classifier, encoded: Encoded, loss: Loss = PLAIN) -> Objective:
        self.meet()  # the first may still be at the baseline, for longer than DDP would wait
        self._nccl = classifier.device.type == "cuda"
        group = dist.new_group(backend="nccl", timeout=STEP_PATIENCE) if self._nccl else None
        _freeze_unused(classifier, gather(encoded, np.zeros(1, np.int64), None))
        return _OnRank(classifier, Words(classifier.model, encoded), loss, self.ranks, group)

    def all_logits(self, classifier: Classifier, encoded: Encoded) -> Floats:
        """The packs of a single process are dealt out in turn."""
        logits = classifier.all_logits(encoded, part=self.ranks.rank, parts=self.ranks.count)
        self.meet()
        # The rows of others are zeros: the sum is exact, and the same bits in every rank.
        dist.all_reduce(torch.from_numpy(logits))
        return logits

    def _post(self, fault: Exception) -> bool:
        """Leaves a fault where the others find it; False where another one was faster."""
        known = fault.as_json() if isinstance(fault, WhetError) else {"saw": f"{type(fault).__name__}: {fault}"}
        mine = json.dumps({"rank": self.ranks.rank, **known})
        return bool(self._store.compare_set("fault", "", mine).decode() == mine)

    def _is_heard(self) -> bool:
        """Whether the first rank hears of a fault, and so tells it; it is then given the time for that."""
        until = time.monotonic() + GRACE
        while not (heard := self._store.check(["heard"])) and time.monotonic() < until:
            time.sleep(PAUSE)
        time.sleep(FAREWELL if heard else 0)
        return bool(heard)

    def _fault_of_another(self) -> WhetError | None:
        """The fault that a rank left in the store, with the rank in its place."""
        left = None
        with suppress(dist.DistError):
            left = json.loads(self._store.get("fault")) if self._store.check(["fault"]) else None
        if left is None:
            return None
        kinds: dict[str, type[WhetError]] = {
            kind.kind: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WhetError)
        }
        where = f"rank {left['rank']}{', ' if left.get('where') else ''}{left.get('where', '')}"
        return kinds[left.get("error", "error")](
            left["saw"], where=where, expected=left.get("expected", ""), todo=left.get("todo", ""),
            more=[WhetError(more["message"].rstrip(".")) for more in left.get("more", ())],
        )  # fmt: skip


class _OnRank(OnDevice):
    """A rank's rows of each step. DDP averages over the ranks all gradients but that of the word
    table, of which only the rows in use are sent.

    A rank whose memory runs out takes its own rows in smaller parts, and asks nobody: the others wait
    a little longer for its sums. Only while the sums are under way there is no way back: the backward
    pass of the last part, during which DDP sends them, then ends the job with a TrainingError."""

    def __init__(
        self, classifier: Classifier, words: Words, loss: Loss, ranks: Ranks, group: dist.ProcessGroup | None
    ) -> None:
        super().__init__(classifier, words, loss)
        self._ranks, self._group = ranks, group
        is_trained = words.table.requires_grad
        words.table.requires_grad_(False)  # DDP takes what is trained when it is made
        self._parallel = DistributedDataParallel(
            _Forward(classifier), process_group=group, gradient_as_bucket_view=True
        )
        words.table.requires_grad_(is_trained)

    def parts(self, batch: Batch) -> list[list[Batch]]:
        mine, _ = self._mine(batch)
        return [cut(mine, self.limit.tokens)]

    def gradient(self, batch: Batch, scale: float = 1.0) -> Tensor:
        mine, weight = self._mine(batch)
        *before, last = cut(mine, self.limit.tokens)
        sums = []
        for part in before:
            with self._parallel.no_sync():
                loss = self._of_rows(part, weight)
                self._backward(loss * scale)
            sums.append(loss.detach())
        loss = self._of_rows(last, weight)
        mean = torch.stack([*sums, loss.detach()]).sum() / self._ranks.count
        dist.all_reduce(mean, group=self._group)
        with self._no_way_back(len(last.ids)):
            self._backward(loss * scale)
            self._words.add([self._words.table.grad])
            self._words.table.grad = None
            self._words.pool(lambda found: dist.all_reduce(found.div_(self._ranks.count), group=self._group))
        return mean

    def _mine(self, batch: Batch) -> tuple[Batch, float]:
        """The rows of this rank, and what each weighs: the average over the ranks is then the mean over
        the rows."""
        rank, count = self._ranks.rank, self._ranks.count
        mine = share(batch, rank, count)
        if not len(mine.rows):  # DDP waits for every rank: the shortest row stands in, and weighs nothing
            return select(batch, np.zeros(1, np.int64)), 0.0
        return mine, count / len(batch.rows)

    def _of_rows(self, rows: Batch, weight: float) -> Tensor:
        return self._total(rows, self._parallel(rows)) * weight

    @contextmanager
    def _no_way_back(self, tokens: int) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, MemoryError) as fault:
            if not is_exhausted(fault):
                raise
            raise TrainingError(
                f"out of memory with {tokens:,} tokens, while the processes were adding up their gradients: "
                f"{left(self._classifier.device)}",
                todo="Start more processes, lower --max-length, or take a smaller --model or fewer --layers",
            ) from None


class _Forward(nn.Module):
    """What DDP wraps: its forward is the classifier's logits. DDP would send the buffers of a model
    before each forward pass; they never change, and an attempt that fails must have sent nothing."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.parts = nn.ParameterList(classifier.model.parameters())
        self.logits = classifier.logits

    def forward(self, batch: Batch) -> Tensor:
        return self.logits(batch)


def _freeze_unused(classifier: Classifier, batch: Batch) -> None:
    """DDP waits for the gradient of every parameter; one that no logit depends on, such as an
    unused pooler, never has one, and AdamW leaves it as it is with or without this."""
    classifier.model.eval()
    classifier.logits(batch).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    for parameter in classifier.model.parameters():
        parameter.requires_grad_(parameter.grad is not None)
    classifier.model.zero_grad(set_to_none=True)


def _is_lost(fault: BaseException) -> bool:
    """Whether a rank's end broke the connection: gloo says it by a plain RuntimeError."""
    return isinstance(fault, dist.DistError) or (isinstance(fault, RuntimeError) and "gloo" in str(fault))
