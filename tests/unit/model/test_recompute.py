"""Layers that are computed again in the backward pass: the same bits, and less that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from tests.conftest import TinyModel
from tests.unit.small import PACKED, batch, classifier, encoded, sequences, stock
from whet.model.classifier import Classifier
from whet.model.dropout import Dropout, DropoutStream
from whet.model.recompute import recomputed
from whet.training.objective import objective_of

ROWS = sequences([4, 9, 6, 60, 5, 17, 8], vocabulary=200)
LABELS = [0, 1, 2, 0, 1, 2, 0]


def found(made: Classifier, *, again: bool, threads: int = 1) -> tuple[float, list[Tensor], dict[int, int]]:
    """Loss, gradients and the positions of the dropout after two steps."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    made.model.train()
    objective = objective_of(made, encoded(ROWS))
    objective.limit.tokens = 40
    if again:
        assert made.recompute()
    loss = 0.0
    for _ in range(2):
        loss += float(objective.gradient(batch(ROWS, labels=LABELS)))
    kept = [parameter.grad for parameter in objective.parameters if parameter.grad is not None]
    return loss, kept, made.stream.positions


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [*PACKED, "mpnet"])
def test_with_dropout_the_loss_and_its_gradient_are_the_same_bits(
    tiny_model: TinyModel, kind: str, threads: int
) -> None:
    if kind == "mpnet":
        threads = 1  # more do not compute a padded model again side by side
    plain = found(classifier(tiny_model(kind)), again=False, threads=threads)
    ours = found(classifier(tiny_model(kind)), again=True, threads=threads)
    assert ours[0] == plain[0]
    assert all(torch.equal(a, b) for a, b in zip(ours[1], plain[1], strict=True))
    assert ours[2] == plain[2]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_they_are_the_same_bits_in_a_lower_precision(tiny_bert: Path, precision: Any) -> None:
    plain, ours = (
        found(Classifier(stock(tiny_bert), device="cpu", seed=0, precision=precision), again=again)
        for again in (False, True)
    )
    assert ours[0] == plain[0]
    assert all(torch.equal(a, b) for a, b in zip(ours[1], plain[1], strict=True))


def kept_elements(run: Callable[[], object]) -> int:
    """Elements that are kept for the backward pass, of those that pass no inner hook."""
    total = 0

    def pack(value: Tensor) -> Tensor:
        nonlocal total
        total += value.numel()
        return value

    with saved_tensors_hooks(pack, lambda value: value):
        run()
    return total


@pytest.mark.parametrize("kind", [*PACKED, "mpnet"])
def test_less_is_kept(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    made.model.train()
    whole = kept_elements(lambda: made.logits(batch(ROWS)))
    made.recompute()
    # The last of the two layers of BERT and its kin is small, and stays.
    assert kept_elements(lambda: made.logits(batch(ROWS))) < 0.6 * whole


@pytest.mark.parametrize("kind", ["bert", "modernbert", "mpnet"])
def test_answers_stay_as_they_are(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    before = made.all_logits(encoded(ROWS))
    assert made.recompute()
    assert made.recompute()
    assert (made.all_logits(encoded(ROWS)) == before).all()


def test_a_model_without_a_list_of_layers_says_so(tiny_model: TinyModel) -> None:
    made = classifier(tiny_model("mpnet"))
    made.model.config.num_hidden_layers = 7
    assert not made.recompute()


def test_torchs_own_numbers_are_drawn_again_where_they_are_drawn() -> None:
    stream, x = DropoutStream(0), torch.randn(200, requires_grad=True)

    def layer(x: Tensor) -> Tensor:
        return torch.nn.functional.dropout(x.exp(), 0.5).exp()

    torch.manual_seed(3)
    plain = torch.autograd.grad(layer(x).sum(), x)[0]
    torch.manual_seed(3)
    out = recomputed(layer, x, stream, torch_draws=True).sum()
    drawn = torch.get_rng_state()
    torch.randn(5)
    after = torch.get_rng_state()
    assert torch.equal(torch.autograd.grad(out, x)[0], plain)
    assert torch.equal(torch.get_rng_state(), after)
    assert not torch.equal(drawn, after)


def test_a_layer_that_is_another_one_the_second_time_is_a_fault() -> None:
    stream, x, times = DropoutStream(0), torch.randn(5, requires_grad=True), iter([1, 2])

    def layer(x: Tensor) -> Tensor:
        for _ in range(next(times)):
            x = x.exp()
        return x

    out = recomputed(layer, x, stream, torch_draws=False)
    with pytest.raises(RuntimeError, match="a layer kept 1 tensors at first and 2 when it was run again"):
        out.sum().backward()


def test_what_is_drawn_between_a_layer_and_its_second_run_is_drawn_once() -> None:
    stream, x = DropoutStream(0), torch.ones(40, requires_grad=True)
    module = Dropout(0.5, stream)
    with stream.lane(2):
        out = recomputed(lambda x: module(x).exp(), x, stream, torch_draws=False)
        first = stream.reserve(8)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert torch.equal(gradient > 0, out > 1)
    assert stream.positions == {2: 48}
    assert first % 2**96 == 40
