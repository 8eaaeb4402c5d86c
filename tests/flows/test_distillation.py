"""--teacher: a smaller model that learns what a finished run answers, whole jobs on tiny models."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, events_of, weights_of, write_csv
from whet import TextClassifier, pipeline
from whet.artifacts import sidefile
from whet.errors import Interrupted, ModelError, UsageError
from whet.forecast import Choice
from whet.preparing import teaching
from whet.records import AnswerStep, Notice, StepRecord
from whet.settings import config
from whet.training import estimate

BRIEF: dict[str, Any] = {
    "epochs": 2.0, "baseline": False, "threads": 1, "learning_rate": 3e-3, "precision": "fp32", "label_errors": "none",
}  # fmt: skip
FURTHER = [
    f"The {subject} was {word} from beginning to end."
    for subject in ("story", "acting", "music", "ending", "film")
    for word in ("wonderful", "superb", "moving", "dreadful", "boring", "awful")
]


@pytest.fixture
def data(here: Path) -> str:
    (here / "more.txt").write_text("\n".join(FURTHER) + "\n", encoding="utf-8")
    return str(write_csv(here / "reviews.csv", review_rows()))


def student(data: object, teacher: Path | str, **settings: Any) -> Told:
    """A job without a model of its own."""
    resolved = config.resolve({**BRIEF, "teacher": str(teacher), **settings})
    return Told(tuple(pipeline.follow(data, resolved)))


def refusal(data: object, **settings: Any) -> str:
    with pytest.raises((UsageError, ModelError)) as caught:
        list(pipeline.follow(data, config.resolve({**BRIEF, **settings})))
    return caught.value.message


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_student_of_fewer_layers_starts_from_its_teacher_and_tells_who_taught_it(
    data: str, taught: Told, here: Path
) -> None:
    told = student(data, taught.path, layers=1, unlabelled="more.txt")
    assert told.run.model.config.num_hidden_layers == 1
    rows = told.run.metrics["teacher"]["rows"]
    assert rows == 48
    assert len(told.steps) == 2 * math.ceil((rows + len(FURTHER)) / 16)
    assert told.run.settings["model"] == str(taught.path)
    assert document(told.path / "run.json")["settings"]["model"]["reason"] == (
        f"the model of the teacher {taught.path.name}"
    )
    by = {"name": taught.path.name, "digest": sidefile.state_of(taught.path / "model")}
    assert document(told.path / "run.json")["teacher"] == by
    assert document(told.path / "model" / "whet.json")["teacher"] == by
    assert f"it learnt what `{taught.path.name}` answers, also to 30 texts" in (
        (told.path / "model" / "README.md").read_text(encoding="utf-8")
    )
    found = told.run.metrics["teacher"]
    assert (found["name"], found["digest"], found["unlabelled"]) == (*by.values(), 30)
    assert found["layers"] == {"teacher": 2, "student": 1}
    whole, part = (sum(each.numel() for each in run.model.parameters()) for run in (taught.run, told.run))
    assert found["parameters"] == {"teacher": whole, "student": part}
    test = found["test"]
    assert test["rows"] == 6
    assert test["scores"]["teacher"] == taught.run.metrics["test"]["accuracy"]
    assert test["scores"]["student"] == told.run.metrics["test"]["accuracy"]
    answered = parquet.read_table(told.path / "predictions.parquet").to_pydict()
    theirs = [each.label for each in taught.run.predict(answered["text"])]
    assert test["agreement"] == sum(map(str.__eq__, answered["predicted"], theirs)) / 6
    assert told.stages.index("teach") < told.stages.index("train")
    assert told.events.index(AnswerStep(84, 84)) < told.events.index(told.steps[0])
    assert (
        f"{taught.path.name} teaches: its answers count half beside 48 labels, and alone for 30 texts without labels; "
        "it answers them all before the training"
    ) in told.notices
    assert not (told.path / "teacher").exists()
    text = review_rows()[0][0]
    assert told.run.predict([text])[0] == pipeline.load(told.path).predict([text])[0]
    assert student(data, taught.path, layers=1, unlabelled="more.txt").end.resumed_finished


def test_answers_change_what_is_learnt_and_other_texts_are_another_run(data: str, taught: Told, job: Job) -> None:
    plain = job(data, **BRIEF, model=str(taught.path), layers=1)
    alone, more = student(data, taught.path, layers=1), student(data, taught.path, layers=1, unlabelled="more.txt")
    assert len({weights_of(each.path) for each in (plain, alone, more)}) == 3
    assert len({plain.path, alone.path, more.path}) == 3
    assert "teacher" not in plain.run.metrics
    Path("more.txt").write_text("\n".join(FURTHER[:-1]) + "\n", encoding="utf-8")
    assert student(data, taught.path, layers=1, unlabelled="more.txt").path != more.path


def test_texts_of_the_data_copies_and_empty_ones_are_left_out_and_told(data: str, taught: Told, here: Path) -> None:
    test = write_csv(here / "test.csv", [("A test of its own.", "positive"), ("Another test.", "negative")])
    side = write_csv(here / "validation.csv", [("Good to validate.", "positive"), ("Bad to validate.", "negative")])
    texts = [" A test of its own. ", "Good to validate.", review_rows()[0][0], "", "  ", FURTHER[0], *FURTHER[:3]]
    (here / "more.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    told = student(data, taught.path, layers=1, unlabelled="more.txt", test=str(test), validation=str(side), epochs=1.0)
    assert (
        "6 of 9 texts in more.txt are left out: 2 empty, 1 that stand there already, 1 of train, 1 of validation, "
        "1 of test"
    ) in told.notices
    assert told.run.metrics["teacher"]["unlabelled"] == 3
    (here / "more.txt").write_text("\n".join(texts[:5]) + "\n", encoding="utf-8")
    with pytest.raises(Exception, match="none of 5 texts is left without the empty ones, copies and those of the data"):
        student(data, taught.path, layers=1, unlabelled="more.txt", test=str(test), validation=str(side))


SETTINGS: dict[str, Any] = {"layers": 1, "unlabelled": "more.txt", "batch_size": 8, "output": "run"}


def stopped(data: str, teacher: Path, at: int, kind: type, **settings: Any) -> Interrupted:
    """The fault of a job that got a signal after so many events of a kind."""
    seen = 0
    with pytest.raises(Interrupted) as caught:
        for event in pipeline.follow(data, config.resolve({**BRIEF, "teacher": str(teacher), **SETTINGS, **settings})):
            seen += isinstance(event, kind)
            if isinstance(event, kind) and seen == at:
                os.kill(os.getpid(), signal.SIGTERM)
    return caught.value


@pytest.mark.parametrize("settings", [{}, {"lora": 4, "ema": 0.9}, {"class_weights": "balanced"}])
def test_a_student_that_is_stopped_anywhere_ends_as_one_that_was_not(
    data: str, taught: Told, here: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(teaching, "PART", 20)
    whole = student(data, taught.path, **{**SETTINGS, **settings, "output": "whole"})
    fault = stopped(data, taught.path, 2, AnswerStep, **settings)
    assert fault.saw == "stopped by SIGTERM while the teacher answered, after 40 of 84 texts"
    assert fault.todo == "The same command goes on with the others"
    assert sorted(path.name for path in (here / "run" / "teacher").iterdir()) == [
        "train-00000.npz", "train-00001.npz",
    ]  # fmt: skip
    fault = stopped(data, taught.path, 5, StepRecord, **settings)
    assert fault.todo == "The same command goes on from step 5"
    asked: list[int] = []
    real = teaching._write

    def write(part: Any, logits: Any) -> None:
        asked.append(len(logits))
        real(part, logits)

    monkeypatch.setattr(teaching, "_write", write)
    (here / "run" / "teacher" / "further-00001.npz").write_bytes(b"damaged")
    told = student(data, taught.path, **SETTINGS, **settings)
    assert asked == [10]  # what was damaged alone
    assert "74 of 84 texts were answered before" in told.notices
    assert weights_of(told.path) == weights_of(whole.path)
    assert told.run.metrics["test"] == whole.run.metrics["test"]
    assert [step.loss for step in told.steps] == [step.loss for step in whole.steps[5:]]
    assert not (told.path / "teacher").exists()


def test_the_teacher_is_gone_when_the_training_begins(data: str, taught: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []
    real = teaching.predictor.load

    def load(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        held.append(weakref.ref(found.artifact.classifier.model))
        return found

    monkeypatch.setattr(teaching.predictor, "load", load)
    resolved = config.resolve({**BRIEF, "teacher": str(taught.path), "layers": 1})
    events = pipeline.follow(data, resolved)
    assert any(isinstance(event, StepRecord) for event in events)  # and no further
    assert [ref() for ref in held] == [None, None]  # of the plan, and of the answers
    events.close()  # type: ignore[attr-defined]  # a generator


def test_two_students_are_trained_from_the_answers_of_one_asking(data: str, taught: Told) -> None:
    told = student(data, taught.path, layers=1, seeds=2, unlabelled="more.txt")
    assert told.stages.count("teach") == 1
    found = told.run.metrics["teacher"]
    assert found["parameters"]["student"] == 2 * sum(
        each.numel() for each in pipeline.load(told.path / "model" / "seed-42").model.parameters()
    )
    again = student(data, told.path, epochs=1.0)  # and an ensemble teaches, from its first model on
    assert [notice for notice in again.notices if "as large as its teacher" in notice] == []
    assert again.run.settings["model"] == str(told.path / "model" / "seed-42")
    assert again.run.metrics["teacher"]["parameters"]["teacher"] == found["parameters"]["student"]


def test_rows_to_be_scored_that_the_teacher_has_learnt_from_are_warned_of(data: str, taught: Told, here: Path) -> None:
    def warned(**settings: Any) -> list[str]:
        notices = student(data, taught.path, layers=1, **settings).notices
        return [text for text in notices if "has learnt from" in text]

    def rows(run: Path, side: str) -> set[int]:
        table = parquet.read_table(run / "splits.parquet").to_pylist()
        return {row["row_id"] for row in table if row["side"] == side}

    found = warned(seed=7, output="other")
    learnt = rows(taught.path, "train")
    counts = [(len(learnt & rows(here / "other", side)), len(rows(here / "other", side)), side)
              for side in ("validation", "test")]  # fmt: skip
    assert [text.partition(" rows, as")[0] for text in found] == [
        f"{taught.path.name} has learnt from {count} of the {total} {side}" for count, total, side in counts if count
    ]
    assert found
    assert [*warned(), *warned(test_rows=4), *warned(test="none")] == []


def test_a_linear_model_teaches_a_network(data: str, job: Job, tiny_bert: Path) -> None:
    linear = job(data, model="linear", output="linear")
    told = student(data, linear.path, model=str(tiny_bert), unlabelled="more.txt")
    found = told.run.metrics["teacher"]
    assert found["parameters"]["teacher"] is None
    assert found["layers"] == {"teacher": None, "student": 2}
    assert found["test"]["scores"]["teacher"] == linear.run.metrics["test"]["accuracy"]


def test_rows_that_a_linear_teacher_learnt_from_at_last_are_warned_of_too(data: str, job: Job, tiny_bert: Path) -> None:
    """The student has the same sides; the teacher has learnt from its validation rows as well."""
    linear = job(data, model="linear", output="linear")
    told = student(data, linear.path, model=str(tiny_bert))
    count = linear.run.metrics["refit"]["validation"]
    assert [text.partition(", as")[0] for text in told.notices if "has learnt from" in text] == [
        f"linear has learnt from {count} of the {count} validation rows"
    ]


def several() -> str:
    rows = [f'"{text}",{"good|film" if label == "positive" else "bad"}' for text, label in review_rows()]
    Path("several.csv").write_text("\n".join(["text,labels", *rows]) + "\n", encoding="utf-8")
    return "several.csv"


def numbers() -> str:
    rows = [
        f'"{text}",{i % 7 + (3.5 if label == "positive" else 0.25)}' for i, (text, label) in enumerate(review_rows())
    ]
    Path("numbers.csv").write_text("\n".join(["text,stars", *rows]) + "\n", encoding="utf-8")
    return "numbers.csv"


def pairs() -> str:
    rows = [f'"{text}","Is it {i}?",{label}' for i, (text, label) in enumerate(review_rows())]
    Path("pairs.csv").write_text("\n".join(["sentence1,sentence2,label", *rows]) + "\n", encoding="utf-8")
    further = [f'"{text}","Was it {i}?"' for i, text in enumerate(FURTHER)]
    Path("more.csv").write_text("\n".join(["sentence1,sentence2", *further]) + "\n", encoding="utf-8")
    return "pairs.csv"


@pytest.mark.parametrize(
    ("made", "more", "settings", "metric"),
    [
        (several, "more.txt", {"label_separator": "|"}, "macro_f1"), (numbers, "more.txt", {}, "pearson"),
        (pairs, "more.csv", {}, "accuracy"),
    ],
)  # fmt: skip
def test_every_kind_of_answers_is_taught(
    data: str, job: Job, made: Any, more: str, settings: Mapping[str, Any], metric: str
) -> None:
    rows = made()
    teacher = job(rows, **{**BRIEF, "epochs": 4.0}, **settings, output="teacher-run")
    told = student(rows, teacher.path, layers=1, unlabelled=more, epochs=4.0, **settings)
    found = told.run.metrics["teacher"]
    assert found["unlabelled"] == len(FURTHER)
    assert found["test"]["metric"] == metric
    assert found["test"]["scores"]["teacher"] == pytest.approx(teacher.run.metrics["test"][metric])
    assert told.steps[-1].loss < told.steps[0].loss


def test_fewer_texts_are_drawn_where_they_are_asked_for(data: str, taught: Told) -> None:
    told = student(data, taught.path, layers=1, unlabelled="more.txt", unlabelled_rows=10, epochs=1.0)
    assert told.run.metrics["teacher"]["unlabelled"] == 10
    assert AnswerStep(64, 64) in told.events


def test_a_plan_tells_what_the_teacher_takes_and_a_budget_counts_it(data: str, taught: Told) -> None:
    given: dict[str, Any] = {**BRIEF, "teacher": str(taught.path), "layers": 1, "unlabelled": "more.txt"}
    plan = pipeline.plan(data, **given)
    assert plan.teaching is not None
    assert (plan.rows["train"], plan.further) == (48, len(FURTHER))
    assert plan.answered == 48 + len(FURTHER) + 6
    assert plan.steps == 2 * math.ceil((48 + len(FURTHER)) / 16)
    assert plan.total.seconds > plan.training.seconds + plan.teaching.seconds
    assert pipeline.plan(data, **BRIEF, model=str(taught.path)).teaching is None
    told = student(data, taught.path, layers=1, unlabelled="more.txt", budget="10m")
    found = told.run.metrics["teacher"]
    assert (found["unlabelled"], "test" in found) == (30, False)


def test_texts_that_a_budget_gave_up_stay_given_up_by_a_job_that_goes_on(
    data: str, taught: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = estimate.first_fit

    def fit(*arguments: Any, **named: Any) -> Choice:
        found = real(*arguments, **named)
        assert found is not None
        return dataclasses.replace(found, changes={"unlabelled_rows": 10})

    monkeypatch.setattr(estimate, "first_fit", fit)
    stopped(data, taught.path, 3, StepRecord, budget="10m")
    told = student(data, taught.path, **SETTINGS, budget="10m")
    assert "58 of 58 texts were answered before" in told.notices  # so these are the same ten
    assert told.run.metrics["teacher"]["unlabelled"] == told.run.settings["unlabelled_rows"] == 10
    said = [event["message"] for event in events_of(told.path) if event["kind"] == "notice"]
    assert any("unlabelled_rows 10 instead of all 30" in message for message in said)


def test_the_estimator_has_a_teacher(taught: Told) -> None:
    texts, labels = zip(*review_rows(), strict=True)
    made = TextClassifier(teacher=str(taught.path), layers=1, epochs=1.0, learning_rate=3e-3, threads=1)
    found = made.fit(list(texts), list(labels)).metrics_["teacher"]
    assert (found["name"], found["layers"]) == (taught.path.name, {"teacher": 2, "student": 1})


def test_a_model_as_large_as_its_teacher_is_warned_of(data: str, taught: Told) -> None:
    told = student(data, taught.path, epochs=1.0)
    assert ("the model is as large as its teacher: --layers N keeps the first N of its 2 layers") in told.notices


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"unlabelled": "more.txt"},
            "--unlabelled without --teacher. Expected a finished run that answers these texts. Give --teacher RUN, or "
            "let the model read them first: whet adapt MODEL more.txt.",
        ),
        (
            {"unlabelled_rows": 5, "teacher": "T"},
            "--unlabelled-rows without --unlabelled. Expected texts without labels to draw from. Give --unlabelled "
            "FILE, or leave it out.",
        ),
        (
            {"teacher": "T", "focal": 2.0, "label_smoothing": 0.1},
            "--focal, --label-smoothing with --teacher. Expected rows with one right answer each, targets that are no "
            "shares yet. Leave out --focal, --label-smoothing, or --teacher.",
        ),
        (
            {"teacher": "T", "folds": 3},
            "--folds with --teacher. Expected rows that no model has learnt from, where the teacher may have learnt "
            "from all. Leave out --folds, or --teacher.",
        ),
        (
            {"teacher": "T", "learning_curve": True},
            "--learning-curve with --teacher. Expected a model that learns from labels alone. Leave out "
            "--learning-curve, or --teacher.",
        ),
        (
            {"teacher": "T", "sampling": "balanced"},
            "--sampling with --teacher. Expected a class for every row that is drawn. Leave out --sampling, or "
            "--teacher.",
        ),
        (
            {"teacher": "runs/none"},
            "--teacher: no such run: runs/none. Expected a run folder, its model/ folder, or last.",
        ),
    ],
)  # fmt: skip
def test_what_means_nothing_with_a_teacher_is_refused(
    data: str, taught: Told, settings: dict[str, Any], message: str
) -> None:
    given = {name: str(taught.path) if value == "T" else value for name, value in settings.items()}
    assert refusal(data, **given) == message


def test_a_linear_student_a_search_and_a_loss_of_ones_own_are_refused(data: str, taught: Told, whet: Command) -> None:
    teacher = str(taught.path)
    linear = {"teacher": teacher, "model": "linear", "baseline": False}
    with pytest.raises(UsageError, match=r"^--teacher with --model linear"):
        list(pipeline.follow(data, config.resolve(linear)))
    with pytest.raises(UsageError, match=r"teacher='.*' with a loss of its own"):
        next(pipeline.steps(data, loss=lambda logits, labels: logits.sum(), teacher=teacher))
    ended = whet("tune", data, "--teacher", teacher, "--trials", "2")
    assert (ended.code, ended.errors) == (
        2,
        [
            "a search with --teacher. Expected trainings on labels alone. Search for the teacher, and give its run to "
            "whet train --teacher."
        ],
    )


def test_several_processes_are_refused(data: str, taught: Told) -> None:
    from whet.preparing.teacher import without
    from whet.system import runtime

    ranks = runtime.Ranks(0, 2, local_count=2)
    with pytest.raises(UsageError) as caught:
        without(config.resolve({"teacher": str(taught.path)}), ranks)
    assert caught.value.message == (
        "--teacher in 2 processes. Expected a single process, in which the teacher answers first. Leave out torchrun, "
        "or --teacher."
    )


def test_a_settings_file_is_not_refused_for_what_it_brings(data: str, taught: Told, here: Path) -> None:
    (here / "own.toml").write_text("label_smoothing = 0.1\nepochs = 1.0\n", encoding="utf-8")
    told = student(data, taught.path, layers=1, recipe="own.toml")
    assert "label_smoothing of the recipe: left out, for the model learns what a teacher answers" in told.notices
    assert told.run.settings["label_smoothing"] == 0.0


def test_folds_of_a_settings_file_leave_no_trace_beside_a_teacher(data: str, taught: Told, here: Path) -> None:
    """Folds would be validation, and keep the last weights."""
    from whet.preparing import prepare
    from whet.system import runtime

    (here / "own.toml").write_text("folds = 3\n", encoding="utf-8")
    resolved = config.resolve({"recipe": "own.toml", "teacher": str(taught.path)})
    settling, told = prepare.settle(data, resolved, runtime.ALONE), list[str]()
    try:
        while True:
            event = next(settling)
            told += [event.message] if isinstance(event, Notice) else []
    except StopIteration as end:
        asked = end.value
    settings = asked.resolved.settings
    assert (settings.folds, settings.validation, settings.keep) == (None, "auto", "best")
    assert len(asked.splits.validation.texts) > 0
    assert [each for each in told if "left out" in each] == [
        "folds of the recipe: left out, for the model learns what a teacher answers"
    ]


def test_the_command_says_it_in_either_language(data: str, taught: Told, whet: Command) -> None:
    command = [
        "train", data, "--teacher", str(taught.path), "--layers", "1", "--unlabelled", "more.txt", "--epochs", "1",
        "--no-baseline", "--threads", "1", "--learning-rate", "3e-3",
    ]  # fmt: skip
    ended = whet(*command)
    assert ended.code == 0
    assert f"Taught by {taught.path.name}: 1 of 2 layers, 0." in ended.out
    assert " % of 6 test rows as it does, accuracy " in ended.out
    assert "answers of the teacher: 84 texts, by " in ended.err
    ended = whet(*command, "--lang", "ko", "--fresh")
    assert ended.code == 0
    assert f"교사 모델 {taught.path.name}: 2개 층 중 1개, 파라미터 " in ended.out
    assert "교사 모델의 답: 텍스트 84개, " in ended.err
    plan = whet("plan", data, "--teacher", str(taught.path), "--unlabelled", "more.txt")
    assert "answers 84 texts in " in plan.out
    assert "78 training texts of " in plan.out
