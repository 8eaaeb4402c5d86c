"""A hermetic world for every test, and the small things that many of them need."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]

_scratch = Path(tempfile.mkdtemp(prefix="whet-tests-"))

# Before anything is imported, because huggingface_hub reads the environment at import.
for _name in (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "TRANSFORMERS_OFFLINE"),
    *("LC_ALL", "LC_MESSAGES", "LANGUAGE", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"),
    # A proxy would answer for the closed port below.
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
):
    os.environ.pop(_name, None)
os.environ.update(
    HF_ENDPOINT="http://127.0.0.1:9",  # the discard port: nobody listens
    HF_HOME=str(_scratch / "hub"),
    HF_HUB_DISABLE_TELEMETRY="1",
    WHET_CACHE=str(_scratch / "cache"),
    NO_COLOR="1",
    TERM="dumb",
    COLUMNS="100",
    LANG="C.UTF-8",
    OMP_NUM_THREADS="1",  # read when torch is loaded: one thread keeps sums alike on every machine
    # Threads that wait for one of theirs sleep. Otherwise they turn in a loop meanwhile, on the core that it would need
    # where other tests run beside.
    OMP_WAIT_POLICY="PASSIVE",
)

# A suite in the background was told to ignore these, which jobs obey, and tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

hypothesis.settings.register_profile("whet", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("whet")


def pytest_unconfigure() -> None:
    shutil.rmtree(_scratch, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _set_apart() -> None:
    """Every job calls the garbage collector, which would go through all that libraries and test modules hold by now:
    a quarter of the time of a small job."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Nothing waits for the disk: no test cuts the power. A tiny job flushes 25 times, a tenth of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True)
def _seeds() -> Iterator[None]:
    """Every test begins at the same random state, and leaves the environment as it was."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
        sys.modules["torch"].set_num_threads(1)  # a job that ran in a test before has set its own
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository, where there is one."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of real data is not beside the repository")
    return folder


GOOD = ("wonderful", "superb", "delightful", "moving", "brilliant", "charming")
BAD = ("dreadful", "boring", "clumsy", "awful", "tedious", "lifeless")
SUBJECTS = ("story", "acting", "music", "ending", "film")


def review_rows() -> list[tuple[str, str]]:
    """60 distinct (text, label) rows that one word tells apart, both labels 30 times, mixed."""
    rows = []
    for word_pair in zip(GOOD, BAD, strict=True):
        for subject in SUBJECTS:
            for word, label in zip(word_pair, ("positive", "negative"), strict=True):
                rows.append((f"The {subject} of this one was {word}, I thought so all evening.", label))
    return rows


@pytest.fixture
def reviews_csv(tmp_path: Path) -> Path:
    """A csv with the columns text and label: the 60 rows of `review_rows`."""
    path = tmp_path / "reviews.csv"
    lines = ["text,label", *(f'"{text}",{label}' for text, label in review_rows())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# ---------------------------------------------------------------- small models

KINDS = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "deberta-v2", "mpnet")

_CORPUS = (
    "The quick brown fox jumps over the lazy dog and runs into the deep dark forest again.",
    "I loved every single moment of this incredible story, and I highly recommend it to you.",
    "What a terrible film; I wasted my time watching it with two friends and a cold dinner.",
    "The plot was a bit confusing, but the acting was superb and the music never got in the way.",
    "Prices rose by 12.5 % in 2023, said the bank (a third of 40 asked did not agree)!",
    "Is it true? Yes: 7 of 9 answers were wrong, 68 were late, and nobody knows why.",
    "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다. 다시 보고 싶어요.",
    "시간이 아까운 영화였어요. 줄거리도 없고 음악도 별로였습니다.",
    *(f"The {subject} of this one was {word}, I thought so all evening." for subject in SUBJECTS for word in GOOD),
    *(f"The {subject} of this one was {word}, I thought so all evening." for subject in SUBJECTS for word in BAD),
)

TinyModel = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """kind -> folder of a random encoder of that architecture with its tokenizer, as
    `save_pretrained` writes it: 2 layers, 2 heads, 32 wide, 128 positions, a few hundred entries."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = _write_tiny_model(kind, tmp_path_factory.mktemp(f"tiny-{kind}"))
        return made[kind]

    return make


