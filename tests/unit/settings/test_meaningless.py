"""Settings that a linear model does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from whet.errors import UsageError
from whet.settings import config, meaningless
from whet.settings.config import Settings, resolve


def refused(**given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        meaningless.check(resolve({"model": "linear", **given}), processes=1)
    return caught.value.message


def test_every_name_is_that_of_a_setting() -> None:
    known = {field.name for field in config.fields()}
    assert {*meaningless.SETTINGS, *meaningless.OTHERS} <= known


def test_settings_that_mean_nothing_are_refused_all_at_once() -> None:
    assert refused(epochs=3, learning_rate=1e-4, device="cuda") == (
        "--epochs, --learning-rate, --device with --model linear. Expected settings of a model that has no tokens and "
        "no steps, and is fitted on the CPU. Leave out --epochs, --learning-rate, --device."
    )
    assert refused(budget="5m").startswith("--budget with --model linear.")
    assert refused(precision="bf16").startswith("--precision with --model linear.")


def test_what_it_knows_is_left_as_it_is() -> None:
    given = resolve({
        "model": "linear", "device": "cpu", "precision": "fp32", "threads": 2, "metric": "accuracy", "seed": 3,
        "min_confidence": 0.7, "test": "0.2", "baseline": False, "label_errors": "all", "output": "run",
    })  # fmt: skip
    assert meaningless.check(given, processes=1) == (given, [])


def test_another_model_knows_them_all() -> None:
    given = resolve({"model": "embedded", "epochs": 3.0, "device": "cuda"})
    assert meaningless.check(given, processes=2) == (given, [])


def test_those_of_a_recipe_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('model = "embedded"\nepochs = 5\nmax_length = 64\ntest = "0.3"\n', encoding="utf-8")
    resolved, said = meaningless.check(resolve({"recipe": str(recipe), "model": "linear"}), processes=1)
    defaults = Settings()
    assert (resolved.settings.epochs, resolved.settings.max_length) == (defaults.epochs, defaults.max_length)
    assert (resolved.settings.test, resolved.reasons["epochs"]) == ("0.3", "default")
    assert said == ["max_length, epochs of the recipe: left out, for a linear model knows no such thing"]
    recipe.write_text('model = "linear"\nepochs = 5\n', encoding="utf-8")
    with pytest.raises(UsageError, match="--epochs with --model linear"):
        meaningless.check(resolve({"recipe": str(recipe)}), processes=1)


def test_several_processes_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        meaningless.check(resolve({"model": "linear"}), processes=2)
    assert caught.value.message == (
        "torchrun: 2 processes with --model linear. Expected a single process, which fits it."
    )
