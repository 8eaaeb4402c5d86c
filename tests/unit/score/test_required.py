"""Requirements: how they are written, and by which end of an interval they are judged."""

from __future__ import annotations

import pytest

from whet.errors import ScoreError, UsageError
from whet.labels import LabelSet
from whet.score.required import FORM, Judged, Requirement, check, judge, parse, refusal

TWO = LabelSet(("negative", "positive"), "positive", "by its name")
THREE = LabelSet(("a", "b", "c"), None, "")
VALUE = LabelSet(("stars",), None, "", "value")
SCORES = {
    "rows": 500, "accuracy": 0.92, "log_loss": 0.2, "roc_auc": None,
    "classes": {"negative": {"precision": 0.9, "recall": 0.87, "f1": 0.88, "support": 250}},
    "intervals": {
        "accuracy": [0.9, 0.94], "log_loss": [0.15, 0.25], "classes": {"negative": {"recall": [0.84, 0.9]}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("accuracy>=0.90", [Requirement("accuracy", None, True, 0.9)]),
        (
            "accuracy >= .9, recall[negative]>=0.85",
            [Requirement("accuracy", None, True, 0.9), Requirement("recall", "negative", True, 0.85)],
        ),
        ("log_loss<=1e-1", [Requirement("log_loss", None, False, 0.1)]),
        ("pearson>=-0.5", [Requirement("pearson", None, True, -0.5)]),
        ("f1[a, b [c]]>=1 , f1[>=]<=0", [Requirement("f1", "a, b [c]", True, 1), Requirement("f1", ">=", False, 0)]),
        ("f1[긍정]>=0.8", [Requirement("f1", "긍정", True, 0.8)]),
    ],
)
def test_requirements_are_read(written: str, found: list[Requirement]) -> None:
    assert list(parse(written)) == found


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("", "''"),
        ("accuracy", "'accuracy'"),
        ("accuracy>0.9", "'accuracy>0.9'"),
        ("accuracy>=0.9,", "''"),
        ("accuracy>=0.9; f1>=0.8", "'accuracy>=0.9; f1>=0.8'"),
        ("accuracy>=0.9, recall[negative>=0.8", "'recall[negative>=0.8'"),
        ("accuracy>=high", "'accuracy>=high'"),
    ],
)
def test_what_cannot_be_read_is_told_from_where_on(written: str, left: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(written)
    assert caught.value.message == f"--require: cannot read {left}. Expected {FORM}."


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        (TWO, "accuracy>=0.9, macro_f1>=0.9, f1>=0.9, recall[negative]>=0.8, weighted_recall>=0.1"),
        (THREE, "f1[b]>=0.9, precision[a]>=0.9"),
        (VALUE, "pearson>=0.8, mae<=0.5"),
        (LabelSet(("joy",), None, "", "several"), "samples_f1>=0.5, f1[joy]>=0.5, hamming_loss<=0.1"),
    ],
)
def test_the_scores_of_the_task_may_be_required(labels: LabelSet, written: str) -> None:
    check(parse(written), labels)


@pytest.mark.parametrize(
    ("labels", "written", "message"),
    [
        (TWO, "accurracy>=0.9", "no score 'accurracy'. Expected one of accuracy, "),
        (TWO, "ece<=0.1", "no score 'ece'. Expected one of accuracy, "),
        (TWO, "rows>=100", "no score 'rows'. Expected one of accuracy, "),
        (THREE, "f1>=0.9", "Name a label: f1[a]."),
        (VALUE, "accuracy>=0.9", "no score 'accuracy'. Expected one of mae, pearson, r2, rmse, spearman."),
        (VALUE, "f1[stars]>=0.9", "--require: f1[stars] >= 0.9: a regression has no labels."),
        (TWO, "accuracy[positive]>=0.9", "no score 'accuracy' of a label. Expected one of precision, recall, f1."),
        (
            TWO, "recall[negativ]>=0.9",
            "no label 'negativ'. Expected one of negative, positive. Did you mean 'negative'.",
        ),
    ],
)  # fmt: skip
def test_a_score_or_label_that_there_is_not_is_told_with_those_that_there_are(
    labels: LabelSet, written: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check(parse(written), labels)
    assert message in caught.value.message


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        check(parse("accurracy>=0.9, f1[no]>=0.9, accuracy>=0.9"), TWO)
    assert "no score 'accurracy'" in caught.value.message
    assert "no label 'no'" in caught.value.message


@pytest.mark.parametrize(
    ("written", "judged"),
    [
        ("accuracy>=0.9", Judged("accuracy >= 0.9", 0.92, 0.9, 0.94, True, True)),
        ("accuracy>=0.91", Judged("accuracy >= 0.91", 0.92, 0.9, 0.94, False, True)),
        ("log_loss<=0.25", Judged("log_loss <= 0.25", 0.2, 0.15, 0.25, True, True)),
        ("log_loss<=0.22", Judged("log_loss <= 0.22", 0.2, 0.15, 0.25, False, True)),
        ("accuracy>=0.95", Judged("accuracy >= 0.95", 0.92, 0.9, 0.94, False, False)),
        ("recall[negative]>=0.85", Judged("recall[negative] >= 0.85", 0.87, 0.84, 0.9, False, True)),
    ],
)
def test_the_worse_end_of_the_interval_decides(written: str, judged: Judged) -> None:
    assert judge(parse(written), SCORES) == [judged]


@pytest.mark.parametrize("written", ["roc_auc>=0.5", "precision[negative]>=0.5"])
def test_a_score_that_the_rows_leave_without_an_interval_is_not_judged(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        judge(parse(written), SCORES)
    assert "these rows give this score no interval. Give more rows." in caught.value.message


def test_what_is_not_met_is_told_with_its_interval_and_what_might_help() -> None:
    missed = refusal(judge(parse("accuracy>=0.9, accuracy>=0.91, accuracy>=0.95, log_loss<=0.22"), SCORES))
    assert missed is not None
    assert (missed.exit_code, [type(fault) for fault in missed.more]) == (8, [ScoreError, ScoreError])
    assert missed.message == (
        "accuracy >= 0.91 is not met: 0.9200, of whose 95 % interval 0.9000 to 0.9400 the lower end counts. The score "
        "alone meets it: more rows narrow the interval. accuracy >= 0.95 is not met: 0.9200, of whose 95 % interval "
        "0.9000 to 0.9400 the lower end counts. log_loss <= 0.22 is not met: 0.2000, of whose 95 % interval 0.1500 to "
        "0.2500 the upper end counts. The score alone meets it: more rows narrow the interval."
    )


def test_where_all_are_met_nothing_is_missed() -> None:
    assert refusal(judge(parse("accuracy>=0.9"), SCORES)) is None
    assert refusal([]) is None
