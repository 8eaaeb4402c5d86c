"""Attention over sequences laid end to end, kept inside each sequence.

Stock transformers attends across packed sequences in bidirectional encoders: the position ids that
would tell them apart are dropped on the way to the mask. So an attention function of our own is
registered, which serves every architecture that goes through the attention interface.

Sizes: T tokens of all N sequences, n sequences of a group, L its longest, H heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from whet.model import kernels
from whet.model.dropout import DropoutStream
from whet.records import Ints

NAME = "whet_packed"
GROUP_WASTE = 1.15  # a group of like length may hold this many times its real tokens


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring sequences of like length that attend in one call."""

    count: int  # n
    length: int  # L
    start: int
    stop: int
    # Where all sequences are of one length the group is a plain slice, and these are None.
    gather: Tensor | None  # [n * L] token of each place
    real: Tensor | None  # [stop - start] place of each token
    mask: Tensor | None  # [n, 1, 1, L] True where a key is real

    @property
    def weights(self) -> int:
        """Attention weights of one head."""
        return self.count * self.length**2


@dataclass(frozen=True, slots=True)
class Packing:
    """How one batch attends: computed once, used by every layer."""

    groups: tuple[Group, ...]
    restore: Tensor | None  # [T] place of each token in the groups' outputs laid end to end
    first: Tensor  # [N] place of the first token of each sequence
    sequence: Tensor  # [T] which sequence a token belongs to
    position: Tensor  # [T] its place within it
    longest: int
    stream: DropoutStream


def plan(cu_seqlens: Ints, stream: DropoutStream, device: torch.device, *, most: int = 2**62) -> Packing:
    """Groups neighbouring sequences of like length, unless a head of the group had more than `most`
    weights. Batches come sorted by length, so that few groups with little waste suffice; any order
    is correct."""
    lengths = np.diff(cu_seqlens)
    groups: list[Group] = []
    restore: list[Ints] = []
    first, offset, padded = 0, 0, False
    while first < len(lengths):
        last = _group_end(lengths, first, most)
        count, longest = last - first, int(lengths[first:last].max())
        places = np.arange(longest)
        real = places < lengths[first:last, None]  # [n, L]
        start, stop = int(cu_seqlens[first]), int(cu_seqlens[last])
        gather = inside = mask = None
        if not real.all():
            padded = True
            # A place beyond the end repeats the last token: any valid index does, the mask hides it.
            index = np.minimum(cu_seqlens[first:last, None] + places, cu_seqlens[first + 1 : last + 1, None] - 1)
            gather = torch.from_numpy(index.ravel()).to(device)
            inside = torch.from_numpy(np.flatnonzero(real)).to(device)
            mask = torch.from_numpy(real).to(device)[:, None, None, :]
        restore.append(offset + np.flatnonzero(real))
        groups.append(Group(count, longest, start, stop, gather, inside, mask))
        offset += count * longest
        first = last
    back = torch.from_numpy(np.concatenate(restore)).to(device) if padded else None
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(cu_seqlens[-1]) - cu_seqlens[:-1][sequence]
    first_of, of_token, within = (torch.from_numpy(x).to(device) for x in (cu_seqlens[:-1], sequence, position))
    return Packing(tuple(groups), back, first_of, of_token, within, int(lengths.max()), stream)


def attend(
    module: torch.nn.Module,
    query: Tensor,  # [1, H, T, D]
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    dropout: float = 0.0,
    **unused: object,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls: [1, T, H, D] back, tokens of different
    sequences never see each other. `unused` is what the library passes to every implementation."""
    qkv = torch.stack([x[0].transpose(0, 1) for x in (query, key, value)], 1)
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    return mix(qkv, packing, scale=scale, p=dropout)[None], None


def mix(qkv: Tensor, packing: Packing, *, scale: float, p: float) -> Tensor:
    """Attention [T, H, D] of queries, keys and values [T, 3, H, D], each sequence by itself."""
    if p > 0.0 and qkv.device.type == "cpu":
        return kernels.attention(qkv, packing, scale=scale, p=p)
    outputs = []
    for group in packing.groups:
        q, k, v = (_take(x, group) for x in qkv.unbind(1))  # [n, H, L, D]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=group.mask, dropout_p=p, scale=scale)
        outputs.append(mixed.transpose(1, 2).flatten(0, 1))
    laid = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
    return laid if packing.restore is None else laid.index_select(0, packing.restore)


def register() -> None:
    """Makes the attention known to transformers under NAME, without any mask of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)


def _no_mask(*args: object, **kwargs: object) -> None:
    """Packing needs no mask; the library asks for one per implementation."""


def _group_end(lengths: Ints, first: int, most: int) -> int:
    """End of the longest run from `first` whose padded size stays within GROUP_WASTE and `most`."""
    tokens, longest = 0, 0
    for index in range(first, len(lengths)):
        tokens += int(lengths[index])
        longest = max(longest, int(lengths[index]))
        padded = (index - first + 1) * longest
        if padded > GROUP_WASTE * tokens or padded * longest > most:
            return max(index, first + 1)
    return len(lengths)


def _take(x: Tensor, group: Group) -> Tensor:
    """[T, H, D] to the group's [n, H, L, D]."""
    rows = x[group.start : group.stop] if group.gather is None else x.index_select(0, group.gather)
    return rows.view(group.count, group.length, x.shape[1], x.shape[2]).transpose(1, 2)
