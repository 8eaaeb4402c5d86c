"""What training makes small: a loss of each row, and their sum.

The loss of a step is the sum over its rows of weight times loss, divided by the number of its rows. So
the parts of a step add up, however it is divided among parts, threads and processes, and a row counts
alike whichever rows share its step. F.cross_entropy(weight=...) divides by the sum of the weights of the
rows at hand instead, which hangs on the division. Over an epoch with balanced weights the two come to
the same: the weights of all training rows have the mean 1.

Sizes: N rows, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from whet.errors import UsageError
from whet.labels import Kind

FAR = 40.0  # a logit that is as good as sure: a rounding in double precision
DESCENTS = 200  # at the most, by a descent to the best answer to several classes; ten to fifty do
NARROWED = 100  # times that the range of a logit loses a third: to less than 1e-15


class Loss(Protocol):
    """A kind of loss with its options; immutable, and without memory of what it computed."""

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Of each row [N], weighted, from the outputs of the model [N, C] and what they should be."""

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Their sum []."""

    def guess(self, targets: Tensor) -> float:
        """The mean loss of an answer that is the same for every row, the best there is or near it."""


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """Of class ids [N], or of a share for each class [N, C], as F.cross_entropy has it; by default bit for bit. Of
    shares there is no focal loss.

    `weights`: what a row of each class counts [C]. `smoothing`: the share of the target that is spread over all
    classes (Szegedy et al. 2016, arXiv 1512.00567). `focal`: the gamma of the focal loss (Lin et al. 2017, arXiv
    1708.02002): each row counts (1 - p)^gamma of its loss, p the probability of its class.
    """

    weights: tuple[float, ...] | None = None
    focal: float = 0.0
    smoothing: float = 0.0

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        found = self._entropy(logits, targets, "none")
        if not self.focal:
            return found
        log_p = F.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]
        # expm1, for 1 - p loses its digits near 1; at 0 a root has no slope.
        return found * (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny) ** self.focal

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.rows(logits, targets).sum() if self.focal else self._entropy(logits, targets, "sum")

    def guess(self, targets: Tensor) -> float:
        of_shares = targets.ndim == 2
        known = targets.shape[1] if of_shares else int(targets.max()) + 1
        classes = known if self.weights is None else len(self.weights)
        weights = torch.ones(classes).double() if self.weights is None else torch.tensor(self.weights).double()
        counts = targets.double().sum(0) if of_shares else torch.bincount(targets, minlength=classes)
        wanted = weights * ((1 - self.smoothing) * counts + self.smoothing / classes * len(targets))
        plain = (wanted / wanted.sum()).log()
        if not self.focal:
            log_p = plain.clamp_min(torch.finfo(torch.float64).min)
            return float(self.total(log_p.expand(len(targets), -1), targets)) / len(targets)
        # No formula is known; the best answer lies between the shares, without focal, and an equal chance for all.
        present, rows = torch.nonzero(counts)[:, 0], counts[counts > 0] / len(targets)

        def mean(logits: Tensor) -> Tensor:
            return (rows * self.rows(logits.expand(len(present), -1), present)).sum()

        return min(_least(mean, start) for start in (plain.clamp(-FAR, FAR), torch.zeros_like(plain)))

    def _entropy(self, logits: Tensor, targets: Tensor, reduction: str) -> Tensor:
        weight = None if self.weights is None else _tensor(self.weights, logits.dtype, logits.device)
        return F.cross_entropy(logits, targets, weight, reduction=reduction, label_smoothing=self.smoothing)


@dataclass(frozen=True, slots=True)
class SeveralEntropies:
    """Of marks [N, C], each 0, 1 or, without focal, a share between them: the mean over the labels of binary cross
    entropies, which are those of F.binary_cross_entropy_with_logits, by default bit for bit.

    `weights`: what the yes of each label counts [C], where a no counts 1: its `pos_weight`. `focal`: the gamma of
    the focal loss (Lin et al. 2017, arXiv 1708.02002): each answer counts (1 - p)^gamma of its loss, p the probability
    of the right one.
    """

    weights: tuple[float, ...] | None = None
    focal: float = 0.0

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self._answers(logits, targets).mean(1)

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.rows(logits, targets).sum()

    def guess(self, targets: Tensor) -> float:
        shares = targets.double().mean(0)
        return float(self._alike(self.best(shares), shares).mean())

    def best(self, shares: Tensor) -> Tensor:
        """The logits [C], the same for every row, that have the lowest loss where each label stands in this share of
        the rows [C]."""
        if not self.focal:
            odds = shares / (1 - shares)
            odds = odds if self.weights is None else odds * _tensor(self.weights, shares.dtype, shares.device)
            return odds.log().clamp(-FAR, FAR)
        # No formula is known. The loss falls up to the best logit of a label and rises from there.
        low, high = torch.full_like(shares, -FAR), torch.full_like(shares, FAR)
        for _ in range(NARROWED):
            left, right = low + (high - low) / 3, high - (high - low) / 3
            below = self._alike(left, shares) < self._alike(right, shares)
            low, high = torch.where(below, low, left), torch.where(below, right, high)
        return (low + high) / 2

    def _alike(self, logits: Tensor, shares: Tensor) -> Tensor:
        """The mean loss of each label [C] where every row has these logits [C]."""
        yes, no = (self._answers(logits, torch.full_like(logits, mark)) for mark in (1.0, 0.0))
        return shares * yes + (1 - shares) * no

    def _answers(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Of each label of each row."""
        weight = None if self.weights is None else _tensor(self.weights, logits.dtype, logits.device)
        found = F.binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=weight)
        if not self.focal:
            return found
        right = torch.where(targets > 0, logits, -logits)
        # 1 - p is sigmoid(-right); as a logarithm it keeps its digits near 0, where a root has no slope.
        return found * torch.exp(self.focal * F.logsigmoid(-right))