@pytest.fixture(scope="session")
def tiny_bert(tiny_model: TinyModel) -> Path:
    return tiny_model("bert")


def _write_tiny_model(kind: str, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel

    tokenizer = _tiny_tokenizer(kind)
    # RoBERTa and its kin begin to count positions after the padding id.
    positions = 130 if kind in ("roberta", "xlm-roberta", "mpnet") else 128
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    if kind == "distilbert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    if kind == "electra":
        sizes["embedding_size"] = 32
    if kind == "deberta-v2":
        sizes |= {"relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"]}
    if kind == "modernbert":
        # A global layer and a local one, whose window is shorter than most texts of the tests.
        sizes |= {"local_attention": 16, "cls_token_id": tokenizer.cls_token_id, "sep_token_id": tokenizer.sep_token_id}
        sizes |= dict.fromkeys(("embedding_dropout", "attention_dropout", "mlp_dropout", "classifier_dropout"), 0.1)
    config = AutoConfig.for_model(
        kind,
        **sizes,
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # Wide enough that attention to a wrong token shows in the logits.
        initializer_range=0.2,
    )
    # Whatever the test that comes first, the weights are the same, and its random state is kept.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModel.from_config(config)
    tokenizer.model_max_length = 128
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tiny_tokenizer(kind: str) -> Any:
    """The tokenizer class of the architecture, with the words and characters of `_CORPUS`.

    The vocabularies are written by hand where the trainers of `tokenizers` break ties by chance.
    """
    import transformers

    if kind == "roberta":
        vocab, merges = _byte_pairs()
        return transformers.RobertaTokenizer(vocab=vocab, merges=merges)
    if kind == "xlm-roberta":
        return transformers.XLMRobertaTokenizer(vocab=[*_unigrams("<s>", "<pad>", "</s>", "<unk>"), ("<mask>", 0.0)])
    if kind == "deberta-v2":
        pieces = [*_unigrams("[PAD]", "[CLS]", "[SEP]", "[UNK]"), ("[MASK]", 0.0)]
        return transformers.DebertaV2Tokenizer(vocab=pieces, unk_id=3)
    if kind == "modernbert":
        return _cased_byte_pairs()
    if kind == "mpnet":
        return transformers.MPNetTokenizer(vocab=_word_pieces("<s>", "<pad>", "</s>", "[UNK]", "<mask>"))
    classes = {"distilbert": transformers.DistilBertTokenizer, "electra": transformers.ElectraTokenizer}
    return classes.get(kind, transformers.BertTokenizer)(
        vocab=_word_pieces("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    )


def _word_pieces(*specials: str) -> dict[str, int]:
    from tokenizers import normalizers, pre_tokenizers

    normal = normalizers.BertNormalizer().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    words = sorted({word for line in _CORPUS for word, _ in split(normal(line))})
    letters = sorted({letter for word in words for letter in word})
    pieces = dict.fromkeys([*specials, *letters, *(f"##{letter}" for letter in letters), *words])
    return {piece: i for i, piece in enumerate(pieces)}


def _unigrams(*specials: str) -> list[tuple[str, float]]:
    words = sorted({f"▁{word}" for line in _CORPUS for word in line.split()})
    letters = sorted({letter for word in words for letter in word})
    scores = dict.fromkeys(specials, 0.0) | dict.fromkeys(letters, -8.0) | dict.fromkeys(words, -6.0)
    return list(scores.items())


def _cased_byte_pairs() -> Any:
    """As ModernBERT has them: byte pairs between [CLS] and [SEP], in the library's general class."""
    import tokenizers
    import transformers
    from tokenizers.processors import TemplateProcessing

    vocab, merges = _byte_pairs()
    names = {"<s>": "[CLS]", "<pad>": "[PAD]", "</s>": "[SEP]", "<unk>": "[UNK]", "<mask>": "[MASK]"}
    vocab = {names.get(piece, piece): i for piece, i in vocab.items()}
    inner = tokenizers.ByteLevelBPETokenizer(vocab, merges)._tokenizer
    ends = [(name, vocab[name]) for name in ("[CLS]", "[SEP]")]
    inner.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    named = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"], **named
    )


def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    import tokenizers

    trained = tokenizers.ByteLevelBPETokenizer()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(_CORPUS, vocab_size=500, special_tokens=specials, show_progress=False)
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]
