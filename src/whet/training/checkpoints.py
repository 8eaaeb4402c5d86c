"""The checkpoints of a run: what is kept of a training on its way, and which of it is gone on from.

    checkpoints/step-00000120/    model, optimizer, random and best .safetensors · state.json · MANIFEST.json

A checkpoint appears whole or not at all (`durable`). The newest that is what its manifest says is the one
to go on from. An older one is removed only after two newer ones were read back and found whole.
"""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.disk import durable
from whet.errors import ModelError, OutputError
from whet.sentences.bilingual import said
from whet.training.state import State, read_as_written, read_numbers, write_state

KEPT = 2
FACTS = {"device": str, "precision": str, "threads": int, "versions": dict, "chosen": dict, "events": int}
NAME = re.compile(r"step-\d{8,}")
FIRST = 60.0  # seconds of training before the first checkpoint that nobody asked for
WORTH = 10.0  # seconds of training at its end that are not to be done again for an evaluation that was cut short
SHARE = 0.03  # of the time since the last one, that a checkpoint may take


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint to go on from."""

    path: Path
    numbers: Mapping[str, Any]
    """The JSON of its state."""
    said: str
    """What is to be told of newer ones that are not whole."""

    @property
    def step(self) -> int:
        return int(self.numbers["step"])

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was kept of the job beside its training; ModelError where that is none."""
        with read_as_written(self.path):
            facts: Mapping[str, Any] = self.numbers["facts"]
            for name, kind in FACTS.items():
                if not isinstance(facts[name], kind):
                    raise TypeError(f"{name} is {facts[name]!r}")
        return facts


class Checkpoints:
    """Those under one folder. `mirror`: a second place, where each is copied to, and looked for."""

    def __init__(self, folder: Path, mirror: Path | None = None) -> None:
        self._folder, self._mirror = folder, mirror
        self._whole: set[Path] = set()  # those that this process has read
        self._swept = False  # so that there is a mirror

    def beside(self, name: str) -> Path:
        """A file for something else that a job which goes on need not do again; it is removed with the checkpoints."""
        return self._folder / name

    def sweep(self) -> None:
        """Removes what a process that was ended had begun to write or to remove. OutputError where there can be
        no mirror: its first copy may be due only after an hour."""
        if self._mirror is not None:
            try:
                self._mirror.mkdir(parents=True, exist_ok=True)
            except OSError as fault:
                where = f"--mirror {self._mirror.parent}"
                raise OutputError(
                    f"cannot write: {fault.strerror}", where=where, todo="Give another --mirror"
                ) from None
        for folder in filter(None, (self._folder, self._mirror)):
            if folder.is_dir():
                durable.sweep(folder)
        self._swept = True

    def save(self, state: State) -> Path:
        """Writes a checkpoint, reads it back, copies it to the mirror, and removes all but the newest two
        that are whole. Raises OutputError where a disk does not take it, and names which."""
        step = state.numbers["step"]
        path = self._folder / f"step-{step:08}"
        todo = "Free space or mend the disk; the same command goes on from the checkpoint before"
        with _told(step, path, todo):
            with durable.new_folder(path) as scratch:
                write_state(scratch, state)
            self._check(path)
            self._retain(self._folder)
        if self._mirror is not None:
            todo = "Free space there or give another --mirror; the same command goes on from this checkpoint in the run"
            with _told(step, self._mirror, todo):
                self._copy(path, self._mirror)
                self._retain(self._mirror)
        return path

    def newest(self) -> Found | None:
        """The newest checkpoint that is whole, here or in the mirror; None where there was none. ModelError where none
        is whole, or where the newest is of another version of whet."""
        damaged: list[str] = []
        for path in self._candidates():
            wrong = durable.damage(path)
            if wrong is None:
                self._whole.add(path)
                told = said({"damaged": "; ".join(damaged), "name": path.name}, "going back") if damaged else ""
                return Found(path, read_numbers(path), told)
            damaged.append(f"{path}: {wrong}")
        if damaged:
            raise ModelError(
                f"no checkpoint is whole: {'; '.join(damaged)}",
                where=str(self._folder),
                todo="Restore one of them, or start over with --fresh",
            )
        return None

    def remove(self) -> list[str]:
        """After the run has ended well. Returns what is to be told of those that could not be removed."""
        left: list[str] = []
        for folder in filter(None, (self._folder, self._mirror)):
            try:
                if folder.is_dir():
                    durable.remove_folder(folder)
            except OSError as fault:
                left.append(said({"folder": folder, "fault": fault.strerror or fault}, "checkpoints left"))
        return left

    def _copy(self, path: Path, mirror: Path) -> None:
        """Copies a checkpoint that is whole. OutputError where something else arrives; raises OSError."""
        if self._swept and not mirror.is_dir():  # a drive that is gone, not one to make anew
            raise FileNotFoundError(errno.ENOENT, "the mirror is no longer there")
        with durable.new_folder(mirror / path.name) as scratch:
            for file in path.iterdir():
                shutil.copyfile(file, scratch / file.name)
            # By the manifest that came along, for the block ends with another, of what has arrived.
            _check(scratch, mirror / path.name)
        self._check(mirror / path.name)

    def _check(self, path: Path) -> None:
        _check(path, path)
        self._whole.add(path)

    def _retain(self, folder: Path) -> None:
        """Removes all but the newest two that are whole: damaged ones too, which may be those of later steps."""
        kept = 0
        for path in reversed(_all(folder)):
            if kept < KEPT and (path in self._whole or durable.damage(path) is None):
                self._whole.add(path)
                kept += 1
            else:
                durable.remove_folder(path)

    def _candidates(self) -> Iterator[Path]:
        """Newest first; of the same step the one in the run before its copy."""
        places = [folder for folder in (self._mirror, self._folder) if folder is not None]
        found = [(_step(path), here, path) for here, folder in enumerate(places) for path in _all(folder)]
        for _, _, path in sorted(found, reverse=True):
            yield path


