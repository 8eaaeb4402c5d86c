"""What a model answers, by kind, and the scale on which it learns numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from whet.labels import Kind
from whet.model import head
from whet.model.loss import Loss, SeveralEntropies
from whet.records import Bools, Floats, Targets

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


def is_number(config: Any) -> bool:
    """Whether a model that was fine-tuned before answers with a number, as transformers tells it."""
    return config.num_labels == 1 and getattr(config, "problem_type", None) in (None, PROBLEMS["value"])


def scale_of(values: Floats, model: Any) -> Scale:
    """The scale on which a model learns these numbers [B]. Equal numbers have the deviation 1; a last layer without
    a bias, into which no mean can be folded, leaves the mean where it is."""
    mean = float(values.mean()) if head.output(model)[1].bias is not None else 0.0
    deviation = float(np.sqrt(np.mean((values - mean) ** 2)))
    return Scale(mean, deviation if deviation > 0 else 1.0)


def begin_at_shares(model: Any, marks: Bools | Floats, loss: SeveralEntropies) -> None:
    """Lets a new head for several labels begin at the best answer that is the same for all of these rows [B, C], with
    a plain loss how often each label stands in them, and not at a half (the prior of Lin et al. 2017, arXiv 1708.02002,
    section 3.3): else the first steps go into saying no to nearly everything. A head with biases, which has learnt
    before, keeps them."""
    _, layer = head.output(model)
    if layer.bias is None or head.has_learnt(model):
        return
    shares = np.clip(marks.mean(axis=0), 1 / (len(marks) + 1), 1 - 1 / (len(marks) + 1))
    with torch.no_grad():
        layer.bias.copy_(loss.best(torch.from_numpy(shares)))


def scale_to(targets: Targets, kind: Kind, model: Any, loss: Loss) -> Scale:
    """Readies a head to learn these targets; returns the scale on which it learns them."""
    if kind == "value":
        scale = scale_of(np.asarray(targets, dtype=np.float64), model)
        begin_in_units(model, scale)
        return scale
    if isinstance(loss, SeveralEntropies):
        begin_at_shares(model, np.asarray(targets, dtype=np.float64), loss)
    return Scale()


def begin_in_units(model: Any, scale: Scale) -> None:
    """Lets a head that has learnt before, and answers in the units of its data, go on with the same answers on the
    scale on which other data are learnt: `fold` gives them back. A new head has no units yet, and one without a
    bias is taken for new."""
    if head.has_learnt(model):
        fold(model, Scale(-scale.mean / scale.deviation, 1 / scale.deviation))


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
