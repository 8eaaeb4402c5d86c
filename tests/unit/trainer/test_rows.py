"""Rows of a script: whatever holds them, and however they were padded, the same tokens and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trainer import scripts
from whet.errors import DataError
from whet.trainer import rows
from whet.trainer.rows import read

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def read_all(dataset: Any, collator: Any = None, labels: Any = None) -> rows.Rows:
    return read(dataset, "train_dataset", collator, labels)


def same(found: rows.Rows, wanted: rows.Rows) -> None:
    assert np.array_equal(found.encoded.ids, wanted.encoded.ids)
    assert np.array_equal(found.encoded.offsets, wanted.encoded.offsets)
    assert (found.encoded.seconds is None) == (wanted.encoded.seconds is None)
    assert np.array_equal(found.targets, wanted.targets)


def fault_of(dataset: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_all(dataset)
    return str(caught.value)


@given(LENGTHS, st.integers(0, 5))
def test_padding_at_the_end_is_as_if_it_had_never_been(lengths: list[int], more: int) -> None:
    width = max(lengths) + more
    plain = [{"input_ids": list(range(5, 5 + n)), "attention_mask": [1] * n, "label": n % 2} for n in lengths]
    padded = [
        {
            "input_ids": row["input_ids"] + [0] * (width - n),
            "attention_mask": row["attention_mask"] + [0] * (width - n),
            "label": row["label"],
        }
        for row, n in zip(plain, lengths, strict=True)
    ]
    same(read_all(padded), read_all(plain))
    assert np.diff(read_all(padded).encoded.offsets).tolist() == lengths


def test_every_kind_of_dataset_gives_the_same_rows(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 7)
    made = scripts.rows_of(tiny_bert, 20, padded=32)
    table = datasets.Dataset.from_list([{**row, "text": "a text"} for row in made])
    wanted = read_all(made)
    assert len(wanted.encoded) == 20

    class Torch(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
        def __len__(self) -> int:
            return len(made)

        def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
            return {name: torch.tensor(value) for name, value in made[place].items()}

    same(read_all(table), wanted)
    same(read_all(table.with_format("torch", columns=["input_ids", "attention_mask", "labels"])), wanted)
    same(read_all(table.with_transform(lambda rows: rows)), wanted)
    same(read_all(table.select(range(19, -1, -1)).select(range(19, -1, -1))), wanted)
    same(read_all(Torch()), wanted)


def test_a_collator_of_the_scripts_own_makes_the_rows(tiny_bert: Path) -> None:
    made = scripts.rows_of(tiny_bert, 10)
    raw = [(row["input_ids"], row["labels"]) for row in made]
    tokenizer = scripts.tokenizer_of(tiny_bert)

    def collate(given: list[tuple[list[int], int]]) -> dict[str, Any]:
        padded = tokenizer.pad({"input_ids": [ids for ids, _ in given]}, return_tensors="pt")
        return {**padded, "labels": torch.tensor([label for _, label in given])}

    same(read_all(raw, collate), read_all(made))


def test_pairs_keep_where_the_second_text_begins(tiny_bert: Path) -> None:
    tokenizer = scripts.tokenizer_of(tiny_bert)
    row = dict(tokenizer("a story", "an ending", padding="max_length", max_length=20))
    found = read_all([row]).encoded
    assert found.seconds is not None
    assert found.seconds.tolist() == [row["token_type_ids"].index(1)]


def test_labels_are_found_under_each_of_their_names_and_under_the_one_that_is_asked_for() -> None:
    for name in ("label", "labels", "label_ids"):
        assert read_all([{"input_ids": [5], name: 1}]).targets.tolist() == [1]
    assert read_all([{"input_ids": [5], "label": 1, "stars": 4}], labels=["stars"]).targets.tolist() == [4]
    table = datasets.Dataset.from_list([{"input_ids": [5], "label": 1, "stars": 4}])
    assert read_all(table, labels=["stars"]).targets.tolist() == [4]
    assert read_all([{"input_ids": [5]}]).targets is None


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ([], "train_dataset: no rows."),
        (
            iter([{"input_ids": [5]}]),
            "train_dataset: a dataset of type list_iterator, which has no length or no places. Expected one that knows "
            "its rows. Read it into a list first: list(dataset).",
        ),
        (
            [{"text": "a film", "label": 1}],
            "train_dataset: the columns text, label. Expected input_ids, as a tokenizer makes them. Tokenise first: "
            "dataset.map(lambda rows: tokenizer(rows['text'], truncation=True), batched=True).",
        ),
        (
            [{"input_ids": [0, 5], "attention_mask": [0, 1]}],
            "train_dataset, row 0: padding before or between tokens. Expected padding at the end. Tokenise with "
            "padding_side='right'.",
        ),
        ([{"input_ids": [0], "attention_mask": [0]}], "train_dataset, row 0: no token."),
        (
            [{"input_ids": [5, 6], "token_type_ids": [1, 0]}],
            "train_dataset, row 0: token_type_ids that are not 0 and then 1. Tokenise texts or pairs.",
        ),
        (
            [{"input_ids": [5], "position_ids": [3]}],
            "train_dataset: a column position_ids. Expected rows that are tokens. Remove it.",
        ),
        ([("a", 1)], "train_dataset: a row of type tuple. Expected a dict of columns."),
    ],
)
def test_what_is_no_row_of_tokens_is_refused_with_what_would_be_one(dataset: Any, told: str) -> None:
    assert fault_of(dataset) == told


@pytest.mark.parametrize(
    ("targets", "kind", "told"),
    [
        (
            np.array([0, 2]),
            "one",
            "train_dataset, row 1: label 2. Expected 0 to 1, for the model has 2 labels. Load the model with "
            "num_labels=....",
        ),
        (np.array([[1.0]]), "several", "train_dataset: labels of the shape (1, 1). Expected 2 marks a row."),
        (np.array([[1, 2]]), "one", "train_dataset: labels of the shape (1, 2). Expected one a row."),
        (np.array([1.5]), "value", "train_dataset: numbers for a model with 2 outputs. Expected num_labels=1."),
    ],
)
def test_labels_that_do_not_fit_the_model_are_refused(targets: Any, kind: Any, told: str) -> None:
    with pytest.raises(DataError) as caught:
        rows.checked(targets, kind, 2, "train_dataset")
    assert str(caught.value) == told
