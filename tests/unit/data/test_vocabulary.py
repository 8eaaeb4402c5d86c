"""Whether a vocabulary is one for the texts: hand-made tokenizers whose figures can be counted, and real ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from whet.data.read import read
from whet.data.tokens import Cutter, load_cutter
from whet.data.vocabulary import LEAST_LETTERS, Fit, fit


def cutter_with(words: Sequence[str]) -> Cutter:
    """A WordPiece tokenizer with these words and their letters, as BERT's, which keeps case and accents."""
    letters = sorted({letter for word in words for letter in word})
    pieces = dict.fromkeys(["[UNK]", *letters, *(f"##{letter}" for letter in letters), *words])
    model = models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Cutter(tokenizer, "", 512, "head", (), ())


def test_words_of_the_vocabulary_are_a_good_fit_and_digits_and_marks_do_not_count() -> None:
    assert fit(cutter_with(["good", "film"]), ["good film!!! 10/10 ... :-)"] * 50) == Fit(0.25, 0.0, poor=False)


def test_an_alphabet_letter_by_letter_is_a_poor_fit() -> None:
    letters = cutter_with(list("фильмхорош"))
    assert fit(letters, ["фильм хорош"] * 50) == Fit(1.0, 0.0, poor=True)


def test_syllables_one_by_one_are_not_but_their_parts_are() -> None:
    texts = ["재미있는 영화", "좋은 영화"] * 50
    syllables = cutter_with(sorted({letter for text in texts for letter in text if letter != " "}))
    assert fit(syllables, texts) == Fit(1.0, 0.0, poor=False)
    parts = cutter_with([chr(code) for code in range(0x1100, 0x1200)])
    parts.tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)  # as the uncased models'
    found = fit(parts, texts)
    assert (round(found.tokens_a_letter, 2), found.unknown, found.poor) == (2.6, 0.0, True)


def test_unknown_words_are_a_poor_fit_and_a_tenth_of_them_is_not() -> None:
    known = cutter_with(["good"])
    assert fit(known, ["good good good bad"] * 50) == Fit(4 / 15, 0.25, poor=True)
    assert fit(known, ["good good good good good good good good good bad"] * 50) == Fit(10 / 39, 0.1, poor=False)


@pytest.mark.parametrize("texts", [[], ["", "12 !"], ["б" * (LEAST_LETTERS - 1)]])
def test_of_few_letters_nothing_is_said(texts: list[str]) -> None:
    assert fit(cutter_with(["good"]), texts) == Fit(0.0, 0.0, poor=False)
    assert fit(cutter_with(["good"]), ["б"] * LEAST_LETTERS).poor


def test_texts_are_looked_at_evenly_from_first_to_last() -> None:
    assert fit(cutter_with(["good"]), ["good"] * 2_000 + ["худо"] * 2_000).unknown == 0.5


def test_the_embedded_vocabulary_does_not_have_korean_and_has_english() -> None:
    embedded = pytest.importorskip("whet.model.embedded")
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    cutter = load_cutter(embedded.folder() / "tokenizer.json", max_length=512, truncation="head")
    korean = [str(text) for text in read("sample:reviews-ko").tables["train"].columns["text"]]
    english = [str(text) for text in read("sample:reviews").tables["train"].columns["text"]]
    found = fit(cutter, korean)
    assert found.poor
    assert 1.5 < found.tokens_a_letter < 1.8
    assert fit(cutter, [unicodedata.normalize("NFD", text) for text in korean]) == found
    assert not fit(cutter, english).poor


@pytest.mark.parametrize(("model", "poor"), [("koelectra", False), ("bert-base-uncased", True)])
def test_real_vocabularies_on_real_korean_reviews(shared: Path, model: str, poor: bool) -> None:
    cutter = load_cutter(shared / "tokenizers" / model / "tokenizer.json", max_length=512, truncation="head")
    for name in ("nsmc", "ko_hate"):
        source = read(shared / "data" / name / "train.parquet")
        texts = [str(text) for text in source.tables["train"].columns["text"][:2_000]]
        assert fit(cutter, texts).poor is poor, name
