"""`whet evaluate RUN DATA --output`: a folder with what a run came to on other data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pyarrow import parquet

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, write_csv
from whet.disk import durable


@pytest.fixture
def reviews(here: Path) -> str:
    return str(write_csv(here / "all.csv", review_rows()))


def test_a_folder_has_scores_answers_mistakes_and_a_page_of_the_other_data(
    taught: Told, whet: Command, reviews: str, here: Path
) -> None:
    ended = whet("evaluate", str(taught.path), reviews, "--output", "other", "--json")
    assert (ended.code, ended.err) == (0, f"scoring {reviews}\n" + ended.err.split("\n", 1)[1])
    names = {path.name for path in (here / "other").iterdir()}
    assert names == {
        "evaluation.json", "metrics.json", "predictions.parquet", "mistakes.json", "relabel.csv", "report.html"
    }  # fmt: skip
    metrics = json.loads((here / "other" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics == ended.json
    assert (metrics["task"], metrics["test"]["rows"]) == ("binary", 60)
    assert metrics["label_errors"]["test"]["rows"] == 60
    rows = parquet.read_table(here / "other" / "predictions.parquet").to_pylist()
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert (len(rows), right / 60) == (60, pytest.approx(metrics["test"]["accuracy"]))
    assert {row["side"] for row in rows} == {"test"}
    wrong = json.loads((here / "other" / "mistakes.json").read_text(encoding="utf-8"))["wrong"]
    assert {each["row_id"] for each in wrong} == {row["row_id"] for row in rows if row["label"] != row["predicted"]}


def test_its_page_names_the_run_and_has_no_training(taught: Told, whet: Command, reviews: str, here: Path) -> None:
    ended = whet("evaluate", str(taught.path), reviews, "--output", "other", "--lang", "en")
    assert ended.code == 0, ended.err
    assert "Report  other/report.html" in ended.out
    page = (here / "other" / "report.html").read_text(encoding="utf-8")
    assert f"<h1>all.csv, answered by {taught.path.name}</h1>" in page
    assert f"<dt>Run</dt><dd>{taught.path}</dd>" in page
    assert "<dd>text: text (as in training); label: label (named &#39;label&#39;)</dd>" in page
    assert '<p class="about"><b>whet</b> Evaluation report</p>' in page
    keys = re.findall('<section id="([a-z]+)"', page)
    assert (keys[0], keys[-1]) == ("scores", "evaluation")
    assert not {"data", "course", "findings", "repeat"} & set(keys)
    whet("evaluate", str(taught.path), reviews, "--output", "other", "--lang", "ko")
    page = (here / "other" / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{taught.path.name} 모델로 평가한 all.csv</h1>" in page
    assert "<dd>텍스트: text(학습 때와 같음), 라벨: label(이름이 &#39;label&#39;)</dd>" in page


def test_without_a_folder_nothing_is_written(taught: Told, whet: Command, reviews: str, here: Path) -> None:
    before = sorted(here.rglob("*"))
    assert whet("evaluate", str(taught.path), reviews).code == 0
    assert sorted(here.rglob("*")) == before


def test_a_folder_of_anything_else_is_refused_before_data_are_read(taught: Told, whet: Command, here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    (here / "file").write_text("mine", encoding="utf-8")
    ended = whet("evaluate", str(taught.path), "gone.csv", "--output", "mine")
    assert ended.code == 2
    assert ended.errors == ["--output: mine holds files that no evaluation wrote. Give another --output."]
    assert whet("evaluate", str(taught.path), "gone.csv", "--output", "file").errors == [
        "--output: file is a file. Expected a folder."
    ]
    assert whet("evaluate", str(taught.path), "gone.csv", "--output", str(taught.path)).code == 2


def test_an_evaluation_under_runs_is_not_the_last_run(job: Job, here: Path, reviews: str) -> None:
    told = job(reviews, **BRIEF)
    library.evaluate(told.run, reviews, output="runs/other")
    assert library.load("last").path.resolve() == told.path.resolve()


def test_an_evaluation_has_the_score_that_is_asked_for(taught: Told, whet: Command, reviews: str) -> None:
    ended = whet("evaluate", str(taught.path), reviews, "--metric", "jaccard", "--json")
    assert ended.code == 0, ended.err
    scores = ended.json["test"]
    true, wrong = scores["recall"], scores["classes"]
    assert 0 < scores["jaccard"] <= min(true, scores["precision"]), wrong
    assert "jaccard" in whet("evaluate", str(taught.path), reviews, "--metric", "jaccard").out
    ended = whet("evaluate", str(taught.path), "gone.csv", "--metric", "r2")
    assert (ended.code, ended.errors[0].split(".")[0]) == (2, "--metric: metric r2 in a binary task")


def test_a_regression_and_several_labels_have_their_pages(job: Job, here: Path) -> None:
    texts = [text for text, _ in review_rows()]
    for name, answers in (
        ("numbers", [str(len(text) / 7) for text in texts]),
        ("sets", ["a;b" if "good" in text else "b" if len(text) % 2 else "a" for text in texts]),
    ):
        write_csv(here / f"{name}.csv", list(zip(texts, answers, strict=True)))
        told = job(f"{name}.csv", **BRIEF, task="regression" if name == "numbers" else "multilabel")
        found = library.evaluate(told.run, f"{name}.csv", output=name)
        assert found.output == Path(name)
        assert (here / name / "report.html").is_file()
        assert not (here / name / "relabel.csv").exists()


@pytest.mark.parametrize("earlier", [False, True])
def test_one_that_is_killed_before_it_has_said_what_it_is_can_be_written_again(
    taught: Told, whet: Command, reviews: str, here: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    command = ("evaluate", str(taught.path), reviews, "--output", "other", "--json")
    if earlier:
        assert whet(*command).code == 0
    real = durable.write

    def killed(path: Path, content: str | bytes) -> None:
        if path.name == "evaluation.json":
            (path.parent / "tmp-half").write_text("")
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(durable, "write", killed)
    assert whet(*command).code == 130
    monkeypatch.setattr(durable, "write", real)
    assert (here / "other" / "tmp-half").is_file()
    assert whet(*command).code == 0
    assert not (here / "other" / "tmp-half").exists()
