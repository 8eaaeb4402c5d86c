"""The recipes: settings under a name, each headed by its command, time and expected score."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from whet.errors import UsageError, did_you_mean


def names() -> list[str]:
    """The recipes in the package."""
    folder = resources.files("whet.recipes")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read(name: str) -> tuple[dict[str, object], str]:
    """The values of a recipe and its leading comment, by name or by file."""
    if name.endswith(".toml") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"no such recipe file: {name}", where="--recipe")
        try:
            content = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as fault:
            raise UsageError(f"not UTF-8: {fault}", where=f"recipe {name}") from None
    elif name in names():
        content = (resources.files("whet.recipes") / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise UsageError(
            f"unknown recipe {name!r}",
            where="--recipe",
            expected=f"one of {', '.join(names())}, or a .toml file",
            todo=did_you_mean(name, names()),
        )
    try:
        values = tomllib.loads(content)
    except (ValueError, RecursionError) as fault:  # a number of thousands of digits is no TOMLDecodeError
        raise UsageError(f"not TOML: {fault}", where=f"recipe {name}") from None
    head = []
    for line in content.splitlines():
        if not line.startswith("#"):
            break
        head.append(line.removeprefix("#").strip())
    return values, "\n".join(head)


def data_of(name: str) -> str | None:
    """The DATA that a recipe names, used where the command names none."""
    data = read(name)[0].get("data")
    return data if isinstance(data, str) else None
