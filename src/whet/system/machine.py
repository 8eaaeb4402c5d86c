"""What the machine has: processor, cores, memory, disk, and what is seen of NVIDIA's cards.

Only looks, loads nothing but the standard library, and answers None where a system does not tell.
What is chosen out of all this is `runtime`'s to say (docs/decisions/0007).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Where the system tells of itself; tests put folders of their own here.
PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
DEV = Path("/dev")
PCI = Path("/sys/bus/pci/devices")
WSL = Path("/usr/lib/wsl/lib")  # Windows lends its driver to Linux here

LOOK, LOOKS = 0.2, 5  # seconds of a look at what the cores do, and looks at busy ones
ANSWER_SECONDS = 2.0
NO_LIMIT = 2**60  # cgroup v1 writes its largest number where there is no limit
NVIDIA_VENDOR, DISPLAY_CLASS = "0x10de", "0x03"
# What hides cards from a program, by name or by number.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")

LimitedBy = Literal["the machine", "the container's limit", "ulimit -v", "ulimit -d"]
Notebook = Literal["colab", "kaggle"]


@dataclass(frozen=True, slots=True)
class Cores:
    """Processor cores of this process."""

    present: int  # by its affinity
    allowed: int  # what a container's quota leaves of them
    busy: float  # kept busy by other work
    free: int  # those to compute with, at least one


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory in bytes."""

    total: int | None  # of the machine
    available: int | None  # what this process can still take: the least that any limit leaves
    limit: int | None  # what the limit that leaves the least allows in all
    limited_by: LimitedBy


@dataclass(frozen=True, slots=True)
class Nvidia:
    """What the system shows of NVIDIA's driver and cards."""

    driver: bool = False
    version: str | None = None
    cards: int = 0  # that this process may open
    on_bus: int = 0  # that are plugged in, with or without a driver


def processor() -> str | None:
    """The processor's name, else its architecture."""
    named = re.search(r"^model name\s*:\s*(.+)$", _read(PROC / "cpuinfo"), re.MULTILINE)
    if named:
        return named[1].strip()
    brand = _answer("sysctl", "-n", "machdep.cpu.brand_string").strip() if platform.system() == "Darwin" else ""
    return brand or platform.machine() or None


# ---------------------------------------------------------------- cores


def free_cores() -> int:
    """Cores that this process may use and that no other work keeps busy now; at least one. A product
    shared with a busy core waits for its slower half, and takes longer than on the free ones alone."""
    return cores().free


def cores() -> Cores:
    """The cores, and what other work does on them. Looks for 0.2 s, at busy ones for a second."""
    present, allowed = _cores()
    busy = _busy_cores()
    return Cores(present, allowed, busy, max(1, min(allowed, present - round(busy))))


def allowed_cores() -> int:
    """Cores that this process may use, however busy they are. Takes no time."""
    return _cores()[1]


def _cores() -> tuple[int, int]:
    """Cores by this process's affinity, and those that a container's quota leaves of them."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return present, min([present, *(max(1, round(quota)) for quota in _quotas())])


def _quotas() -> Iterator[float]:
    """Cores' worth of time that each control group around this process may use."""
    version, folders = _control_groups("cpu")
    for folder in folders:
        if version == 2:
            words = _read(folder / "cpu.max").split()
        else:
            words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        numbers = [int(word) for word in words if word.isdigit()]
        if words and words[0].isdigit():  # `max` and -1 are no limit
            yield numbers[0] / (numbers[1] if len(numbers) > 1 else 100_000)


def _busy_cores() -> float:
    """How many cores other processes use, 0 where the system does not tell: the least of several
    short looks, for what ends at once should not halve the speed of hours."""
    least = float("inf")
    for _ in range(LOOKS):
        before = _core_seconds()
        time.sleep(LOOK)  # this process uses none meanwhile
        least = min(least, (_core_seconds() - before) / LOOK)
        if round(least) == 0:
            break
    return least


def _core_seconds() -> float:
    """Seconds of work that the cores of this process's affinity have done since the system started."""
    stat = _read(PROC / "stat")
    if not stat or not hasattr(os, "sched_getaffinity"):
        return 0.0
    own = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    lines = [line.split() for line in stat.splitlines()]
    # user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    work = [sum(map(int, [*line[1:4], *line[6:9]])) for line in lines if line and line[0] in own]
    return sum(work) / os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- memory and disk


def memory() -> Memory:
    """Memory of the machine and what of it this process can still take, containers and ulimits
    considered."""
    total, available = _of_machine()
    found: list[tuple[int, int | None, LimitedBy]] = [(left, limit, by) for limit, left, by in _limits()]
    if available is not None:
        found.insert(0, (available, total, "the machine"))
    if not found:
        return Memory(total, None, total, "the machine")
    left, limit, by = min(found, key=lambda entry: entry[0])
    return Memory(total, left, limit, by)


