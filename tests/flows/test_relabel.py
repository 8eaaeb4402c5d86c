"""Labels that are likely wrong: found by a run, corrected by a person, taken by the next run; and scores by slice."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, write_csv
from whet import pipeline

SETTINGS: dict[str, Any] = {"epochs": 8.0, "learning_rate": 3e-3, "threads": 1, "baseline": False}
FLIPPED = (3, 17, 28, 41)
OTHER = {"positive": "negative", "negative": "positive"}


def lay_out(folder: Path) -> None:
    """train.csv with a column of shops and some wrong labels, and test.csv with a wrong one."""
    rows = [
        (text, OTHER[label] if row in FLIPPED else label, f"shop {row % 2}")
        for row, (text, label) in enumerate(review_rows())
    ]
    write_csv(folder / "train.csv", rows, "text,label,shop")  # type: ignore[arg-type]  # rows of three
    held = [
        (text.replace("all evening", "all night"), label, f"shop {row % 2}")
        for row, (text, label) in enumerate(review_rows()[:20])
    ]
    held[5] = (held[5][0], OTHER[held[5][1]], held[5][2])
    write_csv(folder / "test.csv", held, "text,label,shop")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Told:
    folder = tmp_path_factory.mktemp("relabel")
    with contextlib.chdir(folder):
        lay_out(folder)
        told = job("train.csv", **SETTINGS, test="test.csv", validation="none", slice="shop", label_errors="all")
        run = pipeline.load(told.path.resolve())
    end = pipeline.Finished(run, run.metrics, told.end.verdict, told.end.resumed_finished)
    return Told((*told.events[:-1], end))


def relabelled(run: Path) -> list[dict[str, str]]:
    with (run / "relabel.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def corrected(noisy: Told, here: Path, sides: tuple[str, ...]) -> str:
    """The file as a person gives it back, all suggestions of some sides taken."""
    rows = relabelled(noisy.path)
    for row in rows:
        row["corrected"] = row["suggestion"] if row["side"] in sides else ""
    with (here / "relabel.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(here / "relabel.csv")


def test_wrong_labels_stand_first_in_the_file(noisy: Told) -> None:
    rows = relabelled(noisy.path)
    assert list(rows[0]) == ["row_id", "side", "source", "text", "label", "suggestion", "corrected"]
    assert [int(row["row_id"]) for row in rows if row["side"] == "test"] == [5]
    first = [int(row["row_id"]) for row in rows if row["side"] == "train"][: len(FLIPPED)]
    assert len(set(first) & set(FLIPPED)) >= 3
    assert all(row["suggestion"] == OTHER[row["label"]] for row in rows)
    counts = noisy.run.metrics["label_errors"]
    assert {side: found["rows"] for side, found in counts.items()} == {"train": 60, "test": 20}
    assert counts["train"]["by"] == "tfidf"  # after 8 epochs the model knows its rows by heart
    assert sum(found["found"] for found in counts.values()) == len(rows)


def test_mistakes_and_predictions_tell_of_the_test_rows(noisy: Told) -> None:
    found = json.loads((noisy.path / "mistakes.json").read_text(encoding="utf-8"))
    first = found["wrong"][0]
    assert {name: first[name] for name in ("side", "row_id", "place", "label", "predicted")} == {
        "side": "test", "row_id": 5, "place": "line 7", "label": "positive", "predicted": "negative"
    }  # fmt: skip
    assert [row["margin"] for row in found["label_errors"]] == sorted(row["margin"] for row in found["label_errors"])
    rows = parquet.read_table(noisy.path / "predictions.parquet").to_pydict()
    assert set(rows["side"]) == {"test"}
    assert rows["truncated"] == [False] * 20


def test_slices_tell_of_the_column_that_was_asked_for(noisy: Told) -> None:
    slices = noisy.run.metrics["slices"]
    by = {each["by"] for each in slices}
    assert by == {"length", "label", "shop"}
    shops = {each["value"]: each["rows"] for each in slices if each["by"] == "shop"}
    assert shops == {"shop 0": 10, "shop 1": 10}
    whole = noisy.run.metrics["test"]["accuracy"]
    assert sum(each["accuracy"] * each["rows"] for each in slices if each["by"] == "shop") / 20 == pytest.approx(whole)


def test_corrected_labels_are_trained_on_and_make_another_run(noisy: Told, job: Job, here: Path) -> None:
    lay_out(here)
    path = corrected(noisy, here, ("train",))
    settings = {**SETTINGS, "test": "test.csv", "validation": "none", "slice": "shop"}
    told = job("train.csv", **settings, corrections=path)
    count = sum(row["side"] == "train" for row in relabelled(noisy.path))
    assert f"labels changed by {path}: {count} (train {count}); as they were: 0" in told.notices
    assert told.path.name != noisy.path.name
    assert not [said for said in told.notices if said.startswith("with corrected test labels")]
    assert sum(row["side"] == "train" for row in relabelled(told.path)) < count


def test_corrected_test_labels_are_taken_and_warned_of(noisy: Told, job: Job, here: Path) -> None:
    lay_out(here)
    path = corrected(noisy, here, ("test",))
    told = job("train.csv", **{**SETTINGS, "epochs": 1.0}, test="test.csv", validation="none", corrections=path)
    warning = (
        "with corrected test labels the score is not to be compared with those before, and it favours models like "
        "the one whose answers led to the corrections"
    )
    assert warning in told.notices
    rows = parquet.read_table(told.path / "predictions.parquet").to_pydict()
    assert rows["label"][5] == "negative"


def test_a_text_that_was_changed_is_named_with_its_line(noisy: Told, here: Path, whet: Command) -> None:
    lay_out(here)
    path = Path(corrected(noisy, here, ("train",)))
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    place = next(number for number, line in enumerate(lines) if ",train," in line)
    lines[place] = lines[place].replace("of this one", "of that one")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ended = whet("train", "train.csv", "--test", "test.csv", "--corrections", "relabel.csv")
    assert ended.code == 3
    assert f"--corrections relabel.csv, line {place + 1}: the text of row_id " in ended.errors[0]


def test_the_summary_tells_where_doubted_labels_stand(noisy: Told, whet: Command) -> None:
    from whet.cli import summary
    from whet.cli.output import stdout_console
    from whet.cli.texts import Words

    summary.finished(stdout_console(), Words("en"), noisy.end)
    assert noisy.run.metrics["label_errors"]["test"]["found"] >= 1


def test_evaluate_tells_slices_of_the_columns_that_are_asked_for(noisy: Told, here: Path, whet: Command) -> None:
    lay_out(here)
    ended = whet("evaluate", str(noisy.path), "test.csv", "--slice", "shop", "--json")
    assert {each["by"] for each in ended.json["slices"]} == {"length", "label", "shop"}
    ended = whet("evaluate", str(noisy.path), "test.csv", "--slice", "shops")
    assert ended.code == 2
    assert ended.errors == [
        "--slice: no column 'shops' in test.csv. Expected one of text, label, shop. Did you mean 'shop'."
    ]


def test_a_job_without_a_look_at_training_rows_has_none_in_the_file(job: Job, here: Path) -> None:
    lay_out(here)
    told = job("train.csv", **{**SETTINGS, "epochs": 1.0}, test="none", label_errors="none")
    assert set(told.run.metrics["label_errors"]) == {"validation"}
    rows = parquet.read_table(told.path / "predictions.parquet").to_pydict()
    assert set(rows["side"]) == {"validation"}
    assert rows["label"] == [review_rows_label(row) for row in rows["row_id"]]


def review_rows_label(row: int) -> str:
    label = review_rows()[row][1]
    return OTHER[label] if row in FLIPPED else label
