"""The tasks beside one label of a text, each from its data to answers by the command line."""

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
import torch
from pyarrow import parquet

from tests.conftest import GOOD, review_rows
from tests.flows.conftest import TEACH, Command, Job, Told, events_of, weights_of
from whet import pipeline
from whet.errors import Interrupted, UsageError
from whet.records import StepRecord
from whet.score.metrics import sigmoid, softmax
from whet.settings import config

OTHER = "What a terrible film; I wasted my time."


def rows_of(task: str, ends: Sequence[str] = ("",)) -> list[dict[str, Any]]:
    """Several: praise where a word is good, and the subject unless it is the film. Pair: what the second text says.
    Value: high where the second text is good, with fractions. The 60 reviews, with each of the ends."""
    rows: list[dict[str, Any]] = []
    reviews = [(f"{text} {end}".strip(), label) for end in ends for text, label in review_rows()]
    for number, (text, label) in enumerate(reviews):
        good = any(word in text for word in GOOD)
        subject = text.split()[1]
        if task == "several":
            named = [subject] * (subject in ("story", "acting")) + ["praise"] * good
            rows.append({"text": text, "labels": named})
        elif task == "pair":
            rows.append({"sentence1": OTHER, "sentence2": text, "label": label})
        else:
            rows.append({"text": OTHER, "text2": text, "score": 250 + (50 if good else -50) + number / 8})
    return rows


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


TASKS = ("several", "pair", "value")
# From which a tiny model learns it, whatever the seed: labels say less than numbers, and take more rows.
ENDS = ("", "So did my friends.", "I said so at home.")
LEARNT = {"several": (ENDS, 12.0), "pair": (ENDS, 10.0), "value": (("",), 25.0)}  # ends of the rows, and epochs
Trained = dict[str, Told]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Trained:
    """A finished run of each task, that is read and never changed."""
    folder, found = tmp_path_factory.mktemp("tasks"), {}
    with contextlib.chdir(folder):
        for task in TASKS:
            ends, epochs = LEARNT[task]
            data = write(folder / f"{task}.jsonl", rows_of(task, ends))
            # Without dropout, so that what is learnt does not depend on the random numbers of a kind of machine.
            told = job(data, **{**TEACH, "epochs": epochs, "dropout": 0.0, "validation": "0.2", "test": "0.2"})
            run = pipeline.load(told.path.resolve())
            end = pipeline.Finished(run, run.metrics, told.end.verdict, told.end.resumed_finished)
            found[task] = Told((*told.events[:-1], end))
    return found


# ---------------------------------------------------------------- what is trained


def test_the_task_is_told_by_the_data_and_said(trained: Trained) -> None:
    columns = {task: told.checked.columns for task, told in trained.items()}
    assert {task: (found.kind, found.pair) for task, found in columns.items()} == {
        "several": ("several", None), "pair": ("one", "sentence2"), "value": ("value", "text2")
    }  # fmt: skip
    assert columns["several"].kind_reason == "a list of labels a row"
    assert columns["value"].kind_reason == "numbers with fractions, 60 distinct ones"
    assert columns["pair"].pair_reason == "named 'sentence1' and 'sentence2'; --pair none takes the first alone"
    assert [trained[task].run.metrics["task"] for task in TASKS] == ["multilabel", "binary", "regression"]


def test_each_task_is_learnt_and_scored_beside_its_baselines(trained: Trained) -> None:
    scores = {task: told.run.metrics["test"] for task, told in trained.items()}
    assert scores["several"]["macro_f1"] > 0.9
    assert scores["pair"]["accuracy"] > 0.9
    assert scores["value"]["pearson"] > 0.9
    assert scores["value"]["mae"] < 30
    for task, key in (("several", "micro_f1"), ("pair", "accuracy"), ("value", "spearman")):
        assert set(trained[task].run.metrics["baselines"]) == {"majority", "tfidf", "seconds"}
        assert -1 <= trained[task].run.metrics["baselines"]["tfidf"][key] <= 1
        assert trained[task].end.verdict


def test_the_best_weights_are_those_of_the_metric_of_the_task(trained: Trained) -> None:
    for task, metric in (("several", "macro_f1"), ("pair", "macro_f1"), ("value", "pearson")):
        run = json.loads((trained[task].path / "run.json").read_text())
        assert run["settings"]["metric"]["value"] == metric
        best = [found.metrics for found in trained[task].evaluations("validation") if found.best]
        assert [getattr(found, metric) for found in best] == sorted({getattr(found, metric) for found in best})


