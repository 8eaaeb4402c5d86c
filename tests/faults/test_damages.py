"""M2, M3: a file of a checkpoint or of a saved model that is missing, empty, halved or has one other bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Told, write_csv
from whet import pipeline
from whet.artifacts import sidefile
from whet.errors import Interrupted, ModelError
from whet.records import Notice, StepRecord
from whet.runs import naming
from whet.settings import config

DAMAGES = ("missing", "empty", "halved", "one bit")
CHECKPOINT = ("MANIFEST.json", "best.safetensors", "model.safetensors", "optimizer.safetensors", "state.json")
MODEL = ("MANIFEST.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "whet.json")
# The first evaluation stays the best, so that a checkpoint has weights of its own for it.
SETTINGS: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 1e-6, "metric": "accuracy", "evaluate_every": 4, "checkpoint_every": 5,
    "threads": 1, "batch_size": 8, "baseline": False, "brief": True, "output": "run",
}  # fmt: skip


def harm(file: Path, kind: str) -> None:
    content = file.read_bytes()
    if kind == "missing":
        file.unlink()
        return
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    file.write_bytes({"empty": b"", "halved": content[:middle], "one bit": flipped}[kind])


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A folder with a run that was stopped after step 13 of 24, with the checkpoints of that step and of 10; and
    beside it the run that was not."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_csv(folder / "reviews.csv", review_rows())
        asked = config.resolve({**SETTINGS, "model": str(tiny_bert)})
        with pytest.raises(Interrupted):
            for event in pipeline.follow("reviews.csv", asked):
                if isinstance(event, StepRecord) and event.step == 13:
                    os.kill(os.getpid(), signal.SIGTERM)
        whole = config.resolve({**SETTINGS, "model": str(tiny_bert), "output": "whole"})
        for _ in pipeline.follow("reviews.csv", whole):
            pass
    checkpoints = sorted((folder / "run" / "checkpoints").iterdir())
    assert [path.name for path in checkpoints] == ["step-00000010", "step-00000013"]
    assert [sorted(file.name for file in path.iterdir()) for path in checkpoints] == [list(CHECKPOINT)] * 2
    paths = [str(path.relative_to(folder / "run")) for path in (folder / "run").rglob("*")]
    # While it is removed, step- is tmp-step- with the number of a process behind it.
    assert max(map(len, paths)) + len("tmp--4194304") < naming.DEEPEST
    return folder


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", CHECKPOINT)
def test_a_damaged_checkpoint_is_passed_over_or_named(
    stopped: Path, here: Path, tiny_bert: Path, name: str, kind: str
) -> None:
    shutil.copytree(stopped, here, dirs_exist_ok=True)
    newest, older = (here / "run" / "checkpoints" / f"step-{step:08}" for step in (13, 10))
    asked = config.resolve({**SETTINGS, "model": str(tiny_bert)})

    harm(newest / name, kind)
    kept = shutil.copytree(here / "run", here / "kept")
    told = Told(tuple(pipeline.follow("reviews.csv", asked)))
    (said,) = [event.message for event in told.events if isinstance(event, Notice) and "going back to" in event.message]
    assert said.startswith(f"run/checkpoints/{newest.name}: ")
    assert name in said
    assert said.endswith(f": going back to {older.name}")
    assert "going on after step 10 of 24; 3 steps after it are done again" in told.notices
    weights = [(here / run / "model" / "model.safetensors").read_bytes() for run in ("run", "whole")]
    assert weights[0] == weights[1]

    shutil.rmtree(here / "run")
    shutil.copytree(kept, here / "run")
    harm(older / name, kind)
    before = {path: path.stat().st_mtime_ns for path in (here / "run").rglob("*")}
    with pytest.raises(ModelError) as caught:
        list(pipeline.follow("reviews.csv", asked))
    message = caught.value.message
    assert message.startswith(f"run/checkpoints: no checkpoint is whole: run/checkpoints/{newest.name}: ")
    assert [name in part for part in message.split("; ")] == [True, True]
    assert f"; run/checkpoints/{older.name}: " in message
    assert message.endswith(". Restore one of them, or start over with --fresh.")
    assert {path: path.stat().st_mtime_ns for path in (here / "run").rglob("*")} == before


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", MODEL)
def test_a_damaged_model_is_named(taught: Told, here: Path, whet: Command, name: str, kind: str) -> None:
    model = shutil.copytree(taught.path / "model", here / "model")
    assert sorted({file.name for file in model.iterdir()} - {sidefile.CARD}) == list(MODEL)
    harm(model / name, kind)
    ended = whet("predict", "model", "A fine film.")
    assert (ended.code, ended.out) == (4, "")
    (message,) = ended.errors
    assert name in message
    assert message.startswith("model")
    assert not (here / "runs").exists()


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_card_is_free_to_be_changed(taught: Told, here: Path, whet: Command, kind: str) -> None:
    model = shutil.copytree(taught.path / "model", here / "model")
    harm(model / sidefile.CARD, kind)
    ended = whet("predict", "model", "A fine film.", "--json")
    assert ended.code == 0
    assert json.loads(ended.out.splitlines()[-1])
