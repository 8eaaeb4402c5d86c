"""Memory that ran out, as torch, numpy and the drivers say it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from whet.model import exhausted
from whet.model.exhausted import is_exhausted, left
from whet.system import machine

TOO_MANY = 2**55


@pytest.mark.parametrize(
    "take", [lambda: torch.empty(TOO_MANY), lambda: np.empty(TOO_MANY, np.int64)], ids=["torch", "numpy"]
)
def test_real_faults_of_an_allocation_are_known(take: Callable[[], object]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        take()
    assert is_exhausted(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        RuntimeError("could not create a primitive"),
        MemoryError(),
    ],
    ids=str,
)
def test_what_libraries_say_is_known(fault: Exception) -> None:
    assert is_exhausted(fault)


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError("shape mismatch"),
        RuntimeError("could not create a primitive descriptor for a matmul primitive"),
        ValueError("out of memory"),
        OSError(12, "x"),
    ],
    ids=str,
)
def test_other_faults_are_none(fault: Exception) -> None:
    assert not is_exhausted(fault)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (machine.Memory(16 * 10**9, 12 * 10**8, 4 * 10**9, "the container's limit"),
         "1.2 GB of 4.0 GB left (the container's limit)"),
        (machine.Memory(None, 3 * 10**8, None, "the machine"), "300 MB left (the machine)"),
        (machine.Memory(None, None, None, "the machine"), "nobody tells how much is left"),
    ],
)  # fmt: skip
def test_what_is_left_is_said_as_far_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch, found: machine.Memory, said: str
) -> None:
    monkeypatch.setattr(exhausted.machine, "memory", lambda: found)
    assert left(torch.device("cpu")) == said
