"""The run folder: its name, what is written in it, and how a run is found again."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.disk import durable
from whet.errors import ModelError, OutputError, TrainingError, UsageError
from whet.labels import LabelSet
from whet.records import Evaluation, Examples, Notice, Splits, StepRecord, ValueScores
from whet.runs import divided, naming, run_folder
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, fields, resolve

# For each setting that changes a result, a value that is not its default.
OTHER_VALUES: dict[str, object] = {
    "class_weights": "balanced", "sampling": "balanced", "focal": 2.0, "label_smoothing": 0.1,
    "text": "review", "pair": "answer", "task": "multilabel", "label_separator": "|",
    "label": "sentiment", "weight": "sure", "group": "author",
    "label_names": "no,yes", "positive": "spam", "test": "none",
    "validation": "0.2", "train_rows": 100, "test_rows": 10, "encoding": "cp949", "model": "embedded",
    "max_length": 64, "truncation": "head-tail", "layers": 1, "freeze": "embeddings", "lora": 4, "epochs": 3.0,
    "budget": "20m", "batch_size": 8, "llrd": 0.9, "ema": 0.99, "learning_rate": 1e-4, "dropout": 0.2,
    "weight_decay": 0.1, "warmup": 0.1, "max_grad_norm": 2.0, "evaluate_every": 5, "metric": "loss",
    "early_stopping": 2, "keep": "last",
    "seed": 1, "baseline": False, "learning_curve": True, "folds": 5, "seeds": 3,
    "device": "cpu", "precision": "bf16", "threads": 1, "min_confidence": 0.9,
    "corrections": "relabel.csv", "slice": "shop", "teacher": "runs/large", "unlabelled": "texts.txt",
    "unlabelled_rows": 100,
}  # fmt: skip
# And for each one that does not.
SHOWN_OTHERWISE: dict[str, object] = {
    "recipe": "sst2-minilm", "output": "here", "fresh": True, "track": "mlflow", "log_every": 7, "lang": "ko",
    "json": True, "quiet": True, "require_gpu": True, "yes": True, "debug": True, "checkpoint_every": 7,
    "mirror": "there", "allow": "empty_texts", "near_duplicates": False, "label_errors": "all", "brief": True,
}  # fmt: skip

AB = LabelSet(("a", "b"), "b", "")
STEP = StepRecord(3, 6, 1.5, 0.25, 1e-4, 120, 2.0)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(resolved: Resolved | None = None, *, digest: str = "d" * 64, data: str = "reviews") -> RunFolder:
    return run_folder.open_run(resolved or resolve({}), data=data, model="tiny", digest=digest)


def opened(resolved: Resolved | None = None, *, digest: str = "d" * 64, data: str = "reviews") -> RunFolder:
    """A folder that is there and empty but for run.json, unless its run is finished."""
    run = named(resolved, digest=digest, data=data)
    if not run.finished:
        run_folder.start(run, resolved or resolve({}), {"digest": digest})
    return run


def started(resolved: Resolved | None = None, *, digest: str = "d" * 64) -> RunFolder:
    resolved = resolved or resolve({})
    run = opened(resolved, digest=digest)
    run_folder.start(run, resolved, {"digest": digest})
    return run


def finished(resolved: Resolved | None = None, *, digest: str = "d" * 64) -> RunFolder:
    run = started(resolved, digest=digest)
    run.model.mkdir()
    (run.model / "whet.json").write_text("{}")
    run.write("metrics.json", {"task": "binary"})
    return run


def test_a_folder_with_nothing_but_the_fault_of_its_beginning_is_begun_again(here: Path) -> None:
    """As where the disk was full when run.json was to be written."""
    path = named().path
    path.mkdir(parents=True)
    (path / "error.json").write_text("{}")
    run = opened()
    assert run.path == path
    assert sorted(left.name for left in path.iterdir()) == ["run.json"]


@pytest.mark.parametrize("after", range(len(run_folder.OWN_FILES) - 1))  # run.json stays
def test_a_process_that_is_killed_while_it_clears_a_folder_leaves_one_that_is_known(
    here: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    run = opened()
    for name in run_folder.OWN_FILES:
        if name != "run.json":
            (run.path / name).write_text("{}")
    real, removed = Path.unlink, []

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if len(removed) == after:
            raise KeyboardInterrupt
        removed.append(path)
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt):
        run_folder.start(run, resolve({}), {"digest": "d" * 64})
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert opened().path == run.path


def test_one_that_is_killed_before_it_has_written_run_json_anew_leaves_the_old_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened()
    (run.path / "checkpoints" / "tmp-half").mkdir(parents=True)  # of a process that was killed in its first save

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(durable, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        run_folder.start(run, resolve({}), {"digest": "d" * 64})
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert opened().path == run.path


def test_a_long_name_of_data_is_cut_between_two_letters(here: Path) -> None:
    path = named(data="영화" + "평" * 300).path
    assert path.name == "영화" + "평" * 38 + "-dddddddd"
    path.mkdir(parents=True)


def test_a_folder_too_deep_for_windows_is_refused_before_anything_is_made(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = here / ("x" * (durable.LONGEST_PATH - naming.DEEPEST - len(str(here))))
    monkeypatch.setattr(durable, "IS_WINDOWS", True)
    monkeypatch.setattr(durable, "_long_paths_are_allowed", lambda: False)
    with pytest.raises(UsageError) as caught:
        named(resolve({"output": str(deep)}))
    assert caught.value.message == (
        f"--output: {deep} leaves 69 characters for the names of files. Expected 70, for Windows takes paths of 259. "
        "Give an --output nearer to the root, or allow long paths in Windows (LongPathsEnabled)."
    )
    assert list(here.iterdir()) == []
    assert named(resolve({"output": str(deep)[:-1]})).path == Path(str(deep)[:-1])


# ---------------------------------------------------------------- the digest


def test_every_setting_is_known_here_to_change_the_result_or_not_to() -> None:
    by_effect = {setting.name: setting.metadata["result"] for setting in fields()}
    assert by_effect == dict.fromkeys(OTHER_VALUES, True) | dict.fromkeys(SHOWN_OTHERWISE, False)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_setting_that_changes_the_result_changes_the_digest(name: str) -> None:
    other = resolve({name: OTHER_VALUES[name]})
    assert naming.fingerprint(other, ["data"]) != naming.fingerprint(resolve({}), ["data"])


@pytest.mark.parametrize("name", [name for name in SHOWN_OTHERWISE if name != "recipe"])
def test_a_setting_of_how_it_is_shown_keeps_the_digest(name: str) -> None:
    other = resolve({name: SHOWN_OTHERWISE[name]})
    assert naming.fingerprint(other, ["data"]) == naming.fingerprint(resolve({}), ["data"])


def test_a_recipe_and_the_same_settings_written_out_are_one_run() -> None:
    recipe = resolve({"recipe": "sst2-minilm"})
    written = resolve(
        {
            name: getattr(recipe.settings, name)
            for name, reason in recipe.reasons.items()
            if reason.startswith("recipe ")
        }
    )
    assert written.settings.recipe is None
    assert naming.fingerprint(recipe, []) == naming.fingerprint(written, [])


def test_the_parts_change_the_digest_and_so_does_their_order() -> None:
    digests = {naming.fingerprint(resolve({}), parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a"], [])}
    assert len(digests) == 5


# ---------------------------------------------------------------- the folder


def test_a_run_is_named_by_data_model_and_digest() -> None:
    run = opened(digest="0123456789abcdef" * 4)
    assert run.path == Path("runs/reviews-tiny-01234567")
    assert run.path.is_dir()


def test_a_name_that_a_file_system_may_refuse_is_made_harmless() -> None:
    run = opened(data="../my reviews: 1")
    assert run.path == Path("runs/my-reviews-1-tiny-dddddddd")


def test_korean_data_keep_their_name() -> None:
    assert opened(data="영화평").path == Path("runs/영화평-tiny-dddddddd")


def test_a_finished_run_is_given_back_untouched() -> None:
    run = finished()
    again = opened()
    assert again == run
    assert again.finished
    assert (run.model / "whet.json").is_file()


def test_what_an_unfinished_run_left_is_removed_and_nothing_else() -> None:
    run = started()
    run.log(STEP)
    (run.path / "tmp-model-1").mkdir()
    (run.path / "tmp-2").write_text("half")
    run.model.mkdir()
    (run.path / "notes.txt").write_text("mine")
    assert opened() == run
    assert sorted(path.name for path in run.path.iterdir()) == ["notes.txt", "run.json"]
    assert not (run.path / "events.jsonl").exists()


def test_a_named_run_has_no_folder_until_it_is_started() -> None:
    run = named()
    assert not run.path.exists()
    assert not run.finished


def test_fresh_takes_the_next_free_name_and_the_plain_command_then_finds_the_newest() -> None:
    first = finished()
    fresh = resolve({"fresh": True})
    second, third = finished(fresh), finished(fresh)
    assert [run.path.name for run in (first, second, third)] == [
        "reviews-tiny-dddddddd",
        "reviews-tiny-dddddddd-2",
        "reviews-tiny-dddddddd-3",
    ]
    assert opened() == third


def test_a_run_has_its_own_mirror_and_another_machine_finds_the_newest(here: Path) -> None:
    plain, fresh = resolve({"mirror": "drive"}), resolve({"mirror": "drive", "fresh": True})

    def mirror(run: RunFolder, resolved: Resolved) -> Path:
        found = naming.mirror_of(run.path, resolved, "job")
        assert found is not None
        return found

    def begun(resolved: Resolved) -> RunFolder:
        run = named(resolved)
        own = mirror(run, resolved)
        run_folder.start(run, resolved, {"digest": "d" * 64, "mirrored": own.name})
        own.mkdir(parents=True)
        return run

    drive = here / "drive"
    assert naming.mirror_of(named().path, resolve({}), "job") is None
    first, second = begun(plain), begun(fresh)
    assert [mirror(run, plain).name for run in (first, second)] == ["job", "job-2"]
    elsewhere = RunFolder(here / "elsewhere")
    assert (mirror(elsewhere, plain).name, mirror(elsewhere, fresh).name) == ("job-2", "job-3")
    (drive / "job-2").rmdir()  # the second has ended
    assert [mirror(run, plain).name for run in (first, second, elsewhere)] == ["job", "job-2", "job"]
    late = opened(fresh)  # begun without a mirror
    assert mirror(late, plain).name == "job-2"
    run_folder.go_on(late, plain, {"mirrored": "job-2"}, step=3, events=0)
    assert late.read("run.json")["mirrored"] == "job-2"
    late.write("run.json", {"mirrored": "../job"})  # nobody's
    assert mirror(late, plain).name == "job-2"


def test_a_mirror_that_cannot_be_looked_into_is_a_fault_of_the_disk(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exists(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(OutputError) as told:
        naming.mirror_of(here / "run", resolve({"mirror": "drive"}), "job")
    assert told.value.message == "--mirror drive: cannot read: Permission denied. Give another --mirror."


def test_fresh_without_an_earlier_run_takes_the_plain_name() -> None:
    assert finished(resolve({"fresh": True})).path.name == "reviews-tiny-dddddddd"


def test_an_output_folder_is_taken_as_it_is_named() -> None:
    run = finished(resolve({"output": "out/mine"}))
    assert run.path == Path("out/mine")
    assert opened(resolve({"output": "out/mine"})) == run


def test_an_empty_output_folder_is_taken(here: Path) -> None:
    (here / "empty").mkdir()
    assert opened(resolve({"output": "empty"})).path == Path("empty")


def test_an_output_folder_with_another_run_is_refused_and_left_alone() -> None:
    run = finished(resolve({"output": "mine"}), digest="a" * 64)
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    with pytest.raises(UsageError) as caught:
        opened(resolve({"output": "mine"}), digest="b" * 64)
    assert caught.value.message == (
        "--output: mine holds a run of other data or another model. "
        "Give another --output, or --fresh to keep that run and start beside it."
    )
    assert {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before
    assert (run.model / "whet.json").is_file()


def test_fresh_starts_beside_an_output_folder_of_another_run() -> None:
    finished(resolve({"output": "mine"}), digest="a" * 64)
    beside = finished(resolve({"output": "mine", "fresh": True}), digest="b" * 64)
    assert beside.path == Path("mine-2")


def test_an_output_folder_is_found_again_beside_one_with_a_number() -> None:
    first = finished(resolve({"output": "run"}), digest="a" * 64)
    finished(resolve({"output": "run-2"}), digest="b" * 64)
    assert opened(resolve({"output": "run"}), digest="a" * 64) == first


def test_a_new_output_folder_beside_a_foreign_one_with_a_number_is_taken(here: Path) -> None:
    (here / "run-2").mkdir()
    (here / "run-2" / "notes.txt").write_text("mine")
    assert opened(resolve({"output": "run"})).path == Path("run")


@pytest.mark.parametrize("foreign", ["notes.txt", "run.json"])
def test_an_output_folder_with_foreign_files_is_refused_and_left_alone(here: Path, foreign: str) -> None:
    (here / "mine").mkdir()
    (here / "mine" / foreign).write_text('{"something": "else"}')
    with pytest.raises(UsageError) as caught:
        opened(resolve({"output": "mine"}))
    assert caught.value.message == "--output: mine holds files that no run wrote. Give another --output."
    assert (here / "mine" / foreign).read_text() == '{"something": "else"}'


def test_an_output_that_is_a_file_is_refused(here: Path) -> None:
    (here / "mine").write_text("a letter")
    with pytest.raises(UsageError) as caught:
        opened(resolve({"output": "mine"}))
    assert caught.value.message == "--output: mine is a file. Expected a folder."
    assert (here / "mine").read_text() == "a letter"


def test_an_output_under_a_file_is_a_fault_of_the_disk(here: Path) -> None:
    (here / "mine").write_text("a letter")
    with pytest.raises(OutputError) as caught:
        opened(resolve({"output": "mine/run"}))
    assert caught.value.exit_code == 7
    assert caught.value.message == "mine/run: cannot write: Not a directory. Give another --output."


# ---------------------------------------------------------------- files


def test_run_json_holds_every_setting_with_its_reason(here: Path) -> None:
    resolved = resolve({"epochs": 3}).with_value("model", "embedded", "auto: Latin script on a CPU")
    run_folder.start(opened(resolved), resolved, {"digest": "d", "versions": {"torch": "9"}})
    known = json.loads((here / "runs/reviews-tiny-dddddddd/run.json").read_text())
    assert list(known["settings"]) == [setting.name for setting in fields()]
    assert known["settings"]["epochs"] == {"value": 3.0, "reason": "given", "reason_ko": "직접 지정"}
    assert known["settings"]["model"] == {"value": "embedded", "reason": "auto: Latin script on a CPU"}
    assert known["settings"]["seed"] == {"value": 42, "reason": "default"}
    assert (known["format"], known["digest"], known["versions"]) == (1, "d", {"torch": "9"})


def test_a_log_line_names_its_kind_and_every_field() -> None:
    run = opened()
    assert run.log(STEP) is STEP
    run.log(Notice("한글 notice", "warning"))
    run.log_end(STEP, 123)
    lines = (run.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    figures = {
        "step": 3, "steps": 6, "epoch": 1.5, "loss": 0.25, "learning_rate": 1e-4, "tokens": 120, "train_seconds": 2.0
    }  # fmt: skip
    assert [json.loads(line) for line in lines] == [
        {"kind": "step", **figures},
        {"kind": "notice", "message": "한글 notice", "severity": "warning"},
        {"kind": "end", **figures, "memory": 123},
    ]
    assert "한글" in lines[1]


def numbered(run: RunFolder, *steps: int) -> None:
    for step in steps:
        run.log(dataclasses.replace(STEP, step=step))


def logged(run: RunFolder) -> list[object]:
    return [line.get("step") or line.get("message") for line in run.events()]


def test_a_run_that_goes_on_loses_the_lines_after_its_checkpoint() -> None:
    run = started()
    run.log(Notice("begun"))
    numbered(run, 1, 2)
    events = run.flushed()
    run.log(Notice("later"))
    numbered(run, 3, 4)
    assert run_folder.go_on(run, resolve({}), {}, step=2, events=events) == run_folder.Redone(4, ())
    assert logged(run) == ["begun", 1, 2]


@pytest.mark.parametrize("events", [10_000, 100])
def test_steps_that_are_done_again_after_a_checkpoint_of_another_machine_stand_there_once(events: int) -> None:
    """Whose events.jsonl was longer, or shorter."""
    run = started()
    for last in (103, 104):
        redone = run_folder.go_on(run, resolve({}), {}, step=100, events=events)
        run.log(Notice(f"going on, {redone.until - 100} again"))
        run.log(Evaluation("validation", 100, 1.0, 0.5, ValueScores(1, 0.0, 0.0, 0.0, 0.0), 0.1))
        numbered(run, *range(101, last + 1))
        with (run.path / "events.jsonl").open("a") as file:
            file.write('{"kind": "st')  # killed
    assert logged(run) == ["going on, 0 again", "going on, 3 again", 100, 101, 102, 103, 104]


def test_files_have_the_korean_of_a_message_beside_it(here: Path) -> None:
    run = opened()
    told = said({"count": 1_200}, "some rows")
    run.log(Notice(told))
    run.write("findings.json", {"findings": {"html": {"train": {"message": told, "todo": ""}}}, "rows": [told]})
    (line,) = run.events()
    both = {"message": "1,200 rows", "message_ko": "1,200행"}
    assert line == {"kind": "notice", "severity": "info", **both}
    assert run.read("findings.json") == {
        "findings": {"html": {"train": {**both, "todo": ""}}}, "rows": ["1,200 rows"]
    }  # fmt: skip


def test_a_fault_is_kept_in_error_json_and_goes_on() -> None:
    run = opened()
    fault = TrainingError("the loss is nan at step 3", todo="Lower --learning-rate")
    with pytest.raises(TrainingError) as caught, run.telling_faults():
        raise fault
    assert caught.value is fault
    assert run.read("error.json") == fault.as_json()


def test_a_file_is_written_whole_or_not_at_all() -> None:
    run = opened()
    run.write("metrics.json", {"task": "binary"})
    with pytest.raises(TypeError, match="not JSON serializable"):
        run.write("metrics.json", {"task": object()})
    assert run.read("metrics.json") == {"task": "binary"}
    assert sorted(path.name for path in run.path.iterdir()) == ["metrics.json", "run.json"]


def test_others_may_read_what_is_written() -> None:
    run = started()
    assert (run.path / "run.json").stat().st_mode & 0o777 == 0o644


def test_reading_what_is_not_there_or_damaged_is_a_model_error() -> None:
    run = opened()
    with pytest.raises(ModelError) as caught:
        run.read("metrics.json")
    assert caught.value.message == "runs/reviews-tiny-dddddddd: no metrics.json. Expected a finished run."
    (run.path / "metrics.json").write_text('{"task": ')
    with pytest.raises(ModelError) as caught:
        run.read("metrics.json")
    assert caught.value.message == (
        "runs/reviews-tiny-dddddddd: metrics.json is damaged: Expecting value: line 1 column 10 (char 9)."
    )


@pytest.fixture
def read_only(here: Path) -> Iterator[Path]:
    folder = here / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    yield folder
    folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_to_is_named(read_only: Path) -> None:
    with pytest.raises(OutputError) as caught:
        opened(resolve({"output": str(read_only / "run")}))
    assert caught.value.message == f"{read_only / 'run'}: cannot write: Permission denied. Give another --output."


# ---------------------------------------------------------------- tables


def examples(*row_ids: int) -> Examples:
    texts = tuple(f"text {row}" for row in row_ids)
    places = tuple(f"line {row + 2}" for row in row_ids)
    return Examples("reviews.csv", texts, tuple("ab"[row % 2] for row in row_ids), places, row_ids)


def test_the_splits_table_says_the_side_of_every_row() -> None:
    from pyarrow import parquet

    run = opened()
    divided.write_splits(run, Splits(examples(0, 3), None, examples(2), {}))
    rows = parquet.read_table(run.path / "splits.parquet").to_pylist()
    assert rows == [
        {"side": "train", "source": "reviews.csv", "row_id": 0, "place": "line 2"},
        {"side": "train", "source": "reviews.csv", "row_id": 3, "place": "line 5"},
        {"side": "test", "source": "reviews.csv", "row_id": 2, "place": "line 4"},
    ]


def test_the_predictions_table_has_true_and_predicted_label_and_every_probability() -> None:
    from pyarrow import parquet

    run = opened()
    probabilities = np.array([[0.25, 0.75], [0.9, 0.1]])
    run_folder.write_predictions(run, examples(1, 4), AB, probabilities, {})
    rows = parquet.read_table(run.path / "predictions.parquet").to_pylist()
    names = ("row_id", "side", "place", "text", "label", "predicted", "probability a", "probability b")
    assert [tuple(row.items()) for row in rows] == [
        tuple(zip(names, (1, "test", "line 3", "text 1", "b", "b", 0.25, 0.75), strict=True)),
        tuple(zip(names, (4, "test", "line 6", "text 4", "a", "a", 0.9, 0.1), strict=True)),
    ]


def test_the_predictions_of_another_side_say_so_and_which_texts_were_cut() -> None:
    from pyarrow import parquet

    run, cut = opened(), np.array([False, True])
    run_folder.write_predictions(run, examples(1, 4), AB, np.full((2, 2), 0.5), {}, side="validation", truncated=cut)
    rows = parquet.read_table(run.path / "predictions.parquet").to_pydict()
    assert list(rows)[:5] == ["row_id", "side", "place", "text", "truncated"]
    assert (rows["side"], rows["truncated"]) == (["validation"] * 2, [False, True])


def test_the_predictions_of_pairs_several_labels_and_numbers_have_their_columns() -> None:
    from pyarrow import parquet

    def written(labels: LabelSet, answers: list[list[float]], **fields: Any) -> list[dict[str, Any]]:
        run, given = opened(), {"labels": None, **fields}
        test = Examples("data", ("x", "y"), places=("row 1", "row 2"), row_ids=(0, 1), **given)
        run_folder.write_predictions(run, test, labels, np.array(answers), {"a": 0.2, "b": 0.8})
        found: list[dict[str, Any]] = parquet.read_table(run.path / "predictions.parquet").to_pylist()
        return found

    several = written(
        LabelSet(("a", "b"), None, "", "several"), [[0.25, 0.75], [0.1, 0.9]], several=((), ("b",)), pairs=("p", "q")
    )
    assert several == [
        {"row_id": 0, "side": "test", "place": "row 1", "text": "x", "text2": "p", "labels": [], "predicted": ["a"],
         "probability a": 0.25, "probability b": 0.75},
        {"row_id": 1, "side": "test", "place": "row 2", "text": "y", "text2": "q", "labels": ["b"], "predicted": ["b"],
         "probability a": 0.1, "probability b": 0.9},
    ]  # fmt: skip
    values = written(LabelSet(("score",), None, "", "value"), [[0.5], [3.25]], values=(1.0, 3.0))
    assert values == [
        {"row_id": 0, "side": "test", "place": "row 1", "text": "x", "value": 1.0, "predicted": 0.5},
        {"row_id": 1, "side": "test", "place": "row 2", "text": "y", "value": 3.0, "predicted": 3.25},
    ]


def test_a_text_that_no_file_can_hold_is_written_with_a_replacement() -> None:
    from pyarrow import parquet

    run = opened()
    test = Examples("data", ("half \ud800 letter",), ("a",), ("row 1",), (0,))
    run_folder.write_predictions(run, test, AB, np.array([[0.5, 0.5]]), {})
    assert parquet.read_table(run.path / "predictions.parquet").column("text").to_pylist() == ["half ? letter"]


# ---------------------------------------------------------------- finding


def test_a_run_is_found_by_its_folder_its_model_folder_and_last() -> None:
    run = finished()
    for name in (run.path, str(run.path), f"{run.path}/", run.model, "last"):
        assert run_folder.find(name) == run


def test_last_is_the_run_that_ended_last() -> None:
    older, newer = finished(digest="a" * 64), finished(digest="b" * 64)
    started(digest="c" * 64)
    assert run_folder.find("last") == newer
    os.utime(older.path / "metrics.json", (2e9, 2e9))
    assert run_folder.find("last") == older


def test_without_a_run_last_says_where_it_looked(here: Path) -> None:
    with pytest.raises(ModelError) as caught:
        run_folder.find("last")
    assert caught.value.message == (
        f"last: no finished run under {(here / 'runs').resolve()}. Run whet train DATA first, or name a run."
    )


def test_a_misspelt_run_is_answered_with_the_nearest() -> None:
    run = finished()
    with pytest.raises(ModelError) as caught:
        run_folder.find("runs/reviews-tiny-ddddddde")
    assert caught.value.message == (
        "RUN: no such run: runs/reviews-tiny-ddddddde. Expected a run folder, its model/ folder, or last. "
        f"Did you mean '{run.path}'."
    )


def test_an_unfinished_run_is_told_from_none() -> None:
    run = started()
    with pytest.raises(ModelError) as caught:
        run_folder.find(run.path)
    assert caught.value.message == (
        "RUN: runs/reviews-tiny-dddddddd is not a finished run. Expected a run folder, its model/ folder, or last."
    )
