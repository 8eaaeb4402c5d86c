"""The model/ folder: what is in it, and that a folder that was tampered with is refused."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.conftest import KINDS, TinyModel
from whet.artifacts import artifact, sidefile
from whet.data.clean import clean_text
from whet.data.tokens import Cutter, encode_in_memory, load_cutter
from whet.disk import durable
from whet.errors import ModelError, OutputError
from whet.labels import LabelSet, label_set
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.records import Inputs, Usage
from whet.settings.config import Truncation

LABELS = label_set(["neg", "pos"], positive=None, source="test")
TEXTS = ("I loved this story.", "", "terrible film " * 200, "이 영화는 정말 재미있었고")


def classifier_of(folder: Path, labels: LabelSet) -> Classifier:
    import torch

    torch.manual_seed(1)
    model, _ = load_pretrained(find(str(folder)), labels, layers=None)
    return Classifier(model, device="cpu", seed=1)


def cutter_of(folder: Path, *, max_length: int = 100) -> Cutter:
    return load_cutter(folder / "tokenizer.json", max_length=max_length, truncation="head")


@pytest.fixture(scope="module")
def original(tiny_bert: Path) -> Classifier:
    return classifier_of(tiny_bert, LABELS)


@pytest.fixture(scope="module")
def saved(tiny_bert: Path, original: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    artifact.save(folder, original, cutter_of(tiny_bert), LABELS, source=tiny_bert, card="# A card\n")
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        artifact.load(folder, device="cpu")
    return caught.value.message


# ---------------------------------------------------------------- saving


def test_the_folder_holds_what_plain_transformers_and_whet_read(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [
        "MANIFEST.json", "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "whet.json",
    ]  # fmt: skip
    config = json.loads((saved / "config.json").read_text())
    assert config["id2label"] == {"0": "neg", "1": "pos"}
    assert config["label2id"] == {"neg": 0, "pos": 1}
    assert config["problem_type"] == "single_label_classification"
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert (saved / "README.md").read_text() == "# A card\n"
    assert json.loads((saved / "tokenizer_config.json").read_text())["model_max_length"] == 100


def test_nothing_of_whet_is_named_in_the_configuration_of_transformers(saved: Path) -> None:
    assert "whet" not in (saved / "config.json").read_text()
    assert "whet" not in (saved / "tokenizer_config.json").read_text()


def test_whet_json_says_how_texts_are_cut_and_what_the_model_answers(saved: Path, original: Classifier) -> None:
    side = json.loads((saved / "whet.json").read_text(encoding="utf-8"))
    canaries = side.pop("canaries")
    assert side == {
        "format": 2,
        "kind": "transformer",
        "task": "binary",
        "labels": ["neg", "pos"],
        "positive": "pos",
        "positive_reason": "by its name",
        "columns": {"text": "text", "pair": None},
        "max_length": 100,
        "truncation": "head",
        "temperature": None,
        "min_confidence": None,
    }
    texts = [canary["text"] for canary in canaries]
    assert (len(texts), tuple(texts[:-1])) == (16, artifact.CANARIES)
    encoded = encode_in_memory(texts, cutter_of(saved))
    assert encoded.truncated.tolist()[-1]
    given = original.all_logits(encoded)
    assert np.abs(given - [canary["logits"] for canary in canaries]).max() < 1e-6
    assert np.ptp(given, axis=0).min() > 0.01  # canaries that all get one answer would guard nothing


@pytest.mark.parametrize("truncation", get_args(Truncation))
def test_a_test_text_is_longer_than_what_a_model_sees_and_no_dearer_than_a_batch(
    tiny_bert: Path, truncation: Truncation
) -> None:
    for length, most in ((16, 64), (256, 600), (4_096, 700)):
        cutter = load_cutter(tiny_bert / "tokenizer.json", max_length=length, truncation=truncation)
        tokens = len(cutter.bodies([artifact._long(cutter)])[0])
        assert tokens > min(length, 512) - 2
        assert tokens < most or (truncation, length) == ("chunks", 4_096)


def test_test_texts_are_of_many_scripts_and_as_cleaning_leaves_them() -> None:
    assert len(set(artifact.CANARIES)) == 15
    assert [text for text in artifact.CANARIES if clean_text(text) != text] == []
    letters = {unicodedata.name(letter).split()[0] for text in artifact.CANARIES for letter in text if letter.isalpha()}
    assert letters >= {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "THAI", "HANGUL", "HIRAGANA", "CJK", "FULLWIDTH"}
    assert any(ord(letter) > 0xFFFF for text in artifact.CANARIES for letter in text)
    assert min(map(len, artifact.CANARIES)) == 0


def test_a_model_of_pairs_has_16_pairs_of_them() -> None:
    pairs = sidefile.canaries("of its own", pair=True)
    assert len(set(pairs)) == 16
    assert (pairs[0], pairs[-1]) == (artifact.CANARIES[:2], ("of its own", artifact.CANARIES[0]))


def test_a_folder_of_before_with_three_test_texts_is_loaded_and_proven_by_them(folder: Path) -> None:
    rewrite(folder / "whet.json", lambda document: document.update(canaries=document["canaries"][:3]))
    durable.seal(folder, free=[sidefile.CARD])
    artifact.load(folder, device="cpu").prove()
    rewrite(folder / "whet.json", lambda document: document["canaries"][2]["logits"].reverse())
    durable.seal(folder, free=[sidefile.CARD])
    assert "answers its test texts differently" in refused(folder)


def test_whet_json_keeps_the_template_of_a_text_and_its_columns(
    tiny_bert: Path, original: Classifier, tmp_path: Path
) -> None:
    usage = Usage(Inputs("{title}\n{body}", None, ("title", "body")))
    made = tmp_path / "model"
    artifact.save(made, original, cutter_of(tiny_bert), LABELS, source=tiny_bert, card="", usage=usage)
    side = json.loads((made / "whet.json").read_text(encoding="utf-8"))
    assert side["columns"] == {"text": "{title}\n{body}", "pair": None, "text_parts": ["title", "body"]}
    assert artifact.load(made, device="cpu").usage == usage


def test_a_folder_that_is_there_is_replaced_whole(folder: Path, tiny_bert: Path, original: Classifier) -> None:
    (folder / "left-over.txt").write_text("old")
    artifact.save(folder, original, cutter_of(tiny_bert), LABELS, source=tiny_bert, card="new")
    assert not (folder / "left-over.txt").exists()
    assert (folder / "README.md").read_text() == "new"


def test_a_save_that_fails_leaves_the_old_folder_and_no_scratch(
    folder: Path, tiny_bert: Path, original: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "check_tokenizer", full)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputError) as caught:
        artifact.save(folder, original, cutter_of(tiny_bert), LABELS, source=tiny_bert, card="new")
    assert caught.value.message == (
        f"{folder}: cannot be saved: No space left on device. Free space or mend the disk, and give the same command "
        "again."
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_head_and_tail_cut_shorter_than_the_test_texts_is_saved(
    tmp_path: Path, tiny_bert: Path, original: Classifier
) -> None:
    cutter = load_cutter(tiny_bert / "tokenizer.json", max_length=8, truncation="head-tail")
    assert all(cutter.encode(sidefile.SENTENCES)[1])
    artifact.save(tmp_path / "model", original, cutter, LABELS, source=tiny_bert, card="")
    assert artifact.load(tmp_path / "model", device="cpu").cutter.truncation == "head-tail"


@pytest.fixture
def in_chunks(tmp_path: Path, tiny_bert: Path, original: Classifier) -> Path:
    """A saved folder whose long texts are divided."""
    cutter = load_cutter(tiny_bert / "tokenizer.json", max_length=16, truncation="chunks")
    folder = tmp_path / "chunks"
    artifact.save(folder, original, replace(cutter, most_chunks=5), LABELS, source=tiny_bert, card="")
    return folder


def test_a_test_text_of_a_folder_for_chunks_has_several(in_chunks: Path) -> None:
    side = json.loads((in_chunks / "whet.json").read_text(encoding="utf-8"))
    assert side["chunks"] == {"most": 5, "pooling": "mean of the logits, by whet"}
    loaded = artifact.load(in_chunks, device="cpu")
    assert (loaded.cutter.truncation, loaded.cutter.most_chunks) == ("chunks", 5)
    texts = [canary["text"] for canary in side["canaries"]]
    encoded = encode_in_memory(texts, loaded.cutter)
    assert encoded.documents is not None
    assert np.diff(encoded.documents)[-1] > 1
    assert not encoded.truncated[-1]
    given = loaded.classifier.all_logits(encoded)
    assert np.abs(given - [canary["logits"] for canary in side["canaries"]]).max() < 1e-6


def test_chunks_that_are_pooled_otherwise_are_refused(in_chunks: Path) -> None:
    def last(document: dict[str, Any]) -> None:
        document["canaries"][-1]["logits"][0] += 0.01

    rewrite(in_chunks / "whet.json", last)
    shutil.rmtree(in_chunks / "MANIFEST.json", ignore_errors=True)
    durable.seal(in_chunks, free=[sidefile.CARD])
    with pytest.raises(ModelError, match="the model answers its test texts differently from when it was saved"):
        artifact.load(in_chunks, device="cpu").prove()


@pytest.mark.parametrize(
    "chunks", [None, {}, {"most": 5}, {"most": 0, "pooling": sidefile.POOLING}, {"most": 5, "pooling": "max"}]
)
def test_what_is_not_said_of_chunks_is_named(in_chunks: Path, chunks: object) -> None:
    rewrite(in_chunks / "whet.json", lambda document: document.update(chunks=chunks))
    assert "missing or unknown: chunks. " in refused(in_chunks)


def test_a_tokenizer_that_transformers_reads_otherwise_is_refused(
    tmp_path: Path, tiny_bert: Path, original: Classifier, tiny_model: TinyModel
) -> None:
    other = cutter_of(tiny_model("roberta"))
    with pytest.raises(ModelError) as caught:
        artifact.save(tmp_path / "model", original, other, LABELS, source=tiny_bert, card="")
    assert "the tokenizer of transformers and tokenizer.json disagree on a text" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("types", [1, 2])
def test_a_pair_has_the_same_answer_in_plain_transformers_whatever_types_a_model_has(
    tiny_bert: Path, tmp_path: Path, types: int
) -> None:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

    source, made = tmp_path / "source", tmp_path / "model"
    AutoModel.from_config(AutoConfig.from_pretrained(tiny_bert, type_vocab_size=types)).save_pretrained(source)
    for path in tiny_bert.glob("tokenizer*"):
        shutil.copy(path, source)
    cutter = load_cutter(source / "tokenizer.json", max_length=100, truncation="head", pair=True)
    usage = Usage(Inputs("text", "text2"))
    artifact.save(made, classifier_of(source, LABELS), cutter, LABELS, source=source, card="", usage=usage)
    ours, _ = artifact.load(made, device="cpu").logits(["I loved this story."], ["It was superb."])
    given = AutoTokenizer.from_pretrained(made)("I loved this story.", "It was superb.", return_tensors="pt")
    assert ("token_type_ids" in given) == (types == 2)
    with torch.no_grad():
        theirs = AutoModelForSequenceClassification.from_pretrained(made).eval()(**given).logits
    assert np.abs(theirs.numpy() - ours).max() < 1e-5


def test_others_may_read_the_folder(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in saved.iterdir()} == {0o644}


# ---------------------------------------------------------------- loading


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_answers_as_the_saved_one(kind: str, tiny_model: TinyModel, tmp_path: Path) -> None:
    source = tiny_model(kind)
    labels = label_set(["a", "b", "c"], positive=None, source="test")
    classifier, cutter = classifier_of(source, labels), cutter_of(source)
    artifact.save(tmp_path / "model", classifier, cutter, labels, source=source, card="")
    loaded = artifact.load(tmp_path / "model", device="cpu")
    before = classifier.all_logits(encode_in_memory(TEXTS, cutter))
    after = loaded.classifier.all_logits(encode_in_memory(TEXTS, loaded.cutter))
    assert np.abs(before - after).max() < 1e-5
    assert loaded.labels == labels
    assert loaded.classifier.packed == (kind != "mpnet")
    assert (loaded.cutter.max_length, loaded.cutter.truncation) == (100, "head")


def test_weights_of_another_training_are_found(folder: Path, tiny_bert: Path) -> None:
    import torch

    torch.manual_seed(2)
    other, _ = load_pretrained(find(str(tiny_bert)), LABELS, layers=None)
    other.save_pretrained(folder.parent / "other")
    shutil.copy(folder.parent / "other" / "model.safetensors", folder)
    message = refused(folder)
    assert message.startswith(f"{folder}: changed or damaged after it was saved: model.safetensors has sha256 ")
    assert message.endswith(". Restore the file, or train again.")


def test_a_card_may_be_changed(folder: Path) -> None:
    (folder / "README.md").write_text("# Our own words\n")
    assert artifact.load(folder, device="cpu").labels == LABELS


def test_a_change_of_the_computation_is_found_by_the_test_texts(folder: Path) -> None:
    rewrite(folder / "config.json", lambda config: config.update(hidden_act="relu"))
    durable.seal(folder)
    message = refused(folder)
    assert message.startswith(f"{folder}: the model answers its test texts differently from when it was saved (by ")
    assert message.endswith("). A file was changed or damaged; train again or restore it.")


def test_swapped_labels_are_refused_with_both_orders(folder: Path) -> None:
    def swap(config: dict[str, Any]) -> None:
        config["id2label"] = {"0": "pos", "1": "neg"}
        config["label2id"] = {"pos": 0, "neg": 1}

    rewrite(folder / "config.json", swap)
    durable.seal(folder)
    assert refused(folder) == (
        f"{folder}: config.json has the labels pos, neg. Expected neg, pos as in whet.json. "
        "One of the two files was changed; train again or restore it."
    )


@pytest.mark.parametrize("wrong", [{"temperature": "1.2"}, {"temperature": -1}, {"min_confidence": 1.5}])
def test_what_is_said_of_the_probabilities_is_checked(folder: Path, wrong: dict[str, object]) -> None:
    rewrite(folder / "whet.json", lambda side: side.update(wrong))
    assert f"missing or unknown: {next(iter(wrong))}. " in refused(folder)


def test_a_newer_format_is_refused_with_advice(folder: Path) -> None:
    rewrite(folder / "whet.json", lambda side: side.update(format=6))
    assert refused(folder) == f"{folder / 'whet.json'}: format 6. Expected 5 or lower. Upgrade whet."


def test_a_folder_without_whet_json_is_refused(folder: Path) -> None:
    (folder / "whet.json").unlink()
    assert refused(folder) == f"{folder}: no whet.json. Expected a model/ folder written by whet."


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert refused(folder) == (
        f"{folder}: changed or damaged after it was saved: tokenizer.json is missing. Restore the file, or train again."
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "damaged: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
        ("[" * 100_000, "damaged: maximum recursion depth exceeded while decoding a JSON array from a unicode string."),
        ("[]", "no format number."),
        ('{"format": "1"}', "no format number."),
        ('{"format": true}', "no format number."),
        (
            '{"format": 1, "truncation": "head", "kind": "transformer", "max_length": "100"}',
            "missing or unknown: task, labels, positive, positive_reason, max_length, canaries. "
            "Train again, or restore the file.",
        ),
    ],
)
def test_a_damaged_whet_json_is_refused(folder: Path, content: str, said: str) -> None:
    (folder / "whet.json").write_text(content)
    assert refused(folder) == f"{folder / 'whet.json'}: {said}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "forest"),
        ("truncation", "tail"),
        ("max_length", "100"),
        ("max_length", True),
        ("labels", "neg,pos"),
        ("labels", ["neg"]),
        ("labels", ["neg", 1]),
        ("positive", "spam"),
        ("positive", 1),
        ("positive_reason", None),
        ("columns", {"text": "text"}),
        ("columns", {"text": "text", "pair": None, "text_parts": ["text"]}),
        ("columns", {"text": "{a} {b}", "pair": None, "text_parts": ["a"]}),
        ("columns", {"text": "{a} {b", "pair": None, "text_parts": ["a", "b"]}),
        ("columns", {"text": "{a}", "pair": None, "text_parts": ["a"], "pair_parts": ["a"]}),
        ("canaries", {}),
        ("canaries", []),
        ("canaries", ["text"]),
        ("canaries", [{"text": "a"}]),
        ("canaries", [{"text": "a", "logits": [0.0]}]),
        ("canaries", [{"text": "a", "logits": ["x", "y"]}]),
        ("canaries", [{"text": 1, "logits": [0.0, 0.0]}]),
    ],
)
def test_a_wrong_value_in_whet_json_is_a_model_error(folder: Path, key: str, value: object) -> None:
    rewrite(folder / "whet.json", lambda side: side.update({key: value}))
    # Without the labels neither of the two can be judged.
    told = "labels, positive, canaries" if key == "labels" else key
    assert refused(folder) == f"{folder / 'whet.json'}: missing or unknown: {told}. Train again, or restore the file."


@pytest.mark.parametrize(
    "key", ["labels", "positive", "positive_reason", "max_length", "truncation", "kind", "canaries"]
)
def test_a_missing_key_in_whet_json_is_a_model_error(folder: Path, key: str) -> None:
    rewrite(folder / "whet.json", lambda side: side.pop(key))
    assert key in refused(folder)


def test_a_length_that_the_model_has_no_positions_for_is_refused(folder: Path) -> None:
    rewrite(folder / "whet.json", lambda side: side.update(max_length=2000))
    durable.seal(folder)
    assert refused(folder) == f"{folder / 'whet.json'}: max_length 2000. Expected at most 128, as config.json says."
