"""What a training changes, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.unit.small import stock
from whet.model.levels import freeze
from whet.model.trained import changed, put_back, sizes


def test_of_a_whole_training_everything_is_changed_and_of_a_frozen_one_what_is_trained(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    assert changed(model).keys() == model.state_dict().keys()
    whole = sum(each.numel() for each in model.parameters())
    assert sizes(model) == (whole, whole)
    freeze(model, "encoder")
    head = {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}
    assert changed(model).keys() == head
    assert sizes(model) == (32 * 32 + 32 + 3 * 32 + 3, whole)


def test_what_was_changed_can_be_put_back_and_the_rest_stays(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    freeze(model, "1")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = {name: tensor.clone() for name, tensor in changed(model).items()}
    with torch.no_grad():
        for tensor in changed(model).values():
            tensor.add_(1.0)
    put_back(model, kept)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_whole_state_can_be_put_back_too(tiny_bert: Path) -> None:
    model, other = stock(tiny_bert), stock(tiny_bert, seed=1)
    freeze(model, "encoder")
    put_back(model, other.state_dict())
    assert torch.equal(model.classifier.weight, other.classifier.weight)


def test_weights_that_are_missing_or_too_many_are_refused(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    freeze(model, "encoder")
    kept = changed(model)
    with pytest.raises(RuntimeError, match=r"^no weights for classifier.bias$"):
        put_back(model, {name: tensor for name, tensor in kept.items() if name != "classifier.bias"})
    with pytest.raises(RuntimeError, match=r"^no place for more$"):
        put_back(model, {**kept, "more": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        put_back(model, {**kept, "classifier.bias": torch.zeros(9)})
