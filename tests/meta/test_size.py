"""Sizes at which a file or a function still has one subject."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.meta.source import Function, Module, functions, modules, parse

MODULE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 8
PACKAGE_LINES = 48_000

# Signatures that are not ours to choose, each with who calls it.
WIDE_BY_CONTRACT = {
    ("whet.model.packed", "attend"): "transformers calls a registered attention function with exactly these",
    ("whet.model.kernels", "forward"): "autograd is given tensors and constants one by one, after its context",
    ("whet.trainer.trainer", "__init__"): "scripts call transformers' Trainer with these, some by their place",
}


def long_functions(module: Module) -> Iterator[str]:
    for function in functions(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length >= FUNCTION_LINES:
            yield f"{module.place(function)}: {function.name} has {length} lines"


def wide_signatures(module: Module) -> Iterator[str]:
    methods = {
        id(function)
        for owner in ast.walk(module.tree)
        if isinstance(owner, ast.ClassDef)
        for function in owner.body
        if isinstance(function, Function)
    }
    for function in functions(module):
        given = function.args
        names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        names += [argument.arg for argument in (given.vararg, given.kwarg) if argument]
        if id(function) in methods and names and names[0] in ("self", "cls"):
            del names[0]
        if len(names) >= PARAMETERS and (module.name, function.name) not in WIDE_BY_CONTRACT:
            yield f"{module.place(function)}: {function.name} takes {len(names)} parameters"


def test_every_module_is_short() -> None:
    lengths = {module.name: module.lines for module in modules()}
    assert {name: lines for name, lines in lengths.items() if lines >= MODULE_LINES} == {}


def test_every_function_is_short() -> None:
    assert [fault for module in modules() for fault in long_functions(module)] == []


def test_every_signature_is_narrow_but_for_commands_whose_parameters_are_their_options() -> None:
    assert [
        fault for module in modules() if not module.name.startswith("whet.cli") for fault in wide_signatures(module)
    ] == []


def test_every_exempted_signature_still_exists_and_is_wide() -> None:
    found = {
        (module.name, function.name): len(function.args.args) + len(function.args.kwonlyargs) + 1
        for module in modules()
        for function in functions(module)
        if (module.name, function.name) in WIDE_BY_CONTRACT
    }
    assert found.keys() == WIDE_BY_CONTRACT.keys()
    assert min(found.values()) >= PARAMETERS


def test_the_whole_source_stays_small() -> None:
    assert 1_000 < sum(module.lines for module in modules()) < PACKAGE_LINES


def test_a_function_of_60_lines_is_seen_and_one_of_59_is_not() -> None:
    for lines, faults in ((59, []), (60, ["src/whet/runs/run_folder.py:1: f has 60 lines"])):
        module = parse("whet.runs.run_folder", "def f():\n" + "    x = 1\n" * (lines - 1))
        assert list(long_functions(module)) == faults


def test_self_does_not_count_as_a_parameter_and_keywords_do() -> None:
    text = "class A:\n    def f(self, a, b, c, d, *, e, g, h): ...\ndef f(a, b, c, d, *, e, g, h, i): ...\n"
    assert list(wide_signatures(parse("whet.runs.run_folder", text))) == [
        "src/whet/runs/run_folder.py:3: f takes 8 parameters"
    ]
