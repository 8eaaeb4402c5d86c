"""A training that starts from the weights of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, write_csv

STILL = {**BRIEF, "epochs": 0.1, "learning_rate": 1e-12}
TEXTS = ["The story of this one was superb.", "What a dreadful film!", "Is it true?"]


def probabilities(told: Told, names: tuple[str, ...]) -> list[list[float]]:
    answers = library.load(told.path).predict(TEXTS)
    return [[answer.probabilities[name] for name in names] for answer in answers]


def folder_of(run: Path) -> tuple[str, str]:
    return str(run), str(run / "model")


@pytest.mark.parametrize("named", [0, 1])
def test_a_run_or_its_model_is_where_training_starts(taught: Told, here: Path, job: Job, named: int) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    given = folder_of(taught.path)[named]
    told = job(data, model=given, **STILL)
    assert f"{given} was fine-tuned before; its head is kept for 2 of 2 labels" in told.notices
    names = ("negative", "positive")
    assert np.allclose(probabilities(told, names), probabilities(taught, names), atol=1e-5)
    assert told.path.name.startswith(f"reviews-{taught.path.name}-")


def test_labels_in_another_order_are_matched_by_name(taught: Told, here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    told = job(data, model=str(taught.path), label_names="positive=positive,negative=negative", **STILL)
    assert told.run.labels.names == ("positive", "negative")
    names = ("negative", "positive")
    assert np.allclose(probabilities(told, names), probabilities(taught, names), atol=1e-5)


def test_a_new_label_and_one_that_is_gone_are_named(taught: Told, here: Path, job: Job) -> None:
    rows = [(text, "mixed" if label == "negative" else label) for text, label in review_rows()]
    told = job(str(write_csv(here / "reviews.csv", rows)), model=str(taught.path), **STILL)
    said = "its head is kept for 1 of 2 labels; new: 'mixed'; dropped: 'negative'"
    assert f"{taught.path} was fine-tuned before; {said}" in told.notices


def test_last_is_the_run_that_it_stands_for_when_the_job_begins(here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    first = job(data, **BRIEF)
    told = job(data, model="last", **STILL)
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["model"] == {"value": str(first.path), "reason": "last"}
    assert told.path != first.path
    assert job(data, model=str(first.path), **STILL).end.resumed_finished


def test_a_run_that_was_trained_anew_is_another_model(here: Path, job: Job) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    job(data, output="first", **BRIEF)
    told = job(data, model="first", **STILL)
    shutil.rmtree(here / "first")
    job(data, output="first", seed=3, **BRIEF)
    assert job(data, model="first", **STILL).path != told.path


def test_a_run_that_is_not_finished_is_not_there_or_was_changed_is_one_message(
    taught: Told, here: Path, whet: Command
) -> None:
    write_csv(here / "reviews.csv", review_rows())
    shutil.copytree(taught.path, here / "runs" / "one")
    (here / "runs" / "one" / "metrics.json").unlink()

    def told(model: str) -> list[str]:
        ended = whet("train", "reviews.csv", "--model", model)
        assert ended.code == 4
        return ended.errors

    assert told("runs/one") == [
        "--model: runs/one is not a finished run. Let it end first: its command in run.json goes on with it."
    ]
    expected = "Expected a run folder, its model/ folder, or last."
    shutil.rmtree(here / "runs" / "one" / "model")
    assert told("runs/one") == [f"--model: runs/one is not a finished run. {expected}"]
    assert told("runs/none") == [f"--model: no such run: runs/none. {expected}"]
    shutil.copytree(taught.path, here / "two")
    with (here / "two" / "model" / "config.json").open("a") as file:
        file.write(" ")
    (message,) = told("two")
    assert message.startswith(f"{Path('two') / 'model'}: changed or damaged after it was saved: config.json")
    assert told("last") == [f"last: no finished run under {here / 'runs'}. Run whet train DATA first, or name a run."]


# ---------------------------------------------------------------- numbers


def numbers(path: Path, *, more: float = 0.0) -> str:
    """Praise is worth 50 above the middle of 250, and the longer a text the more."""
    rows = [
        (text, str(250 + more + (50 if label == "positive" else -50) + len(text) / 8)) for text, label in review_rows()
    ]
    path.write_text("text,score\n" + "".join(f'"{text}",{score}\n' for text, score in rows), encoding="utf-8")
    return str(path)


def test_a_regression_goes_on_from_the_answers_of_its_run_whatever_the_scale_of_the_new_rows(
    here: Path, job: Job
) -> None:
    known, other = numbers(here / "known.csv"), numbers(here / "other.csv", more=1000.0)
    first = job(known, **{**BRIEF, "epochs": 4.0, "learning_rate": 3e-3})
    told = job(other, model=str(first.path), **STILL, validation=known, test="none", allow="texts_in_train")
    assert (
        f"{first.path} was fine-tuned before; its head is kept, which answers in the units that 'score' has there"
    ) in told.notices
    parent = library.evaluate(first.run, known).json["test"]
    (found,) = told.evaluations("validation")
    assert found.metrics.mae == pytest.approx(parent["mae"], rel=1e-5)
    assert found.metrics.pearson == pytest.approx(parent["pearson"], abs=1e-5)
    before, after = ([answer.value for answer in library.load(run.path).predict(TEXTS)] for run in (first, told))
    assert after == pytest.approx(before, abs=1e-3)
    renamed = (here / "other.csv").read_text().replace("text,score", "text,price")
    (here / "renamed.csv").write_text(renamed)
    anew = job("renamed.csv", model=str(first.path), label="price", **STILL)
    said = "its head answers 'score', and 'price' gets a new one; a column of the same name would keep it"
    assert f"{first.path} was fine-tuned before; {said}" in anew.notices


# ---------------------------------------------------------------- what is read, and how much of it


def titled(path: Path, header: str) -> str:
    """Columns of which the longest, and one called text, are not what the run was trained on."""
    lines = [
        f'"{text[:9]}","{text[9:]}","no use, {i}{" at all" * 30}",{label}'
        for i, (text, label) in enumerate(review_rows())
    ]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return str(path)


def test_texts_are_read_as_in_the_run_where_its_columns_are_there(here: Path, job: Job, whet: Command) -> None:
    known = titled(here / "known.csv", "head,body,text,label")
    first = job(known, text="{head}{body}", max_length=12, truncation="head-tail", **BRIEF)
    told = job(titled(here / "new.csv", "Head,body,text,label"), model=str(first.path), **STILL)
    assert told.checked.columns.text == "{Head}{body}"
    assert told.checked.columns.text_reason == f"as in {first.path}"
    assert f"texts are read from '{{head}}{{body}}', as in {first.path}; --text decides otherwise" in told.notices
    assert f"max_length 12, as in {first.path}; --max-length decides otherwise" in told.notices
    assert f"truncation head-tail, as in {first.path}; --truncation decides otherwise" in told.notices
    settings = json.loads((told.path / "run.json").read_text(encoding="utf-8"))["settings"]
    reasons = {"reason": f"as in {first.path}", "reason_ko": f"{first.path}에서처럼"}
    assert settings["max_length"] == {"value": 12, **reasons}
    assert settings["truncation"] == {"value": "head-tail", **reasons}
    texts = [f"{text[:9]}{text[9:]}" for text, _ in review_rows()[:5]]
    before, after = ([answer.probabilities["positive"] for answer in run.run.predict(texts)] for run in (first, told))
    assert after == pytest.approx(before, abs=1e-5)
    looked = whet("check", "new.csv", "--model", "last", "--json").json
    assert looked["columns"]["text"] == "{Head}{body}"
    assert looked["notices"][-2].startswith("max_length 12, as in ")


def test_what_is_asked_for_comes_before_what_the_run_has(here: Path, job: Job) -> None:
    known = titled(here / "known.csv", "head,body,text,label")
    first = job(known, text="{head}{body}", max_length=12, **BRIEF)
    told = job(known, model=str(first.path), text="body", max_length=16, **STILL)
    assert (told.checked.columns.text, told.checked.columns.text_reason) == ("body", "given")
    assert not [notice for notice in told.notices if f"as in {first.path}" in notice]
    lacking = job(titled(here / "new.csv", "head,main,text,label"), model=str(first.path), **STILL)
    assert lacking.checked.columns.text == "text"
    assert (f"{first.path} reads '{{head}}{{body}}', but new.csv has no 'body': texts are found as for any model") in [
        notice.replace(f"{here}/", "") for notice in lacking.notices
    ]
