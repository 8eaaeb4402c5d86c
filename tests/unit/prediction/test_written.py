"""Predictions as files have them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from whet.data import spreadsheet
from whet.prediction import written
from whet.prediction.documents import prediction_document
from whet.records import Attribution, Prediction

ONE = Prediction("=1+1", "-1", 0.75, {"-1": 0.75, "a,b": 0.25}, True)
UNSURE = replace(ONE, text="so\rso", label=None)
SEVERAL = Prediction("a", None, None, {"x": 0.5, "y": 0.1}, False, labels=("x",), text2="@b")
VALUE = Prediction("a", None, None, {}, False, value=-1.5)
EXPLAINED = replace(VALUE, attribution=Attribution("a", None, ((0, 1, -0.5),)))


def test_a_spreadsheet_computes_no_text_and_no_label() -> None:
    assert written.text([ONE, UNSURE], "csv", first=True) == (
        'text,label,score,truncated,probability -1,"probability a,b"\n'
        "'=1+1,'-1,0.75,true,0.75,0.25\n"
        '"so\rso",,0.75,true,0.75,0.25\n'
    )
    assert written.text([SEVERAL], "csv", first=False) == 'a,\'@b,"[""x""]",false,0.5,0.1\n'
    assert written.text([VALUE], "csv", first=True) == "text,value,truncated\na,-1.5,false\n"
    assert written.text([], "csv", first=True) == ""


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_every_text_of_a_csv_and_a_jsonl_comes_back(texts: list[str]) -> None:
    answers = [replace(ONE, text=text) for text in texts]
    page = io.StringIO(written.text(answers, "csv", first=True), newline="")
    assert [spreadsheet.original(row["text"]) for row in csv.DictReader(page, strict=True)] == texts
    lines = written.text(answers, "jsonl", first=True).split("\n")
    assert [json.loads(line)["text"] for line in lines[:-1]] == texts


@pytest.mark.parametrize("answer", [ONE, SEVERAL, VALUE, EXPLAINED], ids=["one", "several", "value", "explained"])
def test_parquet_has_the_columns_of_the_csv_and_the_values_of_the_jsonl(
    answer: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "GROUP_ROWS", 2)
    answers = [answer, replace(answer, text="한글\0\n"), replace(answer, text="", truncated=False)]
    lines = written.text(answers, "jsonl", first=True).split("\n")[:-1]
    written.parquet(tmp_path / "a.parquet", map(json.loads, lines))
    table = pq.read_table(tmp_path / "a.parquet")
    header = written.text(answers, "csv", first=True).partition("\n")[0]
    assert table.column_names == next(csv.reader([header]))
    rows = table.to_pylist()
    assert [row["text"] for row in rows] == [one.text for one in answers]
    assert [row["truncated"] for row in rows] == [one.truncated for one in answers]
    for name, share in answer.probabilities.items():
        assert {row[f"probability {name}"] for row in rows} == {share}
    assert {row.get("value") for row in rows} == {answer.value}
    assert [row.get("labels") for row in rows] == [list(answer.labels) if answer.labels else None] * 3
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


def test_an_unsure_answer_has_no_label_in_parquet(tmp_path: Path) -> None:
    written.parquet(tmp_path / "a.parquet", map(prediction_document, [UNSURE, ONE]))
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["label"].to_pylist() == [None, "-1"]
    assert table["score"].to_pylist() == [0.75, 0.75]
