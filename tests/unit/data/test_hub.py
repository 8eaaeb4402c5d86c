"""Data sets of the hub, from local stand-ins; the hub itself is never asked."""

from __future__ import annotations

import importlib.util
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from whet.data import hub
from whet.data.columns import Columns, examples
from whet.data.hub import read_hub, source_of
from whet.errors import DataError, MissingExtraError

datasets = pytest.importorskip("datasets")

NAMES = ["neg", "pos"]


def data_set(labels: list[int], *, feature: Any = None, **more: list[Any]) -> Any:
    features = {"text": datasets.Value("string"), "label": feature or datasets.ClassLabel(names=NAMES)}
    features |= {name: datasets.ClassLabel(names=["x", "y"]) for name in more}
    columns = {"text": [f"t{i}" for i in range(len(labels))], "label": labels, **more}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[tuple[str, str | None], Any]:
    """A hub that answers with what a test puts in: (name, configuration) to a data set or a fault."""
    shelf: dict[tuple[str, str | None], Any] = {}

    def load(name: str, config: str | None) -> Any:
        found = shelf.get((name, config)) or datasets.exceptions.DatasetNotFoundError(f"Dataset '{name}' doesn't exist")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "unreachable_because", lambda: "")
    monkeypatch.setattr(hub, "endpoint", lambda: "https://hub.example")
    monkeypatch.setattr(datasets, "load_dataset", load)
    return shelf


def fault(spec: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read_hub(spec)
    return caught.value


# ---------------------------------------------------------------- splits and labels


def test_class_labels_are_ids_with_names_and_minus_one_is_missing() -> None:
    table = source_of(data_set([1, 0, -1]), name="hf:x").tables["train"]
    assert table.columns["label"] == ["1", "0", None]
    assert table.label_names == {"0": "neg", "1": "pos"}
    assert list(table.places) == ["row 1", "row 2", "row 3"]
    full = source_of(data_set([1, 0]), name="hf:x").tables["train"]
    assert examples(full, Columns("text", "", "label", "")).labels == ("pos", "neg")


def test_several_class_columns_hold_their_names_each() -> None:
    table = source_of(data_set([1, 0], fine=[0, 1]), name="x").tables["train"]
    assert (table.columns["label"], table.columns["fine"]) == (["pos", "neg"], ["x", "y"])
    assert table.label_names == {}


def test_the_unsupervised_split_is_never_a_class() -> None:
    loaded = datasets.DatasetDict(train=data_set([0, 1]), test=data_set([1]), unsupervised=data_set([-1, -1]))
    source = source_of(loaded, name="hf:imdb")
    assert {split: table.source for split, table in source.tables.items()} == {
        "train": "hf:imdb[train]",
        "test": "hf:imdb[test]",
    }
    assert source.notices == ("hf:imdb: the split unsupervised has no labels; it is left out",)


def test_a_split_of_plain_minus_ones_is_left_out_too() -> None:
    whole = datasets.Value("int64")
    loaded = datasets.DatasetDict(train=data_set([0, -1], feature=whole), test=data_set([-1], feature=whole))
    source = source_of(loaded, name="x")
    assert source.tables["train"].columns["label"] == [0, -1]
    assert source.notices == ("x: the split test has no labels; it is left out",)


def test_splits_without_labels_stay_where_none_has_any() -> None:
    source = source_of(datasets.DatasetDict(test=data_set([-1])), name="x")
    assert source.tables["test"].columns["label"] == [None]


def test_an_empty_split_is_left_out_and_a_data_set_without_rows_is_refused() -> None:
    source = source_of(datasets.DatasetDict(train=data_set([0, 1]), test=data_set([])), name="x")
    assert list(source.tables) == ["train"]
    assert source.notices == ("x: the split test has no rows; it is left out",)
    for empty in (data_set([]), datasets.DatasetDict(train=data_set([]))):
        with pytest.raises(DataError, match=r"^x: has no rows\.$"):
            source_of(empty, name="x")


def test_selected_and_reformatted_rows_are_read_in_their_order() -> None:
    chosen = data_set([0, 1, 1]).select([2, 0]).with_format("numpy")
    assert source_of(chosen, name="x").tables["train"].columns == {"text": ["t2", "t0"], "label": ["1", "0"]}


def test_a_data_set_saved_to_disk_and_loaded_again_is_read(tmp_path: Path) -> None:
    datasets.DatasetDict(train=data_set([0, 1])).save_to_disk(tmp_path)
    source = source_of(datasets.load_from_disk(tmp_path), name="x")
    assert source.tables["train"].columns == {"text": ["t0", "t1"], "label": ["0", "1"]}


def test_a_streamed_data_set_is_refused() -> None:
    with pytest.raises(DataError, match=r"an object of type IterableDataset cannot be read.*without streaming"):
        source_of(data_set([0, 1]).to_iterable_dataset(), name="x")


# ---------------------------------------------------------------- asking the hub


def test_owner_and_name_are_tried_before_name_and_configuration(reachable: dict[tuple[str, str | None], Any]) -> None:
    reachable[("glue", "sst2")] = datasets.DatasetDict(train=data_set([0, 1]))
    reachable[("owner/films", None)] = datasets.DatasetDict(test=data_set([0, 1]))
    reachable[("owner/films", "small")] = datasets.DatasetDict(dev=data_set([0, 1]))
    assert [list(read_hub(spec).tables) for spec in ("glue/sst2", "owner/films", "owner/films/small")] == [
        ["train"],
        ["test"],
        ["dev"],
    ]


def test_a_data_set_that_is_not_there_is_named(reachable: dict[tuple[str, str | None], Any]) -> None:
    assert fault("imbd").message == (
        "hf:imbd: not found on the hub at https://hub.example, or not open to you: Dataset 'imbd' doesn't exist. "
        "Look the name up there, or give a local file, with its extension or with a slash."
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Config name is missing.\nPlease pick one among ['a', 'b']"),
        RuntimeError("Config name is missing. Please pick one among ['a', 'b']"),
        datasets.exceptions.DatasetGenerationError("Config name is missing. Please pick one among ['a', 'b']."),
    ],
)
def test_what_the_library_says_comes_on_one_line(
    reachable: dict[tuple[str, str | None], Any], error: Exception
) -> None:
    reachable[("glue", None)] = error
    said = fault("glue").saw
    assert said == "the hub data set cannot be loaded: Config name is missing. Please pick one among ['a', 'b']"


