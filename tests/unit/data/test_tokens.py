"""Texts to ids: what is cut, what is kept on disk, and that both routes agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding, Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.conftest import TinyModel
from whet.data import tokens
from whet.data.tokens import Cutter, encode_in_memory, encode_to_disk, load_cutter
from whet.disk import durable
from whet.errors import ModelError
from whet.records import Encoded
from whet.settings.config import Truncation

PAD, UNK, CLS, SEP = 0, 1, 2, 3
WORDS = 200  # the word w7 has id 4 + 7


def tokenizer(words: int = WORDS) -> Tokenizer:
    vocab = {name: i for i, name in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(words))])}
    made = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    return made


Load = Callable[..., Cutter]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def make(max_length: int = 12, truncation: Truncation = "head", *, given: Tokenizer | None = None) -> Cutter:
        path = tmp_path / "tokenizer.json"
        path.write_text((given or tokenizer()).to_str(), encoding="utf-8")
        return load_cutter(path, max_length=max_length, truncation=truncation)

    return make


def words(*numbers: int) -> str:
    return " ".join(f"w{i}" for i in numbers)


def ids(*numbers: int) -> list[int]:
    return [4 + i for i in numbers]


def rows(encoded: Encoded) -> list[list[int]]:
    return [[int(i) for i in encoded.ids[a:b]] for a, b in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)]


def same(left: Encoded, right: Encoded) -> bool:
    return rows(left) == rows(right) and left.truncated.tolist() == right.truncated.tolist()


# ---------------------------------------------------------------- cuts


def test_max_length_counts_the_special_tokens(load: Load) -> None:
    cutter = load(max_length=6)
    assert (cutter.prefix, cutter.suffix, cutter.body_length) == ((CLS,), (SEP,), 4)
    coded, cut = cutter.encode([words(0, 1, 2), words(0, 1, 2, 3), words(0, 1, 2, 3, 4)])
    assert coded == [
        [CLS, *ids(0, 1, 2), SEP],
        [CLS, *ids(0, 1, 2, 3), SEP],
        [CLS, *ids(0, 1, 2, 3), SEP],
    ]
    assert cut == [False, False, True]


def test_head_tail_keeps_a_quarter_of_head_and_the_rest_of_tail(load: Load) -> None:
    coded, cut = load(max_length=10, truncation="head-tail").encode([words(*range(8)), words(*range(20))])
    assert coded == [[CLS, *ids(*range(8)), SEP], [CLS, *ids(0, 1), *ids(14, 15, 16, 17, 18, 19), SEP]]
    assert cut == [False, True]


def test_the_cut_of_510_tokens_is_128_and_382(load: Load) -> None:
    assert load(max_length=512, truncation="head-tail").kept_positions(1000) == (range(128), range(618, 1000))


@given(st.integers(3, 40), st.integers(0, 80), st.sampled_from(["head", "head-tail"]))
def test_what_is_kept_has_the_length_that_fits_in_the_order_of_the_text(
    max_length: int, length: int, truncation: Truncation
) -> None:
    cutter = Cutter(tokenizer(), "", max_length, truncation, (CLS,), (SEP,))
    coded, cut = cutter.encode([words(*range(length))])
    kept = cutter.kept_positions(length)
    positions = list(kept) if isinstance(kept, range) else [*kept[0], *kept[1]]
    assert coded == [[CLS, *ids(*positions), SEP]]
    assert len(coded[0]) == min(length + 2, max_length)
    assert positions == sorted(set(positions))
    assert cut == [length + 2 > max_length]
    assert positions[0] == 0 if length else positions == []


def test_the_smallest_max_length_keeps_one_token(load: Load) -> None:
    assert load(max_length=3, truncation="head-tail").encode([words(5, 6, 7)]) == ([[CLS, *ids(5), SEP]], [True])


def test_special_tokens_that_fill_max_length_are_a_model_error(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(max_length=2)
    assert caught.value.message == (
        f"{tmp_path / 'tokenizer.json'}: max_length 2 leaves no room for text beside 2 special tokens."
    )


def test_a_tokenizer_without_special_tokens_adds_none(load: Load) -> None:
    bare = tokenizer()
    bare.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    cutter = load(max_length=3, given=bare)
    assert (cutter.prefix, cutter.suffix) == ((), ())
    assert cutter.encode([words(1, 2, 3, 4)])[0] == [ids(1, 2, 3)]


def test_special_tokens_after_the_text_alone_are_found(load: Load) -> None:
    late = tokenizer()
    late.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]", pair="$A $B", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    assert load(max_length=4, given=late).encode([words(1, 2, 3)])[0] == [[*ids(1, 2), SEP, CLS]]


def test_truncation_and_padding_of_the_file_are_switched_off(load: Load) -> None:
    strict = tokenizer()
    strict.enable_truncation(3)
    strict.enable_padding(length=9, pad_id=PAD, pad_token="[PAD]")
    assert load(given=strict).encode([words(1, 2, 3, 4), words(5)])[0] == [
        [CLS, *ids(1, 2, 3, 4), SEP],
        [CLS, *ids(5), SEP],
    ]


# ---------------------------------------------------------------- beginnings of long texts


def word_pieces(**parts: Any) -> Tokenizer:
    """A BERT tokenizer of a few pieces, with other parts where they are given."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdeσς漢!", *(f"##{letter}" for letter in "abcdeσς")]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = parts.get("normalizer", normalizers.BertNormalizer())
    made.pre_tokenizer = parts.get("pre_tokenizer", pre_tokenizers.BertPreTokenizer())
    made.add_special_tokens(["[CLS]", "[SEP]", *parts.get("added", ())])
    made.post_processor = tokenizer().post_processor
    return made


