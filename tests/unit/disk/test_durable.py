"""Files and folders appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from whet.disk import durable

FILES = {"a.bin": b"\x00\x01" * 500, "b/c.txt": "한글".encode()}


def fill(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with durable.new_folder(tmp_path / "made") as scratch:
        fill(scratch)
    return tmp_path / "made"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    durable.write(tmp_path / "x.json", "가")
    durable.write(tmp_path / "x.json", b"second")
    assert (tmp_path / "x.json").read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_stays_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    durable.write(tmp_path / "x.json", "first")

    def fail(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        durable.write(tmp_path / "x.json", "second")
    assert (tmp_path / "x.json").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_appears_with_a_manifest_that_it_fits(made: Path) -> None:
    assert durable.damage(made) is None
    manifest = json.loads((made / durable.MANIFEST).read_text())
    assert manifest["files"].keys() == FILES.keys()
    assert manifest["files"]["a.bin"]["size"] == 1_000
    assert [path.name for path in made.parent.iterdir()] == ["made"]


def test_everything_is_flushed_before_it_gets_its_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_flush, real_replace = os.fsync, os.replace

    def flush(handle: int) -> None:
        done.append(f"flush {Path(f'/proc/self/fd/{handle}').readlink().name}")
        real_flush(handle)

    def replace(source: Path, target: Path) -> None:
        done.append(f"name {Path(target).name}")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", replace)
    with durable.new_folder(tmp_path / "made") as scratch:
        fill(scratch)
    named = ["flush made" if line.startswith("flush tmp-") else line for line in done]
    assert named[:2] == ["flush a.bin", "flush c.txt"]
    assert named[2:4] == ["flush made", f"name {durable.MANIFEST}"]  # the manifest under its scratch name
    assert named[-2:] == ["name made", f"flush {tmp_path.name}"]


def test_a_block_that_fails_leaves_the_folder_that_was_there(made: Path) -> None:
    with pytest.raises(RuntimeError, match="half-way"), durable.new_folder(made) as scratch:
        (scratch / "a.bin").write_bytes(b"new")
        raise RuntimeError("half-way")
    assert durable.damage(made) is None
    assert (made / "a.bin").read_bytes() == FILES["a.bin"]
    assert [path.name for path in made.parent.iterdir()] == ["made"]


def test_a_folder_takes_the_place_of_another(made: Path) -> None:
    with durable.new_folder(made) as scratch:
        (scratch / "new.bin").write_bytes(b"new")
    assert sorted(path.name for path in made.iterdir()) == [durable.MANIFEST, "new.bin"]
    assert [path.name for path in made.parent.iterdir()] == ["made"]


def test_a_folder_whose_place_cannot_be_taken_stays_where_it_was(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = durable._rename

    def fails(source: Path, target: Path) -> None:
        if target == made and not source.name.endswith("-old"):
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(durable, "_rename", fails)
    with pytest.raises(OSError, match="Input/output error"), durable.new_folder(made) as scratch:
        (scratch / "new.bin").write_bytes(b"new")
    assert durable.damage(made) is None
    assert {name: (made / name).read_bytes() for name in FILES} == FILES
    assert not (made / "new.bin").exists()
    assert [path.name for path in made.parent.iterdir()] == ["made"]


def test_a_file_that_people_may_change_is_flushed_and_not_in_the_manifest(tmp_path: Path) -> None:
    with durable.new_folder(tmp_path / "made", free=["notes.md"]) as scratch:
        (scratch / "a.bin").write_bytes(b"a")
        (scratch / "notes.md").write_text("by us")
    (tmp_path / "made" / "notes.md").write_text("by them")
    assert durable.damage(tmp_path / "made") is None
    assert list(json.loads((tmp_path / "made" / durable.MANIFEST).read_text())["files"]) == ["a.bin"]


@pytest.mark.parametrize("name", [*FILES, durable.MANIFEST])
@pytest.mark.parametrize("kind", ["missing", "empty", "halved", "one bit"])
def test_each_damage_is_found_and_names_the_file(made: Path, name: str, kind: str) -> None:
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 1 if name != durable.MANIFEST else 0x80
    if kind == "missing":
        (made / name).unlink()
    else:
        half = (made / name).read_bytes()[: len(content) // 2]
        (made / name).write_bytes({"empty": b"", "halved": half, "one bit": bytes(content)}[kind])
    found = durable.damage(made)
    assert found is not None
    assert found.startswith(name)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ([], "is no manifest"),
        ({"format": 1, "files": {}}, "is no manifest"),
        ({"format": "1", "files": {"a.bin": {}}}, "is no manifest"),
        ({"format": 2, "files": {"a.bin": {}}}, "has format 2, and this version knows 1: upgrade whet"),
        ({"format": 1, "files": {"../a.bin": {}}}, "names '../a.bin', which is outside the folder"),
        ({"format": 1, "files": {"/etc/passwd": {}}}, "names '/etc/passwd', which is outside the folder"),
        ({"format": 1, "files": {"C:\\a": {}}}, "which is outside the folder"),
        ({"format": 1, "files": {"a.bin": {"size": 3}}}, "does not tell size and sha256 of a.bin"),
    ],
)
def test_a_manifest_that_is_none_is_told(made: Path, manifest: object, expected: str) -> None:
    (made / durable.MANIFEST).write_text(json.dumps(manifest))
    found = durable.damage(made)
    assert found is not None
    assert expected in found


def test_a_folder_that_is_removed_loses_its_name_first(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, **given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(durable.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        durable.remove_folder(made)
    (left,) = made.parent.iterdir()
    assert left.name.startswith(durable.SCRATCH)
    monkeypatch.undo()
    (made.parent / f"{durable.SCRATCH}file").touch()
    durable.sweep(made.parent)
    assert list(made.parent.iterdir()) == []


@pytest.mark.parametrize("known", [True, False])
def test_on_macos_the_drive_writes_down_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    flushed: list[str] = []

    def control(handle: int, what: int) -> None:
        assert what == 51
        if not known:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        flushed.append("full")

    monkeypatch.setattr(durable, "IS_MACOS", True)
    monkeypatch.setitem(sys.modules, "fcntl", SimpleNamespace(fcntl=control, F_FULLFSYNC=51))  # type: ignore[arg-type]
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append("plain"))
    durable.write(tmp_path / "x", "content")
    assert flushed == ["full" if known else "plain"] * 2  # the file, and the folder that has its name


class Registry:
    """Windows' registry, in which long paths are allowed, or not, or of which nobody knows."""

    HKEY_LOCAL_MACHINE = "HKLM"

    def __init__(self, allowed: int | None) -> None:
        self._allowed = allowed

    @contextlib.contextmanager
    def OpenKey(self, root: str, path: str) -> Iterator[str]:
        assert (root, path) == ("HKLM", r"SYSTEM\CurrentControlSet\Control\FileSystem")
        yield path

    def QueryValueEx(self, key: str, name: str) -> tuple[int, int]:
        if self._allowed is None:
            raise FileNotFoundError(name)
        assert name == "LongPathsEnabled"
        return self._allowed, 4


