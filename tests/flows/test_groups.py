"""Rows of one author, patient or product stand on one side: --group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job

LINEAR: dict[str, Any] = {"model": "linear", "baseline": False, "group": "author", "test": "0.2"}


def written(path: Path, groups: int, *, gaps: int = 0) -> str:
    rows = [
        f'"{text}",{label},{"" if row < gaps else f"author {row // 2 % groups}"}'
        for row, (text, label) in enumerate(review_rows())
    ]
    path.write_text("\n".join(["text,label,author", *rows]) + "\n", encoding="utf-8")
    return path.name


def sides(run: Path) -> dict[str, set[str]]:
    table = parquet.read_table(run / "splits.parquet", columns=["side", "group"]).to_pydict()
    found: dict[str, set[str]] = {}
    for side, group in zip(table["side"], table["group"], strict=True):
        found.setdefault(side, set()).add(group)
    return found


def test_no_author_stands_on_two_sides_which_splits_parquet_tells(here: Path, job: Job) -> None:
    told = job(written(here / "reviews.csv", 15), **LINEAR)
    found = sides(told.path)
    assert set(found) == {"train", "validation", "test"}
    assert not found["train"] & found["test"]
    assert not found["train"] & found["validation"]
    assert not found["validation"] & found["test"]
    assert (
        "test: 20 % of reviews.csv, by label as near as whole groups allow, seed 42: 12 rows, 3 groups" in told.notices
    )
    # The column is neither text nor label.
    assert told.checked.columns.label == "label"


def test_rows_without_a_group_are_said(here: Path, job: Job) -> None:
    told = job(written(here / "reviews.csv", 15, gaps=7), **LINEAR)
    assert "7 of 60 rows of reviews.csv have no value in 'author': only equal texts keep them together" in told.notices
    assert None in set.union(*sides(told.path).values())


def test_groups_are_another_run(here: Path, job: Job) -> None:
    data = written(here / "reviews.csv", 15)
    plain = job(data, **{**LINEAR, "group": None, "label": "label"})
    grouped = job(data, **LINEAR)
    assert plain.path != grouped.path


def test_a_group_of_given_files_that_train_has_too_is_a_finding(here: Path, job: Job, whet: Command) -> None:
    data = written(here / "reviews.csv", 15)
    test = here / "test.csv"
    lines = [f'"Again, {text}",{label},author {row}' for row, (text, label) in enumerate(review_rows()[:20])]
    test.write_text("\n".join(["text,label,author", *lines]) + "\n", encoding="utf-8")
    checked = whet("check", data, "--test", "test.csv", "--group", "author", "--model", "linear")
    assert (
        "test.csv: 15 of 20 rows are of 15 groups that reviews.csv has too, such as 'author 0', 'author 1', 'author 2'"
    ) in " ".join(checked.out.split())
    told = job(data, **{**LINEAR, "test": "test.csv"})
    found = next(finding for finding in told.checked.findings if finding.code == "groups_in_train")
    assert (found.side, found.count, found.severity) == ("test", 15, "warning")
    assert found.todo.startswith("The test score is flattered by what was learnt of these groups")
    korean = whet("check", data, "--test", "test.csv", "--group", "author", "--model", "linear", "--lang", "ko")
    assert "20행 중 15행이 reviews.csv에도 있는 그룹 15개에 속합니다" in " ".join(korean.out.split())


def test_a_side_without_the_column_is_said(here: Path, job: Job) -> None:
    test = here / "test.csv"
    lines = [f'"Again, {text}",{label}' for text, label in review_rows()[:20]]
    test.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    told = job(written(here / "reviews.csv", 15), **{**LINEAR, "test": "test.csv"})
    assert "test.csv has no column 'author', so that no group can be told to be in train too" in told.notices


@pytest.mark.parametrize(("change", "code", "message"), [
    (("author", "writer"), 3, "--group, reviews.csv: no column 'author'. Expected one of 'text'"),
    (("author", "author"), 3, "too few groups to take test rows from: 60 rows with 1 group, the largest of 60 rows"),
])  # fmt: skip
def test_what_is_wrong_with_the_groups_is_one_message(
    here: Path, whet: Command, change: tuple[str, str], code: int, message: str
) -> None:
    path = here / (written(here / "reviews.csv", 1))
    path.write_text(path.read_text(encoding="utf-8").replace(f"label,{change[0]}", f"label,{change[1]}"))
    ended = whet("train", "reviews.csv", "--model", "linear", "--group", "author", "--yes")
    assert ended.code == code
    assert len(ended.errors) == 1
    assert message in ended.errors[0]
