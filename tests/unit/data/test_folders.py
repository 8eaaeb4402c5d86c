"""A folder as DATA: class folders, or files that are called like the sides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from whet.data.columns import examples, find_columns
from whet.data.read import read, read_side
from whet.data.store import picked
from whet.errors import DataError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

CSV = "text,label\na,1\nb,0\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, content: str = CSV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def parts(folder: Path, side: str, *texts: str, numbers: tuple[int, ...] | None = None) -> None:
    """A side as hubs write it: a file for each text, with its row and another."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in zip(numbers or range(len(texts)), texts, strict=False):
        name = f"{side}-{number:05}-of-{len(texts):05}.parquet"
        pq.write_table(pa.table({"text": [text, f"{text} too"], "label": [0, 1]}), folder / name)


def fault(data: object) -> DataError:
    with pytest.raises(DataError) as caught:
        read(data)
    return caught.value


# ---------------------------------------------------------------- class folders


def test_class_folders_give_texts_labels_and_places(here: Path) -> None:
    for name, text in (("pos/1_9.txt", "good\n"), ("pos/0_8.txt", "fine"), ("neg/0_1.txt", "<br />bad")):
        write(here / "films" / name, text)
    write(here / "films" / "pos" / "notes.md", "no text")
    source = read("films/")
    table = source.tables["train"]
    assert table.columns == {"text": ["<br />bad", "fine", "good\n"], "label": ["neg", "pos", "pos"]}
    assert table.places == ["neg/0_1.txt", "pos/0_8.txt", "pos/1_9.txt"]
    assert source.notices == (f"{Path('films/pos')}: left out as no .txt files: 1",)


def test_the_layout_of_aclImdb_gives_two_sides_without_unsup(here: Path) -> None:
    for name in ("train/pos/0.txt", "train/neg/0.txt", "train/unsup/0.txt", "test/pos/0.txt", "test/neg/0.txt"):
        write(here / "aclImdb" / name, name)
    write(here / "aclImdb" / "train" / "urls_pos.txt", "http://")
    write(here / "aclImdb" / "README", "words")
    source = read(here / "aclImdb")
    assert source.name == "aclImdb"
    assert {side: table.columns["label"] for side, table in source.tables.items()} == {
        "train": ["neg", "pos"],
        "test": ["neg", "pos"],
    }
    assert source.tables["test"].columns["text"] == ["test/neg/0.txt", "test/pos/0.txt"]
    assert source.notices == (f"{here / 'aclImdb/train/unsup'} is left out: its texts (1) have no labels",)


def test_a_class_called_test_is_a_class(here: Path) -> None:
    write(here / "mails" / "test" / "a.txt")
    write(here / "mails" / "real" / "a.txt")
    assert read("mails/").tables["train"].columns["label"] == ["real", "test"]


def test_dev_is_the_validation_side_and_other_folders_are_said_to_be_left_out(here: Path) -> None:
    for name in ("train/a/0.txt", "dev/a/0.txt", "extra/0.txt"):
        write(here / "d" / name)
    source = read("d/")
    assert list(source.tables) == ["train", "validation"]
    assert source.notices == ("d: extra beside train, validation is left out",)
    write(here / "d" / "val" / "a" / "0.txt")
    assert fault("d/").message == "d: val is a second folder for the validation side."


def test_a_text_that_is_not_utf8_is_named(here: Path) -> None:
    write(here / "d" / "a" / "0.txt")
    (here / "d" / "a" / "1.txt").write_bytes(b"caf\xe9")
    assert fault("d/").where == str(Path("d/a/1.txt"))


# ---------------------------------------------------------------- files of sides


