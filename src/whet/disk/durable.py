"""Files and folders that are on the disk whole or not at all, whatever ends the process or the power.

Everything is written under another name, flushed, and given its name last; then the folder that holds
the name is flushed too, without which a file system may forget it (Pillai et al. 2014, "All File Systems
Are Not Created Equal"). A folder carries a manifest, the size and the sha256 of each of its files, from
which a reader knows that it has what was written.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

MANIFEST = "MANIFEST.json"
SCRATCH = "tmp-"  # the beginning of every name that is not given yet, or no longer
FORMAT = 1  # of a manifest
# A virus scanner on Windows holds a new file open for a moment.
TRIES, PAUSE = 20, 0.05

IS_WINDOWS, IS_MACOS = sys.platform == "win32", sys.platform == "darwin"
LONGEST_PATH = 259  # characters on Windows, where long paths have not been allowed


def write(path: Path, content: str | bytes) -> None:
    """Writes a file, or leaves the one that is there as it is. Raises OSError."""
    raw = content.encode("utf-8") if isinstance(content, str) else content
    handle, scratch = tempfile.mkstemp(prefix=SCRATCH, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            flush(file.fileno())
        _open_to_all(Path(scratch))
        _rename(Path(scratch), path)
    finally:
        Path(scratch).unlink(missing_ok=True)
    flush_folder(path.parent)


@contextmanager
def new_folder(path: Path, *, free: Collection[str] = ()) -> Iterator[Path]:
    """A folder to be filled, which stands at `path` once the block has ended well; a fault of the block
    or of the disk leaves what was there before. `free`: as for `seal`. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=path.parent))
    try:
        yield scratch
        seal(scratch, free=free)
        _take_place(scratch, path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_place(scratch: Path, path: Path) -> None:
    """Gives a folder its name, and removes what had it."""
    if not path.exists():
        _rename(scratch, path)
        return
    old = path.with_name(f"{scratch.name}-old")
    _rename(path, old)
    try:
        _rename(scratch, path)
    except OSError:
        _rename(old, path)
        raise
    _remove(old)


def seal(folder: Path, *, free: Collection[str] = ()) -> None:
    """Flushes every file of a folder and then writes its manifest, which so is the last. `free`: names of
    files that people may change, and which the manifest leaves out."""
    files = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST):
        name = file.relative_to(folder).as_posix()
        if name not in free:
            files[name] = _fingerprint(file)
        _open_to_all(file)
        _flush(file)
    write(folder / MANIFEST, json.dumps({"format": FORMAT, "files": files}, indent=1))
    folder.chmod(0o755)


def damage(folder: Path, *, besides: Collection[str] = ()) -> str | None:
    """What is wrong with a folder by its manifest: a sentence that names the file. None: nothing is. `besides`: names
    of files that are not looked at."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except (OSError, ValueError, RecursionError) as fault:
        return f"{MANIFEST} cannot be read: {fault}"
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not files or not isinstance(manifest.get("format"), int):
        return f"{MANIFEST} is no manifest"
    if manifest["format"] > FORMAT:
        return f"{MANIFEST} has format {manifest['format']}, and this version knows {FORMAT}: upgrade whet"
    for name, known in files.items():
        wrong = None if name in besides else _wrong(folder, name, known)
        if wrong is not None:
            return wrong
    return None


def remove_folder(path: Path) -> None:
    """Removes a folder; cut short, it leaves one that nobody takes for whole."""
    away = path.with_name(f"{SCRATCH}{path.name}-{os.getpid()}")
    _rename(path, away)
    shutil.rmtree(away)


def sweep(folder: Path) -> None:
    """Removes what processes that were ended left under scratch names. Nobody else may be writing there."""
    for left in folder.glob(f"{SCRATCH}*"):
        _remove(left)


def _remove(path: Path) -> None:
    """Removes a file or a folder, of a link the link alone; of a folder as much as can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def room_below(path: Path) -> float:
    """How many characters a path below this one may have more, as far as the system limits that."""
    if not IS_WINDOWS or _long_paths_are_allowed():
        return math.inf
    return LONGEST_PATH - len(str(path.absolute()))


def _long_paths_are_allowed() -> bool:
    registry = importlib.import_module("winreg")
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(registry.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


def flush(handle: int) -> None:
    """What was written to an open file is on the disk. Raises OSError."""
    if IS_MACOS:
        control = importlib.import_module("fcntl")
        with suppress(OSError):  # a drive of the network may know no such thing
            control.fcntl(handle, control.F_FULLFSYNC)  # fsync leaves it in the memory of the drive there
            return
    os.fsync(handle)


def flush_folder(path: Path) -> None:
    """Makes sure of the names in a folder. Windows has no such thing: there a name is as durable as the
    file system makes it."""
    if IS_WINDOWS:
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flush(handle)
    finally:
        os.close(handle)


def _rename(source: Path, target: Path) -> None:
    for left in reversed(range(TRIES if IS_WINDOWS else 1)):
        try:
            source.replace(target)
        except PermissionError:
            if not left:
                raise
            time.sleep(PAUSE)
        else:
            return


def _open_to_all(file: Path) -> None:
    """A temporary file is its owner's alone; a result is not."""
    file.chmod(0o644)


def _fingerprint(file: Path) -> dict[str, object]:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return {"size": opened.tell(), "sha256": digest}


def _flush(file: Path) -> None:
    with file.open("rb+") as opened:  # Windows flushes what is open for writing
        flush(opened.fileno())


def _wrong(folder: Path, name: object, known: object) -> str | None:
    pure = PurePosixPath(str(name))
    odd = "\\" in str(name) or ":" in str(name) or not str(name).isprintable()
    if pure.is_absolute() or ".." in pure.parts or odd:
        return f"{MANIFEST} names {name!r}, which is outside the folder"
    if not isinstance(known, dict) or known.keys() != {"size", "sha256"}:
        return f"{MANIFEST} does not tell size and sha256 of {name}"
    try:
        found = _fingerprint(folder / pure)
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as fault:
        return f"{name} cannot be read: {fault.strerror or fault}"
    for what in ("size", "sha256"):
        if found[what] != known[what]:
            return f"{name} has {what} {found[what]}, {MANIFEST} says {known[what]}"
    return None
