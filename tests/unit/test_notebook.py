"""What a notebook shows: tables in which texts are texts."""

from __future__ import annotations

import json
import pickle
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.made_runs import made_run
from whet.notebook import LETTERS, MOST_ROWS, Predictions, of_run
from whet.records import Prediction
from whet.run import Run
from whet.runs.run_folder import RunFolder

HOSTILE = "<img src=x onerror=alert(1)>&amp;\"'</td></table><script>alert(2)</script>"


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs == []
        self.tags.add(tag)
        if tag == "td":
            self.cells.append("")
        self._inside = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


def answer(text: str, label: str | None, score: float | None = 0.9, **more: Any) -> Prediction:
    return Prediction(text, label, score, {} if label is None else {label: score or 0.0}, False, **more)


def test_predictions_are_a_list_and_shown_as_a_table() -> None:
    known = [answer("Fine.", "good"), answer("Hm.", None, 0.5)]
    found = Predictions(known)
    assert found == known
    assert isinstance(found, list)
    assert repr(found) == repr(known)
    assert type(found[:1]) is list
    assert pickle.loads(pickle.dumps(found)) == known
    assert json.dumps([each.label for each in found]) == '["good", null]'
    assert Page(found._repr_html_()).cells == ["Fine.", "good", "0.9000", "Hm.", "unsure", "0.5000"]


def test_several_labels_numbers_and_pairs_have_their_answers() -> None:
    both = Prediction("A.", None, None, {"a": 0.7, "b": 0.6, "c": 0.1}, False, labels=("a", "b"))
    none = Prediction("B.", None, None, {"a": 0.1}, False, labels=())
    assert Page(Predictions([both, none])._repr_html_()).cells == ["A.", "a, b", "0.7000, 0.6000", "B.", "no label", ""]
    number = Prediction("C.", None, None, {}, False, value=3.25, text2="D.")
    assert Page(Predictions([number])._repr_html_()).cells == ["C.", "D.", "3.25", ""]


def test_hostile_texts_and_labels_stay_texts_and_long_ones_are_cut() -> None:
    shown = Predictions([answer(HOSTILE, HOSTILE), answer("x" * 1_000, "good")])._repr_html_()
    page = Page(shown)
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.cells[:2] == [HOSTILE, HOSTILE]
    assert page.cells[3] == "x" * (LETTERS - 1) + "…"


def test_of_many_predictions_the_first_are_shown_and_of_none_a_heading() -> None:
    found = Predictions([answer("Fine.", "good")] * (MOST_ROWS + 5))
    assert len(Page(found._repr_html_()).cells) == 3 * MOST_ROWS
    assert found._repr_html_().endswith("<p>and 5 more</p>")
    assert Page(Predictions([])._repr_html_()).cells == []


def test_a_run_shows_its_verdict_and_its_scores_beside_tf_idf(tmp_path: Path) -> None:
    run = Run(made_run(tmp_path / "run", more={"verdict": {"en": HOSTILE}}))
    page = Page(run._repr_html_())
    accuracy = f"{run.metrics['test']['accuracy']:.4f}"
    assert page.cells[:4] == ["accuracy", accuracy, "", accuracy]
    assert page.tags <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert str(tmp_path / "run") in run._repr_html_()


def test_a_run_without_scores_or_that_cannot_be_read_shows_where_it_is(tmp_path: Path) -> None:
    assert "<table>" not in of_run("runs/x", {"task": "binary"})
    missing = Run(RunFolder(tmp_path / HOSTILE.replace("/", "")))
    assert "<script>" not in missing._repr_html_()
