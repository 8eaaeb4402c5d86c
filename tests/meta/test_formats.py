"""docs/formats.md, the links of the pages and the commands they show, held against the program."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.meta.source import REPOSITORY
from whet.cli.examples import EXAMPLES
from whet.errors import WhetError
from whet.records import Evaluation, Metrics, Notice, StepRecord, Tightened
from whet.runs.run_folder import OWN_FILES

FORMATS = REPOSITORY / "docs" / "formats.md"
READMES = sorted(REPOSITORY.glob("README*.md"))
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))
LINKING = [*READMES, *PAGES]
WITHOUT_COMMANDS = ("index", "api", "cli", "settings", "where", "log")  # the last shows those of other days
SHOWING = [
    *READMES, *(page for page in PAGES if page.parent.name in ("docs", "ko") and page.stem not in WITHOUT_COMMANDS)
]  # fmt: skip
OUR_BUG, INTERRUPTED = (1, "bug"), (130, "")


def kinds(fault: type[WhetError]) -> Iterator[tuple[int, str]]:
    """(exit code, kind) of every class below this one."""
    for below in fault.__subclasses__():
        yield below.exit_code, below.kind
        yield from kinds(below)


def section(text: str, heading: str) -> str:
    return text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


def fences(text: str) -> list[tuple[str, str]]:
    """(language, content) of each fenced block."""
    return re.findall(r"^```([a-z]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text: str) -> set[str]:
    """Relative targets of the page's links, each with its #heading."""
    return {target for target in re.findall(r"\]\(([^)\s]+)\)", without_fences(text)) if "://" not in target}


def headings(path: Path) -> set[str]:
    """The #names of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_fences(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(text: str) -> Iterator[list[str]]:
    """The words after each `whet` in bash blocks, after a `$` in text blocks, and in code spans."""
    lines: list[str] = []
    for language, content in fences(text):
        content = content.replace("\\\n", " ")
        if language == "bash":
            lines += content.splitlines()
        elif language in ("", "text"):
            lines += [line.strip()[2:] for line in content.splitlines() if line.strip().startswith("$ ")]
    lines += re.findall(r"`([^`\n]+)`", without_fences(text))
    for line in lines:
        # No `|` may hide in a word: `head|tail` stays one, a pipe has spaces around it.
        words = shlex.split(line, comments=True) if "whet" in line else []
        for i, word in enumerate(words):
            if word == "whet" and (i == 0 or words[i - 1] in ("|", "&&", ";", "$") or "=" in words[i - 1]):
                ends = (j for j in range(i + 1, len(words)) if words[j] in ("|", "&&", ";"))
                yield words[i + 1 : next(ends, len(words))]


def bare_flags(text: str) -> set[str]:
    """`--flag` and `--flag value` in code spans."""
    return set(re.findall(r"`(--[a-z][a-z-]*)[ =`]", without_fences(text)))


@cache
def known_flags() -> dict[str, set[str]]:
    """Command to its options; those of `whet` itself under ''."""
    import typer

    from whet.cli.app import app

    group: Any = typer.main.get_command(app)
    return {"": _flags(group), **{name: _flags(command) for name, command in group.commands.items()}}


def _flags(command: Any) -> set[str]:
    options = [param for param in command.params if param.param_type_name == "option"]
    return {flag for option in options for flag in [*option.opts, *option.secondary_opts]}


def unknown(words: list[str]) -> list[str]:
    """What a shown command has that the command line lacks."""
    if not words:
        return []
    name, rest = ("", words) if words[0].startswith("-") else (words[0], words[1:])
    if name not in known_flags():
        return [f"whet {name}"]
    rest = rest[: rest.index("--")] if "--" in rest else rest
    flags = {word.partition("=")[0] for word in rest if word.startswith("-")}
    return [f"whet {name} {flag}" for flag in sorted(flags - known_flags()[name])]


def test_every_exit_code_of_the_program_stands_in_the_page_with_its_kind_and_no_other() -> None:
    table = section(FORMATS.read_text(encoding="utf-8"), "## Exit codes")
    rows = re.findall(r"^\| (\d+) \| (?:`(\w+)`)? ?\|", table, re.MULTILINE)
    assert {(int(code), kind) for code, kind in rows} == {(0, ""), OUR_BUG, INTERRUPTED, *kinds(WhetError)}


def test_every_file_of_a_run_and_every_key_of_its_events_stands_in_the_page() -> None:
    text = section(FORMATS.read_text(encoding="utf-8"), "## The run folder")
    keys = [
        field.name
        for record in (StepRecord, Notice, Tightened, Evaluation, Metrics)
        for field in dataclasses.fields(record)
    ]
    assert [
        name for name in (*OWN_FILES, *keys, "kind", "notice", "step", "evaluation", "end") if f"`{name}`" not in text
    ] == []


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_relative_link_of_a_page_leads_somewhere(page: Path) -> None:
    lost = []
    for link in sorted(links(page.read_text(encoding="utf-8"))):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (heading and heading not in headings(target)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_command_and_option_that_a_page_shows_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = list(commands(text))
    assert shown, "the page shows no command"
    strange = [fault for words in shown for fault in unknown(words)]
    everything = set().union(*known_flags().values())
    foreign = {"--extra-index-url", "--gpus"}  # pip's and docker's
    assert (strange, bare_flags(text) - everything - foreign) == ([], set())


def test_the_help_of_every_command_ends_with_examples_that_exist() -> None:
    assert set(EXAMPLES) == known_flags().keys() - {""}
    lines = [line for lines in EXAMPLES.values() for line in lines]
    shown = list(commands("```bash\n" + "\n".join(lines) + "\n```\n"))
    assert len(shown) == len(lines)
    assert [fault for words in shown for fault in unknown(words)] == []
    assert all(line.split()[1] == name for name, lines in EXAMPLES.items() for line in lines)


def test_commands_are_read_from_blocks_and_spans_and_not_from_prose() -> None:
    text = (
        "whet walks --far\n\n```bash\nHF_HUB_OFFLINE=1 whet train x.csv \\\n  --epochs 1  # whet nothing\n"
        'cat a | whet predict last | head\nwhet predict last -- "-5"\n```\n'
        "```text\n$ whet check a\nwhet b\n```\n`whet demo --fast` and `pip install whet`\n"
    )
    assert list(commands(text)) == [
        ["train", "x.csv", "--epochs", "1"],
        ["predict", "last"],
        ["predict", "last", "--", "-5"],
        ["check", "a"],
        ["demo", "--fast"],
    ]


def test_a_strange_command_and_a_strange_option_are_found() -> None:
    assert unknown(["walk"]) == ["whet walk"]
    assert unknown(["demo", "--epochs=1", "--lang", "ko", "--", "--far"]) == ["whet demo --epochs"]
    assert unknown(["--version"]) == []
    assert bare_flags("`--epochs 4`, `--far`, `x --near`, `--a|b`") == {"--epochs", "--far"}


def test_links_and_headings_are_read_as_github_reads_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Exit codes\n## `run.json`, once\n```bash\n# no heading\n```\n", encoding="utf-8")
    assert headings(page) == {"exit-codes", "runjson-once"}
    assert links("[a](b.md#c) [w](https://x.y) ```\n[no](z)") == {"b.md#c", "z"}
    assert links("[a](b.md)\n```text\n[no](z)\n```\n") == {"b.md"}
