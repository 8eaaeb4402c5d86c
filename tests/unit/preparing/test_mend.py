"""The table without the rows that findings name."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data.doctor.rows import part
from whet import pipeline
from whet.data.read import read
from whet.errors import OutputError, UsageError
from whet.preparing import mend
from whet.settings.config import resolve

NEAR = "a long and rather slow film about nobody in particular, told twice over in a {} house"
ROWS = [
    ("good film", "pos", "1"),
    ("bad film", "neg", "2"),
    ("", "neg", "3"),
    ("good film", "pos", "4"),
    ("so so", "pos", "5"),
    ("so so", "neg", "6"),
    ("no label", "", "7"),
    (NEAR.format("white"), "pos", "8"),
    (NEAR.format("while"), "pos", "9"),
    ("in test too", "neg", "10"),
    ('with, comma, "quote"\rand a lone return', "neg", "011"),
]


def write(path: Path, rows: list[tuple[str, ...]]) -> Path:
    path.write_text(
        "".join(json.dumps(dict(zip(("text", "label", "key"), row, strict=False))) + "\n" for row in rows), "utf-8"
    )
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "test.jsonl", [("in test too", "neg"), *((f"other text {i}", "pos") for i in range(9))])
    return write(tmp_path / "train.jsonl", ROWS)


def fix(data: Path, out: Path, **more: object) -> list[str]:
    resolved = resolve({"test": str(data.parent / "test.jsonl"), **more})
    return list(pipeline.check_data(str(data), resolved, fix=out).notices)


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
def test_the_kept_rows_have_every_column_as_it_was_and_the_others_their_reason(data: Path, name: str) -> None:
    out = data.parent / name
    notices = fix(data, out)
    table = read(str(out)).tables["train"]
    assert {column: list(values) for column, values in table.columns.items()} == {
        column: [row[i] for row in (ROWS[0], ROWS[1], ROWS[7], ROWS[10])]
        for i, column in enumerate(("text", "label", "key"))
    }
    log = [json.loads(line) for line in (data.parent / f"{name}.dropped.jsonl").read_text("utf-8").splitlines()]
    assert [(line["place"], line["code"], line["reason"], line["row"]["key"]) for line in log] == [
        ("line 3", "empty_texts", "no visible character in the text", "3"),
        ("line 4", "duplicate_texts", "repeats the text of line 1", "4"),
        ("line 5", "contradictory_labels", "the text stands under another label too", "5"),
        ("line 6", "contradictory_labels", "the text stands under another label too", "6"),
        ("line 7", "missing_labels", "no label", "7"),
        ("line 9", "near_duplicates", "nearly equal to line 8", "9"),
        ("line 10", "texts_in_train", f"the text stands in {data.parent / 'test.jsonl'} too, which is the test side",
         "10"),
    ]  # fmt: skip
    assert notices[-1] == (
        f"4 of 11 training rows were written to {out}; dropped: missing_labels 1, empty_texts 1, contradictory_labels "
        f"2, texts_in_train 1, duplicate_texts 1, near_duplicates 1; each with its reason in {out}.dropped.jsonl"
    )


def test_what_was_not_looked_for_is_not_dropped(data: Path) -> None:
    fix(data, data.parent / "out.jsonl", near_duplicates=False)
    assert len(read(str(data.parent / "out.jsonl")).tables["train"].places) == 5


def test_a_file_that_is_there_is_not_replaced(data: Path) -> None:
    out = data.parent / "out.csv"
    for there in (out, mend.log_of(out)):
        there.write_text("mine")
        with pytest.raises(OutputError, match=r"is there already\. Name another file with --fix, or remove it"):
            fix(data, out)
        assert there.read_text() == "mine"
        there.unlink()


def test_a_name_that_tells_no_format_is_refused(data: Path) -> None:
    with pytest.raises(UsageError) as caught:
        fix(data, data.parent / "out.xlsx")
    assert caught.value.where == "--fix"
    assert caught.value.expected == "a name that ends in .csv or .tsv or .jsonl or .ndjson or .parquet"


def test_a_folder_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        fix(data, data.parent / "no" / "out.csv")


def test_texts_under_other_sets_of_labels_are_dropped_and_those_in_another_order_are_not() -> None:
    rows = part([("so so", ""), ("good", ""), ("so so", ""), ("good", "")])
    several = (("joy", "anger"), ("joy", "love"), ("joy",), ("love", "joy"))
    dropped = mend.faults({"train": replace(rows, labels=None, several=several)}, near_too=False)
    assert {row: why.code for row, why in dropped.items()} == {
        0: "contradictory_labels", 2: "contradictory_labels", 3: "duplicate_texts",
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_left_has_none_of_the_faults(seed: int) -> None:
    draw = random.Random(seed)
    word = [f"word{i}" for i in range(30)]
    base = [" ".join(draw.choices(word, k=12)) for _ in range(4)]

    def row() -> tuple[str, str]:
        text = draw.choice([*base, "", "short"]).split()
        if len(text) > 2:
            text[draw.randrange(len(text))] = draw.choice(word)
        return " ".join(text), draw.choice(["a", "b", ""])

    train, test = [row() for _ in range(25)], [row() for _ in range(8)]
    parts = {"train": part(train), "test": part(test, "test")}
    dropped = mend.faults(parts, near_too=True)
    left = {**parts, "train": part([row for i, row in enumerate(train) if i not in dropped])}
    assert mend.faults(left, near_too=True) == {}