def test_the_losses_of_numbers_are_those_of_their_standard_scale(trained: Trained) -> None:
    first = trained["value"].steps[0].loss
    assert 0.3 < first < 3  # a guess by the mean has 1
    losses = [found.loss for found in trained["value"].evaluations("validation")]
    assert losses[0] > 100  # of the numbers as they are, whose variance is some 2,500


def test_thresholds_are_those_of_the_validation_rows(trained: Trained) -> None:
    told = trained["several"]
    side = json.loads((told.path / "model" / "whet.json").read_text())
    assert list(side["thresholds"]) == side["labels"] == ["acting", "praise", "story"]
    assert side["thresholds"] == told.run.metrics["test"]["thresholds"] == told.run.metrics["validation"]["thresholds"]
    assert any(threshold != 0.5 for threshold in side["thresholds"].values())


@pytest.mark.parametrize("task", TASKS)
def test_the_command_trains_and_shows_the_scores_of_the_task(
    task: str, whet: Command, here: Path, tiny_bert: Path
) -> None:
    data = write(here / "data.jsonl", rows_of(task))
    ended = whet("train", data, "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--output", "run")
    assert ended.code == 0
    shown = {
        "several": ("macro F1", "all labels right", "threshold", "constant"),
        "pair": ("accuracy", "confusion", "majority"),
        "value": ("Pearson", "Spearman", "MAE", "the mean"),
    }[task]
    assert [text for text in shown if text.lower() not in ended.out.lower()] == []
    evaluated = {"several": "micro F1 0.", "pair": "accuracy 0.", "value": ", MAE "}[task]
    assert evaluated in ended.err
    second = "" if task == "several" else ' "and the other one"'
    assert f'whet predict run "a text of your own"{second}\n' in ended.out
    korean = whet("train", data, "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--output", "run",
                  "--lang", "ko")  # fmt: skip
    assert {"several": "라벨 완전 일치", "pair": "정확도", "value": "피어슨 상관"}[task] in korean.out


@pytest.mark.parametrize("task", TASKS)
def test_a_plan_and_a_budget_know_the_task(task: str, whet: Command, here: Path, tiny_bert: Path) -> None:
    data = write(here / "data.jsonl", rows_of(task))
    options = ["--model", str(tiny_bert), "--threads", "1"]
    options += ["--class-weights", "balanced", "--focal", "2"] if task == "several" else []
    assert whet("plan", data, *options).code == 0
    ended = whet("train", data, *options, "--budget", "1m", "--json")
    assert ended.code == 0
    assert ended.json["metrics"]["test"]["rows"] == 6


# ---------------------------------------------------------------- the saved model


def test_plain_transformers_answers_as_whet_does(trained: Trained) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    for task, told in trained.items():
        model = AutoModelForSequenceClassification.from_pretrained(told.path / "model").eval()
        tokenizer = AutoTokenizer.from_pretrained(told.path / "model")
        texts = [text for text, _ in review_rows()[:6]]
        asked: Any = texts if task == "several" else [(OTHER, text) for text in texts]
        ours = told.run.predictor.predict(asked, logits=True)
        pair = [] if task == "several" else [texts]
        given = tokenizer(texts if task == "several" else [OTHER] * 6, *pair, padding=True, return_tensors="pt")
        assert ("token_type_ids" in given) is True
        with torch.inference_mode():
            theirs = model(**given).logits.double().numpy()
        logits = np.array([answer.logits for answer in ours])
        assert np.abs(logits - theirs).max() < 1e-4 * np.abs(theirs).max()
        if task == "value":
            assert [answer.value for answer in ours] == logits[:, 0].tolist()
        else:
            shares = sigmoid(logits) if task == "several" else softmax(logits)
            assert [list(answer.probabilities.values()) for answer in ours] == shares.tolist()


def test_the_library_s_own_pipeline_knows_what_to_make_of_the_logits(trained: Trained) -> None:
    from transformers import pipeline as plain

    text = review_rows()[0][0]
    found = plain("text-classification", model=str(trained["several"].path / "model"), top_k=None, device="cpu")(
        [text]
    )[0]
    ours = trained["several"].run.predict([text])[0].probabilities
    assert {one["label"]: pytest.approx(one["score"], abs=1e-5) for one in found} == dict(ours)
    number = plain("text-classification", model=str(trained["value"].path / "model"), device="cpu")(
        {"text": OTHER, "text_pair": text}
    )
    (mine,) = trained["value"].run.predict([(OTHER, text)])
    found_number = number["score"] if isinstance(number, dict) else number[0]["score"]
    assert mine.value == pytest.approx(found_number, rel=1e-4)


# ---------------------------------------------------------------- answers


