"""The commands and the Python of the pages, executed on a tiny model and few rows, beside the files that they name."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.pages import PAGES, blocks, executed, why_no_python
from whet.cli import main

pytestmark = pytest.mark.slow

GOOD, BAD = "a film of great charm, number", "what a dull waste of time, number"
# Exit codes beside 0 that a command has with such a model, and is to have.
ENDS = {"--require-gpu": (2,), "--require": (0, 8)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Iterator[Path]:
    """The files that pages name, and a run under each name that they give one."""
    here = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for name, first in (("reviews.csv", 0), ("more.csv", 100), ("new.csv", 200)):
            rows = [(f"{GOOD if i % 2 else BAD} {first + i}", "positive" if i % 2 else "negative") for i in range(60)]
            with Path(name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("text", "label"), *rows])
        Path("texts.txt").write_text(f"{GOOD}\n{BAD}\n", encoding="utf-8")
        Path("weights.json").write_text(json.dumps({"negative": 1, "positive": 4.5}), encoding="utf-8")
        Path("mine.toml").write_text("epochs = 1\n", encoding="utf-8")
        assert main(["train", "reviews.csv", *tiny(tiny_bert), "--quiet"]) == 0
        made = next(path for path in Path("runs").iterdir() if (path / "model").is_dir())
        for name in ("NAME", "OLD", "NEW"):
            shutil.copytree(made, Path("runs") / name)
        yield here


def tiny(model: Path) -> list[str]:
    return ["--model", str(model), "--epochs", "0.2", "--max-length", "16", "--threads", "1", "--label-errors", "none"]


def arguments(line: str, model: Path) -> list[str]:
    """What a line gives to whet, smaller: an option that it gives itself is left to it, but for the model."""
    words = shlex.split(line.replace("HF_HUB_OFFLINE=1 ", "").partition(" < ")[0])[1:]
    if words[0] != "train" or "linear" in words:
        return words
    if "--model" in words:
        place = words.index("--model")
        words = words[:place] + words[place + 2 :]
    given = tiny(model)
    pairs = [given[i : i + 2] for i in range(0, len(given), 2)]
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], *(part for pair in pairs if pair[0] not in words for part in pair), *words[end:]]


@pytest.mark.parametrize("line", executed())
def test_a_command_that_a_page_shows_ends_as_it_should(
    line: str, folder: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for left in ("clean.csv", "clean.csv.dropped.jsonl"):
        (folder / left).unlink(missing_ok=True)
    given = folder / line.partition(" < ")[2]
    with (given if given.is_file() else folder / "texts.txt").open(encoding="utf-8") as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        code = main(arguments(line, tiny_bert))
    expected = next((codes for flag, codes in ENDS.items() if flag in line.split()), (0,))
    assert code in expected, capsys.readouterr().err


PYTHON = [content for page in PAGES for language, content in blocks(page) if language == "python"]


@pytest.mark.parametrize("content", [one for one in PYTHON if why_no_python(one) is None])
def test_python_that_a_page_shows_runs(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(content, "page", "exec"), {"__name__": "page"})
    assert (tmp_path / "reviews.csv").is_file()  # what both that are run are for
