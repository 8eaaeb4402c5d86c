"""A notebook of examples/, as a kernel runs it and shows it. The others: tests/slow/test_notebooks.py."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.kernel import Executed
from tests.meta.source import REPOSITORY


def test_the_korean_notebook_runs_in_a_kernel_and_shows_the_machine_the_run_and_its_answers(tmp_path: Path) -> None:
    book = Executed(REPOSITORY / "examples" / "2-korean-csv.ipynb", tmp_path)
    assert book.counts() == list(range(1, len(book) + 1))
    assert "메모리" in book.printed('"doctor"')  # of a process that the cell starts
    assert ast.literal_eval(book.shown("found.label_counts")["text/plain"])["train"] == {
        "부정": 150,
        "긍정": 150,
    }
    assert book.printed("found.columns.text").splitlines()[0] == "본문 / 감정"
    assert "<table" in book.shown("run = whet.train")["text/html"]
    assert "연기는 훌륭한데" in book.shown("run.predict")["text/html"]
    mistakes = ast.literal_eval(book.shown('mistakes["wrong"]')["text/plain"])
    assert len(mistakes) == 3
    assert all({label, answer} == {"부정", "긍정"} for _, label, answer, _ in mistakes)
    assert (tmp_path / "리뷰.csv").exists()
    assert "Traceback" not in book.warned()
