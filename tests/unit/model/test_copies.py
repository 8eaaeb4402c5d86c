"""Tensors on their way to the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from whet.model import modernbert
from whet.model.copies import packed, to_device, unpacked
from whet.model.dropout import DropoutStream
from whet.model.packing import plan

TENSORS = [
    torch.arange(5),
    torch.tensor([True, False, True])[:, None, None],
    torch.zeros(0, dtype=torch.int64),
    torch.arange(7, dtype=torch.int32),
    torch.arange(12).view(3, 4).T,
    torch.tensor(3.5),
]


def test_tensors_of_any_type_and_shape_come_out_of_one_as_they_went_in() -> None:
    flat = packed(TENSORS)
    assert (flat.dtype, flat.dim()) == (torch.uint8, 1)
    for ours, original in zip(unpacked(flat, TENSORS), TENSORS, strict=True):
        assert ours.dtype == original.dtype
        assert torch.equal(ours, original)


def test_on_a_cpu_nothing_is_copied() -> None:
    for ours, original in zip(to_device(TENSORS, torch.device("cpu")), TENSORS, strict=True):
        assert ours is original
    assert to_device([], torch.device("cpu")) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_card_they_arrive_as_they_were() -> None:
    for ours, original in zip(to_device(TENSORS, torch.device("cuda")), TENSORS, strict=True):
        assert ours.is_cuda
        assert torch.equal(ours.cpu(), original)
    assert to_device([], torch.device("cuda")) == []


@pytest.mark.parametrize("flash", [False, True])
def test_all_tensors_of_a_plan_go_to_the_device(flash: bool) -> None:
    cu_seqlens = np.cumsum([0, 3, 6, 7, 30, 31, 257])
    meta, stream = torch.device("meta"), DropoutStream(0)
    kept, away = (plan(cu_seqlens, stream, device, flash=flash) for device in (torch.device("cpu"), meta))
    kept, away = (
        modernbert.localise(packing, 8, device) for packing, device in ((kept, torch.device("cpu")), (away, meta))
    )
    seen = set()
    for here, there in zip((*kept.groups, kept), (*away.groups, away), strict=True):
        for name in type(here).__slots__:
            ours, theirs = getattr(there, name), getattr(here, name)
            if isinstance(theirs, torch.Tensor):
                assert (ours.device, ours.dtype, ours.shape) == (meta, theirs.dtype, theirs.shape), name
                seen.add(name)
    every = {"first", "sequence", "position", "lengths"}
    assert seen == every | ({"starts"} if flash else {"gather", "real", "mask", "keys", "restore"})
