"""A model that tells hidden tokens has the loss and the gradients of transformers' own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conftest import TinyModel
from tests.unit.small import PACKED, PADDED, batch, encoded, sequences
from whet.data.batches import encoded_of
from whet.data.masking import Masking
from whet.errors import ModelError
from whet.model import encoder, masked
from whet.model.files import ModelFiles
from whet.model.masked import MaskedModel
from whet.records import Batch
from whet.training.objective import objective_of

LENGTHS = [5, 9, 12, 30, 17, 8]


def files(folder: Path) -> ModelFiles:
    return ModelFiles(str(folder), folder, folder.name)


def plain(folder: Path) -> Any:
    """The transformers model, without dropout."""
    torch.manual_seed(0)
    model, _, _ = encoder.load_masked(files(folder))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    return model


def ours(folder: Path) -> MaskedModel:
    return MaskedModel(plain(folder), device="cpu", seed=0)


def a_step(model: Any, lengths: list[int] = LENGTHS) -> Batch:
    special = np.zeros(model.config.vocab_size, np.bool_)
    special[:5] = True
    masking = Masking(3, 4, ~special)
    rows = [[2, *row, 3] for row in sequences(lengths, vocabulary=model.config.vocab_size - 5)]
    for row in rows:
        row[1:-1] = [token + 5 for token in row[1:-1]]
    return masking.hidden(batch(rows), 0)


def theirs(model: Any, step: Batch) -> Tensor:
    """The loss that the plain model has of the padded rows."""
    assert step.hidden is not None
    spans = list(zip(step.cu_seqlens[:-1], step.cu_seqlens[1:], strict=True))
    longest = max(stop - start for start, stop in spans)
    ids = torch.full((len(spans), longest), model.config.pad_token_id)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (start, stop) in enumerate(spans):
        ids[row, : stop - start] = torch.from_numpy(step.ids[start:stop])
        mask[row, : stop - start] = 1
        wanted = torch.from_numpy(step.hidden[start:stop])
        labels[row, : stop - start] = torch.where(wanted < 0, -100, wanted)
    loss: Tensor = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    return loss


@pytest.fixture
def cores(request: pytest.FixtureRequest) -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("kind", "at_once", "cores"),
    [*((kind, None, 2) for kind in (*PACKED, *PADDED)), ("bert", None, 1), ("bert", 3, 2), ("roberta", 3, 1)],
    indirect=["cores"],
)
def test_loss_and_gradients_are_those_of_transformers_padded(
    tiny_model: TinyModel, kind: str, at_once: int | None, cores: int
) -> None:
    folder = tiny_model(kind)
    stock, made = plain(folder).train(), ours(folder)
    assert (made.packed, kind) == (kind not in PADDED, kind)
    step = a_step(stock)
    expected = theirs(stock, step)
    expected.backward()
    loss = made.loss if at_once is None else dataclasses.replace(made.loss, at_once=at_once)
    objective = objective_of(made, encoded([[1, 2]]), loss)
    made.model.train()
    found = objective.gradient(step)
    assert float(found) == pytest.approx(expected.item(), abs=1e-5)
    gradients = {name: parameter.grad for name, parameter in made.model.named_parameters()}
    wanted = {name: parameter.grad for name, parameter in stock.named_parameters()}
    assert {name for name, grad in wanted.items() if grad is None} == {n for n, g in gradients.items() if g is None}
    for name, grad in wanted.items():
        if grad is not None:
            torch.testing.assert_close(
                gradients[name], grad, atol=1e-5, rtol=1e-4, msg=lambda text, n=name: f"{n}: {text}"
            )


def test_losses_of_texts_are_those_of_transformers_one_by_one(tiny_bert: Path) -> None:
    stock, made = plain(tiny_bert).eval(), ours(tiny_bert)
    step = a_step(stock)
    assert step.hidden is not None
    found = made.losses(encoded_of(step))
    counts = np.add.reduceat(step.hidden >= 0, step.cu_seqlens[:-1])
    for row, (start, stop) in enumerate(zip(step.cu_seqlens[:-1], step.cu_seqlens[1:], strict=True)):
        one = Batch(
            step.ids[start:stop],
            np.array([0, stop - start]),
            np.zeros(1, np.int64),
            None,
            hidden=step.hidden[start:stop],
        )
        assert found[row] == pytest.approx(theirs(stock, one).item() * counts[row], abs=1e-4)


def test_the_output_is_tied_to_the_word_table_and_stays_so(tiny_bert: Path) -> None:
    model, beside, told = encoder.load_masked(files(tiny_bert))
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert sorted(beside) == ["bert.pooler.dense.bias", "bert.pooler.dense.weight"]
    assert told == [
        f"{tiny_bert} brings no head that tells hidden tokens: a new one is made, which the training has to teach first"
    ]


def test_a_saved_model_has_its_head_and_keeps_the_pooler_that_it_does_not_read(tiny_bert: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM

    model, beside, _ = encoder.load_masked(files(tiny_bert))
    encoder.save(model, tmp_path / "saved", beside)
    again, _, told = encoder.load_masked(files(tmp_path / "saved"))
    assert told == []
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    stock = AutoModelForMaskedLM.from_pretrained(tmp_path / "saved")
    assert torch.equal(stock.cls.predictions.transform.dense.weight, model.cls.predictions.transform.dense.weight)
    before, after = AutoModel.from_pretrained(tiny_bert), AutoModel.from_pretrained(tmp_path / "saved")
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_an_architecture_that_tells_no_hidden_tokens_is_refused(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2Model

    GPT2Model(
        GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=20, n_positions=16, bos_token_id=0, eos_token_id=0)
    ).save_pretrained(tmp_path)
    with pytest.raises(ModelError) as fault:
        masked.load_masked(ModelFiles("gpt", tmp_path, "gpt"))
    assert fault.value.message == (
        "gpt: gpt2 models tell no hidden tokens. Expected an encoder that AutoModelForMaskedLM of transformers knows, "
        "such as BERT, RoBERTa or ModernBERT."
    )


@pytest.mark.parametrize("kind", ["bert", "modernbert", "deberta-v2", "mpnet"])
def test_rows_of_special_tokens_alone_teach_nothing_and_break_nothing(tiny_model: TinyModel, kind: str) -> None:
    made = ours(tiny_model(kind))
    nothing = np.zeros(made.model.config.vocab_size, np.bool_)
    step = Masking(3, 4, nothing).hidden(batch([[2, 1, 3], [2, 1, 1, 3]]), 0)
    made.model.train()
    objective = objective_of(made, encoded([[1, 2]]), made.loss)
    assert objective.gradient(step).item() == 0.0
    assert all(not parameter.grad.any() for parameter in made.model.parameters() if parameter.grad is not None)
    assert made.losses(encoded_of(step)).tolist() == [0.0, 0.0]
