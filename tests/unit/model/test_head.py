"""A model that was fine-tuned before keeps the rows of its head whose labels have the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import KINDS, TinyModel
from tests.unit.small import THREE, padded_logits, sequences, stock
from whet.labels import LabelSet
from whet.model import answers, encoder
from whet.model.files import ModelFiles

ROWS = sequences([4, 9, 6], vocabulary=200)


def labels(*names: str) -> LabelSet:
    return LabelSet(names, None, "")


@pytest.fixture
def saved(tiny_bert: Path, tmp_path: Path) -> Any:
    """A model fine-tuned for a, b and c, whose biases are none."""
    before = stock(tiny_bert, labels=THREE)
    torch.nn.init.normal_(before.classifier.bias)
    encoder.save(before, tmp_path)
    return before


def load(folder: Path, given: LabelSet) -> tuple[Any, list[str]]:
    model, notices = encoder.load_pretrained(ModelFiles("run", folder, "run"), given, layers=None)
    return model.eval(), notices


@pytest.mark.parametrize("kind", KINDS)
def test_other_labels_in_another_order_keep_their_rows_by_name(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    before = stock(tiny_model(kind), labels=THREE)
    encoder.save(before, tmp_path)
    after, notices = load(tmp_path, labels("c", "new", "a", "x", "y"))
    assert notices == [
        "run was fine-tuned before; its head is kept for 2 of 5 labels; new: 'new', 'x', 'y'; dropped: 'b'"
    ]
    logits = padded_logits(after, ROWS)
    assert logits.shape == (3, 5)
    assert torch.allclose(logits[:, [2, 0]], padded_logits(before, ROWS)[:, [0, 2]], atol=1e-6)
    assert after.config.id2label == {0: "c", 1: "new", 2: "a", 3: "x", 4: "y"}
    assert (after.config.num_labels, after.num_labels) == (5, 5)


def test_the_same_labels_keep_the_head_to_the_bit_in_whatever_order(saved: Any, tmp_path: Path) -> None:
    same, notices = load(tmp_path, THREE)
    assert notices == ["run was fine-tuned before; its head is kept for 3 of 3 labels"]
    assert torch.equal(same.classifier.weight, saved.classifier.weight)
    turned, notices = load(tmp_path, labels("b", "c", "a"))
    assert notices == ["run was fine-tuned before; its head is kept for 3 of 3 labels"]
    assert torch.equal(turned.classifier.weight, saved.classifier.weight[[1, 2, 0]])
    assert torch.equal(turned.classifier.bias, saved.classifier.bias[[1, 2, 0]])


def test_new_rows_are_drawn_by_the_seed_and_small(saved: Any, tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model, _ = load(tmp_path, labels("a", "new"))
        found.append(model.classifier.weight.detach())
        assert model.classifier.bias.tolist() == [saved.classifier.bias[0].item(), 0.0]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0][1], found[2][1])
    assert 0.1 < float(found[0][1].std()) < 0.3  # the tiny models have an initializer_range of 0.2


def test_labels_that_have_nothing_in_common_get_a_new_head(saved: Any, tmp_path: Path) -> None:
    _, notices = load(tmp_path, labels(*"defghij"))
    assert notices == [
        "run was fine-tuned before; its head is kept for 0 of 7 labels; new: 'd', 'e', 'f', 'g', 'h' and 2 more; "
        "dropped: 'a', 'b', 'c'"
    ]


def test_labels_without_names_are_kept_where_there_are_as_many(tiny_bert: Path, tmp_path: Path) -> None:
    before = stock(tiny_bert, labels=labels("LABEL_0", "LABEL_1", "LABEL_2"))
    encoder.save(before, tmp_path)
    after, notices = load(tmp_path, THREE)
    assert notices == ["run was fine-tuned for 3 labels before; training starts from its head"]
    assert torch.equal(after.classifier.weight, before.classifier.weight)
    _, notices = load(tmp_path, labels("a", "b"))
    assert notices == ["run was fine-tuned for other labels; its head is replaced by a new one"]


def test_an_encoder_whose_configuration_names_labels_and_has_no_head_gets_a_new_one(
    tiny_bert: Path, tmp_path: Path
) -> None:
    bare = stock(tiny_bert, labels=THREE).bert
    bare.config.id2label = {0: "x", 1: "y", 2: "z"}
    bare.save_pretrained(tmp_path)
    after, notices = load(tmp_path, labels("x", "y"))
    assert notices == []
    assert after.classifier.weight.shape == (2, 32)


# ---------------------------------------------------------------- numbers


def number(name: str) -> LabelSet:
    return LabelSet((name,), None, "", "value")


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_a_number_is_kept_where_the_column_has_the_same_name(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    before = stock(tiny_model(kind), labels=number("stars"))
    encoder.save(before, tmp_path)
    after, notices = load(tmp_path, number("stars"))
    assert notices == ["run was fine-tuned before; its head is kept, which answers in the units that 'stars' has there"]
    assert torch.equal(padded_logits(after, ROWS), padded_logits(before, ROWS))


def test_another_number_gets_a_new_head_and_one_without_a_name_goes_on(tiny_bert: Path, tmp_path: Path) -> None:
    before = stock(tiny_bert, labels=number("stars"))
    encoder.save(before, tmp_path)
    after, notices = load(tmp_path, number("price"))
    assert notices == [
        "run was fine-tuned before; its head answers 'stars', and 'price' gets a new one; a column of the same name "
        "would keep it"
    ]
    assert not torch.equal(after.classifier.weight, before.classifier.weight)
    assert after.config.id2label == {0: "price"}
    encoder.save(stock(tiny_bert, labels=number("LABEL_0")), tmp_path)
    after, notices = load(tmp_path, number("price"))
    assert notices == ["run was fine-tuned for numbers before; training starts from its head"]
    assert after.config.id2label == {0: "price"}


def test_a_number_is_no_label_of_the_same_name(tiny_bert: Path, tmp_path: Path) -> None:
    toxic = LabelSet(("toxic",), None, "", "several")
    for before, wanted in ((number("toxic"), toxic), (toxic, number("toxic"))):
        was = stock(tiny_bert, labels=before)
        encoder.save(was, tmp_path)
        after, notices = load(tmp_path, wanted)
        assert notices == ["run was fine-tuned for other labels; its head is replaced by a new one"]
        assert not torch.equal(after.classifier.weight, was.classifier.weight)
        assert after.config.problem_type == answers.PROBLEMS[wanted.kind]
