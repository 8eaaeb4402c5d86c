"""README's map of the code and its make targets, held against the files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.meta.source import PACKAGE, REPOSITORY

HEADING = "## The map of the code"

FORM = (
    "a line is `├── name  what it is`; several files may share a line; a folder's own files are named as "
    "`├── data/  read · check (a remark) · samples/`"
)


def read_map(text: str) -> str | None:
    """The fenced block under the heading, None where there is no such heading."""
    if HEADING not in text:
        return None
    block = re.search(r"```[a-z]*\n(.*?)```", text.split(HEADING, 1)[1], re.DOTALL)
    assert block, f"no fenced block under {HEADING!r}"
    return block[1]


def entries(drawn: str) -> dict[str, set[str]]:
    """Entry of src/whet (`config.py`, `data/`) to what the map names inside it (`read`, `samples/`)."""
    found: dict[str, set[str]] = {}
    folder = ""
    for line in drawn.splitlines():
        if branch := re.match(r"[├└]── (.+)", line):
            names, rest = _leading_names(branch[1])
            assert names, f"no file or folder in {line!r}: {FORM}"
            assert not set(names) & found.keys(), f"named twice: {line!r}"
            found |= {name: set() for name in names}
            folder = names[-1] if names[-1].endswith("/") else ""
        else:
            inner = re.match(r"[│ ]\s+(?:[├└]── )?(.+)", line)
            if not inner or not folder:
                continue
            names, rest = _leading_names(inner[1])
            found[folder] |= {name.removesuffix(".py") for name in names if name != "__init__.py"}
        if folder and "·" in rest:
            found[folder] |= {_first_word(piece) for piece in _without_remarks(rest).split("·")} - {""}
    return found


def files() -> dict[str, set[str]]:
    """What `entries` should find."""
    found = {path.name: set[str]() for path in PACKAGE.glob("*.py")}
    for folder in _folders(PACKAGE):
        inner = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        found[f"{folder.name}/"] = inner | {f"{path.name}/" for path in _folders(folder)}
    return found


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir() and path.name != "__pycache__"]


def _leading_names(text: str) -> tuple[list[str], str]:
    names = []
    while match := re.match(r"(\w+\.py|\w+/)(?:\s+|$)", text):
        names.append(match[1])
        text = text[match.end() :]
    return names, text


def _without_remarks(text: str) -> str:
    return re.sub(r"\([^)]*\)", "", text)


def _first_word(piece: str) -> str:
    word = re.match(r"\s*([a-z_]\w*/?)", piece)
    return word[1] if word else ""


def named_targets(text: str) -> set[str]:
    """`make x` in code: fenced blocks and spans, not prose such as 'make sure'."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found: set[str] = set()
    for code in [*fenced, *spans]:
        found |= set(re.findall(r"(?:^|[\s$;&(])make ([a-z][a-z-]*)", code))
    return found


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_map_in_the_readme_names_every_file_and_folder_one_to_one() -> None:
    drawn = read_map((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    if drawn is None:
        pytest.skip(f"README.md has no heading {HEADING!r} yet")
    drawn_entries, there = entries(drawn), files()
    missing = {name: inner for name, inner in there.items() if name not in drawn_entries}
    strange = {name: inner for name, inner in drawn_entries.items() if name not in there}
    assert (missing, strange) == ({}, {}), f"missing and strange entries of the map; {FORM}"
    assert drawn_entries == there, FORM


@pytest.mark.parametrize("name", sorted(path.name for path in REPOSITORY.glob("*.md")))
def test_every_make_target_that_a_page_names_exists(name: str) -> None:
    assert named_targets((REPOSITORY / name).read_text(encoding="utf-8")) - targets() == set()


def test_the_makefile_has_the_targets_that_contributors_rely_on() -> None:
    assert {"setup", "demo", "test", "test-slow", "check", "bench", "docs"} <= targets()


def test_a_map_is_read_with_its_folders_remarks_and_second_lines() -> None:
    drawn = """
src/whet/
├── __init__.py     public names · loaded on first use
├── estimator.py  compat.py    doors
├── data/           read · check (a · b) · tokens (no torch) · samples/
│                   formats · columns
├── model/
│   ├── encoder.py  the only door
│   └── packed.py   attention
└── recipes/        *.toml
"""
    assert entries(drawn) == {
        "__init__.py": set(),
        "estimator.py": set(),
        "compat.py": set(),
        "data/": {"read", "check", "tokens", "samples/", "formats", "columns"},
        "model/": {"encoder", "packed"},
        "recipes/": set(),
    }


def test_make_targets_are_read_from_code_and_not_from_prose() -> None:
    text = "make sure that `make demo` runs\n\n```bash\ncd x && make test\n$ make check  # make coffee\n```\n"
    assert named_targets(text) == {"demo", "test", "check", "coffee"}
