"""The notebooks of examples/ as they lie in git."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.meta.source import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "examples").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["1-first-model", "2-korean-csv", "3-from-trainer"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_lies_in_git_without_outputs_and_counts(path: Path) -> None:
    assert [cell["outputs"] for cell in cells(path)] == [[] for _ in cells(path)]
    assert {cell["execution_count"] for cell in cells(path)} == {None}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_is_plain_python(path: Path) -> None:
    for cell in cells(path):
        ast.parse(source(cell))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_installs_beside_what_is_there_and_asks_the_doctor(path: Path) -> None:
    first = source(cells(path)[0])
    assert 'find_spec("whet") is None' in first
    assert '"--constraint", "installed.txt", "whet[train,embedded]"' in " ".join(first.split()).replace(
        '"--constraint", "installed.txt"] subprocess.run([*pip, ', '"--constraint", "installed.txt", '
    )
    assert '"whet", "doctor"' in first
    assert "--upgrade" not in first


def test_what_the_first_cell_asks_for_names_lower_bounds_only() -> None:
    """So that whatever a hosted notebook has above them can stay."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(line) for line in (*project["dependencies"], *extras["train"], *extras["embedded"])]
    assert {"torch", "transformers", "numpy"} <= {each.name for each in asked}
    assert [str(each) for each in asked if [bound.operator for bound in each.specifier] != [">="]] == []
