"""The machine: device, threads, seeds and caches, each choice with its reason.

The only module that reads the environment or changes global state, and only when called.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import platform
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np

from whet.config import DeviceName, Language
from whet.errors import MissingExtraError, UsageError

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TRAIN_PACKAGES = ("torch", "transformers", "safetensors", "sklearn", "pyarrow")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a job runs on."""

    device: str
    device_reason: str
    threads: int
    threads_reason: str


def require_training() -> None:
    """Raises MissingExtraError with the exact pip line for this system unless the packages of the
    extra `train` are installed. Loads none of them."""
    missing = [package for package in TRAIN_PACKAGES if importlib.util.find_spec(package) is None]
    if not missing:
        return
    names = ["scikit-learn" if package == "sklearn" else package for package in missing]
    raise MissingExtraError(
        f"training needs {', '.join(names)}, not installed in {sys.prefix}",
        todo=f"Run: {pip_line()}",
    )


def pip_line() -> str:
    """The command that installs what training needs here: on a Linux or Windows machine without an
    NVIDIA card PyTorch's CPU index spares several gigabytes of CUDA."""
    pip = 'pip install "whet[train,embedded]"'
    if platform.system() == "Darwin" or _has_nvidia():
        return pip
    return f"{pip} --extra-index-url {CPU_INDEX}"


def choose(device: DeviceName, threads: int | None) -> Runtime:
    """Device and threads for a job. Loads torch; a device that was asked for and is not there
    raises UsageError."""
    with loading():
        chosen, device_reason = _device(device)
    if threads is not None:
        return Runtime(chosen, device_reason, threads, "given")
    return Runtime(chosen, device_reason, free_cores(), "the cores this process may use")


def apply(runtime: Runtime, seed: int) -> None:
    """Sets threads and seeds every random stream: the same seed and threads give the same run."""
    import torch

    torch.set_num_threads(runtime.threads)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def free_cores() -> int:
    """Cores this process may use: its affinity, cut by a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, period = [*quota.read_text().split(), "100000"][:2]
        if limit != "max":
            cores = min(cores, max(1, round(int(limit) / int(period))))
    return max(1, cores)


def cache_folder() -> Path:
    """Where tokens and baselines are kept between runs: WHET_CACHE, else the user's cache."""
    given = os.environ.get("WHET_CACHE")
    if given:
        return Path(given)
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "whet" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "whet"


def language(asked: Language) -> Literal["en", "ko"]:
    """The language of messages: as asked, else Korean where the locale is Korean."""
    if asked != "auto":
        return asked
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "ko" if re.match(r"ko(rean)?([_.@-]|$)", locale.lower()) else "en"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on, installed ones only."""
    found = {"python": platform.python_version()}
    for package in ("whet", "torch", "transformers", "tokenizers", "safetensors", "numpy", "scikit-learn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def trim() -> None:
    """Gives freed memory back to the system, where glibc holds it. Tensors of ever other sizes leave
    holes that nothing fits: 300 MB after a million predictions."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


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

    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
        "cpu": True,
    }
    if asked == "auto":
        chosen = next(name for name, there in present.items() if there)
        if chosen != "cpu":
            return chosen, f"a {chosen.upper()} device is there"
        return "cpu", _why_no_gpu(torch.version.cuda, torch.__version__)
    if not present[asked]:
        usable = [name for name, there in present.items() if there]
        raise UsageError(
            f"no {asked} device can be used: {_why_no_gpu(torch.version.cuda, torch.__version__)}",
            where="--device",
            expected=" or ".join(usable),
        )
    return asked, "given"


def _why_no_gpu(cuda_build: str | None, version: str) -> str:
    if cuda_build is None and _has_nvidia():
        return f"this PyTorch ({version}) is built without CUDA, although an NVIDIA driver is there"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    return "no GPU was found"


def _has_nvidia() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
