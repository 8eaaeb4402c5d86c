"""Every code block of the pages is executed by tests/slow/test_pages.py, or pages.py says why not."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.meta.pages import CODE, NOT_RUN, PAGES, PYTHON_NOT_RUN, SHOWN, blocks, executed, lines, why_not
from whet.config import resolve

NAMES = [f"{page.parent.name}/{page.name}" if page.parent.name == "ko" else page.name for page in PAGES]


def code(language: str) -> list[str]:
    return [content for page in PAGES for kind, content in blocks(page) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_is_code_of_a_known_language_or_something_shown(page: Path) -> None:
    assert {language for language, _ in blocks(page)} - {*CODE, *SHOWN} == set()


def test_every_line_of_bash_is_executed_or_has_a_reason_and_what_is_executed_is_whet() -> None:
    assert [line for line in executed() if not line.replace("HF_HUB_OFFLINE=1 ", "").startswith("whet ")] == []
    assert len(executed()) >= 30


def test_every_rule_and_every_reason_is_needed() -> None:
    every = [line for content in code("bash") for line in lines(content)]
    assert [rule for rule in NOT_RUN if not any(re.search(rule, line) for line in every)] == []
    assert [part for part in PYTHON_NOT_RUN if not any(part in content for content in code("python"))] == []
    assert why_not("whet check reviews.csv") is None


@pytest.mark.parametrize("content", code("python"), ids=range(len(code("python"))))
def test_every_block_of_python_can_be_read_by_python(content: str) -> None:
    ast.parse(content)


@pytest.mark.parametrize("content", code("toml"), ids=range(len(code("toml"))))
def test_every_recipe_that_a_page_shows_resolves(content: str) -> None:
    assert resolve(tomllib.loads(content)).notices == ()
