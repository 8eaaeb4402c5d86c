"""Memory that ran out: how each library says so, what is left, and how to give back what a pass held."""

from __future__ import annotations

import gc
import re

import torch

from whet.system import heap, machine

# What is said by errors that have no class of their own.
SAYS_SO = re.compile(
    r"out of memory"  # CUDA's driver, MPS
    r"|can't allocate memory"  # torch's allocator on a CPU,
    r"|not enough memory"  # and the same on Windows
    r"|Cannot allocate memory"  # the system
    r"|std::bad_alloc"
    r"|can't start new thread"  # whose stack found no room
    r"|ALLOC_FAILED"  # cuBLAS, cuDNN
    # oneDNN, which keeps the reason to itself. What it cannot compute at all it says of a descriptor.
    r"|could not (create|execute) a primitive(?! descriptor)|could not create a memory"
)


def is_exhausted(fault: BaseException) -> bool:
    """Whether memory ran out, on a device or in the process."""
    if isinstance(fault, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(fault, RuntimeError) and SAYS_SO.search(str(fault)) is not None


def give_back(device: torch.device) -> None:
    """Gives what was freed back to the device or the system. To be called when the fault is gone: it
    holds the frames of the pass that failed, and they its tensors."""
    gc.collect()  # a fault of a thread is in a cycle with the frames that it passed
    if device.type == "cpu":
        heap.trim()
    else:
        torch.get_device_module(device).empty_cache()


def save_memory(device: torch.device) -> None:
    """Gives back what was freed, and on a CPU from here on whatever is freed: memory is short."""
    give_back(device)
    if device.type == "cpu":
        heap.release()


def left(device: torch.device) -> str:
    """`1.2 GB of 4.0 GB left (the container's limit)`, as far as the system or the device tells."""
    ask = None if device.type == "cpu" else getattr(torch.get_device_module(device), "mem_get_info", None)
    if ask is not None:
        free, total = ask()
        return f"{machine.gigabytes(free)} of {machine.gigabytes(total)} left on the device"
    found = machine.memory()
    if found.available is None:
        return "nobody tells how much is left"
    of = "" if found.limit is None else f" of {machine.gigabytes(found.limit)}"
    return f"{machine.gigabytes(found.available)}{of} left ({found.limited_by})"