def test_only_a_tokenizer_that_reads_word_by_word_is_given_beginnings(load: Load) -> None:
    assert load(given=word_pieces()).word_by_word
    assert not load(given=word_pieces(pre_tokenizer=pre_tokenizers.Metaspace())).word_by_word
    assert not load(given=word_pieces(normalizer=normalizers.Replace(" ", ""))).word_by_word
    assert not load(given=word_pieces(added=["of course"])).word_by_word
    assert not load().word_by_word


LETTERS = st.sampled_from([*"abcdABΣσς漢!q", "\u0301", "é", "\x00", "[SEP]"])
WORDS_AND_SPACES = st.lists(
    st.lists(LETTERS, min_size=1, max_size=8).map("".join)
    | st.sampled_from([" ", "\n", "\u00a0", "\u3000"]).map(lambda gap: gap * 9)
)


@settings(max_examples=300)
@given(st.lists(WORDS_AND_SPACES.map(" ".join), max_size=3), st.integers(3, 6))
def test_the_beginning_of_a_text_has_the_tokens_of_the_whole(texts: list[str], max_length: int) -> None:
    quick = Cutter(word_pieces(), "", max_length, "head", (CLS,), (SEP,), word_by_word=True)
    whole = Cutter(word_pieces(), "", max_length, "head", (CLS,), (SEP,))
    assert quick.encode(texts) == whole.encode(texts)


def test_only_the_beginning_of_a_long_text_is_tokenised_and_the_whole_where_that_is_too_little(load: Load) -> None:
    cutter = load(max_length=12, given=word_pieces())
    dense, sparse = "a b c d e " * 20, "aaaaaaaaaaa " * 3 + " " * 200 + "b c d"
    lengths = [len(body) for body in cutter.bodies([dense, "a b", sparse])]
    assert lengths == [27, 2, 33]  # of 55 characters; the last text has 36 tokens as a whole
    lone = " " * 60 + "a b c"
    assert cutter.encode([lone, dense]) == ([[CLS, 4, 5, 6, SEP], [CLS, *(4, 5, 6, 7, 8) * 2, SEP]], [False, True])


