"""The scale on which a model learns numbers, and that it is folded into the head that is saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import KINDS, TinyModel
from tests.unit.small import THREE, batch, encoded, gap, sequences, stock
from whet.labels import LabelSet
from whet.model import head
from whet.model.answers import Scale, begin_at_shares, begin_in_units, kind_of, scale_of
from whet.model.classifier import Classifier
from whet.model.loss import SeveralEntropies

VALUE = LabelSet(("score",), None, "", "value")
SEVERAL = LabelSet(("a", "b", "c"), None, "", "several")


def made(tiny_model: TinyModel, kind: str, labels: LabelSet) -> Classifier:
    classifier = Classifier(stock(tiny_model(kind), labels=labels), device="cpu", seed=0)
    classifier.model.eval()
    return classifier


@pytest.mark.parametrize("kind", KINDS)
def test_the_folded_head_answers_in_the_units_of_the_numbers(tiny_model: TinyModel, kind: str) -> None:
    classifier = made(tiny_model, kind, VALUE)
    rows = encoded(sequences([7, 30, 9, 3], vocabulary=int(classifier.model.config.vocab_size)))
    raw = classifier.all_logits(rows)
    classifier.scale = Scale(250.0, 40.0)
    scaled = classifier.all_logits(rows)
    assert np.abs(scaled - (40 * raw + 250)).max() < 1e-9
    classifier.fold()
    assert classifier.scale == Scale()
    assert np.abs(classifier.all_logits(rows) - scaled).max() < 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [THREE, SEVERAL], ids=["one", "several"])
def test_a_cooled_head_answers_with_its_logits_divided_by_the_temperature(
    tiny_model: TinyModel, kind: str, labels: LabelSet
) -> None:
    classifier = made(tiny_model, kind, labels)
    _, last = head.output(classifier.model)
    with torch.no_grad():
        last.weight.mul_(30)
        last.bias.add_(torch.tensor([1.0, -2.0, 3.0]))
    rows = encoded(sequences([7, 30, 9, 3], vocabulary=int(classifier.model.config.vocab_size)))
    raw = classifier.all_logits(rows)
    classifier.cool(1.7)
    np.testing.assert_allclose(classifier.all_logits(rows), raw / 1.7, rtol=1e-6, atol=1e-5)  # some are above 30
    assert np.ptp(raw, axis=0).min() > 0.1


def test_numbers_are_learnt_on_the_scale_of_the_training_rows(tiny_model: TinyModel) -> None:
    classifier = made(tiny_model, "bert", VALUE)
    values = np.array([1.0, 2.0, 3.0, 6.0])
    classifier.scale = scale_of(values, classifier.model)
    assert classifier.scale == Scale(3.0, np.sqrt(3.5))
    given = batch([[5], [6], [7], [8]])
    held = classifier.labels(type(given)(given.ids, given.cu_seqlens, given.rows, values))
    assert held.dtype == torch.float32
    assert gap(held, torch.tensor((values - 3) / np.sqrt(3.5), dtype=torch.float32)) < 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_that_has_learnt_goes_on_with_its_answers_whatever_the_scale_of_the_new_numbers(
    tiny_model: TinyModel, kind: str
) -> None:
    classifier = made(tiny_model, kind, VALUE)
    rows = encoded(sequences([7, 30, 9, 3], vocabulary=int(classifier.model.config.vocab_size)))
    new = classifier.all_logits(rows)
    begin_in_units(classifier.model, Scale(3.0, 2.0))
    assert np.array_equal(classifier.all_logits(rows), new)  # it has learnt no units
    classifier.scale = Scale(250.0, 40.0)
    classifier.fold()
    before = classifier.all_logits(rows)
    for scale in (Scale(250.0, 40.0), Scale(-3.0, 0.5), Scale(1e5, 1e3)):
        classifier.scale = scale
        begin_in_units(classifier.model, scale)
        assert np.abs(classifier.all_logits(rows) - before).max() < 1e-6 * (abs(scale.mean) + 1e3)
        classifier.fold()
        assert np.abs(classifier.all_logits(rows) - before).max() < 1e-6 * (abs(scale.mean) + 1e3)


def test_equal_numbers_have_a_scale(tiny_model: TinyModel) -> None:
    assert scale_of(np.array([2.0, 2.0]), made(tiny_model, "bert", VALUE).model) == Scale(2.0, 1.0)


def test_a_head_without_a_bias_keeps_the_mean_outside_of_the_scale(tiny_model: TinyModel) -> None:
    model = made(tiny_model, "bert", VALUE).model
    model.classifier.bias = None
    assert scale_of(np.array([3.0, 4.0]), model) == Scale(0.0, np.sqrt(12.5))


def test_marks_are_held_against_logits_as_numbers(tiny_model: TinyModel) -> None:
    classifier = made(tiny_model, "bert", SEVERAL)
    given = batch([[5], [6]])
    marks = np.array([[True, False, True], [False, False, False]])
    held = classifier.labels(type(given)(given.ids, given.cu_seqlens, given.rows, marks))
    assert held.tolist() == [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (SEVERAL, "multi_label_classification"), (VALUE, "regression"),
        (LabelSet(("a", "b"), "b", ""), "single_label_classification"),
    ],
)  # fmt: skip
def test_the_configuration_says_which_kind_a_model_is_of(tiny_model: TinyModel, labels: LabelSet, problem: str) -> None:
    config = stock(tiny_model("bert"), labels=labels).config
    assert (config.problem_type, config.num_labels, kind_of(config)) == (problem, len(labels), labels.kind)
    config.problem_type = None
    assert kind_of(config) == "one"


def test_a_new_head_for_several_labels_begins_at_their_shares_and_an_old_one_where_it_was(
    tiny_model: TinyModel,
) -> None:
    for kind in ("bert", "roberta"):
        model = stock(tiny_model(kind), labels=SEVERAL)
        marks = np.array([[True, False, False]] * 3 + [[True, True, False]])
        begin_at_shares(model, marks, SeveralEntropies())
        bias = head.output(model)[1].bias.detach()
        # A share of 0 or 1 is that of one row more, which is otherwise.
        assert torch.sigmoid(bias).tolist() == pytest.approx([0.8, 0.25, 0.2])
        begin_at_shares(model, ~marks, SeveralEntropies())
        assert head.output(model)[1].bias.tolist() == bias.tolist()


def test_a_new_head_begins_at_a_half_where_yes_and_no_of_each_label_count_alike(tiny_model: TinyModel) -> None:
    model = stock(tiny_model("bert"), labels=SEVERAL)
    marks = np.array([[True, False, False]] * 3 + [[True, True, False]])
    begin_at_shares(model, marks, SeveralEntropies((0.01, 3.0, 100.0)))
    shares = torch.sigmoid(head.output(model)[1].bias.detach())
    assert shares.tolist() == pytest.approx([0.04 / 1.04, 0.5, 25 / 26])
