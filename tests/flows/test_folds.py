"""One model a fold and a seed: what each answers, all of them as one model, and a job that goes on."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import TEACH, Command, Job, Told, content_of, python, timeless, write_csv
from whet import pipeline
from whet.artifacts import published
from whet.disk import durable
from whet.errors import DataError, ModelError, UsageError
from whet.exporting.job import export
from whet.forecast import Plan
from whet.preparing import warm_start
from whet.records import Evaluation, Floats, StepRecord
from whet.settings import config

FOLDS: dict[str, Any] = {**TEACH, "epochs": 4.0, "baseline": False, "folds": 3}
TEXTS = [text for text, _ in review_rows()]


@pytest.fixture
def data(here: Path) -> str:
    return write_csv(here / "reviews.csv", review_rows()).name


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Told:
    """A run of 3 folds and 2 seeds, which is asked and not changed."""
    folder = tmp_path_factory.mktemp("folded")
    path = write_csv(folder / "reviews.csv", review_rows())
    return job(str(path), **FOLDS, seeds=2, output=str(folder / "run"))


def names(told: Told) -> list[str]:
    return [each["name"] for each in told.run.metrics["ensemble"]["members"]]


def logits(path: Path, texts: list[str]) -> Floats:
    found = library.load(path, engine="auto").predictor.predict(texts, logits=True)
    return np.array([each.logits for each in found])


def table(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return found


def test_every_row_but_those_of_test_is_answered_once_out_of_fold(folded: Told) -> None:
    splits, answered = table(folded.path / "splits.parquet"), table(folded.path / "out_of_fold.parquet")
    fold = {row: fold for row, fold, side in zip(splits["row_id"], splits["fold"], splits["side"], strict=True)
            if side == "train"}  # fmt: skip
    assert Counter(splits["side"]) == {"train": 54, "test": 6}
    assert dict(zip(answered["row_id"], answered["fold"], strict=True)) == fold
    assert len(answered["row_id"]) == 54
    assert Counter(fold.values()) == {1: 18, 2: 18, 3: 18}
    assert [f for f, side in zip(splits["fold"], splits["side"], strict=True) if side == "test"] == [None] * 6
    # Of each fold as many rows of either label.
    assert set(Counter(zip(answered["fold"], answered["label"], strict=True)).values()) == {9}


def test_out_of_fold_a_row_has_the_mean_of_the_models_that_have_not_seen_it(folded: Told) -> None:
    answered = table(folded.path / "out_of_fold.parquet")
    temperature = folded.run.metrics["calibration"]["temperature"]
    for fold in (1, 2, 3):
        rows = [row for row, each in enumerate(answered["fold"]) if each == fold]
        texts = [answered["text"][row] for row in rows]
        mine = [logits(folded.path / "model" / f"fold-{fold}-seed-{seed}", texts) for seed in (42, 43)]
        mean = np.mean(mine, axis=0) / temperature
        shares = np.exp(mean) / np.exp(mean).sum(axis=1, keepdims=True)
        told = [answered["probability positive"][row] for row in rows]
        assert np.allclose(shares[:, 1], told, atol=1e-5)


def test_all_together_answer_the_mean_of_their_logits_divided_by_the_temperature(folded: Told) -> None:
    assert names(folded) == [f"fold-{fold}-seed-{seed}" for seed in (42, 43) for fold in (1, 2, 3)]
    each = [logits(folded.path / "model" / name, TEXTS) for name in names(folded)]
    temperature = folded.run.metrics["calibration"]["temperature"]
    assert np.allclose(logits(folded.path, TEXTS), np.mean(each, axis=0) / temperature, atol=1e-6)
    assert np.ptp([answers[0, 0] for answers in each]) > 1e-3


def test_scores_out_of_fold_have_intervals_and_members_a_mean_and_a_spread(folded: Told) -> None:
    metrics = folded.run.metrics
    answered = table(folded.path / "out_of_fold.parquet")
    right = [label == given for label, given in zip(answered["label"], answered["predicted"], strict=True)]
    assert metrics["validation"]["rows"] == 54
    assert metrics["validation"]["accuracy"] == pytest.approx(np.mean(right))
    low, high = metrics["validation"]["intervals"]["accuracy"]
    assert low <= metrics["validation"]["accuracy"] <= high
    found = metrics["ensemble"]
    assert (found["folds"], found["seeds"], len(found["members"])) == (3, 2, 6)
    assert {each["validation"]["rows"] for each in found["members"]} == {18}
    for side in ("validation", "test"):
        scores = [each[side]["accuracy"] for each in found["members"]]
        assert found["spread"][side]["accuracy"]["mean"] == pytest.approx(np.mean(scores))
        assert found["spread"][side]["accuracy"]["deviation"] == pytest.approx(np.std(scores, ddof=1))
    # Wrong labels are looked for among all rows, by models that have not learnt from them.
    assert metrics["label_errors"]["train"] == {
        "rows": 54, "found": metrics["label_errors"]["train"]["found"], "by": "out of fold"
    }  # fmt: skip


def test_the_test_side_is_scored_once_at_the_end_and_no_fold_chooses_weights(folded: Told) -> None:
    judged = [event for event in folded.events if isinstance(event, StepRecord | Evaluation)]
    assert [type(event) for event in judged[-2:]] == [Evaluation, Evaluation]
    assert [event.side for event in judged if isinstance(event, Evaluation)] == ["validation", "test"]
    assert "validation: with --folds each fold is answered by models that have not seen it" in folded.notices
    settings = json.loads((folded.path / "run.json").read_text(encoding="utf-8"))["settings"]
    assert (settings["keep"]["value"], settings["validation"]["value"]) == ("last", "none")
    assert settings["keep"]["reason"] == "with --folds no weights are chosen on the fold that is scored"
    assert settings["keep"]["reason_ko"] == "--folds: 평가할 폴드로 가중치를 고르지 않음"


def test_a_member_is_the_model_that_a_job_of_its_rows_and_its_seed_trains(folded: Told, job: Job, here: Path) -> None:
    answered = table(folded.path / "out_of_fold.parquet")
    columns = (answered[name] for name in ("text", "label", "fold"))
    rows = [(text, label) for text, label, fold in zip(*columns, strict=True)
            if fold != 2]  # fmt: skip
    path = write_csv(here / "part.csv", rows)
    alone = {name: value for name, value in FOLDS.items() if name != "folds"}
    told = job(str(path), **alone, seed=43, test="none", validation="none")
    assert (told.path / "model" / "model.safetensors").read_bytes() == (
        folded.path / "model" / "fold-2-seed-43" / "model.safetensors"
    ).read_bytes()


def test_seeds_alone_share_one_split_and_one_validation_side(data: str, job: Job) -> None:
    told = job(data, **{**FOLDS, "folds": None, "seeds": 2, "validation": "0.25"})
    plain = job(data, **{**FOLDS, "folds": None, "validation": "0.25"})
    assert names(told) == ["seed-42", "seed-43"]
    assert not (told.path / "out_of_fold.parquet").exists()
    first = (told.path / "model" / "seed-42" / "model.safetensors").read_bytes()
    if "temperature" not in plain.run.metrics["calibration"]:  # else it is in the weights
        assert first == (plain.path / "model" / "model.safetensors").read_bytes()
    found = told.run.metrics["ensemble"]
    assert found["folds"] is None
    assert {each["validation"]["rows"] for each in found["members"]} == {15}
    assert set(found["spread"]) == {"validation", "test"}


# ---------------------------------------------------------------- going on

KILLED = """
import os, signal, sys
from whet import pipeline
from whet.preparing import prepare
from whet.settings import config
from whet.records import Stage, StepRecord
model, wanted, at, more = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), {}
settings = dict(epochs=4.0, learning_rate=3e-3, threads=1, baseline=False, folds=3, seeds=2, checkpoint_every=3)
trained = 0
for event in pipeline.follow("reviews.csv", config.resolve({**settings, "model": model, "output": "run"})):
    trained += isinstance(event, Stage) and event.name == "train"
    if trained == wanted and isinstance(event, StepRecord) and event.step == at:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def results(run: Path) -> dict[str, bytes]:
    """Everything but what tells of clocks and of processes."""
    kept = {name: content for name, content in content_of(run / "model").items() if not name.endswith("README.md")}
    named = ("out_of_fold.parquet", "predictions.parquet", "splits.parquet", "relabel.csv")
    return kept | {name: (run / name).read_bytes() for name in named}


