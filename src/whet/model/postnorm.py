"""The encoder layers of BERT and its kin, computed on sequences laid end to end.

BERT, RoBERTa, XLM-R, CamemBERT, ELECTRA and DistilBERT share one layer (Devlin et al. 2018, arXiv
1810.04805): attention, then a feed-forward net, a layer norm after each residual sum. It is written
out here, over the parameters of the transformers model, so that queries, keys and values are one
product, dropout is cheap, and the last layer is computed for the first tokens alone: nothing else of
it reaches the head. Where the head reads other tokens, all attend, and what follows is for these alone.

Sizes: T tokens, N sequences, M tokens that the head reads, D hidden, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whet.model import flash, kernels, packed
from whet.model.dropout import DropoutStream, dropout
from whet.model.packing import Packing, lay, take
from whet.model.precision import in_full, widened
from whet.model.recompute import recomputed


@dataclass(frozen=True, slots=True)
class Layer:
    """The parts of one layer, wherever the architecture keeps them."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    output: nn.Linear
    attention_norm: nn.LayerNorm
    up: nn.Linear
    activation: Callable[[Tensor], Tensor]
    down: nn.Linear
    output_norm: nn.LayerNorm
    heads: int
    scale: float
    # Dropout rates: of the attention weights, of the attention's output, of the feed-forward net's.
    p_weights: float
    p_attention: float
    p_output: float


def encode_bert(model: Any, ids: Tensor, positions: Tensor, packing: Packing, *types: Tensor) -> Tensor:
    """First-token states [N, D] of sequences, or states of the tokens that are asked for [M, D], from their tokens [T]
    at these positions [T] and of these types [T], by a BERT, RoBERTa, XLM-R, CamemBERT or ELECTRA encoder. Without
    types all are of the first."""
    encoder = model.base_model
    kinds = types[0] if types else torch.zeros_like(ids)
    states = encoder.embeddings(input_ids=ids[None], position_ids=positions[None], token_type_ids=kinds[None])[0]
    if hasattr(encoder, "embeddings_project"):  # ELECTRA's embeddings may be narrower than its layers
        states = encoder.embeddings_project(states)
    layers = []
    for layer in encoder.encoder.layer:
        own, after = layer.attention.self, layer.attention.output
        layers.append(
            Layer(
                own.query, own.key, own.value, after.dense, after.LayerNorm,
                layer.intermediate.dense, layer.intermediate.intermediate_act_fn, layer.output.dense,
                layer.output.LayerNorm, own.num_attention_heads, own.attention_head_size**-0.5,
                own.dropout.p, after.dropout.p, layer.output.dropout.p,
            )
        )  # fmt: skip
    return last_states(layers, states, packing, training=model.training)


def encode_distilbert(model: Any, ids: Tensor, positions: Tensor, packing: Packing, *types: Tensor) -> Tensor:
    """The same by a DistilBERT encoder, which has no types and no dropout after the attention."""
    encoder = model.base_model
    states = encoder.embeddings(input_ids=ids[None], position_ids=positions[None])[0]
    layers = []
    for layer in encoder.transformer.layer:
        own, ffn = layer.attention, layer.ffn
        layers.append(
            Layer(
                own.q_lin, own.k_lin, own.v_lin, own.out_lin, layer.sa_layer_norm,
                ffn.lin1, ffn.activation, ffn.lin2,
                layer.output_layer_norm, own.n_heads, own.attention_head_size**-0.5,
                own.dropout.p, 0.0, ffn.dropout.p,
            )
        )  # fmt: skip
    return last_states(layers, states, packing, training=model.training)


def last_states(layers: Sequence[Layer], x: Tensor, packing: Packing, *, training: bool) -> Tensor:
    """States after all layers, from embeddings [T, D]: of the first token of each sequence [N, D], or of those that are
    asked for [M, D]."""
    for layer in layers[:-1]:
        run = partial(_whole, layer, packing, training)
        # The last layer's backward pass comes at once: to compute it again would spare nothing.
        x = recomputed(run, x, packing.stream, torch_draws=x.device.type != "cpu") if packing.recompute else run(x)
    if packing.asked is not None:
        attended = _attended(layers[-1], packing, training, x)
        return _rest(layers[-1], attended[packing.asked], x[packing.asked], packing, training)
    return _rest(layers[-1], _first_mixed(layers[-1], x, packing, training), x[packing.first], packing, training)