def test_files_that_are_called_like_sides_are_these_and_others_are_said_to_be_left_out(here: Path) -> None:
    for name in ("train.csv", "dev.jsonl.gz.txt", "Test.tsv", "extra.csv", "notes.md", ".train.csv"):
        write(here / "films" / name, CSV if name.endswith(".csv") else CSV.replace(",", "\t"))
    source = read("films/")
    assert source.name == "films"
    assert {side: table.source for side, table in source.tables.items()} == {
        "train": str(Path("films/train.csv")),
        "test": str(Path("films/Test.tsv")),
    }
    assert source.tables["test"].columns == {"text": ("a", "b"), "label": ("1", "0")}
    assert source.notices == ("films: extra.csv beside train, test is left out",)


def test_the_parts_of_a_side_are_one_table_in_their_order(here: Path) -> None:
    parts(here / "imdb" / "plain_text", "train", "one", "two")
    parts(here / "imdb" / "plain_text", "test", "three")
    write(here / "imdb" / "README.md")
    source = read("imdb/")
    assert (source.name, list(source.tables)) == ("imdb", ["train", "test"])
    train = source.tables["train"]
    assert list(train.columns["text"]) == ["one", "one too", "two", "two too"]
    assert list(train.columns["label"]) == [0, 1, 0, 1]
    assert train.source == str(Path("imdb/plain_text/train-*.parquet"))
    assert [train.places[0], train.places[3]] == [
        "train-00000-of-00002.parquet row 1",
        "train-00001-of-00002.parquet row 2",
    ]
    assert read_side("imdb/", "test")[0].source == str(Path("imdb/plain_text/test-00000-of-00001.parquet"))


def test_parts_may_have_a_digest_behind(here: Path) -> None:
    parts(here / "d", "train", "one")
    (here / "d" / "train-00000-of-00001.parquet").rename(here / "d" / "train-00000-of-00001-b42a775f407cee45.parquet")
    assert list(read("d/").tables["train"].columns["text"]) == ["one", "one too"]


def test_a_part_that_is_missing_or_there_twice_is_refused(here: Path) -> None:
    parts(here / "d", "train", "one", "two", "three", numbers=(0, 2))
    said = "d: not each of the 3 parts of the train side once: train-00000-of-00003"
    assert fault("d/").message == f"{said}.parquet, train-00002-of-00003.parquet."
    write(here / "d" / "train-00000-of-00003.csv")
    assert fault("d/").message.startswith(f"{said}.csv, train-00000-of-00003.parquet, ")


def test_parts_with_other_columns_are_refused(here: Path) -> None:
    parts(here / "d", "train", "one", "two")
    pq.write_table(pa.table({"text": ["x"], "stars": [1]}), here / "d" / "train-00001-of-00002.parquet")
    said = fault("d/")
    assert said.where == str(Path("d/train-00001-of-00002.parquet"))
    assert said.saw == "its columns are text, stars"
    assert said.expected == f"those of {Path('d/train-00000-of-00002.parquet')}: text, label"


@pytest.mark.parametrize("second", ["valid.csv", "dev.tsv", "dev-00000-of-00001.parquet"])
def test_a_side_that_is_there_twice_is_refused(here: Path, second: str) -> None:
    write(here / "d" / "train.csv")
    write(here / "d" / "dev.csv")
    write(here / "d" / second)
    said = fault("d/")
    assert said.saw.startswith("several files for the validation side: ")
    assert said.todo == "Leave one of them there, or give the files by themselves"


def test_several_folders_with_sides_are_named(here: Path) -> None:
    parts(here / "glue" / "sst2", "train", "one")
    parts(here / "glue" / "mrpc", "train", "one")
    said = fault("glue/")
    assert said.saw == "files for the sides in 2 folders: mrpc, sst2"
    assert said.todo == f"Give one of them: {Path('glue/mrpc')}, {Path('glue/sst2')}"
    write(here / "glue" / "train.csv")
    assert list(read("glue/").tables["train"].columns["text"]) == ["a", "b"]  # those of the folder itself come first