def test_a_job_that_is_killed_goes_on_in_its_member_and_ends_with_the_same_bits(
    data: str, job: Job, tiny_bert: Path
) -> None:
    whole = job(data, **FOLDS, seeds=2, output="whole")
    # In the second model, past a checkpoint; in the fourth, before its first; in the last, at its end.
    for member, step in ((2, 7), (3, 2), (3, 12)):
        assert python("-c", KILLED, str(tiny_bert), str(member), str(step)).code == -signal.SIGKILL
        assert not (Path("run") / "metrics.json").exists()
    told = job(data, **FOLDS, seeds=2, output="run")
    assert "going on: 5 of 6 models are trained" in told.notices
    assert "model 5 of 6, fold 2, seed 43: trained before" in told.notices
    assert [step.step for step in told.steps] == [10, 11, 12]  # from its last checkpoint
    assert results(told.path) == results(whole.path)
    assert timeless(told.run.metrics) == timeless(whole.run.metrics)
    assert not list(told.path.glob("members/*/checkpoints"))
    again = job(data, **FOLDS, seeds=2, output="run")
    assert again.end.resumed_finished


def test_what_interrupts_a_member_says_in_which(data: str, whet: Command, tiny_bert: Path, job: Job) -> None:
    import os

    from whet.errors import Interrupted

    resolved = config.resolve({**FOLDS, "model": str(tiny_bert), "output": "run"})
    steps = 0
    with pytest.raises(Interrupted) as caught:
        for event in pipeline.follow(data, resolved):
            steps += isinstance(event, StepRecord)
            if steps == 14 and isinstance(event, StepRecord):
                os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.saw == "stopped by SIGTERM after step 2 of 12 of fold 2, seed 42"
    left = [Path("run/members", name) for name in ("fold-1-seed-42/tmp-checkpoints-7", "fold-2-seed-42/tmp-x")]
    for each in left:
        (each / "step-00000002").mkdir(parents=True)
    told = job(data, **FOLDS, output="run")
    assert told.steps[0].step == 3
    assert not any(each.exists() for each in left)