def disk_free(path: Path) -> int | None:
    """Bytes that may still be written under a path, which need not exist yet."""
    absolute = path.absolute()
    for place in (absolute, *absolute.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def gigabytes(size: int) -> str:
    """Bytes as `12.3 GB`, less than one as `450 MB`: what is needed and what is left are often close there."""
    return f"{size / 10**9:,.1f} GB" if size >= 10**9 else f"{size / 10**6:.0f} MB"


def _of_machine() -> tuple[int | None, int | None]:
    told = _byte_lines(PROC / "meminfo")
    if told:
        return told.get("MemTotal"), told.get("MemAvailable", told.get("MemFree"))
    if platform.system() != "Darwin":
        return None, None
    total, pages = _answer("sysctl", "-n", "hw.memsize").strip(), _answer("vm_stat")
    size = re.search(r"page size of (\d+) bytes", pages)
    free = re.findall(r"^Pages (?:free|inactive|speculative):\s+(\d+)\.", pages, re.MULTILINE)
    return int(total) if total.isdigit() else None, sum(map(int, free)) * int(size[1]) if size and free else None


def _limits() -> Iterator[tuple[int, int, LimitedBy]]:
    """(what is allowed, what is left of it, by what) of each limit around this process."""
    version, folders = _control_groups("memory")
    for folder in folders:
        names = ("max", "current") if version == 2 else ("limit_in_bytes", "usage_in_bytes")
        limit, used = (_read(folder / f"memory.{name}").strip() for name in names)
        if not limit.isdigit() or not used.isdigit() or int(limit) >= NO_LIMIT:
            continue
        # Pages of files that nobody has read for long are given up before anything is refused.
        idle = re.search(
            rf"^{'' if version == 2 else 'total_'}inactive_file (\d+)$", _read(folder / "memory.stat"), re.MULTILINE
        )
        taken = int(used) - (int(idle[1]) if idle else 0)
        yield int(limit), max(0, int(limit) - taken), "the container's limit"
    try:
        import resource
    except ImportError:  # Windows has none
        return
    status = _byte_lines(PROC / "self" / "status")
    kinds: tuple[tuple[int, str, LimitedBy], ...] = (
        (resource.RLIMIT_AS, "VmSize", "ulimit -v"),
        (resource.RLIMIT_DATA, "VmData", "ulimit -d"),
    )
    for kind, name, by in kinds:
        most = resource.getrlimit(kind)[0]
        if most != resource.RLIM_INFINITY:
            yield most, max(0, most - status.get(name, 0)), by


def _control_groups(controller: str) -> tuple[int, list[Path]]:
    """The version of the control groups that hold a controller (`cpu`, `memory`), and the folders of
    this process's own group and of those above it, as far as they can be seen from here."""
    version, mount, own = 2, CGROUP, "/"
    for line in _read(PROC / "self" / "cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            joint = CGROUP / controllers  # `cpu,cpuacct`
            version, mount, own = 1, joint if joint.is_dir() else CGROUP / controller, path
            break
        if not controllers:
            own = path
    # In a container the path may be the host's, of which only the mount itself is there.
    parts = [part for part in own.split("/") if part not in ("", "..")]
    folders = [mount.joinpath(*parts[:length]) for length in range(len(parts), -1, -1)]
    return version, [folder for folder in folders if folder.is_dir()]


# ---------------------------------------------------------------- cards


def nvidia() -> Nvidia:
    """NVIDIA's driver and cards as Linux shows them, without asking the driver itself."""
    told = _read(PROC / "driver" / "nvidia" / "version")
    version = re.search(r"Kernel Module(?: for \S+)?\s+(\d[\d.]*)", told)
    cards = len(list(DEV.glob("nvidia[0-9]*")))
    if (DEV / "dxg").exists() and (WSL / "libcuda.so.1").exists():
        cards = max(1, cards)
    on_bus = [
        folder
        for folder in PCI.glob("*")
        if _read(folder / "vendor").strip() == NVIDIA_VENDOR and _read(folder / "class").startswith(DISPLAY_CLASS)
    ]
    return Nvidia(bool(told) or cards > 0, version[1].rstrip(".") if version else None, cards, len(on_bus))


def visible_cards() -> dict[str, str]:
    """The variables that choose among GPUs, where they are set, by name."""
    return {name: os.environ[name] for name in VISIBLE if name in os.environ}


def hides_all(value: str) -> bool:
    """Whether such a variable leaves no card to be seen: a list ends at its first number that is none."""
    first = value.split(",")[0].strip()
    return first in ("", "NoDevFiles") or first.startswith("-")


def notebook() -> Notebook | None:
    """The hosted notebook that this process runs in. Kaggle's image is made from Colab's, and may
    set its variables too."""
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ or "KAGGLE_URL_BASE" in os.environ:
        return "kaggle"
    return "colab" if "COLAB_RELEASE_TAG" in os.environ or "COLAB_GPU" in os.environ else None


# ---------------------------------------------------------------- this process


def resident() -> int | None:
    """Bytes of main memory that this process has now."""
    return _byte_lines(PROC / "self" / "status").get("VmRSS")


def peak() -> int | None:
    """The most that it had since its start, or since `forget_peak`."""
    return _byte_lines(PROC / "self" / "status").get("VmHWM")


def forget_peak() -> None:
    """Lets `peak` count anew, where the system allows it."""
    try:
        (PROC / "self" / "clear_refs").write_text("5")
    except OSError:
        return


# ---------------------------------------------------------------- reading


def _read(path: Path) -> str:
    """A small file of the system, '' where there is none or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _byte_lines(path: Path) -> dict[str, int]:
    """Lines such as `MemTotal:  24684084 kB`, in bytes."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", _read(path), re.MULTILINE)
    return {name: int(number) * 1024 for name, number in found}


def _answer(*command: str) -> str:
    """What a program of the system prints, '' where it is missing or fails."""
    import subprocess  # slow to load, and every command loads this module

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
