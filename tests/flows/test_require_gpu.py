"""A training that must not run on the CPU by mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, write_csv
from whet.system import packages, runtime


def test_a_training_that_requires_a_gpu_is_refused_before_its_data_is_read(
    whet: Command, hidden_gpu: None, here: Path
) -> None:
    ended = whet("train", "not-there.csv", "--require-gpu")
    assert (ended.code, ended.out) == (2, "")
    assert ended.errors == [
        "--require-gpu: the training would run on the CPU: CUDA_VISIBLE_DEVICES hides every GPU. Expected a GPU that "
        "PyTorch can use. Unset CUDA_VISIBLE_DEVICES, or set it to the numbers of the cards to use."
    ]
    assert list(here.iterdir()) == []


def test_what_a_recipe_asks_for_in_vain_is_not_required_either(
    job: Job, hidden_gpu: None, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    required = list[Any]()
    monkeypatch.setattr(packages, "require_training", lambda **needed: required.append(needed))
    monkeypatch.setattr(runtime, "require_tracker", required.append)
    (here / "own.toml").write_text('require_gpu = true\nlora = 8\ntrack = "mlflow"\n', encoding="utf-8")
    write_csv(here / "reviews.csv", review_rows())
    told = job("reviews.csv", recipe="own.toml", model="linear", folds=2, brief=True, baseline=False)
    assert required == [{"linear": True, "lora": False}, "none"]
    assert "lora, require_gpu of the recipe: left out, for a linear model knows no such thing" in told.notices
    assert "track of the recipe: left out, for --folds trains several models" in told.notices
