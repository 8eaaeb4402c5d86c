"""Texts to predictions: order, empty and long texts, chunks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from whet.artifacts import artifact
from whet.data.tokens import encode_in_memory, load_cutter
from whet.errors import ModelError, UsageError
from whet.labels import LabelSet, label_set
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.prediction import predictor
from whet.prediction.predictor import Predictor, predictions
from whet.records import Prediction

LABELS = label_set(["부정", "긍정"], positive=None, source="test")
THREE = LabelSet(("a", "b", "c"), None, "")
TEXTS = (
    "I loved every single moment of this incredible story.",
    "",
    "What a terrible film. " * 60,
    "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다.",
    "\x00\ud800 \t\n",
    "I loved every single moment of this incredible story.",
    *(f"answers were wrong {'and nobody knows why ' * count}" for count in range(0, 24, 2)),
)


@pytest.fixture(scope="module")
def saved(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(3)
    model, _ = load_pretrained(find(str(tiny_bert)), LABELS, layers=None)
    cutter = load_cutter(tiny_bert / "tokenizer.json", max_length=64, truncation="head-tail")
    folder = tmp_path_factory.mktemp("saved") / "model"
    artifact.save(folder, Classifier(model, device="cpu", seed=0), cutter, LABELS, source=tiny_bert, card="")
    return folder


@pytest.fixture(scope="module")
def loaded(saved: Path) -> Predictor:
    return predictor.load(saved, device="cpu", threads=1)


def alike(one: Sequence[Prediction], other: Sequence[Prediction]) -> bool:
    """The same answers but for the rounding that another company in a batch brings."""
    return [(p.text, p.label, p.truncated) for p in one] == [(p.text, p.label, p.truncated) for p in other] and all(
        abs(a - b) < 1e-6
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left.probabilities.values(), right.probabilities.values(), strict=True)
    )


def test_the_size_of_a_text_is_about_its_tokens_and_never_more_than_a_model_sees(loaded: Predictor) -> None:
    sizes = loaded.artifact.sizes(TEXTS, None)
    assert sizes.shape == (len(TEXTS),)
    assert sizes.min() >= 2
    assert sizes.max() == 64


def test_a_loaded_model_proves_again_that_it_answers_as_it_was_saved(saved: Path) -> None:
    made = artifact.load(saved, device="cpu")
    made.prove()
    side = saved / "whet.json"
    before = side.read_text(encoding="utf-8")
    first = json.loads(before)["canaries"][0]["logits"][0]
    side.write_text(before.replace(str(first), str(first + 1), 1), encoding="utf-8")
    try:
        with pytest.raises(ModelError, match="answers its test texts differently"):
            made.prove()
    finally:
        side.write_text(before, encoding="utf-8")


def test_every_text_is_answered_in_order(loaded: Predictor) -> None:
    answers = loaded.predict(TEXTS)
    assert [answer.text for answer in answers] == list(TEXTS)
    assert all(list(answer.probabilities) == ["부정", "긍정"] for answer in answers)
    assert all(abs(sum(answer.probabilities.values()) - 1) < 1e-12 for answer in answers)
    assert all(answer.score == answer.probabilities[answer.label] for answer in answers)
    assert all(answer.score == max(answer.probabilities.values()) for answer in answers)
    assert len({answer.score for answer in answers}) > 10


def test_only_the_texts_that_were_cut_say_so(loaded: Predictor) -> None:
    cut = [answer.truncated for answer in loaded.predict(TEXTS)]
    assert cut[:6] == [False, False, True, False, False, False]
    assert True in cut[6:]
    assert False in cut[6:]


def test_no_texts_have_no_predictions(loaded: Predictor) -> None:
    assert loaded.predict([]) == []


def test_permuting_texts_permutes_predictions_and_nothing_else(loaded: Predictor) -> None:
    straight = loaded.predict(TEXTS)
    order = random.Random(0).sample(range(len(TEXTS)), len(TEXTS))
    mixed = loaded.predict([TEXTS[i] for i in order])
    assert order != sorted(order)
    assert alike(mixed, [straight[i] for i in order])


def test_a_text_is_answered_alone_as_in_company(loaded: Predictor) -> None:
    assert alike([loaded.predict([text])[0] for text in TEXTS], loaded.predict(TEXTS))


@pytest.mark.parametrize("rows", [1, 4, 7, len(TEXTS), len(TEXTS) + 1])
def test_chunks_change_nothing(loaded: Predictor, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    whole = loaded.predict(TEXTS)
    monkeypatch.setattr(predictor, "CHUNK_ROWS", rows)
    chunks = list(loaded.stream(TEXTS))
    full, rest = divmod(len(TEXTS), rows)
    assert [len(chunk) for chunk in chunks] == [rows] * full + [rest] * bool(rest)
    assert alike([answer for chunk in chunks for answer in chunk], whole)


def test_texts_are_taken_as_they_are_needed(loaded: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 3)
    taken: list[str] = []

    def texts() -> Iterator[str]:
        for text in TEXTS[:8]:
            taken.append(text)
            yield text

    chunks = loaded.stream(texts())
    assert taken == []
    assert [answer.text for answer in next(chunks)] == list(TEXTS[:3]) == taken
    assert [len(chunk) for chunk in chunks] == [3, 2]


def test_logits_come_only_when_asked_for(loaded: Predictor) -> None:
    assert {answer.logits for answer in loaded.predict(TEXTS)} == {None}
    raw = loaded.artifact.classifier.all_logits(encode_in_memory(TEXTS, loaded.artifact.cutter))
    given = [answer.logits for answer in loaded.predict(TEXTS, logits=True)]
    assert np.abs(raw - np.array(given, dtype=float)).max() < 1e-9


def test_the_predictor_knows_its_labels(loaded: Predictor) -> None:
    assert loaded.labels == LABELS


def test_threads_are_set_as_asked(saved: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        predictor.load(saved, device="cpu", threads=3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_folder_that_does_not_verify_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        predictor.load(tmp_path, device="cpu", threads=1)
    assert caught.value.message == f"{tmp_path}: no whet.json. Expected a model/ folder written by whet."


# ---------------------------------------------------------------- from logits


def test_logits_become_shares_of_one() -> None:
    logits = np.array([[0.0, np.log(3.0), -np.inf], [1000.0, 0.0, 0.0]])
    first, second = predictions(["x", "y"], logits, [False, True], THREE)
    assert (first.label, first.truncated, first.logits) == ("b", False, None)
    assert first.probabilities == pytest.approx({"a": 0.25, "b": 0.75, "c": 0.0})
    assert second == Prediction("y", "a", 1.0, {"a": 1.0, "b": 0.0, "c": 0.0}, True)


def test_of_equal_probabilities_the_first_label_is_given() -> None:
    (answer,) = predictions(["x"], np.zeros((1, 3)), [False], THREE)
    assert (answer.label, answer.score) == ("a", pytest.approx(1 / 3))


def test_no_logits_are_no_predictions() -> None:
    assert predictions([], np.zeros((0, 3)), [], THREE) == []


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-1e3, 1e3)))
def test_the_label_has_the_largest_probability_and_they_sum_to_one(logits: np.ndarray) -> None:
    answers = predictions(["x"] * len(logits), logits, [False] * len(logits), THREE, logits_too=True)
    for answer, row in zip(answers, logits, strict=True):
        assert abs(sum(answer.probabilities.values()) - 1) < 1e-9
        assert answer.score == max(answer.probabilities.values()) == answer.probabilities[answer.label]
        assert answer.logits == tuple(row)


def test_a_lone_string_is_refused_because_it_would_be_read_letter_by_letter() -> None:
    with pytest.raises(UsageError) as caught:
        Predictor(None).predict("Great fun.")
    assert caught.value.message == "predict: one string instead of a list of texts. Write predict([text])."


def test_memory_is_given_back_between_chunks_and_not_after_a_lone_one(
    loaded: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    trims: list[int] = []
    monkeypatch.setattr(predictor.heap, "trim", lambda: trims.append(1))
    loaded.predict(["a", "b"])
    assert trims == []
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 2)
    loaded.predict(["a", "b", "c", "d", "e"])
    assert trims == [1, 1]