def test_a_tail_is_kept_of_the_whole_text(load: Load) -> None:
    cutter = load(max_length=6, truncation="head-tail", given=word_pieces())
    assert cutter.encode(["a " * 100 + "b c d"])[0] == [[CLS, 4, 5, 6, 7, SEP]]


# ---------------------------------------------------------------- texts


def test_an_empty_text_is_its_special_tokens(load: Load) -> None:
    assert load().encode(["", "  \n"]) == ([[CLS, SEP], [CLS, SEP]], [False, False])


def test_nul_and_lone_surrogates_are_cleaned_before_the_tokenizer_sees_them(load: Load, tmp_path: Path) -> None:
    texts = ["w\x001 w2", "w1 \ud800 w2", "w1 \ufffd w2"]
    assert load().encode(texts)[0] == [
        [CLS, *ids(1, 2), SEP],
        [CLS, *ids(1), UNK, *ids(2), SEP],
        [CLS, *ids(1), UNK, *ids(2), SEP],
    ]
    assert rows(encode_to_disk(texts, load(), tmp_path)) == load().encode(texts)[0]


def test_no_text_at_all(load: Load, tmp_path: Path) -> None:
    for encoded in (encode_in_memory([], load()), encode_to_disk([], load(), tmp_path)):
        assert (len(encoded), len(encoded.ids), encoded.offsets.tolist()) == (0, 0, [0])


# ---------------------------------------------------------------- files that are none


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_cutter(tmp_path / "tokenizer.json", max_length=8, truncation="head")
    assert caught.value.message == f"{tmp_path}: no tokenizer.json."


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"model": 3}', b"[1"])
def test_a_damaged_tokenizer_is_a_model_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_cutter(path, max_length=8, truncation="head")
    assert caught.value.message.startswith(f"{path}: not a tokenizer: ")
    assert caught.value.exit_code == 4


# ---------------------------------------------------------------- the cache

TEXTS = (words(1, 2), "", words(*range(30)), "unknown w3", words(7))


def test_the_disk_and_the_memory_give_the_same(load: Load, tmp_path: Path) -> None:
    on_disk = encode_to_disk(TEXTS, load(), tmp_path)
    assert same(on_disk, encode_in_memory(TEXTS, load()))
    assert rows(on_disk) == load().encode(TEXTS)[0]
    assert on_disk.truncated.tolist() == [False, False, True, False, False]
    assert on_disk.offsets.dtype == np.int64
    assert len(on_disk) == 5


