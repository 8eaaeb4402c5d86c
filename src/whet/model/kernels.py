"""What a training step on a CPU spends its time on beside matrix products, done in pieces that fit
the cache: attention with dropout, and dropout + residual + layer norm.

torch's own CPU kernel for attention leaves its fast path for dropout, and each of its element-wise
passes over all weights of a batch goes to main memory. Here one piece (some heads of one sequence,
or some short sequences) goes through all passes before the next begins.

Sizes: T tokens of all sequences, n sequences of a piece, L its longest, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.model.dropout import DropoutStream, scale_of
from whet.model.packing import Group, Packing

PIECE = 2**18  # attention weights of a piece: 1 MiB, so that two copies stay in a core's cache
ROWS_PIECE = 2**17  # elements of a piece of rows


@dataclass(frozen=True, slots=True)
class Piece:
    """Some heads of a group of sequences."""

    group: Group
    first: int
    last: int  # heads first:last
    draws: int  # where its random numbers start


def most_weights(heads: int) -> int:
    """How many attention weights of a head a group of sequences should have at most."""
    return PIECE // heads


def attention(qkv: Tensor, packing: Packing, *, scale: float, p: float) -> Tensor:
    """Mixed values [T, H, D] of queries, keys and values [T, 3, H, D], each sequence by itself, the
    weights dropped with probability p."""
    out: Tensor = _Attention.apply(qkv, packing, scale, p)  # type: ignore[no-untyped-call]
    return out


def drop_add_norm(x: Tensor, residual: Tensor, norm: torch.nn.LayerNorm, p: float, stream: DropoutStream) -> Tensor:
    """norm(residual + dropout(x)) of [T, D]."""
    out: Tensor = _DropAddNorm.apply(x, residual, norm.weight, norm.bias, norm.eps, p, stream)  # type: ignore[no-untyped-call]
    return out


def project(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Several linear maps of [T, D] side by side [T, sum of their widths], as one product of the weights
    laid end to end would give it: for few tokens, where that copy costs more than the product."""
    out: Tensor = _Project.apply(x, *weights, *biases)  # type: ignore[no-untyped-call]
    return out


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *given: Tensor) -> Tensor:
        weights, biases = given[: len(given) // 2], given[len(given) // 2 :]
        out = x.new_empty(len(x), sum(len(weight) for weight in weights))
        for weight, bias, part in zip(weights, biases, _beside(out, weights), strict=True):
            torch.addmm(bias, x, weight.t(), out=part)
        ctx.save_for_backward(x, *weights)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        parts = _beside(gradients[0], weights)
        of_x, *of_given = ctx.needs_input_grad  # what is frozen needs none
        into = torch.zeros_like(x) if of_x else None
        for part, weight in zip(parts, weights, strict=True):
            if into is not None:
                into.addmm_(part, weight)
        of_weights, of_biases = of_given[: len(parts)], of_given[len(parts) :]
        return (
            into,
            *(part.t() @ x if needed else None for part, needed in zip(parts, of_weights, strict=True)),
            *(part.sum(0) if needed else None for part, needed in zip(parts, of_biases, strict=True)),
        )


def _beside(x: Tensor, weights: Sequence[Tensor]) -> Sequence[Tensor]:
    """The columns of [T, D] that belong to each weight."""
    return torch.split(x, [len(weight) for weight in weights], dim=1)


class _Attention(torch.autograd.Function):
    """The weights are kept for the backward pass with the sign saying which were dropped: |w| is the
    softmax, max(w, 0) what was kept of it."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, packing: Packing, scale: float, p: float) -> Tensor:
        flat = qkv.detach()
        out = flat.new_empty(flat.shape[0], *flat.shape[2:])
        pieces = _pieces(packing, flat.shape[2])
        signed = []
        for piece in pieces:
            q, k, v = _states(flat, piece)
            weights = _product(q, k.transpose(1, 2), scale, _hidden(piece, q.dtype))
            torch.softmax(weights, -1, out=weights)
            packing.stream.flip(weights, p, piece.draws)
            signed.append(weights)
            _store(out[:, None], piece, [_product(weights.relu(), v, scale_of(p))])
        ctx.save_for_backward(flat, out, *signed)
        ctx.pieces, ctx.scale, ctx.rescale = pieces, scale, scale_of(p)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        flat, out, *signed = (saved.detach() for saved in ctx.saved_tensors)
        grad = gradients[0].detach()
        into = torch.empty_like(flat)
        # The sum over a row of weight times gradient, without the weights: Dao et al. 2022, arXiv 2205.14135.
        along = (grad * out).sum(-1, keepdim=True)
        for piece, weights in zip(ctx.pieces, signed, strict=True):
            q, k, v = _states(flat, piece)
            (above,) = _states(grad[:, None], piece, padding_is_zero=True)
            (shared,) = _states(along[:, None], piece, padding_is_zero=True)
            kept = weights.relu()
            d_value = _product(kept.transpose(1, 2), above, ctx.rescale)
            change = _product(above, v.transpose(1, 2), ctx.rescale).mul_(kept)
            change.addcmul_(torch.abs(weights, out=kept), shared, value=-1)
            d_query = _product(change, k, ctx.scale)
            d_key = _product(change.transpose(1, 2), q, ctx.scale)
            _store(into, piece, [d_query, d_key, d_value])
        return into, None, None, None


class _DropAddNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, stream: DropoutStream
    ) -> Tensor:
        x, residual = x.detach(), residual.detach()
        total = torch.empty_like(x)
        keep = np.empty(x.shape, np.bool_)
        start = stream.reserve(x.numel())
        for part in _parts(x):
            stream.keep(keep[part], p, start + part.start * x.shape[1])
            np.multiply(x[part].numpy(), keep[part], out=total[part].numpy())
            torch.add(residual[part], total[part], alpha=scale_of(p), out=total[part])
        out, mean, rstd = torch.native_layer_norm(total, x.shape[1:], weight, bias, eps)
        ctx.save_for_backward(total, mean, rstd, weight, bias, torch.from_numpy(keep))
        ctx.rescale = scale_of(p)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        total, mean, rstd, weight, bias, kept = ctx.saved_tensors
        keep = kept.numpy()
        of_x, of_residual, of_weight, of_bias = ctx.needs_input_grad[:4]
        change, d_weight, d_bias = torch.ops.aten.native_layer_norm_backward(
            gradients[0], total, total.shape[1:], mean, rstd, weight, bias, [of_x or of_residual, of_weight, of_bias]
        )
        if not of_x:
            return None, change, d_weight, d_bias, None, None, None
        into = torch.empty_like(change)
        for part in _parts(change):
            np.multiply(change[part].numpy(), keep[part], out=into[part].numpy())
            into[part].mul_(ctx.rescale)
        return into, change, d_weight, d_bias, None, None, None


def _pieces(packing: Packing, heads: int) -> list[Piece]:
    pieces = []
    for group in packing.groups:
        at_once = heads if group.count > 1 else max(1, min(heads, PIECE // group.length**2))
        for first in range(0, heads, at_once):
            last = min(heads, first + at_once)
            pieces.append(Piece(group, first, last, packing.stream.reserve(group.weights * (last - first))))
    return pieces


def _states(x: Tensor, piece: Piece, *, padding_is_zero: bool = False) -> Tensor:
    """[T, kinds, H, D] to the piece's [kinds, n * heads, L, D]; a padding place repeats a real token
    or is zero."""
    group = piece.group
    rows = x[group.start : group.stop, :, piece.first : piece.last]
    if group.real is not None and group.gather is not None:
        if padding_is_zero:
            laid = x.new_zeros(group.count * group.length, *rows.shape[1:])
            rows = laid.index_copy_(0, group.real, rows)
        else:
            rows = x[:, :, piece.first : piece.last].index_select(0, group.gather)
    if group.count == 1:
        return rows.permute(1, 2, 0, 3)
    return rows.view(group.count, group.length, *rows.shape[1:]).permute(2, 0, 3, 1, 4).flatten(1, 2)


def _store(into: Tensor, piece: Piece, states: Sequence[Tensor]) -> None:
    """The way back: the piece's [n * heads, L, D] of each kind to their places in [T, kinds, H, D]."""
    group = piece.group
    target = into[group.start : group.stop, :, piece.first : piece.last]
    laid = torch.stack([state.view(group.count, -1, *state.shape[1:]) for state in states], 2)
    rows = laid.permute(0, 3, 2, 1, 4).flatten(0, 1)  # of [n, heads, kinds, L, D]
    target.copy_(rows if group.real is None else rows.index_select(0, group.real))


def _product(a: Tensor, b: Tensor, scale: float, added: Tensor | None = None) -> Tensor:
    """scale * (a @ b) + added of batches of matrices, in one pass."""
    if added is None:
        return torch.baddbmm(a.new_empty(1), a, b, beta=0, alpha=scale)
    return torch.baddbmm(added, a, b, alpha=scale)


def _hidden(piece: Piece, dtype: torch.dtype) -> Tensor | None:
    """What hides the padding of a piece's keys: minus infinity there, [n * heads, 1, L]."""
    if piece.group.mask is None:
        return None
    hidden = torch.zeros(piece.group.mask.shape, dtype=dtype).masked_fill_(~piece.group.mask, float("-inf"))
    return hidden[:, 0].repeat_interleave(piece.last - piece.first, 0)


def _parts(x: Tensor) -> Iterator[slice]:
    """Pieces of the rows of [T, D], each a multiple of 4 rows but the last: random numbers come in fours."""
    rows = max(4, ROWS_PIECE // x.shape[1] // 4 * 4)
    for start in range(0, len(x), rows):
        yield slice(start, start + rows)
