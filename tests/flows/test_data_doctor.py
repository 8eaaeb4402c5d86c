"""The data doctor as a user meets it: `whet check`, and what a training tells of its data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, events_of, write_csv
from whet import pipeline
from whet.data.doctor.look import EXACT
from whet.errors import DataError

LONG = "An uncommonly long sentence on a film which nobody but its own director has ever seen to the {} end"


@pytest.fixture
def leaky(here: Path) -> Path:
    """48 reviews to train on, and 12 to test with, of which train has two and nearly a third."""
    rows = [*review_rows()[:47], (LONG.format("bitter"), "negative")]
    tested = [*review_rows()[48:57], rows[0], rows[1], (LONG.format("better"), "negative")]
    write_csv(here / "test.csv", tested)
    return write_csv(here / "train.csv", rows)


def test_check_has_a_key_for_each_code_that_it_looks_for(whet: Command, leaky: Path, tiny_bert: Path) -> None:
    arguments = ("check", "train.csv", "--test", "test.csv", "--model", str(tiny_bert), "--max-length", "8", "--json")
    ended = whet(*arguments)
    found = ended.json["findings"]
    assert ended.code == 0
    assert set(found) == {*EXACT, "near_duplicates", "near_in_train", "truncated", "unknown_tokens"}
    assert found["texts_in_train"]["test"]["count"] == 2
    assert found["texts_in_train"]["test"]["places"] == ["line 11", "line 12"]
    assert found["near_in_train"]["test"]["count"] == 1
    assert found["near_in_train"]["test"]["figures"]["pairs"] == [["line 13", "line 49"]]
    assert found["truncated"]["train"]["figures"]["rows"] > 0.5
    quick = whet(*arguments, "--no-near-duplicates").json["findings"]
    assert set(found) - set(quick) == {"near_duplicates", "near_in_train"}


def test_in_korean_all_that_check_says_of_the_data_is_korean_and_its_json_is_not(
    whet: Command, leaky: Path, tiny_bert: Path
) -> None:
    lines = leaky.read_text(encoding="utf-8").splitlines()
    rows = [line.rpartition(",") for line in lines[1:]]
    leaky.write_text("\n".join(["body;label", *(f"{text};{label}" for text, _, label in rows)]), encoding="utf-8")
    arguments = ("check", "train.csv", "--model", str(tiny_bert), "--max-length", "8", "--fix", "clean.csv")
    ended = whet(*arguments, "--lang", "ko")
    assert ended.code == 0
    assert "텍스트: body (이름이 'body')\n라벨:   label (이름이 'label')\n" in ended.out
    assert "truncated, 학습" in ended.out
    assert "참고: train.csv의 열 구분자는 쉼표가 아니라 세미콜론입니다\n" in ended.out
    assert (
        "참고: 학습 48행 중 48행을 clean.csv에 썼습니다. 뺀 행: 없음. 이유는 clean.csv.dropped.jsonl에 있습니다\n"
        in (ended.out)
    )
    told = ended.out.partition("발견한 점")[2]
    assert set(re.findall("[A-Za-z]{4,}", re.sub(r"--?[\w-]+|[\w.]+\.(csv|jsonl)", "", told))) <= {
        "count", "truncated", "head", "tail", "chunks", "unknown_tokens", "ROW",
    }  # fmt: skip
    again = whet(*arguments[:-2], "--lang", "ko", "--json").json
    assert again == whet(*arguments[:-2], "--lang", "en", "--json").json
    assert again["columns"]["text_reason"] == "named 'body'"
    assert again["notices"] == ["train.csv has semicolons between its columns, not commas"]


def test_without_a_tokenizer_the_rest_is_told(whet: Command, leaky: Path) -> None:
    ended = whet("check", "train.csv", "--test", "test.csv", "--model", "./nowhere", "--json")
    assert ended.code == 0
    assert "truncated" not in ended.json["findings"]
    assert any(notice.startswith("tokens were not counted: ") for notice in ended.json["notices"])


def test_a_missing_label_is_a_finding_of_check_and_ends_a_training(whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", [*review_rows(), ("no answer", ""), ("none either", " ")])
    ended = whet("check", "reviews.csv", "--json")
    assert ended.code == 3
    told = ended.json["findings"]["missing_labels"]["train"]
    assert (told["count"], told["places"]) == (2, ["line 62", "line 63"])
    ended = whet("train", "reviews.csv")
    assert ended.code == 3
    assert "2 rows without label: line 62, line 63" in ended.errors[0]


def test_what_fix_writes_can_be_trained_on(whet: Command, job: Job, here: Path) -> None:
    rows = review_rows()
    write_csv(here / "reviews.csv", [*rows, ("no answer", ""), rows[0], ("", "positive")])
    assert whet("check", "reviews.csv", "--fix", "clean.csv").code == 3
    clean = whet("check", "clean.csv", "--json")
    assert (clean.code, clean.json["rows"]) == (0, {"train": 60})
    assert len((here / "clean.csv.dropped.jsonl").read_text().splitlines()) == 3
    assert job("clean.csv", **BRIEF).end.metrics["test"]["rows"] == 6


def test_a_training_keeps_its_findings_and_scores_without_the_leaked_rows(job: Job, leaky: Path, here: Path) -> None:
    told = job("train.csv", test="test.csv", **BRIEF)
    found = json.loads((told.path / "findings.json").read_text())["findings"]
    assert found["texts_in_train"]["test"]["count"] == 2
    assert found["near_in_train"]["test"]["count"] == 1
    assert "sample" not in found["unknown_tokens"].get("train", {}).get("figures", {})
    clean = told.end.metrics["test"]["without_leaks"]
    assert {name: clean[name] for name in ("left_out", "exact", "near", "rows")} == {
        "left_out": 3, "exact": 2, "near": 1, "rows": 9,
    }  # fmt: skip
    page = (told.path / "report.html").read_text(encoding="utf-8")
    assert f"3 test rows stand in train too. Without them, Accuracy is {clean['accuracy']:.3f}; with them" in page
    from pyarrow import parquet

    answers = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    right = [row["label"] == row["predicted"] for row in answers]
    assert clean["accuracy"] == pytest.approx(sum(right[:9]) / 9)
    assert any("stands nearly alike in train.csv" in event.get("message", "") for event in events_of(told.path))


def test_near_copies_are_left_out_where_the_user_or_a_budget_says_so(job: Job, leaky: Path) -> None:
    for settings in ({"near_duplicates": False}, {"budget": "60s"}):
        told = job("train.csv", test="test.csv", **{**BRIEF, **settings}, fresh=True)
        assert "near_in_train" not in json.loads((told.path / "findings.json").read_text())["findings"]
        clean = told.end.metrics["test"]["without_leaks"]
        assert (clean["left_out"], clean["exact"], clean["near"]) == (2, 2, None)


def test_a_job_whose_test_rows_are_new_has_one_score(taught: Told) -> None:
    assert "without_leaks" not in taught.end.metrics["test"]
    assert json.loads((taught.path / "findings.json").read_text())["findings"]["near_in_train"] == {}


def test_the_summary_tells_both_scores(whet: Command, leaky: Path, tiny_bert: Path) -> None:
    ended = whet(
        "train", "train.csv", "--test", "test.csv", "--model", str(tiny_bert), "--epochs", "1", "--no-baseline",
        "--quiet", "--lang", "en",
    )  # fmt: skip
    assert "Test rows that stand in train too: equal 2, nearly equal 1. Without them the accuracy is 0." in ended.out


def test_a_test_side_that_train_has_is_refused_unless_it_is_allowed(job: Job, here: Path) -> None:
    write_csv(here / "train.csv", review_rows())
    write_csv(here / "test.csv", review_rows()[:10])
    with pytest.raises(DataError, match=r"10 of 10 rows stand in train\.csv too .*--allow texts_in_train"):
        job("train.csv", test="test.csv", **BRIEF)
    told = job("train.csv", test="test.csv", validation="none", **BRIEF, allow="texts_in_train")
    assert told.end.metrics["test"]["without_leaks"] == {"left_out": 10, "exact": 10, "near": 0, "rows": 0}


def test_the_library_checks_and_fixes_as_the_command_does(leaky: Path, here: Path) -> None:
    found = pipeline.check("train.csv", test="test.csv", fix="clean.jsonl")
    assert [finding.code for finding in found.findings if finding.side == "test"][:2] == [
        "texts_in_train",
        "near_in_train",
    ]
    assert (here / "clean.jsonl").is_file()
    assert found.notices[-1].startswith("45 of 48 training rows were written to clean.jsonl; dropped: texts_in_train 2")
