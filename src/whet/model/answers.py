"""What a model answers, by kind, and the scale on which it learns numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from whet.labels import Kind
from whet.model import head
from whet.records import Bools, Floats

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


def scale_of(values: Floats, model: Any) -> Scale:
    """The scale on which a model learns these numbers [B]. Equal numbers have the deviation 1; a last layer without
    a bias, into which no mean can be folded, leaves the mean where it is."""
    mean = float(values.mean()) if head.output(model)[1].bias is not None else 0.0
    deviation = float(np.sqrt(np.mean((values - mean) ** 2)))
    return Scale(mean, deviation if deviation > 0 else 1.0)


def begin_at_shares(model: Any, marks: Bools) -> None:
    """Lets a new head for several labels begin at how often each label stands in these rows [B, C], and not at a half
    (the prior of Lin et al. 2017, arXiv 1708.02002, section 3.3): else the first steps go into saying no to nearly
    everything. A head with biases, which has learnt before, keeps them."""
    _, layer = head.output(model)
    if layer.bias is None or layer.bias.any():
        return
    shares = np.clip(marks.mean(axis=0), 1 / (len(marks) + 1), 1 - 1 / (len(marks) + 1))
    with torch.no_grad():
        layer.bias.copy_(torch.from_numpy(np.log(shares / (1 - shares))))


def cool(model: Any, temperature: float) -> None:
    """Gives the last layer the temperature by which the logits are to be divided."""
    _, layer = head.output(model)
    with torch.no_grad():
        layer.weight.div_(temperature)
        if layer.bias is not None:
            layer.bias.div_(temperature)


def fold(model: Any, scale: Scale) -> None:
    """Gives the last layer the scale, so that the model answers in the units of the data."""
    _, layer = head.output(model)
    with torch.no_grad():
        layer.weight.mul_(scale.deviation)
        if layer.bias is not None:
            layer.bias.mul_(scale.deviation).add_(scale.mean)
