from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FakePipeline
from whet.cli import options
from whet.settings import config

NAMES = ("truncation", "max_length", "epochs", "test")


def asked(pipeline: FakePipeline) -> config.Resolved:
    resolved = pipeline.calls[-1][2]
    assert isinstance(resolved, config.Resolved)
    return resolved


def test_only_given_values_are_given(whet, pipeline: FakePipeline) -> None:
    assert whet("train", "x.csv", "--epochs", "2", "--no-baseline").code == 0
    resolved = asked(pipeline)
    assert {name for name, reason in resolved.reasons.items() if reason != "default"} == {"epochs", "baseline"}
    assert resolved.settings.baseline is False


def test_the_loss_that_an_export_allows_by_itself_is_that_of_the_library() -> None:
    from whet.cli.export import export
    from whet.exporting.job import MAX_LOSS

    assert inspect.signature(export).parameters["max_accuracy_loss"].default == MAX_LOSS


def test_a_flag_overrides_its_recipe_and_silence_does_not(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('data = "mine.csv"\nepochs = 7\nseed = 5\nbaseline = false\n')
    assert whet("train", "--recipe", str(recipe), "--seed", "42").code == 0
    settings = asked(pipeline).settings
    assert (settings.epochs, settings.seed, settings.baseline) == (7.0, 42, False)
    assert pipeline.calls[-1][1] == "mine.csv"


def test_data_on_the_command_line_wins_over_the_recipes(whet, pipeline: FakePipeline) -> None:
    assert whet("train", "mine.csv", "--recipe", "imdb-minilm").code == 0
    assert pipeline.calls[-1][1] == "mine.csv"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("epochs", "1.5", 1.5),
        ("learning_rate", "5e-5", 5e-5),
        ("seed", "7", 7),
        ("layers", "3", 3),
        ("layers", "three", "three"),
        ("seed", "1_000", "1_000"),
        ("test", "0.1", "0.1"),
        ("text", "1", "1"),
        ("device", "cpu", "cpu"),
        ("fresh", True, True),
    ],
)
def test_a_value_gets_the_type_of_its_setting(name: str, text: str | bool, value: object) -> None:
    got = options.typed(name, text)
    assert got == value
    assert type(got) is type(value)


def test_every_setting_is_an_option_of_train(whet) -> None:
    page = whet("train", "--help-all").out
    for setting in config.fields():
        assert f"  --{setting.name.replace('_', '-')}" in page, setting.name


def test_defaults_are_written_as_a_user_would() -> None:
    texts = {setting.name: options.default_text(setting) for setting in config.fields()}
    assert texts["learning_rate"] == "5e-5"
    assert texts["epochs"] == "2"
    assert texts["model"] == "auto"
    assert texts["layers"] is None


def test_a_default_on_the_command_line_is_the_default_of_the_library(whet, pipeline: FakePipeline) -> None:
    assert whet("train", "x.csv").code == 0
    assert asked(pipeline).settings == config.Settings()


def test_choices_and_kinds_of_values_are_shown() -> None:
    shown = {
        setting.name: options.metavar(setting) for setting in config.fields() if setting.default not in (True, False)
    }
    assert shown["truncation"] == "head|head-tail|chunks"
    assert shown["max_length"] == "N"
    assert shown["epochs"] == "X"
    assert shown["test"] == "FILE|SPLIT|0.1|none"
