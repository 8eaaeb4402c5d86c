"""--freeze and --lora: whole jobs, what they leave, and what they say."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, python, write_csv
from whet import pipeline
from whet.errors import Terminated
from whet.records import StepRecord
from whet.settings import config

BRIEF: dict[str, Any] = {"epochs": 1.0, "baseline": False, "threads": 1, "learning_rate": 3e-3}
HEAD = {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


def saved(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = load_file(run / "model" / "model.safetensors")
    return found


@pytest.mark.parametrize(
    ("settings", "moved"),
    [
        ({"freeze": "embeddings"}, ("encoder.layer.0", "encoder.layer.1")),
        ({"freeze": "1"}, ("encoder.layer.1",)),
        ({"freeze": "encoder"}, ()),
        ({"lora": 4}, ("encoder.layer.0", "encoder.layer.1")),
        ({"lora": 4, "freeze": "1", "llrd": 0.5}, ("encoder.layer.1",)),
        ({"lora": 4, "freeze": "embeddings", "layers": 1, "llrd": 0.5}, ("encoder.layer.0",)),
    ],
)
def test_a_run_leaves_a_plain_model_whose_frozen_weights_are_those_of_the_start(
    data: str, job: Job, tiny_bert: Path, settings: dict[str, Any], moved: tuple[str, ...]
) -> None:
    told = job(data, **BRIEF, **settings)
    start, end = load_file(tiny_bert / "model.safetensors"), saved(told.path)
    assert not (told.path / "model" / "adapter_config.json").exists()
    assert {name for name in end if "lora" in name or "base_layer" in name} == set()
    changed = {name for name in end if name not in HEAD and (end[name] != start[name.removeprefix("bert.")]).any()}
    places = {name for name in changed if not name.endswith(".key.bias")}  # of which no logit depends
    assert {next((part for part in moved if part in name), name) for name in places} == set(moved)
    if "lora" in settings:  # and biases and norms stay
        assert {name.rpartition(".")[2] for name in places} == {"weight"}
        assert not [name for name in places if "LayerNorm" in name]
    else:
        assert len(changed) >= 15 * len(moved)
    # What was scored is what was saved.
    text = review_rows()[0][0]
    assert told.run.predict([text])[0] == pipeline.load(told.path).predict([text])[0]


def test_a_run_goes_on_from_one_that_was_trained_in_part(data: str, job: Job) -> None:
    first = job(data, **BRIEF, lora=4, output="first")
    second = job(data, **BRIEF, freeze="encoder", model=str(first.path), output="second")
    before, after = saved(first.path), saved(second.path)
    assert {name for name in after if (after[name] != before[name]).any()} <= HEAD


@pytest.mark.parametrize(("settings", "kept"), [({"freeze": "encoder"}, HEAD), ({"lora": 4}, None)])
def test_a_checkpoint_holds_what_is_trained(
    data: str, tiny_bert: Path, here: Path, settings: dict[str, Any], kept: set[str] | None
) -> None:
    resolved = config.resolve({**BRIEF, "model": str(tiny_bert), "output": "run", **settings})
    with pytest.raises(Terminated):
        for event in pipeline.follow(data, resolved):
            if isinstance(event, StepRecord) and event.step == 2:
                os.kill(os.getpid(), signal.SIGTERM)
    (folder,) = (here / "run" / "checkpoints").glob("step-*")
    found = load_file(folder / "model.safetensors").keys()
    assert {name for name in found if "lora_" not in name} == HEAD
    if kept is None:
        assert len(found) == len(HEAD) + 2 * 12
    else:
        assert found == kept
    moments = load_file(folder / "optimizer.safetensors")
    assert len(moments) == 3 * len(found)


def test_what_is_trained_and_at_which_rate_is_said(data: str, job: Job) -> None:
    told = job(data, epochs=1.0, baseline=False, threads=1, lora=4)
    assert any(notice.endswith("weights are trained (--lora 4)") for notice in told.notices)
    assert any(notice.startswith("learning_rate 0.0005: small matrices") for notice in told.notices)
    assert told.run.settings["learning_rate"] == 5e-4
    assert "by LoRA of rank 4, merged into its weights" in (told.path / "model" / "README.md").read_text()
    facts = json.loads((told.path / "run.json").read_text())["settings"]["learning_rate"]
    assert facts["reason"] == "that of LoRA"


def test_a_plan_knows_that_less_is_kept(data: str, job: Job, tiny_bert: Path) -> None:
    given: dict[str, Any] = {**BRIEF, "model": str(tiny_bert), "checkpoint_every": 1}
    whole, head = pipeline.plan(data, **given), pipeline.plan(data, **given, freeze="encoder")
    assert head.disk < 0.5 * whole.disk
    assert head.operations == pytest.approx(whole.operations / 3)


def test_korean_readers_are_told_in_korean(data: str, whet: Command, tiny_bert: Path) -> None:
    ended = whet(
        "train", data, "--model", str(tiny_bert), "--epochs", "1", "--no-baseline", "--lora", "4", "--lang", "ko"
    )
    assert ended.code == 0, ended.err
    assert "개를 학습합니다(--lora 4)" in ended.err
    assert "0에서 시작하는 작은 행렬에는" in ended.err


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--freeze", "3"],
            "--freeze: 3 layers, but the model has 2. Expected embeddings, encoder, or 1 to 2.",
        ),
        (
            ["--freeze", "all"],
            "--freeze: 'all' is no part of a model. Expected embeddings, encoder, or a number of layers from 1.",
        ),
        (["--freeze", "0"], "--freeze: '0' is no part of a model. Expected embeddings, encoder, or a number of layers "
         "from 1."),
        (["--lora", "0"], "--lora: 0 is out of range. Expected at least 1."),
        (["--lora", "64"], "--lora: rank 64. Expected 1 to 16, half the width of the model."),
        (
            ["--lora", "4", "--freeze", "encoder"],
            "--lora: no layer is left to be trained. Expected linear maps in layers that are not frozen. Leave out "
            "--lora, or freeze less.",
        ),
        (
            ["--lora", "4", "--freeze", "1", "--model", "linear"],
            "--freeze, --lora with --model linear. Expected settings of a model that has no tokens and no steps, and "
            "is fitted on the CPU. Leave out --freeze, --lora.",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_message_and_leaves_nothing(
    data: str, whet: Command, tiny_bert: Path, here: Path, flags: list[str], message: str
) -> None:
    model = [] if "--model" in flags else ["--model", str(tiny_bert)]
    ended = whet("train", data, *model, *flags)
    assert (ended.code, ended.errors) == (2, [message])
    assert not (here / "runs").exists()


def test_without_peft_lora_is_refused_with_the_command_that_installs_it(
    data: str, whet: Command, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else real(name))
    ended = whet("train", data, "--model", str(tiny_bert), "--lora", "4")
    assert (ended.code, ended.errors) == (
        2, [f'--lora needs peft, not installed in {sys.prefix}. Run: pip install "whet[train,lora]".'],
    )  # fmt: skip


def test_a_job_without_lora_does_not_load_peft(data: str, tiny_bert: Path) -> None:
    code = "import sys; from whet.cli import main; main(sys.argv[1:]); print('peft' in sys.modules, file=sys.stderr)"
    job = ("train", data, "--model", str(tiny_bert), "--epochs", "1", "--no-baseline", "--freeze", "1")
    ended = python("-c", code, *job)
    assert ended.err.splitlines()[-1] == "False", ended.err
