"""What `import whet` offers, and what it costs. Each test asks a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import whet
from tests.meta.source import modules

HEAVY = ("torch", "transformers", "sentence_transformers")

# Runs the command line as `whet` does, then writes the names of the heavy modules that it loaded.
RUN_AND_LIST = f"""
import json, sys
from whet.cli import main
code = main(sys.argv[2:])
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump({{"code": code, "heavy": [name for name in {HEAVY!r} if name in sys.modules]}}, out)
"""

# Imports every module, then resolves every public name: a module of the same name would by now
# have taken a function's place.
IMPORT_ALL = """
import importlib, json, sys, types
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
import whet
print(json.dumps({
    name: "module" if isinstance(value, types.ModuleType) else "callable" if callable(value) else type(value).__name__
    for name in whet.__all__ for value in [getattr(whet, name)]
}))
"""


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_itself_after_every_module_was_imported() -> None:
    names = [module.name for module in modules() if not module.name.endswith("__main__")]
    found = json.loads(python("-c", IMPORT_ALL, json.dumps(names)).splitlines()[-1])
    assert found == {name: "str" if name == "__version__" else "callable" for name in whet.__all__}


def test_no_public_name_is_the_name_of_a_module() -> None:
    top = {module.name.split(".")[1] for module in modules() if "." in module.name}
    assert top & set(whet.__all__) == set()


def test_the_public_names_are_distinct_and_what_dir_shows() -> None:
    assert dir(whet) == sorted(set(whet.__all__))
    assert len(whet.__all__) == len(dir(whet))


def test_every_lazy_name_has_its_type_for_the_type_checker() -> None:
    module = next(module for module in modules() if module.name == "whet")
    text = module.path.read_text(encoding="utf-8")
    declared = {line.split(" as ")[1].strip() for line in text.splitlines() if line.startswith("    from whet.")}
    assert declared == set(whet.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = whet.trian
    assert str(caught.value) == "module 'whet' has no attribute 'trian'"


def test_importing_the_package_loads_no_heavy_module() -> None:
    shown = python("-c", f"import sys, whet; print([name for name in {HEAVY!r} if name in sys.modules])")
    assert shown.strip() == "[]"


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("train", "--help"), ("--version",)])
def test_help_loads_no_heavy_module(arguments: tuple[str, ...], tmp_path: Path) -> None:
    listing = tmp_path / "loaded.json"
    shown = python("-c", RUN_AND_LIST, str(listing), *arguments)
    assert "whet" in shown
    assert json.loads(listing.read_text()) == {"code": 0, "heavy": []}


def test_checking_a_file_loads_no_heavy_module(reviews_csv: Path, tmp_path: Path) -> None:
    listing = tmp_path / "loaded.json"
    shown = python("-c", RUN_AND_LIST, str(listing), "check", str(reviews_csv))
    assert "negative" in shown
    assert json.loads(listing.read_text()) == {"code": 0, "heavy": []}
