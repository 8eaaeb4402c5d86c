"""What a job runs on: device, precision, threads, seeds and caches, each choice with its reason.

The only module that changes global state, and only when called. It reads what the user chose by the
environment; what the machine has is told by `machine` and `gpu`.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import platform
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from whet.errors import MissingExtraError, UsageError
from whet.sentences.bilingual import Bilingual, said
from whet.settings.config import DeviceName, Language, Precision, PrecisionName, Track
from whet.system import gpu, machine, numbers

SPINS = 20_000  # some 0.1 ms
FREE_CORES = said({}, "free cores")
# Of a tracker, and of its store where no server is named: as they are imported, and as pip calls them.
TRACKERS: dict[Track, tuple[str, ...]] = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow",)}
LOCAL_STORE = ("sqlalchemy", "alembic")
# A server that is gone shall not hold up a training, its client not print, and nobody be told that it is used.
MLFLOW_MANNERS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
}  # fmt: skip

AS_JSON = ("device", "precision", "threads")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a job runs on."""

    device: str
    device_reason: str
    threads: int
    threads_reason: str
    precision: Precision = "fp32"
    precision_reason: str = numbers.NOT_MADE_FOR_LESS

    def as_json(self) -> dict[str, object]:
        """As run.json tells it."""
        each = {name: (getattr(self, name), getattr(self, f"{name}_reason")) for name in AS_JSON}
        return {name: {"value": value, "reason": reason} for name, (value, reason) in each.items()}


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those of its job that torchrun started; without torchrun the only one."""

    rank: int = 0
    count: int = 1
    local: int = 0  # its rank among those of this machine
    local_count: int = 1
    attempt: int = 0  # how often torchrun has started them again


ALONE = Ranks()


def ranks() -> Ranks:
    """What torchrun tells each process; where it did not start this one, the only process."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
    given = [os.environ.get(name, "") for name in names]
    return Ranks(*map(int, given)) if all(given) else ALONE


def require_tracker(track: Track) -> None:
    """Raises MissingExtraError with the pip line unless the packages of a tracker are installed. Loads none of them."""
    needed = TRACKERS.get(track, ())
    if track == "mlflow" and not os.environ.get("MLFLOW_TRACKING_URI"):
        needed += LOCAL_STORE
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"--track {track} needs {', '.join(missing)}, not installed in {sys.prefix}",
            todo=f'Run: pip install "whet[{track}]"',
        )


def mlflow() -> tuple[str | None, str]:
    """MLflow's server, None for a local store, and the experiment, as the user's environment names them. Before its
    client is loaded: it is told to be quick to give up and quiet, unless the environment says otherwise."""
    for name, value in MLFLOW_MANNERS.items():
        os.environ.setdefault(name, value)
    return os.environ.get("MLFLOW_TRACKING_URI") or None, os.environ.get("MLFLOW_EXPERIMENT_NAME") or "whet"


def share_metrics(folder: Path) -> None:
    """Has the processes that this one starts count in files of this folder, by which each tells what all have done:
    prometheus_client looks for it when it is loaded."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def share_interpreter() -> None:
    """Has the threads of this process take turns each 0.2 ms instead of 5: one that waits for sockets would otherwise
    be kept waiting by one that computes, several times for each request."""
    sys.setswitchinterval(0.0002)


def set_apart() -> None:
    """Has the garbage collector look no more at what this process has loaded by now, libraries and model, half a
    million objects: to go through them takes a quarter of a second, in which no thread does anything."""
    gc.collect()
    gc.freeze()


def torch_fault() -> str:
    """Loads torch; '' where it can be, else why not: mostly a library of the system that it needs."""
    _share_cores()
    try:
        with loading():
            import torch  # noqa: F401
    except (ImportError, OSError) as fault:
        return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
    return ""


def choose(device: DeviceName, threads: int | None, ranks: Ranks = ALONE, precision: PrecisionName = "auto") -> Runtime:
    """Device, precision and threads for this process of a job. Loads torch; a device that was asked
    for and is not there raises UsageError."""
    chosen, reason = _settled(device, ranks)
    return Runtime(chosen, reason, *_threads(threads, ranks.local_count), *numbers.choose(precision, chosen))


def for_linear(threads: int | None) -> Runtime:
    """What a linear model is fitted on. Loads no torch."""
    return Runtime(
        "cpu", said({}, "linear on the CPU"), *_threads(threads, 1), precision_reason=said({}, "linear in fp64")
    )


def require_gpu(device: DeviceName, ranks: Ranks = ALONE) -> None:
    """Raises UsageError with the reason where `choose` would take the CPU. Loads torch."""
    chosen, reason = _settled(device, ranks)
    if chosen != "cpu":
        return
    todo = ""
    if device == "cpu":
        reason = "--device cpu says so"
    elif reason == (why := gpu.why_none()).reason:
        todo = why.todo
    raise UsageError(
        f"the training would run on the CPU: {reason}",
        where="--require-gpu",
        expected="a GPU that PyTorch can use",
        todo=todo,
    )


def _settled(device: DeviceName, ranks: Ranks) -> tuple[str, str]:
    """The device of this process, and why."""
    _share_cores()
    with loading():
        chosen, reason = _device(device)
    return _device_of_rank(chosen, reason, ranks) if ranks.count > 1 and chosen != "cpu" else (chosen, reason)


def _threads(asked: int | None, sharing: int) -> tuple[int, str]:
    if asked is not None:
        return asked, said({}, "given")
    cores = machine.free_cores()
    if sharing == 1:
        return cores, FREE_CORES
    return max(1, cores // sharing), said({"cores": cores, "processes": sharing}, "shared cores")


def apply(runtime: Runtime, seed: int | None) -> None:
    """Sets threads and seeds every random stream: the same seed and threads give the same run. With
    no seed, as for predictions, the streams are left alone."""
    import numpy as np
    import torch

    if runtime.device.startswith("cuda:"):
        torch.cuda.set_device(runtime.device)
    torch.set_num_threads(runtime.threads)
    if seed is None:
        return
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def threads_in_use() -> int:
    """How many threads torch computes with; 1 where it is not loaded."""
    torch = sys.modules.get("torch")
    return 1 if torch is None else int(torch.get_num_threads())


def use_threads(count: int) -> None:
    """Lets torch compute with as many, where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def threads_left() -> int | None:
    """How many threads the environment leaves a process that works beside others, as joblib does in each of its workers
    (OMP_NUM_THREADS); None where it says nothing."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) > 0 else None


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block after which the random streams of this process go on as if it had not been."""
    import numpy as np

    torch = sys.modules.get("torch")
    streams = random.getstate(), np.random.get_state()
    tensors = None if torch is None else torch.get_rng_state()
    cards = torch.cuda.get_rng_state_all() if torch is not None and torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        random.setstate(streams[0])
        np.random.set_state(streams[1])
        if torch is not None:
            torch.set_rng_state(tensors)
            torch.cuda.set_rng_state_all(cards)


