"""What can be trained on, and what the settings of a job make of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

import whet as library
from tests.conftest import TinyModel, review_rows
from tests.flows.conftest import BRIEF, TEACH, Command, Job, Told, events_of, weights_of, write_csv
from whet.errors import UsageError
from whet.model import classifier
from whet.model.flash import Found
from whet.records import StepRecord
from whet.sentences.bilingual import in_korean
from whet.system import runtime


@pytest.fixture
def data(here: Path) -> str:
    write_csv(here / "reviews.csv", review_rows())
    return "reviews.csv"


@pytest.fixture
def contrary(here: Path) -> str:
    """Validation rows with wrong labels: the better training goes, the worse they are answered."""
    other = {"positive": "negative", "negative": "positive"}
    write_csv(here / "contrary.csv", [(f"Yes, {text}", other[label]) for text, label in review_rows()[:12]])
    return "contrary.csv"


# ---------------------------------------------------------------- DATA


def as_frame(rows: list[tuple[str, str]]) -> object:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(rows, columns=["text", "label"])


def as_dicts(rows: list[tuple[str, str]]) -> object:
    return [{"text": text, "label": label} for text, label in rows]


def as_dataset(rows: list[tuple[str, str]]) -> object:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_list(as_dicts(rows))


def as_pairs(rows: list[tuple[str, str]]) -> object:
    return rows


@pytest.mark.parametrize("form", [as_frame, as_dicts, as_dataset, as_pairs])
def test_python_objects_train_as_a_file_does(form: Any, data: str, job: Job, tiny_bert: Path) -> None:
    run = library.train(form(review_rows()), model=str(tiny_bert), **BRIEF)
    told = job(data, **BRIEF)
    assert run.path.name == told.path.name.replace("reviews", "data")
    assert weights_of(run.path) == weights_of(told.path)
    assert run.metrics["test"] == told.run.metrics["test"]


def test_a_folder_of_class_folders_is_trained_on(here: Path, job: Job) -> None:
    for row, (text, label) in enumerate(review_rows()):
        folder = here / "films" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.txt").write_text(text, encoding="utf-8")
    told = job("films", **BRIEF)
    assert told.path.name.startswith("films-")
    assert told.run.labels.names == ("negative", "positive")
    places = parquet.read_table(told.path / "splits.parquet").column("place").to_pylist()
    assert {place.split("/")[0] for place in places} == {"negative", "positive"}


# ---------------------------------------------------------------- sides


def test_a_test_file_is_the_test_side(data: str, job: Job, here: Path) -> None:
    write_csv(here / "other.csv", [("One thing.", "positive"), ("Another.", "negative"), ("A third.", "negative")])
    told = job(data, test="other.csv", **BRIEF)
    assert told.run.metrics["test"]["rows"] == 3
    rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    assert [(row["row_id"], row["place"], row["text"]) for row in rows] == [
        (0, "line 2", "One thing."), (1, "line 3", "Another."), (2, "line 4", "A third.")
    ]  # fmt: skip
    sides = parquet.read_table(told.path / "splits.parquet").to_pylist()
    assert {row["source"] for row in sides if row["side"] == "test"} == {"other.csv"}
    assert sum(row["side"] == "train" for row in sides) == 54
    assert "test: other.csv, as asked for" in told.notices


def test_a_share_is_the_test_side(data: str, job: Job) -> None:
    told = job(data, test="0.2", **BRIEF)
    counts = told.run.metrics["test"]["classes"]
    assert {name: score["support"] for name, score in counts.items()} == {"negative": 6, "positive": 6}
    assert "test: 20 % of reviews.csv, by label, seed 42" in told.notices


def test_a_share_may_be_a_number_in_python(data: str, tiny_bert: Path) -> None:
    run = library.train(data, model=str(tiny_bert), test=0.2, **BRIEF)  # type: ignore[arg-type]  # as users write it
    assert run.metrics["test"]["rows"] == 12


def test_without_validation_all_that_test_leaves_is_trained_on(data: str, job: Job) -> None:
    told = job(data, validation="none", **BRIEF)
    assert told.evaluations("validation") == []
    assert "validation" not in told.run.metrics
    assert told.run.metrics["test"]["rows"] == 6
    sides = parquet.read_table(told.path / "splits.parquet").column("side").to_pylist()
    assert (sides.count("train"), sides.count("validation"), sides.count("test")) == (54, 0, 6)


# ---------------------------------------------------------------- labels


def test_korean_label_names_stand_everywhere(whet: Command, job: Job, here: Path, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", [(text, "01"[label == "positive"]) for text, label in review_rows()])
    told = job("reviews.csv", label_names="부정,긍정", **BRIEF)
    assert "부정" in (told.path / "metrics.json").read_text(encoding="utf-8")
    assert list(told.run.metrics["test"]["classes"]) == ["부정", "긍정"]
    assert told.run.metrics["test"]["positive"] == "긍정"
    config = json.loads((told.path / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["label2id"] == {"부정": 0, "긍정": 1}
    table = parquet.read_table(told.path / "predictions.parquet")
    assert table.column_names[-2:] == ["probability 부정", "probability 긍정"]
    assert set(table.column("label").to_pylist()) == {"부정", "긍정"}
    ended = whet("predict", str(told.path), "--json", "좋아요")
    assert list(ended.json[0]["probabilities"]) == ["부정", "긍정"]
    assert ended.json[0]["label"] in ("부정", "긍정")
    shown = whet("predict", str(told.path), "--lang", "ko", "좋아요")
    (negative, positive) = ended.json[0]["probabilities"].values()
    assert f"예측: {ended.json[0]['label']} (부정 확률: {negative:.4f}, 긍정 확률: {positive:.4f})" in shown.out
    # The file still says 0 and 1; the run knows what they are called.
    scored = whet("evaluate", str(told.path), "reviews.csv", "--json")
    assert scored.json["test"]["rows"] == 60
    assert list(scored.json["test"]["classes"]) == ["부정", "긍정"]


def test_several_labels_may_share_a_name(job: Job, here: Path) -> None:
    rows = [(text, random.Random(text).choice("12" if label == "negative" else "45")) for text, label in review_rows()]
    told = job(str(write_csv(here / "stars.csv", rows)), label_names="1=bad,2=bad,4=good,5=good", **BRIEF)
    assert told.run.metrics["task"] == "binary"
    assert list(told.run.metrics["test"]["classes"]) == ["bad", "good"]


def test_the_positive_class_can_be_chosen(data: str, job: Job) -> None:
    told = job(data, positive="negative", **BRIEF)
    test = told.run.metrics["test"]
    assert test["positive"] == "negative"
    assert test["recall"] == test["classes"]["negative"]["recall"]
    assert told.run.labels.names == ("positive", "negative")


# ---------------------------------------------------------------- the course


def test_steps_come_one_by_one_and_leave_a_finished_run(data: str, tiny_bert: Path, here: Path) -> None:
    course = library.steps(data, model=str(tiny_bert), **BRIEF)
    assert isinstance(course, Iterator)
    seen = []
    for step in course:
        assert isinstance(step, StepRecord)
        assert not list(here.glob("runs/*/metrics.json"))
        seen.append(step)
    assert [(step.step, step.steps) for step in seen] == [(1, 3), (2, 3), (3, 3)]
    assert [step.epoch for step in seen] == pytest.approx([1 / 3, 2 / 3, 1])
    run = library.load("last")
    assert run.metrics["test"]["rows"] == 6
    assert len(run.predict(["Is it true?"])) == 1


def test_the_stages_of_a_job_are_told_in_order(taught: Told) -> None:
    assert taught.stages == [
        "check",
        "split",
        "model",
        "plan",
        "tokens",
        "baseline",
        "train",
        "evaluate",
        "explain",
        "look",
        "save",
        "report",
    ]
    assert taught.checked.rows == {"train": 60}


def test_the_sides_are_evaluated_as_often_as_asked(data: str, job: Job) -> None:
    told = job(data, evaluate_every=2, **{**BRIEF, "epochs": 5 / 3})
    assert [step.step for step in told.steps] == [1, 2, 3, 4, 5]
    # Every second step, and always the last.
    assert [found.step for found in told.evaluations("validation")] == [2, 4, 5]


def test_the_best_weights_on_validation_are_kept(data: str, contrary: str, job: Job) -> None:
    settings = {**TEACH, "baseline": False, "metric": "loss", "validation": contrary}
    best, last = job(data, **settings), job(data, keep="last", **settings)
    losses = [found.loss for found in best.evaluations("validation")]
    assert losses == [found.loss for found in last.evaluations("validation")]
    assert min(losses) < losses[-1]  # else the two could not be told apart
    assert best.run.metrics["validation"]["loss"] == min(losses)
    assert last.run.metrics["validation"]["loss"] == losses[-1]
    assert weights_of(best.path) != weights_of(last.path)
    kept = next(found.step for found in best.evaluations("validation") if found.loss == min(losses))
    assert f"kept the weights of step {kept}, the best loss on validation" in best.notices
    assert not [notice for notice in last.notices if notice.startswith("kept")]


def test_each_better_evaluation_is_marked(data: str, job: Job) -> None:
    told = job(data, metric="loss", **{**TEACH, "epochs": 4.0, "baseline": False})
    best = float("inf")
    for found in told.evaluations("validation"):
        assert found.best == (found.loss < best)
        best = min(best, found.loss)
    logged = [event for event in events_of(told.path) if event["kind"] == "evaluation"]
    assert [event["best"] for event in logged if event["side"] == "validation"] == [
        found.best for found in told.evaluations("validation")
    ]


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_score_that_validation_rows_do_not_define_keeps_the_last_weights_and_is_told(
    seeds: int, data: str, job: Job, here: Path
) -> None:
    """Rows of one label have no area under the curve."""
    praise = [(f"Yes, {text}", label) for text, label in review_rows() if label == "positive"]
    write_csv(here / "praise.csv", praise[:8])
    settings = {**BRIEF, "epochs": 2.0, "metric": "roc_auc_ovr", "validation": "praise.csv", "seeds": seeds}
    told = job(data, **settings)
    line = (
        "roc_auc_ovr is not defined on these validation rows, so that no weights were the best; the last ones are kept"
    )
    assert sum(line in text for text in told.notices) == seeds
    assert told.run.metrics["validation"]["rows"] == 8
    assert "calibration" in told.run.metrics
    if seeds == 1:
        last = job(data, **settings, keep="last")
        assert not any(line in text for text in last.notices)
        assert weights_of(told.path) == weights_of(last.path)


def test_training_stops_when_nothing_gets_better(data: str, contrary: str, job: Job) -> None:
    settings = {**TEACH, "epochs": 20.0, "baseline": False, "metric": "loss", "validation": contrary}
    told = job(data, early_stopping=2, evaluate_every=1, **settings)
    found = told.evaluations("validation")
    assert [evaluation.best for evaluation in found[-3:]] == [True, False, False]
    assert len(told.steps) == found[-1].step < told.steps[-1].steps
    assert f"stopped at step {found[-1].step}: no better loss in 2 evaluations" in told.notices
    assert f"kept the weights of step {found[-3].step}, the best loss on validation" in told.notices
    assert told.run.metrics["validation"]["loss"] == found[-3].loss
    assert events_of(told.path)[-1]["step"] == found[-1].step


def test_the_test_rows_are_scored_with_the_weights_that_are_saved(data: str, contrary: str, job: Job) -> None:
    told = job(data, metric="loss", validation=contrary, **{**TEACH, "baseline": False})
    assert any(notice.startswith("kept the weights of step ") for notice in told.notices)
    rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    again = library.load(told.path).predict([row["text"] for row in rows])
    assert [row["probability positive"] for row in rows] == pytest.approx(
        [answer.probabilities["positive"] for answer in again], abs=1e-6
    )


def test_rows_can_be_fewer(data: str, job: Job) -> None:
    told = job(data, train_rows=20, test_rows=4, **BRIEF)
    sides = parquet.read_table(told.path / "splits.parquet").column("side").to_pylist()
    assert (sides.count("train"), sides.count("validation"), sides.count("test")) == (20, 2, 4)
    assert (len(told.steps), told.run.metrics["test"]["rows"]) == (2, 4)


# ---------------------------------------------------------------- models


def test_one_layer_is_kept(data: str, job: Job) -> None:
    told = job(data, layers=1, **BRIEF)
    config = json.loads((told.path / "model" / "config.json").read_text())
    assert config["num_hidden_layers"] == 1
    assert len(told.run.model.bert.encoder.layer) == 1


def test_more_layers_than_there_are_is_refused(data: str, job: Job, tiny_bert: Path) -> None:
    with pytest.raises(UsageError, match=r"9 layers, but .* has 2\. Expected 1 to 2"):
        job(data, layers=9, **BRIEF)


def test_a_model_that_cannot_be_packed_is_padded_and_says_so(data: str, job: Job, tiny_model: TinyModel) -> None:
    told = job(data, model=str(tiny_model("mpnet")), **BRIEF)
    notice = "batches are padded by length: mpnet models have no packed attention yet"
    assert notice in told.notices
    assert notice in [event.get("message") for event in events_of(told.path)]
    assert told.run.metrics["test"]["rows"] == 6
    texts = ["Is it true?", "", "I loved every single moment of this incredible story. " * 30]
    together, alone = told.run.predict(texts), [told.run.predict([text])[0] for text in texts]
    assert [answer.score for answer in together] == pytest.approx([answer.score for answer in alone], abs=1e-5)


@pytest.mark.parametrize("kind", ["xlm-roberta", "electra", "modernbert", "deberta-v2"])
def test_other_packed_models_train_to_the_end(kind: str, data: str, job: Job, tiny_model: TinyModel) -> None:
    told = job(data, model=str(tiny_model(kind)), **BRIEF)
    assert not [notice for notice in told.notices if "padded" in notice]
    assert library.load(told.path).predict(["Is it true?"])[0].label in ("negative", "positive")


def test_a_run_can_be_trained_further(data: str, job: Job, here: Path) -> None:
    first = job(data, **BRIEF)
    rows = [(text, ["sport", "trade", "arts"][row % 3]) for row, (text, _) in enumerate(review_rows())]
    told = job(str(write_csv(here / "news.csv", rows)), model=str(first.path / "model"), **BRIEF)
    assert told.run.labels.names == ("arts", "sport", "trade")
    said = "its head is kept for 0 of 3 labels; new: 'arts', 'sport', 'trade'; dropped: 'negative', 'positive'"
    assert f"{first.path / 'model'} was fine-tuned before; {said}" in told.notices


def test_the_library_tells_its_notices_to_the_logger_and_keeps_them_all_in_events_jsonl(
    data: str, tiny_bert: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="whet"):
        run = library.train(data, model=str(tiny_bert), epochs=0.1, baseline=False, threads=1)
    said = [record.getMessage() for record in caplog.records if record.name == "whet"]
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert said == [event["message"] for event in events if event["kind"] == "notice"]
    assert any(message.startswith("device cpu: ") for message in said)
    assert any(message.startswith("test: 10 % of ") for message in said)


# ---------------------------------------------------------------- precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_job_in_less_than_fp32_says_so_and_leaves_a_model_that_answers_in_fp32(
    precision: str, data: str, job: Job
) -> None:
    full, told = (job(data, **BRIEF, device="cpu", precision=name) for name in ("fp32", precision))
    machine = runtime.choose("cpu", 1, precision=precision)
    assert machine.precision == precision
    assert f"device cpu: given; precision {precision}: {machine.precision_reason}; 1 thread" in told.notices
    known = json.loads((told.path / "run.json").read_text())["precision"]
    reason = machine.precision_reason
    assert known == {"value": precision, "reason": reason, "reason_ko": in_korean(reason)}
    ours, theirs = (one.run.metrics["test"]["loss"] for one in (told, full))
    assert ours != theirs
    assert ours == pytest.approx(theirs, abs=0.02)
    # Its answers to the test texts were saved as it gives them when it is loaded.
    loaded = library.load(told.path)
    assert loaded.predictor.artifact.classifier.precision == "fp32"
    assert loaded.predict(["Is it true?"])[0].label in ("negative", "positive")


def test_fp32_is_not_worth_a_word(data: str, job: Job) -> None:
    told = job(data, **BRIEF, device="cpu", precision="fp32")
    assert "device cpu: given; 1 thread" in told.notices
    known = json.loads((told.path / "run.json").read_text())["precision"]
    assert (known["value"], known["reason"]) == ("fp32", "given")


@pytest.mark.parametrize("failed", [True, False])
def test_flash_attention_that_should_have_worked_is_missed_aloud_and_any_other_is_not(
    failed: bool, data: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "find", lambda *_, **__: Found(False, "no such luck", failed))
    said = "attention is computed in groups of like length: no such luck"
    assert (said in job(data, **BRIEF).notices) == failed
