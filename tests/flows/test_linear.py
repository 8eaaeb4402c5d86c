"""`--model linear`: the same job, run folder and answers as with a network, without tokens and without torch."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from tests.conftest import GOOD, review_rows
from tests.flows.conftest import Command, Job, Told, content_of, events_of, python, timeless, write_csv
from whet import pipeline
from whet.errors import DataError, Interrupted, ModelError, UsageError
from whet.records import Stage
from whet.runs.run_folder import RunFolder
from whet.score.metrics import as_json
from whet.settings import config

OTHER = "What a terrible film; I wasted my time."
TASKS = ("two", "three", "several", "value", "pair")
Trained = dict[str, Told]


def rows_of(task: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, (text, label) in enumerate(review_rows()):
        good, subject = any(word in text for word in GOOD), text.split()[1]
        if task == "several":
            named = [subject] * (subject in ("story", "acting")) + ["praise"] * good
            rows.append({"text": text, "labels": named})
        elif task == "value":
            rows.append({"text": text, "score": 250 + (50 if good else -50) + number / 8})
        elif task == "pair":
            rows.append({"sentence1": OTHER, "sentence2": text, "label": label})
        elif task == "three":
            rows.append({"text": text, "label": subject if subject in ("story", "acting") else "other"})
        else:
            rows.append({"text": text, "label": label})
    return rows


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Trained:
    """A finished run of each task, that is read and never changed."""
    folder, found = tmp_path_factory.mktemp("linear"), {}
    with contextlib.chdir(folder):
        for task in TASKS:
            data = write(folder / f"{task}.jsonl", rows_of(task))
            told = job(data, model="linear", validation="0.2", test="0.2")
            run = pipeline.load(told.path.resolve())
            end = pipeline.Finished(run, run.metrics, told.end.verdict, told.end.resumed_finished)
            found[task] = Told((*told.events[:-1], end))
    return found


def asked_of(task: str, texts: Sequence[str]) -> Any:
    return [(OTHER, text) for text in texts] if task == "pair" else list(texts)


# ---------------------------------------------------------------- the job


@pytest.mark.parametrize("task", TASKS)
def test_a_run_has_the_files_of_any_other(fitted: Trained, task: str) -> None:
    told = fitted[task]
    files = {str(path.relative_to(told.path)) for path in told.path.rglob("*") if path.is_file()} - {".lock"}
    assert files == {
        "run.json", "events.jsonl", "metrics.json", "splits.parquet", "findings.json", "predictions.parquet",
        "mistakes.json", "explanations.json", "report.html", "model/MANIFEST.json", "model/README.md",
        "model/model.safetensors", "model/vocabulary.json", "model/whet.json",
        *(["relabel.csv"] if task in ("two", "three", "pair") else []),
    }  # fmt: skip
    look = ["look"] * (task not in ("several", "value"))
    before = ["check", "split", "model", "plan", "train", "evaluate", "explain"]
    assert told.stages == [*before, *look, "save", "report"]
    run = json.loads((told.path / "run.json").read_text(encoding="utf-8"))
    assert (run["settings"]["model"]["value"], run["device"]["value"]) == ("linear", "cpu")
    kinds = [line["kind"] for line in events_of(told.path)]
    assert (kinds.count("plan"), kinds.count("evaluation"), kinds[-1]) == (1, 2, "end")
    assert "step" not in kinds


@pytest.mark.parametrize("task", TASKS)
def test_it_is_scored_against_the_answer_that_is_always_the_same(fitted: Trained, task: str) -> None:
    metrics = fitted[task].run.metrics
    assert set(metrics["baselines"]) == {"majority", "seconds"}
    assert metrics["comparison"]["against"] == "majority"
    assert metrics["verdict"]["en"].startswith("The linear model ")
    assert metrics["verdict"]["ko"].startswith("선형 모델")
    assert set(metrics["test"]["intervals"]) > {"classes"} if task != "value" else metrics["test"]["intervals"]
    assert {"validation", "slices", "seconds"} <= set(metrics)
    assert ("calibration" in metrics) == (task != "value")
    main = {"several": "macro_f1", "value": "pearson"}.get(task, "accuracy")
    assert metrics["test"][main] > metrics["baselines"]["majority"][main] + 0.2


def test_what_it_is_told_of_a_job_without_baselines_or_sides(job: Job, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    told = job("reviews.csv", model="linear", baseline=False, test="none", validation="none")
    assert "test" not in told.run.metrics
    assert "verdict" not in told.run.metrics
    assert told.run.predict(["A superb story"])[0].label == "positive"
    assert "the probabilities are not calibrated: there are no validation rows" in told.notices


def test_two_jobs_end_alike(job: Job, here: Path, fitted: Trained) -> None:
    data = write(here / "three.jsonl", rows_of("three"))
    told = job(data, model="linear", validation="0.2", test="0.2")
    mine, theirs = content_of(told.path), content_of(fitted["three"].path)
    for name in ("model/model.safetensors", "model/vocabulary.json", "model/whet.json", "predictions.parquet"):
        assert mine[name] == theirs[name], name
    assert timeless(told.run.metrics) == timeless(fitted["three"].run.metrics)


def test_the_temperature_is_part_of_the_model_and_thresholds_move_with_it(job: Job, here: Path) -> None:
    """Of rows half of whose labels are drawn by chance, so that there are wrong answers to fit one on."""
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(40)]
    rows = [
        {"text": " ".join(rng.choice(words, 8)), "labels": [name for name in "ab" if rng.random() < 0.4]}
        for _ in range(600)
    ]
    told = job(write(here / "noise.jsonl", rows), model="linear", validation="0.3")
    side = json.loads((told.path / "model" / "whet.json").read_text(encoding="utf-8"))
    assert side["temperature"] == told.run.metrics["calibration"]["temperature"]
    assert side["temperature"] != 1
    assert side["thresholds"] == told.run.metrics["test"]["thresholds"]
    kept = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    answers = told.run.predict([row["text"] for row in kept])
    assert [list(answer.labels or ()) for answer in answers] == [row["predicted"] for row in kept]
    shares = np.array([[row["probability a"], row["probability b"]] for row in kept])
    assert np.array([list(answer.probabilities.values()) for answer in answers]) == pytest.approx(shares, abs=1e-6)


def test_the_same_command_shows_a_finished_run(whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    first = whet("train", "reviews.csv", "--model", "linear", "--output", "run")
    assert first.code == 0
    assert "The linear model beats always answering" in first.out
    before = content_of(here / "run")
    again = whet("train", "reviews.csv", "--model", "linear", "--output", "run")
    assert "This run was finished already" in again.out
    assert content_of(here / "run") == before
    korean = whet("train", "reviews.csv", "--model", "linear", "--output", "run", "--lang", "ko")
    assert "선형 모델의 정확도가 항상 'negative'(으)로 답하는 방법보다" in korean.out
    page = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert "TF-IDF + 로지스틱 회귀" in page
    assert "스텝" not in page
    named = whet("train", "reviews.csv", "--model", "linear")
    assert "runs/reviews-linear-" in named.out


def test_the_command_of_the_report_repeats_the_run(fitted: Trained) -> None:
    from whet.report import material, repeat

    command = repeat.command(material.gather(RunFolder(fitted["two"].path)))
    assert command.startswith("whet train ")
    assert "--model linear" in command
    assert "--epochs" not in command
    assert command.endswith("--device cpu --precision fp32 --threads 1")


def test_a_plan_tells_what_it_takes_and_writes_nothing(whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    assert whet("check", "reviews.csv", "--model", "linear").code == 0
    before = sorted(here.iterdir())
    told = whet("plan", "reviews.csv", "--model", "linear", "--json")
    assert (told.code, told.json["model"], told.json["steps"]) == (0, "linear", 0)
    assert 0 < told.json["training"]["seconds"] < told.json["total"]["seconds"] < 60
    assert told.json["memory"] > 0
    shown = whet("plan", "reviews.csv", "--model", "linear").out
    assert "48 training texts\n" in shown
    assert "by epochs" not in shown
    assert sorted(here.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "kill"), reason="signals of POSIX")
def test_a_job_that_is_stopped_begins_anew(here: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(here / "reviews.csv", review_rows())
    resolved = config.resolve({"model": "linear", "output": "run"})
    with pytest.raises(Interrupted) as caught:
        for event in pipeline.follow("reviews.csv", resolved):
            if isinstance(event, Stage) and event.name == "save":
                os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.exit_code == 143
    assert not (here / "run" / "model").exists()
    assert not (here / "run" / "metrics.json").exists()
    told = job("reviews.csv", model="linear", output="run")
    assert not told.end.resumed_finished
    assert told.run.predict(["A superb story"])[0].label == "positive"
    assert not list((here / "run").rglob("tmp-*"))


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("task", TASKS)
def test_predictions_are_those_of_the_test_rows_that_were_kept(fitted: Trained, task: str) -> None:
    told = fitted[task]
    rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
    assert len(rows) == told.run.metrics["test"]["rows"]
    assert not any(row["truncated"] for row in rows)
    answers = told.run.predict(asked_of(task, [row["text2" if task == "pair" else "text"] for row in rows]))
    if task == "value":
        assert [answer.value for answer in answers] == pytest.approx([row["predicted"] for row in rows], rel=1e-6)
    elif task == "several":
        assert [list(answer.labels or ()) for answer in answers] == [row["predicted"] for row in rows]
    else:
        assert [answer.label for answer in answers] == [row["predicted"] for row in rows]


@pytest.mark.parametrize("task", TASKS)
def test_evaluating_the_test_rows_gives_the_scores_of_the_run(
    fitted: Trained, task: str, whet: Command, here: Path
) -> None:
    taken = parquet.read_table(fitted[task].path / "predictions.parquet").column("row_id").to_pylist()
    data = write(here / "part.jsonl", [rows_of(task)[row] for row in taken])
    ended = whet("evaluate", str(fitted[task].path), data, "--json")
    assert ended.code == 0
    known = fitted[task].run.metrics["test"]
    main = {"several": "macro_f1", "value": "pearson"}.get(task, "accuracy")
    for key in (main, "loss", "rows"):
        assert ended.json["test"][key] == pytest.approx(known[key]), key


def test_the_command_predicts_and_explains_without_torch(fitted: Trained, here: Path) -> None:
    program = """
