"""The recipes in the package."""

from __future__ import annotations

import pytest

from tests.meta.source import PACKAGE
from whet import recipes
from whet.settings.config import ALIASES, Settings, fields, resolve

RECIPES = ["demo", "imdb-bert-base", "imdb-minilm", "nsmc", "reference", "sst2-minilm"]


def test_there_are_six_recipes() -> None:
    assert recipes.names() == RECIPES
    assert sorted(path.stem for path in (PACKAGE / "recipes").glob("*.toml")) == RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_resolves_and_each_of_its_values_has_it_as_its_reason(name: str) -> None:
    values, _ = recipes.read(name)
    resolved = resolve({"recipe": name})
    assert resolved.notices == ()
    for key in values.keys() - {"data"}:
        assert key not in ALIASES
        assert resolved.reasons[key] == f"recipe {name}"
    kept = {setting.name for setting in fields()} - values.keys() - {"recipe"}
    assert {key: getattr(resolved.settings, key) for key in kept} == {key: getattr(Settings(), key) for key in kept}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_its_data_but_for_the_one_that_is_for_any(name: str) -> None:
    data = recipes.data_of(name)
    if name == "reference":
        assert data is None
    else:
        assert data is not None
        assert data.startswith(("hf:", "sample:"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_headed_by_its_subject_command_time_and_score(name: str) -> None:
    subject, command, time, score = recipes.read(name)[1].splitlines()
    assert subject.endswith(".")
    commands = {"demo": "whet demo", "reference": "whet train DATA --recipe reference"}
    assert command == f"Command: {commands.get(name, f'whet train --recipe {name}')}"
    assert time.removeprefix("Time: ") not in ("", time)
    assert score.removeprefix("Score: ") not in ("", score)


def test_the_reference_job_is_the_reference_job() -> None:
    settings = resolve({"recipe": "imdb-bert-base"}).settings
    assert recipes.data_of("imdb-bert-base") == "hf:imdb"
    assert settings.model.endswith("bert-base-uncased")
    assert (settings.max_length, settings.batch_size, settings.epochs) == (512, 16, 2)
    assert (settings.learning_rate, settings.weight_decay, settings.warmup) == (5e-5, 0.01, 0)
    assert (settings.validation, settings.keep, settings.log_every) == ("none", "last", 100)


def test_the_recipe_of_plain_settings_has_those_that_stand_in_the_table_of_settings() -> None:
    values, plain = recipes.read("reference")[0], Settings()
    assert values == {name: getattr(plain, name) for name in values}
    assert {"epochs", "learning_rate", "llrd", "warmup"} <= values.keys()