def test_rows_over_several_chunks_are_one_encoding(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CHUNK_ROWS", 2)
    assert same(encode_to_disk(TEXTS, load(), tmp_path), encode_in_memory(TEXTS, load()))


def test_ids_take_two_bytes_where_the_vocabulary_allows_and_four_otherwise(load: Load, tmp_path: Path) -> None:
    texts = [words(0, 1)]
    assert encode_to_disk(texts, load(given=tokenizer(2**16 - 4)), tmp_path).ids.dtype == np.uint16
    last = [words(2**16 - 4)]
    large = encode_to_disk(last, load(given=tokenizer(2**16 - 3)), tmp_path)
    assert large.ids.dtype == np.uint32
    assert rows(large) == [[CLS, 2**16, SEP]]


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the tokenizer was given."""
    calls: list[int] = []
    real = Cutter.bodies

    def bodies(self: Cutter, texts: Sequence[str]) -> list[Encoding]:
        calls.append(len(texts))
        return real(self, texts)

    monkeypatch.setattr(Cutter, "bodies", bodies)
    return calls


def test_the_same_texts_are_tokenised_once(load: Load, tmp_path: Path, encodings: list[int]) -> None:
    first = encode_to_disk(TEXTS, load(), tmp_path)
    again = encode_to_disk(list(TEXTS), load(), tmp_path)
    assert encodings == [5]
    assert same(first, again)
    assert isinstance(again.ids, np.memmap)
    assert not again.ids.flags.writeable


def test_another_cut_tokenizer_or_order_is_another_entry(load: Load, tmp_path: Path, encodings: list[int]) -> None:
    encode_to_disk(TEXTS, load(), tmp_path)
    for cutter in (load(max_length=11), load(truncation="head-tail"), load(given=tokenizer(WORDS + 1))):
        encode_to_disk(TEXTS, cutter, tmp_path)
    encode_to_disk(TEXTS[::-1], load(), tmp_path)
    # The same letters, parted otherwise.
    encode_to_disk(["w1", "w2w3"], load(), tmp_path)
    encode_to_disk(["w1w2", "w3"], load(), tmp_path)
    assert encodings == [5, 5, 5, 5, 5, 2, 2]
    assert len(list((tmp_path / "tokens").iterdir())) == 7


def test_an_interrupted_writing_leaves_nothing_behind(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter = load()
    with monkeypatch.context() as broken:
        broken.setattr(tokens.np, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            encode_to_disk(TEXTS, cutter, tmp_path)
    assert list((tmp_path / "tokens").iterdir()) == []
    assert same(encode_to_disk(TEXTS, cutter, tmp_path), encode_in_memory(TEXTS, cutter))


def test_what_a_kill_left_behind_is_never_read(load: Load, tmp_path: Path) -> None:
    left = tmp_path / "tokens" / "tmp-abc"
    left.mkdir(parents=True)
    (left / "meta.json").write_text("{")
    assert same(encode_to_disk(TEXTS, load(), tmp_path), encode_in_memory(TEXTS, load()))
    assert left.is_dir()


def _cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero_its_end(path: Path) -> None:
    """What a loss of power leaves of a file whose length was on the disk before its content."""
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))


@pytest.mark.parametrize("name", ["ids.bin", "offsets.npy", "truncated.npy", "meta.json", durable.MANIFEST])
@pytest.mark.parametrize("damage", [Path.unlink, _cut_in_half, _zero_its_end, lambda path: path.write_bytes(b"")])
def test_a_damaged_entry_is_made_anew(
    load: Load, tmp_path: Path, encodings: list[int], name: str, damage: Callable[[Path], object]
) -> None:
    encode_to_disk(TEXTS, load(), tmp_path)
    (entry,) = (tmp_path / "tokens").iterdir()
    damage(entry / name)
    assert same(encode_to_disk(TEXTS, load(), tmp_path), encode_in_memory(TEXTS, load()))
    assert same(encode_to_disk(TEXTS, load(), tmp_path), encode_in_memory(TEXTS, load()))
    # Written, found damaged and written anew; each comparison encodes in memory.
    assert encodings == [5, 5, 5, 5]
    assert [folder.name for folder in (tmp_path / "tokens").iterdir()] == [entry.name]


def test_of_two_processes_with_the_same_texts_the_first_entry_stays(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter = load()
    encode_to_disk(TEXTS, cutter, tmp_path)
    (entry,) = (tmp_path / "tokens").iterdir()
    before = (entry / "ids.bin").stat().st_ino
    real, early = durable.damage, iter([f"{durable.MANIFEST} is missing", None])
    # The second process looked before the first had finished.
    monkeypatch.setattr(durable, "damage", lambda folder: next(early) or real(folder))
    assert same(encode_to_disk(TEXTS, cutter, tmp_path), encode_in_memory(TEXTS, cutter))
    assert (entry / "ids.bin").stat().st_ino == before
    assert [folder.name for folder in (tmp_path / "tokens").iterdir()] == [entry.name]


def test_an_entry_says_what_it_holds(load: Load, tmp_path: Path) -> None:
    encode_to_disk(TEXTS, load(), tmp_path)
    (entry,) = (tmp_path / "tokens").iterdir()
    assert json.loads((entry / "meta.json").read_text()) == {"format": 2, "dtype": "uint16", "rows": 5, "tokens": 25}


# ---------------------------------------------------------------- real tokenizers


@pytest.mark.parametrize("name", ["bert-base-uncased", "koelectra"])
@pytest.mark.parametrize("max_length", [6, 512])
def test_the_ids_are_those_of_transformers(shared: Path, name: str, max_length: int) -> None:
    transformers = pytest.importorskip("transformers")
    texts = [
        "",
        "This movie was absolutely fantastic! I highly recommend it.",
        "Tschüß, naïve café — 3.5 % of $1,000?!\n\ttabs <br /><br />",
        "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다.",
        "[SEP] in a text [MASK]",
        "unbelievablyextraordinarilylongwordswithoutspaces " * 40,
        "日本語 😀 \u200d\ufeff x",
    ]
    stock = transformers.AutoTokenizer.from_pretrained(shared / "tokenizers" / name)
    cutter = load_cutter(shared / "tokenizers" / name / "tokenizer.json", max_length=max_length, truncation="head")
    expected = [stock(text, truncation=True, max_length=max_length)["input_ids"] for text in texts]
    assert cutter.encode(texts)[0] == expected


# ---------------------------------------------------------------- pairs


@pytest.fixture
def load_pairs(tmp_path: Path) -> Load:
    def make(max_length: int = 12, truncation: Truncation = "head", *, given: Tokenizer | None = None) -> Cutter:
        path = tmp_path / "tokenizer.json"
        path.write_text((given or tokenizer()).to_str(), encoding="utf-8")
        return load_cutter(path, max_length=max_length, truncation=truncation, pair=True)

    return make


def test_a_pair_is_laid_out_as_the_tokenizer_does(load_pairs: Load) -> None:
    cutter = load_pairs()
    assert (cutter.prefix, cutter.middle, cutter.suffix, cutter.body_length) == ((CLS,), (SEP,), (SEP,), 9)
    assert cutter.encode([words(1, 2), words(3)], [words(5), words(6, 7)]) == (
        [[CLS, *ids(1, 2), SEP, *ids(5), SEP], [CLS, *ids(3), SEP, *ids(6, 7), SEP]],
        [False, False],
    )


def test_types_begin_with_the_second_text_where_the_tokenizer_has_them(load_pairs: Load, tmp_path: Path) -> None:
    assert load_pairs().typed is False
    typed = tokenizer()
    typed.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    cutter = load_pairs(given=typed)
    assert cutter.typed
    for encoded in (
        encode_in_memory([words(1, 2), ""], cutter, [words(5), words(6)]),
        encode_to_disk([words(1, 2), ""], cutter, tmp_path, [words(5), words(6)]),
    ):
        assert encoded.seconds is not None
        assert encoded.seconds.tolist() == [4, 2]
    assert encode_in_memory([], cutter, []).seconds is not None


def test_the_second_text_belongs_to_what_the_cache_knows_a_pair_by(load_pairs: Load, tmp_path: Path) -> None:
    cutter = load_pairs()
    first = encode_to_disk([words(1), words(2)], cutter, tmp_path, [words(3), words(4)])
    other = encode_to_disk([words(1), words(2)], cutter, tmp_path, [words(3), words(5)])
    assert rows(first) != rows(other)
    assert rows(encode_to_disk([words(1), words(2)], cutter, tmp_path, [words(3), words(4)])) == rows(first)


def test_head_tail_cuts_each_text_of_a_pair(load_pairs: Load) -> None:
    coded, cut = load_pairs(max_length=19, truncation="head-tail").encode([words(*range(20))], [words(*range(30, 60))])
    assert coded == [
        [CLS, *ids(0, 1), *ids(14, 15, 16, 17, 18, 19), SEP, *ids(30, 31), *ids(54, 55, 56, 57, 58, 59), SEP]
    ]
    assert cut == [True]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=5),
    st.integers(4, 40),
)
def test_pairs_are_cut_as_the_tokenizers_library_cuts_them(lengths: list[tuple[int, int]], max_length: int) -> None:
    cutter = Cutter(tokenizer(), "", max_length, "head", (CLS,), (SEP,), middle=(SEP,))
    texts, pairs = [words(*range(n)) for n, _ in lengths], [words(*range(100, 100 + m)) for _, m in lengths]
    theirs = tokenizer()
    theirs.enable_truncation(max_length, strategy="longest_first")
    expected = [coded.ids for coded in theirs.encode_batch(list(zip(texts, pairs, strict=True)))]
    coded, cut = cutter.encode(texts, pairs)
    assert coded == expected
    assert cut == [n + m + 3 > max_length for n, m in lengths]


@pytest.mark.parametrize(
    "kind", ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "deberta-v2"]
)
@pytest.mark.parametrize("max_length", [9, 16, 64])
def test_pairs_have_the_ids_and_types_of_transformers(tiny_model: TinyModel, kind: str, max_length: int) -> None:
    import transformers

    folder = tiny_model(kind)
    stock = transformers.AutoTokenizer.from_pretrained(folder)
    cutter = load_cutter(folder / "tokenizer.json", max_length=max_length, truncation="head", pair=True)
    texts = [
        "The story of this one was moving, I thought so all evening.",
        "What a film",
        "",
        "이 영화는 재미있었고",
        "",
    ]
    pairs = ["What a terrible film; I wasted my time.", "", "The music", "The story of this one was awful.", ""]
    theirs = stock(texts, pairs, truncation=True, max_length=max_length)
    encoded = encode_in_memory(texts, cutter, pairs)
    assert rows(encoded) == theirs["input_ids"]
    if encoded.seconds is not None and "token_type_ids" in theirs:
        assert [types.index(1) for types in theirs["token_type_ids"]] == encoded.seconds.tolist()
    else:
        assert not any(map(any, theirs.get("token_type_ids", [])))


@pytest.mark.parametrize("name", ["bert-base-uncased", "koelectra"])
def test_pairs_of_real_tokenizers_are_those_of_transformers(shared: Path, name: str) -> None:
    import transformers

    folder = shared / "tokenizers" / name
    stock = transformers.AutoTokenizer.from_pretrained(folder)
    texts = ["A man is playing a guitar. " * n for n in (0, 1, 3, 20, 40, 41)]
    pairs = ["누군가 기타를 친다, and a dog barks! " * n for n in (2, 0, 1, 40, 20, 39)]
    for max_length in (32, 127, 512):
        cutter = load_cutter(folder / "tokenizer.json", max_length=max_length, truncation="head", pair=True)
        theirs = stock(texts, pairs, truncation=True, max_length=max_length)
        encoded = encode_in_memory(texts, cutter, pairs)
        assert rows(encoded) == theirs["input_ids"]
        assert encoded.seconds is not None
        assert [types.index(1) for types in theirs["token_type_ids"]] == encoded.seconds.tolist()


# ---------------------------------------------------------------- chunks


def bodies_of(encoded: Encoded) -> list[list[list[int]]]:
    """Of each text the ids of its sequences, without their special tokens."""
    sequences = rows(encoded)
    assert all((row[0], row[-1]) == (CLS, SEP) for row in sequences)
    documents = list(range(len(encoded) + 1)) if encoded.documents is None else encoded.documents.tolist()
    return [[row[1:-1] for row in sequences[a:b]] for a, b in pairwise(documents)]


@given(st.lists(st.lists(st.integers(0, WORDS - 1), max_size=90), max_size=6), st.integers(3, 40), st.integers(1, 100))
def test_the_chunks_of_a_text_end_to_end_are_its_tokens(
    texts: list[list[int]], max_length: int, most_chunks: int
) -> None:
    cutter = Cutter(tokenizer(), "", max_length, "chunks", (CLS,), (SEP,), most_chunks=most_chunks)
    encoded = encode_in_memory([words(*text) for text in texts], cutter)
    assert len(encoded) == len(encoded.truncated) == len(texts)
    assert np.diff(encoded.offsets).max(initial=0) <= max_length
    seen = most_chunks * (max_length - 2)
    assert [list(chain.from_iterable(chunks)) for chunks in bodies_of(encoded)] == [ids(*text[:seen]) for text in texts]
    assert encoded.truncated.tolist() == [len(text) > seen for text in texts]


def test_texts_that_all_fit_are_encoded_as_with_head(load: Load) -> None:
    texts = [words(*range(10)), "", words(3)]
    ours, heads = (encode_in_memory(texts, load(truncation=truncation)) for truncation in ("chunks", "head"))
    assert same(ours, heads)
    assert ours.documents is None


def test_each_chunk_has_its_special_tokens_and_no_text_is_cut(load: Load) -> None:
    encoded = encode_in_memory([words(1), words(*range(12)), words(2)], load(max_length=7, truncation="chunks"))
    assert rows(encoded) == [
        [CLS, *ids(1), SEP], [CLS, *ids(0, 1, 2, 3), SEP], [CLS, *ids(4, 5, 6, 7), SEP], [CLS, *ids(8, 9, 10, 11), SEP],
        [CLS, *ids(2), SEP],
    ]  # fmt: skip
    assert encoded.documents is not None
    assert encoded.documents.tolist() == [0, 1, 4, 5]
    assert encoded.truncated.tolist() == [False, False, False]


def test_a_text_has_sixty_four_chunks_at_most(load: Load) -> None:
    text = words(*[i % WORDS for i in range(3 * 65)])
    encoded = encode_in_memory([text, text[: text.rindex(" w")]], load(max_length=5, truncation="chunks"))
    assert encoded.documents is not None
    assert encoded.documents.tolist() == [0, 64, 128]
    assert encoded.truncated.tolist() == [True, True]


def test_chunks_on_the_disk_are_those_in_memory(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CHUNK_ROWS", 2)
    cutter = load(max_length=6, truncation="chunks")
    texts = [words(1), words(2), words(*range(9)), "", words(*range(30))]
    on_disk, in_memory = encode_to_disk(texts, cutter, tmp_path), encode_in_memory(texts, cutter)
    assert same(on_disk, in_memory)
    assert on_disk.documents is not None and in_memory.documents is not None
    assert on_disk.documents.tolist() == in_memory.documents.tolist() == [0, 1, 2, 5, 6, 14]
    assert on_disk.documents.dtype == np.int64


def test_another_most_of_chunks_is_another_entry(load: Load, tmp_path: Path, encodings: list[int]) -> None:
    cutter, texts = load(max_length=6, truncation="chunks"), [words(*range(30))]
    for most in (64, 3, 64):
        found = encode_to_disk(texts, replace(cutter, most_chunks=most), tmp_path)
        assert found.truncated.tolist() == [most == 3]
    encode_to_disk(texts, load(max_length=6), tmp_path)
    assert encodings == [1, 1, 1]


def test_what_is_shown_of_a_text_is_all_of_its_chunks(load: Load) -> None:
    cutter = replace(load(max_length=5, truncation="chunks"), most_chunks=2)
    assert cutter.shown(words(1, 2, 3, 4)) == ([CLS, *ids(1, 2), SEP, CLS, *ids(3, 4), SEP], [True] * 8)
    assert cutter.shown(words(*range(7))) == (
        [CLS, *ids(0, 1, 2), SEP, CLS, *ids(3, 4, 5), SEP, *ids(6)], [*[True] * 10, False],
    )  # fmt: skip
    assert cutter.encode([words(1, 2, 3, 4), words(7)]) == (
        [[CLS, *ids(1, 2), SEP, CLS, *ids(3, 4), SEP], [CLS, *ids(7), SEP]], [False, False],
    )  # fmt: skip
    assert cutter.kept_positions(7) == range(6)
