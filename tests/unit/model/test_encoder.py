"""Encoders with a new head: what is kept of the file, what is drawn, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2Model

from tests.conftest import KINDS, TinyModel
from tests.unit.small import PACKED, THREE, TWO, batch, classifier, gap, sequences, single_logits, stock
from whet.errors import ModelError
from whet.labels import LabelSet
from whet.model import encoder
from whet.model.encoder import (
    load_pretrained,
    load_saved,
    load_tokenizer,
    make_tokenizer_json,
    save,
    save_tokenizer,
)
from whet.model.files import ModelFiles

NUMBER = LabelSet(("score",), None, "", "value")
WEIGHT = "encoder.layer.0.output.dense.bias"


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the small BERT that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "model"))


def load(folder: Path, **options: Any) -> tuple[Any, list[str]]:
    return load_pretrained(
        ModelFiles("tiny", folder, "tiny"), options.pop("labels", TWO), layers=options.pop("layers", None)
    )


def fault(action: Callable[[], object]) -> str:
    with pytest.raises(ModelError) as caught:
        action()
    return caught.value.message


def config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    held = load_file(folder / "model.safetensors")
    change(held)
    save_file(held, folder / "model.safetensors", {"format": "pt"})


# ---------------------------------------------------------------- what is loaded


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoder_is_that_of_the_file_in_float32(tiny_model: TinyModel, kind: str) -> None:
    model, notices = load(tiny_model(kind))
    assert notices == []
    held = load_file(tiny_model(kind) / "model.safetensors")
    inner = model.base_model.state_dict()
    # Sequence heads have no use for the pooler.
    missing = {name for name in held if name not in inner}
    assert all(name.startswith("pooler.") for name in missing)
    assert all(torch.equal(inner[name], value) for name, value in held.items() if name not in missing)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_half_precision_on_disk_becomes_float32(folder: Path) -> None:
    weights(folder, lambda held: held.update({name: value.half() for name, value in held.items()}))
    config(folder, dtype="float16")
    model, _ = load(folder)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_head_has_the_names_of_the_labels(tiny_bert: Path) -> None:
    model, _ = load(tiny_bert, labels=THREE)
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert model.config.label2id == {"a": 0, "b": 1, "c": 2}
    assert model.config.num_labels == 3
    assert model.config.problem_type == "single_label_classification"
    assert model.classifier.weight.shape == (3, 32)


def test_the_head_is_drawn_from_the_seeded_stream(tiny_bert: Path) -> None:
    first, again, other = (stock(tiny_bert, seed=seed).classifier.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 2])
def test_the_first_layers_are_kept_to_the_bit(tiny_model: TinyModel, kind: str, layers: int) -> None:
    full, cut = stock(tiny_model(kind)), stock(tiny_model(kind), layers=layers)
    assert cut.config.num_hidden_layers == layers
    kept, whole = cut.base_model.state_dict(), full.base_model.state_dict()
    assert all(torch.equal(kept[name], whole[name]) for name in kept)
    dropped = {name for name in whole if name not in kept}
    assert (dropped == set()) == (layers == 2)
    assert all(re.search(r"\.layers?\.1\.", f".{name}") for name in dropped)


@pytest.mark.parametrize("kind", PACKED)
def test_a_shortened_model_gives_what_its_first_layer_gives(tiny_model: TinyModel, kind: str) -> None:
    full, cut = stock(tiny_model(kind)), stock(tiny_model(kind), layers=1)
    ids = torch.tensor([sequences([9], vocabulary=100)[0]])
    with torch.inference_mode():
        states = full.base_model(input_ids=ids, output_hidden_states=True).hidden_states
        first = full.base_model.final_norm(states[1]) if kind == "modernbert" else states[1]
        assert torch.equal(cut.base_model(input_ids=ids).last_hidden_state, first)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shortened_model_is_saved_and_read_as_such(tiny_model: TinyModel, kind: str, tmp_path: Path) -> None:
    cut = stock(tiny_model(kind), layers=1)
    save(cut, tmp_path)
    again = load_saved(tmp_path).eval()
    assert again.config.num_hidden_layers == 1
    rows = sequences([9, 30], vocabulary=100)
    with torch.inference_mode():
        assert torch.equal(single_logits(again, rows), single_logits(cut, rows))


def test_loaded_weights_lie_where_products_round_alike(tiny_bert: Path) -> None:
    assert {weight.data_ptr() % 64 for weight in stock(tiny_bert).parameters()} == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_fine_tuned_for_other_labels_gets_a_new_head_and_says_so(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    before = stock(tiny_model(kind), labels=THREE)
    save(before, tmp_path)
    after, notices = load(tmp_path, labels=TWO)
    assert notices == [
        "tiny was fine-tuned before; its head is kept for 0 of 2 labels; new: 'neg', 'pos'; dropped: 'a', 'b', 'c'"
    ]
    assert after.config.id2label == {0: "neg", 1: "pos"}
    inner = after.base_model.state_dict()
    assert all(torch.equal(inner[name], value) for name, value in before.base_model.state_dict().items())


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    """A small GPT-2 without a head, whose configuration names no padding token."""
    small = GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=60, n_positions=32, bos_token_id=0, eos_token_id=0)
    GPT2Model(small).save_pretrained(tmp_path / "decoder")
    return tmp_path / "decoder"


def test_the_head_of_a_decoder_is_new_and_is_kept_where_there_is_one(decoder: Path, tmp_path: Path) -> None:
    config(decoder, pad_token_id=0)
    model, notices = load(decoder)
    assert (notices, model.score.weight.shape) == ([], (2, 16))
    _, notices = load(decoder, labels=NUMBER)
    assert notices == []
    save(model, tmp_path / "tuned")
    kept, notices = load(tmp_path / "tuned")
    assert torch.equal(kept.score.weight, model.score.weight)
    assert notices == ["tiny was fine-tuned before; its head is kept for 2 of 2 labels"]


# ---------------------------------------------------------------- what is refused


def test_a_decoder_without_a_padding_token(decoder: Path) -> None:
    assert fault(lambda: load(decoder)) == (
        "tiny: gpt2 models read the last token before the padding, and config.json names no padding token. Expected a "
        "pad_token_id. Add one to its config.json: the id of a token that no text has, such as that of the end of a "
        "text."
    )


def test_an_encoder_weight_that_is_missing(folder: Path) -> None:
    weights(folder, lambda held: held.pop(WEIGHT))
    assert fault(lambda: load(folder)) == f"tiny: weights are missing: bert.{WEIGHT}. Expected a whole bert encoder."


def test_of_many_missing_weights_three_are_named(folder: Path) -> None:
    weights(folder, lambda held: [held.pop(name) for name in list(held) if ".layer.1." in name])
    assert fault(lambda: load(folder)) == (
        "tiny: weights are missing: bert.encoder.layer.1.attention.output.LayerNorm.bias, "
        "bert.encoder.layer.1.attention.output.LayerNorm.weight, "
        "bert.encoder.layer.1.attention.output.dense.bias and 13 more. Expected a whole bert encoder."
    )


def test_a_pooler_that_is_missing_belongs_to_the_new_head(folder: Path) -> None:
    weights(folder, lambda held: [held.pop(name) for name in list(held) if name.startswith("pooler.")])
    assert load(folder)[1] == []


def test_weights_of_another_shape_than_the_config_says(folder: Path) -> None:
    config(folder, max_position_embeddings=64)
    assert fault(lambda: load(folder)) == (
        f"{folder}: weights of another shape than config.json says: bert.embeddings.position_embeddings.weight."
    )


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_weight_that_is_not_finite(folder: Path, value: str) -> None:
    weights(folder, lambda held: held[WEIGHT].__setitem__(3, float(value)))
    assert fault(lambda: load(folder)) == f"{folder}: weights are not finite: bert.{WEIGHT}."


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda content: content[:-100], "incomplete metadata, file not fully covered"),
        (lambda content: b"\xff" * 1000, "header too large"),
        (lambda content: b"", "header too small"),
    ],
)
def test_a_damaged_file_of_weights(folder: Path, damage: Callable[[bytes], bytes], cause: str) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    expected = f"{folder}: model.safetensors is damaged: Error while deserializing header: {cause}."
    assert fault(lambda: load(folder)) == expected
    assert fault(lambda: load_saved(folder)) == expected


@pytest.mark.parametrize("content", ["{}", "{", '{"weight_map": {"x": "gone.safetensors"}}'])
def test_a_damaged_index_of_weights(folder: Path, content: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(content)
    assert fault(lambda: load(folder)).startswith(f"{folder}: the weights cannot be read: ")


def test_an_architecture_that_transformers_does_not_know(folder: Path) -> None:
    config(folder, model_type="brt")
    expected = (
        f"{folder / 'config.json'}: transformers knows no architecture 'brt'. "
        "Upgrade transformers, or choose another model."
    )
    assert fault(lambda: load(folder)) == expected
    assert fault(lambda: load_saved(folder)) == expected


def test_an_architecture_that_cannot_classify(folder: Path) -> None:
    config(folder, model_type="vit")
    assert fault(lambda: load(folder)).startswith(f"{folder}: the weights cannot be read: Unrecognized configuration")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("is_decoder", "yes", "is_decoder is 'yes'. Expected true or false."),
        ("hidden_size", "wide", "hidden_size is 'wide'. Expected 1 to 2,000,000."),
        ("layer_norm_eps", "little", "layer_norm_eps is 'little'. Expected a number."),
        ("layer_norm_eps", True, "layer_norm_eps is True. Expected a number."),
        ("hidden_act", None, "hidden_act is None. Expected a name."),
        ("chunk_size_feed_forward", "7", "chunk_size_feed_forward is '7'. Expected a whole number."),
    ],
)
def test_a_config_with_values_of_the_wrong_type(folder: Path, key: str, value: object, told: str) -> None:
    config(folder, **{key: value})
    assert fault(lambda: load(folder)) == f"{folder / 'config.json'}: {told}"
    assert fault(lambda: load_saved(folder)) == f"{folder / 'config.json'}: {told}"


def test_a_config_that_the_library_cannot_read(folder: Path) -> None:
    config(folder, id2label={"first": "a"})
    assert fault(lambda: load(folder)) == (
        f"{folder / 'config.json'}: invalid literal for int() with base 10: 'first'."
    )


def test_a_config_that_would_run_foreign_code_is_refused_here_too(folder: Path) -> None:
    config(folder, auto_map={"AutoConfig": "evil.Config"})
    expected = (
        f"{folder / 'config.json'}: config.json has auto_map, which would run foreign code. "
        "Use a model of transformers' own architectures."
    )
    assert fault(lambda: load(folder)) == expected
    assert fault(lambda: load_saved(folder)) == expected


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_gives_the_same_logits_here_and_in_plain_transformers(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    made = classifier(tiny_model(kind))
    save(made.model, tmp_path)
    document = (tmp_path / "config.json").read_text()
    assert "whet" not in document
    assert "attn_implementation" not in document
    assert json.loads(document)["id2label"] == {"0": "a", "1": "b", "2": "c"}
    rows = sequences([5, 17, 18], vocabulary=100)
    with torch.inference_mode():
        ours = made.logits(batch(rows))
        for loaded in (
            load_saved(tmp_path).eval(),
            transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path),
        ):
            assert gap(ours, single_logits(loaded, rows)) < 1e-5


def test_a_saved_model_that_lost_or_changed_a_weight_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    model = stock(tiny_bert)
    save(model, tmp_path)
    weights(tmp_path, lambda held: held.pop("classifier.bias"))
    assert fault(lambda: load_saved(tmp_path)) == (
        f"{tmp_path}: weights are missing or of another shape: classifier.bias."
    )
    save(model, tmp_path)
    config(tmp_path, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    assert fault(lambda: load_saved(tmp_path)) == (
        f"{tmp_path}: weights are missing or of another shape: classifier.bias, classifier.weight."
    )


# ---------------------------------------------------------------- tokenizers

TEXT = "The plot was a bit confusing, but the acting was superb."
# transformers 5.3 makes a tokenizer of a vocabulary file by a call that tokenizers has long deprecated, and still has.
of_a_vocabulary_file = pytest.mark.filterwarnings("ignore:Deprecated in 0.9.0:DeprecationWarning")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_gives_the_same_ids_and_knows_its_length(
    tiny_model: TinyModel, kind: str, tmp_path: Path
) -> None:
    save_tokenizer(tiny_model(kind), tmp_path, max_length=77)
    assert (tmp_path / "tokenizer.json").is_file()
    after = load_tokenizer(tmp_path)
    assert after.model_max_length == 77
    assert after(TEXT)["input_ids"] == load_tokenizer(tiny_model(kind))(TEXT)["input_ids"]


@pytest.fixture
def old(tiny_bert: Path, tmp_path: Path) -> Callable[..., Path]:
    """A folder with a vocabulary file instead of tokenizer.json, as older models have."""
    pieces = json.loads((tiny_bert / "tokenizer.json").read_text())["model"]["vocab"]

    def make(place: str, *, reverse: bool = False) -> Path:
        folder = tmp_path / place / "model"
        folder.mkdir(parents=True)
        shutil.copy(tiny_bert / "config.json", folder)
        names = sorted(pieces, key=pieces.__getitem__)
        if reverse:
            names = names[:5] + names[:4:-1]
        (folder / "vocab.txt").write_text("\n".join(names) + "\n")
        return folder

    return make


@of_a_vocabulary_file
def test_a_vocabulary_file_becomes_a_tokenizer_json_once(
    old: Callable[..., Path], tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tokenizers import Tokenizer

    folder, cache = old("a"), tmp_path / "cache"
    made = make_tokenizer_json(folder, cache)
    assert made.is_relative_to(cache)
    assert Tokenizer.from_file(str(made)).encode(TEXT).ids == load_tokenizer(tiny_bert)(TEXT)["input_ids"]
    monkeypatch.setattr(encoder, "load_tokenizer", lambda _: pytest.fail("made twice"))
    assert make_tokenizer_json(folder, cache) == made
    assert [path.name for path in made.parent.iterdir()] == ["tokenizer.json"]
    assert not (folder / "tokenizer.json").exists()


@of_a_vocabulary_file
def test_two_folders_of_one_name_do_not_share_a_tokenizer(old: Callable[..., Path], tmp_path: Path) -> None:
    first, second = old("a"), old("b", reverse=True)
    assert first.name == second.name
    made = [make_tokenizer_json(folder, tmp_path / "cache") for folder in (first, second)]
    assert made[0].read_text() != made[1].read_text()


def test_a_folder_without_any_vocabulary_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert fault(lambda: make_tokenizer_json(folder, tmp_path / "cache")) == (
        f"{folder}: no tokenizer.json and no vocabulary. Put the tokenizer's files beside the weights."
    )
