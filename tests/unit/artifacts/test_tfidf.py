"""The model/ folder of a linear model: what is in it, and that one that was tampered with is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from tests.conftest import review_rows
from tests.faults.shim import KINDS, Kind, failing
from whet.artifacts import sidefile, tfidf
from whet.disk import durable
from whet.errors import ModelError, OutputError
from whet.labels import LabelSet
from whet.prediction import predictor
from whet.records import Floats, Inputs, Targets, Usage
from whet.score import linear
from whet.score.fitted import Linear

TEXTS = [text for text, _ in review_rows()]
GOOD = np.array([label == "positive" for _, label in review_rows()])
FIRST = [f"The {text.split()[1]} again." for text in TEXTS]
KOREAN = ["재미있는 영화였어요", "지루하고 별로예요", "배우의 연기가 좋았다", "음악이 별로였다"] * 15
NEW = ("A superb story", "clumsy music, all evening", "별로였어요 \x00", "", "ㅋㅋㅋ", "e\u0301 one", "\ud800 boring")

LABELS: dict[str, LabelSet] = {
    "two": LabelSet(("bad", "good"), "good", "by its name"),
    "three": LabelSet(("acting", "film", "story"), None, ""),
    "several": LabelSet(("praise", "story"), None, "", "several"),
    "value": LabelSet(("score",), None, "", "value"),
    "pair": LabelSet(("bad", "good"), "good", "by its name"),
    "korean": LabelSet(("bad", "good"), "good", "by its name"),
}
Saved = dict[str, tuple[Path, Linear]]


def targets_of(kind: str) -> Targets:
    story = np.array(["story" in text for text in TEXTS])
    if kind == "several":
        return np.column_stack([GOOD, story])
    if kind == "value":
        return 250 + np.arange(60) / 8 + 50 * GOOD
    if kind == "three":
        return np.where(story, 2, np.where(["acting" in text for text in TEXTS], 0, 1))
    return GOOD.astype(np.int64)


def usage_of(kind: str, model: Linear) -> Usage:
    thresholds = {} if model.thresholds is None else dict(zip(LABELS[kind].names, model.thresholds, strict=True))
    return Usage(Inputs("text", "text2" if kind == "pair" else None), thresholds)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Kind to a folder and the model that was saved there."""
    found: Saved = {}
    for kind, labels in LABELS.items():
        rows = tfidf.seen(FIRST, TEXTS) if kind == "pair" else tfidf.seen(KOREAN if kind == "korean" else TEXTS, None)
        model = linear.fit(rows, targets_of(kind), labels)
        assert model is not None
        folder = tmp_path_factory.mktemp(kind) / "model"
        tfidf.save(folder, model, labels, card="# A card\n", usage=usage_of(kind, model))
        found[kind] = folder, model
    return found


@pytest.fixture
def folder(saved: Saved, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(saved["two"][0], tmp_path / "model"))


def spoilt(folder: Path, name: str, change: Callable[[Any], Any]) -> str:
    """What is said of a folder one of whose files was changed by hand, and its manifest with it."""
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(change(json.loads(path.read_text())), ensure_ascii=False), encoding="utf-8")
    else:
        save_file(change(load_file(path)), path)
    durable.seal(folder, free=[sidefile.CARD])
    return refused(folder)


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        tfidf.load(folder)
    return caught.value.message.replace(str(folder), "model")


def asked(texts: Sequence[str], kind: str) -> tuple[Sequence[str], Sequence[str] | None]:
    return (texts, list(reversed(texts))) if kind == "pair" else (texts, None)


# ---------------------------------------------------------------- what is saved


