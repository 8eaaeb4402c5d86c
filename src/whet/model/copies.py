"""From the host to the model's device, without making the host wait."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ALIGNED = 16  # bytes; whatever the type of a part, it may begin here


def to_device(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """CPU tensors on the device. For CUDA all of them go in one copy, out of pinned memory, which the
    host does not wait for; the work queued behind it does."""
    if device.type != "cuda" or not tensors:
        return [tensor.to(device) for tensor in tensors]
    return unpacked(packed(tensors, pin=True).to(device, non_blocking=True), tensors)


def packed(tensors: Sequence[Tensor], *, pin: bool = False) -> Tensor:
    """The bytes of all tensors in one."""
    starts = _starts(tensors)
    flat = torch.empty(starts[-1], dtype=torch.uint8, pin_memory=pin)
    for tensor, start in zip(tensors, starts, strict=False):
        bytes_of_it = tensor.contiguous().view(-1).view(torch.uint8)
        flat[start : start + len(bytes_of_it)] = bytes_of_it
    return flat


def unpacked(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Views of what `packed` made, each of the type and shape of its original."""
    return [
        flat[start : start + tensor.numel() * tensor.element_size()].view(tensor.dtype).view(tensor.shape)
        for tensor, start in zip(like, _starts(like), strict=False)
    ]


def _starts(tensors: Sequence[Tensor]) -> list[int]:
    """Where each tensor begins, then the size of all."""
    starts = [0]
    for tensor in tensors:
        starts.append(starts[-1] + -(-tensor.numel() * tensor.element_size() // ALIGNED) * ALIGNED)
    return starts
