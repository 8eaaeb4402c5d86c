"""Work dealt out to threads of which each computes alone.

A product that two threads share waits for the slower one, thousands of times a step. A thread that
takes its own sequences through the whole model waits for nobody until it is done (figures:
docs/log.md, 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
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
        threads = max(1, torch.get_num_threads() // count)

        def alone(index: int) -> T:
            torch.set_num_threads(threads)
            return run(index)

        with _computing_with(threads):
            coming = [_pool().submit(alone, index) for index in range(count)]
            wait(coming)
    return [done.result() for done in coming]


@contextmanager
def _computing_with(threads: int) -> Iterator[None]:
    """The number of threads for a while. It is one number for all matrix products of the process
    (mkl_set_num_threads), whichever thread sets it, but another for each thread in all else: so it is
    set here as in the threads, and put back here when they have ended."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "whet")
