"""The run folder: its name, its files, and what the same and other commands make of it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyarrow import parquet

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, TEACH, Command, Job, Told, content_of, events_of, write_csv
from whet.errors import ModelError, TrainingError, UsageError
from whet.model.classifier import Classifier
from whet.sentences.bilingual import in_korean
from whet.settings import config
from whet.system import runtime


@pytest.fixture
def data(here: Path) -> str:
    write_csv(here / "reviews.csv", review_rows())
    return "reviews.csv"


def runs_in(here: Path) -> list[str]:
    return sorted(path.name for path in (here / "runs").iterdir())


# ---------------------------------------------------------------- name and files


def test_a_run_is_named_by_data_model_and_digest(taught: Told, tiny_bert: Path) -> None:
    digest = json.loads((taught.path / "run.json").read_text())["digest"]
    assert taught.path.parent.name == "runs"
    assert taught.path.name == f"reviews-{tiny_bert.name}-{digest[:8]}"


def test_a_finished_run_holds_these_files(taught: Told) -> None:
    assert sorted(path.name for path in taught.path.iterdir()) == [
        ".lock", "events.jsonl", "explanations.json", "findings.json", "metrics.json", "mistakes.json", "model",
        "predictions.parquet", "relabel.csv", "report.html", "run.json", "splits.parquet",
    ]  # fmt: skip


def test_run_json_tells_how_the_run_came_about(taught: Told) -> None:
    known = json.loads((taught.path / "run.json").read_text(encoding="utf-8"))
    assert set(known) == {
        "format", "started", "command", "digest", "device", "precision", "threads", "ranks", "sides", "sides_ko",
        "versions", "settings",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{64}", known["digest"])
    assert known["threads"] == {"value": 1, "reason": "given", "reason_ko": "직접 지정"}
    assert known["ranks"] == 1
    machine = runtime.choose("auto", 1)
    for name, value, reason in (
        ("device", machine.device, machine.device_reason), ("precision", machine.precision, machine.precision_reason)
    ):  # fmt: skip
        assert known[name] == {"value": value, "reason": reason, "reason_ko": in_korean(reason)}
    assert known["versions"] == runtime.versions()
    assert known["versions"]["torch"] == torch.__version__
    assert known["sides"] == {
        "train": "reviews.csv: what test leaves, less 6 for validation",
        "validation": "10 % of reviews.csv, by label, seed 42",
        "test": "10 % of reviews.csv, by label, seed 42",
    }
    assert known["sides_ko"] == {
        "train": "reviews.csv: 테스트를 뺀 나머지에서 검증 6행 제외",
        "validation": "reviews.csv의 10%, 라벨별로 추출, 시드 42",
        "test": "reviews.csv의 10%, 라벨별로 추출, 시드 42",
    }
    assert list(known["settings"]) == [setting.name for setting in config.fields()]
    reasons = {name: entry["reason"] for name, entry in known["settings"].items() if entry["reason"] != "default"}
    assert reasons == {
        "model": "given", "epochs": "given", "learning_rate": "given", "threads": "given",
        "max_length": f"the most that {known['settings']['model']['value']} takes",
        "metric": "auto: that of a binary task",
    }  # fmt: skip
    assert taught.run.settings == {name: entry["value"] for name, entry in known["settings"].items()}
    assert taught.run.settings["epochs"] == TEACH["epochs"]


def test_the_command_that_repeats_the_run_is_kept(data: str, whet: Command, tiny_bert: Path) -> None:
    ended = whet(
        "train", data, "--model", str(tiny_bert), "--epochs", "1", "--no-baseline", "--threads=1", "--json", "--quiet"
    )
    assert (ended.code, ended.err) == (0, "")
    command = library.load("last").path / "run.json"
    assert json.loads(command.read_text())["command"] == (
        f"whet train reviews.csv --model {tiny_bert} --epochs 1 --no-baseline --threads 1"
    )


def test_metrics_json_of_two_labels_has_the_scores_of_the_positive_class(taught: Told) -> None:
    metrics = json.loads((taught.path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics == taught.run.metrics
    assert set(metrics) == {
        "task", "metric", "test", "validation", "calibration", "slices", "label_errors", "baselines", "comparison",
        "verdict", "explanations", "seconds",
    }  # fmt: skip
    assert (metrics["task"], metrics["metric"]) == ("binary", "macro_f1")
    assert set(metrics["seconds"]) == {"train", "evaluate", "explain"}
    assert set(metrics["baselines"]) == {"majority", "tfidf", "nbsvm", "seconds"}
    assert set(metrics["verdict"]) == {"en", "ko"}
    assert metrics["verdict"]["en"] == taught.end.verdict
    test = metrics["test"]
    assert {"accuracy", "macro_f1", "micro_f1", "weighted_f1", "classes", "loss", "confusion"} <= set(test)
    assert (test["positive"], test["rows"]) == ("positive", 6)
    for name in ("precision", "recall", "f1"):
        assert test[name] == test["classes"]["positive"][name]
    assert list(test["classes"]) == test["confusion"]["labels"] == ["negative", "positive"]
    for side in (test, metrics["validation"], metrics["baselines"]["tfidf"], metrics["baselines"]["majority"]):
        assert sum(map(sum, side["confusion"]["matrix"])) == side["rows"] == 6


def test_metrics_json_says_how_far_scores_may_be_off_and_how_they_compare(taught: Told) -> None:
    test, baselines, found = (taught.run.metrics[part] for part in ("test", "baselines", "comparison"))
    for name in ("accuracy", "macro_f1", "f1", "mcc", "log_loss"):
        low, high = test["intervals"][name]
        assert low <= test[name] <= high
    assert set(test["intervals"]["classes"]) == {"negative", "positive"}
    assert {"roc_auc", "pr_auc", "brier", "ece"} <= set(test)
    assert set(found) == {"against", "metric", "difference", "interval", "p", "mcnemar_p"}
    best = max(baselines[name]["accuracy"] for name in ("majority", "tfidf", "nbsvm"))
    assert baselines[found["against"]]["accuracy"] == best
    assert found["difference"] == pytest.approx(test["accuracy"] - best)
    assert found["interval"][0] <= found["difference"] <= found["interval"][1]


def last_label(true: object, probabilities: np.ndarray) -> float:
    """A score of a user's: how sure the model is of the last label."""
    return float(probabilities[:, -1].mean())


