"""What a training step on a CPU spends its time on beside matrix products, done in pieces that fit
the cache: attention with dropout, and dropout + residual + layer norm.

torch's own CPU kernel for attention leaves its fast path for dropout, and each of its element-wise
passes over all weights of a batch goes to main memory. Here one piece (some heads of one sequence,
or some short sequences) goes through all passes before the next begins.

Sizes: T tokens of all sequences, n sequences of a piece, L its longest, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.model.dropout import DropoutStream, scale_of
from whet.model.packing import Group, Packing

PIECE = 2**18  # attention weights of a piece: 1 MiB, so that two copies stay in a core's cache
ROWS_PIECE = 2**17  # elements of a piece of rows
WORTH_THREADS = 2**19  # below this many elements waking the other threads costs more than it brings


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


class _Attention(torch.autograd.Function):
    """The weights are kept for the backward pass with the sign saying which were dropped: |w| is the
    softmax, max(w, 0) what was kept of it."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, packing: Packing, scale: float, p: float) -> Tensor:
        flat = qkv.detach()
        out = flat.new_empty(flat.shape[0], *flat.shape[2:])
        pieces = _pieces(packing, flat.shape[2])
        signed: list[Tensor] = [out] * len(pieces)

        def run(index: int) -> None:
            piece = pieces[index]
            q, k, v = (_states(flat[:, i], piece) for i in range(3))
            weights = torch.bmm(q * scale, k.transpose(1, 2))
            if piece.group.mask is not None:
                hidden = torch.where(piece.group.mask, 0.0, float("-inf"))
                weights.view(piece.group.count, -1, *weights.shape[1:]).add_(hidden)
            torch.softmax(weights, -1, out=weights)
            packing.stream.flip(weights, p, piece.draws)
            signed[index] = weights
            _store(out, piece, torch.bmm(weights.relu(), v * scale_of(p)))

        _each(run, len(pieces), sum(piece.group.weights * (piece.last - piece.first) for piece in pieces))
        ctx.save_for_backward(flat, out, *signed)
        ctx.pieces, ctx.scale, ctx.rescale = pieces, scale, scale_of(p)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        flat, out, *signed = (saved.detach() for saved in ctx.saved_tensors)
        grad = gradients[0].detach()
        into = torch.empty_like(flat)
        pieces: Sequence[Piece] = ctx.pieces

        def run(index: int) -> None:
            piece, weights = pieces[index], signed[index]
            q, k, v = (_states(flat[:, i], piece) for i in range(3))
            above = _states(grad, piece, padding_is_zero=True)
            # The sum over a row of weight times gradient, without the weights: Dao et al. 2022, arXiv 2205.14135.
            along = (above * _states(out, piece)).sum(-1, keepdim=True)
            above = above * ctx.rescale
            kept = weights.relu()
            _store(into[:, 2], piece, torch.bmm(kept.transpose(1, 2), above))
            change = torch.bmm(above, v.transpose(1, 2)).mul_(kept)
            change.addcmul_(torch.abs(weights, out=kept), along, value=-1)
            _store(into[:, 0], piece, torch.bmm(change, k).mul_(ctx.scale))
            _store(into[:, 1], piece, torch.bmm(change.transpose(1, 2), q * ctx.scale))

        _each(run, len(pieces), sum(weights.numel() for weights in signed))
        return into, None, None, None


class _DropAddNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, stream: DropoutStream
    ) -> Tensor:
        x, residual = x.detach(), residual.detach()
        total = torch.empty_like(x)
        keep = np.empty(x.shape, np.bool_)
        start, rows = stream.reserve(x.numel()), _rows(x)

        def run(index: int) -> None:
            part = slice(index * rows, (index + 1) * rows)
            stream.keep(keep[part], p, start + index * rows * x.shape[1])
            np.multiply(x[part].numpy(), keep[part], out=total[part].numpy())
            torch.add(residual[part], total[part], alpha=scale_of(p), out=total[part])

        _each(run, -(-len(x) // rows), x.numel())
        out, mean, rstd = torch.native_layer_norm(total, x.shape[1:], weight, bias, eps)
        ctx.save_for_backward(total, mean, rstd, weight, bias)
        ctx.keep, ctx.rescale = keep, scale_of(p)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        total, mean, rstd, weight, bias = ctx.saved_tensors
        change, d_weight, d_bias = torch.ops.aten.native_layer_norm_backward(
            gradients[0], total, total.shape[1:], mean, rstd, weight, bias, [True, True, True]
        )
        into, keep, rows = torch.empty_like(change), ctx.keep, _rows(change)

        def run(index: int) -> None:
            part = slice(index * rows, (index + 1) * rows)
            np.multiply(change[part].numpy(), keep[part], out=into[part].numpy())
            into[part].mul_(ctx.rescale)

        _each(run, -(-len(change) // rows), change.numel())
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
    """[T, H, D] to the piece's [n * heads, L, D]; a padding place repeats a real token or is zero."""
    group = piece.group
    rows = x[group.start : group.stop, piece.first : piece.last]
    if group.real is not None and group.gather is not None:
        if padding_is_zero:
            laid = x.new_zeros(group.count * group.length, *rows.shape[1:])
            rows = laid.index_copy_(0, group.real, rows)
        else:
            rows = x[:, piece.first : piece.last].index_select(0, group.gather)
    if group.count == 1:
        return rows.transpose(0, 1)
    return rows.view(group.count, group.length, *rows.shape[1:]).transpose(1, 2).flatten(0, 1)


def _store(into: Tensor, piece: Piece, states: Tensor) -> None:
    """The way back: the piece's [n * heads, L, D] to its place in [T, H, D]."""
    group = piece.group
    target = into[group.start : group.stop, piece.first : piece.last]
    rows = states.view(group.count, piece.last - piece.first, *states.shape[1:]).transpose(1, 2).flatten(0, 1)
    target.copy_(rows if group.real is None else rows.index_select(0, group.real))


def _rows(x: Tensor) -> int:
    """Rows of a piece; a multiple of 4, for the random numbers come in fours."""
    return max(4, ROWS_PIECE // x.shape[1] // 4 * 4)


def _each(run: Callable[[int], None], count: int, elements: int) -> None:
    """Runs all pieces, on all threads where that pays."""
    threads = torch.get_num_threads()
    if threads == 1 or count == 1 or elements < WORTH_THREADS:
        for index in range(count):
            run(index)
    else:
        for _ in _pool(threads).map(run, range(count)):
            pass


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """One thread a core, each of which computes alone."""
    return ThreadPoolExecutor(threads, "whet", _set_up)


def _set_up() -> None:
    # All are states of a thread, which a new one does not inherit.
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    np.seterr(invalid="ignore")  # a gradient that is not finite is noticed by the loop
