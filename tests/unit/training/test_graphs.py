"""Recorded steps: what a batch is filled up with, and that replayed steps learn like those that are not."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.unit.small import batch, classifier, encoded, gradients, sequences, stock, without_dropout
from whet.model.classifier import Classifier
from whet.model.dropout import Dropout
from whet.model.flash import Found
from whet.model.loss import PLAIN
from whet.training import graphs
from whet.training.gradient import OnDevice
from whet.training.loop import Recipe, Training
from whet.training.words import Words

LENGTHS = [9, 20, 3, 40, 1, 12, 30, 7] * 4
needs_card = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0),
    reason="no CUDA device of compute capability 8.0",
)


def on_card(folder: Path, *, seed: int = 0) -> Classifier:
    made = Classifier(stock(folder, seed=seed), device="cuda", seed=seed, precision="bf16")
    for module in made.model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    return made


def test_nothing_is_recorded_on_a_cpu(tiny_bert: Path) -> None:
    assert not graphs.usable(classifier(tiny_bert), encoded([[1]]))


def test_nothing_is_recorded_of_texts_of_several_sequences(tiny_bert: Path) -> None:
    made, whole = classifier(tiny_bert), encoded([[1, 2], [3]])
    made.device, made.precision, made.flash = torch.device("cuda"), "bf16", Found(True, "")  # as on a card
    assert graphs.usable(made, whole)
    divided = replace(whole, truncated=np.zeros(1, np.bool_), documents=np.array([0, 2]))
    assert not graphs.usable(made, divided)


def test_nothing_is_recorded_of_rows_that_do_not_count_alike(tiny_bert: Path) -> None:
    made, whole = classifier(tiny_bert), encoded([[1, 2], [3]])
    made.device, made.precision, made.flash = torch.device("cuda"), "bf16", Found(True, "")
    assert not graphs.usable(made, replace(whole, weights=np.array([0.5, 1.5])))


@pytest.mark.parametrize(("tokens", "filled"), [(1, 256), (255, 256), (256, 512), (700, 768)])
def test_a_batch_is_filled_up_by_a_last_sequence_of_at_least_a_token(tiny_bert: Path, tokens: int, filled: int) -> None:
    made, rows = classifier(tiny_bert), sequences([tokens], vocabulary=200)
    objective = graphs.OnCard(made, Words(made.model, encoded(rows)), encoded(rows))
    whole = batch(rows, labels=[1])
    result = objective.filled(whole, graphs.size_of(whole)[1])
    assert len(result.ids) == filled
    assert result.cu_seqlens.tolist() == [0, tokens, filled]
    assert result.ids[:tokens].tolist() == rows[0]
    assert set(result.ids[tokens:].tolist()) == {rows[0][0]}
    assert (result.rows.tolist(), result.labels) == ([0], whole.labels)


def test_a_step_that_cannot_be_recorded_has_its_own_gradient_alone(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sequences([9, 20, 3], vocabulary=200)
    step, data = batch(rows, labels=[0, 1, 2]), encoded(rows)

    def broken(made: Classifier, *others: object) -> None:
        made.logits(step).sum().backward()  # the pass before the capture
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

    monkeypatch.setattr(graphs, "Recorded", broken)
    monkeypatch.setattr(graphs, "save_memory", lambda device: None)
    found = []
    for kind in (graphs.OnCard, OnDevice):
        made = without_dropout(classifier(tiny_bert))
        words = Words(made.model, data)
        made.model.get_input_embeddings().sparse = False  # as on a card
        objective = kind(made, words, data) if kind is graphs.OnCard else kind(made, words)
        objective.prepare(step)
        mean = float(objective.gradient(step))
        found.append({"mean": torch.tensor(mean)} | gradients(objective, made.model))
        if isinstance(objective, graphs.OnCard):
            assert objective.refused == "RuntimeError: operation not permitted when stream is capturing"
    ours, plain = ({name: each for name, each in some.items() if each is not None} for some in found)
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[name], plain[name]) for name in ours)


def test_a_capture_that_fails_leaves_the_random_numbers_of_the_card_as_they_were(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, rows = classifier(tiny_bert), sequences([9, 20], vocabulary=200)
    before, states = torch.tensor([7], dtype=torch.uint8), []
    waiting = SimpleNamespace(wait_stream=lambda other: None)

    def graph(*given: object, **named: object) -> None:
        raise RuntimeError("no capture")

    cuda = {
        "CUDAGraph": lambda: None, "Stream": lambda: waiting, "current_stream": lambda: waiting,
        "stream": lambda aside: nullcontext(), "graph": graph, "get_rng_state": lambda device: before,
        "set_rng_state": lambda state, device: states.append(state),
    }  # fmt: skip
    for name, stand_in in cuda.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(graphs.Recorded, "_pass", lambda self: None)
    monkeypatch.setattr(graphs.Recorded, "_read", lambda self, given: [torch.zeros(2)])
    with pytest.raises(RuntimeError, match="no capture"):
        graphs.Recorded(made, PLAIN, batch(rows, labels=[0, 1]), 256, lambda: None, None)
    assert states == [before]


@needs_card
@pytest.mark.parametrize("kind", ["tiny_bert"])
def test_replayed_steps_learn_like_those_that_are_launched_one_by_one(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    data, labels = encoded(sequences(LENGTHS, vocabulary=200)), np.arange(len(LENGTHS)) % 3
    recipe = Recipe(6.0, 4, 1e-3, 0.01, 0.0, 1.0, 1)
    losses, used = [], 0
    for graphed in (True, False):
        made = on_card(folder)
        words = Words(made.model, data)
        objective = graphs.OnCard(made, words, data) if graphed else OnDevice(made, words)
        records = list(Training(made, data, labels, recipe, objective).records())
        losses.append([record.loss for record in records])  # type: ignore[union-attr]  # memory is plenty
        if isinstance(objective, graphs.OnCard):
            assert objective.refused == ""
            used = objective.recorded
    assert used >= 1
    np.testing.assert_allclose(losses[0], losses[1], atol=0.05)


@needs_card
def test_an_odd_batch_between_replayed_ones_is_counted_too(tiny_bert: Path) -> None:
    made = on_card(tiny_bert)
    rows = sequences(LENGTHS, vocabulary=200)
    data = encoded(rows)
    objective, plain = graphs.OnCard(made, Words(made.model, data), data), OnDevice(made, Words(made.model, data))
    made.model.train()
    usual, odd = batch(rows[:4], labels=[0, 1, 2, 0]), batch(rows[4:6], labels=[1, 2])
    objective.prepare(usual)
    for step in (usual, odd, usual):
        found = float(objective.gradient(step))
        ours = {name: part.grad.clone() for name, part in made.model.named_parameters() if part.grad is not None}
        objective.drop()
        expected = float(plain.gradient(step))
        assert found == pytest.approx(expected, abs=0.02)
        for name, part in made.model.named_parameters():
            if name in ours and part.grad is not None and "word_embeddings" not in name:
                torch.testing.assert_close(ours[name], part.grad, rtol=0.05, atol=0.02)
        for part in made.model.parameters():  # the gradients of the recorded steps stay where they are
            if part.grad is not None:
                part.grad.zero_()
