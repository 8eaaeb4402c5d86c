"""The machine: device, threads, seeds and caches, each choice with its reason.

The only module that reads the environment or changes global state, and only when called.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from whet.config import DeviceName, Language
from whet.errors import MissingExtraError, UsageError

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# Of glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
TRAIN_PACKAGES = ("torch", "transformers", "safetensors", "sklearn", "pyarrow")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a job runs on."""

    device: str
    device_reason: str
    threads: int
    threads_reason: str


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


def choose(device: DeviceName, threads: int | None, ranks: Ranks = ALONE) -> Runtime:
    """Device and threads for this process of a job. Loads torch; a device that was asked for and is
    not there raises UsageError."""
    _share_cores()
    chosen, device_reason = _device(device)
    if ranks.count > 1 and chosen != "cpu":
        chosen, device_reason = _device_of_rank(chosen, device_reason, ranks)
    if threads is not None:
        return Runtime(chosen, device_reason, threads, "given")
    cores, sharing = free_cores(), ranks.local_count
    if sharing == 1:
        return Runtime(chosen, device_reason, cores, "the cores this process may use")
    threads_reason = f"a share of {cores} cores for each of {sharing} processes"
    return Runtime(chosen, device_reason, max(1, cores // sharing), threads_reason)


def apply(runtime: Runtime, seed: int | None) -> None:
    """Sets threads and seeds every random stream: the same seed and threads give the same run. With
    no seed, as for predictions, the streams are left alone."""
    import numpy as np
    import torch

    if runtime.device.startswith("cuda:"):
        torch.cuda.set_device(runtime.device)
    _keep_memory()
    torch.set_num_threads(runtime.threads)
    if seed is None:
        return
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _share_cores() -> None:
    """Lets a thread that waits for another give up its core. OpenMP's threads spin instead, which on
    a machine with other work makes each matrix product wait for the thread that lost its core:
    training was up to 13 times slower. OpenMP reads this once, when torch is loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _keep_memory() -> None:
    """Lets glibc keep the memory of large tensors for the next step, instead of giving it back to
    the system and taking it page by page again."""
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, 2**30)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


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
    from importlib import metadata  # slow to load, and every command loads this module

    found = {"python": platform.python_version()}
    for package in ("whet", "torch", "transformers", "tokenizers", "safetensors", "numpy", "scikit-learn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


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


def _device_of_rank(chosen: str, reason: str, ranks: Ranks) -> tuple[str, str]:
    """Each process of a machine has a CUDA device of its own; on other GPUs they cannot train."""
    import torch

    if chosen != "cuda":
        return "cpu", f"several processes train on CUDA or the CPU, not on {chosen}"
    if ranks.local_count > (there := torch.cuda.device_count()):
        raise UsageError(
            f"{ranks.local_count} processes here, but {there} CUDA device{'s' if there > 1 else ''}",
            where="torchrun",
            expected=f"--nproc_per_node={there}, or --device cpu",
        )
    return f"cuda:{ranks.local}", reason


def _why_no_gpu(cuda_build: str | None, version: str) -> str:
    if cuda_build is None and _has_nvidia():
        return f"this PyTorch ({version}) is built without CUDA, although an NVIDIA driver is there"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    return "no GPU was found"


def _has_nvidia() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