@pytest.mark.parametrize("spec", ["", "a//b", "a/b/c/d", "/a"])
def test_names_that_no_data_set_has_are_refused(spec: str) -> None:
    assert fault(spec).saw == "not the name of a hub data set"


def test_a_local_folder_cannot_pass_for_the_hubs(reachable: dict[tuple[str, str | None], Any], tmp_path: Path) -> None:
    (tmp_path / "imdb").mkdir()
    said = fault("imdb")
    assert said.saw == "imdb exists here, and the loader of hub data sets would read it instead of the hub's"
    assert said.todo == "Give ./imdb to read what is here, or run from another folder to read the hub's"


@pytest.mark.parametrize("spec", ["pandas", "csv", "json/x"])
def test_loaders_of_local_files_are_no_data_sets(reachable: dict[tuple[str, str | None], Any], spec: str) -> None:
    assert fault(spec).saw == f"{spec.partition('/')[0]} is a file format, not a data set"


def test_without_datasets_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        read_hub("imdb")
    assert caught.value.message == (
        "hf:imdb: reading a hub data set needs the package datasets, which is not installed. "
        'Run: pip install "whet[hub]".'
    )


# ---------------------------------------------------------------- no hub


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of a hub whose port is closed, and an empty cache."""
    constants = pytest.importorskip("huggingface_hub.constants")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.chdir(tmp_path)
    return address


def test_a_hub_that_cannot_be_reached_is_said_within_seconds_with_what_to_do(closed: str) -> None:
    start = time.monotonic()
    said = fault("imdb")
    assert time.monotonic() - start < 5
    assert said.saw.startswith(f"the hub at {closed} could not be reached (")
    assert said.saw.endswith("), and this data set is not cached here")
    assert said.todo == (
        "Give a local file instead (csv, tsv, jsonl or parquet), or load it once on a machine that reaches the hub, "
        "with datasets.load_dataset('imdb'), copy its Hugging Face folder and let HF_HOME name the copy"
    )


def test_a_cached_data_set_is_read_without_the_hub_and_that_is_said(closed: str, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    data_set([0, 1]).to_parquet(tmp_path / "made" / "train.parquet")
    datasets.load_dataset(str(tmp_path / "made"), cache_dir=str(tmp_path / "built"))
    prepared = next((tmp_path / "built").glob("*/*/*/*/dataset_info.json")).parent
    target = tmp_path / "cache" / "owner___made" / Path(*prepared.parts[-3:]).with_name("abc")
    target.parent.mkdir(parents=True)
    prepared.rename(target)
    source = read_hub("owner/made")
    assert source.tables["train"].columns == {"text": ["t0", "t1"], "label": ["0", "1"]}
    assert len(source.notices) == 1
    assert source.notices[0].endswith("hf:owner/made comes from the local cache")
    assert "is not cached here" in fault("owner/other").saw
