"""The site of docs/: it builds without a warning, and its API page has every public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import whet
from tests.meta.source import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_site_builds_without_a_warning_and_shows_docstrings(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--quiet",
        "--fail-on-warning",
        "--keep-going",
        "-d",
        str(tmp_path / "trees"),
    ]
    built = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "site")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        check=False,
    )
    assert (built.stderr, built.returncode) == ("", 0)
    page = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    assert 'id="whet.train"' in page
    assert "Fine-tunes on labelled text, scores and saves" in page


def test_the_api_page_has_every_public_name() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. auto\w+:: whet\.(\w+)$", text, re.MULTILINE))
    assert named == set(whet.__all__) - {"__version__"}


def test_every_page_in_korean_has_its_page_in_english_with_the_same_headings() -> None:
    def levels(path: Path) -> list[str]:
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        return re.findall(r"^(#+) ", text, re.MULTILINE)

    pages = sorted((DOCS / "ko").glob("*.md"))
    assert [page.name for page in pages] == ["reference-job.md", "start.md"]
    assert [levels(page) for page in pages] == [levels(DOCS / page.name) for page in pages]
