"""Whatever DATA is, the tables that come of it."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from whet.data import read as reading
from whet.data.columns import examples, find_columns
from whet.data.growing import Disk
from whet.data.read import read, read_sample, read_side, split_for
from whet.errors import DataError, MissingExtraError
from whet.records import Source, Table

CSV = "text,label\na,1\nb,0\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hub is not there; what was asked of it is kept."""
    asked: list[str] = []

    def refuse(spec: str, disk: Disk | None) -> Source:
        asked.append(spec)
        raise DataError("the hub could not be reached", where=f"hf:{spec}", todo="Give a local file")

    monkeypatch.setattr(reading, "read_hub", refuse)
    return asked


def write(path: Path, content: str = CSV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def fault(data: object) -> DataError:
    with pytest.raises(DataError) as caught:
        read(data)
    return caught.value


# ---------------------------------------------------------------- paths


def test_a_file_is_one_table_called_train_and_its_stem_is_the_name(here: Path) -> None:
    write(here / "reviews.csv")
    for data in ("reviews.csv", "./reviews.csv", here / "reviews.csv"):
        source = read(data)
        assert source.name == "reviews"
        assert list(source.tables) == ["train"]
        assert source.tables["train"].columns == {"text": ("a", "b"), "label": ("1", "0")}
    assert read("reviews.csv").tables["train"].source == "reviews.csv"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("reviews.csv.gz", "reviews"),
        ("a.b.csv", "a.b"),
        ("imdb/train.csv", "imdb"),
        ("영화 리뷰 (1).csv", "영화-리뷰-1"),
        ("!.csv", "data"),
        ("x" * 60 + ".csv", "x" * 40),
    ],
)
def test_names_fit_any_file_system(here: Path, path: str, name: str) -> None:
    write(here / path)
    assert read(str(here / path)).name == name


def test_a_missing_file_is_named_with_its_folder_and_the_nearest_name(here: Path, no_hub: list[str]) -> None:
    write(here / "sub" / "Reviews.csv")
    assert fault("sub/review.csv").message == (
        f"no such file: sub/review.csv (in {here / 'sub'}). Did you mean '{Path('sub/Reviews.csv')}'."
    )
    assert fault("sbu/review.csv").message == f"no such file: sbu/review.csv (in {here}). Did you mean 'sub'."
    assert fault(here / "nothing").message == f"no such file: {here / 'nothing'} (in {here})."
    assert fault("zzz.csv").todo == ""
    assert no_hub == []


def test_a_link_to_nothing_says_so(here: Path) -> None:
    (here / "t.csv").symlink_to("gone.csv")
    assert fault("t.csv").message == "t.csv: a link to a file that is not there."
    (here / "loop.csv").symlink_to("loop.csv")
    assert fault("loop.csv").saw.startswith("cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_and_a_device_are_refused_at_once(here: Path) -> None:
    os.mkfifo(here / "t.csv")
    assert fault("t.csv").saw == "not a regular file"
    assert fault("/dev/null").saw == "not a regular file"


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_names_that_are_none_are_refused(name: str, no_hub: list[str]) -> None:
    assert fault(name).where == "DATA"
    assert no_hub == []


def test_a_web_address_is_no_file(no_hub: list[str]) -> None:
    assert fault("https://example.org/t.csv").message == (
        "https://example.org/t.csv: an address on the web. Expected a file. Download it first."
    )


def test_the_encoding_is_handed_on(here: Path) -> None:
    (here / "t.csv").write_bytes("text,label\n재밌다,1\n".encode("cp949"))
    assert read("t.csv", encoding="cp949").tables["train"].columns["text"] == ("재밌다",)
    assert "cp949" in fault("t.csv").todo


# ---------------------------------------------------------------- names


def test_a_bare_name_is_the_local_folder_and_that_is_said(here: Path, no_hub: list[str]) -> None:
    write(here / "imdb" / "pos" / "0.txt")
    source = read("imdb")
    assert source.notices == ("imdb is the local folder; the hub data set of that name is hf:imdb",)
    assert no_hub == []


def test_a_bare_name_that_is_nowhere_suggests_the_local_file(here: Path, no_hub: list[str]) -> None:
    assert fault("reviews").message == (
        "hf:reviews: no local file or folder is called reviews, and the hub could not be reached. Give a local file."
    )
    write(here / "reviews.csv")
    assert fault("reviews").todo == "Did you mean 'reviews.csv'"
    assert no_hub == ["reviews", "reviews"]


def test_a_bare_name_without_the_package_datasets_says_both(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: str, disk: Disk | None) -> Source:
        raise MissingExtraError("datasets is not installed", where=spec, todo="Run: pip")

    monkeypatch.setattr(reading, "read_hub", refuse)
    with pytest.raises(MissingExtraError, match="no local file or folder is called imdb, and datasets is not"):
        read("imdb")


@pytest.mark.parametrize(
    ("given", "spec", "name"),
    [
        ("hf:imdb", "imdb", "imdb"),
        ("hf:glue/sst2", "glue/sst2", "sst2"),
        ("hf:nyu-mll/glue/sst2", "nyu-mll/glue/sst2", "glue"),
        ("imdb", "imdb", "imdb"),
    ],
)
def test_hub_names_reach_the_hub(here: Path, monkeypatch: pytest.MonkeyPatch, given: str, spec: str, name: str) -> None:
    table = Table("t", {"text": ["a"]}, ["row 1"])
    monkeypatch.setattr(reading, "read_hub", lambda asked, disk: {spec: Source("x", {"test": table}, ("said",))}[asked])
    assert read(given) == Source(name, {"test": table}, ("said",))


def test_a_sample_is_read_from_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "reviews-train.csv")
    write(tmp_path / "reviews-test.csv", "text,label\nc,1\n")
    write(tmp_path / "README.md", "words")
    source = read_sample("reviews", tmp_path)
    assert source.name == "reviews"
    assert {side: table.columns["text"] for side, table in source.tables.items()} == {
        "train": ("a", "b"),
        "test": ("c",),
    }
    assert source.tables["test"].source == "sample:reviews[test]"
    with pytest.raises(DataError) as caught:
        read_sample("review", tmp_path)
    assert caught.value.message == (
        "sample:review: no sample 'review'. Expected sample:reviews. Did you mean 'reviews'."
    )


