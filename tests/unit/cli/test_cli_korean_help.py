"""`--help` in Korean, with `--lang ko` and where the locale is Korean."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import typer

from whet.cli.app import app
from whet.cli.helptext import MORE
from whet.cli.korean_help import KOREAN
from whet.settings.config import GROUPS

FRAME = {"Usage", "OPTIONS", "COMMAND", "Arguments", "Commands", "Options", "Examples", MORE, *GROUPS}
SYLLABLE = re.compile("[가-힣]")


def said(command: Any) -> set[str]:
    """All that the --help of a command says, but for names and examples."""
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    texts = {paragraph.replace("\n", " ") for paragraph in inspect.cleandoc(command.help).split("\n\n")}
    texts |= {param.help for param in shown if param.help}
    texts |= {param.rich_help_panel or "Options" for param in shown if param.param_type_name == "option"}
    return texts | {(command.epilog or "Examples").partition("\n")[0]}


GROUP: Any = typer.main.get_command(app)
EVERY = {"whet": GROUP, **GROUP.commands}


@pytest.mark.parametrize("name", EVERY)
def test_whatever_help_says_has_korean(name: str) -> None:
    assert sorted(said(EVERY[name]) - KOREAN.keys()) == []


def test_no_korean_is_left_of_a_text_that_is_gone() -> None:
    there = FRAME.union(*(said(command) for command in EVERY.values()))
    assert sorted(KOREAN.keys() - there) == []


def test_every_korean_text_has_hangul_and_names_the_same_options_and_places() -> None:
    names = re.compile(r"--[a-z0-9-]+|\{\w+\}|`[^`]+`")
    for english, korean in KOREAN.items():
        kept = {name for name in names.findall(english) if "YOUR.csv" not in name}
        assert kept <= set(names.findall(korean)), korean
        assert SYLLABLE.search(korean) or not re.search("[a-z]{4} [a-z]", english), korean


@pytest.mark.parametrize("given", [("--lang", "ko", "--help"), ("--help", "--lang=ko"), ("-h", "--lang", "ko")])
def test_lang_ko_before_or_behind_help_is_korean(whet: Any, given: tuple[str, ...]) -> None:
    told = whet("train", *given)
    assert told.code == 0
    first, _, rest = told.out.partition("\n")
    assert first == "사용법: whet train [DATA] [옵션]"
    assert "학습률의 최댓값." in rest
    assert "`whet train --help-all`" in rest
    assert "Examples" not in rest


def test_the_locale_decides_where_no_language_is_given(whet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert whet("--help").out.startswith("사용법: whet 명령 [옵션]")
    assert whet("predict", "--help").out.startswith("사용법: whet predict RUN [TEXT...] [옵션]")
    assert whet("predict", "--help", "--lang", "en").out.startswith("Usage: whet predict RUN")
    assert whet("predict", "--help", "--lang", "fr").out.startswith("사용법")


def test_what_only_help_all_shows_stays_english(whet: Any) -> None:
    told = whet("train", "--help-all", "--lang", "ko").out
    assert "사용법" in told
    assert "Weight decay" in told or "weight decay" in told


def test_no_letter_is_left_out_where_a_line_holds_hangul(whet: Any) -> None:
    told = " ".join(whet("train", "--help", "--lang", "en").out.split())
    assert "or 부정,긍정 for 0 and 1, or neg=부정,pos=긍정." in told
    assert "…" not in told
