"""ModernBERT without padding: its local layers see a window, its head may take the mean of a text.

The library calls the registered attention of `packed` in every layer; here stands what a local layer
attends by. A group of short texts attends whole under a band mask; one of long texts is cut into
blocks of queries, each with the keys that its window reaches, so that no score outside is computed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.model.packing import Group, Packing, moved
from whet.records import Bools, Ints

SMALLEST_BLOCK = 32  # queries; a narrower window does not make smaller blocks
# A text attends in blocks where it has this many times the keys of a block; docs/log.md has figures.
BLOCKS_BEYOND = 2


def encode(model: Any, ids: Tensor, positions: Tensor, packing: Packing, *types: Tensor) -> Tensor:
    """What the head reads of each sequence [N, D], from its tokens [T] at these positions [T], which have no types: the
    state of the first, or the mean, as the configuration says. Of tokens that are asked for their states [M, D]."""
    states: Tensor = model.base_model(
        input_ids=ids[None],
        position_ids=positions[None],
        packing=packing,
        local=localise(packing, reach(model.config), ids.device),
    ).last_hidden_state[0]
    if packing.asked is not None:
        return states[packing.asked]
    if model.config.classifier_pooling == "mean":
        return torch.segment_reduce(states, "mean", lengths=packing.lengths, axis=0, unsafe=True)
    return states[packing.first]


def head(model: Any, pooled: Tensor) -> Tensor:
    """Logits [N, C] of what `encode` gave."""
    logits: Tensor = model.classifier(model.drop(model.head(pooled)))
    return logits


def reach(config: Any) -> int:
    """Tokens that a local layer sees on either side of a token."""
    return int(config.sliding_window)


def localise(packing: Packing, half: int, device: torch.device) -> Packing:
    """The same tokens in groups whose queries see the keys at most `half` tokens away."""
    if packing.starts is not None:
        return replace(packing, window=half)
    groups: list[Group] = []
    restore: list[Ints] = []
    offset, padded = 0, packing.restore is not None
    for group in packing.groups:
        real = np.arange(group.length) < group.lengths[:, None]  # [n, L]
        if group.length > BLOCKS_BEYOND * (_block(half) + 2 * half):
            group, real = _blocks(group, half)
            padded = True
        elif group.length - 1 > half:
            places = np.arange(group.length)
            near = np.abs(places[:, None] - places) <= half
            mask = near[None] if group.mask is None else _visible(near, real, real)
            group = replace(group, mask=torch.from_numpy(mask)[:, None])
        groups.append(group)
        restore.append(offset + np.flatnonzero(real))
        offset += real.size
    back = torch.from_numpy(np.concatenate(restore)) if padded else None
    return moved(replace(packing, groups=tuple(groups), restore=back), device)


def _block(half: int) -> int:
    """Queries of a block: as many as its window holds besides."""
    return max(2 * half, SMALLEST_BLOCK)


def _blocks(group: Group, half: int) -> tuple[Group, Bools]:
    """The group cut into blocks of queries, and which of their places are real."""
    size = _block(half)
    counts = -(-group.lengths // size)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # of a block in its text
    start = np.repeat(group.start + np.cumsum(group.lengths) - group.lengths, counts)[:, None]
    length = np.repeat(group.lengths, counts)[:, None]
    queries = number[:, None] * size + np.arange(size)  # [n, L] places in the text
    keys = number[:, None] * size + np.arange(-half, size + half)  # [n, K]
    real = queries < length
    near = np.abs(queries[:, :, None] - keys[:, None, :]) <= half
    mask = _visible(near, real, (keys >= 0) & (keys < length))

    def tokens(places: Ints) -> Tensor:
        # Any valid token will do for a place outside of the text, the mask hides it.
        return torch.from_numpy((start + places.clip(0, length - 1)).ravel())

    blocks = replace(
        group,
        count=len(number),
        length=size,
        gather=tokens(queries),
        keys=tokens(keys),
        mask=torch.from_numpy(mask)[:, None],
    )
    return blocks, real


def _visible(near: Bools, real_queries: Bools, real_keys: Bools) -> Bools:
    """[n, L, K]. A place beyond the end sees whatever is near: a query that sees nothing would put
    NaN into the gradients, though nobody reads what it attends to."""
    visible: Bools = near & (real_keys[:, None, :] | ~real_queries[:, :, None])
    return visible