def test_the_sample_in_the_package_has_its_1200_rows() -> None:
    source = read("sample:reviews")
    assert {side: len(table.places) for side, table in source.tables.items()} == {"train": 700, "test": 500}
    assert set(source.tables["train"].columns["label"]) == {"positive", "negative"}


def test_the_korean_sample_has_its_300_rows_half_of_each_label() -> None:
    source = read("sample:reviews-ko")
    counts = {side: Counter(table.columns["label"]) for side, table in source.tables.items()}
    assert counts == {"train": {"긍정": 120, "부정": 120}, "test": {"긍정": 30, "부정": 30}}


def test_no_text_of_the_korean_sample_is_nearly_another_one() -> None:
    """Of the three-character sequences of two texts, spaces aside, the shorter one has at most a third in common."""
    tables = read("sample:reviews-ko").tables.values()
    texts = ["".join(str(text).split()) for table in tables for text in table.columns["text"]]
    assert all(unicodedata.is_normalized("NFC", text) for text in texts)
    sequences = [{text[i : i + 3] for i in range(len(text) - 2)} for text in texts]
    alike = [(a, b) for a, b in combinations(sequences, 2) if len(a & b) > min(len(a), len(b)) / 3]
    assert (len(sequences), alike) == (300, [])


def test_no_word_alone_tells_the_label_of_many_korean_sample_texts() -> None:
    """A word that stands in a tenth of the texts stands in both labels."""
    table = read("sample:reviews-ko").tables["train"]
    by_word: dict[str, set[object]] = {}
    stands = Counter[str]()
    for text, label in zip(table.columns["text"], table.columns["label"], strict=True):
        for word in set(str(text).split()):
            by_word.setdefault(word, set()).add(label)
            stands[word] += 1
    assert [word for word, count in stands.items() if count >= 24 and len(by_word[word]) == 1] == []


# ---------------------------------------------------------------- one side


def test_a_side_is_the_only_table_or_the_one_called_like_it(here: Path) -> None:
    write(here / "held-out.csv", "text;label\na;1\n")
    table, notices = read_side("held-out.csv", "test")
    assert table.columns["text"] == ("a",)
    assert notices == ("held-out.csv has semicolons between its columns, not commas",)
    tables = {name: Table(name, {"text": ["a"]}, ["row 1"]) for name in ("train", "dev", "other")}
    source = Source("x", tables)
    assert read_side(source, "validation")[0].source == "dev"
    assert (split_for(source, "train"), split_for(source, "test")) == ("train", None)
    with pytest.raises(DataError) as caught:
        read_side(source, "test")
    assert caught.value.message == (
        "x: no split for the test side among train, dev, other. Expected one file, or a split called test or testing."
    )


# ---------------------------------------------------------------- Python objects


