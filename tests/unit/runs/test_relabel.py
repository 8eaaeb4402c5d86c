"""relabel.csv: what is written for a spreadsheet, and that what comes back from one is understood."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from whet.data.store import Coded
from whet.errors import DataError, UsageError
from whet.records import Examples, Splits
from whet.runs import relabel
from whet.runs.relabel import Doubted

TEXTS = ("A fine film.", "=1+1 for the plot", "Two\nlines", "long " * 8_000)
HEADER = "row_id,side,source,text,label,suggestion,corrected"


def rows(source: str = "reviews.csv", texts: Sequence[str] = TEXTS, labels: Sequence[str] | None = None) -> Examples:
    given = tuple(labels or ("good", "bad", "good", "bad"))
    places = [f"line {i + 2}" for i in range(len(texts))]
    return Examples(source, tuple(texts), given, places, range(len(texts)))


def doubted(row: int, **more: str) -> Doubted:
    of = {"side": "train", "source": "reviews.csv", "text": TEXTS[row % 4], "text2": None, "label": "good"}
    return Doubted(row_id=row, **{**of, "suggestion": "bad", **more})  # type: ignore[arg-type]


def written(folder: Path, *given: Doubted, fill: Sequence[str] = ()) -> Path:
    """The file, its last column filled in as a person would."""
    path = folder / relabel.NAME
    relabel.write(path, given)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)  # with the line ends of Excel
        writer.writerow(header)
        writer.writerows([*line[:-1], label] for line, label in zip(lines, fill, strict=True))
    return path


def applied(path: Path, **sides: Examples) -> tuple[dict[str, Examples], relabel.Corrected]:
    return relabel.corrected(sides or {"train": rows()}, path, encoding="utf-8")


def refused(path: Path, **sides: Examples) -> str:
    with pytest.raises(DataError) as caught:
        applied(path, **sides)
    return caught.value.message.replace(str(path), "relabel.csv")


@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "utf-16"])
def test_a_file_of_ours_is_read_back_whatever_the_encoding_of_the_data(encoding: str, tmp_path: Path) -> None:
    given = rows(texts=("재미있는 영화", "b", "c", "d"))
    path = written(tmp_path, doubted(0, text="재미있는 영화"), fill=["bad"])
    sides, _ = relabel.corrected({"train": given}, path, encoding=encoding)
    assert sides["train"].labels == ("bad", "bad", "good", "bad")
    elsewhere = tmp_path / "saved.csv"
    elsewhere.write_text(path.read_text(encoding="utf-8-sig"), encoding="cp949")  # by a spreadsheet
    sides, _ = relabel.corrected({"train": given}, elsewhere, encoding="cp949")
    assert sides["train"].labels == ("bad", "bad", "good", "bad")


def test_the_file_is_what_excel_reads_and_does_not_compute(tmp_path: Path) -> None:
    path = tmp_path / "relabel.csv"
    relabel.write(path, [doubted(1), doubted(0, label="-1")])
    assert path.read_bytes().decode("utf-8-sig") == (
        f"{HEADER}\n1,train,reviews.csv,'=1+1 for the plot,good,bad,\n0,train,reviews.csv,A fine film.,'-1,bad,\n"
    )
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_text_that_is_too_long_for_a_cell_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "relabel.csv"
    relabel.write(path, [doubted(3)])
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = list(csv.reader(file))[1][3]
    assert text == TEXTS[3][:32_000] + "…"


def test_corrected_labels_are_taken_and_empty_ones_leave_the_row_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, *map(doubted, range(4)), fill=["bad", "good", "", "bad"])
    sides, found = applied(path)
    assert sides["train"].labels == ("bad", "good", "good", "bad")
    assert found.changed == {"reviews.csv": frozenset({0, 1})}
    assert found.unchanged == 1


def test_what_a_spreadsheet_does_to_labels_is_understood(tmp_path: Path) -> None:
    path = written(tmp_path, *map(doubted, range(4)), fill=[" bad ", "Good", "'bad", "GOOD"])
    assert applied(path)[0]["train"].labels == ("bad", "good", "bad", "good")
    numbered = rows(labels=["-1", "true", "-1", "true"])
    path = written(tmp_path, doubted(0), doubted(2), fill=["TRUE", "'-1"])
    assert applied(path, train=numbered)[0]["train"].labels == ("true", "true", "-1", "true")


def test_rows_of_pairs_are_known_by_both_texts(tmp_path: Path) -> None:
    pairs = Examples("p.csv", ("a", "b"), ("no", "yes"), ["line 2", "line 3"], range(2), ("c", "d"))
    one = doubted(0, source="p.csv", text="a", text2="c")
    path = written(tmp_path, one, fill=["yes"])
    assert applied(path, train=pairs)[0]["train"].labels == ("yes", "yes")
    path = written(tmp_path, doubted(0, source="p.csv", text="a", text2="d"), fill=["yes"])
    assert "the text of row_id 0 is not that of the data: 'a'" in refused(path, train=pairs)


def test_a_row_of_another_side_is_corrected_there_and_counted(tmp_path: Path) -> None:
    held = rows("held.csv", ["One.", "Two."], ["good", "bad"])
    path = written(tmp_path, doubted(0), doubted(1, source="held.csv", text="Two."), fill=["bad", "good"])
    sides, found = applied(path, train=rows(), test=held)
    assert sides["test"].labels == ("good", "good")
    assert relabel.counts(found, Splits(sides["train"], None, sides["test"], {})) == {"train": 1, "test": 1}
    halves = Splits(rows(), None, None, {})
    assert relabel.counts(found, halves) == {"train": 1}


def test_labels_that_memory_holds_as_codes_stay_so(tmp_path: Path) -> None:
    coded = Examples(
        "reviews.csv", TEXTS, Coded(np.array([1, 0, 1, 0], np.uint16), ["bad", "good"]), [""] * 4, range(4)
    )
    path = written(tmp_path, doubted(0), fill=["bad"])
    labels = applied(path, train=coded)[0]["train"].labels
    assert isinstance(labels, Coded)
    assert list(labels) == ["bad", "bad", "good", "bad"]


def test_every_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    wrong = [
        doubted(0, text="Another film."), doubted(9), doubted(1, source="other.csv"), doubted(2), doubted(3),
    ]  # fmt: skip
    path = written(tmp_path, *wrong, fill=["bad", "bad", "bad", "godo", ""])
    assert refused(path) == (
        "--corrections relabel.csv, line 2: the text of row_id 0 is not that of the data: 'Another film.'. "
        "Expected 'A fine film.'. Give the file that a run on these data wrote, with its texts unchanged. "
        "--corrections relabel.csv, line 3: row_id 9. Expected 0 to 3, a row of reviews.csv. "
        "--corrections relabel.csv, line 4: a row of other.csv. Expected rows of reviews.csv, which are the data. "
        "--corrections relabel.csv, line 5: the label 'godo'. Expected 'bad' or 'good'. Did you mean 'good'."
    )


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "relabel.csv"
    path.write_text("text,corrected\nA fine film.,bad\n", encoding="utf-8")
    assert refused(path) == (
        "--corrections relabel.csv: no column row_id, source. Expected a relabel.csv with row_id, source, text, "
        "corrected. Give a file that a run wrote, edited."
    )


def test_rows_with_several_labels_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, doubted(0), fill=["bad"])
    several = Examples("reviews.csv", TEXTS, None, [""] * 4, range(4), several=(("a",), (), ("b",), ()))
    with pytest.raises(UsageError, match="corrections of rows with several labels or numbers"):
        applied(path, train=several)


def test_a_text_with_a_lone_carriage_return_or_an_apostrophe_before_a_formula_is_found_again(tmp_path: Path) -> None:
    texts = ("one line\rand another", "'=1+1", "\rreturn", "fine")
    given = [doubted(row, text=text) for row, text in enumerate(texts)]
    path = written(tmp_path, *given, fill=["bad", "good", "bad", ""])
    changed = applied(path, train=rows(texts=texts))[0]["train"].labels
    assert changed == ("bad", "good", "bad", "bad")