def test_the_folder_has_weights_terms_and_how_the_model_is_asked(saved: Saved) -> None:
    folder, model = saved["two"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "MANIFEST.json", "README.md", "model.safetensors", "vocabulary.json", "whet.json"
    ]  # fmt: skip
    side = json.loads((folder / "whet.json").read_text(encoding="utf-8"))
    canaries = side.pop("canaries")
    assert side == {
        "format": 3, "kind": "linear", "task": "binary", "labels": ["bad", "good"], "positive": "good",
        "positive_reason": "by its name", "columns": {"text": "text", "pair": None}, "analyzer": "word",
        "ngrams": [1, 2], "temperature": None, "min_confidence": None,
    }  # fmt: skip
    assert [canary["text"] for canary in canaries[:-1]] == list(sidefile.CANARIES)
    terms = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    assert terms == sorted(terms)
    assert {"superb", "superb thought"} <= set(terms)
    assert all(term in canaries[-1]["text"] for term in (terms[0], terms[-1]))
    arrays = load_file(folder / "model.safetensors")
    assert {name: each.shape for name, each in arrays.items()} == {
        "weights": (len(terms), 1), "bias": (1,), "idf": (len(terms),)
    }  # fmt: skip
    assert arrays["weights"].tobytes() == model.weights.tobytes()


def test_texts_in_dense_scripts_have_pieces_of_words_for_terms(saved: Saved) -> None:
    side = sidefile.read(saved["korean"][0])
    assert (side["analyzer"], side["ngrams"]) == ("char_wb", [1, 3])


@pytest.mark.parametrize("kind", LABELS)
def test_a_saved_model_answers_bit_for_bit_as_it_did(saved: Saved, kind: str) -> None:
    folder, model = saved[kind]
    texts = asked([*NEW, *TEXTS[:5], *KOREAN[:2]], kind)
    loaded = tfidf.load(folder)
    logits, cut = loaded.logits(*texts)
    assert logits.tobytes() == model.logits(tfidf.seen(*texts)).tobytes()
    assert not cut.any()
    assert (loaded.labels, loaded.usage.inputs.pair) == (LABELS[kind], "text2" if kind == "pair" else None)


@settings(max_examples=25)
@given(texts=st.lists(st.text(max_size=40) | st.sampled_from([*NEW, *TEXTS[:4]]), min_size=1, max_size=6))
@pytest.mark.parametrize("kind", ["three", "pair", "korean"])
def test_a_text_is_answered_alike_alone_and_among_others(saved: Saved, kind: str, texts: list[str]) -> None:
    model = saved[kind][1]
    first, second = asked(texts, kind)
    together = model.logits(tfidf.seen(first, second))
    alone: list[Floats] = [
        model.logits(tfidf.seen([text], None if second is None else [second[place]]))[0]
        for place, text in enumerate(first)
    ]
    assert together.tobytes() == np.array(alone).tobytes()


def test_the_predictor_reads_the_answers_as_those_of_any_model(saved: Saved) -> None:
    found = predictor.load(saved["two"][0]).predict(["A superb story", "clumsy music"], logits=True)
    assert [one.label for one in found] == ["good", "bad"]
    assert [sum(one.probabilities.values()) for one in found] == pytest.approx([1, 1])
    assert found[0].logits is not None
    assert found[0].logits[0] == -found[0].logits[1]
    pair = predictor.load(saved["pair"][0]).predict([("The story again.", TEXTS[0])])
    assert (pair[0].label, pair[0].text2) == ("good", TEXTS[0])
    several = predictor.load(saved["several"][0]).predict([TEXTS[0], "clumsy"])
    assert [one.labels for one in several] == [("praise", "story"), ()]
    assert predictor.load(saved["value"][0]).predict([TEXTS[0]])[0].value == pytest.approx(300, abs=15)


