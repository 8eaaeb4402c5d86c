"""From a model's name to its folder: what is taken and what is refused."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import KINDS, TinyModel
from whet.errors import ModelError
from whet.hub import reach
from whet.model import embedded, files
from whet.model.files import ModelFiles, find, longest_input, read_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder as far as names go."""
    made = tmp_path / "my-model"
    made.mkdir()
    (made / "config.json").write_text('{"model_type": "bert"}')
    (made / "model.safetensors").write_bytes(b"")
    return made


def fault(model: object, **options: bool) -> str:
    with pytest.raises(ModelError) as caught:
        find(str(model), **options)
    assert caught.value.exit_code == 4
    return caught.value.message


def config(folder: Path, content: Any) -> Path:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# ---------------------------------------------------------------- folders


def test_a_folder_is_itself_under_its_own_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(str(folder)) == ModelFiles(str(folder), folder, "my-model")
    monkeypatch.chdir(folder.parent)
    assert find("my-model") == ModelFiles("my-model", folder.resolve(), "my-model")
    assert find("./my-model/") == ModelFiles("./my-model/", folder.resolve(), "my-model")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert find("~/my-model") == ModelFiles("~/my-model", folder, "my-model")


def test_the_model_of_a_run_and_each_of_several_are_called_after_the_run(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "reviews-1a2b"
    (run / "model").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    shutil.copytree(folder, run / "model", dirs_exist_ok=True)
    shutil.copytree(folder, run / "model" / "seed-42")
    assert find(str(run / "model")).short_name == "reviews-1a2b"
    assert find(str(run / "model" / "seed-42")).short_name == "reviews-1a2b-seed-42"


def test_a_name_with_a_slash_that_is_a_folder_is_that_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    name = f"{folder.parent.name}/my-model"
    assert find(name) == ModelFiles(name, folder, "my-model")


def test_a_folder_in_parts_is_taken(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.safetensors.index.json")
    assert find(str(folder)).folder == folder


def test_no_such_folder_is_answered_with_the_nearest_name(folder: Path) -> None:
    assert fault(folder.parent / "my-modle") == (
        f"--model: no such model folder: {folder.parent / 'my-modle'}. Did you mean 'my-model'."
    )
    assert fault("./no/where") == "--model: no such model folder: ./no/where."
    assert fault(folder / "config.json") == f"--model: no such model folder: {folder / 'config.json'}."


def test_a_name_that_can_be_neither_a_folder_nor_on_a_hub() -> None:
    assert fault("runs/a/model") == "--model: 'runs/a/model' is no model name and no folder."


def test_only_pickled_weights_are_refused_by_name_and_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    (folder / "old.ckpt").write_bytes(b"")
    assert fault(folder) == (
        f"{folder}: only pickled weights (old.ckpt, pytorch_model.bin). Expected model.safetensors. "
        "Choose a model with safetensors weights."
    )


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert fault(folder) == (
        f"{folder}: no weights. Expected model.safetensors. Choose a model with safetensors weights."
    )
    assert find(str(folder), weights=False).folder == folder


# ---------------------------------------------------------------- config.json


def test_a_folder_without_config_is_no_model(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert fault(folder) == f"{folder}: no config.json. Expected a folder that transformers can load."


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize(
    ("extra", "keys"),
    [
        ({"auto_map": {"AutoModel": "modeling.Evil"}}, "auto_map"),
        ({"_attn_implementation_internal": "evil/kernel"}, "_attn_implementation_internal"),
        ({"_attn_implementation": "evil/kernel", "auto_map": {}}, "_attn_implementation, auto_map"),
    ],
)
def test_a_config_that_would_run_foreign_code_is_refused(
    folder: Path, weights: bool, extra: dict[str, Any], keys: str
) -> None:
    path = config(folder, {"model_type": "bert", **extra})
    assert fault(folder, weights=weights) == (
        f"{path}: config.json has {keys}, which would run foreign code. Use a model of transformers' own architectures."
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"_attn_implementation_autoset": True},  # as transformers 4.46 to 4.50 saved models
        {"_attn_implementation": None, "trust_remote_code": False, "text_config": {"attn_implementation": None}},
        {"id2label": {"0": "auto_map", "1": "custom_order"}, "label2id": {"auto_map": 0, "custom_order": 1}},
    ],
)
def test_a_config_that_only_looks_like_it_is_taken(folder: Path, extra: dict[str, Any]) -> None:
    config(folder, {"model_type": "bert", **extra})
    assert read_config(folder) == {"model_type": "bert", **extra}


def test_a_damaged_config(folder: Path) -> None:
    path = config(folder, '{"model_type": ')
    assert fault(folder) == f"{path}: config.json is damaged: Expecting value: line 1 column 16 (char 15)."
    path.write_bytes(b"\xff{}")
    assert fault(folder).startswith(f"{path}: config.json is damaged: 'utf-8' codec can't decode byte 0xff")


@pytest.mark.parametrize("content", [[], {}, {"model_type": None}, "3"])
def test_a_config_that_names_no_architecture(folder: Path, content: Any) -> None:
    path = config(folder, content)
    assert fault(folder) == f"{path}: config.json names no model_type."


def test_the_config_is_what_the_file_says(folder: Path) -> None:
    config(folder, {"model_type": "bert", "x": [1]})
    assert read_config(folder) == {"model_type": "bert", "x": [1]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_input_is_what_the_model_has_positions_for(tiny_model: TinyModel, kind: str) -> None:
    torch = pytest.importorskip("torch")
    from tests.unit.small import stock

    longest = longest_input(tiny_model(kind))
    assert longest == 128
    model = stock(tiny_model(kind))
    with torch.inference_mode():
        assert model(input_ids=torch.full((1, longest), 9)).logits.shape == (1, 3)
        if kind not in ("modernbert", "deberta-v2"):  # their positions are relative ones
            with pytest.raises((IndexError, RuntimeError)):
                model(input_ids=torch.full((1, longest + 1), 9))


def test_other_names_and_lacks_of_the_longest_input(folder: Path) -> None:
    config(folder, {"model_type": "bert"})
    assert longest_input(folder) == 512
    config(folder, {"model_type": "xlnet", "n_positions": 99})
    assert longest_input(folder) == 99
    config(folder, {"model_type": "roberta", "max_position_embeddings": 514})
    assert longest_input(folder) == 512
    path = config(folder, {"model_type": "bert", "max_position_embeddings": "many"})
    with pytest.raises(ModelError) as caught:
        longest_input(folder)
    assert caught.value.message == f"{path}: max_position_embeddings is 'many'."


# ---------------------------------------------------------------- embedded and the hub


def test_embedded_is_the_verified_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "folder", lambda: tmp_path)
    (tmp_path / "embedded").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find("embedded") == ModelFiles("embedded", tmp_path, "all-MiniLM-L6-v2")


@pytest.mark.parametrize("model", ["bert-base-uncased", "google-bert/bert-base-uncased"])
def test_a_hub_that_cannot_be_reached_is_named_within_seconds(model: str) -> None:
    reach._probe.cache_clear()
    started = time.perf_counter()
    message = fault(model)
    assert time.perf_counter() - started < 10
    assert message == (
        f"--model: {model} is not in the local cache and the hub 127.0.0.1:9 cannot be reached "
        "([Errno 111] Connection refused). "
        "Use --model embedded, a folder with the model's files, or connect once so that it is cached."
    )


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, folder: Path) -> SimpleNamespace:
    """A hub that has a model or a fault in store, and what it was asked for."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    state = SimpleNamespace(cached=None, answer=folder, asked=[])

    def download(model: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool = False) -> str:
        if local_files_only:
            if state.cached is None:
                raise LocalEntryNotFoundError("not cached")
            return str(state.cached)
        state.asked.append((model, allow_patterns))
        if isinstance(state.answer, Exception):
            raise state.answer
        return str(state.answer)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(reach, "unreachable_because", lambda: "")
    return state


def test_a_model_of_the_hub_is_fetched_without_anything_pickled(remote: SimpleNamespace, folder: Path) -> None:
    assert find("org/model-x") == ModelFiles("org/model-x", folder, "model-x")
    ((model, patterns),) = remote.asked
    assert model == "org/model-x"
    assert {"config.json", "tokenizer.json", "vocab.txt", "model.safetensors"} <= set(patterns)
    assert [name for name in patterns if name.endswith((".bin", ".py", ".pt", ".h5", "*"))] == []


def test_without_weights_only_config_and_tokenizer_are_fetched(remote: SimpleNamespace, folder: Path) -> None:
    find("org/model-x", weights=False)
    ((_, patterns),) = remote.asked
    assert [name for name in patterns if "safetensors" in name] == []


def test_a_cached_model_asks_nobody(remote: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "unreachable_because", lambda: pytest.fail("the hub was asked"))
    remote.cached = folder
    assert find("org/model-x").folder == folder
    assert remote.asked == []


def test_a_model_cached_without_its_weights_is_fetched_when_they_are_needed(
    remote: SimpleNamespace, tmp_path: Path, folder: Path
) -> None:
    remote.cached = tmp_path / "half"
    remote.cached.mkdir()
    (remote.cached / "config.json").write_text('{"model_type": "bert"}')
    assert find("org/model-x", weights=False).folder == remote.cached
    assert remote.asked == []
    assert find("org/model-x").folder == folder


def test_a_fetched_model_is_checked_like_any_folder(remote: SimpleNamespace, folder: Path) -> None:
    path = config(folder, {"model_type": "bert", "auto_map": {}})
    assert fault("org/model-x").startswith(f"{path}: config.json has auto_map, which would run foreign code. ")


@pytest.mark.parametrize(
    ("status", "saw"),
    [
        (404, "the hub has no model 'org/model-x', or it needs a login"),
        (401, "the hub has no model 'org/model-x', or it needs a login"),
        (500, "it burns"),
    ],
)
def test_what_the_hub_refuses(remote: SimpleNamespace, status: int, saw: str) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    answer = SimpleNamespace(status_code=status, headers={}, request=None)
    remote.answer = HfHubHTTPError("it burns", response=answer)  # type: ignore[arg-type]
    assert fault("org/model-x") == f"--model: {saw}. See the name on the hub's page, or set HF_TOKEN."


def test_a_download_that_breaks_off(remote: SimpleNamespace) -> None:
    remote.answer = ConnectionError("reset by peer")
    assert fault("org/model-x") == ("--model: the download of org/model-x broke off: reset by peer. Try again.")


def test_the_files_of_every_tokenizer_here_are_fetched(tiny_model: TinyModel) -> None:
    from fnmatch import fnmatch

    for kind in KINDS:
        for path in tiny_model(kind).iterdir():
            assert any(fnmatch(path.name, name) for name in (*files.TOKENIZER_FILES, *files.WEIGHT_FILES)), path
