"""Runs beside each other: which rows they share, what differs, and what is required."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from whet import comparison
from whet.comparison import compare, parse, refusal
from whet.errors import ModelError, UsageError
from whet.labels import LabelSet
from whet.records import Examples, Side
from whet.runs import run_folder
from whet.runs.run_folder import RunFolder

TWO = LabelSet(("negative", "positive"), "positive", "by its name")
SWAPPED = LabelSet(("positive", "negative"), "positive", "by its name")
SEVERAL = LabelSet(("joy", "love"), None, "", "several")
VALUE = LabelSet(("stars",), None, "", "value")
THRESHOLDS = {"joy": 0.5, "love": 0.5}

TEXTS = [f"text {i}" for i in range(200)]
TRUE = ["positive" if i % 2 else "negative" for i in range(200)]


def examples(texts: Sequence[str] = TEXTS, labels: Sequence[str] = TRUE, first: int = 0) -> Examples:
    ids = range(first, first + len(texts))
    return Examples("test.csv", list(texts), list(labels), [f"line {i + 2}" for i in ids], list(ids))


def finished(
    path: Path, test: Examples, answers: np.ndarray, labels: LabelSet = TWO, *, seconds: float = 90.0, rows: int = 200
) -> RunFolder:
    """A run folder with what a comparison reads."""
    folder = RunFolder(path)
    (path / "model").mkdir(parents=True)
    (path / "model" / "weights").write_bytes(b"x" * 3_000_000)
    canary = {"text": "a", "logits": [0.0] * len(labels)}
    side = {
        "format": 2, "kind": "transformer", "task": labels.task, "labels": list(labels.names),
        "positive": labels.positive, "positive_reason": labels.positive_reason,
        "columns": {"text": "text", "pair": None}, "max_length": 64, "truncation": "head", "canaries": [canary],
        "thresholds": THRESHOLDS if labels.kind == "several" else {},
    }  # fmt: skip
    (path / "model" / "whet.json").write_text(json.dumps(side))
    run_folder.write_predictions(folder, test, labels, answers, THRESHOLDS)
    folder.write("metrics.json", {"seconds": {"train": seconds}})
    of = {"value": "cpu", "reason": ""}
    run = {"settings": {"model": {"value": "embedded"}}, "device": of, "threads": {"value": 2, "reason": ""}}
    folder.write("run.json", run)
    event = {"kind": "evaluation", "side": "test", "seconds": 0.5, "metrics": {"rows": rows}}
    (path / "events.jsonl").write_text(json.dumps(event) + "\n")
    return folder


def right_but_for(wrong: Sequence[int], *, rows: int = 200, first: str = "negative") -> np.ndarray:
    """Probabilities [B, 2] of which all but these rows are right."""
    right = np.array([(i % 2 == 1) ^ (i in wrong) for i in range(rows)])
    positive = np.where(right, 0.9, 0.1)
    both = np.stack([1 - positive, positive], axis=1)
    return both if first == "negative" else both[:, ::-1]


def test_runs_are_compared_on_the_rows_that_they_share(tmp_path: Path) -> None:
    old = finished(tmp_path / "old", examples(), right_but_for(range(40)))
    new = finished(tmp_path / "new", examples(), right_but_for(range(10)), seconds=30.0)
    found = compare([old, new])
    assert (found.metric, found.rows, found.relabelled) == ("accuracy", 200, 0)
    first, second = found.runs
    assert (first.name, first.model, first.test_rows, first.device, first.threads) == ("old", "embedded", 200, "cpu", 2)
    assert first.scores == {
        "accuracy": pytest.approx(0.8), "macro_f1": pytest.approx(0.8), "f1": pytest.approx(0.8),
    }  # fmt: skip
    assert (first.train_seconds, first.rows_a_second, first.against_first, first.p) == (90.0, 400.0, None, None)
    assert 3_000_000 < first.size < 3_010_000
    against = second.against_first
    assert against is not None
    assert (against.against, against.difference, against.level) == ("old", pytest.approx(0.15), False)
    # 30 rows were mended and none was lost.
    assert 0.08 < against.interval[0] < 0.15 < against.interval[1] < 0.22
    assert against.mcnemar_p is not None
    assert max(second.p or 0.0, against.mcnemar_p) < 1e-3


def test_a_run_is_level_with_itself(tmp_path: Path) -> None:
    one = finished(tmp_path / "a", examples(), right_but_for(range(40)))
    other = finished(tmp_path / "b", examples(), right_but_for(range(40)))
    against = compare([one, other]).runs[1].against_first
    assert against is not None
    assert (against.difference, against.interval, against.p, against.mcnemar_p) == (0.0, (0.0, 0.0), 1.0, 1.0)


def test_rows_that_one_lacks_and_rows_with_another_answer_are_left_out(tmp_path: Path) -> None:
    changed = [*TRUE[:-2], "positive", "negative"]  # the last two were relabelled
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    part = examples(TEXTS[50:], changed[50:], first=50)
    other = finished(tmp_path / "other", part, right_but_for([50])[50:])
    found = compare([one, other])
    assert (found.rows, found.relabelled) == (148, 2)
    assert [run.test_rows for run in found.runs] == [200, 150]
    assert found.runs[1].scores["accuracy"] == pytest.approx(147 / 148)


def test_rows_of_the_same_number_with_another_text_are_not_shared(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    other = finished(tmp_path / "other", examples([*TEXTS[:3], *(text + "!" for text in TEXTS[3:])]), right_but_for([]))
    assert compare([one, other]).rows == 3


def test_labels_may_stand_in_another_order(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", examples(), right_but_for([3]))
    other = finished(tmp_path / "other", examples(), right_but_for([3], first="positive"), SWAPPED)
    found = compare([one, other])
    assert found.runs[0].scores == found.runs[1].scores
    assert found.runs[1].against_first is not None
    assert found.runs[1].against_first.difference == 0.0


def test_several_labels_are_compared_by_macro_f1(tmp_path: Path) -> None:
    marks = [("joy",) if i % 2 else ("joy", "love") if i % 3 else () for i in range(60)]
    test = Examples("t", TEXTS[:60], None, ["line 2"] * 60, list(range(60)), several=marks)
    right = np.array([[0.9 if name in row else 0.1 for name in SEVERAL.names] for row in marks])
    one = finished(tmp_path / "one", test, np.where(np.arange(60)[:, None] < 20, 0.1, right), SEVERAL)
    other = finished(tmp_path / "other", test, right, SEVERAL)
    found = compare([one, other])
    assert found.metric == "macro_f1"
    assert found.runs[1].scores == {"macro_f1": 1.0, "micro_f1": 1.0, "accuracy": 1.0}
    against = found.runs[1].against_first
    assert against is not None
    assert (against.difference > 0.1, against.level, against.mcnemar_p) == (True, False, None)


def test_numbers_are_compared_by_their_correlation(tmp_path: Path) -> None:
    values = np.linspace(0, 5, 40)
    test = Examples("t", TEXTS[:40], None, ["line 2"] * 40, list(range(40)), values=values.tolist())
    noise = np.random.default_rng(0).normal(size=40)
    one = finished(tmp_path / "one", test, (values + 3 * noise)[:, None], VALUE)
    other = finished(tmp_path / "other", test, (values + 0.1 * noise)[:, None], VALUE)
    found = compare([one, other])
    assert found.metric == "pearson"
    assert found.runs[1].scores.keys() == {"pearson", "spearman", "mae", "rmse"}
    assert found.runs[1].against_first is not None
    assert found.runs[1].against_first.difference > 0.1


def test_of_several_runs_p_is_adjusted_for_their_number(tmp_path: Path) -> None:
    wrong = (range(20), range(12), range(16))
    folders = [finished(tmp_path / str(i), examples(), right_but_for(each)) for i, each in enumerate(wrong)]
    found = compare(folders)
    raw = [run.against_first.p for run in found.runs if run.against_first is not None]
    adjusted = [run.p for run in found.runs[1:]]
    assert adjusted == [2 * min(raw), max(2 * min(raw), max(raw))]


@pytest.mark.parametrize(
    ("raw", "adjusted"), [([0.04], [0.04]), ([0.03, 0.01, 0.5], [0.06, 0.03, 0.5]), ([0.6, 0.7], [1.0, 1.0])]
)
def test_holm_adjusts_from_the_least_on(raw: list[float], adjusted: list[float]) -> None:
    assert comparison.holm(raw) == pytest.approx(adjusted)


def test_runs_of_one_name_are_told_by_their_places(tmp_path: Path) -> None:
    folders = [finished(tmp_path / place / "run", examples(), right_but_for([])) for place in ("a", "b")]
    assert [run.name for run in compare(folders).runs] == [str(tmp_path / "a" / "run"), str(tmp_path / "b" / "run")]


def test_the_size_of_an_ensemble_is_that_of_all_its_models(tmp_path: Path) -> None:
    folders = [finished(tmp_path / name, examples(), right_but_for([])) for name in "ab"]
    member = folders[1].model / "seed-42"
    member.mkdir()
    (member / "weights").write_bytes(b"x" * 2_000_000)
    first, second = compare(folders).runs
    assert second.size - first.size == 2_000_000


def test_without_events_there_is_no_speed(tmp_path: Path) -> None:
    folders = [finished(tmp_path / name, examples(), right_but_for([])) for name in "ab"]
    (folders[1].path / "events.jsonl").unlink()
    assert [run.rows_a_second for run in compare(folders).runs] == [400.0, None]


# ---------------------------------------------------------------- refusals


def test_one_run_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        compare([RunFolder(tmp_path)])
    assert caught.value.message == "compare: one run alone. Expected two runs or more."


def test_runs_without_a_shared_row_are_refused(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    other = finished(tmp_path / "other", examples(first=1_000), right_but_for([]))
    with pytest.raises(UsageError) as caught:
        compare([one, other])
    assert caught.value.message == (
        "compare: one, other share no test row with the same answer. Score them on the same rows: whet train DATA "
        "--test FILE."
    )


def test_runs_with_other_labels_are_refused(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    odd = LabelSet(("no", "yes"), "yes", "by its name")
    labels = ["yes" if i % 2 else "no" for i in range(200)]
    other = finished(tmp_path / "other", examples(labels=labels), right_but_for([]), odd)
    with pytest.raises(UsageError) as caught:
        compare([one, other])
    assert caught.value.message == (
        "compare: one answers negative, positive (binary), other no, yes (binary). Expected runs with the same labels."
    )


def test_a_run_without_answers_is_refused(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    other = finished(tmp_path / "other", examples(), right_but_for([]))
    (other.path / "predictions.parquet").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"predictions.parquet is damaged: "):
        compare([one, other])
    (other.path / "predictions.parquet").unlink()
    with pytest.raises(ModelError) as caught:
        compare([one, other])
    assert caught.value.message == (
        f"{other.path}: no predictions.parquet. Expected a finished run that was scored on test rows."
    )


@pytest.mark.parametrize("side", ["validation", "train"])
def test_answers_to_other_rows_than_test_are_refused(tmp_path: Path, side: Side) -> None:
    """As of a run with --test none, or with --folds beside it."""
    one = finished(tmp_path / "one", examples(), right_but_for([]))
    other = finished(tmp_path / "other", examples(), right_but_for([]))
    run_folder.write_predictions(other, examples(), TWO, right_but_for([]), THRESHOLDS, side=side)
    with pytest.raises(ModelError) as caught:
        compare([one, other])
    assert caught.value.message == (
        f"{other.path}: no test rows in predictions.parquet. Expected a finished run that was scored on test rows."
    )


def test_answers_that_tell_no_side_are_of_test_rows(tmp_path: Path) -> None:
    from pyarrow import parquet

    one = finished(tmp_path / "one", examples(), right_but_for([]))
    other = finished(tmp_path / "other", examples(), right_but_for([]))
    written = other.path / "predictions.parquet"
    parquet.write_table(parquet.read_table(written).drop_columns("side"), written)
    assert compare([one, other]).rows == 200


# ---------------------------------------------------------------- what is required


def missed(tmp_path: Path, wrong: Sequence[Sequence[int]], written: str) -> str | None:
    folders = [finished(tmp_path / f"run{i}", examples(), right_but_for(each)) for i, each in enumerate(wrong)]
    fault = refusal(compare(folders), parse(written))
    assert fault is None or fault.exit_code == 8
    return None if fault is None else fault.message


@pytest.mark.parametrize(
    ("wrong", "written"),
    [
        ([range(20), range(20)], "not-worse"),
        ([range(20), range(22)], " not-worse "),
        ([range(20), range(20)], "difference>=0"),
        ([range(40), range(10)], "difference >= 0.05"),
        ([range(20), range(22)], "difference>=-0.05"),
    ],
)
def test_a_run_that_is_as_required_is_let_through(tmp_path: Path, wrong: Sequence[Sequence[int]], written: str) -> None:
    assert missed(tmp_path, wrong, written) is None


def test_a_run_that_is_surely_worse_is_told_with_its_interval(tmp_path: Path) -> None:
    message = missed(tmp_path, [range(10), range(40), range(11), range(50)], "not-worse")
    assert message is not None
    assert message.startswith("run1 against run0: not-worse is not met: accuracy -0.1500, 95 % interval -0.2")
    assert "on 200 rows. run3 against run0: not-worse is not met: accuracy -0.2000, 95 % interval " in message
    assert "run2" not in message


def test_a_difference_is_judged_by_the_lower_end(tmp_path: Path) -> None:
    message = missed(tmp_path, [range(20), range(22)], "difference>=-0.01")
    assert message is not None
    assert message.startswith("run1 against run0: difference >= -0.01 is not met: accuracy -0.0100, ")


@pytest.mark.parametrize(
    "written", ["", "better", "accuracy>=0.9", "difference<=0.1", "difference[a]>=0", "difference>=0, difference>=0.1"]
)
def test_what_cannot_be_required_of_a_comparison_is_refused(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(written)
    assert caught.value.message == (
        f"--require: cannot read {written!r}. Expected not-worse, or difference>=NUMBER such as difference>=-0.01."
    )


def test_nothing_required_is_not_worse() -> None:
    asked: Mapping[str | None, object] = {None: parse(None), "not-worse": parse("not-worse")}
    assert asked == {None: None, "not-worse": None}
