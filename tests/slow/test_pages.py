"""The commands and the Python of the pages, executed on a tiny model and few rows, beside the files that they name."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.pages import PAGES, blocks, executed, why_no_python
from tests.slow.page_files import lay_out
from whet.cli import main

pytestmark = pytest.mark.slow

# Exit codes beside 0 that a command has with such a model, and is to have.
ENDS = {"--require-gpu": (2,), "--require": (0, 8)}
KEPT = ("NAME", "OLD", "NEW", "OTHER")
MODELS = ("train", "plan", "check")  # commands that take a model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Iterator[Path]:
    """A run under each name that the pages give one: PAIRS of pairs, the others of reviews; and an export."""
    here = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        (here / "runs" / "NAME").mkdir(parents=True)
        lay_out("")
        shutil.rmtree(here / "runs")
        assert main(["train", "질문.csv", "--text", "질문1", "--pair", "질문2", *tiny(tiny_bert), "--quiet"]) == 0
        next(Path("runs").iterdir()).rename("PAIRS")
        shutil.rmtree("runs")
        assert main(["train", "reviews.csv", *tiny(tiny_bert), "--quiet"]) == 0
        made = next(path for path in Path("runs").iterdir() if (path / "model").is_dir())
        for name in KEPT:
            shutil.copytree(made, Path("runs") / name)
        shutil.rmtree(made)
        assert main(["export", "runs/NAME", "--quiet"]) == 0
        shutil.copytree("runs/NAME/export", "export")
        yield here


@pytest.fixture
def beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That folder, which has no other runs afterwards: `last` is what it was."""
    monkeypatch.chdir(folder)
    yield folder
    for path in (folder / "runs").iterdir():
        if path.name not in KEPT and path.is_dir():
            shutil.rmtree(path)


def tiny(model: Path) -> list[str]:
    return ["--model", str(model), "--epochs", "0.2", "--max-length", "16", "--threads", "1", "--label-errors", "none"]


def arguments(line: str, model: Path) -> list[str]:
    """What a line gives to whet, smaller: an option that it gives itself is left to it, but for the model."""
    words = shlex.split(line.replace("HF_HUB_OFFLINE=1 ", "").partition(" < ")[0])[1:]
    if words[0] not in MODELS or "linear" in words:
        return words
    if "--model" in words:
        place = words.index("--model")
        words = words[:place] + words[place + 2 :]
    given = tiny(model) if words[0] != "check" else tiny(model)[:2]
    pairs = [given[i : i + 2] for i in range(0, len(given), 2)]
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], *(part for pair in pairs if pair[0] not in words for part in pair), *words[end:]]


@pytest.mark.parametrize("line", executed())
def test_a_command_that_a_page_shows_ends_as_it_should(
    line: str, beside: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(line)
    for left in ("clean.csv", "clean.csv.dropped.jsonl", "answers.csv", "submission.csv", "to-the-server"):
        shutil.rmtree(beside / left, ignore_errors=True)
        if (beside / left).is_file():
            (beside / left).unlink()
    given = beside / line.partition(" < ")[2]
    with (given if given.is_file() else beside / "texts.txt").open(encoding="utf-8") as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        code = main(arguments(line, tiny_bert))
    expected = next((codes for flag, codes in ENDS.items() if flag in line.split()), (0,))
    assert code in expected, capsys.readouterr().err


PYTHON = {
    f"{page.parent.name}/{page.stem} {place}": content
    for page in PAGES
    for place, (language, content) in enumerate(blocks(page))
    if language == "python" and why_no_python(content) is None
}
# What is written smaller, and `SMALL` is what tiny() is in Python.
SMALLER = {
    'model="embedded", epochs=3': "**SMALL",
    'model="embedded", epochs=1, max_length=64': 'model=SMALL["model"], epochs=0.2, max_length=16',
    '"reviews.csv", metric=cost, fresh=True': '"reviews.csv", metric=cost, fresh=True, **SMALL',
    '"reviews.csv", fresh=True': '"reviews.csv", fresh=True, **SMALL',
    '"reviews.csv", loss=focal': '"reviews.csv", loss=focal, **SMALL',
    'label="sentiment")': 'label="sentiment", **SMALL)',
    "zip(texts, labels)))": "zip(texts, labels)), **SMALL)",
    'label="category")': 'label="category", **SMALL)',
    '"layers": [3, 6]': '"layers": [1]',
    "n_jobs=2": "n_jobs=1",
    '["train"]  # any': '["test"]  # any',
}


@pytest.mark.parametrize("place", PYTHON)
def test_python_that_a_page_shows_runs(place: str, beside: Path, tiny_bert: Path) -> None:
    import pandas

    import whet

    lay_out("")
    content = PYTHON[place]
    for written, tiny_one in SMALLER.items():
        content = content.replace(written, tiny_one)
    assert 'model="embedded"' not in content
    small = {"model": str(tiny_bert), "epochs": 0.2, "max_length": 16, "threads": 1, "label_errors": "none"}
    texts = [f"a film {i}, dull" if i % 2 else f"a fine film {i}" for i in range(900)]
    labels = [str(i % 2) for i in range(900)]
    columns = {"review": texts, "sentiment": labels, "title": texts, "body": texts, "category": labels}
    given = {"SMALL": small, "frame": pandas.DataFrame(columns), "texts": texts, "labels": labels, "whet": whet}
    exec(compile(content, "page", "exec"), {"__name__": "__main__", **given})


def test_the_python_that_writes_a_file_to_begin_with_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writing = [content for content in PYTHON.values() if 'open("reviews.csv", "w"' in content]
    assert len(writing) == 2  # English and Korean
    for content in writing:
        exec(compile(content, "page", "exec"), {"__name__": "page"})
        assert Path("reviews.csv").stat().st_size > 10_000
        Path("reviews.csv").unlink()