def test_a_model_that_was_saved_again_replaces_the_one_before(folder: Path, saved: Saved) -> None:
    model = saved["three"][1]
    tfidf.save(folder, model, LABELS["three"], card="", usage=usage_of("three", model))
    assert tfidf.load(folder).labels == LABELS["three"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", ["whet.json", "vocabulary.json", "model.safetensors"])
def test_a_file_that_was_changed_or_lost_is_named(folder: Path, name: str) -> None:
    path = folder / name
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"superb", b"dreary", 1) if name == "vocabulary.json" else raw[:-1] + b"\n")
    assert f"changed or damaged after it was saved: {name} has " in refused(folder) or name == "whet.json"
    path.unlink()
    assert name in refused(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("vocabulary.json", lambda terms: terms[1:], "has weights ({full}, 1), idf ({full},)"),
        ("vocabulary.json", lambda terms: [*terms[:-1], terms[0]], "a term stands twice"),
        ("vocabulary.json", lambda terms: {"terms": terms}, "no list of terms"),
        ("vocabulary.json", lambda terms: [*terms[:-1], 7], "no list of terms"),
        ("vocabulary.json", lambda terms: terms[::-1], "answers its test texts differently"),
        ("model.safetensors", lambda each: {**each, "bias": each["bias"] + np.nan}, "no finite numbers: bias"),
        ("model.safetensors", lambda each: {**each, "idf": each["idf"].astype(np.float32)}, "idf is not in float64"),
        ("model.safetensors", lambda each: {"weights": each["weights"]}, "has weights. Expected weights, bias and idf"),
        ("model.safetensors", lambda each: {**each, "bias": each["bias"] + 1}, "answers its test texts differently"),
        ("model.safetensors", lambda each: {**each, "weights": -each["weights"]}, "answers its test texts differently"),
        ("whet.json", lambda side: {**side, "labels": ["bad", "good", "new"]}, "missing or unknown: canaries"),
        ("whet.json", lambda side: {**side, "analyzer": "char"}, "missing or unknown: analyzer, ngrams"),
        ("whet.json", lambda side: {**side, "ngrams": [1, 9]}, "missing or unknown: ngrams"),
        ("whet.json", lambda side: {**side, "temperature": 2.0}, "answers its test texts differently"),
        ("whet.json", lambda side: {**side, "kind": "forest"}, "missing or unknown: kind"),
        ("whet.json", lambda side: {**side, "format": 6}, "format 6. Expected 5 or lower. Upgrade whet"),
    ],
)
def test_what_was_changed_by_hand_is_told(folder: Path, name: str, change: Callable[[Any], Any], message: str) -> None:
    full = len(json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))
    assert message.format(full=full) in spoilt(folder, name, change)


def test_files_that_cannot_be_read_are_told(folder: Path) -> None:
    for name, content in (("vocabulary.json", b"[1"), ("model.safetensors", b"weights")):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        durable.seal(folder, free=[sidefile.CARD])
        assert refused(folder).startswith(f"model/{name}: damaged: ")
        (folder / name).write_bytes(kept)


# ---------------------------------------------------------------- what ends a save


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_ends_a_save_there_is_a_whole_model_or_none(tmp_path: Path, saved: Saved, kind: Kind) -> None:
    model = saved["two"][1]
    usage = usage_of("two", model)
    for at in range(1, 60):
        folder = tmp_path / str(at) / "model"
        if not ended(folder, model, usage, at, kind):
            break
        assert not folder.exists() or tfidf.load(folder).labels == LABELS["two"]
        tfidf.save(folder, model, LABELS["two"], card="", usage=usage)
        assert durable.damage(folder) is None
    assert at > 10


def ended(folder: Path, model: Linear, usage: Usage, at: int, kind: Kind) -> bool:
    """Saves while the `at`-th operation fails; whether there were as many."""
    import os

    def save() -> None:
        tfidf.save(folder, model, LABELS["two"], card="", usage=usage)

    if kind == "killed":
        child = os.fork()
        if not child:
            try:
                with failing(at, kind):
                    save()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with failing(at, kind) as shim:
        try:
            save()
        except OutputError as fault:
            assert shim.fired
            assert "cannot be saved: " in fault.message
    return shim.fired
