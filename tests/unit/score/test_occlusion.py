"""What words count for an answer: which words there are, and what leaving one out does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.artifacts import artifact
from whet.data.tokens import load_cutter
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.prediction import predictor
from whet.prediction.predictor import Predictor, predictions
from whet.records import Prediction
from whet.score import occlusion
from whet.score.occlusion import MOST_COPIES, attributions, log_odds, shared_out, stream, without, word_spans

TWO = LabelSet(("negative", "positive"), "positive", "by its name")
THREE = LabelSet(("a", "b", "c"), None, "")
SEVERAL = LabelSet(("joy", "love"), None, "", "several")
VALUE = LabelSet(("stars",), None, "", "value")
POINTS = {"superb": 3.0, "awful": -2.0, "nice": 1.0}


class Counting:
    """Answers by what the words of a text, and of its second, count: a linear model without a bias."""

    def __init__(self, labels: LabelSet) -> None:
        self.labels = labels
        self.asked: list[list[object]] = []

    def predict(
        self, texts: Sequence[str] | Sequence[tuple[str, str]], *, logits: bool = False,
        min_confidence: float | None = None,
    ) -> list[Prediction]:  # fmt: skip
        self.asked.append(list(texts))
        rows = [(text,) if isinstance(text, str) else text for text in texts]
        points = [sum(POINTS.get(word, 0.0) for text in row for word in text.split()) for row in rows]
        widths = {1: [1.0], 2: [0.0, 1.0], 3: [0.0, 1.0, -1.0]}[len(self.labels)]
        raw = np.array([[share * point for share in widths] for point in points])
        return predictions(
            [row[0] for row in rows], raw, [False] * len(rows), self.labels,
            thresholds={"joy": 0.5, "love": 0.5}, logits_too=logits,
        )  # fmt: skip


def named(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a superb film", ["a", "superb", "film"]),
        ("Good, really (good)!!", ["Good", ",", "really", "(", "good", ")!!"]),
        ("well-acted, isn't it?  :-)", ["well-acted", ",", "isn't", "it", "?", ":-)"]),
        ("배송이 빨라요! ㅠㅠ", ["배송이", "빨라요", "!", "ㅠㅠ"]),
        ("面白い film", ["面", "白", "い", "film"]),
        ("हिन्दी\nपाठ", ["हिन्दी", "पाठ"]),
        (" \t\n", []),
        ("", []),
    ],
)
def test_words_stand_between_white_space_and_marks_at_their_ends_are_words_of_their_own(
    text: str, words: list[str]
) -> None:
    assert named(text) == words


@given(st.text(max_size=60))
def test_words_are_in_order_and_have_every_letter_but_white_space(text: str) -> None:
    spans = word_spans(text)
    assert [at for span in spans for at in span] == sorted(at for span in spans for at in span)
    assert "".join(text[start:end] for start, end in spans) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("a superb film", "superb", "a film"),
        ("a superb film", "a", "superb film"),
        ("a superb film", "film", "a superb"),
        ("superb", "superb", ""),
        ("good, really", ",", "good really"),
        ("so  good", "good", "so "),
    ],
)
def test_of_the_spaces_that_would_meet_one_goes_with_the_word(text: str, word: str, left: str) -> None:
    start = text.index(word)
    assert without(text, (start, start + len(word))) == left


def test_a_very_long_text_has_spans_of_several_words_that_leave_none_out() -> None:
    text = " ".join(f"w{i}" for i in range(1_000))
    (spans,) = shared_out([word_spans(text)])
    assert len(spans) == MOST_COPIES
    assert " ".join(text[start:end] for start, end in spans) == text
    assert {len(text[start:end].split()) for start, end in spans} == {7, 8}


def test_the_two_texts_of_a_pair_share_the_copies_by_their_words() -> None:
    long, short = word_spans("x " * 999), word_spans("y")
    assert [len(part) for part in shared_out([long, short])] == [MOST_COPIES * 999 // 1_000, 1]
    assert [len(part) for part in shared_out([short, short])] == [1, 1]


# ---------------------------------------------------------------- weights


def test_a_weight_is_what_the_log_odds_lose_without_the_word() -> None:
    (found,) = attributions(Counting(TWO), ["a superb but awful film"])
    assert (found.text, found.label, found.text2, found.words2) == ("a superb but awful film", "positive", None, ())
    assert found.words == ((0, 1, 0.0), (2, 8, 3.0), (9, 12, 0.0), (13, 18, -2.0), (19, 23, 0.0))


def test_of_an_answer_the_other_way_the_same_words_have_the_other_sign() -> None:
    (found,) = attributions(Counting(TWO), ["a nice but awful film"])
    assert found.label == "negative"
    assert [weight for *_, weight in found.words] == [0.0, -1.0, 0.0, 2.0, 0.0]


def test_the_label_that_is_asked_for_is_explained_whatever_the_answer() -> None:
    (found,) = attributions(Counting(TWO), ["superb"], label="negative")
    assert (found.label, found.words) == ("negative", ((0, 6, -3.0),))


def test_of_three_labels_the_odds_are_against_the_two_others_together() -> None:
    (found,) = attributions(Counting(THREE), ["superb nice"], label="b")
    odds = [point - math.log(1 + math.exp(-point)) for point in (4.0, 1.0, 3.0)]
    assert [weight for *_, weight in found.words] == pytest.approx([odds[0] - odds[1], odds[0] - odds[2]])


def test_of_several_labels_the_likeliest_is_explained_on_its_own() -> None:
    (found,) = attributions(Counting(SEVERAL), ["superb nice"])
    assert (found.label, [weight for *_, weight in found.words]) == ("love", [3.0, 1.0])


def test_of_a_number_a_weight_is_its_change() -> None:
    (found,) = attributions(Counting(VALUE), ["superb awful"])
    assert (found.label, [weight for *_, weight in found.words]) == (None, [3.0, -2.0])


def test_of_a_pair_the_words_of_both_texts_have_weights() -> None:
    (found,) = attributions(Counting(TWO), [("a superb film", "awful")])
    assert (found.text, found.text2) == ("a superb film", "awful")
    assert found.words == ((0, 1, 0.0), (2, 8, 3.0), (9, 13, 0.0))
    assert found.words2 == ((0, 5, -2.0),)


def test_a_text_without_words_has_no_weights() -> None:
    assert [found.words for found in attributions(Counting(TWO), ["", " \n"])] == [(), ()]


def test_texts_are_asked_together_and_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(TWO)
    texts = ["superb film", "awful", "nice nice nice"]
    whole = attributions(counting, texts)
    assert [len(asked) for asked in counting.asked] == [3 + 2 + 4]
    assert counting.asked[0][:3] == ["superb film", "film", "superb"]
    monkeypatch.setattr(occlusion, "ASKED_AT_ONCE", 5)
    counting.asked.clear()
    assert attributions(counting, texts) == whole
    assert [len(asked) for asked in counting.asked] == [5, 4]


def test_no_texts_ask_nothing() -> None:
    counting = Counting(TWO)
    assert attributions(counting, []) == []
    assert counting.asked == []


@given(st.lists(st.lists(st.floats(-50, 50), min_size=3, max_size=3), min_size=1, max_size=4))
def test_log_odds_are_those_of_the_probability(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    for index in range(3):
        answers = predictions(["x"] * len(rows), logits, [False] * len(rows), THREE)
        for odds, answer in zip(log_odds(logits, index, THREE), answers, strict=True):
            assert 1 / (1 + math.exp(-odds)) == pytest.approx(answer.probabilities[THREE.names[index]], abs=1e-12)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("labels", "texts", "label", "message"),
    [
        (TWO, "superb", None, "explain: one string instead of a list of texts. Write explain([text])."),
        (
            TWO, ["superb"], "positiv",
            "explain: no label 'positiv'. Expected one of negative, positive. Did you mean 'positive'.",
        ),
        (
            VALUE, ["superb"], "stars",
            "explain: the label 'stars' of a regression. Leave it out: a number is explained.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(labels: LabelSet, texts: list[str], label: str, message: str) -> None:
    counting = Counting(labels)
    with pytest.raises(UsageError) as caught:
        attributions(counting, texts, label=label)
    assert caught.value.message == message
    assert counting.asked == []


# ---------------------------------------------------------------- with a model


@pytest.fixture(scope="module")
def loaded(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    import torch

    torch.manual_seed(3)
    model, _ = load_pretrained(find(str(tiny_bert)), TWO, layers=None)
    cutter = load_cutter(tiny_bert / "tokenizer.json", max_length=64, truncation="head-tail")
    folder = tmp_path_factory.mktemp("saved") / "model"
    artifact.save(folder, Classifier(model, device="cpu", seed=0), cutter, TWO, source=tiny_bert, card="")
    return predictor.load(folder, device="cpu", threads=1)


def test_an_explained_answer_is_the_answer_and_a_weight_the_difference_of_two(loaded: Predictor) -> None:
    texts = ["I loved every single moment.", "", "이 영화는 정말 재미있었고", "What a terrible film. " * 60]
    explained = [answer for chunk in stream(loaded, texts) for answer in chunk]
    for answer, plain in zip(explained, loaded.predict(texts), strict=True):
        assert (answer.text, answer.label, answer.truncated, answer.logits) == (*_told(plain), None)
        assert answer.score == pytest.approx(plain.score, abs=1e-6)
    first = explained[0].attribution
    assert first is not None
    whole, less = (log_odds(np.array([one.logits]), TWO.names.index(first.label or ""), TWO)[0]
                   for one in loaded.predict([texts[0], "I every single moment."], logits=True))  # fmt: skip
    assert first.words[1][:2] == (2, 7)
    assert first.words[1][2] == pytest.approx(whole - less, abs=1e-5)
    last = explained[3].attribution
    assert last is not None
    assert len(last.words) == MOST_COPIES


def _told(answer: Prediction) -> tuple[str, str | None, bool]:
    return answer.text, answer.label, answer.truncated


def test_words_that_the_model_does_not_see_weigh_nothing(loaded: Predictor, tiny_bert: Path) -> None:
    seen, unseen = "dreadful boring clumsy", "story " * 80
    heads = load_cutter(tiny_bert / "tokenizer.json", max_length=32, truncation="head")
    short = Predictor(artifact.Artifact(
        loaded.artifact.folder, loaded.artifact.classifier, heads, TWO, loaded.artifact.usage
    ))  # fmt: skip
    (found,) = attributions(short, [f"{seen} {unseen}"])
    assert all(abs(weight) > 1e-5 for *_, weight in found.words[:3])
    assert max(abs(weight) for *_, weight in found.words[50:]) < 1e-6
