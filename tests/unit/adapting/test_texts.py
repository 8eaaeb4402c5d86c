"""Which texts an encoder learns from, and which are held out, whatever they come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.adapting.texts import HELD_OUT, MOST_HELD_OUT, Corpus, read_texts
from whet.errors import DataError, UsageError
from whet.inputs.unlabelled import source_of
from whet.settings.config import Settings

MANY = [f"text number {number}" for number in range(200)]


def corpus(*given_: object, **settings: Any) -> Corpus:
    return read_texts(given_, Settings(**settings))


def test_one_in_twenty_is_held_out_and_none_stands_on_both_sides() -> None:
    found = corpus(MANY)
    assert (len(found.train), len(found.held_out)) == (190, 10)
    assert sorted([*found.train, *found.held_out]) == sorted(MANY)
    assert found.notices == ("190 texts to learn from, 10 held out to measure by, of 200",)
    assert (HELD_OUT, MOST_HELD_OUT) == (0.05, 2_000)


@given(st.permutations(MANY[:40]), st.lists(st.sampled_from(MANY[:40]), max_size=10))
def test_order_copies_and_white_space_around_change_nothing(order: list[str], copies: list[str]) -> None:
    plain, other = corpus(MANY[:40]), corpus([*order, *(f"  {copy}\n" for copy in copies), "", " "])
    assert {text.strip() for text in other.held_out} == set(plain.held_out)
    assert {text.strip() for text in other.train} == set(plain.train)


def test_another_seed_holds_out_others_and_has_another_digest() -> None:
    one, other = corpus(MANY), corpus(MANY, seed=1)
    assert set(one.held_out) != set(other.held_out)
    assert one.digest != other.digest
    assert one.digest == corpus(MANY).digest


def test_a_share_none_and_fewer_texts_are_as_asked_for() -> None:
    assert len(corpus(MANY, validation="0.25").held_out) == 50
    nothing = corpus(MANY, validation="none")
    assert (len(nothing.train), len(nothing.held_out)) == (200, 0)
    some = corpus(MANY, train_rows=30)
    assert len(some.train) == 30
    assert set(some.train) < set(corpus(MANY, train_rows=60).train)  # so that a trial's rows are among the whole job's
    assert some.held_out == corpus(MANY).held_out


def test_both_texts_of_pairs_are_taken_and_labels_are_not_looked_at() -> None:
    rows = {"sentence1": ["one", "two"], "sentence2": ["three", "four"], "label": [None, "x"]}
    found = corpus(rows, validation="none")
    assert sorted(found.train) == ["four", "one", "three", "two"]


def test_a_test_side_is_left_out_and_that_is_said() -> None:
    found = corpus("sample:reviews")
    assert len(found.train) + len(found.held_out) == 700
    assert found.notices[0] == (
        "sample:reviews[test] is a test side and is left out, so that a later score on it stays honest"
    )


def test_a_folder_gives_the_files_that_lie_beside_no_folder(tmp_path: Path) -> None:
    for name in ("train/pos/0.txt", "train/unsup/0.txt", "train/urls_pos.txt", "test/neg/0.txt", "train/pos/x.csv"):
        (tmp_path / "acl" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "acl" / name).write_text(f"text of {name}", encoding="utf-8")
    found = corpus(tmp_path / "acl", validation="none")
    assert sorted(found.train) == ["text of train/pos/0.txt", "text of train/unsup/0.txt"]
    assert found.name == "acl"


def test_a_text_file_has_a_text_a_line_in_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "글.txt").write_bytes("좋은 영화\r\n나쁜 영화\n\n".encode("cp949"))
    found = corpus(str(tmp_path / "글.txt"), encoding="cp949", validation="none")
    assert sorted(found.train) == ["나쁜 영화", "좋은 영화"]
    assert found.name == "글"


def test_texts_too_large_for_memory_lie_on_the_disk_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = corpus(MANY)
    monkeypatch.setattr("whet.inputs.large.LARGE", 100)
    spilled = corpus(MANY)
    assert not isinstance(spilled.train, list)
    assert list(spilled.train) == list(plain.train)


def test_a_large_text_file_is_read_onto_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(MANY), encoding="utf-8")
    plain = corpus(tmp_path / "texts.txt")
    monkeypatch.setattr("whet.inputs.large.LARGE", 100)
    monkeypatch.setattr("whet.inputs.unlabelled.AT_ONCE", 7)
    read = source_of(tmp_path / "texts.txt", "utf-8").tables["train"].columns["text"]
    assert not isinstance(read, list)
    assert list(read) == MANY
    assert corpus(tmp_path / "texts.txt").digest == plain.digest


def test_hidden_folders_are_none_and_files_beside_folders_are_told(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}", encoding="utf-8")
    assert sorted(corpus(tmp_path, validation="none").train) == ["text of a.txt", "text of b.txt"]
    (tmp_path / "notes").mkdir()
    with pytest.raises(DataError) as fault:
        corpus(tmp_path)
    assert fault.value.message == f"{tmp_path}: no .txt files that lie beside no folder. Expected a text a file."


@pytest.mark.parametrize(
    ("given_", "settings", "message"),
    [
        ([], {}, "no TEXTS. Expected files or folders with texts. Try sample:reviews."),
        ([["a", " a "]], {}, "data: 1 different texts. Expected 2 or more."),
        ([MANY], {"validation": "more.csv"}, "--validation more.csv. Expected a share of the texts to be held out, "
         "such as 0.05, or none."),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_said(given_: list[object], settings: dict[str, Any], message: str) -> None:
    with pytest.raises((DataError, UsageError)) as fault:
        corpus(*given_, **settings)
    assert fault.value.message == message
