"""Attention over sequences laid end to end, kept inside each sequence.

Stock transformers attends across packed sequences in bidirectional encoders: the position ids that
would tell them apart are dropped on the way to the mask. So an attention function of our own is
registered, which serves every architecture that goes through the attention interface.

Sizes: T tokens of all N sequences, n sequences of a group, L its longest, K keys of a sequence of
the group (L, but for a local group), H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from whet.model.dropout import DropoutStream, dropout
from whet.records import Ints

NAME = "whet_packed"
GROUP_WASTE = 1.15  # a group of like length may hold this many times its real tokens


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring sequences of like length that attend in one call."""

    count: int  # n
    length: int  # L
    gather: Tensor | None  # [n * L] token of each place; None: the group is a plain slice
    start: int
    stop: int
    mask: Tensor | None  # [n or 1, 1, L or 1, K] True where a query sees a key; None where it sees all
    lengths: Ints  # [n] real tokens of each sequence
    keys: Tensor | None = None  # [n * K] token of each key where keys are not the queries' own places


@dataclass(frozen=True, slots=True)
class Packing:
    """How one batch attends: computed once, used by every layer."""

    groups: tuple[Group, ...]
    restore: Tensor | None  # [T] place of each token in the groups' outputs laid end to end
    stream: DropoutStream


def plan(cu_seqlens: Ints, stream: DropoutStream, device: torch.device) -> Packing:
    """Groups neighbouring sequences of like length. Batches come sorted by length, so that few
    groups with little waste suffice; any order is correct."""
    lengths = np.diff(cu_seqlens)
    groups: list[Group] = []
    restore: list[Ints] = []
    first, offset, padded = 0, 0, False
    while first < len(lengths):
        last = _group_end(lengths, first)
        count, longest = last - first, int(lengths[first:last].max())
        places = np.arange(longest)
        real = places < lengths[first:last, None]  # [n, L]
        start, stop = int(cu_seqlens[first]), int(cu_seqlens[last])
        gather = mask = None
        if not real.all():
            padded = True
            # A place beyond the end repeats the last token: any valid index does, the mask hides it.
            index = np.minimum(cu_seqlens[first:last, None] + places, cu_seqlens[first + 1 : last + 1, None] - 1)
            gather = torch.from_numpy(index.ravel()).to(device)
            mask = torch.from_numpy(real).to(device)[:, None, None, :]
        restore.append(offset + np.flatnonzero(real))
        groups.append(Group(count, longest, gather, start, stop, mask, lengths[first:last]))
        offset += count * longest
        first = last
    back = torch.from_numpy(np.concatenate(restore)).to(device) if padded else None
    return Packing(tuple(groups), back, stream)


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
    outputs = []
    for group in packing.groups:
        states = take(q, group), take(k, group, keys=True), take(v, group, keys=True)
        outputs.append(_attention(*states, group.mask, scaling, dropout, packing.stream))
    return lay(outputs, packing)[None], None


def take(x: Tensor, group: Group, *, keys: bool = False) -> Tensor:
    """[T, H, D] to the group's [n, H, L, D], or [n, H, K, D] for keys and values."""
    index = group.keys if keys and group.keys is not None else group.gather
    rows = x[group.start : group.stop] if index is None else x.index_select(0, index)
    return rows.view(group.count, -1, x.shape[1], x.shape[2]).transpose(1, 2)


def lay(outputs: Sequence[Tensor], packing: Packing) -> Tensor:
    """What the groups attended to, [n, H, L, D] each, back to [T, H, D]."""
    rows = [x.transpose(1, 2).reshape(-1, x.shape[1], x.shape[3]) for x in outputs]
    laid = rows[0] if len(rows) == 1 else torch.cat(rows)
    return laid if packing.restore is None else laid.index_select(0, packing.restore)


def register() -> None:
    """Makes the attention known to transformers under NAME, without any mask of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)


def _no_mask(*args: object, **kwargs: object) -> None:
    """Packing needs no mask; the library asks for one per implementation."""


def _group_end(lengths: Ints, first: int) -> int:
    """End of the longest run from `first` whose padded size stays within GROUP_WASTE."""
    tokens, longest = 0, 0
    for index in range(first, len(lengths)):
        tokens += int(lengths[index])
        longest = max(longest, int(lengths[index]))
        if (index - first + 1) * longest > GROUP_WASTE * tokens:
            return max(index, first + 1)
    return len(lengths)


def _attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scaling: float | None, p: float, stream: DropoutStream
) -> Tensor:
    if p == 0.0 or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p, scale=scaling)
    # torch's CPU kernel leaves its fast path for dropout and draws slowly, so the weights are
    # written out and dropped from our own stream.
    scale = scaling if scaling is not None else q.shape[-1] ** -0.5
    scores = (q * scale) @ k.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return dropout(scores.softmax(-1), p, stream) @ v
