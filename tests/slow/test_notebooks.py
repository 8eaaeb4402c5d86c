"""The notebooks of examples/, run by a Jupyter kernel from their first cell to their last on tiny settings; and what
their first cell would install."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kernel import Executed
from tests.meta.source import REPOSITORY
from tests.meta.test_notebooks import NOTEBOOKS, cells, source

pytestmark = pytest.mark.slow

# By notebook: a cell and what its value shows; and what the notebook leaves in its folder.
SHOWS = {
    "1-first-model": {"found.label_counts": "negative", "run = whet.train": "accuracy", "run.predict": "positive",
                      "run.explain": "acting", "run.report": "report.html"},
    "2-korean-csv": {"run = whet.train": "<table", "run.predict": "<table"},
    "3-from-trainer": {"trainer.train()": "TrainOutput(global_step=2", "trainer.evaluate()": "eval_accuracy",
                       "predicted.predictions": "array", "run = whet.train": "accuracy"},
}  # fmt: skip
MADE = {"1-first-model": "runs", "2-korean-csv": "리뷰.csv", "3-from-trainer": "model"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path: Path, tmp_path: Path) -> None:
    book = Executed(path, tmp_path)
    assert book.counts() == list(range(1, len(book) + 1))
    assert book.printed('"doctor"').strip()
    for cell, part in SHOWS[path.stem].items():
        assert part in "".join(book.shown(cell).values()), cell
    assert "Traceback" not in book.warned()
    assert (tmp_path / MADE[path.stem]).exists()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_would_install_whet_and_replace_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def heard(command: list[str], **_: Any) -> None:
        asked.append(command)

    (tmp_path / "cell.py").write_text(source(cells(path)[0]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        patch.setattr("subprocess.run", heard)
        runpy.run_path("cell.py")
    pip, doctor = asked
    assert (pip[-1], doctor[3]) == ("whet[train,embedded]", "doctor")
    installed = Path("installed.txt").read_text().splitlines()
    assert {line.partition("==")[0].lower() for line in installed} >= {"torch", "transformers", "numpy"}
    # As if this whet were on the index, and none of it here.
    Path("installed.txt").write_text("\n".join(line for line in installed if not line.startswith("whet==")))
    command = [*pip[:-1], "--dry-run", "--report", "report.json", f"{REPOSITORY}[train,embedded]"]
    subprocess.run(command, check=True, capture_output=True)
    report = json.loads(Path("report.json").read_text())
    assert [each["metadata"]["name"] for each in report["install"]] == ["whet"]


@pytest.mark.parametrize("held", ["torch==2.9.1", "transformers==4.57.1"])
def test_with_a_library_that_is_too_old_pip_says_so_and_replaces_nothing(held: str, tmp_path: Path) -> None:
    (tmp_path / "installed.txt").write_text(held)
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "installed.txt", "--dry-run",
        "--report", "report.json", f"{REPOSITORY}[train,embedded]",
    ]  # fmt: skip
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 1
    assert "conflicting dependencies" in ended.stderr
    assert not (tmp_path / "report.json").exists()
