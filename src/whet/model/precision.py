"""In which numbers a model computes: autocast, and its absence where numpy takes part.

Weights, gradients and the optimiser stay in float32; under bf16 and fp16 matrix products and
attention compute in less.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from whet.settings.config import Precision

DTYPES: Mapping[Precision, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
LOW = (torch.bfloat16, torch.float16)


def lowered(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Autocast to this precision. Its cache of cast weights is left off: a pass casts each weight
    once, and all threads would share the one cache."""
    dtype = DTYPES[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype, cache_enabled=False)


def in_full() -> AbstractContextManager[object]:
    """A block on the CPU that autocast leaves alone, for kernels that share memory with numpy, which
    has no bf16. `widened` is what they are given."""
    return torch.autocast("cpu", enabled=False)


def widened(x: Tensor) -> Tensor:
    """x in float32 where it was bf16 or fp16."""
    return x.float() if x.dtype in LOW else x
