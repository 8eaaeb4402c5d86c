"""P: what goes wrong with the disk."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.conftest import review_rows
from tests.faults.conftest import names
from tests.faults.shim import failing
from tests.flows.conftest import Command, Job, Told, events_of, weights_of, write_csv
from whet import pipeline
from whet.artifacts import artifact
from whet.disk import durable, resumable
from whet.errors import OutputError
from whet.prediction import predictor
from whet.records import Notice, StepRecord
from whet.settings import config
from whet.system import runtime
from whet.training import keeper
from whet.training.checkpoints import FIRST, Schedule
from whet.training.selection import Selection
from whet.training.state import State
from whet.training.team import Alone

resource = pytest.importorskip("resource", reason="limits and mounts of POSIX")

SETTINGS: dict[str, Any] = {
    "epochs": 2.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "output": "run",
    "checkpoint_every": 2,
}  # fmt: skip
STEPS = 12


@pytest.fixture
def data(here: Path) -> str:
    return str(write_csv(here / "reviews.csv", review_rows()))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for two checkpoints of the tiny model (390 kB each), and for no third."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1000k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("nobody may mount here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def without_privilege() -> Iterator[None]:
    """Permissions count, for root too."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Sets(ctypes.Structure):
        _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]

    if os.geteuid():
        yield
        return
    libc, header, sets = ctypes.CDLL(None, use_errno=True), Header(0x20080522, 0), (Sets * 2)()
    assert not libc.capget(ctypes.byref(header), sets)
    before = sets[0].effective
    sets[0].effective = before & ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert not libc.capset(ctypes.byref(header), sets)
    try:
        yield
    finally:
        sets[0].effective = before
        assert not libc.capset(ctypes.byref(header), sets)


def follow(data: str, model: Path, **settings: Any) -> Iterator[pipeline.Event]:
    return iter(pipeline.follow(data, config.resolve({**SETTINGS, "model": str(model), **settings})))


def check_alike(told: Told, whole: Told) -> None:
    assert weights_of(told.path) == weights_of(whole.path)
    assert not list(told.path.rglob("tmp-*"))
    assert not (told.path / "checkpoints").exists()
    assert not (told.path / "error.json").exists()


# ---------------------------------------------------------------- no room for a checkpoint


def test_saves_that_fail_are_told_and_tried_again_and_three_in_a_row_end_the_training(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """P3, P5"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    told: list[str] = []
    with pytest.raises(OutputError) as caught, files_at_most(1 << 40):
        for event in follow(data, tiny_bert):
            if isinstance(event, Notice):
                told.append(event.message)
            if isinstance(event, StepRecord) and event.step == 3:
                hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    assert [line for line in told if "cannot be written" in line] == [
        f"run/checkpoints/step-{step:08}: the checkpoint of step {step} cannot be written: File too large; the "
        "training goes on without it"
        for step in (4, 6)
    ]
    assert caught.value.exit_code == 7
    assert caught.value.message == (
        "run/checkpoints/step-00000008: the checkpoint of step 8 cannot be written: File too large. Free space or mend "
        "the disk; the same command goes on from the checkpoint before."
    )
    assert [path.name for path in (here / "run" / "checkpoints").iterdir()] == ["step-00000002"]
    assert durable.damage(here / "run" / "checkpoints" / "step-00000002") is None
    again = job(data, **SETTINGS)
    assert "going on after step 2 of 12; 6 steps after it are done again" in again.notices
    check_alike(again, whole)


def test_a_save_that_failed_once_costs_nothing_but_a_warning(data: str, job: Job, tiny_bert: Path, here: Path) -> None:
    """P3"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    told, kept = [], []
    with files_at_most(1 << 40):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for event in follow(data, tiny_bert):
            told.append(event)
            if isinstance(event, StepRecord) and event.step in (3, 7):
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000 if event.step == 3 else 1 << 40, hard))
            if isinstance(event, StepRecord) and event.step == 9:
                kept = sorted(path.name for path in (here / "run" / "checkpoints").iterdir())
    assert kept == ["step-00000002", "step-00000008"]
    ended = Told(tuple(told))
    warnings = [notice for notice in ended.notices if "cannot be written" in notice]
    assert len(warnings) == 2
    logged = [line for line in events_of(ended.path) if line.get("severity") == "warning"]
    assert [line["message"] for line in logged if line["message"] in warnings] == warnings
    check_alike(ended, whole)