@pytest.mark.parametrize(
    ("metric", "name"), [("neg_log_loss", "neg_log_loss"), (last_label, "tests.flows.test_run_folder.last_label")]
)
def test_a_scorer_or_a_function_chooses_the_weights_and_stands_in_the_scores(
    metric: object, name: str, data: str, job: Job
) -> None:
    told = job(data, **{**BRIEF, "epochs": 3.0, "metric": metric})
    metrics, events = told.run.metrics, events_of(told.path)
    assert metrics["metric"] == name
    seen = [event["metrics"]["asked"][name] for event in events if event.get("side") == "validation"]
    assert metrics["validation"][name] == max(seen)
    assert isinstance(metrics["test"][name], float)
    said = [event["message"] for event in events if "HASH know" in event.get("message", "")]
    warned = (
        f"metric {name}: run.json and HASH know its name, not what it computes; where that has changed, start over "
    )
    assert said == ([f"{warned}with fresh=True"] if callable(metric) else [])


def test_metrics_json_of_three_labels_has_none(job: Job, here: Path) -> None:
    rows = [(text, ["sport", "trade", "arts"][row % 3]) for row, (text, _) in enumerate(review_rows())]
    told = job(str(write_csv(here / "news.csv", rows)), **{**BRIEF, "baseline": True})
    metrics = told.run.metrics
    assert metrics["task"] == "multiclass"
    for side in (metrics["test"], metrics["validation"], metrics["baselines"]["tfidf"]):
        assert {"positive", "precision", "recall", "f1"} & set(side) == set()
        assert list(side["classes"]) == ["arts", "sport", "trade"]
    columns = parquet.read_table(told.path / "predictions.parquet").column_names
    assert columns[-3:] == ["probability arts", "probability sport", "probability trade"]
    answer = told.run.predict(["Is it true?"])[0]
    assert list(answer.probabilities) == ["arts", "sport", "trade"]


