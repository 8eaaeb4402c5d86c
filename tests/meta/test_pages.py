"""Every code block of the pages is executed by tests/slow/test_pages.py, or pages.py says why not."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests.meta.pages import CODE, NOT_RUN, PAGES, PYTHON_NOT_RUN, SHOWN, blocks, every_line, executed, why_not
from tests.meta.source import REPOSITORY
from whet.settings.config import resolve

NAMES = [f"{page.parent.name}/{page.name}" if page.parent.name == "ko" else page.name for page in PAGES]


def code(language: str) -> list[str]:
    return [content for page in PAGES for kind, content in blocks(page) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_is_code_of_a_known_language_or_something_shown(page: Path) -> None:
    assert {language for language, _ in blocks(page)} - {*CODE, *SHOWN} == set()


def test_every_line_of_bash_is_executed_or_has_a_reason_and_what_is_executed_is_whet() -> None:
    assert [line for line in executed() if not line.replace("HF_HUB_OFFLINE=1 ", "").startswith("whet ")] == []
    assert len(executed()) >= 80


def test_at_most_as_many_lines_are_excused_as_were_looked_at() -> None:
    """A rule that became too wide would swallow new lines in silence."""
    assert len({line for line in every_line() if why_not(line) is not None}) <= 52


def test_every_test_that_a_reason_names_is_there() -> None:
    named = re.findall(r"tests/[\w/.]+\.py", " ".join([*NOT_RUN.values(), *PYTHON_NOT_RUN.values()]))
    assert named
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []


def test_what_a_page_installs_are_extras_that_there_are() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    lines = [line for line in every_line() if line.startswith("pip install")]
    assert {line.split()[2].strip('"').partition("[")[0] for line in lines} == {"whet"}
    named = {name for line in lines for group in re.findall(r"\[(.*?)\]", line) for name in group.split(",")}
    assert named - extras.keys() == set()


def test_what_a_page_sends_to_a_server_is_json_and_goes_where_it_answers() -> None:
    lines = [shlex.split(line) for line in every_line() if line.startswith("curl ")]
    bodies = [json.loads(words[words.index("-d") + 1]) for words in lines if "-d" in words]
    assert {name for body in bodies for name in body} == {"text", "texts", "explain", "inputs", "truncate"}
    routes = (REPOSITORY / "src" / "whet" / "server" / "app.py").read_text(encoding="utf-8")
    for words in lines:
        path = next(word for word in words if word.startswith("http")).partition("//")[2].partition("/")[2]
        theirs = "inputs" in " ".join(words)  # the server of Hugging Face, which the line is about
        assert theirs or f'"/{path}"' in routes, path


def test_what_a_page_gives_to_docker_is_in_the_repository() -> None:
    (build,) = {line for line in every_line() if line.startswith("docker build")}
    words = shlex.split(build)
    file = REPOSITORY / words[words.index("-f") + 1]
    name = words[words.index("--build-arg") + 1].partition("=")[0]
    assert f"ARG {name}" in file.read_text(encoding="utf-8")


def test_every_rule_and_every_reason_is_needed() -> None:
    every = every_line()
    assert [rule for rule in NOT_RUN if not any(re.search(rule, line) for line in every)] == []
    assert [part for part in PYTHON_NOT_RUN if not any(part in content for content in code("python"))] == []
    assert why_not("whet check reviews.csv") is None


@pytest.mark.parametrize("content", code("python"), ids=range(len(code("python"))))
def test_every_block_of_python_can_be_read_by_python(content: str) -> None:
    ast.parse(content)


@pytest.mark.parametrize("content", code("toml"), ids=range(len(code("toml"))))
def test_every_recipe_that_a_page_shows_resolves(content: str) -> None:
    assert resolve(tomllib.loads(content)).notices == ()