def test_a_save_that_fails_is_not_tried_again_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: where nobody said how often, the next one is due when it would have been after a good one."""
    now = 0.0

    class Full:
        def save(self, state: State) -> None:
            raise OutputError("no room")

    monkeypatch.setattr(keeper, "Schedule", partial(Schedule, clock=lambda: now))
    training = SimpleNamespace(state=lambda: State({}, {"step": 5, "own": {}}))
    keeping = keeper.Keeper(
        cast("Any", Full()), cast("Any", training), Selection(keep="last", patience=None), cast("Any", None),
        Alone(runtime.ALONE), None, beside=False,
    )  # fmt: skip
    record = StepRecord(5, 12, 0.5, 0.7, 1e-3, 100, 1.0)
    assert not keeping.due(record)
    now = FIRST
    assert keeping.due(record)
    with pytest.raises(OutputError):
        keeping.save(record, None, {})
    assert not keeping.due(record)
    now = 2 * FIRST - 1
    assert not keeping.due(record)
    now = 2 * FIRST
    assert keeping.due(record)
    assert keeping.saved_at == 0


def test_a_disk_without_room_for_a_third_checkpoint_keeps_the_two_and_the_run_goes_on_where_there_is(
    data: str, tiny_bert: Path, whet: Command, job: Job, small: Path
) -> None:
    """P3: on a file system that really is full."""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    command = [
        "train", data, "--model", str(tiny_bert), "--epochs", "2", "--threads", "1", "--learning-rate", "3e-3",
        "--batch-size", "8", "--no-baseline", "--output", str(small / "run"), "--checkpoint-every", "2",
    ]  # fmt: skip
    ended = whet(*command)
    assert ended.code == 7
    (message,) = ended.errors
    kept = sorted((small / "run" / "checkpoints").iterdir())
    assert [path.name for path in kept] == ["step-00000002", "step-00000004"]
    assert [durable.damage(path) for path in kept] == [None, None]
    assert "Traceback" not in ended.err
    assert (
        "the checkpoint of step 10 cannot be written: No space left on device. Free space or mend the disk" in message
    )
    assert ended.err.count("No space left on device; the training goes on without it") == 2
    subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
    again = whet(*command)
    assert again.code == 0, again.err
    assert "note: going on after step 4 of 12; 6 steps after it are done again" in again.err
    assert weights_of(small / "run") == weights_of(whole.path)
    assert not list((small / "run").rglob("tmp-*"))
    assert not (small / "run" / "checkpoints").exists()


def test_a_mirror_that_is_gone_is_told_and_not_made_anew(data: str, tiny_bert: Path, here: Path) -> None:
    """P9: a drive that was taken out leaves an empty folder, or none."""
    drive, told = here / "drive", []
    drive.mkdir()
    with pytest.raises(OutputError) as caught:
        for event in follow(data, tiny_bert, mirror=str(drive)):
            if isinstance(event, Notice):
                told.append(event.message)
            if isinstance(event, StepRecord) and event.step == 3:
                (mirror,) = drive.iterdir()
                shutil.rmtree(mirror)
    assert caught.value.message == (
        f"{mirror}: the checkpoint of step 8 cannot be written: the mirror is no longer there. Free space there or "
        "give another --mirror; the same command goes on from this checkpoint in the run."
    )
    assert len([line for line in told if "the mirror is no longer there; the training goes on without it" in line]) == 2
    assert list(drive.iterdir()) == []
    assert (here / "run" / "checkpoints" / "step-00000008").is_dir()


# ---------------------------------------------------------------- no room for a result


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_predictions_for_a_device_that_is_full_are_a_fault_of_the_disk(taught: Told, whet: Command) -> None:
    """P5"""
    ended = whet("predict", str(taught.path), "a fine film", "--format", "csv", "--output", "/dev/full")
    assert (ended.code, ended.out) == (7, "")
    assert ended.err == (
        "error: --output: No space left on device: /dev/full. Name a file in a folder that can be written to.\n"
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_predictions_that_find_no_room_leave_no_file_and_keep_what_found_some(
    taught: Told, whet: Command, here: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5"""
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 100)
    monkeypatch.setattr(resumable, "EVERY", 0.0)
    (here / "texts.txt").write_text("".join(f"A fine film, number {i}\n" for i in range(1_000)))
    command = ["predict", str(taught.path), "--file", "texts.txt", "--quiet", "--output"]
    with files_at_most(50_000):
        ended = whet(*command, f"answers.{form}")
    assert (ended.code, ended.out) == (7, "")
    assert ended.err == (
        f"error: --output: File too large: answers.{form}. Make room; the same command goes on with what is written.\n"
    )
    assert names(here) == [f"answers.{form}.partial", "texts.txt"]
    assert json.loads((here / f"answers.{form}.partial" / "progress.json").read_text())["rows"] in range(100, 900, 100)
    assert (whet(*command, f"answers.{form}").code, whet(*command, f"whole.{form}").code) == (0, 0)
    assert (here / f"answers.{form}").read_bytes() == (here / f"whole.{form}").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["--json"], ["--format", "csv"], []])