@dataclass(frozen=True, slots=True)
class SquaredError:
    """Of numbers [N], which the only output [N, 1] is to be."""

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits[:, 0] - targets) ** 2

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.rows(logits, targets).sum()

    def guess(self, targets: Tensor) -> float:
        return float(targets.double().var(correction=0))


@dataclass(frozen=True, slots=True)
class Own:
    """A loss of somebody's own, of logits [N, C] and class ids [N], marks [N, C] or numbers [N]: the loss of each row
    [N], or their sum []. Parts of a step are given to it apart, and side by side."""

    function: Callable[[Tensor, Tensor], Tensor]

    @property
    def name(self) -> str:
        """By which it is told from others."""
        found = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return f"{getattr(self.function, '__module__', '')}.{found}"

    def rows(self, logits: Tensor, targets: Tensor) -> Tensor:
        found = self.function(logits, targets)
        if not isinstance(found, Tensor) or found.shape not in ((), (len(logits),)):
            told = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"type {type(found).__name__}"
            raise UsageError(
                f"a loss of {told} for {len(logits)} rows",
                where=f"loss={self.name}",
                expected="a tensor with the loss of each row, or their sum",
            )
        return found if found.shape else found.expand(len(logits)) / len(logits)

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.rows(logits, targets).sum()

    def guess(self, targets: Tensor) -> float:
        if targets.ndim == 2:
            outputs, wanted = targets.shape[1], targets.float()
        else:
            whole = not targets.is_floating_point()
            outputs, wanted = (int(targets.max()) + 1, targets) if whole else (1, targets.float())

        def mean(logits: Tensor) -> Tensor:
            return self.total(logits.expand(len(targets), -1), wanted) / len(targets)

        return _least(mean, torch.zeros(outputs))


PLAIN = CrossEntropy()


def weighted(loss: Loss, logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """The sum [] of the losses of rows, each times what the row counts [N]; without weights all alike. Over all
    training rows these have the mean 1, so that in the mean over an epoch a row of weight 2 counts like two rows."""
    return loss.total(logits, targets) if weights is None else (loss.rows(logits, targets) * weights).sum()


def loss_of(kind: Kind, *, weights: tuple[float, ...] | None, focal: float, smoothing: float) -> Loss:
    """The loss of a kind of answers. Numbers have none of the options, several labels no smoothing."""
    if kind == "one":
        return CrossEntropy(weights, focal, smoothing)
    return SeveralEntropies(weights, focal) if kind == "several" else SquaredError()


def _least(function: Callable[[Tensor], Tensor], start: Tensor) -> float:
    """The lowest value of a smooth function of a vector that is found from there on."""
    at = start.clone().requires_grad_()
    found = torch.optim.LBFGS([at], max_iter=DESCENTS, line_search_fn="strong_wolfe")

    def value() -> Tensor:
        found.zero_grad()
        (reached := function(at)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return reached

    found.step(value)  # type: ignore[no-untyped-call]
    return float(function(at.detach()))


@lru_cache(maxsize=8)
def _tensor(values: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Copied to the device once."""
    return torch.tensor(values, dtype=dtype, device=device)