def _share_cores() -> None:
    """Lets a thread that has waited a while for another give up its core. GNU's OpenMP spins some
    milliseconds, which on a machine with other work makes each product wait for a thread that lost
    its core; to sleep at once costs more than a short product takes. It reads this once, when torch
    is loaded. Figures: docs/log.md."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))


def cache_folder() -> Path:
    """Where tokens and baselines are kept between runs: WHET_CACHE, else the user's cache."""
    given = os.environ.get("WHET_CACHE")
    if given:
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError:  # a user whom the system does not know, as in many a container
        return _scratch()
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", str(home))) / "whet" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(home / ".cache"))) / "whet"


def usable_cache() -> Path:
    """The same, or a folder that ends with this process where the user's cache cannot be written."""
    folder = cache_folder()
    there = next(place for place in (folder, *folder.absolute().parents) if os.access(place, os.F_OK))
    # One that was asked for by name is not left in silence: writing there will fail, and say so.
    return folder if os.environ.get("WHET_CACHE") or os.access(there, os.W_OK | os.X_OK) else _scratch()


@lru_cache(maxsize=1)
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="whet-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def language(asked: Language) -> Literal["en", "ko"]:
    """The language of messages: as asked, else Korean where the locale is Korean."""
    if asked != "auto":
        return asked
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "ko" if re.match(r"ko(rean)?([_.@-]|$)", locale.lower()) else "en"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on, installed ones only."""
    from importlib import metadata  # slow to load, and every command loads this module

    found = {"python": platform.python_version()}
    for package in ("whet", "torch", "transformers", "tokenizers", "safetensors", "numpy", "scikit-learn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def loading() -> Iterator[None]:
    """Rests the garbage collector while large libraries are imported: their objects stay, and going
    through them again and again takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps transformers' progress bars and advice off the terminal for a while; errors stay."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _device(asked: DeviceName) -> tuple[str, str]:
    import torch

    if asked == "cpu":
        return asked, said({}, "given")
    present = {
        "cuda": torch.cuda.is_available() and gpu.has_code(),
        "mps": torch.backends.mps.is_available(),
        "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
        "cpu": True,
    }
    usable = [name for name, there in present.items() if there]
    if asked == "auto":
        best = usable[0]
        if best == "cpu":
            return best, Bilingual(gpu.why_none().reason, gpu.why_none("ko").reason)
        return best, said({"device": best.upper()}, "a device is there")
    if present[asked]:
        return asked, said({}, "given")
    why = gpu.why_none() if asked == "cuda" else None
    raise UsageError(
        f"no {asked} device can be used: {why.reason if why else f'this PyTorch ({torch.__version__}) finds none'}",
        where="--device",
        expected=" or ".join(usable),
        todo=why.todo if why else "",
    )


def cuda_devices(device: str) -> int:
    """How many devices there are beside each other where CUDA was chosen; 1 elsewhere."""
    if device != "cuda":
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def _device_of_rank(chosen: str, reason: str, ranks: Ranks) -> tuple[str, str]:
    """Each process of a machine has a CUDA device of its own; on other GPUs they cannot train."""
    import torch

    if chosen != "cuda":
        return "cpu", said({"device": chosen}, "no several there")
    if ranks.local_count > (there := torch.cuda.device_count()):
        raise UsageError(
            f"{ranks.local_count} processes here, but {there} CUDA device{'s' if there > 1 else ''}",
            where="torchrun",
            expected=f"--nproc_per_node={there}, or --device cpu",
        )
    return f"cuda:{ranks.local}", reason
