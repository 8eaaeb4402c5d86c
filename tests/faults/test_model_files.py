"""M: pretrained models that are damaged, hostile or not what they say.

Exit code 4 and the file's name; nothing that the folder brings is ever run. What a training wrote itself, damaged file
by file: test_damages.py.
"""

from __future__ import annotations

import json
import pickle
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import review_rows
from tests.faults.conftest import names, told
from tests.faults.test_checkpoint_files import Payload
from tests.flows.conftest import Command, Ended, content_of, events_of, write_csv

EVIL = "from pathlib import Path\nPath('canary').touch()\n"


@pytest.fixture
def model(here: Path, tiny_bert: Path) -> Path:
    """A copy of the tiny BERT that a test may spoil, and the reviews beside it."""
    write_csv(here / "reviews.csv", review_rows())
    return Path(shutil.copytree(tiny_bert, here / "model"))


@pytest.fixture
def train(whet: Command, model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """The command on it, in a process that reaches nobody."""

    def unreachable(*_: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    brief = ("--epochs", "1", "--threads", "1", "--no-baseline")
    return lambda *arguments: whet("train", "reviews.csv", "--model", "./model", *brief, *arguments)


def rewrite(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def reweigh(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def code(model: Path) -> None:
    """Modules under every name that a library could look for."""
    for name in ("modeling_evil", "modeling_bert", "configuration_bert", "tokenization_bert", "transformers", "torch"):
        (model / f"{name}.py").write_text(EVIL)


# ---------------------------------------------------------------- M6, M7


def test_pickled_weights_are_refused_and_never_opened(train: Callable[..., Ended], model: Path, here: Path) -> None:
    """M6"""
    (model / "model.safetensors").unlink()
    for name in ("pytorch_model.bin", "model.ckpt", "training_args.bin"):
        (model / name).write_bytes(pickle.dumps(Payload(here / "canary")))
    told(
        train(),
        4,
        "./model: only pickled weights (model.ckpt, pytorch_model.bin, training_args.bin). Expected model.safetensors. "
        "Choose a model with safetensors weights.",
    )
    assert names(here) == ["model", "reviews.csv"]


def test_pickles_beside_the_weights_are_not_opened(train: Callable[..., Ended], model: Path, here: Path) -> None:
    """M6"""
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "rng_state.pth"):
        (model / name).write_bytes(pickle.dumps(Payload(here / "canary")))
    assert train().code == 0
    assert names(here) == ["model", "reviews.csv", "runs"]


def test_a_pickle_that_calls_itself_safetensors_is_refused(
    train: Callable[..., Ended], model: Path, here: Path
) -> None:
    """M7"""
    (model / "model.safetensors").write_bytes(pickle.dumps(Payload(here / "canary")))
    told(
        train(),
        4,
        f"{model}: model.safetensors is damaged: Error while deserializing header: header too large.",
    )
    assert names(here) == ["model", "reviews.csv"]


# ---------------------------------------------------------------- M8, M9

FOREIGN_CODE = (
    "{path}: config.json has {keys}, which would run foreign code. Use a model of transformers' own architectures."
)


@pytest.mark.parametrize(
    ("values", "keys"),
    [
        ({"auto_map": {"AutoModelForSequenceClassification": "modeling_evil.Evil"}}, "auto_map"),
        ({"auto_map": {"AutoConfig": "evil/hub--configuration.Evil"}}, "auto_map"),
        ({"trust_remote_code": True}, "trust_remote_code"),
        ({"model_file": "modeling_evil.py"}, "model_file"),
        ({"custom_pipelines": {"text-classification": {"impl": "evil.Evil"}}}, "custom_pipelines"),
        ({"_attn_implementation": "evil/kernel"}, "_attn_implementation"),
        ({"_attn_implementation_internal": "evil/kernel"}, "_attn_implementation_internal"),
        ({"attn_implementation": "evil/kernel"}, "attn_implementation"),
        ({"experts_implementation": "evil/kernel"}, "experts_implementation"),
        ({"use_kernels": True, "kernel_config": {"kernel_mapping": {}}}, "use_kernels, kernel_config, kernel_mapping"),
        ({"transformers_weights": "../pytorch_model.bin"}, "transformers_weights"),
        ({"text_config": [{"deep": {"auto_map": {}}}]}, "auto_map"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_configuration_that_names_code_is_refused_before_the_library_sees_it(
    train: Callable[..., Ended], model: Path, here: Path, values: dict[str, Any], keys: str
) -> None:
    """M8"""
    code(model)
    rewrite(model / "config.json", **values)
    told(train(), 4, FOREIGN_CODE.format(path=model / "config.json", keys=keys))
    assert names(here) == ["model", "reviews.csv"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "evil"}, "transformers knows no architecture 'evil'. Upgrade transformers, or choose another "
         "model."),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
         "quantised weights (quantization_config). Expected weights in full."),
        ({"quantization_config": 3}, "quantised weights (quantization_config). Expected weights in full."),
        ({"num_labels": 10**9}, "num_labels is 1000000000. Expected 1 to 2,000,000."),
        ({"num_hidden_layers": -1}, "num_hidden_layers is -1. Expected 1 to 2,000,000."),
        ({"hidden_size": 10**9}, "hidden_size is 1000000000. Expected 1 to 2,000,000."),
        ({"vocab_size": "many"}, "vocab_size is 'many'. Expected 1 to 2,000,000."),
        ({"dtype": "evil"}, "module 'torch' has no attribute 'evil'."),
        ({"id2label": {"x": "y"}}, "invalid literal for int() with base 10: 'x'."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_configuration_of_another_kind_or_size_is_refused_by_its_key(
    train: Callable[..., Ended], model: Path, here: Path, values: dict[str, Any], said: str
) -> None:
    """M8: some of them hung, took all memory or ended in a traceback of the library."""
    rewrite(model / "config.json", **values)
    told(train(), 4, f"{model / 'config.json'}: {said}")
    assert names(here) == ["model", "reviews.csv"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pad_token_id": 10**6}, "Padding_idx must be within num_embeddings."),
        ({"num_attention_heads": 7}, "The hidden size (32) is not a multiple of the number of attention heads (7)."),
        ({"hidden_act": "__import__('os').system('touch canary')"}, "\"__import__('os').system('touch canary')\"."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_configuration_that_no_model_can_be_made_of_is_refused(
    train: Callable[..., Ended], model: Path, here: Path, values: dict[str, Any], said: str
) -> None:
    """M8"""
    rewrite(model / "config.json", **values)
    told(train(), 4, f"{model}: the weights cannot be read: {said}")
    assert names(here) == ["model", "reviews.csv"]


def test_an_adapter_is_not_followed_to_its_model(train: Callable[..., Ended], model: Path) -> None:
    """M8"""
    (model / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base", "peft_type": "LORA"}')
    told(train(), 4, "./model: an adapter (adapter_config.json). Expected the weights of a whole model.")


def test_code_in_the_folder_of_a_model_is_left_alone_and_that_is_said(
    train: Callable[..., Ended], model: Path, here: Path
) -> None:
    """M9"""
    code(model)
    rewrite(model / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_bert.Evil", None]})
    ended = train()
    assert (ended.code, ended.errors) == (0, [])
    (run,) = (here / "runs").iterdir()
    (said,) = [event["message"] for event in events_of(run) if "code" in event.get("message", "")]
    assert (
        said
        == "./model brings code, which is not run: configuration_bert.py, modeling_bert.py, modeling_evil.py and 3 more"
    )
    assert names(here) == ["model", "reviews.csv", "runs"]
    assert not list((run / "model").glob("*.py"))
    assert "auto_map" not in (run / "model" / "config.json").read_text()


# ---------------------------------------------------------------- M10


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "tokenizer.json: not a tokenizer: Model missing. at line 1 column 2."),
        (b"", "tokenizer.json: not a tokenizer: EOF while parsing a value at line 1 column 0."),
        (b"[" * 100_000, "tokenizer.json: not a tokenizer: invalid type: sequence, expected struct Tokenizer at line 1 "
         "column 1."),
        (b"\xff\xfe", "tokenizer.json: not a tokenizer: 'utf-8' codec can't decode byte 0xff in position 0: invalid "
         "start byte."),
    ],
    ids=["empty object", "empty", "deep", "no UTF-8"],
)  # fmt: skip
def test_a_damaged_tokenizer_is_named(
    train: Callable[..., Ended], model: Path, here: Path, content: bytes, said: str
) -> None:
    """M10"""
    (model / "tokenizer.json").write_bytes(content)
    told(train(), 4, f"{model}/{said}")
    assert names(here) == ["model", "reviews.csv"]


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000], ids=["cut off", "list", "deep"])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
def test_what_stands_beside_a_tokenizer_is_read_with_the_same_care(
    train: Callable[..., Ended], model: Path, here: Path, file: str, content: str
) -> None:
    """M10"""
    (model / file).write_text(content)
    ended = train()
    (error,) = ended.errors
    assert error.startswith(f"{model}: the tokenizer cannot be read: ")
    assert (ended.code, ended.out) == (4, "")
    (run,) = (here / "runs").iterdir()
    assert json.loads((run / "error.json").read_text())["exit_code"] == 4
    assert not (run / "model").exists()


def test_a_pattern_that_never_ends_is_a_fault_of_the_tokenizer(
    train: Callable[..., Ended], model: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M10: the library panics, which is no Exception."""
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    rewrite(model / "tokenizer.json", pre_tokenizer=pattern)
    write_csv(here / "reviews.csv", [*review_rows(), ("a" * 60 + "!", "positive")])
    told(
        train(),
        4,
        "tokenizer.json: the tokenizer fails at a text: Onig: Regex search error: retry-limit-in-match over. "
        "Use a model with another tokenizer.",
    )
    assert names(here) == ["model", "reviews.csv"]


def test_a_tokenizer_of_more_words_than_the_model_has_is_refused(
    train: Callable[..., Ended], model: Path, here: Path
) -> None:
    """M10"""
    inner = json.loads((model / "tokenizer.json").read_text())["model"]
    size = len(inner["vocab"])
    rewrite(model / "tokenizer.json", model={**inner, "vocab": {**inner["vocab"], "evening": size}})
    told(
        train(), 4, f"{model / 'tokenizer.json'}: a token has the id {size}. Expected ids below the vocab_size {size} "
        "of config.json.",
    )  # fmt: skip
    assert names(here) == ["model", "reviews.csv"]


# ---------------------------------------------------------------- M11


WEIGHT = "encoder.layer.0.output.dense.bias"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda weights: weights.pop(WEIGHT),
            f"./model: weights are missing: bert.{WEIGHT}. Expected a whole bert encoder.",
        ),
        (
            lambda weights: weights.update({WEIGHT: torch.zeros(7)}),
            f"{{model}}: weights of another shape than config.json says: bert.{WEIGHT}.",
        ),
        (
            lambda weights: weights[WEIGHT].__setitem__(3, float("nan")),
            f"{{model}}: weights are not finite: bert.{WEIGHT}.",
        ),
        (
            lambda weights: weights[WEIGHT].__setitem__(3, float("inf")),
            f"{{model}}: weights are not finite: bert.{WEIGHT}.",
        ),
    ],
    ids=["missing", "shape", "nan", "inf"],
)  # fmt: skip
def test_weights_that_are_not_the_model_are_named(
    train: Callable[..., Ended], model: Path, here: Path, change: Callable[[Any], object], said: str
) -> None:
    """M11"""
    reweigh(model, change)
    told(train(), 4, said.format(model=model))
    assert names(here) == ["model", "reviews.csv"]


def test_weights_of_layers_that_the_configuration_does_not_have_are_told(
    train: Callable[..., Ended], model: Path, here: Path
) -> None:
    """M11: the file of twelve layers beside a configuration of six, say."""
    rewrite(model / "config.json", num_hidden_layers=1)
    ended = train()
    assert ended.code == 0
    (said,) = [line for line in ended.err.splitlines() if "has no place" in line]
    assert said == (
        "note: config.json has no place for weights of ./model, which are left out: "
        "encoder.layer.1.attention.output.LayerNorm.bias, encoder.layer.1.attention.output.LayerNorm.weight, "
        "encoder.layer.1.attention.output.dense.bias and 13 more"
    )
    asked = train("--layers", "1", "--output", "asked")
    assert "has no place" not in asked.err


# ---------------------------------------------------------------- M13


def header(content: bytes | dict[str, Any], data: bytes = b"\0" * 8) -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(raw)) + raw + data


ATTACKS = {
    "length 2^63": struct.pack("<Q", 2**63) + b"{}",
    "100 MB header": struct.pack("<Q", 10**8) + b" " * 100,
    "overlap": header({
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
    }),
    "hole": header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}),
    "beyond the end": header({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    "overflow": header({"a": {"dtype": "F64", "shape": [2**62, 16], "data_offsets": [0, 8]}}),
    "deep": header(b'{"a":' + b"[" * 10_000),
    "twice": header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],'
                    b'"data_offsets":[0,4]}}'),
    "no JSON": header(b"\xff\xff"),
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_reader_of_weights_ends_as_one_message(
    train: Callable[..., Ended], model: Path, here: Path, name: str
) -> None:
    """M13"""
    resource = pytest.importorskip("resource")
    (model / "model.safetensors").write_bytes(ATTACKS[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = train()
    (error,) = ended.errors
    assert error.startswith(
        (f"{model}: model.safetensors is damaged: Error while deserializing header: ", "./model: weights are missing: ")
    )
    assert (ended.code, ended.out) == (4, "")
    assert names(here) == ["model", "reviews.csv"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes


# ---------------------------------------------------------------- M14


def test_a_model_folder_that_is_a_link_is_followed_and_nothing_is_written_there(
    train: Callable[..., Ended], model: Path, here: Path
) -> None:
    """M14: the hub's own cache is made of links."""
    model.rename(here / "elsewhere")
    before = content_of(here / "elsewhere")
    (here / "model").mkdir()
    for path in (here / "elsewhere").iterdir():
        (here / "model" / path.name).symlink_to(path)
    assert train().code == 0
    (here / "link").symlink_to("model")
    assert train("--model", "./link", "--output", "other").code == 0
    assert content_of(here / "elsewhere") == before


@pytest.mark.parametrize("target", ["gone/model.safetensors", "model.safetensors"])
def test_a_link_that_leads_nowhere_is_named(train: Callable[..., Ended], model: Path, here: Path, target: str) -> None:
    """M14"""
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").symlink_to(target)
    told(train(), 4, "./model: model.safetensors is no file, nor does it lead to one. Copy it there.")
    assert names(here) == ["model", "reviews.csv"]


@pytest.mark.parametrize("name", ["../../reviews.csv", "/etc/passwd", "../x.safetensors", "model.bin"])
def test_an_index_of_weights_leads_to_no_other_folder(
    train: Callable[..., Ended], model: Path, here: Path, name: str
) -> None:
    """M14"""
    (model / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {WEIGHT: name}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    told(
        train(), 4,
        f"{model / 'model.safetensors.index.json'}: names {name!r}. Expected safetensors files of this folder.",
    )  # fmt: skip
    assert names(here) == ["model", "reviews.csv"]
