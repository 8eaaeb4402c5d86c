"""Work side by side: in order, alone, and with the number of threads put back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F

from whet.model import threads


@pytest.fixture(params=[2, 3])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_from_threads_that_run_side_by_side(cores: int) -> None:
    together = threading.Barrier(cores, timeout=60)

    def run(index: int) -> tuple[int, int]:
        together.wait()
        return index, threading.get_ident()

    found = threads.each(run, cores)
    assert [index for index, _ in found] == list(range(cores))
    assert len({thread for _, thread in found}) == cores


def test_each_thread_computes_alone_with_torch_at_its_defaults(cores: int) -> None:
    with torch.no_grad():
        found = threads.each(lambda _: (torch.get_num_threads(), torch.is_grad_enabled()), cores)
    assert found == [(1, True)] * cores


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_computes_afterwards_has_all_threads(cores: int, fails: bool) -> None:
    # A thread that has not computed before takes the number that was set last, whoever set it.
    def run(index: int) -> float:
        if fails and index:
            raise ValueError("a fault of one")
        return float(F.linear(torch.ones(64, 64), torch.ones(64, 64)).sum())

    if fails:
        with pytest.raises(ValueError, match="a fault of one"):
            threads.each(run, cores)
    else:
        assert threads.each(run, cores) == [64.0**3] * cores
    assert torch.get_num_threads() == cores
    found: list[int] = []
    new = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert found == [cores]


def test_one_piece_is_left_all_threads_and_the_thread_that_asks(cores: int) -> None:
    assert threads.each(lambda _: (torch.get_num_threads(), threading.get_ident()), 1) == [
        (cores, threading.get_ident())
    ]


def test_many_threads_are_divided_among_the_pieces() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(9)
    assert threads.at_once() == threads.MOST == 4
    assert threads.each(lambda _: torch.get_num_threads(), 4) == [2] * 4
    torch.set_num_threads(before)


def test_two_who_ask_at_once_take_turns(cores: int) -> None:
    # The number of threads that one of them puts back must not be what the other had set.
    asked = [
        threading.Thread(target=threads.each, args=(lambda _: torch.ones(100).sum(), cores)) for _ in range(cores + 2)
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert torch.get_num_threads() == cores
