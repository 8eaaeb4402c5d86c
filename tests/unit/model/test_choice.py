"""`--model auto`: the table, and what becomes of it without a hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import review_rows
from whet.data.tokens import Cutter, load_cutter
from whet.errors import ModelError
from whet.hub import reach
from whet.model import embedded
from whet.model.choice import SAMPLE, TABLE, Choice, better, choose, doubt, language_of, script_of

ENGLISH = ["A fine film, naïve but moving.", "So-so: 3 of 10!"]
KOREAN = ["이 영화는 정말 재미있었어요", "별로였다 ㅋㅋ", "bad"]
RUSSIAN = ["Отличный фильм", "скучно"]

SMALL = "6 layers of width 384: an eighth of bert-base's arithmetic"
SMALL_KOREAN = "intfloat/multilingual-e5-small"

World = Callable[..., None]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    def make(*, cause: str = "", installed: bool = True) -> None:
        monkeypatch.setattr(reach, "unreachable_because", lambda: cause)
        monkeypatch.setattr(reach, "host", lambda: "hub.example")
        monkeypatch.setattr(embedded, "is_installed", lambda: installed)

    return make


def test_the_table_has_one_row_for_each_language_and_device() -> None:
    assert sorted((row.language, row.device) for row in TABLE) == sorted(
        (language, device) for language in ("english", "korean", "other") for device in ("cpu", "gpu")
    )


@pytest.mark.parametrize(
    ("texts", "device", "model", "reason"),
    [
        (ENGLISH, "cpu", "embedded", f"English texts on a CPU: {SMALL}"),
        (ENGLISH, "cuda", "google-bert/bert-base-uncased", "English texts on a GPU: the reference model for English"),
        (KOREAN, "cpu", SMALL_KOREAN, "Korean texts on a CPU: a small model of 100 languages, Korean among them"),
        (KOREAN, "mps", "klue/bert-base", "Korean texts on a GPU: pretrained on Korean"),
        (
            RUSSIAN,
            "cpu",
            "intfloat/multilingual-e5-small",
            "texts of another language on a CPU: a small model of 100 languages",
        ),
        (
            RUSSIAN,
            "xpu",
            "FacebookAI/xlm-roberta-base",
            "texts of another language on a GPU: pretrained on 100 languages",
        ),
    ],
)
def test_with_a_hub_the_table_is_followed(world: World, texts: list[str], device: str, model: str, reason: str) -> None:
    world()
    assert choose(texts, device=device) == Choice(model, reason)


def test_english_on_a_cpu_never_asks_the_hub(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world()
    monkeypatch.setattr(reach, "unreachable_because", lambda: pytest.fail("the hub was asked"))
    assert choose(ENGLISH, device="cpu").model == "embedded"


def test_without_the_package_the_same_model_comes_from_the_hub(world: World) -> None:
    world(installed=False)
    assert choose(ENGLISH, device="cpu") == Choice(
        "sentence-transformers/all-MiniLM-L6-v2",
        f"English texts on a CPU: {SMALL}",
    )


def test_korean_without_a_hub_gets_the_embedded_model_and_a_warning(world: World) -> None:
    world(cause="timed out")
    assert choose(KOREAN, device="cpu") == Choice(
        "embedded",
        f"the hub hub.example cannot be reached (timed out); {SMALL_KOREAN} would be the choice",
        "these are Korean texts, which the embedded English model reads badly; "
        f"with the hub at hand --model {SMALL_KOREAN} is the better choice",
    )


def test_english_on_a_gpu_without_a_hub_gets_the_embedded_model_without_a_warning(world: World) -> None:
    world(cause="timed out")
    assert choose(ENGLISH, device="cuda") == Choice(
        "embedded",
        "the hub hub.example cannot be reached (timed out); google-bert/bert-base-uncased would be the choice",
    )


@pytest.mark.parametrize("texts", [ENGLISH, KOREAN, RUSSIAN])
def test_with_neither_hub_nor_package_there_is_no_model(world: World, texts: list[str]) -> None:
    world(cause="timed out", installed=False)
    with pytest.raises(ModelError) as caught:
        choose(texts, device="cpu")
    assert caught.value.message == (
        "--model auto: the hub hub.example cannot be reached (timed out) and no model is installed. "
        'Run: pip install "whet[embedded]", or give --model a folder.'
    )


# ---------------------------------------------------------------- a given model


@pytest.fixture
def english_only(tiny_bert: Path) -> Cutter:
    """The tiny BERT's tokenizer, whose Korean words are a dozen."""
    return load_cutter(tiny_bert / "tokenizer.json", max_length=64, truncation="head")


