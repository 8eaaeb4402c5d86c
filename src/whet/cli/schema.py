"""A JSON schema of recipes, for editors and for those who write them by a program."""

from __future__ import annotations

from dataclasses import Field
from typing import Any, Literal, get_args, get_origin

from whet.settings import config

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BOUNDS = (("least", "minimum"), ("above", "exclusiveMinimum"), ("most", "maximum"))
NUMBERS_TOO = ("test", "validation", "freeze")  # settings that are strings, whose values may be numbers
KINDS = ((bool, "boolean"), (int, "integer"), (float, "number"))


def recipe_schema() -> dict[str, object]:
    """What a recipe may hold: each setting with its type, range, default and meaning, under the spellings of
    transformers, too (deprecated). A recipe that it refuses is refused by `config.resolve` as well; what only hangs
    together, such as `--keep best` without validation rows, it does not see."""
    settings = {
        setting.name: _value(setting) for setting in config.fields() if setting.name != "recipe"
    }  # a recipe names no other
    others = {
        alias: {**settings[name], "deprecated": True, "description": f"Called {name} here."}
        for alias, name in config.ALIASES.items()
    }
    data = {"type": "string", "minLength": 1, "description": "DATA, where the command names none."}
    return {
        "$schema": DIALECT,
        "title": "Recipe of whet",
        "type": "object",
        "properties": {"data": data, **settings, **others},
        "additionalProperties": False,
    }


def _value(setting: Field[Any]) -> dict[str, object]:
    hint = config.types()[setting.name]
    described: dict[str, object] = {"description": setting.metadata["help"]}
    if setting.default is not None:
        described["default"] = setting.default
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint)), **described}
    kinds = get_args(hint) or (hint,)
    kind = next((name for python, name in KINDS if python in kinds), "string")
    if setting.name in NUMBERS_TOO:
        return {"type": ["string", "number"], "minLength": 1, **described}
    if kind == "string":
        return {"type": kind, "minLength": 1, **described}
    limits = {key: setting.metadata[name] for name, key in BOUNDS if setting.metadata[name] is not None}
    return {"type": kind, **limits, **described}
