"""Searches of settings on tiny models, from the data to the run of the best trial."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import whet
from tests.conftest import review_rows
from tests.flows.conftest import Command, Ended, Job
from whet import recipes
from whet.errors import MissingExtraError, UsageError
from whet.jobs import finetune
from whet.preparing.prepare import Asked
from whet.records import Evaluation, Notice, StepRecord
from whet.settings.config import Settings, resolve
from whet.system import packages
from whet.tuning import clock, search
from whet.tuning import space as spaces
from whet.tuning import trial as training
from whet.tuning.records import Begun, Forecast, Tuned
from whet.tuning.records import Ended as TrialEnded

SPACE = {"learning_rate": "1e-6..1e-2:log", "epochs": [4, 8]}
FIXED: dict[str, Any] = {
    "test": "0.2", "validation": "0.3", "threads": 1, "baseline": False, "label_errors": "none",
    "llrd": 1.0,  # so that the job's own rate is a plain one, and leaves something to be found
    "precision": "fp32",  # on every processor
}  # fmt: skip
LOOKS = {"evaluate_every": 4}  # of few rows a training would be looked at once, and none be given up


def events(
    data: object, model: Path, *, trials: int | None = 3, space: dict[str, Any] | None = None, prune: bool = True,
    **settings: Any,
) -> Iterator[search.Event]:  # fmt: skip
    resolved = resolve({"model": str(model), **FIXED, **settings})
    limits = search.limits_of(resolved, trials=trials, jobs=None, prune=prune)
    return search.follow(data, resolved, spaces.of(SPACE if space is None else space, where="space"), limits)


def tuned(told: Sequence[search.Event]) -> Tuned:
    last = told[-1]
    assert isinstance(last, Tuned)
    return last


def outcome(found: Tuned) -> list[Any]:
    """The trials without the time they took."""
    return [{name: value for name, value in trial.items() if name != "seconds"} for trial in found.study["trials"]]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    text, label = zip(*review_rows(), strict=True)
    return {"text": list(text), "label": list(label)}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[str]], tiny_bert: Path) -> list[search.Event]:
    """A search of 12 trials, with everything that it said on the way."""
    output = tmp_path_factory.mktemp("search") / "study"
    return list(events(rows, tiny_bert, trials=12, output=str(output), **LOOKS))


def test_the_first_trial_is_the_job_itself_and_the_best_one_is_a_run_of_its_own(told: list[search.Event]) -> None:
    found = tuned(told)
    trials = found.study["trials"]
    assert [trial["number"] for trial in trials] == list(range(12))
    assert trials[0]["params"] == {"learning_rate": 5e-5, "epochs": 50.0}, (
        "50 epochs of 2 steps are the 100 that few rows get"
    )
    best = found.best
    assert best["score"] == max(trial["score"] for trial in trials if trial["state"] == "complete")
    assert best["number"] > 0
    assert found.metrics["validation"]["macro_f1"] == best["score"]
    assert {name: found.run.settings[name] for name in SPACE} == best["params"]
    assert found.run.path == found.path / "run"
    assert sorted(path.name for path in found.path.iterdir()) == [
        ".lock", "best.toml", "report.html", "run", "study.json", "study.sqlite3", "trials"
    ]  # fmt: skip
    assert list((found.path / "trials").iterdir()) == []


def test_the_test_side_is_scored_once_after_the_last_trial(told: list[search.Event]) -> None:
    last = max(place for place, event in enumerate(told) if isinstance(event, TrialEnded))
    tested = [place for place, event in enumerate(told) if isinstance(event, Evaluation) and event.side == "test"]
    assert len(tested) == 1
    assert tested[0] > last


def test_trials_know_nothing_of_the_test_rows(rows: dict[str, list[str]], tiny_bert: Path, tmp_path: Path) -> None:
    flip = {"positive": "negative", "negative": "positive"}
    found = []
    for name, labels in (("right", rows["label"]), ("wrong", [flip[label] for label in rows["label"]])):
        test = tmp_path / f"{name}.csv"
        lines = [f'"{text} Really.",{label}' for text, label in zip(rows["text"][:20], labels, strict=False)]
        test.write_text("\n".join(["text,label", *lines]) + "\n")
        found.append(
            tuned(list(events(rows, tiny_bert, test=str(test), output=name, space={"learning_rate": [3e-3, 1e-6]})))
        )
    assert outcome(found[0]) == outcome(found[1])
    one, other = (each.metrics["test"]["accuracy"] for each in found)
    assert one == pytest.approx(1 - other)


def test_hopeless_trials_are_given_up_on_their_way(told: list[search.Event]) -> None:
    found = tuned(told)
    pruned = [trial for trial in found.study["trials"] if trial["state"] == "pruned"]
    assert pruned
    for trial in pruned:
        assert max(map(int, trial["reports"])) < 100
        assert trial["score"] < found.best["score"]


def test_best_toml_trains_the_same_model(told: list[search.Event], rows: dict[str, list[str]], job: Job) -> None:
    found = tuned(told)
    again = job(rows, recipe=str(found.recipe))
    assert again.run.metrics["validation"] == found.metrics["validation"]
    weights = [(run.path / "model" / "model.safetensors").read_bytes() for run in (again.run, found.run)]
    assert weights[0] == weights[1]


def test_trainings_of_few_rows_are_looked_at_once_each_and_so_is_the_best(
    rows: dict[str, list[str]], tiny_bert: Path, job: Job
) -> None:
    found = tuned(list(events(rows, tiny_bert, trials=3, output="study", space={"learning_rate": [3e-3, 1e-3]})))
    assert [trial["reports"].keys() for trial in found.study["trials"]] == [{"100"}] * 3
    assert found.run.settings["evaluate_every"] == 100
    again = job(rows, recipe=str(found.recipe))
    assert again.run.metrics["validation"] == found.metrics["validation"]


def test_a_search_that_is_stopped_twice_ends_as_one_that_was_not(
    told: list[search.Event], rows: dict[str, list[str]], tiny_bert: Path
) -> None:
    whole = tuned(told)
    for number in (2, 7):
        stopped = events(rows, tiny_bert, trials=12, output="study", checkpoint_every=5, **LOOKS)
        begun = None
        for event in stopped:
            begun = event.number if isinstance(event, Begun) else begun
            if begun == number and isinstance(event, StepRecord) and event.step == 8:
                break
        stopped.close()  # type: ignore[attr-defined]  # as a process ends that is killed: nothing more is written
        assert [path.name for path in Path("study/trials").iterdir()] == [f"{number:04d}"]
    rest = list(events(rows, tiny_bert, trials=12, output="study", checkpoint_every=5, **LOOKS))
    assert [event.again for event in rest if isinstance(event, Begun)][:2] == [True, False]
    first = next(event for event in rest if isinstance(event, StepRecord))
    assert first.step == 6, "it goes on from the checkpoint of step 5"
    assert outcome(tuned(rest)) == outcome(whole)
    assert tuned(rest).study["importances"] == whole.study["importances"]
    assert tuned(rest).metrics["test"] == whole.metrics["test"]


def test_the_same_call_reads_a_search_that_is_over_and_more_trials_go_on(
    rows: dict[str, list[str]], tiny_bert: Path
) -> None:
    one = tuned(list(events(rows, tiny_bert, trials=2, output="study")))
    again = list(events(rows, tiny_bert, trials=2, output="study"))
    assert tuned(again).before
    assert not [event for event in again if isinstance(event, StepRecord | Forecast | Begun)]
    more = list(events(rows, tiny_bert, trials=5, output="study"))
    assert [event.number for event in more if isinstance(event, Begun)] == [2, 3, 4]
    assert outcome(tuned(more))[:2] == outcome(one)
    ahead = next(event for event in more if isinstance(event, Forecast))
    assert (ahead.trials, ahead.done) == (3, 2)
    if tuned(more).best["number"] > 1:
        assert tuned(more).run.path == Path("study/run-2")
        warned = [event.message for event in more if isinstance(event, Notice) and event.severity == "warning"]
        assert any("the test side has been scored before" in message for message in warned)


def test_a_search_that_is_over_hands_out_its_best_with_a_learning_curve_too(
    rows: dict[str, list[str]], tiny_bert: Path
) -> None:
    def found(**more: Any) -> tuple[Tuned, list[search.Event]]:
        told = list(
            events(rows, tiny_bert, trials=1, output="study", epochs=2.0, space={"learning_rate": [1e-3, 1e-4]}, **more)
        )
        return tuned(told), told

    one, _ = found()
    other, told = found(learning_curve=True)
    assert (one.run.path, other.run.path) == (Path("study/run"), Path("study/run-2"))
    assert "learning_curve" in other.metrics
    assert other.metrics["test"]["accuracy"] == one.metrics["test"]["accuracy"]
    assert not [event for event in told if isinstance(event, Begun)]
    assert not [event for event in told if isinstance(event, Notice) and "scored before" in event.message]
    assert found()[0].run.path == one.run.path


def test_a_trial_that_cannot_be_is_told_and_the_search_goes_on(rows: dict[str, list[str]], tiny_bert: Path) -> None:
    space = {"class_weights": ["none", "balanced"], "sampling": ["plain", "balanced"]}
    done = list(events(rows, tiny_bert, trials=40, space=space, epochs=1.0, output="study"))
    trials = tuned(done).study["trials"]
    values = {tuple(trial["params"].values()) for trial in trials[1:]}
    assert len(values) == 4, "it ends when all there is was tried"
    failed = [trial for trial in trials if trial["state"] == "failed"]
    assert failed[0]["fault"] == (
        "--class-weights balanced with --sampling balanced. Expected one of the two, for together they count a rare "
        "class twice over. Leave out one of them."
    )
    assert {trial["params"]["class_weights"] for trial in failed} == {"balanced"}
    twins = [trial for trial in trials if "same_as" in trial]
    for trial in twins:
        assert trial["score"] == trials[trial["same_as"]]["score"]
        assert trial["seconds"] == 0


@pytest.mark.parametrize(("module", "name"), [(training, "plan_of"), (finetune, "fit")])
def test_a_trial_that_memory_does_not_hold_fails_and_the_search_goes_on(
    module: ModuleType, name: str, rows: dict[str, list[str]], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = getattr(module, name), list[object]()

    def short(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")
        return real(*given)

    monkeypatch.setattr(module, name, short)
    space = {"learning_rate": [1e-3, 1e-4]}
    found = tuned(list(events(rows, tiny_bert, space=space, epochs=1.0, output="study")))
    trials = found.study["trials"]
    assert [each["state"] for each in trials[:2]] == ["complete", "failed"]
    assert trials[1]["fault"].startswith("out of memory: CUDA out of memory. Tried to allocate 2.00 GiB")
    assert "and more" not in trials[1]["fault"]


def test_a_value_that_the_task_does_not_know_is_refused_wherever_it_stands(tiny_bert: Path) -> None:
    rows = {"text": [text for text, _ in review_rows()], "score": [str(i / 7) for i in range(60)]}
    for values in ("2,none", "none,2"):
        with pytest.raises(UsageError, match="--focal with numbers"):
            list(events(rows, tiny_bert, space={"focal": values}, label="score"))


def test_a_budget_that_holds_no_trial_is_refused_before_anything_is_written(
    rows: dict[str, list[str]], tiny_bert: Path, here: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        list(events(rows, tiny_bert, trials=None, budget="1s"))
    assert caught.value.message.startswith(
        "--budget: not even one trial and the last training would be over in the budget. Expected about "
    )
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"max_length": [64, 1024, 32]}, "--max-length: 1024 tokens. Expected at most 128 for "),
        ({"layers": "1..9"}, "--layers: 9 layers, but "),
    ],
)
def test_values_that_the_model_does_not_know_are_refused(
    space: dict[str, Any], message: str, rows: dict[str, list[str]], tiny_bert: Path, here: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        list(events(rows, tiny_bert, space=space))
    assert caught.value.message.startswith(message)
    assert not (here / "runs").exists()


def test_the_last_training_is_expected_with_all_that_trials_are_without(
    rows: dict[str, list[str]], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, timed, measure, times = list[Settings](), list[Settings](), clock.measure, clock.estimate.times

    def measuring(asked: Asked, *given: Any) -> Any:
        measured.append(asked.resolved.settings)
        found = measure(asked, *given)
        timed.clear()
        return found

    def timing(work: Any, speed: Any, settings: Settings) -> Any:
        timed.append(settings)
        return times(work, speed, settings)

    monkeypatch.setattr(clock, "measure", measuring)
    monkeypatch.setattr(clock.estimate, "times", timing)
    told = events(rows, tiny_bert, baseline=True, learning_curve=True, label_errors="all", budget="1h", trials=None)
    assert any(isinstance(event, Forecast) for event in told)
    assert [(each.baseline, each.near_duplicates, each.budget) for each in measured] == [(True, True, None)]
    assert [each.label_errors for each in timed if each.learning_curve] == ["all"]


def test_what_makes_no_search_is_refused(rows: dict[str, list[str]], tiny_bert: Path) -> None:
    for settings, message in (
        ({"model": "linear"}, "a search with --model linear. Expected a model with settings to search: "),
        (
            {"validation": "none"},
            "a search with --validation none. Expected validation rows, by which trials are judged.",
        ),
        (
            {"folds": 3},
            "a search with --folds. Expected one model a trial. Leave it out, and give it to whet train with ",
        ),
        (
            {"seeds": 2},
            "a search with --seeds. Expected one model a trial. Leave it out, and give it to whet train with ",
        ),
        (
            {"space": {}},
            "--search: nothing to search: all that would be searched was given. Leave one of them out, or name others ",
        ),
        ({"learning_rate": 1e-4}, "--learning-rate with a search of learning_rate. Expected one of the two. "),
    ):
        with pytest.raises(UsageError) as caught:
            list(events(rows, settings.pop("model", tiny_bert), **settings))  # type: ignore[arg-type]
        assert caught.value.message.startswith(message)
    with pytest.raises(UsageError, match=r"0 trials\. Expected at least 1"):
        whet.tune(rows, trials=0)
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    with pytest.raises(UsageError) as caught:
        list(events(rows, tiny_bert, output="mine"))
    assert caught.value.message == "--output: mine holds files that no search wrote. Give another --output."
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_without_optuna_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find = packages.importlib.util.find_spec
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name))
    with pytest.raises(MissingExtraError) as caught:
        packages.require_tuning()
    assert caught.value.message.startswith("a search needs optuna, not installed in ")
    assert caught.value.message.endswith('Run: pip install "whet[train,tune]".')


@pytest.mark.parametrize(("package", "settings"), [("peft", {"lora": 4}), ("mlflow", {"track": "mlflow"})])
def test_what_the_last_training_lacks_is_told_before_the_first(
    package: str, settings: dict[str, Any], rows: dict[str, list[str]], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = packages.importlib.util.find_spec
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(MissingExtraError, match=f"needs {package}"):
        next(events(rows, tiny_bert, **settings))


def test_other_weights_in_the_same_file_are_another_search(rows: dict[str, list[str]], tiny_bert: Path) -> None:
    given: dict[str, Any] = {"class_weights": "weights.json", "trials": 1, "epochs": 1.0}
    found = []
    for positive in (2.0, 5.0):
        Path("weights.json").write_text(json.dumps({"positive": positive, "negative": 1.0}))
        found.append(tuned(list(events(rows, tiny_bert, space={"learning_rate": [1e-3, 1e-4]}, **given))))
    assert found[0].path != found[1].path
    assert not found[1].before


def test_the_command_tells_trials_and_a_document(whet: Command, reviews_csv: Path, tiny_bert: Path) -> None:
    command = [
        "tune", str(reviews_csv), "--model", str(tiny_bert), "--trials", "2", "--epochs", "1", "--threads", "1",
        "--search", "lr=1e-3..1e-2:log", "--no-baseline", "--validation", "0.3", "--lang", "en",
    ]  # fmt: skip
    ended: Ended = whet(*command, "--json")
    assert ended.code == 0, ended.err
    assert "trial 0 (1 of 2): the job's own settings" in ended.err
    assert "trial 1 (2 of 2): learning_rate 0.00" in ended.err
    document = ended.json
    assert [trial["state"] for trial in document["study"]["trials"]] == ["complete", "complete"]
    assert document["metrics"]["test"]["rows"] == 6
    shown = whet(*command)
    assert "The best of 2 trials on " in shown.out
    assert "is partly luck" in shown.out
    assert f"Recipe         {document['recipe']}" in shown.out
    korean = whet(*command[:-1], "ko")
    assert "검증 " in korean.out
    assert "운이 섞여" in korean.out
    report = (Path(document["search"]) / "report.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in report
    assert "설정 탐색" in report


def test_the_best_run_is_repeated_by_a_command_whatever_its_folder_is_called(
    reviews_csv: Path, tiny_bert: Path, here: Path
) -> None:
    shutil.copy(reviews_csv, here / "a train side.csv")
    shutil.copy(reviews_csv, here / "test.csv")
    given: dict[str, Any] = {"test": "test.csv", "allow": "texts_in_train", "epochs": 1.0, "output": "it's one"}
    space = {"learning_rate": [1e-3, 1e-4]}
    found = tuned(list(events("a train side.csv", tiny_bert, trials=1, space=space, **given)))
    command = json.loads((found.run.path / "run.json").read_text(encoding="utf-8"))["command"]
    assert command == "whet train 'a train side.csv' --recipe 'it'\"'\"'s one/best.toml'"
    assert (found.run.path / "report.html").is_file()
    recipe, _ = recipes.read("it's one/best.toml")
    assert (recipe["data"], recipe["allow"]) == ("a train side.csv", "texts_in_train")


def test_no_command_repeats_the_best_run_on_rows_that_a_program_handed_over(told: list[search.Event]) -> None:
    found = tuned(told)
    assert json.loads((found.run.path / "run.json").read_text(encoding="utf-8"))["command"] == ""
    report = (found.path / "report.html").read_text(encoding="utf-8")
    assert f"whet train DATA --recipe {found.path}/best.toml" in report


def test_the_best_run_of_a_search_is_the_last_run(told: list[search.Event], here: Path, whet: Command) -> None:
    shutil.copytree(tuned(told).path, here / "runs" / "reviews-tiny-tune-12345678")
    ended = whet("predict", "last", "The film of this one was superb.", "--json")
    assert ended.code == 0, ended.err


def test_the_report_tells_trials_history_and_importance(told: list[search.Event]) -> None:
    found = tuned(told)
    report = (found.path / "report.html").read_text(encoding="utf-8")
    for key in ("trials", "history", "importance", "settings", "again"):
        assert f'<section id="{key}"' in report
    assert "The best of many scores on the same validation rows is partly luck" in report
    assert json.loads((found.path / "study.json").read_text(encoding="utf-8")) == found.study
