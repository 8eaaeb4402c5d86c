"""P: what goes wrong with the process and around it."""

from __future__ import annotations

import datetime
import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.faults.conftest import OPTIONS, SETTINGS, STEPS
from tests.flows.conftest import Command, Job, Told, events_of, python, weights_of, write_csv
from whet import pipeline
from whet.cli import main
from whet.disk import lock
from whet.errors import Interrupted, OutputError, RunBusyError
from whet.forecast import Plan
from whet.records import StepRecord
from whet.settings import config
from whet.system import runtime

fcntl = pytest.importorskip("fcntl", reason="processes of POSIX")
resource = pytest.importorskip("resource", reason="processes of POSIX")

SOURCE = str(Path(pipeline.__file__).parents[1])


def follow(data: str, model: Path, **settings: Any) -> Iterator[pipeline.Event]:
    return iter(pipeline.follow(data, config.resolve({**SETTINGS, "model": str(model), **settings})))


def until_it_trains(process: subprocess.Popen[Any], run: Path) -> None:
    until = time.monotonic() + 120
    events = run / "events.jsonl"
    while not (events.exists() and '"kind": "step"' in events.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


# ---------------------------------------------------------------- one at a time

CONTEND = """
import os, sys, time
from pathlib import Path
from whet.disk import lock
from whet.errors import RunBusyError

folder = Path(sys.argv[1])
try:
    with lock.held(folder):
        os.mkdir(folder / "alone")  # fails where another one is there too
        print("held", flush=True)
        sys.stdin.read()
        os.rmdir(folder / "alone")
except RunBusyError as fault:
    print(fault.message, flush=True)
"""


def contender(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONTEND, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_eight_processes_one_has_the_folder_and_a_killed_one_leaves_it_free_at_once(here: Path) -> None:
    """P6"""
    processes = [contender(here) for _ in range(8)]
    said = {process.pid: told(process) for process in processes}
    (holder,) = [process for process in processes if said.pop(process.pid) == "held"] or [None]
    assert holder is not None
    for line in said.values():
        assert line.startswith(f"{here}: ")
        assert " works in this run folder. Wait for it, or give another --output." in line
    holder.kill()
    holder.wait()
    (here / "alone").rmdir()
    after = contender(here)
    assert told(after) == "held"
    for process in [*processes, after]:
        process.communicate()
    with lock.held(here):
        pass


def test_a_process_that_planned_while_another_one_trained_starts_nothing_over(
    data: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """P6: both found an empty folder, and the first has ended when the second comes to it."""
    for harm in ("ended", "stopped"):
        second = follow(data, tiny_bert, output=harm, brief=False)
        for event in second:
            if isinstance(event, Plan):
                break
        first = follow(data, tiny_bert, output=harm, brief=False)
        for event in first:
            if harm == "stopped" and isinstance(event, StepRecord) and event.step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
                with pytest.raises(Interrupted, match="after step 5"):
                    next(first)
                break
        before = {path: path.read_bytes() for path in (here / harm).rglob("*") if path.is_file()}
        assert len(before) >= 5
        with pytest.raises(RunBusyError) as caught:
            list(second)
        assert caught.value.message == (
            f"{harm}: another process worked in this run folder a moment ago. Give the same command again."
        )
        assert {path: path.read_bytes() for path in (here / harm).rglob("*") if path.is_file()} == before


@pytest.mark.filterwarnings("ignore:flock not supported:UserWarning")
def test_where_the_file_system_knows_no_locks_a_file_takes_their_place(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: a network file system without flock."""

    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.held(here):
        with pytest.raises(RunBusyError, match=rf"process {os.getpid()} on "):
            lock.check(here)
        with pytest.raises(RunBusyError), lock.held(here):
            pass
    with lock.held(here):
        pass


def test_a_file_system_that_fails_to_lock_is_a_fault_of_the_disk(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7"""

    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OutputError) as caught, lock.held(here):
        pass
    assert caught.value.message == f"{here}: cannot be locked: No locks available. Give another --output."


# ---------------------------------------------------------------- clocks


def test_a_clock_that_jumps_changes_nothing(
    data: str, job: Job, tiny_bert: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8"""
    whole = job(data, **{**SETTINGS, "output": "whole"})
    chance, real = random.Random(0), datetime.datetime

    class Jumping(real):  # type: ignore[valid-type, misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(1999 + chance.randrange(60), 1 + chance.randrange(12), 1, tzinfo=tz)

    monkeypatch.setattr(time, "time", lambda: chance.uniform(0, 4e9))
    monkeypatch.setattr("whet.runs.run_folder.datetime", Jumping)
    monkeypatch.setattr("whet.disk.lock.datetime", Jumping)
    for at in (3, 7):
        with pytest.raises(Interrupted, match=f"after step {at}"):
            for event in follow(data, tiny_bert, checkpoint_every=1):
                if isinstance(event, StepRecord) and event.step == at:
                    os.kill(os.getpid(), signal.SIGTERM)
        for age, path in enumerate(sorted((here / "run" / "checkpoints").iterdir())):  # the newest is the oldest
            os.utime(path, (1e9 - age, 1e9 - age))
    ended = job(data, **SETTINGS, checkpoint_every=1)
    assert "going on after step 7 of 12" in ended.notices
    assert weights_of(ended.path) == weights_of(whole.path)
    seconds = [event["train_seconds"] for event in events_of(ended.path) if event["kind"] == "step"]
    assert seconds == sorted(seconds)
    assert 0 < seconds[-1] < 60
    assert job(data, **SETTINGS, checkpoint_every=1).end.resumed_finished


# ---------------------------------------------------------------- terminals

KOREAN = [(f"{text} 영화 👍", "긍정" if label == "positive" else "부정") for text, label in review_rows()]


@pytest.fixture(scope="module")
def korean(job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set, and a run on it."""
    folder = tmp_path_factory.mktemp("korean")
    data = write_csv(folder / "영화.csv", KOREAN)
    return data, job(str(data), **{**SETTINGS, "epochs": 1.0, "output": str(folder / "run")}).path


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "DATA"],
        ["check", "DATA", "--tokens", "0", "--model", "MODEL"],
        ["train", "DATA", "--model", "MODEL", "--no-baseline", "--epochs", "1", "--threads", "1", "--output", "run"],
        ["train", "영화👍.csv"],
        ["predict", "RUN", "영화 👍"],
        ["predict", "RUN", "영화 👍", "--format", "table"],
        ["predict", "RUN", "영화 👍", "--json"],
        ["doctor"],
        ["doctor", "RUN"],
    ],
    ids=lambda arguments: " ".join(arguments[:4:3]),
)
@pytest.mark.parametrize("encoding", ["cp949", "ascii"])
def test_a_console_that_lacks_letters_gets_them_escaped(
    korean: tuple[Path, Path], tiny_bert: Path, arguments: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch,
    here: Path,
) -> None:  # fmt: skip
    """P11: a Korean Windows console, and a container without a locale."""
    data, run = korean
    names = {"DATA": str(data), "RUN": str(run), "MODEL": str(tiny_bert)}
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for name in ("stdout", "stderr")
    }
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    command = [names.get(part, part) for part in arguments]
    code = main(command if arguments == ["doctor"] else [*command, "--lang", "ko"])
    written = {}
    for name, stream in streams.items():
        stream.flush()
        written[name] = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    monkeypatch.undo()
    assert code == (3 if arguments[1:] == ["영화👍.csv"] else 0), written
    assert "Traceback" not in written["stderr"]
    assert "bug" not in written["stderr"]
    if arguments == ["predict", "RUN", "영화 👍"]:
        shown = "영화 \\U0001f44d" if encoding == "cp949" else "\\uc601\\ud654 \\U0001f44d"
        assert written["stdout"].startswith(shown + "\n")
    if "--json" in arguments:
        assert json.loads(written["stdout"])[0]["text"] == "영화 👍"


