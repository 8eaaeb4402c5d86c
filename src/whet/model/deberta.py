"""DeBERTa-v2 and v3 without padding: disentangled attention over sequences laid end to end.

Its attention adds to each score what the content says to the distance (c2p) and the distance to the
content (p2c), and goes through no interface of the library. So the layers are run here, with the
modules, parameters and dropouts of the plain model, which itself stays as it is.

Sizes as in `packed`, and S positions that have an embedding on either side, M the longest sequence.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from whet.model.packing import Packing, lay, take
from whet.model.recompute import recomputed


def encode(model: Any, ids: Tensor, positions: Tensor, packing: Packing, *types: Tensor) -> Tensor:
    """First-token states [N, D] of sequences, or states of the tokens that are asked for [M, D], from their tokens [T]
    at these positions [T] and, where the model knows types, of these [T]."""
    embeddings, encoder = model.base_model.embeddings, model.base_model.encoder
    kinds = types[0] if types else torch.zeros_like(ids)
    states: Tensor = embeddings(input_ids=ids[None], position_ids=positions[None], token_type_ids=kinds[None])[0]
    relative = encoder.get_rel_embedding()
    distances = _distances(encoder, max(group.length for group in packing.groups), ids.device)
    for number, layer in enumerate(encoder.layer):
        conv = encoder.conv if number == 0 else None
        run = partial(_whole, layer, conv, packing, relative, distances)
        on_device = ids.device.type != "cpu"
        states = recomputed(run, states, packing.stream, torch_draws=on_device) if packing.recompute else run(states)
    return states[packing.first if packing.asked is None else packing.asked]


def head(model: Any, first: Tensor) -> Tensor:
    """First-token states [N, D] to logits [N, C]."""
    logits: Tensor = model.classifier(model.dropout(model.pooler(first[:, None])))
    return logits


def reach(config: Any) -> int:
    """The distance beyond which several share an embedding; 0 where none do."""
    return max(int(getattr(config, "position_buckets", -1)), 0) // 2


def _whole(
    layer: Any,
    conv: Any,
    packing: Packing,
    relative: Tensor | None,
    distances: tuple[Tensor, Tensor] | None,
    states: Tensor,
) -> Tensor:
    """A layer, and after it the convolution where there is one: [T, D] to [T, D]."""
    attention = layer.attention
    attended = attention.output(attend(attention.self, states, packing, relative, distances), states)
    after: Tensor = layer.output(layer.intermediate(attended), attended)
    return after if conv is None else _convolve(conv, states, after, packing)


def attend(
    module: Any, states: Tensor, packing: Packing, relative: Tensor | None, distances: tuple[Tensor, Tensor] | None
) -> Tensor:
    """What the model's self-attention `module` makes of states [T, D]: [T, H * D], each sequence for
    itself. `relative` [2 * S, D] and `distances` are None in a model without relative positions."""
    heads = module.num_attention_heads
    query, key, value = (
        project(states).view(len(states), heads, -1)
        for project in (module.query_proj, module.key_proj, module.value_proj)
    )
    scale = (query.shape[2] * (1 + sum(kind in module.pos_att_type for kind in ("c2p", "p2c")))) ** -0.5
    to_key = to_query = None
    if relative is not None and distances is not None:
        to_key, to_query = _position_states(module, relative, distances)
    outputs = []
    for group in packing.groups:
        q, k, v = take(query, group) * scale, take(key, group), take(value, group)  # [n, H, L, D]
        scores = q @ k.transpose(2, 3)
        if to_key is not None:
            scores = scores + _skew(q @ _middle(to_key, group.length).transpose(1, 2))
        if to_query is not None:
            scores = scores + _skew((k * scale) @ _middle(to_query, group.length).transpose(1, 2)).transpose(2, 3)
        if group.mask is not None:
            scores = scores.masked_fill(~group.mask, float("-inf"))
        outputs.append(module.dropout(scores.softmax(-1)) @ v)
    return lay(outputs, packing).flatten(1)


def _distances(encoder: Any, longest: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Row of the position embeddings for each distance M - 1 ... 1 - M, [2 * M - 1], for c2p (query
    less key) and for p2c (key less query, sign turned)."""
    if not encoder.relative_attention:
        return None
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

    buckets, farthest = encoder.position_buckets, encoder.max_relative_positions
    distance = torch.arange(longest - 1, -longest, -1, device=device)
    if buckets > 0 and farthest > 0:
        distance = make_log_bucket_position(distance, buckets, farthest).long()
    size = len(encoder.rel_embeddings.weight)
    return (size // 2 + distance).clamp(0, size - 1), (size // 2 - distance).clamp(0, size - 1)


def _position_states(
    module: Any, relative: Tensor, distances: tuple[Tensor, Tensor]
) -> tuple[Tensor | None, Tensor | None]:
    """Position keys (c2p) and queries (p2c) [H, 2 * M - 1, D] for each distance; None where the model
    has no such part."""
    relative = module.pos_dropout(relative)
    own = not module.share_att_key
    found: list[Tensor | None] = []
    for kind, name, rows in zip(("c2p", "p2c"), ("key_proj", "query_proj"), distances, strict=True):
        states = None
        if kind in module.pos_att_type:
            project = getattr(module, f"pos_{name}" if own else name)
            states = project(relative).index_select(0, rows)
            states = states.view(len(rows), module.num_attention_heads, -1).transpose(0, 1)
        found.append(states)
    return found[0], found[1]


def _middle(states: Tensor, length: int) -> Tensor:
    """Of [H, 2 * M - 1, D] the distances that sequences of this length know, [H, 2 * L - 1, D]."""
    longest = (states.shape[1] + 1) // 2
    return states[:, longest - length : longest + length - 1]


def _skew(x: Tensor) -> Tensor:
    """[n, H, L, 2 * L - 1], by distance L - 1 ... 1 - L, to [n, H, L, L], by place: element (i, j) is
    that of distance i - j. Row i begins L - 1 - i later, so that in the flat tensor a row is one
    shorter, and no index is needed."""
    length = x.shape[2]
    if length == 1:
        return x
    width = x.shape[3] - 1
    flat = x.flatten(2)[..., length - 1 : length - 1 + length * width]
    return flat.view(*x.shape[:3], width)[..., :length]


def _convolve(conv: Any, embedded: Tensor, states: Tensor, packing: Packing) -> Tensor:
    """The convolution of v2's large models after the first layer, inside each sequence: [T, D]."""
    from transformers.activations import ACT2FN

    parts = []
    for group in packing.groups:
        rows = take(embedded[:, None], group)  # [n, 1, L, D]
        if group.mask is not None:
            rows = rows * group.mask.transpose(2, 3)
        parts.append(conv.conv(rows[:, 0].transpose(1, 2)).transpose(1, 2)[:, None])
    mixed: Tensor = conv.LayerNorm(states + ACT2FN[conv.conv_act](conv.dropout(lay(parts, packing)[:, 0])))
    return mixed