@pytest.mark.parametrize(("allowed", "room"), [(None, 239), (0, 239), (1, math.inf)])
def test_windows_has_room_for_short_paths_unless_long_ones_are_allowed(
    monkeypatch: pytest.MonkeyPatch, allowed: int | None, room: float
) -> None:
    folder = Path("/" + "x" * 19)
    assert durable.room_below(folder) == math.inf
    monkeypatch.setattr(durable, "IS_WINDOWS", True)
    monkeypatch.setitem(sys.modules, "winreg", Registry(allowed))  # type: ignore[arg-type]  # in its place
    assert durable.room_below(folder) == room


def test_where_folders_cannot_be_flushed_names_are_given_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "IS_WINDOWS", True)
    monkeypatch.setattr(durable, "PAUSE", 0.0)
    real, tries = os.replace, 0

    def scanned(source: Path, target: Path) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise PermissionError(errno.EACCES, "another program has the file open")
        real(source, target)

    monkeypatch.setattr(os, "replace", scanned)
    durable.write(tmp_path / "x", "content")
    assert (tmp_path / "x").read_text() == "content"
    assert tries == 3

    def held(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "held for ever")

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(PermissionError, match="held for ever"):
        durable.write(tmp_path / "x", "later")
    assert (tmp_path / "x").read_text() == "content"


def test_a_planted_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    """X14: neither a file nor a folder is written through a link that stands in its place."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "x.json").write_text("theirs")
    here = tmp_path / "here"
    here.mkdir()
    (here / "x.json").symlink_to(tmp_path / "theirs" / "x.json")
    (here / "model").symlink_to(tmp_path / "theirs", target_is_directory=True)
    durable.write(here / "x.json", "ours")
    with durable.new_folder(here / "model") as scratch:
        assert scratch.stat().st_mode & 0o777 == 0o700
        (scratch / "x.json").write_text("ours")
    assert {path.name: path.is_symlink() for path in here.iterdir()} == {"x.json": False, "model": False}
    assert [path.read_text() for path in (here / "x.json", here / "model" / "x.json")] == ["ours", "ours"]
    assert {path.name: path.read_text() for path in (tmp_path / "theirs").iterdir()} == {"x.json": "theirs"}
