"""`whet doctor` on this machine, and on runs that are whole and that are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.conftest import Command, Told
from whet.disk import durable
from whet.errors import ModelError
from whet.health import doctor
from whet.system import machine, runtime


@pytest.fixture
def run(taught: Told, here: Path) -> Path:
    """A copy of the taught run that a test may spoil."""
    return Path(shutil.copytree(taught.path, here / "runs" / "taught"))


def test_the_machine_is_told_as_one_json_document(whet_process: Command) -> None:
    ended = whet_process("doctor", "--json", CUDA_VISIBLE_DEVICES="")
    assert (ended.code, ended.err) == (0, "")
    document = ended.json
    assert document["verdict"].startswith("Ready: training runs on ")
    assert document["cores"]["present"] >= document["cores"]["free"] >= 1
    assert document["versions"] == runtime.versions()
    assert {check["name"]: check["state"] for check in document["checks"]}["packages"] == "ok"
    assert document["hub"] == "127.0.0.1:9"
    assert "refused" in document["hub_unreachable"]
    assert [place["use"] for place in document["places"]] == ["runs", "cache", "hub cache"]
    assert all(place["free"] > 0 for place in document["places"])
    assert document["run"] is None
    memory = machine.memory()
    assert document["memory"]["total"] == memory.total


def test_the_table_ends_with_the_verdict_and_nothing_is_written(whet: Command, here: Path) -> None:
    ended = whet("doctor", "--lang", "en")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("system ")
    assert any(line.startswith("hub        127.0.0.1:9: not reachable") for line in lines)
    assert " on " in ended.out
    assert "Ready: training runs on " in ended.out
    assert list(here.iterdir()) == []
    assert "준비 완료: " in whet("doctor", "--lang", "ko").out


def test_a_whole_run_is_verified_with_its_files_and_answers(whet: Command, run: Path) -> None:
    document = whet("doctor", "last", "--json").json
    assert document["run"] == {
        "path": "runs/taught",
        "files": [
            "run.json", "metrics.json", "events.jsonl", "splits.parquet", "predictions.parquet",
            "model/MANIFEST.json", "model/README.md", "model/config.json", "model/model.safetensors",
            "model/tokenizer.json", "model/tokenizer_config.json", "model/whet.json",
        ],
        "canaries": 16,
        "labels": ["negative", "positive"],
    }  # fmt: skip
    assert document["checks"][-1]["name"] == "run"
    assert document["checks"][-1]["message"] == (
        "runs/taught is whole, and its model gives the 16 answers that it gave when it was saved"
    )
    assert document["checks"][-1]["message"] + "." in document["verdict"]


def test_a_copied_model_folder_is_verified_by_itself(run: Path, here: Path) -> None:
    copied = Path(shutil.copytree(run / "model", here / "copied"))
    found = doctor(copied).run
    assert found is not None
    assert (found.path, found.files) == (
        copied,
        (
            "MANIFEST.json", "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "whet.json",
        ),
    )  # fmt: skip


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def change_canary(path: Path) -> None:
    side = json.loads(path.read_text(encoding="utf-8"))
    side["canaries"][-1]["logits"][0] += 0.5
    path.write_text(json.dumps(side), encoding="utf-8")
    durable.seal(path.parent)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("run.json", cut, "runs/taught: run.json is damaged: "),
        ("metrics.json", Path.unlink, "runs/taught: no metrics.json. Expected a finished run."),
        ("events.jsonl", cut, "runs/taught: events.jsonl is damaged: "),
        ("events.jsonl", Path.unlink, "runs/taught: no events.jsonl. Expected a finished run."),
        ("splits.parquet", cut, "runs/taught: splits.parquet is damaged. Expected a whole parquet file."),
        ("predictions.parquet", cut, "runs/taught: predictions.parquet is damaged. Expected a whole parquet file."),
        (
            "model/model.safetensors", cut,
            "runs/taught/model: changed or damaged after it was saved: model.safetensors has size ",
        ),
        (
            "model/whet.json", change_canary,
            "runs/taught/model: the model answers its test texts differently from when it was saved (by 0.5)",
        ),
    ],
)  # fmt: skip
def test_a_run_that_is_not_whole_ends_with_the_exit_code_of_models(
    whet: Command, run: Path, name: str, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(run / name)
    ended = whet("doctor", "runs/taught")
    assert (ended.code, ended.out) == (ModelError.exit_code, "")
    assert len(ended.errors) == 1
    assert ended.errors[0].startswith(message)


def test_a_run_that_is_not_there_is_told(whet: Command) -> None:
    ended = whet("doctor", "runs/none")
    assert ended.code == 4
    assert ended.errors == ["RUN: no such run: runs/none. Expected a run folder, its model/ folder, or last."]


def test_a_hidden_gpu_is_told_by_the_doctor(whet: Command, hidden_gpu: None) -> None:
    document = whet("doctor", "--json").json
    assert document["no_gpu"]["why"] == "hidden"
    free = document["cores"]["free"]
    assert document["verdict"].startswith(
        f"Ready: training runs on the CPU with {free} thread{'s' if free > 1 else ''}; CUDA_VISIBLE_DEVICES hides "
    )
    assert {check["name"]: check["state"] for check in document["checks"]}["gpu"] == "warning"
