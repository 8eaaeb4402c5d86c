"""Kills jobs at random moments and lets the same command end them; prints one JSON line on what came of it.

    python tests/faults/kills.py MODEL TRIALS SEED

Each job is killed (SIGKILL) at least twice, in turn at any moment and within the writing of a checkpoint, and
is then left to end. It counts as alike where its weights are those of a job that nobody killed, byte for byte.
Jobs are children of this process, which has loaded torch once.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from whet import pipeline
from whet.settings import config
from whet.training import checkpoints

KILLS = 2  # of each job, at least
FAULT = "fault.txt"  # what a job ended with that was not killed
LONGEST = 0.02  # seconds after the beginning of a save, within which it is killed
ROWS = [(f"{word} film, number {i}", label) for i in range(24) for word, label in (("good", "pos"), ("bad", "neg"))]


def job(model: str) -> None:
    settings: dict[str, Any] = {
        "model": model, "output": "run", "checkpoint_every": 1, "threads": 1, "epochs": 2.0, "batch_size": 8,
        "baseline": False, "learning_rate": 1e-3, "evaluate_every": 4,
    }  # fmt: skip
    for _ in pipeline.follow("reviews.csv", config.resolve(settings)):
        pass


def start(folder: Path, model: str) -> tuple[int, int]:
    """A job in a process of its own, and the end of a pipe that gets a byte at the beginning of each save."""
    end, told = os.pipe()
    child = os.fork()
    if child:
        os.close(told)
        return child, end
    code = 1
    try:
        os.chdir(folder)
        real = checkpoints.write_state

        def write_state(*given: Any) -> None:
            os.write(told, b".")
            real(*given)

        checkpoints.write_state = write_state
        job(model)
        code = 0
    except BaseException:  # noqa: BLE001  told to whoever forked it
        (folder / FAULT).write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        os._exit(code)


def load_all(folder: Path, model: str) -> None:
    """Loads what a job loads, so that those that follow need not. A whole job here would leave threads behind,
    which a fork does not copy."""
    end, told = os.pipe()
    child = os.fork()
    if not child:
        os.chdir(folder)
        job(model)
        with os.fdopen(told, "w") as file:
            file.write("\n".join(sys.modules))
            file.flush()
            os._exit(0)
    os.close(told)
    with os.fdopen(end) as file:
        names = file.read().split()
    os.waitpid(child, 0)
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()


def ended(child: int, end: int) -> int:
    os.close(end)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def aim(end: int, chance: random.Random, seconds: float, *, into_save: bool) -> None:
    """Waits for the moment of a kill."""
    if not into_save:
        until = time.monotonic() + chance.uniform(0, seconds)
        while (left := until - time.monotonic()) > 0 and select.select([end], [], [], left)[0] and os.read(end, 1):
            pass  # to the end of the time, or of the job
        return
    for _ in range(chance.randint(1, 8)):
        if not select.select([end], [], [], 4 * seconds + 10)[0] or not os.read(end, 1):
            return  # the job has ended
    time.sleep(chance.uniform(0, LONGEST))


def last_save(end: int) -> float:
    """When a job that nobody kills began its last save."""
    last = time.monotonic()
    while os.read(end, 1):
        last = time.monotonic()
    return last


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "run" / "model" / "model.safetensors").read_bytes()).hexdigest()


def make(folder: Path) -> Path:
    folder.mkdir()
    (folder / "reviews.csv").write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in ROWS))
    return folder


def main(model: str, trials: int, seed: int) -> None:
    torch.set_num_threads(1)
    chance = random.Random(seed)
    found = {"trials": trials, "alike": 0, "kills": 0, "in_saves": 0, "strange": []}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WHET_CACHE"] = f"{scratch}/cache"
        load_all(make(Path(scratch, "first")), model)  # and leaves the tokens in the cache
        whole, started = make(Path(scratch, "whole")), time.monotonic()
        child, end = start(whole, model)
        saving = last_save(end) - started
        assert ended(child, end) == 0
        seconds = time.monotonic() - started
        expected = weights(whole)
        for trial in range(trials):
            folder, kills = make(Path(scratch, str(trial))), 0
            while kills < KILLS:
                into_save = (trial + kills) % 2 == 0
                child, end = start(folder, model)
                # A kill into a save is to follow the first one: what comes after the last save would leave none.
                aim(end, chance, seconds if kills else saving, into_save=into_save)
                os.kill(child, signal.SIGKILL)
                if ended(child, end) == -signal.SIGKILL:
                    found["in_saves"] += into_save
                kills += 1
            found["kills"] += kills
            code = ended(*start(folder, model))
            left = [str(path) for path in folder.rglob("tmp-*")]
            if code == 0 and weights(folder) == expected and not left:
                found["alike"] += 1
            else:
                fault = (folder / FAULT).read_text(encoding="utf-8") if (folder / FAULT).exists() else ""
                found["strange"].append({"trial": trial, "code": code, "left": left, "fault": fault})
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
