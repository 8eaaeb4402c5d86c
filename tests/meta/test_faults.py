"""Every fault that is looked for has a test that exists, or a reason."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.faults import ids
from tests.meta.source import REPOSITORY

GROUPS = {
    "D": (ids.D, 29),
    "C": (ids.C, 10),
    "M": (ids.M, 17),
    "T": (ids.T, 13),
    "P": (ids.P, 16),
    "S": (ids.S, 25),
    "X": (ids.X, 18),
}
NO_SENSE = "no sense: "


@cache
def functions_in(file: str) -> dict[str, str]:
    """Test function to its docstring and decorators, where its id may stand."""
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    return {
        node.name: " ".join([ast.get_docstring(node) or "", *map(ast.unparse, node.decorator_list)])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("group", GROUPS)
def test_every_fault_of_a_group_stands_in_the_table(group: str) -> None:
    table, count = GROUPS[group]
    assert list(table) == [f"{group}{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize("group", GROUPS)
def test_every_named_test_exists(group: str) -> None:
    table, _ = GROUPS[group]
    wrong = []
    for fault, held in table.items():
        if isinstance(held, str):
            assert held.startswith(NO_SENSE), fault
            assert len(held) > len(NO_SENSE) + 20, fault
            continue
        assert held, fault
        for node in held:
            file, _, name = node.partition("::")
            if not (REPOSITORY / file).is_file() or name not in functions_in(file):
                wrong.append(f"{fault}: {node}")
    assert wrong == []


@pytest.mark.parametrize("group", GROUPS)
def test_every_test_of_the_faults_that_names_an_id_stands_in_the_table(group: str) -> None:
    """The other way round: a test that was written for a fault is not forgotten."""
    table, _ = GROUPS[group]
    forgotten = []
    for path in sorted((REPOSITORY / "tests" / "faults").glob("test_*.py")):
        file = path.relative_to(REPOSITORY).as_posix()
        for name, said in functions_in(file).items():
            head = said.split(":")[0].split("\n")[0].strip()
            for fault in head.split(", "):
                if fault in table and f"{file}::{name}" not in table[fault]:
                    forgotten.append(f"{fault}: {file}::{name}")
    assert forgotten == []