def test_texts_under_a_locale_without_their_letters_are_read_as_utf_8(korean: tuple[Path, Path], whet: Command) -> None:
    """P11: what a shell hands over as bytes, LC_ALL=C does not know."""
    _, run = korean
    typed = "영화 👍".encode().decode("ascii", "surrogateescape")  # as Python gives it to the command
    ended = whet("predict", str(run), typed, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json[0]["text"] == "영화 👍"
    assert ended.json == whet("predict", str(run), "영화 👍", "--json").json


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_job_without_one_of_its_streams_says_on_the_other_what_belongs_there(
    command: list[str], whet: Command, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """P11"""
    monkeypatch.setattr(sys, closed, None)
    ended = whet(*command)
    monkeypatch.undo()
    assert ended.code == 0
    if closed == "stdout":
        assert (ended.out, ended.err.count("step 12/12 ")) == ("", 1)
        assert "Result on" not in ended.err
    else:
        assert (ended.out.splitlines()[1], ended.err) == ("Result on 6 test rows", "")
        assert "step 12/12" not in ended.out


def test_a_reader_that_has_gone_ends_no_training(
    command: list[str], whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P11: `whet train ... 2>&1 | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        ended = whet(*command)
        monkeypatch.undo()
    assert ended.code == 0
    assert (here / "run" / "metrics.json").is_file()


# ---------------------------------------------------------------- surroundings


CLOSED = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "whet", *sys.argv[1:]])
"""


def test_a_training_needs_no_streams_no_environment_and_few_files_and_keeps_the_umask(
    command: list[str], here: Path
) -> None:
    """P11, P12, P13: a service with env -i, ulimit -n 32 and umask 077."""
    (here / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, *command], capture_output=True, stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": SOURCE, "HOME": str(here / "home")}, umask=0o077, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (here / "run" / "metrics.json").is_file()
    assert (here / "run").stat().st_mode & 0o777 == 0o700
    assert (here / "home" / ".cache" / "whet" / "tokens").is_dir()
    for line in (here / "run" / "events.jsonl").read_text().splitlines():
        json.loads(line)  # nobody has written to a number that a file of ours was given


@pytest.mark.parametrize("home", ["read-only", "none"])
def test_a_home_that_cannot_be_written_is_not_needed(
    data: str, tiny_bert: Path, whet: Command, here: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """P12: a container with a read-only image, or with a user that its system does not know."""
    made = []
    for name in ("WHET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if home == "read-only":
        monkeypatch.setenv("HOME", str(here / "home"))
        real = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode == os.F_OK and real(path, mode))
        (here / "home").mkdir()
    else:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    runtime._scratch.cache_clear()
    real_mkdtemp = runtime.tempfile.mkdtemp

    def mkdtemp(**given: Any) -> str:
        made.append(Path(real_mkdtemp(**given)))
        return str(made[-1])

    with monkeypatch.context() as patch:
        patch.setattr(runtime.tempfile, "mkdtemp", mkdtemp)
        scratch = runtime.usable_cache()
    assert made == [scratch]
    ended = whet("train", data, "--model", str(tiny_bert), *OPTIONS, "--output", "run", "--baseline")
    assert ended.code == 0, ended.err
    if home == "read-only":
        assert (
            f"note: {here / 'home' / '.cache' / 'whet'} cannot be written: tokens and baselines are not kept for "
            "another run\n"
        ) in ended.err
        assert list((here / "home").iterdir()) == []
    assert sorted(path.name for path in scratch.iterdir()) == ["baselines", "tokens"]
    runtime._scratch.cache_clear()
    shutil.rmtree(scratch)


def test_the_cache_that_takes_the_place_of_another_ends_with_its_process(here: Path) -> None:
    """P12"""
    code = (
        "from pathlib import Path; Path.home = lambda: (_ for _ in ()).throw(RuntimeError())\n"
        "from whet.system import runtime; folder = runtime.usable_cache(); assert folder.is_dir(); print(folder)"
    )
    ended = python("-c", code, WHET_CACHE="", TMPDIR=str(here))
    assert Path(ended.out.strip()).parent == here, ended.err
    assert list(here.iterdir()) == []


def test_too_many_open_files_are_told_as_such(
    data: str, tiny_bert: Path, whet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13"""

    def read(*given: Any, **named: Any) -> Any:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), data)

    monkeypatch.setattr("whet.preparing.prepare.settle", read)
    ended = whet("train", data, "--model", str(tiny_bert))
    assert (ended.code, ended.errors) == (
        7, [f"Too many open files: {data}. Raise the limit, which ulimit -n shows."]
    )  # fmt: skip


# ---------------------------------------------------------------- signals and children


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_whoever_started_the_job_ignores_does_not_stop_it(
    data: str, tiny_bert: Path, number: signal.Signals
) -> None:
    """P14: trap '' TERM, and nohup."""
    before, told = signal.signal(number, signal.SIG_IGN), []
    try:
        for event in follow(data, tiny_bert):
            told.append(event)
            if isinstance(event, StepRecord) and event.step == 5:
                os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
    assert len(Told(tuple(told)).steps) == STEPS
    assert Told(tuple(told)).run.metrics


def children(session: int) -> list[str]:
    """Processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path.parent.name)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_the_first_process_of_a_container_hears_signals_and_leaves_no_child(
    data: str, tiny_bert: Path, here: Path
) -> None:
    """P14, P16: to process 1 the system gives no signal that it has not asked for."""
    first = ["unshare", "--pid", "--fork", "--kill-child"]
    if not shutil.which("unshare") or subprocess.run([*first, "true"], capture_output=True).returncode:
        pytest.skip("nobody may make a container here")
    options = [part if part != "2" else "400" for part in OPTIONS]
    command = ["train", data, "--model", str(tiny_bert), *options, "--output", "run", "--yes"]
    process = subprocess.Popen(
        [*first, sys.executable, "-m", "whet", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    until_it_trains(process, here / "run")
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "stopped by SIGTERM after step " in err
    assert len(list((here / "run" / "checkpoints").iterdir())) in (1, 2)
    assert children(process.pid) == []


def test_a_prediction_that_is_killed_leaves_no_file_that_looks_whole(taught: Told, here: Path) -> None:
    """P15"""
    (here / "texts.txt").write_text("".join(f"A fine film, number {i}\n" for i in range(100_000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "whet", "predict", str(taught.path), "--file", "texts.txt", "--output", "answers.csv"],
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    partial, until = here / "answers.csv.partial" / "rows", time.monotonic() + 120
    while not (partial.exists() and partial.stat().st_size > 100_000):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not (here / "answers.csv").exists()
    assert children(process.pid) == []  # P16
