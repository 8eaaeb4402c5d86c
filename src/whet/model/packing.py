"""How sequences lie end to end in a batch, and in which groups of like length they attend.

Computed once a batch, used by every layer.

Sizes: T tokens of all N sequences, n sequences of a group, L its longest, K keys of a sequence of
the group (L, but for a local group), H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.model.copies import to_device
from whet.model.dropout import DropoutStream
from whet.records import Ints

GROUP_WASTE = 1.15  # a group of like length may hold this many times its real tokens,
SMALL_GROUP = 2**13  # or this many weights of a head, which cost less than another group would


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring sequences of like length that attend in one call."""

    count: int  # n
    length: int  # L
    start: int
    stop: int
    lengths: Ints  # [n] real tokens of each sequence
    # Where all sequences are of one length the group is a plain slice, and the next three are None.
    gather: Tensor | None  # [n * L] token of each place
    real: Tensor | None  # [stop - start] place of each token
    mask: Tensor | None  # [n or 1, 1, L or 1, K] True where a query sees a key
    keys: Tensor | None = None  # [n * K] token of each key where keys are not the queries' own places

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
    lengths: Tensor  # [N]
    longest: int
    stream: DropoutStream
    # For flash attention, which needs no groups: then `groups` is empty.
    starts: Tensor | None = None  # [N + 1] int32 place of the first token of each sequence, then T
    window: int | None = None  # how many tokens a query sees on either side; None: all
    recompute: bool = False  # whether layers are computed again in the backward pass
    asked: Tensor | None = None  # [M] places whose states the head reads; None: the first of each sequence


def plan(
    cu_seqlens: Ints, stream: DropoutStream, device: torch.device, *, most: int | None = None, flash: bool = False,
    even: bool = False,
) -> Packing:  # fmt: skip
    """Groups neighbouring sequences of like length, unless a head of the group had more than `most`
    weights. Batches come sorted by length, so that few groups with little waste suffice; any order
    is correct. `flash`: for flash attention, without groups. `even`: in groups of one length, without padding."""
    lengths = np.diff(cu_seqlens)
    groups, back = ((), None) if flash else _grouped(cu_seqlens, lengths, most, even)
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(cu_seqlens[-1]) - cu_seqlens[:-1][sequence]
    firsts, of_token, within, counts = (torch.from_numpy(x) for x in (cu_seqlens[:-1], sequence, position, lengths))
    starts = torch.from_numpy(cu_seqlens.astype(np.int32)) if flash else None
    packing = Packing(groups, back, firsts, of_token, within, counts, int(lengths.max()), stream, starts)
    return moved(packing, device)


def moved(packing: Packing, device: torch.device) -> Packing:
    """The same with its tensors on the device; those that are still on the host go together."""
    if device.type == "cpu":
        return packing
    owners: tuple[Group | Packing, ...] = (*packing.groups, packing)
    found = [(i, field.name, getattr(owner, field.name)) for i, owner in enumerate(owners) for field in fields(owner)]
    apart = [(i, name, value) for i, name, value in found if isinstance(value, Tensor) and value.device.type == "cpu"]
    changes: list[dict[str, Any]] = [{} for _ in owners]
    for (i, name, _), there in zip(apart, to_device([value for _, _, value in apart], device), strict=True):
        changes[i][name] = there
    groups = tuple(replace(group, **change) for group, change in zip(packing.groups, changes, strict=False))
    return replace(packing, groups=groups, **changes[-1])


def _grouped(cu_seqlens: Ints, lengths: Ints, most: int | None, even: bool) -> tuple[tuple[Group, ...], Tensor | None]:
    """The groups, and the place of each token in what they give."""
    groups: list[Group] = []
    restore: list[Ints] = []
    first, offset, padded = 0, 0, False
    while first < len(lengths):
        last = _group_end(lengths, first, most, even)
        count, longest = last - first, int(lengths[first:last].max())
        places = np.arange(longest)
        real = places < lengths[first:last, None]  # [n, L]
        start, stop = int(cu_seqlens[first]), int(cu_seqlens[last])
        gather = inside = mask = None
        if not real.all():
            padded = True
            # A place beyond the end repeats the last token: any valid index does, the mask hides it.
            index = np.minimum(cu_seqlens[first:last, None] + places, cu_seqlens[first + 1 : last + 1, None] - 1)
            gather = torch.from_numpy(index.ravel())
            inside = torch.from_numpy(np.flatnonzero(real))
            mask = torch.from_numpy(real)[:, None, None, :]
        restore.append(offset + np.flatnonzero(real))
        groups.append(Group(count, longest, start, stop, lengths[first:last], gather, inside, mask))
        offset += count * longest
        first = last
    return tuple(groups), torch.from_numpy(np.concatenate(restore)) if padded else None


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


def _group_end(lengths: Ints, first: int, most: int | None, even: bool) -> int:
    """End of the longest run from `first` that stays within `most`, and small or little padded; of one length where
    `even`."""
    tokens, longest = 0, 0
    for index in range(first, len(lengths)):
        if even and lengths[index] != lengths[first]:
            return index
        tokens += int(lengths[index])
        longest = max(longest, int(lengths[index]))
        padded = (index - first + 1) * longest
        weights = padded * longest
        if (padded > GROUP_WASTE * tokens and weights > SMALL_GROUP) or (most is not None and weights > most):
            return max(index, first + 1)
    return len(lengths)
