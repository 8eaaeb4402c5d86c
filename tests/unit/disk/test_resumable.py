"""A file that goes on where its writing was stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whet.disk import resumable
from whet.errors import OutputError, RunBusyError

ABOUT = {"input": "abc", "options": {"form": "csv", "parts": (1, 2)}}
LINES = [f"row {i} 한글\n" for i in range(50)]


def write(path: Path, *, until: int = len(LINES), about: dict[str, object] = ABOUT) -> resumable.Unfinished:
    """Writes the lines that are missing up to this one, and finishes behind the last."""
    with resumable.opened(path, about) as unfinished:
        for line in LINES[unfinished.rows : until]:
            unfinished.write(line, 1)
        if unfinished.rows == len(LINES):
            unfinished.finish()
        elif until < len(LINES):
            raise KeyboardInterrupt
    return unfinished


def stopped(path: Path, until: int, about: dict[str, object] = ABOUT) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(path, until=until, about=about)


def test_a_file_that_was_stopped_goes_on_and_is_the_same_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    assert not path.exists()
    with resumable.opened(path, ABOUT) as unfinished:
        assert (unfinished.rows, unfinished.changed) == (7, ())
    stopped(path, 30)
    write(path)
    assert path.read_text(encoding="utf-8") == "".join(LINES)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["input", "options"])
def test_what_is_about_something_else_begins_anew_and_says_what_changed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    with resumable.opened(path, {**ABOUT, name: "other"}) as unfinished:
        assert (unfinished.rows, unfinished.changed) == (0, (name,))
    assert list(tmp_path.iterdir()) == []
    assert write(path).rows == 50


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_rows_that_are_not_those_of_the_record_are_written_anew(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    rows = tmp_path / "a.csv.partial" / resumable.ROWS
    content = rows.read_bytes()
    rows.unlink() if harm == "gone" else rows.write_bytes(content[:-1] if harm == "cut" else b"R" + content[1:])
    with resumable.opened(path, ABOUT) as unfinished:
        assert (unfinished.rows, unfinished.changed) == (0, ("rows",))


@pytest.mark.parametrize("name", ["format", "rows", "bytes", "crc32", "threads"])
@pytest.mark.parametrize("value", [-1, "x", 1.5, [], True])
def test_a_record_that_says_anything_at_all_does_no_harm(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    record = tmp_path / "a.csv.partial" / resumable.RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {name: value}))
    assert write(path).threads == 0
    assert path.read_text(encoding="utf-8") == "".join(LINES)


def test_bytes_behind_the_record_are_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    with (tmp_path / "a.csv.partial" / resumable.ROWS).open("ab") as file:
        file.write(b"half a r")
    write(path)
    assert path.read_text(encoding="utf-8") == "".join(LINES)


def test_another_form_of_the_rows_becomes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    stopped(path, 7)
    (tmp_path / "a.csv.partial" / resumable.WHOLE).write_text("half of an earlier one")
    with resumable.opened(path, ABOUT) as unfinished:
        assert not unfinished.whole.exists()
        unfinished.whole.write_text("".join(line.upper() for line in unfinished.lines()))
        unfinished.finish()
    assert path.read_text(encoding="utf-8") == "".join(LINES[:7]).upper()
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    stopped(path, 7)
    assert path.read_text() == "old"
    write(path)
    assert path.read_text(encoding="utf-8") == "".join(LINES)


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with resumable.opened(path, ABOUT), pytest.raises(RunBusyError) as caught, resumable.opened(path, ABOUT):
        pass
    assert caught.value.message.startswith(f"{path}.partial: process {os.getpid()} on ")
    assert caught.value.message.endswith(" writes this file. Wait for it, or give another --output.")


def _killed(path: Path) -> None:
    resumable.EVERY = 0.0
    with resumable.opened(path, ABOUT) as unfinished:
        for row, line in enumerate(LINES[unfinished.rows :]):
            if row == 9:
                os.kill(os.getpid(), signal.SIGKILL)
            unfinished.write(line, 1)


def test_a_process_that_is_killed_leaves_what_it_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=_killed, args=(path,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert not path.exists()
    with resumable.opened(path, ABOUT) as unfinished:
        assert unfinished.rows == 18
    write(path)
    assert path.read_text(encoding="utf-8") == "".join(LINES)


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_keeps_what_it_took_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "EVERY", 0.0)
    path = tmp_path / "a.csv"
    with files_at_most(500), pytest.raises(OutputError) as caught:
        write(path)
    assert caught.value.message == (
        f"--output: File too large: {path}. Make room; the same command goes on with what is written."
    )
    kept = (tmp_path / "a.csv.partial" / resumable.ROWS).read_text(encoding="utf-8")
    assert len(kept) > 100 and "".join(LINES).startswith(kept) and kept.endswith("\n")
    with resumable.opened(path, ABOUT) as unfinished:
        assert unfinished.rows == kept.count("\n")
    write(path)
    assert path.read_text(encoding="utf-8") == "".join(LINES)


def test_a_folder_that_is_not_there_is_a_fault_of_the_output(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.csv"
    with pytest.raises(OutputError) as caught, resumable.opened(path, ABOUT):
        pass
    assert caught.value.message == (
        f"--output: No such file or directory: {path}. Name a file in a folder that can be written to."
    )
    with pytest.raises(OutputError, match="not a file"), resumable.opened(tmp_path, ABOUT):
        pass