@pytest.mark.parametrize("none", [-1, None])
def test_a_side_without_labels_is_left_out_and_said(here: Path, none: int | None) -> None:
    write(here / "sst2" / "train.csv")
    pq.write_table(pa.table({"text": ["x", "y"], "label": pa.array([none, none], pa.int64())}), "sst2/test.parquet")
    source = read("sst2/")
    assert list(source.tables) == ["train"]
    assert source.notices == ("sst2: the split test has no labels; it is left out",)


def test_a_folder_with_nothing_of_that_points_to_its_files(here: Path) -> None:
    write(here / "imdb" / "reviews.csv")
    said = fault("imdb/")
    assert said.saw == "neither class folders with .txt files nor files for the sides in this folder"
    assert said.todo == f"Give one of its files: {Path('imdb/reviews.csv')}"
    write(here / "aclImdb" / "train" / "pos" / "notes.md")
    assert fault("aclImdb/").message == f"{Path('aclImdb/train')}: no class folders with .txt files in this folder."


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ({"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}, {"0": "neg", "1": "pos"}),
        ({"label": {"names": ["a"], "_type": "ClassLabel"}, "other": {"names": ["b"], "_type": "ClassLabel"}}, {}),
        ({"label": {"dtype": "int64", "_type": "Value"}}, {}),
        ([1], {}),
    ],
)
def test_the_names_that_the_package_datasets_writes_into_a_parquet_file_are_its_labels(
    here: Path, features: object, names: dict[str, str]
) -> None:
    table = pa.table({"text": ["x", "y"], "label": [1, 0]})
    written = json.dumps({"info": {"features": features}})
    pq.write_table(table.replace_schema_metadata({"huggingface": written}), here / "t.parquet")
    assert read("t.parquet").tables["train"].label_names == names


def test_a_folder_that_the_package_datasets_wrote_is_read_with_the_names_of_its_labels(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(here / "hub"))
    datasets = pytest.importorskip("datasets")
    label = datasets.ClassLabel(names=["neg", "pos"])
    made = datasets.Dataset.from_dict(
        {"text": ["bad", "good"], "label": [0, 1]},
        features=datasets.Features({"text": datasets.Value("string"), "label": label}),
    )
    made.to_parquet("imdb/train.parquet")
    table = read("imdb/").tables["train"]
    assert table.label_names == {"0": "neg", "1": "pos"}
    columns = find_columns(table, text=None, label=None)
    assert examples(table, columns).labels == ("neg", "pos")


def test_ids_without_a_name_in_a_column_of_classes_are_no_labels(here: Path) -> None:
    table = pa.table({"text": ["x", "y"], "label": [1, -1], "stars": [1, 0]})
    written = json.dumps({"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}})
    pq.write_table(table.replace_schema_metadata({"huggingface": written}), here / "t.parquet")
    found = read("t.parquet").tables["train"]
    assert (list(found.columns["label"]), list(found.columns["stars"])) == (["1", None], [1, 0])
    bare = pa.table({"text": ["x", "y"], "label": [-1, -1], "stars": [1, 0]})  # the test side of a contest
    pq.write_table(bare.replace_schema_metadata({"huggingface": written}), here / "test.parquet")
    table = read("test.parquet").tables["train"]
    assert examples(table, find_columns(table, text=None, label="label")).labels is None


@pytest.mark.parametrize("parts", [2, 3, 1100])
def test_a_side_of_many_parts_has_its_rows_in_their_order(here: Path, parts: int) -> None:
    for number in range(parts):
        write(here / "data" / f"train-{number:05}-of-{parts:05}.csv", f"text,label\nrow {number},{number % 2}\n")
    table = read("data/").tables["train"]
    assert list(table.columns["text"]) == [f"row {number}" for number in range(parts)]
    last = f"train-{parts - 1:05}-of-{parts:05}.csv line 2"
    assert (table.places[parts - 1], list(table.places)[-1]) == (last, last)
    assert list(picked(table.places, np.arange(parts))) == list(table.places)
