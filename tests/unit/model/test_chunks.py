"""A text of several sequences has the mean of their logits, whichever route computes them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.conftest import TinyModel
from tests.unit.small import classifier, encoded, gap, gradients, sequences, single_logits, stock, without_dropout
from whet.data.batches import gather
from whet.model import threads
from whet.records import Encoded
from whet.training.gradient import OnThreads
from whet.training.limit import Limit
from whet.training.objective import objective_of

KINDS = ("bert", "mpnet")  # packed, padded
LENGTHS = [[4], [30, 29], [9, 9, 8], [17], [12, 12, 12, 11], [6]]
LABELS = np.array([0, 1, 2, 0, 1, 2])


def divided(lengths: list[list[int]] = LENGTHS) -> tuple[Encoded, list[list[list[int]]]]:
    """Texts of sequences of these lengths, and the ids of each sequence."""
    flat = sequences([length for row in lengths for length in row], vocabulary=200)
    documents = np.concatenate([[0], np.cumsum([len(row) for row in lengths])]).astype(np.int64)
    source = replace(encoded(flat), truncated=np.zeros(len(lengths), np.bool_), documents=documents)
    return source, [flat[a:b] for a, b in pairwise(documents)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_logits_of_a_text_are_the_mean_of_those_of_its_chunks_one_by_one(tiny_model: TinyModel, kind: str) -> None:
    made, plain = classifier(tiny_model(kind)), stock(tiny_model(kind))
    source, texts = divided()
    with torch.inference_mode():
        expected = torch.stack([single_logits(plain, chunks).mean(dim=0) for chunks in texts])
        batch = gather(source, np.arange(len(texts)), LABELS)
        assert gap(made.logits(batch), expected[batch.rows]) < 1e-5
    assert gap(torch.from_numpy(made.all_logits(source)).float(), expected) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_fits_has_the_logits_that_it_has_without_chunks(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    source, texts = divided([[4], [9], [17]])
    alone = encoded([chunks[0] for chunks in texts])
    with torch.inference_mode():
        ours, heads = (made.logits(gather(rows, np.arange(3), None)) for rows in (source, alone))
    assert torch.equal(ours, heads)
    assert np.array_equal(made.all_logits(source), made.all_logits(alone))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(range(len(LENGTHS))))
def test_the_order_of_the_texts_is_that_of_the_answers(tiny_model: TinyModel, order: list[int]) -> None:
    made = classifier(tiny_model("bert"))
    (source, texts), rows = divided(), np.asarray(order)
    flat = [chunk for row in order for chunk in texts[row]]
    documents = np.concatenate([[0], np.cumsum([len(texts[row]) for row in order])]).astype(np.int64)
    other = replace(encoded(flat), truncated=source.truncated, documents=documents)
    assert np.abs(made.all_logits(other) - made.all_logits(source)[rows]).max() < 1e-5


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_parts_of_an_evaluation_add_up_to_the_whole(
    tiny_model: TinyModel, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whet.model import classifier as module

    monkeypatch.setitem(module.EVALUATION_TOKENS, "cpu", 40)  # the chunks of a text do not all share a pack
    made, (source, _) = classifier(tiny_model("bert")), divided()
    whole = made.all_logits(source)
    summed = sum(made.all_logits(source, part=part, parts=parts) for part in range(parts))
    assert np.abs(summed - whole).max() < 1e-6


def test_no_text_has_no_logits(tiny_model: TinyModel) -> None:
    empty, _ = divided([])
    assert classifier(tiny_model("bert")).all_logits(replace(empty, documents=None)).shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("tokens", [None, 40])
def test_the_gradient_is_that_of_the_mean_of_the_chunks(
    tiny_model: TinyModel, kind: str, cores: int, tokens: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "at_once", lambda: cores)
    made, plain = without_dropout(classifier(tiny_model(kind))), stock(tiny_model(kind))
    source, texts = divided()
    objective = objective_of(made, source)
    assert isinstance(objective, OnThreads)
    objective.limit = Limit(tokens)
    batch = gather(source, np.arange(len(texts)), LABELS)
    assert len(objective.parts(batch)) == (cores if made.packed else 1)
    assert any(len(parts) > 1 for parts in objective.parts(batch)) == (tokens is not None)
    loss = objective.gradient(batch)
    pooled = torch.stack([single_logits(plain, chunks).mean(dim=0) for chunks in texts])
    expected = F.cross_entropy(pooled, torch.from_numpy(LABELS))
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    ours, theirs = gradients(objective, made.model), {name: part.grad for name, part in plain.named_parameters()}
    assert {name for name in ours if ours[name] is None} == {name for name in theirs if theirs[name] is None}
    pairs = [(ours[name], value) for name, value in theirs.items() if value is not None]
    mine, other = (torch.cat([pair[side].flatten() for pair in pairs]) for side in (0, 1))  # type: ignore[union-attr]
    assert float((mine - other).norm() / other.norm()) < 1e-5