class Schedule:
    """When a checkpoint is due: after every `every` steps or, where nobody asked, so seldom that saving takes
    a small share of the time, and at the end what is worth it."""

    def __init__(self, every: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._pause, self._last = FIRST, clock()

    def due(self, step: int, *, ended: bool) -> bool:
        """Whether to save after so many steps, the last of which has `ended` the training."""
        if self._every is not None:
            return ended or step % self._every == 0
        return self._clock() - self._last >= (min(WORTH, self._pause) if ended else self._pause)

    def saved(self, seconds: float) -> None:
        """Tells what a checkpoint took."""
        self._last, self._pause = self._clock(), max(FIRST, seconds / SHARE)


def at_once(every: int | None, seconds: float) -> int:
    """How many checkpoints are on the disk at once, at the most, in a training of so many seconds."""
    if every is not None:
        return KEPT + 1
    return 0 if seconds < WORTH else min(KEPT + 1, 1 + int(seconds / FIRST))


@contextmanager
def _told(step: int, place: Path, todo: str) -> Iterator[None]:
    """Turns a disk's complaint while a checkpoint is saved into a message that names the place."""
    try:
        yield
    except OSError as fault:
        saw = f"the checkpoint of step {step} cannot be written: {fault.strerror or fault}"
        raise OutputError(saw, where=str(place), todo=todo) from None


def _check(folder: Path, name: Path) -> None:
    """Raises OutputError where a folder, which has this name or is to get it, is not what its manifest says."""
    wrong = durable.damage(folder)
    if wrong is not None:
        raise OutputError(
            f"a checkpoint reads otherwise than it was written: {wrong}", where=str(name), todo="Look at the disk"
        )


def _all(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted((path for path in folder.glob("step-*") if NAME.fullmatch(path.name)), key=_step)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
