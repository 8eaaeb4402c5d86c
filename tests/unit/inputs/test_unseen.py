"""Rows that a finished run has not seen: by which columns they are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from whet.data import delimited, jsonl
from whet.errors import DataError
from whet.inputs import unseen
from whet.labels import LabelSet
from whet.records import Examples, Inputs, Source, Table
from whet.settings.config import Settings, resolve

LABELS = LabelSet(("neg", "pos"), "pos", "by its name")
TEXT, PAIR = Inputs("text"), Inputs("first", "other")


def settings(**given: Any) -> Settings:
    return resolve(given).settings


def source(**tables: Table) -> Source:
    return Source("a", tables)


def table(name: str, labels: Sequence[object]) -> Table:
    return Table(name, {"text": ["one text"] * len(labels), "label": labels}, ["row"] * len(labels))


def csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def predicted(path: Path, inputs: Inputs, **given: Any) -> Examples:
    """The texts of a small file, which is a single part."""
    (rows,) = unseen.to_predict(path, settings(**given), inputs)
    return rows


def test_texts_to_predict_need_no_label(tmp_path: Path) -> None:
    rows = predicted(csv(tmp_path / "new.csv", "id,review", "1,one thing", "2,"), TEXT)
    assert rows.texts == ("one thing", "")
    assert rows.labels is None


def scored(data: Table, **given: Any) -> Examples:
    return unseen.to_score(source(train=data), settings(**given), LABELS, TEXT)[0]


def test_the_column_of_the_run_comes_before_one_that_is_found_by_its_name(tmp_path: Path) -> None:
    new = csv(tmp_path / "new.csv", "text,body", "no,yes")
    assert predicted(new, Inputs("body")).texts == ("yes",)
    assert predicted(new, Inputs("body"), text="text").texts == ("no",)
    assert predicted(new, Inputs("gone")).texts == ("no",)
    rows = Table("a", {"text": ["no"], "body": ["yes"], "label": ["pos"]}, ["row 1"])
    found, said = unseen.to_score(source(train=rows), settings(), LABELS, Inputs("body"))
    assert (found.texts, said) == (("yes",), ["text: body (as in training); label: label (named 'label')"])


@pytest.mark.parametrize("run", ["Comment", " comment ", "COMMENT"])
def test_the_column_of_the_run_may_be_written_otherwise(run: str, tmp_path: Path) -> None:
    new = csv(tmp_path / "new.csv", "id,comment,text", "1,yes,no")
    assert predicted(new, Inputs(run)).texts == ("yes",)
    pairs = csv(tmp_path / "pairs.csv", "text,text2,comment,more", "no,no,yes,yes too")
    found = predicted(pairs, Inputs(run, "More"))
    assert (found.texts, found.pairs) == (("yes",), ("yes too",))


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl", "new.parquet"])
def test_the_texts_of_a_file_come_in_parts_as_often_as_they_are_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (delimited, jsonl):
        monkeypatch.setattr(module, "PORTION", 3)
    texts = [f"text {i}" for i in range(8)]
    if name == "new.csv":
        csv(tmp_path / name, "id,review", *(f"{i},{text}" for i, text in enumerate(texts)))
    elif name == "new.jsonl":
        csv(
            tmp_path / name,
            *(json.dumps({"review": text} | ({"id": i} if i > 4 else {})) for i, text in enumerate(texts)),
        )
    else:
        pq.write_table(pa.table({"review": texts}), tmp_path / name)
    rows = unseen.to_predict(tmp_path / name, settings(), Inputs("review"))
    sizes = [8] if name == "new.parquet" else [3, 3, 2]
    for _ in range(2):
        assert [len(part.texts) for part in rows] == sizes
        assert [text for part in rows for text in part.texts] == texts
    if name == "new.csv":
        assert [place for part in rows for place in part.places] == [f"line {i}" for i in range(2, 10)]


def test_labels_to_score_stand_by_name_or_by_number() -> None:
    assert scored(table("a", ["pos", "neg"])).labels == ("pos", "neg")
    assert scored(table("a", ["1", "0"])).labels == ("pos", "neg")
    assert scored(table("a", [1, 0])).labels == ("pos", "neg")
    assert scored(table("a", [1.0, 0.0])).labels == ("pos", "neg")


def test_given_names_come_before_numbers() -> None:
    assert scored(table("a", ["1", "0"]), label_names="pos,neg").labels == ("neg", "pos")


def test_labels_that_are_no_numbers_of_the_run_stay_and_are_named_later() -> None:
    rows = scored(table("a", ["2", "0"]))
    with pytest.raises(DataError) as caught:
        LABELS.ids(rows.labels or (), source="a")
    assert "labels that the training side lacks: '2' (1 row), '0' (1 row)" in caught.value.message


def test_rows_without_labels_cannot_be_scored() -> None:
    with pytest.raises(DataError) as caught:
        scored(table("a", [-1, -1]))
    assert caught.value.message == "a: no labels to compare with. Use whet predict, or name --label."


# ---------------------------------------------------------------- other tasks


def test_pairs_have_the_columns_of_the_run_else_those_that_are_called_so(tmp_path: Path) -> None:
    known = csv(tmp_path / "a.csv", "id,other,first", "1,b,a")
    rows = predicted(known, PAIR)
    assert (rows.texts, rows.pairs) == (("a",), ("b",))
    named = csv(tmp_path / "b.csv", "sentence1,sentence2", "a,b")
    rows = predicted(named, PAIR)
    assert (rows.texts, rows.pairs) == (("a",), ("b",))
    rows = predicted(known, PAIR, text="other", pair="first")
    assert (rows.texts, rows.pairs) == (("b",), ("a",))


def test_a_run_on_single_texts_takes_one_column_of_a_pair(tmp_path: Path) -> None:
    rows = predicted(csv(tmp_path / "a.csv", "text,text2", "a,b"), TEXT)
    assert (rows.texts, rows.pairs) == (("a",), None)


def test_texts_without_a_second_are_refused_by_a_run_on_pairs(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        predicted(csv(tmp_path / "a.csv", "text", "a"), PAIR)
    assert caught.value.message == (
        f"{tmp_path / 'a.csv'}: no second text found. Expected a column like 'other': the model was trained on pairs "
        "of texts. Name it with --pair COLUMN."
    )


def test_several_labels_are_read_in_every_form_that_they_stand_in() -> None:
    labels = LabelSet(("joy", "fear"), None, "", "several")

    def several(columns: dict[str, Sequence[object]], **given: Any) -> Examples:
        rows = Table("a", {"text": ["x", "y"], **columns}, ["row 1", "row 2"])
        return unseen.to_score(source(train=rows), settings(**given), labels, TEXT)[0]

    expected = (("joy", "fear"), ())
    assert several({"labels": [["joy", "fear"], []]}).several == expected
    assert several({"labels": [[0, 1], []]}).several == expected
    assert several({"labels": ["[0, 1]", "[]"]}).several == expected
    assert several({"labels": ["0|1", ""]}).several == expected
    assert several({"labels": [[0, 1], None]}).several == expected
    assert several({"labels": ["joy|fear", ""]}).several == expected
    assert several({"labels": ["joy / fear", ""]}, label_separator="/").several == expected
    assert several({"joy": [1, 0], "fear": [1, 0]}).several == expected


def test_numbers_are_numbers_however_few_they_are() -> None:
    labels = LabelSet(("points",), None, "", "value")
    rows = Table("a", {"text": ["x", "y"], "points": ["1", "2"], "label": ["p", "q"]}, ["row 1", "row 2"])
    assert unseen.to_score(source(train=rows), settings(), labels, TEXT)[0].values == (1.0, 2.0)


def test_how_the_columns_were_found_is_said() -> None:
    labels = LabelSet(("points",), None, "", "value")
    rows = Table("a", {"first": ["x"], "other": ["y"], "points": [1]}, ["row 1"])
    _, said = unseen.to_score(source(train=rows), settings(), labels, PAIR)
    assert said == ["text: first (as in training); second text: other (as in training); label: points (as in training)"]
    _, said = unseen.to_score(source(train=rows), settings(pair="first", text="other"), labels, PAIR)
    assert said == ["text: other (given); second text: first (given); label: points (as in training)"]


# ---------------------------------------------------------------- templates

JOINED = Inputs("{title}: {body}", None, ("title", "body"))


def test_a_file_with_the_columns_of_the_run_s_template_is_joined_alike(tmp_path: Path) -> None:
    new = csv(tmp_path / "new.csv", "text,Body,title", "whole,b,a", "whole,,c")
    assert predicted(new, JOINED).texts == ("a: b", "c: ")
    assert predicted(new, JOINED, text="text").texts == ("whole", "whole")
    assert predicted(new, JOINED, text="{title}!").texts == ("a!", "c!")


def test_a_file_without_a_column_of_the_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        predicted(csv(tmp_path / "new.csv", "text,titel", "whole,a"), JOINED)
    assert caught.value.message == (
        f"{tmp_path / 'new.csv'}: no columns 'title', 'body' for the template '{{title}}: {{body}}'. Expected some of "
        "'text' ('whole'), 'titel' ('a'). Did you mean 'titel'."
    )


def test_rows_to_score_are_joined_as_in_training_which_is_said() -> None:
    rows = Table("a", {"title": ["a"], "body": ["b\nc"], "label": ["pos"]}, ["row 1"])
    inputs = Inputs("{title}\n{body}", None, ("title", "body"))
    found, said = unseen.to_score(source(train=rows), settings(), LABELS, inputs)
    assert found.texts == ("a\nb\nc",)
    assert said == [r"text: {title}\n{body} (as in training); label: label (named 'label')"]


def test_pairs_of_templates_are_joined_as_in_training(tmp_path: Path) -> None:
    new = csv(tmp_path / "new.csv", "id,b,a", "1,y,x")
    both = Inputs("{a}{b}", "{b}!", ("a", "b"), ("b",))
    rows = predicted(new, both)
    assert (rows.texts, rows.pairs) == (("xy",), ("y!",))
    second = Inputs("a", "{b}!", (), ("b",))
    rows = predicted(new, second)
    assert (rows.texts, rows.pairs) == (("x",), ("y!",))
