"""Attention over sequences laid end to end, kept inside each sequence.

Stock transformers attends across packed sequences in bidirectional encoders: the position ids that
would tell them apart are dropped on the way to the mask. So an attention function of our own is
registered, which serves every architecture that goes through the attention interface.

Sizes: T tokens of all N sequences, n sequences of a group, L its longest, K keys of a sequence of
the group (L, but for a local group), H heads, D head width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from whet.model import flash
from whet.model.dropout import DropoutStream, dropout
from whet.model.packing import Packing, lay, take
from whet.model.precision import in_full, widened

NAME = "whet_packed"
SHORT = 256  # tokens; beyond, heads of width 64 are faster in bf16


def attend(
    module: torch.nn.Module,
    query: Tensor,  # [1, H, T, D]
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: Packing,
    local: Packing | None = None,
    sliding_window: int | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **unused: object,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls: [1, T, H, D] back, tokens of different
    sequences never see each other. A layer with a sliding window attends by `local`, which holds
    the window. `unused` is what the library passes to every implementation."""
    if sliding_window is not None and local is not None:
        packing = local
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))  # [T, H, D]
    if packing.starts is not None:
        return flash.attend(q, k, v, packing, scale=scaling, p=dropout)[None], None
    outputs = []
    for group in packing.groups:
        states = take(q, group), take(k, group, keys=True), take(v, group, keys=True)
        outputs.append(_attention(*states, group.mask, scaling, dropout, packing.stream))
    return lay(outputs, packing)[None], None


def register() -> None:
    """Makes the attention known to transformers under NAME, without any mask of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)


def _no_mask(*args: object, **kwargs: object) -> None:
    """Packing needs no mask; the library asks for one per implementation."""


def _attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scaling: float | None, p: float, stream: DropoutStream
) -> Tensor:
    if p == 0.0 or q.device.type != "cpu":
        return fused(q, k, v, mask, scale=scaling, p=p)
    # torch's CPU kernel leaves its fast path for dropout and draws slowly, so the weights are
    # written out and dropped from our own stream.
    scale = scaling if scaling is not None else q.shape[-1] ** -0.5
    scores = (q * scale) @ k.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return dropout(scores.softmax(-1), p, stream) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, scale: float | None, p: float) -> Tensor:
    """torch attention of [n, H, L, D]. In bf16 on a CPU its backward pass takes up to twenty times that in float32
    for sequences of up to SHORT tokens (docs/log.md, 2026-11-29): these are given a gradient in float32."""
    if q.device.type != "cpu" or not q.requires_grad or q.shape[2] > SHORT:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p, scale=scale)
    with in_full():
        return F.scaled_dot_product_attention(
            widened(q), widened(k), widened(v), attn_mask=mask, dropout_p=p, scale=scale
        )
