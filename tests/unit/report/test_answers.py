from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from tests.made_runs import made_run
from whet.report import answers


def test_the_worst_answers_come_first_with_their_texts(tmp_path: Path) -> None:
    path = made_run(tmp_path / "run", rows=900).path / "predictions.parquet"
    found = answers.read(path)
    assert found is not None
    rows = parquet.read_table(path).to_pylist()
    wrong = [row for row in rows if row["label"] != row["predicted"]]
    sure = sorted((row[f"probability {row['predicted']}"] for row in wrong), reverse=True)
    assert found.wrong == len(wrong) > answers.WORST
    assert [each.weight for each in found.mistakes] == pytest.approx(sure[: answers.WORST])
    first = next(row for row in wrong if row["row_id"] == found.mistakes[0].row_id)
    assert (found.mistakes[0].text, found.mistakes[0].place) == (first["text"], first["place"])
    assert (found.mistakes[0].true, found.mistakes[0].predicted) == (first["label"], first["predicted"])
    assert found.scores.mean() == pytest.approx(1 - len(wrong) / len(rows))
    assert found.lengths.tolist() == [len(row["text"]) for row in rows]


@pytest.mark.parametrize(("names", "kind"), [(("a", "b"), "one"), (("a", "b", "c"), "several"), (("x",), "value")])
def test_portions_give_what_the_whole_file_gives(
    names: tuple[str, ...], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made_run(tmp_path / "run", names, kind=kind, rows=150).path / "predictions.parquet"  # type: ignore[arg-type]
    whole = answers.read(path)
    monkeypatch.setattr(answers, "PORTION", 7)
    parts = answers.read(path)
    assert whole is not None
    assert parts is not None
    assert whole.mistakes == parts.mistakes
    for name in ("lengths", "scores", "true", "predicted"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_several_labels_are_scored_by_the_f1_of_a_row_and_off_by_their_worst_label(tmp_path: Path) -> None:
    path = made_run(tmp_path / "run", ("a", "b", "c"), kind="several").path / "predictions.parquet"
    found = answers.read(path)
    assert found is not None
    rows = parquet.read_table(path).to_pylist()
    for row, score in zip(rows, found.scores, strict=True):
        both = len(set(row["labels"]) & set(row["predicted"]))
        either = len(row["labels"]) + len(row["predicted"])
        assert score == pytest.approx(1.0 if either == 0 else 2 * both / either)
    worst = next(row for row in rows if row["row_id"] == found.mistakes[0].row_id)
    off = [1 - worst[f"probability {name}"] if name in worst["labels"] else worst[f"probability {name}"]
           for name in {*worst["labels"]} ^ {*worst["predicted"]}]  # fmt: skip
    assert found.mistakes[0].weight == pytest.approx(max(off))


def test_a_long_text_is_cut_and_a_missing_file_is_no_answers(tmp_path: Path) -> None:
    path = made_run(tmp_path / "run", texts=["word " * 500] * 120).path / "predictions.parquet"
    found = answers.read(path)
    assert found is not None
    assert {len(each.text) for each in found.mistakes} == {answers.LETTERS}
    assert found.mistakes[0].text.endswith("word…")
    assert answers.read(tmp_path / "none.parquet") is None