def test_predictions_are_those_that_were_scored(taught: Told) -> None:
    rows = parquet.read_table(taught.path / "predictions.parquet").to_pylist()
    known = dict(enumerate(review_rows()))
    assert len(rows) == 6
    for row in rows:
        assert (row["text"], row["label"]) == known[row["row_id"]]
        shares = {name: row[f"probability {name}"] for name in ("negative", "positive")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
        assert row["predicted"] == max(shares, key=shares.__getitem__)
    right = sum(row["label"] == row["predicted"] for row in rows) / len(rows)
    assert right == taught.run.metrics["test"]["accuracy"]
    again = taught.run.predict([row["text"] for row in rows])
    assert [answer.probabilities["positive"] for answer in again] == pytest.approx(
        [row["probability positive"] for row in rows], abs=1e-6
    )


def test_events_tell_the_course_in_order(taught: Told) -> None:
    events = events_of(taught.path)
    steps = [event for event in events if event["kind"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, 25))
    assert {event["steps"] for event in steps} == {24}
    assert steps[-1]["epoch"] == 8.0
    tokens, seconds = [event["tokens"] for event in steps], [event["train_seconds"] for event in steps]
    assert tokens == sorted(set(tokens))
    assert seconds == sorted(seconds)
    end = dict(events[-1])
    assert (end.pop("kind"), events[-1]["kind"]) == ("end", "end")
    assert 10_000_000 < end.pop("memory") < 100_000_000_000
    assert end == {name: value for name, value in steps[-1].items() if name != "kind"}


# ---------------------------------------------------------------- the same and other commands


def test_the_same_command_shows_a_finished_run_without_training(data: str, job: Job, here: Path) -> None:
    first = job(data, **BRIEF)
    before = content_of(here / "runs")
    again = job(data, **BRIEF)
    assert (first.end.resumed_finished, again.end.resumed_finished) == (False, True)
    assert (again.steps, again.stages) == ([], ["check", "split", "model"])
    assert again.path == first.path
    assert again.run.metrics == first.run.metrics
    assert again.end.verdict == first.end.verdict
    assert content_of(here / "runs") == before


@pytest.mark.parametrize(
    "shown",
    [{"log_every": 1}, {"lang": "ko"}, {"quiet": True}, {"json": True}, {"debug": True}],
    ids=lambda shown: next(iter(shown)),
)
def test_how_a_run_is_shown_makes_no_new_one(data: str, job: Job, here: Path, shown: dict[str, Any]) -> None:
    first = job(data, **BRIEF)
    again = job(data, **BRIEF, **shown)
    assert again.end.resumed_finished
    assert runs_in(here) == [first.path.name]


def test_other_settings_make_another_run(data: str, job: Job, here: Path) -> None:
    one, other = job(data, **BRIEF), job(data, **{**BRIEF, "epochs": 0.5})
    assert not other.end.resumed_finished
    assert runs_in(here) == sorted([one.path.name, other.path.name])


def test_other_rows_make_another_run(data: str, job: Job, here: Path) -> None:
    one = job(data, **BRIEF)
    write_csv(here / data, [*review_rows(), ("One more.", "positive")])
    other = job(data, **BRIEF)
    assert not other.end.resumed_finished
    assert one.path != other.path


def test_fresh_starts_over_and_keeps_the_old_run(data: str, job: Job, here: Path) -> None:
    first = job(data, **BRIEF)
    before = content_of(first.path)
    second = job(data, fresh=True, **BRIEF)
    assert len(second.steps) == 3
    assert second.path.name == f"{first.path.name}-2"
    assert content_of(first.path) == before
    # Fresh or not, it is the same job.
    assert (second.path / "predictions.parquet").read_bytes() == before["predictions.parquet"]
    assert job(data, **BRIEF).path == second.path


@pytest.mark.parametrize(
    "left", ["metrics.json", "metrics.json model", "events.jsonl metrics.json model splits.parquet"]
)
def test_an_unfinished_run_is_done_again(data: str, job: Job, here: Path, left: str) -> None:
    import shutil

    first = job(data, **BRIEF)
    whole = content_of(first.path)
    for name in left.split():
        path = first.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    again = job(data, **BRIEF)
    assert not again.end.resumed_finished
    assert again.path == first.path
    assert [event["kind"] for event in events_of(again.path)].count("end") == 1
    found = content_of(again.path)
    assert found.keys() == whole.keys()
    assert found["model/model.safetensors"] == whole["model/model.safetensors"]


def test_a_job_that_is_left_in_the_middle_is_unfinished_and_done_again(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    settings = {"model": str(tiny_bert), **BRIEF}
    course = library.steps(data, **settings)
    assert next(course).step == 1
    course.close()  # type: ignore[attr-defined]  # it is a generator
    (run,) = (here / "runs").iterdir()
    with pytest.raises(ModelError) as caught:
        library.load(run)
    assert "is not a finished run" in caught.value.message
    again = job(data, **BRIEF)
    assert again.path.resolve() == run
    assert [event["step"] for event in events_of(run) if event["kind"] == "step"] == [1, 2, 3]


def test_output_names_the_folder(data: str, job: Job, here: Path) -> None:
    told = job(data, output="out/mine", **BRIEF)
    assert told.path == Path("out/mine")
    assert not (here / "runs").exists()
    assert job(data, output="out/mine", **BRIEF).end.resumed_finished


def test_output_with_another_run_is_refused_and_its_files_stay(data: str, job: Job, whet: Command, here: Path) -> None:
    told = job(data, output="mine", **BRIEF)
    before = content_of(here)
    model = str(told.run.settings["model"])
    ended = whet("train", data, "--model", model, "--threads", "1", "--output", "mine", "--epochs", "3")
    assert ended.code == 2
    assert ended.errors == [
        "--output: mine holds a run of other settings: epochs 1.0, now 3.0; baseline False, now True. "
        "Give another --output, or --fresh to keep that run and start beside it."
    ]
    assert content_of(here) == before


def test_output_with_foreign_files_is_refused_and_they_stay(
    data: str, whet: Command, here: Path, tiny_bert: Path
) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("three years of work")
    before = content_of(here)
    ended = whet("train", data, "--model", str(tiny_bert), "--output", "mine")
    assert ended.code == 2
    assert ended.errors == ["--output: mine holds files that no run wrote. Give another --output."]
    assert content_of(here) == before
    again = whet(
        "train", data, "--model", str(tiny_bert), "--output", "mine", "--fresh", "--epochs", "1", "--no-baseline"
    )
    assert again.code == 0
    assert (here / "mine-2" / "metrics.json").is_file()
    assert {name: content for name, content in content_of(here).items() if name in before} == before


# ---------------------------------------------------------------- faults


def test_a_loss_that_is_not_finite_ends_with_its_message_in_error_json(
    data: str, whet: Command, job: Job, here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Classifier.logits
    calls = []

    def spoilt(self: Classifier, batch: Any, precision: Any = None) -> torch.Tensor:
        logits = whole(self, batch, precision)
        if not list(here.glob("runs/*/events.jsonl")):
            return logits  # the steps of the plan, which is made before there is a folder
        calls.append(batch)
        return logits * float("nan") if len(calls) >= 2 else logits

    monkeypatch.setattr(Classifier, "logits", spoilt)
    arguments = ("train", data, "--model", str(tiny_bert), "--epochs", "1", "--no-baseline", "--threads", "1")
    arguments += ("--batch-size", "8", "--precision", "fp32", "--learning-rate", "5e-5")
    ended = whet(*arguments, "--json")
    (message,) = ended.errors
    assert ended.code == 5
    assert message.startswith(
        "the loss is not a finite number in 3 steps in a row, up to step 4. Lower --learning-rate (now 5e-05), or look "
    )
    assert "step 2: the loss is not a finite number, and the step is left out" in ended.err
    assert "Traceback" not in ended.err
    (run,) = (here / "runs").iterdir()
    kept = json.loads((run / "error.json").read_text())
    assert (kept["error"], kept["exit_code"], kept["message"]) == ("training", 5, message)
    assert ended.json == kept
    assert not (run / "metrics.json").exists()
    assert not (run / "model").exists()
    assert [event["kind"] for event in events_of(run) if event["kind"] != "notice"] == ["plan", *["step"] * 3]
    losses = [event["loss"] for event in events_of(run) if event["kind"] == "step"]
    assert [loss is None for loss in losses] == [False, True, True]

    monkeypatch.undo()
    monkeypatch.chdir(here)
    told = job(data, **{**BRIEF, "batch_size": 8, "precision": "fp32", "learning_rate": 5e-5})
    assert told.path.resolve() == run
    assert not (run / "error.json").exists()


def test_the_library_raises_the_same_fault(data: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: Classifier, batch: Any, precision: Any = None) -> torch.Tensor:
        return torch.full((len(batch.rows), 2), torch.inf, requires_grad=True)

    monkeypatch.setattr(Classifier, "logits", endless)
    with pytest.raises(TrainingError, match="the loss is not a finite number in 3 steps in a row, up to step 3"):
        library.train(data, model=str(tiny_bert), baseline=False)


def test_faults_of_settings_are_told_together(data: str) -> None:
    with pytest.raises(UsageError) as caught:
        library.train(data, epochs=0, keep="first", sead=3)  # type: ignore[call-arg, arg-type]  # that is the point
    assert caught.value.message == (
        "argument: unknown setting 'sead'. Did you mean 'seed'. --epochs: 0 is out of range. Expected above 0 and at "
        "most 1000. --keep: 'first' is not known. Expected best or last."
    )


# ---------------------------------------------------------------- finding


def test_a_run_is_found_by_last_its_folder_and_its_model_folder(data: str, job: Job, whet: Command, here: Path) -> None:
    told = job(data, **BRIEF)
    for name in ("last", str(told.path), str(told.path / "model"), str(here / told.path)):
        ended = whet("predict", name, "--json", "Is it true?")
        assert ended.code == 0, ended.err
        assert ended.json[0]["text"] == "Is it true?"
    assert library.load("last").path == told.path
    assert library.load("last").metrics == told.run.metrics


def test_a_run_that_is_not_there_is_answered_with_the_nearest(data: str, job: Job, whet: Command) -> None:
    told = job(data, **BRIEF)
    ended = whet("predict", f"{told.path}x", "Is it true?")
    assert ended.code == 4
    assert ended.errors == [
        f"RUN: no such run: {told.path}x. Expected a run folder, its model/ folder, or last. "
        f"Did you mean '{told.path}'."
    ]


def test_a_changed_weight_is_refused_when_predicting(data: str, job: Job, whet: Command) -> None:
    told = job(data, **BRIEF)
    weights = told.path / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 0x80
    digest = hashlib.sha256(content).hexdigest()
    weights.write_bytes(bytes(content))
    ended = whet("predict", "last", "Is it true?")
    assert ended.code == 4
    (message,) = ended.errors
    before = json.loads((told.path / "model" / "MANIFEST.json").read_text())["files"]["model.safetensors"]["sha256"]
    assert message == (
        f"{told.path / 'model'}: changed or damaged after it was saved: model.safetensors has sha256 {digest}, "
        f"MANIFEST.json says {before}. Restore the file, or train again."
    )
    assert (ended.out, hashlib.sha256(weights.read_bytes()).hexdigest()) == ("", digest)
