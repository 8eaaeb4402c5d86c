"""What a model answers, by kind: its loss, and the scale on which it learns numbers.

Sizes: N sequences, C labels; a number is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whet.labels import Kind
from whet.records import Floats

# As plain transformers calls them in config.json: its pipeline then applies the right function to the logits.
PROBLEMS: Mapping[Kind, str] = {
    "one": "single_label_classification", "several": "multi_label_classification", "value": "regression"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers are learnt less their mean and in units of their standard deviation."""

    mean: float = 0.0
    deviation: float = 1.0


def kind_of(config: Any) -> Kind:
    """The kind that a configuration was made for."""
    kinds = {problem: kind for kind, problem in PROBLEMS.items()}
    return kinds.get(getattr(config, "problem_type", None) or "", "one")


def loss(logits: Tensor, targets: Tensor, kind: Kind, *, reduction: Literal["sum", "mean"]) -> Tensor:
    """Over the rows: cross entropy of logits [N, C] against ids [N], the mean over the labels of binary cross
    entropies against marks [N, C], or the squared error of logits [N, 1] against numbers [N]."""
    if kind == "one":
        return F.cross_entropy(logits, targets, reduction=reduction)
    if kind == "several":
        of_rows = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
    else:
        of_rows = (logits[:, 0] - targets) ** 2
    return of_rows.sum() if reduction == "sum" else of_rows.mean()


def scale_of(values: Floats, model: Any) -> Scale:
    """The scale on which a model learns these numbers [B]. Equal numbers have the deviation 1; a last layer without
    a bias, into which no mean can be folded, leaves the mean where it is."""
    mean = float(values.mean()) if last_layer(model).bias is not None else 0.0
    deviation = float(np.sqrt(np.mean((values - mean) ** 2)))
    return Scale(mean, deviation if deviation > 0 else 1.0)


def fold(model: Any, scale: Scale) -> None:
    """Gives the last layer the scale, so that the model answers in the units of the data."""
    layer = last_layer(model)
    with torch.no_grad():
        layer.weight.mul_(scale.deviation)
        if layer.bias is not None:
            layer.bias.mul_(scale.deviation).add_(scale.mean)


def last_layer(model: Any) -> nn.Linear:
    """The layer that gives the logits: in every head of the library the last linear one with as many outputs."""
    wanted = int(model.config.num_labels)
    layers = [part for part in model.modules() if isinstance(part, nn.Linear) and part.out_features == wanted]
    return layers[-1]