# ---------------------------------------------------------------- what takes it


def test_an_ensemble_is_a_model_of_every_command(folded: Told, whet: Command, here: Path) -> None:
    run = str(folded.path)
    answer = whet("predict", run, TEXTS[0], "--json").json
    assert answer[0]["probabilities"] == pytest.approx(library.load(run).predict([TEXTS[0]])[0].probabilities, abs=1e-6)
    write_csv(here / "more.csv", review_rows()[:10])
    assert "Result on 10 rows of" in whet("evaluate", run, "more.csv").out
    checked = whet("doctor", run, "--json").json
    assert "is whole, and its model gives the 16 answers" in checked["checks"][-1]["message"]
    assert "model/fold-3-seed-42/model.safetensors" in checked["run"]["files"]
    with pytest.raises(ModelError) as caught:
        _ = library.load(run).model
    assert caught.value.saw == "an ensemble has no model of transformers"
    for given in (run, f"{run}/model"):
        begun = whet("train", "more.csv", "--model", given)
        assert begun.code == 4
        assert "is an ensemble, from which no training goes on" in begun.errors[0]
        assert f"Name one of its models: {run}/model/fold-1-seed-42." in begun.errors[0]
    assert len(library.explain(run, [TEXTS[0]])[0].words) > 3


def test_a_member_of_another_training_is_refused(folded: Told, here: Path) -> None:
    import shutil

    shutil.copytree(folded.path / "model", here / "model")
    (here / "model" / "fold-2-seed-42").rename(here / "away")
    shutil.copytree(here / "model" / "fold-3-seed-42", here / "model" / "fold-2-seed-42")
    assert durable.damage(here / "model" / "fold-2-seed-42") is None
    with pytest.raises(ModelError) as caught:
        library.load(here / "model").predict(["a text"])
    assert "changed or damaged after it was saved: fold-2-seed-42/MANIFEST.json has" in caught.value.saw