def test_a_source_comes_back_and_a_table_is_wrapped() -> None:
    table = Table("t", {"text": ["a"]}, ["row 1"])
    source = Source("s", {"test": table})
    assert read(source) is source
    assert read(table) == Source("data", {"train": table})


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"text": ["a", "b"], "label": [1, 0]},
        lambda: [{"text": "a", "label": 1}, {"label": 0, "text": "b"}],
        lambda: [("a", 1), ("b", 0)],
        lambda: (["a", 1], ["b", 0]),
        lambda: pytest.importorskip("pandas").DataFrame({"text": ["a", "b"], "label": [1, 0]}, index=[5, 5]),
        lambda: pytest.importorskip("pyarrow").table({"text": ["a", "b"], "label": [1, 0]}),
        lambda: pytest.importorskip("datasets").Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}),
    ],
)
def test_python_objects_are_one_table(make: Callable[[], object]) -> None:
    source = read(make())
    assert source.name == "data"
    assert source.tables["train"].columns == {"text": ["a", "b"], "label": [1, 0]}
    assert list(source.tables["train"].places) == ["row 1", "row 2"]


def test_a_polars_frame_is_read_through_its_own_to_dict() -> None:
    class DataFrame:
        columns = ("text", "label")

        def to_dict(self, *, as_series: bool) -> dict[str, list[object]]:
            assert not as_series
            return {"text": ["a", None], "label": [1, 2]}

    DataFrame.__module__ = "polars.dataframe.frame"
    assert read(DataFrame()).tables["train"].columns == {"text": ["a", None], "label": [1, 2]}


def test_texts_alone_are_a_table_of_texts() -> None:
    numpy = pytest.importorskip("numpy")
    for data in (["a", "b"], numpy.array(["a", "b"])):
        assert read(data).tables["train"].columns == {"text": ["a", "b"]}


def test_a_dict_of_tables_is_sides() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a"], "label": ["x"]})
    source = read({"train": frame, "test": Table("t", {"text": ["b"]}, ["row 1"])})
    assert {side: table.columns["text"] for side, table in source.tables.items()} == {"train": ["a"], "test": ["b"]}


def test_what_pandas_made_of_whole_numbers_with_a_gap_is_undone() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", None, "c"], "label": [1, None, 0], "mood": pandas.Categorical(list("xyx"))})
    frame["n"] = pandas.array([1, None, 2], dtype="Int64")
    table = read(frame).tables["train"]
    assert table.columns["label"] == [1.0, None, 0.0]
    assert table.columns["text"] == ["a", None, "c"]
    assert table.columns["mood"] == ["x", "y", "x"]
    assert table.columns["n"] == [1, None, 2]
    kept = read(frame.dropna()).tables["train"]
    assert examples(kept, find_columns(kept, text=None, label=None)).labels == ("1", "0")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "data: has no rows."),
        ({}, "data: has no rows."),
        ({"text": []}, "data: has no rows."),
        (
            {"text": ["a"], "label": [1, 2]},
            "data: columns of different lengths: 'text' 1, 'label' 2.",
        ),
        ({"text": "abc"}, "data: the column 'text' is of type str. Expected a list of values."),
        (
            [("a", 1), {"text": "b"}],
            "data: row 2 is a dict, row 1 is a pair. Expected dicts, (text, label) pairs or texts throughout.",
        ),
        ([3], "data: row 1 is of type int. Expected dicts, (text, label) pairs or texts throughout."),
    ],
)
def test_python_objects_that_do_not_fit_are_named(data: object, message: str) -> None:
    assert fault(data).message == message


def test_an_unknown_object_lists_what_can_be_read() -> None:
    said = fault({1, 2})
    assert said.saw == "an object of type set cannot be read as labelled text"
    assert said.expected.startswith("a path, a pandas or polars DataFrame, a datasets.Dataset")
    pandas = pytest.importorskip("pandas")
    assert "Series cannot be read" in fault(pandas.Series(["a"])).saw


def test_repeated_names_in_a_frame_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    assert "the column name 'a' stands 2 times" in fault(pandas.DataFrame([[1, 2]], columns=["a", "a"])).saw


# ---------------------------------------------------------------- real data


def test_the_shared_sets_are_read_as_they_are(shared: Path) -> None:
    pytest.importorskip("pyarrow")
    for name, classes in (("sst2/validation", 2), ("ko_hate/validation", 3), ("ag_news/test", 4), ("mrpc/test", 2)):
        table = read(shared / "data" / f"{name}.parquet").tables["train"]
        rows = examples(table, find_columns(table, text=None, label=None))
        assert rows.labels is not None
        assert set(rows.labels) == {str(i) for i in range(classes)}
