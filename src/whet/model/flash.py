"""Attention over sequences laid end to end by torch's varlen flash kernel (Dao 2023, arXiv 2307.08691).

The kernel reads the sequences where they lie, without groups, mask or padding, and drops weights
itself. torch offers no public function of it that knows dropout, so its operator is called, and
before a model trusts it `find` tries it on a few tokens.

Sizes: T tokens of N sequences, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from whet.model.dropout import DropoutStream
from whet.model.packing import Packing, plan
from whet.sentences.bilingual import said

FIRST_CARD = (8, 0)  # compute capability
WIDEST = 256
MULTIPLE = 8  # of this the kernel wants the head width
# Of the largest value: several times the rounding of sums over a text of these numbers.
TOLERANCES = {torch.bfloat16: 5e-2, torch.float16: 1e-2}
TRIED_LENGTHS = (33, 5, 1, 16)
TRIED_HEADS = 2
LARGEST_TRIED = 4  # window: of few keys one more or less shows


@dataclass(frozen=True, slots=True)
class Found:
    """Whether flash attention is used, and why. `failed`: it should have worked and did not."""

    usable: bool
    reason: str
    failed: bool = False


def find(device: torch.device, dtype: torch.dtype | None, *, width: int, window: int | None = None) -> Found:
    """Whether heads of this width get flash attention; `window`: that of local layers, if there are any."""
    if device.type != "cuda" or dtype is None:
        return Found(False, "flash attention is for bf16 and fp16 on CUDA")
    card = torch.cuda.get_device_capability(device)
    if card < FIRST_CARD:
        return Found(False, f"flash attention begins at compute capability 8.0, and this card has {card[0]}.{card[1]}")
    if width > WIDEST:
        return Found(False, f"flash attention takes heads of {WIDEST} at most, and these have {width}")
    return tried(device, dtype, width, window)


def tried(device: torch.device, dtype: torch.dtype, width: int, window: int | None) -> Found:
    """The same by a trial, where nothing speaks against it."""
    try:
        reaches = [None] if window is None else [None, min(window, LARGEST_TRIED)]
        gap = float(np.max([_gap(device, dtype, width, reach) for reach in reaches]))  # a nan stays one
        drops = _drops(device, dtype, width)
    except (RuntimeError, TypeError, AttributeError) as fault:
        # Another version of torch may have another operator, a card too little memory for wide heads.
        first = str(fault).partition("\n")[0]
        return Found(False, said({"fault": f"{type(fault).__name__}: {first}"}, "no flash here"), failed=True)
    if not gap <= TOLERANCES[dtype]:
        return Found(False, said({"gap": gap}, "flash differs"), failed=True)
    if not drops:
        return Found(False, said({}, "flash without dropout"), failed=True)
    return Found(True, f"flash and plain attention agree to {gap:.0e}")


def attend(q: Tensor, k: Tensor, v: Tensor, packing: Packing, *, scale: float | None, p: float) -> Tensor:
    """Mixed values [T, H, D] of queries, keys and values [T, H, D], each sequence by itself, the
    weights dropped with probability p. With a window a query sees that many keys on either side."""
    width = q.shape[-1]
    q, k = q.to(v.dtype), k.to(v.dtype)  # rotated ones may have become float32, and autocast knows no such operator
    if width % MULTIPLE:
        q, k, v = (F.pad(x, (0, -width % MULTIPLE)) for x in (q, k, v))
    scale = width**-0.5 if scale is None else scale
    return _kernel(q, k, v, packing, scale, p)[..., :width]


def _kernel(q: Tensor, k: Tensor, v: Tensor, packing: Packing, scale: float, p: float) -> Tensor:
    starts, longest = packing.starts, packing.longest
    reach = -1 if packing.window is None else packing.window  # -1: everything
    out: Tensor = torch.ops.aten._flash_attention_forward(
        q, k, v, starts, starts, longest, longest, p, False, False,
        scale=scale, window_size_left=reach, window_size_right=reach,
    )[0]  # fmt: skip
    return out


# ---------------------------------------------------------------- the trial


def _gap(device: torch.device, dtype: torch.dtype, width: int, window: int | None) -> float:
    """The largest difference in values and gradients from attention written out in float32, as a
    share of the largest of each."""
    states, packing = _trial(device, dtype, width, window)
    visible = _visible(TRIED_LENGTHS, window).to(device)
    results = []
    for exact in (False, True):
        qkv = states[:3].to(torch.float32 if exact else dtype).requires_grad_()
        q, k, v = qkv.unbind(0)
        if exact:
            scores = torch.einsum("qhd,khd->hqk", q, k) * width**-0.5
            out = torch.einsum("hqk,khd->qhd", scores.masked_fill(~visible, float("-inf")).softmax(-1), v)
        else:
            out = attend(q, k, v, packing, scale=None, p=0.0)
        (gradient,) = torch.autograd.grad(out, qkv, states[3].to(out.dtype))
        results.append((out.detach().float(), gradient.float()))
    ours, theirs = results
    return float(np.max([float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)]))


def _drops(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether dropout changes the values and leaves them and the gradients finite. torch's random
    numbers are put back."""
    states, packing = _trial(device, dtype, width, None)
    q, k, v = states[:3].requires_grad_().unbind(0)
    whole = attend(q, k, v, packing, scale=None, p=0.0)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        dropped = attend(q, k, v, packing, scale=None, p=0.5)
        gradients = torch.autograd.grad(dropped, (q, k, v), states[3])
    finite = all(bool(x.isfinite().all()) for x in (dropped, *gradients))
    return finite and not torch.equal(whole, dropped)


def _trial(device: torch.device, dtype: torch.dtype, width: int, window: int | None) -> tuple[Tensor, Packing]:
    """Queries, keys, values and the gradient of what they give [4, T, H, D], and how they lie."""
    cu_seqlens = np.concatenate([[0], np.cumsum(TRIED_LENGTHS)]).astype(np.int64)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(4, int(cu_seqlens[-1]), TRIED_HEADS, width, generator=generator)
    packing = plan(cu_seqlens, DropoutStream(0), device, flash=True)
    return states.to(device, dtype), replace(packing, window=window)


def _visible(lengths: Sequence[int], window: int | None) -> Tensor:
    """[T, T] True where a token sees another."""
    sequence = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    place = torch.arange(len(sequence))
    near = (place[:, None] - place).abs() <= (len(place) if window is None else window)
    return near & (sequence[:, None] == sequence)