def test_what_is_pushed_has_every_file_of_every_member(folded: Told) -> None:
    files = published._files(library.load(folded.path)._folder, exports=False)
    there = {path.relative_to(folded.path / "model").as_posix() for path in (folded.path / "model").rglob("*.*")}
    assert set(files) == {path for path in there if (folded.path / "model" / path).is_file()}


@pytest.mark.slow
def test_its_export_is_one_graph_that_answers_as_all_together(folded: Told, here: Path) -> None:
    found = export(folded.path, int8=False, output=here / "export")
    assert [each.engine for each in found.engines] == ["torch", "onnx"]
    assert np.allclose(logits(here / "export", TEXTS), logits(folded.path, TEXTS), atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        ([(text, f"{(label == 'positive') + place % 7 / 4}") for place, (text, label) in enumerate(review_rows())],
         {"task": "regression"}),
        ([(text, "a|b" if label == "positive" else "b|c") for text, label in review_rows()], {"label_separator": "|"}),
    ],
    ids=["regression", "multilabel"],
)  # fmt: skip
@pytest.mark.parametrize("model", [None, "linear"])
def test_every_kind_of_task_has_folds(
    here: Path, job: Job, rows: Any, settings: dict[str, Any], model: str | None
) -> None:
    path = write_csv(here / "rows.csv", rows)
    given = FOLDS if model is None else {"model": model, "folds": 3, "baseline": False}
    told = job(str(path), **given, **settings)
    assert told.run.metrics["validation"]["rows"] == 54
    assert len(table(told.path / "out_of_fold.parquet")["row_id"]) == 54
    each = [logits(told.path / "model" / name, TEXTS[:5]) for name in names(told)]
    temperature = told.run.metrics.get("calibration", {}).get("temperature", 1.0)
    assert np.allclose(logits(told.path, TEXTS[:5]), np.mean(each, axis=0) / temperature, rtol=1e-5, atol=1e-6)
    export(told.path, int8=False, output=here / "export")
    assert np.allclose(logits(here / "export", TEXTS[:5]), logits(told.path, TEXTS[:5]), rtol=1e-4, atol=1e-5)


def test_linear_models_have_folds_and_export(data: str, job: Job, here: Path) -> None:
    told = job(data, model="linear", folds=5, test="none")
    assert told.run.metrics["validation"]["rows"] == 60
    found = export(told.path, output=here / "export")
    assert found.default == "linear"
    assert np.array_equal(logits(here / "export", TEXTS), logits(told.path, TEXTS))
    assert set(table(told.path / "predictions.parquet")["side"]) == {"train"}
    with pytest.raises(ModelError, match="is a linear model, from which no training goes on"):
        warm_start.of_run(config.resolve({"model": str(told.path)}))


def test_groups_are_dealt_whole(here: Path, job: Job) -> None:
    rows = [f'"{text}",{label},author {row // 2 % 15}' for row, (text, label) in enumerate(review_rows())]
    (here / "reviews.csv").write_text("\n".join(["text,label,author", *rows]) + "\n", encoding="utf-8")
    told = job("reviews.csv", model="linear", folds=3, group="author")
    splits = table(told.path / "splits.parquet")
    places: dict[str, set[Any]] = {}
    for group, side, fold in zip(splits["group"], splits["side"], splits["fold"], strict=True):
        places.setdefault(group, set()).add((side, fold))
    assert {len(each) for each in places.values()} == {1}