def test_a_model_without_the_words_of_the_texts_is_doubted_and_the_tables_named(english_only: Cutter) -> None:
    texts = ["가나다라 마바사아 자차카타 파하거너"] * 20
    assert doubt("mine", english_only, texts, device="cpu") == (
        "the vocabulary of mine does not have the words of these texts: 1.1 tokens a letter and 11 % of them "
        f"unknown, so it will learn little of them; --model {SMALL_KOREAN} is the better choice "
        "(a small model of 100 languages, Korean among them)"
    )
    assert "--model klue/bert-base is the better choice" in doubt("mine", english_only, texts, device="cuda")


def test_a_model_with_the_words_is_named_where_another_lacks_them(english_only: Cutter) -> None:
    korean = ["가나다라 마바사아"] * 40
    assert better("mine", english_only, korean, device="cuda") == "klue/bert-base"
    assert better(SMALL_KOREAN, english_only, korean, device="cpu") == ""
    assert better("mine", english_only, [text for text, _ in review_rows()], device="cpu") == ""


def test_the_tables_own_model_is_doubted_without_advice(english_only: Cutter) -> None:
    said = doubt(SMALL_KOREAN, english_only, ["가나다라 마바사아"] * 40, device="cpu")
    assert said == (
        f"the vocabulary of {SMALL_KOREAN} does not have the words of these texts: 2.0 tokens a letter, "
        "so it will learn little of them"
    )


def test_a_model_with_the_words_of_the_texts_is_not_doubted(english_only: Cutter) -> None:
    texts = [text for text, _ in review_rows()]
    assert doubt("mine", english_only, texts, device="cpu") == ""


# ---------------------------------------------------------------- the script of texts


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (ENGLISH, "latin"),
        (["Æsop's naïve façade, Straße"], "latin"),
        (KOREAN, "hangul"),
        (["ㅋㅋㅋ ㅠㅠ"], "hangul"),
        (["great 영화다"], "hangul"),  # 3 of 8 letters: names and loan words are often Latin
        (["wonderful movie 영화"], "latin"),
        (RUSSIAN, "other"),
        (["映画はとても良かった"], "other"),
        (["فيلم رائع"], "other"),
        (["12345 !!! 😀"], "latin"),
        (["", ""], "latin"),
        ([], "latin"),
    ],
)
def test_the_script_is_that_of_most_letters(texts: list[str], script: str) -> None:
    assert script_of(texts) == script


def test_texts_are_looked_at_evenly_from_first_to_last() -> None:
    # A table sorted by language: its head alone would mislead.
    assert script_of(["good film"] * SAMPLE + ["좋은 영화"] * 3 * SAMPLE) == "hangul"
    assert script_of(["좋은 영화"] * SAMPLE + ["good film"] * 9 * SAMPLE) == "latin"


def test_one_long_text_does_not_outweigh_the_others() -> None:
    assert script_of(["좋은 영화였다 정말"] * 150 + ["x" * 10**6]) == "hangul"


FRENCH = ["Un film magnifique, porté par deux acteurs au sommet de leur art, et une fin qui bouleverse."] * 4
GERMAN = ["Der Film ist leider viel zu lang, und die Musik war auch nicht besser als das Drehbuch."] * 4


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (ENGLISH, "english"),
        (["The plot is thin, but you forgive it: this is acting of the first rank."] * 8, "english"),
        (FRENCH, "other"),
        (GERMAN, "other"),
        (["Magnifique"], "english"),  # too few words to tell
        (KOREAN, "korean"),
        (RUSSIAN, "other"),
    ],
)
def test_the_language_is_told_by_script_and_common_words(texts: list[str], language: str) -> None:
    assert language_of(texts) == language


def test_french_without_a_hub_gets_a_warning(world: World) -> None:
    world(cause="timed out")
    assert choose(FRENCH, device="cpu").warning.startswith("these are texts of another language, which the embedded")
