"""The source of the package as syntax trees: the meta tests read it and import none of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "whet"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    name: str
    """Dotted, without `.__init__`."""
    path: Path
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.path.read_text(encoding="utf-8").splitlines())

    def place(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(REPOSITORY).as_posix()}:{getattr(node, 'lineno', 1)}"


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, by name."""
    return tuple(_module(path) for path in sorted(PACKAGE.rglob("*.py")))


def module_named(name: str) -> Module | None:
    return next((module for module in modules() if module.name == name), None)


def parse(name: str, text: str) -> Module:
    """A module that exists only in a test."""
    return Module(name, PACKAGE / f"{name.removeprefix('whet.').replace('.', '/')}.py", ast.parse(text))


def imports(module: Module, *, top_level: bool = False) -> Iterator[tuple[str, ast.AST]]:
    """(dotted name, node) of each import, those inside functions, under TYPE_CHECKING and through
    `import_module("...")` included. `from a import b` gives `a.b` where that is a module of the
    package, else `a`. `top_level`: only what runs when the module is imported."""
    for node in _at_import(module.tree.body) if top_level else ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if module_named(inner) else base), node
        elif isinstance(node, ast.Call) and called_name(node, {}).endswith("import_module"):
            given = node.args[0] if node.args else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value, node


def aliases(module: Module) -> dict[str, str]:
    """Name in the module to the dotted name that it was imported as."""
    names: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{_absolute(module, node)}.{alias.name}"
    return names


def dotted_name(node: ast.expr, names: dict[str, str]) -> str:
    """`torch.load` for the expression `t.load` after `import torch as t`; '' for anything else
    than names and attributes."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = dotted_name(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return ""


def called_name(call: ast.Call, names: dict[str, str]) -> str:
    return dotted_name(call.func, names)


def functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def _module(path: Path) -> Module:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - (1 if module.path.name == "__init__.py" else 0)
    base = ".".join(parts[: len(parts) - up])
    return f"{base}.{node.module}" if node.module else base


def _at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Statements that run at import: not those in functions and under TYPE_CHECKING."""
    for statement in body:
        if isinstance(statement, Function):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _at_import(statement.orelse)
            continue
        yield statement
        for field in ("body", "orelse", "finalbody"):
            yield from _at_import(getattr(statement, field, []))
        for handler in getattr(statement, "handlers", []):
            yield from _at_import(handler.body)
