"""One gradient, however many threads share the rows of a step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import ErnieConfig, ErnieForSequenceClassification

from tests.conftest import TinyModel
from tests.unit.small import (
    PACKED,
    batch,
    classifier,
    encoded,
    gradients,
    padded_logits,
    sequences,
    stock,
    without_dropout,
)
from whet.data.batches import training_batch
from whet.labels import LabelSet
from whet.model import lora
from whet.model.classifier import Classifier
from whet.model.levels import freeze
from whet.model.loss import CrossEntropy, SeveralEntropies
from whet.training import optim
from whet.training.gradient import OnDevice, OnThreads
from whet.training.objective import objective_of
from whet.training.words import Words

ROWS = sequences([4, 9, 6, 30, 5, 17, 8], vocabulary=200)
LABELS = [0, 1, 2, 0, 1, 2, 0]


@pytest.fixture(params=[1, 2, 3])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def difference(ours: dict[str, Tensor | None], plain: Any) -> float:
    """Of all gradients together, relative to the norm of those of the plain model."""
    theirs = {name: parameter.grad for name, parameter in plain.named_parameters()}
    assert {name for name in ours if ours[name] is None} == {name for name in theirs if theirs[name] is None}
    mine, other = (
        torch.cat([value.flatten() for name in theirs if (value := found[name]) is not None])
        for found in (ours, theirs)
    )
    return float((mine - other).norm() / other.norm())


@pytest.mark.parametrize("kind", [*PACKED, "mpnet"])
def test_the_loss_and_its_gradient_are_those_of_plain_transformers(
    tiny_model: TinyModel, kind: str, cores: int
) -> None:
    made, plain = without_dropout(classifier(tiny_model(kind))), stock(tiny_model(kind))
    objective = objective_of(made, encoded(ROWS))
    assert isinstance(objective, OnThreads)
    loss = objective.gradient(batch(ROWS, labels=LABELS))
    expected = F.cross_entropy(padded_logits(plain, ROWS), torch.tensor(LABELS))
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5

    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5


@pytest.mark.parametrize(("part", "rank"), [("encoder", None), ("1", 4), (None, 4)])
@pytest.mark.parametrize("kind", ["bert", "modernbert", "mpnet"])
def test_threads_find_the_gradient_of_what_is_trained(
    tiny_model: TinyModel, kind: str, part: str | None, rank: int | None
) -> None:
    plain, ours = stock(tiny_model(kind)), stock(tiny_model(kind))
    for model in (plain, ours):
        torch.manual_seed(1)
        if part is not None:
            freeze(model, part)
        if rank is not None:
            lora.add(model, rank)
    made = without_dropout(Classifier(ours, device="cpu", seed=0))
    torch.set_num_threads(2)
    objective = objective_of(made, encoded(ROWS))
    loss = objective.gradient(batch(ROWS, labels=LABELS))
    torch.set_num_threads(1)
    expected = F.cross_entropy(padded_logits(plain, ROWS), torch.tensor(LABELS))
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
@pytest.mark.parametrize("tokens", [None, 12])
def test_shares_of_each_label_have_the_gradient_of_plain_transformers_however_the_step_is_divided(
    tiny_model: TinyModel, kind: str, tokens: int | None, cores: int
) -> None:
    made, plain = without_dropout(classifier(tiny_model(kind))), stock(tiny_model(kind))
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(ROWS))
    objective = objective_of(made, encoded(ROWS))
    objective.limit.tokens = tokens
    loss = objective.gradient(dataclasses.replace(batch(ROWS), labels=shares))
    expected = F.cross_entropy(padded_logits(plain, ROWS), torch.from_numpy(shares).float())
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
@pytest.mark.parametrize("tokens", [None, 12])
def test_a_row_of_weight_2_counts_like_the_same_row_twice(
    tiny_model: TinyModel, kind: str, tokens: int | None, cores: int
) -> None:
    counts = np.array([1, 2, 1, 1, 3, 1, 1])
    twice = np.repeat(np.arange(len(ROWS)), counts)
    found = []
    for rows, weights in ((np.arange(len(ROWS)), counts / counts.mean()), (twice, None)):
        made = without_dropout(classifier(tiny_model(kind)))
        objective = objective_of(made, encoded(ROWS))
        objective.limit.tokens = tokens
        step = batch([ROWS[row] for row in rows], labels=[LABELS[row] for row in rows])
        loss = objective.gradient(dataclasses.replace(step, weights=weights))
        mine = torch.cat([each.flatten() for each in gradients(objective, made.model).values() if each is not None])
        found.append((float(loss), mine))
    (weighted, gradient), (repeated, other) = found
    assert weighted == pytest.approx(repeated, rel=1e-5)
    assert float((gradient - other).norm() / other.norm()) < 1e-5


@pytest.mark.parametrize("cores", [2], indirect=True)
@pytest.mark.parametrize("kind", PACKED)
def test_twenty_steps_of_the_optimiser_are_those_of_plain_transformers(
    tiny_model: TinyModel, kind: str, cores: int
) -> None:
    made, plain = without_dropout(classifier(tiny_model(kind))), stock(tiny_model(kind))
    data = encoded(sequences([3 + i * 7 % 17 for i in range(100)], vocabulary=200))
    labels = torch.arange(100).numpy() % 3
    objective = objective_of(made, data)
    assert isinstance(objective, OnThreads)
    optimizer = optim.Optimizer(objective.parameters, weight_decay=0.0)
    reference = torch.optim.AdamW(plain.parameters(), lr=1e-4, weight_decay=0.0)
    for step in range(20):
        rows = training_batch(data, labels, batch_size=8, seed=0, step=step)
        texts = [rows.ids[a:b].tolist() for a, b in pairwise(rows.cu_seqlens)]
        loss = objective.gradient(rows)
        expected = F.cross_entropy(padded_logits(plain, texts), torch.from_numpy(rows.labels))
        expected.backward()
        assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
        assert difference(gradients(objective, made.model), plain) < 1e-5
        optimizer.step(1e-4, optim.clipping(float(optimizer.norm()), 1.0))
        objective.settle()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        reference.step()
        reference.zero_grad()


def test_with_dropout_the_bits_hang_on_the_seed_and_the_threads_alone(tiny_bert: Path, cores: int) -> None:
    def found() -> tuple[float, list[Tensor]]:
        made = classifier(tiny_bert)
        made.model.train()
        objective = objective_of(made, encoded(ROWS))
        loss = objective.gradient(batch(ROWS, labels=LABELS))
        return float(loss), [parameter.grad for parameter in objective.parameters if parameter.grad is not None]

    (loss, first), (again, second) = found(), found()
    assert loss == again
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("cores", [2], indirect=True)
def test_a_padded_step_has_the_same_bits_where_the_library_drops_weights_of_attention(cores: int) -> None:
    torch.manual_seed(0)
    small = ErnieConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, initializer_range=0.2, num_labels=3, problem_type="single_label_classification",
    )  # fmt: skip
    model = ErnieForSequenceClassification(small)
    rows = sequences([5 + i * 7 % 31 for i in range(16)], vocabulary=200)

    def found(seed: int) -> tuple[float, list[Tensor | None]]:
        made = Classifier(model, device="cpu", seed=1)
        assert not made.packed
        made.model.train()
        torch.manual_seed(seed)
        objective = objective_of(made, encoded(rows))
        loss = objective.gradient(batch(rows, labels=[i % 3 for i in range(16)]))
        kept = [None if each.grad is None else each.grad.clone() for each in objective.parameters]
        objective.drop()
        made.release()
        return float(loss), kept

    loss, gradient = found(5)
    assert found(6)[0] != loss  # the library does draw
    for again, other in (found(5) for _ in range(5)):
        assert again == loss
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(gradient, other, strict=True))


@pytest.mark.parametrize("cores", [2], indirect=True)
@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.05), ("fp16", 0.01)])
def test_each_thread_computes_in_the_precision_that_was_asked_for(
    tiny_bert: Path, cores: int, precision: Any, tolerance: float
) -> None:
    found = []
    for asked in (precision, "fp32"):
        made = without_dropout(Classifier(stock(tiny_bert), device="cpu", seed=0, precision=asked))
        objective = objective_of(made, encoded(ROWS))
        objective.gradient(batch(ROWS, labels=LABELS), scale=8.0)
        found.append(torch.cat([p.grad.flatten() for p in objective.parameters if p.grad is not None]) / 8.0)
    lower, full = found
    assert 0 < float((lower - full).norm() / full.norm()) < tolerance


def test_a_parameter_that_no_logit_depends_on_has_no_gradient(tiny_bert: Path, cores: int) -> None:
    made = classifier(tiny_bert)
    made.model.idle = torch.nn.Linear(3, 3)
    objective = objective_of(made, encoded(ROWS))
    objective.gradient(batch(ROWS, labels=LABELS))
    assert made.model.idle.weight.grad is None
    assert made.model.classifier.weight.grad is not None
    objective.settle()
    assert all(parameter.grad is None for parameter in made.model.parameters())


@pytest.mark.parametrize("cores", [3], indirect=True)
def test_a_gradient_that_the_first_share_has_not_is_the_sum_of_the_others(
    tiny_bert: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_share(self: OnThreads, index: int, parts: object, weight: float) -> tuple[Tensor, list[Tensor | None]]:
        found = [torch.full_like(each, index) if index else None for each in made.model.parameters()]
        return torch.tensor(1.0), found

    made = classifier(tiny_bert)
    objective = objective_of(made, encoded(ROWS))
    monkeypatch.setattr(OnThreads, "_of_share", of_share)
    objective.gradient(batch(ROWS, labels=LABELS))
    assert set(made.model.classifier.weight.grad.flatten().tolist()) == {3.0}


def test_a_frozen_parameter_is_not_trained_and_a_frozen_word_table_has_no_stand_in(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    table = made.model.get_input_embeddings().weight
    table.requires_grad_(False)
    made.model.classifier.bias.requires_grad_(False)
    objective = objective_of(made, encoded(ROWS))
    objective.gradient(batch(ROWS, labels=LABELS))
    shapes = {tuple(parameter.shape) for parameter in objective.parameters}
    assert (3,) not in shapes
    assert len(objective.parameters) == len(list(made.model.parameters())) - 2


@pytest.mark.parametrize("loss", [CrossEntropy((0.5, 1.0, 4.0)), CrossEntropy((0.5, 1.0, 4.0), 2.0, 0.1)])
@pytest.mark.parametrize("tokens", [None, 12])
def test_another_loss_has_one_gradient_too_however_the_rows_are_shared(
    tiny_bert: Path, cores: int, loss: CrossEntropy, tokens: int | None
) -> None:
    made, plain = without_dropout(classifier(tiny_bert)), stock(tiny_bert)
    objective = objective_of(made, encoded(ROWS), loss)
    objective.limit.tokens = tokens
    assert sum(map(len, objective.parts(batch(ROWS, labels=LABELS)))) >= (1 if tokens is None else 4)
    found = objective.gradient(batch(ROWS, labels=LABELS))
    expected = loss.rows(padded_logits(plain, ROWS), torch.tensor(LABELS)).sum() / len(ROWS)
    expected.backward()
    assert float(found) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5


def test_another_loss_is_that_of_a_single_device_too(tiny_bert: Path) -> None:
    loss, made, plain = (
        CrossEntropy((0.5, 1.0, 4.0), 2.0, 0.1),
        without_dropout(classifier(tiny_bert)),
        stock(tiny_bert),
    )
    objective = OnDevice(made, Words(made.model, encoded(ROWS)), loss)
    objective.limit.tokens = 12
    found = objective.gradient(batch(ROWS, labels=LABELS))
    expected = loss.rows(padded_logits(plain, ROWS), torch.tensor(LABELS)).sum() / len(ROWS)
    expected.backward()
    assert float(found) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5


@pytest.mark.parametrize("packed", [True, False])
def test_the_loss_of_several_labels_is_alike_packed_and_padded(tiny_bert: Path, cores: int, packed: bool) -> None:
    several = LabelSet(("a", "b", "c"), None, "", "several")
    loss, made, plain = (
        SeveralEntropies((0.5, 1.0, 40.0), 2.0),
        without_dropout(classifier(tiny_bert, labels=several)),
        stock(tiny_bert, labels=several),
    )
    made.packed = packed
    marks = np.array([[i % 2, i % 3 == 0, i == 4] for i in range(len(ROWS))], np.bool_)
    step = dataclasses.replace(batch(ROWS), labels=marks)
    objective = objective_of(made, encoded(ROWS), loss)
    found = objective.gradient(step)
    weight = torch.tensor([0.5, 1.0, 40.0])
    logits, given = padded_logits(plain, ROWS), torch.from_numpy(marks).float()
    each = F.binary_cross_entropy_with_logits(logits, given, pos_weight=weight, reduction="none")
    expected = (each * (given - logits.sigmoid()).abs() ** 2).mean()
    expected.backward()
    assert float(found) == pytest.approx(expected.item(), rel=1e-5)
    assert difference(gradients(objective, made.model), plain) < 1e-5
