"""The JSON schema of recipes, held against the recipes and against what the program takes."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.meta.source import PACKAGE, REPOSITORY
from whet.errors import UsageError
from whet.settings.config import ALIASES, Settings, check_value, fields

SCHEMA: dict[str, Any] = json.loads((REPOSITORY / "docs" / "recipe.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
NUMBERS = [
    setting.name
    for setting in fields()
    if SCHEMA["properties"].get(setting.name, {}).get("type") in ("integer", "number")
]
CHOICES = [setting.name for setting in fields() if "enum" in SCHEMA["properties"].get(setting.name, {})]


def faults(recipe: dict[str, object]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(recipe)]


def taken(name: str, value: object) -> bool:
    try:
        check_value(name, value)
    except UsageError:
        return False
    return True


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_setting_and_every_spelling_of_transformers_is_in_it() -> None:
    assert set(SCHEMA["properties"]) == {setting.name for setting in fields()} - {"recipe"} | {"data", *ALIASES}


@pytest.mark.parametrize("path", sorted((PACKAGE / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_package_is_valid(path: Any) -> None:
    assert faults(tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_the_defaults_are_valid() -> None:
    values = {setting.name: getattr(Settings(), setting.name) for setting in fields()}
    assert faults({name: value for name, value in values.items() if value is not None}) == []


@pytest.mark.parametrize("name", NUMBERS)
@given(value=st.one_of(st.integers(-10, 2**33), st.floats(-10, 2000), st.booleans(), st.just("7")))
def test_a_number_is_valid_where_the_program_takes_it_and_nowhere_else(name: str, value: object) -> None:
    assert (faults({name: value}) == []) == taken(name, value)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_valid_where_the_program_takes_it_and_nowhere_else(name: str) -> None:
    assert faults({name: "none of them"}) != []
    assert all(taken(name, choice) for choice in SCHEMA["properties"][name]["enum"])


def test_a_wrong_key_and_a_wrong_value_are_named() -> None:
    assert faults({"epoch": 3}) == ["Additional properties are not allowed ('epoch' was unexpected)"]
    assert faults({"learning_rate": "fast"}) == ["'fast' is not of type 'number'"]
    assert faults({"recipe": "demo"}) == ["Additional properties are not allowed ('recipe' was unexpected)"]
