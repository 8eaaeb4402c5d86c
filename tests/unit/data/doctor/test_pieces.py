from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.unit.data.doctor.rows import texts
from whet.data.doctor import pieces
from whet.data.doctor.part import Part
from whet.data.tokens import Cutter, encode_in_memory, load_cutter
from whet.records import Finding

Load = Callable[..., Cutter]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A tokenizer of the words w0 to w99 that cuts at `max_length` tokens, two of them its own."""

    def make(max_length: int = 6, unknown: str | None = "[UNK]") -> Cutter:
        vocabulary = {name: i for i, name in enumerate(["[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(100))])}
        made = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        (tmp_path / "tokenizer.json").write_text(made.to_str(), encoding="utf-8")
        return load_cutter(tmp_path / "tokenizer.json", max_length=max_length, truncation="head")

    return make


def words(count: int) -> str:
    return " ".join(f"w{i % 100}" for i in range(count))


def looked(part: Part, cutter: Cutter, *, whole: bool = False) -> dict[str, Finding]:
    counts = pieces.counted(part, cutter, seed=1, whole=whole)
    return {finding.code: finding for finding in pieces.findings(part, counts, cutter)}


def test_what_is_cut_is_counted_in_rows_and_in_tokens(load: Load):
    found = looked(texts(words(3), words(4), words(5), words(8)), load())["truncated"]
    assert (found.severity, found.count, found.places) == ("warning", 2, ("line 4", "line 5"))
    assert found.figures == {"rows": 0.5, "tokens": 5 / 20}
    assert found.message == "train.csv: 2 rows have more than 6 tokens, 50.0 %: 25.0 % of all tokens are cut"


def test_what_the_tokenizer_does_not_know_is_counted(load: Load):
    found = looked(texts("w1 w2 x", "w3", "w4 w5"), load())["unknown_tokens"]
    assert (found.severity, found.count, found.places) == ("warning", 1, ("line 2",))
    assert found.message == (
        "train.csv: 1 row has letters unknown to the tokenizer, 33.3 %: 16.7 % of all tokens are unknown"
    )


def test_texts_that_fit_are_no_finding(load: Load):
    assert looked(texts("w1", "w2 w3", ""), load()) == {}
    assert looked(texts(), load()) == {}


def test_many_rows_are_told_by_a_sample_with_an_interval_and_by_all_on_demand(load: Load):
    part = texts(*(words(8 if i % 5 == 0 else 2) for i in range(5_000)))
    drawn, whole = looked(part, load())["truncated"], looked(part, load(), whole=True)["truncated"]
    assert whole.count == 1_000
    assert whole.figures == {"rows": 0.2, "tokens": 4_000 / 16_000}
    assert drawn.figures["sample"] == pieces.SAMPLE
    for share in ("rows", "tokens"):
        low, high = drawn.figures[f"{share}_interval"]
        assert low < whole.figures[share] < high
        assert high - low < 0.05
    assert drawn.message.startswith(f"train.csv: about {drawn.count:,} rows have more than 6 tokens, ")
    assert drawn.message.endswith(" of all tokens are cut (by 2,000 rows; --exact counts all)")


def test_the_same_seed_draws_the_same_rows(load: Load):
    part = texts(*(words(i % 9) for i in range(3_000)))
    one, other = (pieces.counted(part, load(), seed=7).rows for _ in range(2))
    assert (one == other).all()
    assert (one != pieces.counted(part, load(), seed=8).rows).any()
    assert len(np.unique(one)) == pieces.SAMPLE


def test_an_encoded_side_is_counted_exactly(load: Load):
    part = texts(words(3), words(5), "w1 x y", words(8), "x")
    cutter = load()
    found = {each.code: each for each in pieces.findings_of_encoded(
        part, encode_in_memory(part.texts, cutter), cutter, seed=1)}  # fmt: skip
    assert found == looked(part, cutter) | {
        "truncated": found["truncated"], "unknown_tokens": found["unknown_tokens"]
    }  # fmt: skip
    assert (found["truncated"].count, found["truncated"].figures) == (2, {"rows": 0.4, "tokens": 5 / 20})
    assert found["unknown_tokens"].count == 2
    assert found["unknown_tokens"].places == ("line 4", "line 6")
    assert found["unknown_tokens"].figures == {"rows": 0.4, "tokens": 3 / 15}  # of the tokens that are used


def test_of_many_cut_rows_some_tell_how_much_is_lost(load: Load, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pieces, "CUT_SAMPLE", 60)
    part = texts(*(words(5 + i % 7) for i in range(400)))
    cutter = load()
    (found,) = pieces.findings_of_encoded(part, encode_in_memory(part.texts, cutter), cutter, seed=1)
    exact = looked(part, cutter, whole=True)["truncated"]
    low, high = found.figures["tokens_interval"]
    assert (found.count, found.figures["rows"]) == (400, 1.0)
    assert low < exact.figures["tokens"] < high < low + 0.1


def test_chunks_cut_nothing_but_what_is_beyond_the_last(load: Load):
    cutter = replace(load(), truncation="chunks", most_chunks=2)  # 2 x 4 tokens
    part = texts(words(3), words(8), "w1 w2 w3 w4 w5 x", "x y", words(10))
    counted = looked(part, cutter)
    encoded = encode_in_memory(part.texts, cutter)
    found = {each.code: each for each in pieces.findings_of_encoded(part, encoded, cutter, seed=1)}
    for cut in (counted["truncated"], found["truncated"]):
        assert (cut.count, cut.places, cut.figures) == (1, ("line 6",), {"rows": 0.2, "tokens": 2 / 29})
        assert cut.message == (
            "train.csv: 1 row has more than 2 chunks of 6 tokens, 20.0 %: 6.9 % of all tokens are cut"
        )
        assert cut.todo == "Give a longer --max-length, where the model takes it"
    assert found["unknown_tokens"].places == ("line 4", "line 5")
    assert looked(texts(words(3), words(8)), cutter) == {}


def test_what_keeps_more_of_a_text_is_named(load: Load):
    head, pairs = load(), replace(load(), middle=(2,))
    assert [looked(texts(words(9)), cutter)["truncated"].todo for cutter in (head, pairs)] == [
        "Give a longer --max-length, where the model takes it, or keep the end too with --truncation head-tail"
        + more for more in (" or all with --truncation chunks", "")
    ]  # fmt: skip


def test_a_tokenizer_that_knows_everything_has_no_unknown_id():
    made = Tokenizer(models.BPE())
    assert pieces.unknown_id(Cutter(made, "", 8, "head", (), ())) is None


def test_a_very_long_text_is_told_by_its_beginning_unless_all_is_asked_for(load: Load, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pieces, "LONG", 30)
    part, cutter = texts("w1 " * 100 + "w1 w2 w3 " * 100, "w1"), load()
    assert pieces.counted(part, cutter, seed=1, whole=True).tokens.tolist() == [400, 1]
    assert pieces.counted(part, cutter, seed=1).tokens.tolist() == [400, 1]
    strange = texts("w1 w1 w1 w1 w1 w1 w1 w1 w1 w1 " + "odd " * 10_000)
    counts = pieces.counted(strange, cutter, seed=1)
    assert counts.unknown.tolist() == [0]  # none in the thirty characters that were looked at
    assert pieces.counted(strange, cutter, seed=1, whole=True).unknown.tolist() == [10_000]