# ---------------------------------------------------------------- what is said


def test_the_plan_counts_every_model(data: str, job: Job) -> None:
    (plan,) = [event for event in job(data, **FOLDS, seeds=2).events if isinstance(event, Plan)]
    (one,) = [event for event in job(data, **{**FOLDS, "folds": None}).events if isinstance(event, Plan)]
    assert (plan.models, one.models) == (6, 1)
    assert plan.steps == 6 * 12
    assert plan.disk > 4 * one.disk


def test_the_summary_and_the_report_tell_it_in_both_languages(folded: Told, data: str, whet: Command) -> None:
    options = ["--model", "linear", "--folds", "3", "--no-baseline"]
    ended = whet("train", data, *options)
    assert "All models together, out of fold (54 rows): macro F1 " in ended.out
    assert "Each of 3 models (3 folds): macro F1 " in " ".join(ended.out.split())
    assert "model 2 of 3, fold 2, seed 42: 36 rows" in ended.err
    korean = whet("train", data, *options, "--lang", "ko", "--test", "none")
    assert "60행의 결과(각 행은 그 행을 학습하지 않은 모델이 답함)" in korean.out
    assert "모델 3개 각각(폴드 3개): 매크로 F1 폴드 밖 " in " ".join(korean.out.split())
    page = (folded.path / "report.html").read_text(encoding="utf-8")
    assert "Models of the ensemble" in page
    assert "6 models (folds: 3, seeds: 2). None has learnt from its fold." in page
    assert "fold-2-seed-43" in page


@pytest.mark.parametrize(("settings", "message"), [
    ({"folds": 3, "budget": "10m"},
     "--budget with --folds. Expected time for all models, which nobody can share out before the first has ended. "
     "Leave out --budget, or --folds."),
    ({"folds": 3, "validation": "0.2", "early_stopping": 2},
     "--validation, --early-stopping with --folds. Expected each fold as the validation of the others, no choice on "
     "the fold that is to be scored. Leave out --validation, --early-stopping, or --folds."),
    ({"folds": 3, "keep": "best"},
     "--keep with --folds. Expected no choice on the fold that is to be scored: the last weights. Leave out --keep, or "
     "--folds."),
    ({"seeds": 3, "learning_curve": True},
     "--learning-curve with --seeds. Expected one model of all rows. Leave out --learning-curve, or --seeds."),
    ({"folds": 3, "track": "tensorboard", "mirror": "there"},
     "--mirror, --track with --folds. Expected checkpoints beside the run, for each model has its own, one training "
     "for a tracker to follow. Leave out --mirror, --track, or --folds."),
    ({"folds": 1}, "--folds: 1 is out of range. Expected at least 2 and at most 100."),
    ({"model": "linear", "seeds": 2},
     "--seeds with --model linear. Expected settings of a model that has no tokens and no steps, and is fitted on the "
     "CPU. Leave out --seeds."),
])  # fmt: skip
def test_what_does_not_go_with_folds_is_one_message(
    data: str, job: Job, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        job(data, **settings)
    assert caught.value.message == message


def test_more_folds_than_texts_are_one_message(here: Path, job: Job) -> None:
    path = write_csv(here / "few.csv", review_rows()[:8])
    with pytest.raises(DataError) as caught:
        job(str(path), **{**FOLDS, "folds": 9, "test": "none"})
    assert caught.value.saw == "8 rows with 8 different texts, for 9 folds"


def test_validation_rows_of_the_data_are_left_aside_with_a_warning(here: Path, job: Job) -> None:
    for side, rows in {"train": review_rows()[:40], "validation": review_rows()[40:]}.items():
        for row, (text, label) in enumerate(rows):
            place = here / "data" / side / label
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{row}.txt").write_text(text, encoding="utf-8")
    told = job("data", model="linear", folds=3, test="none", baseline=False)
    assert any("left aside, for with --folds each fold is validation" in notice for notice in told.notices)