def _whole(layer: Layer, packing: Packing, training: bool, x: Tensor) -> Tensor:
    """A layer for all tokens: [T, D] to [T, D]."""
    return _rest(layer, _attended(layer, packing, training, x), x, packing, training)


def _attended(layer: Layer, packing: Packing, training: bool, x: Tensor) -> Tensor:
    """Attention of all tokens: [T, D] to [T, H, D / H]."""
    qkv = _project(x, layer, layer.query, layer.key, layer.value)
    return _mix(qkv, packing, scale=layer.scale, p=layer.p_weights if training else 0.0)


def _mix(qkv: Tensor, packing: Packing, *, scale: float, p: float) -> Tensor:
    """Attention [T, H, D / H] of queries, keys and values [T, 3, H, D / H], each sequence by itself."""
    if packing.starts is not None:
        q, k, v = qkv.unbind(1)
        return flash.attend(q, k, v, packing, scale=scale, p=p)
    if p > 0.0 and qkv.device.type == "cpu":
        with in_full():
            return kernels.attention(widened(qkv), packing, scale=scale, p=p)
    outputs = []
    for group in packing.groups:
        q, k, v = (take(x, group) for x in qkv.unbind(1))
        outputs.append(packed.fused(q, k, v, group.mask, scale=scale, p=p))
    return lay(outputs, packing)


def _first_mixed(layer: Layer, x: Tensor, packing: Packing, training: bool) -> Tensor:
    """Attention of the first tokens alone: [N, H, D / H], in float32 whatever autocast makes of its
    products: sums over the tokens of a text would lose too much in less."""
    query = widened(_project(x[packing.first], layer, layer.query)[:, 0]) * layer.scale
    key, value = widened(_project(x, layer, layer.key, layer.value)).unbind(1)
    scores = (query[packing.sequence] * key).sum(-1)  # [T, H]
    padded = scores.new_full((len(packing.first), packing.longest, layer.heads), float("-inf"))
    places = (packing.sequence, packing.position)
    weights = padded.index_put(places, scores).softmax(1)[places]
    weights = dropout(weights, layer.p_weights if training else 0.0, packing.stream)
    return torch.zeros_like(query).index_add(0, packing.sequence, weights[..., None] * value)


def _project(x: Tensor, layer: Layer, *parts: nn.Linear) -> Tensor:
    """Several projections of [T, D] side by side: [T, parts, H, D / H]."""
    if any(type(part) is not nn.Linear for part in parts):  # such as LoRA's, which add to what the weights give
        return torch.stack([part(x) for part in parts], 1).view(len(x), len(parts), layer.heads, -1)
    few = len(x) <= x.shape[1] and x.device.type == "cpu" and x.dtype == torch.float32 and torch.is_grad_enabled()
    if few and not torch.is_autocast_enabled("cpu"):
        projected = kernels.project(x, [part.weight for part in parts], [part.bias for part in parts])
        return projected.view(len(x), len(parts), layer.heads, -1)
    weight = torch.cat([part.weight for part in parts])
    bias = torch.cat([part.bias for part in parts])
    return F.linear(x, weight, bias).view(len(x), len(parts), layer.heads, -1)


def _rest(layer: Layer, attended: Tensor, x: Tensor, packing: Packing, training: bool) -> Tensor:
    """What follows the attention, for any tokens."""
    p_attention, p_output = (layer.p_attention, layer.p_output) if training else (0.0, 0.0)
    x = _join(layer.output(attended.flatten(1)), x, layer.attention_norm, p_attention, packing.stream)
    return _join(layer.down(layer.activation(layer.up(x))), x, layer.output_norm, p_output, packing.stream)


def _join(x: Tensor, residual: Tensor, norm: nn.LayerNorm, p: float, stream: DropoutStream) -> Tensor:
    if p == 0.0 or x.device.type != "cpu":
        joined: Tensor = norm(residual + dropout(x, p, stream))
        return joined
    with in_full():
        return kernels.drop_add_norm(widened(x), widened(residual), norm, p, stream)