def test_predictions_are_those_of_the_test_rows_that_were_kept(trained: Trained) -> None:
    for task, told in trained.items():
        rows = parquet.read_table(told.path / "predictions.parquet").to_pylist()
        assert len(rows) == told.run.metrics["test"]["rows"]
        asked: Any = [row["text"] if task == "several" else (row["text"], row["text2"]) for row in rows]
        answers = told.run.predict(asked)
        if task == "value":
            assert [answer.value for answer in answers] == pytest.approx([row["predicted"] for row in rows], rel=1e-5)
        elif task == "several":
            assert [list(answer.labels or ()) for answer in answers] == [row["predicted"] for row in rows]
        else:
            assert [answer.label for answer in answers] == [row["predicted"] for row in rows]


def test_the_command_predicts_as_the_library(trained: Trained, whet: Command) -> None:
    text = review_rows()[0][0]
    (several,) = whet("predict", str(trained["several"].path), text, "--json").json
    (known,) = trained["several"].run.predict([text])
    assert several == {
        "text": text, "labels": list(known.labels or ()), "probabilities": dict(known.probabilities),
        "truncated": False,
    }  # fmt: skip
    (pair,) = whet("predict", str(trained["pair"].path), OTHER, text, "--json").json
    (answer,) = trained["pair"].run.predict([(OTHER, text)])
    assert pair == {
        "text": OTHER, "text2": text, "label": answer.label, "score": answer.score,
        "probabilities": dict(answer.probabilities), "truncated": False,
    }  # fmt: skip
    (value,) = whet("predict", str(trained["value"].path), OTHER, text, "--json").json
    assert value == {
        "text": OTHER, "text2": text, "value": trained["value"].run.predict([(OTHER, text)])[0].value,
        "truncated": False,
    }  # fmt: skip


def test_answers_are_shown_as_a_reader_expects(trained: Trained, whet: Command) -> None:
    text = review_rows()[0][0]
    (value,) = trained["value"].run.predict([(OTHER, text)])
    shown = whet("predict", str(trained["value"].path), OTHER, text).out
    assert shown == f"{OTHER}\n{text}\n  prediction: {value.value:.4f}\n"
    (several,) = trained["several"].run.predict([text])
    named = ", ".join(several.labels or ()) or "no label"
    shares = ", ".join(f"{name}: {share:.4f}" for name, share in several.probabilities.items())
    shown = whet("predict", str(trained["several"].path), text).out
    assert shown == f"{text}\n  prediction: {named} ({shares})\n"
    table = whet("predict", str(trained["value"].path), OTHER, text, "--format", "csv").out
    assert table.splitlines() == ["text,text2,value,truncated", f'{OTHER},"{text}",{value.value!r},false']


def test_a_file_of_two_columns_is_answered_row_by_row(trained: Trained, whet: Command, here: Path) -> None:
    rows = rows_of("value")[:5]
    known = [answer.value for answer in trained["value"].run.predict([(row["text"], row["text2"]) for row in rows])]
    write(here / "new.jsonl", rows)
    run = str(trained["value"].path)
    answers = whet("predict", run, "--file", "new.jsonl", "--json").json
    assert [answer["value"] for answer in answers] == pytest.approx(known, rel=1e-6)
    (here / "new.txt").write_text("".join(f"{row['text']}\t{row['text2']}\n" for row in rows), encoding="utf-8")
    assert [answer["text2"] for answer in whet("predict", run, "--file", "new.txt", "--json").json] == [
        row["text2"] for row in rows
    ]


def test_evaluating_the_test_rows_gives_the_scores_of_the_run(trained: Trained, whet: Command, here: Path) -> None:
    for task, told in trained.items():
        taken = parquet.read_table(told.path / "predictions.parquet").column("row_id").to_pylist()
        write(here / f"{task}.jsonl", [rows_of(task, LEARNT[task][0])[row] for row in taken])
        ended = whet("evaluate", str(told.path), f"{task}.jsonl", "--json")
        assert ended.code == 0
        if task == "value":
            for key in ("pearson", "spearman", "mae", "rmse", "loss"):
                assert ended.json["test"][key] == pytest.approx(told.run.metrics["test"][key])
        same = ("rows", "macro_f1", "thresholds", "classes")
        assert [ended.json["test"].get(key) for key in same] == [told.run.metrics["test"].get(key) for key in same]
        shown = whet("evaluate", str(told.path), f"{task}.jsonl").out
        assert {"several": "threshold", "pair": "positive", "value": "Pearson"}[task] in shown


# ---------------------------------------------------------------- mistakes