def test_a_full_disk_under_stdout_is_one_message(
    taught: Told, whet: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """P5"""
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115  # to close it fails too
    monkeypatch.setattr(sys, "stdout", full)
    ended = whet("predict", str(taught.path), "a fine film", *arguments)
    monkeypatch.undo()
    with suppress(OSError):
        full.close()
    assert (ended.code, ended.err) == (7, "error: No space left on device: output.\n")


def test_a_cache_without_room_is_named(data: str, tiny_bert: Path, whet: Command, here: Path, small: Path) -> None:
    """P5: the disk that is full may be another one than that of the run."""
    (small / "ballast").write_bytes(b"0" * 1_000_000)
    os.environ["WHET_CACHE"] = str(small / "cache")
    ended = whet("train", data, "--model", str(tiny_bert), "--no-baseline", "--threads", "1", "--output", "run")
    assert ended.code == 7
    (message,) = ended.errors
    assert message.startswith(f"{small / 'cache'}: the tokens cannot be written: ")
    assert message.endswith(". Free space, or set WHET_CACHE to a folder that has room and can be written.")
    assert json.loads((here / "run" / "error.json").read_text())["message"] == message


# ---------------------------------------------------------------- the run folder goes


def removed(run: Path) -> None:
    shutil.rmtree(run)


def moved(run: Path) -> None:
    run.rename(run.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [removed, moved])
def test_a_run_folder_that_is_gone_ends_the_training_and_is_not_made_anew(
    data: str, job: Job, tiny_bert: Path, here: Path, harm: Any
) -> None:
    """P9"""
    with pytest.raises(OutputError) as caught:
        for event in follow(data, tiny_bert):
            if isinstance(event, StepRecord) and event.step == 5:
                harm(here / "run")
    assert caught.value.exit_code == 7
    assert caught.value.message == (
        "run/events.jsonl: cannot write: No such file or directory. Put the folder back and give the same command "
        "again."
    )
    assert not (here / "run").exists()
    if harm is moved:
        whole = job(data, **{**SETTINGS, "output": "whole"})
        (here / "elsewhere").rename(here / "run")
        told = job(data, **SETTINGS)
        assert "going on after step 4 of 12; 1 step after it is done again" in told.notices
        check_alike(told, whole)


def test_a_run_folder_that_may_no_longer_be_written_ends_the_training_with_its_path(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """P9"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    run = here / "run"
    with pytest.raises(OutputError) as caught, without_privilege():
        for event in follow(data, tiny_bert):
            if isinstance(event, StepRecord) and event.step == 5:
                (run / "events.jsonl").chmod(0o444)
                run.chmod(0o555)
    assert caught.value.message == "run/events.jsonl: cannot write: Permission denied. Give another --output."
    assert not (run / "error.json").exists()  # which could not be written either
    run.chmod(0o755)
    (run / "events.jsonl").chmod(0o644)
    told = job(data, **SETTINGS)
    assert "going on after step 4 of 12; 1 step after it is done again" in told.notices
    check_alike(told, whole)


def test_an_unfinished_run_in_a_folder_that_may_not_be_written_is_refused_with_its_path(
    data: str, job: Job, tiny_bert: Path, whet: Command, here: Path
) -> None:
    """P9"""
    (here / "run").mkdir(mode=0o555)
    with without_privilege():
        ended = whet("train", data, "--model", str(tiny_bert), "--threads", "1", "--output", "run", "--no-baseline")
    assert (ended.code, ended.errors) == (7, ["run: cannot be locked: Permission denied. Give another --output."])
    assert list((here / "run").iterdir()) == []


# ---------------------------------------------------------------- the end of a run


def test_checkpoints_that_cannot_be_removed_cost_no_result(
    data: str, tiny_bert: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9: the mirror became read-only after the last save."""
    real = durable.remove_folder

    def remove_folder(path: Path) -> None:
        if path.parent == here / "drive":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        real(path)

    monkeypatch.setattr(durable, "remove_folder", remove_folder)
    # Every save removes older ones, and so there is one save only.
    told = Told(tuple(follow(data, tiny_bert, mirror=str(here / "drive"), checkpoint_every=STEPS)))
    (mirror,) = (here / "drive").iterdir()
    assert told.notices[-1] == (
        f"the checkpoints in {mirror} are no longer needed and cannot be removed: Read-only file system"
    )
    assert (told.path / "metrics.json").is_file()
    assert not (told.path / "error.json").exists()
    assert not (told.path / "checkpoints").exists()
    monkeypatch.undo()
    monkeypatch.chdir(here)
    again = Told(tuple(follow(data, tiny_bert, mirror=str(here / "drive"), checkpoint_every=STEPS)))
    assert again.end.resumed_finished
    assert list((here / "drive").iterdir()) == []


@pytest.mark.parametrize("half", [False, True])
def test_a_run_that_was_killed_after_its_end_loses_its_checkpoints_to_the_same_command(
    data: str, tiny_bert: Path, here: Path, monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    """P1: between metrics.json and the removal, or in the middle of it."""

    def killed(self: object) -> list[str]:
        if half:
            (here / "run" / "checkpoints").rename(here / "run" / "tmp-checkpoints-1")
        raise KeyboardInterrupt

    monkeypatch.setattr("whet.training.checkpoints.Checkpoints.remove", killed)
    with pytest.raises(KeyboardInterrupt):
        list(follow(data, tiny_bert))
    monkeypatch.undo()
    monkeypatch.chdir(here)
    before = weights_of(here / "run")
    told = Told(tuple(follow(data, tiny_bert)))
    assert told.end.resumed_finished
    assert weights_of(here / "run") == before
    assert sorted(path.name for path in (here / "run").iterdir()) == [
        ".lock", "events.jsonl", "explanations.json", "findings.json", "metrics.json", "mistakes.json", "model",
        "predictions.parquet", "relabel.csv", "report.html", "run.json", "splits.parquet",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_whatever_ends_the_saving_of_a_model_there_is_a_whole_one_or_none(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """P15"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    loaded = artifact.load(whole.path / "model", device="cpu")
    for at in range(1, 100):
        folder = here / str(at)
        folder.mkdir()
        child = os.fork()
        if not child:
            try:
                with failing(at, "killed"):
                    artifact.save(
                        folder / "model", loaded.classifier, loaded.cutter, loaded.labels, source=tiny_bert, card="x"
                    )
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if (folder / "model").exists():
            artifact.load(folder / "model", device="cpu")
        if code != 9:
            break
    assert code == 0
    assert at >= 5
    assert (folder / "model").is_dir()
