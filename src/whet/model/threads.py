"""Work dealt out to threads of which each computes alone.

A product that two threads share waits for the slower one, thousands of times a step. A thread that
takes its own sequences through the whole model waits for nobody until it is done (figures:
docs/log.md, 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from threading import Lock
from typing import TypeVar

import torch

# The interpreter runs one thread at a time, and its part of a small step is 20 ms a thread: beyond a
# few threads each is better given several cores.
MOST = 4

T = TypeVar("T")
_turn = Lock()


def at_once() -> int:
    """How many pieces of work run side by side: one a thread that torch may use, MOST at most."""
    return max(1, min(torch.get_num_threads(), MOST))


def each(run: Callable[[int], T], count: int) -> list[T]:
    """run(0) to run(count - 1) side by side, each with its share of torch's threads; what they return,
    in order. A fault of one is raised when all have ended. What torch remembers for a thread (grad
    mode, inference mode) is at its default in each."""
    if count == 1:
        return [run(0)]
    with _turn:
        before = torch.get_num_threads()

        def alone(index: int) -> T:
            torch.set_num_threads(max(1, before // count))
            return run(index)

        coming = [_pool().submit(alone, index) for index in range(count)]
        wait(coming)
        # torch keeps a number for each thread, and the last one set for threads that compute for the first time.
        torch.set_num_threads(before)
    return [done.result() for done in coming]


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "whet")