def test_texts_that_a_run_was_not_trained_on_are_refused(trained: Trained, whet: Command) -> None:
    run = str(trained["pair"].path)
    assert whet("predict", run, "one", "two", "three").errors == [
        "3 texts after RUN, which was trained on pairs. Expected texts in twos, each followed by its second. "
        'Write: whet predict RUN "a text" "and the other one".'
    ]
    with pytest.raises(UsageError) as caught:
        trained["pair"].run.predict(["one"])
    assert caught.value.message == (
        "predict: a single text: 'one'. Expected pairs of texts, as the model was trained on. "
        'Write predict([("a text", "the other one")]).'
    )
    with pytest.raises(UsageError) as caught:
        trained["several"].run.predict([("one", "two")])
    assert caught.value.message == "predict: 2 texts in one row: ('one', 'two'). Expected single texts."


def test_a_line_without_a_tab_is_named(trained: Trained, whet: Command, here: Path) -> None:
    (here / "new.txt").write_text("a\tb\nc\n", encoding="utf-8")
    ended = whet("predict", str(trained["pair"].path), "--file", "new.txt")
    assert ended.code == 3
    assert ended.errors == [
        "new.txt: not two texts: line 2. Expected in every line a text, a tab and the second text, for the run was "
        "trained on pairs."
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "pearson"), "--metric: metric pearson in a multilabel task. Expected one of macro_f1, micro_f1, "
         "weighted_f1, samples_f1, accuracy, roc_auc, pr_auc, loss."),
        (("--focal", "2", "--sampling", "balanced", "--label-smoothing", "0.1"),
         "--sampling and --label-smoothing with several labels a row. Expected one label a row; rare ones of several "
         "are helped by --class-weights and --focal. Leave out --sampling and --label-smoothing."),
        (("--task", "regression"), "{here}/several.jsonl, column 'labels': 60 rows without a number: "),
    ],
)  # fmt: skip
def test_what_a_task_does_not_know_is_refused(
    options: tuple[str, ...], message: str, whet: Command, here: Path, tiny_bert: Path
) -> None:
    data = write(here / "several.jsonl", rows_of("several"))
    ended = whet("train", data, "--model", str(tiny_bert), *options)
    assert ended.errors[0].startswith(message.format(here=here))


# ---------------------------------------------------------------- going on


SETTINGS: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "evaluate_every": 5,
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("at", [3, 10, 24])
def test_a_run_that_is_stopped_and_continued_ends_bit_for_bit_as_one_that_was_not(
    task: str, at: int, job: Job, tiny_bert: Path, here: Path
) -> None:
    data = write(here / f"{task}.jsonl", rows_of(task))
    whole = job(data, **SETTINGS, output="whole")
    resolved = config.resolve({**SETTINGS, "model": str(tiny_bert), "output": "run"})
    with pytest.raises(Interrupted):
        for event in pipeline.follow(data, resolved):
            if isinstance(event, StepRecord) and event.step == at:
                os.kill(os.getpid(), signal.SIGTERM)
    told = job(data, **SETTINGS, output="run")
    assert [step.step for step in told.steps] == list(range(at + 1, 25))
    assert weights_of(told.path) == weights_of(whole.path)
    assert told.run.metrics["test"] == whole.run.metrics["test"]
    assert told.run.metrics["validation"] == whole.run.metrics["validation"]
    steps = [[line["loss"] for line in events_of(run.path) if line["kind"] == "step"] for run in (told, whole)]
    assert steps[0] == steps[1]


# ---------------------------------------------------------------- other forms of the data


@pytest.mark.parametrize("form", ["separator", "columns", "written"])
def test_several_labels_train_alike_in_every_form(form: str, job: Job, here: Path) -> None:
    names = ("acting", "praise", "story")
    rows, options = rows_of("several"), {}
    lines = []
    for row in rows:
        if form == "columns":
            lines.append(f'"{row["text"]}",{",".join(str(int(name in row["labels"])) for name in names)}')
        elif form == "separator":
            lines.append(f'"{row["text"]}",{" / ".join(row["labels"])}')
        else:
            lines.append(f'"{row["text"]}","{row["labels"]}"')
    header = f"text,{','.join(names)}" if form == "columns" else "text,labels"
    options = {"columns": {"label": ",".join(names)}, "separator": {"label_separator": "/"}, "written": {}}[form]
    (here / "data.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    brief = {"epochs": 1.0, "baseline": False, "threads": 1}
    told = job("data.csv", **brief, **options)
    plain = job(write(here / "plain.jsonl", rows), **brief)
    assert told.checked.columns.kind == "several"
    assert told.run.metrics["test"] == plain.run.metrics["test"]
    assert weights_of(told.path) == weights_of(plain.path)