import sys
from whet.cli import main
run, text = sys.argv[1:]
assert main(["predict", run, text, "--explain", "--json"]) == 0
assert main(["evaluate", run, "new.csv", "--quiet"]) == 0
assert sorted({"torch", "transformers"} & sys.modules.keys()) == []
"""
    write_csv(here / "new.csv", review_rows()[:8])
    (here / "program.py").write_text(program, encoding="utf-8")
    ended = python("program.py", str(fitted["two"].path), "A superb story")
    assert (ended.code, ended.err) == (0, "")
    (answer,) = json.loads(ended.out.splitlines()[0])
    weights = {"A superb story"[one["start"] : one["end"]]: one["weight"] for one in answer["words"]}
    assert max(weights, key=weights.__getitem__) == "superb"
    assert answer["label"] == "positive"


def test_a_training_loads_no_torch_either(here: Path) -> None:
    program = """
import sys
import whet
run = whet.train("reviews.csv", model="linear")
assert run.predict(["A superb story"])[0].label == "positive"
assert whet.plan("reviews.csv", model="linear").model == "linear"
print(sorted({"torch", "transformers"} & sys.modules.keys()))
"""
    write_csv(here / "reviews.csv", review_rows())
    (here / "program.py").write_text(program, encoding="utf-8")
    ended = python("program.py")
    assert (ended.code, ended.out) == (0, "[]\n"), ended.err


def test_runs_of_both_kinds_are_compared(fitted: Trained, taught: Told, job: Job, here: Path, whet: Command) -> None:
    write_csv(here / "reviews.csv", review_rows())
    mine = job("reviews.csv", model="linear")
    ended = whet("compare", str(mine.path), str(taught.path), "--json")
    assert ended.code == 0
    assert ended.json["runs"][0]["model"] == "linear"
    assert ended.json["rows"] == 6


def test_the_doctor_verifies_it_and_names_what_was_damaged(fitted: Trained, whet: Command, here: Path) -> None:
    ended = whet("doctor", str(fitted["two"].path), "--json")
    assert ended.code == 0
    assert "model/vocabulary.json" in ended.json["run"]["files"]
    assert ended.json["run"]["canaries"] == 16
    import shutil

    copy = Path(shutil.copytree(fitted["two"].path, here / "copy"))
    with (copy / "model" / "vocabulary.json").open("a") as file:
        file.write(" ")
    damaged = whet("doctor", "copy")
    assert damaged.code == 4
    assert "vocabulary.json has size" in damaged.errors[0]


def test_no_secret_of_the_environment_stands_in_what_is_written(
    job: Job, here: Path, whet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X12: nor in what is said of the machine."""
    secret = "hf_a-secret-that-nobody-may-read"
    monkeypatch.setenv("HF_TOKEN", secret)
    monkeypatch.setenv("OTHER_KEY", secret)
    write_csv(here / "reviews.csv", review_rows())
    run = job("reviews.csv", model="linear").path
    files = [path for path in run.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
    ended = whet("doctor", str(run), "--json")
    assert (ended.code, secret in ended.out + ended.err) == (0, False)
    (here / "bad.csv").write_text("text,label\na\n")
    ended = whet("train", "bad.csv", "--model", "linear", "--output", "failed")
    assert (ended.code, secret in ended.out + ended.err) == (3, False)
    assert not any(secret.encode() in path.read_bytes() for path in here.rglob("error.json"))


def test_what_only_transformers_have_is_refused(fitted: Trained) -> None:
    run = fitted["two"].run
    for name in ("model", "tokenizer"):
        with pytest.raises(ModelError) as caught:
            getattr(run, name)
        assert caught.value.message.endswith(
            f"a linear model has no {name} of transformers. run.predictor answers texts with it."
        )


def test_no_training_goes_on_from_it(fitted: Trained, whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    run = str(fitted["two"].path)
    ended = whet("train", "reviews.csv", "--model", run)
    assert ended.code == 4
    assert ended.errors == [
        f"--model: {run} is a linear model, from which no training goes on. Give --model linear to fit another one, or "
        "name a fine-tuned run."
    ]


# ---------------------------------------------------------------- mistakes


def test_settings_of_a_network_are_refused(whet: Command, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    ended = whet("train", "reviews.csv", "--model", "linear", "--epochs", "3")
    assert ended.code == 2
    assert ended.errors[0].startswith("--epochs with --model linear. Expected settings of a model that has no tokens")
    ended = whet("check", "reviews.csv", "--model", "linear", "--tokens", "0")
    assert ended.errors == ["--tokens with --model linear. Expected a model that has tokens. Name another model."]


def test_texts_without_words_are_refused(job: Job, here: Path) -> None:
    write_csv(here / "marks.csv", [("..." + "!" * number, label) for number in range(20) for label in ("a", "b")])
    with pytest.raises(DataError) as caught:
        job("marks.csv", model="linear", output="run")
    assert "there is nothing to learn from" in caught.value.message
    assert json.loads((here / "run" / "error.json").read_text())["exit_code"] == 3


def test_unsure_answers_have_no_label(job: Job, here: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    run = job("reviews.csv", model="linear", min_confidence=0.99).run
    assert run.predict(["The evening"])[0].label is None
    with pytest.raises(UsageError, match="one string instead of a list of texts"):
        run.predict("A superb story")
    assert as_json(pipeline.evaluate(run, "reviews.csv").metrics)["accuracy"] > 0.9
