"""The recipes in the package."""

from __future__ import annotations

import pytest

from tests.meta.source import PACKAGE
from whet import recipes
from whet.config import ALIASES, Settings, fields, resolve

RECIPES = ["demo", "imdb-bert-base", "imdb-minilm", "nsmc", "sst2-minilm"]


def test_there_are_five_recipes() -> None:
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
def test_a_recipe_names_its_data(name: str) -> None:
    data = recipes.data_of(name)
    assert data is not None
    assert data.startswith(("hf:", "sample:"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_headed_by_its_subject_command_time_and_score(name: str) -> None:
    subject, command, time, score = recipes.read(name)[1].splitlines()
    assert subject.endswith(".")
    assert command == ("Command: whet demo" if name == "demo" else f"Command: whet train --recipe {name}")
    assert time.removeprefix("Time: ") not in ("", time)
    assert score.removeprefix("Score: ") not in ("", score)


def test_the_reference_job_is_the_reference_job() -> None:
    settings = resolve({"recipe": "imdb-bert-base"}).settings
    assert recipes.data_of("imdb-bert-base") == "hf:imdb"
    assert settings.model.endswith("bert-base-uncased")
    assert (settings.max_length, settings.batch_size, settings.epochs) == (512, 16, 2)
    assert (settings.learning_rate, settings.weight_decay, settings.warmup) == (5e-5, 0.01, 0)
    assert (settings.validation, settings.keep, settings.log_every) == ("none", "last", 100)
