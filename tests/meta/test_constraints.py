"""pyproject.toml and constraints.txt agree."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from tests.meta.source import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, Version]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {_normal(name): Version(version) for name, version in pairs}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [
        Requirement(line) for line in [*PROJECT["dependencies"], *(x for extra in extras.values() for x in extra)]
    ]
    pinned = pins()
    assert [str(need) for need in wanted if _normal(need.name) not in pinned] == []
    assert [str(need) for need in wanted if pinned[_normal(need.name)] not in need.specifier] == []


def test_no_pin_asks_for_one_build_of_a_package() -> None:
    assert {name: str(version) for name, version in pins().items() if version.local} == {}


def test_the_core_installs_no_torch() -> None:
    heavy = {"torch", "transformers", "pyarrow", "scikit-learn", "datasets", "pandas"}
    assert {Requirement(line).name for line in PROJECT["dependencies"]} & heavy == set()
