"""What the machine has, read from a made-up system in a folder."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.system import machine
from whet.system.machine import (  # the function itself: the flows pin machine.free_cores
    Cores,
    Memory,
    Nvidia,
    free_cores,
)

Write = Callable[[str, str], None]
GB = 10**9
NO_LIMIT = "9223372036854771712\n"  # as cgroup v1 writes it


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """A Linux without any file of its own; the fixture writes one: `proc/meminfo`, `cgroup/cpu.max`."""
    for name in ("proc", "cgroup", "dev", "pci", "wsl"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(machine, name.upper(), tmp_path / name)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    no_ulimits(monkeypatch)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


def no_ulimits(monkeypatch: pytest.MonkeyPatch, **given: int) -> None:
    """No limits of the shell but the given ones, by the last letters of their names."""
    resource = pytest.importorskip("resource")
    kinds = {getattr(resource, f"RLIMIT_{name}"): limit for name, limit in given.items()}
    limits = lambda kind: (kinds.get(kind, resource.RLIM_INFINITY), resource.RLIM_INFINITY)  # noqa: E731
    monkeypatch.setattr(resource, "getrlimit", limits)


def meminfo(*, total: int, available: int) -> str:
    """In kB, as Linux writes it; both in MB."""
    return f"MemTotal:   {total * 1024} kB\nMemFree:  1 kB\nMemAvailable: {available * 1024} kB\nHugePages_Total: 0\n"


# ---------------------------------------------------------------- processor


def test_the_processor_is_named_by_linux_else_by_its_architecture(
    system: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    system("proc/cpuinfo", "processor\t: 0\nmodel name\t: Quick CPU @ 3 GHz \n\nprocessor\t: 1\nmodel name\t: other\n")
    assert machine.processor() == "Quick CPU @ 3 GHz"
    system("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50.00\n")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert machine.processor() == "aarch64"
    monkeypatch.setattr(platform, "machine", lambda: "")
    assert machine.processor() is None


def test_on_macos_the_processor_and_the_memory_are_asked_for(system: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        ("sysctl", "-n", "machdep.cpu.brand_string"): "Apple M3\n",
        ("sysctl", "-n", "hw.memsize"): "17179869184\n",
        ("vm_stat",): (
            "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
            "Pages free:                               1000.\n"
            "Pages active:                           500000.\n"
            "Pages inactive:                           2000.\n"
            "Pages speculative:                         300.\n"
            "Pages wired down:                        90000.\n"
        ),
    }
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(machine, "_answer", lambda *command: answers[command])
    assert machine.processor() == "Apple M3"
    assert machine.memory() == Memory(17179869184, 3300 * 16384, 17179869184, "the machine")


def test_a_program_that_is_missing_fails_or_hangs_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine._answer(sys.executable, "-c", "print(7)") == "7\n"
    assert machine._answer("whet-has-no-such-program") == ""
    assert machine._answer(sys.executable, "-c", "print(7); raise SystemExit(1)") == ""

    def hang(command: object, *, timeout: float, **_: object) -> object:
        raise subprocess.TimeoutExpired("vm_stat", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert machine._answer("vm_stat") == ""


# ---------------------------------------------------------------- cores


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A machine of so many cores, all of them idle."""

    def of(cores: int) -> None:
        monkeypatch.setattr(machine, "_busy_cores", lambda: 0.0)
        monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)

    return of


@pytest.mark.parametrize(
    ("cores", "quota", "free"),
    [
        (8, None, 8),
        (8, "max 100000\n", 8),
        (8, "200000 100000\n", 2),
        (8, "50000 100000\n", 1),
        (8, "170000 100000\n", 2),
        (8, "300000\n", 3),
        (2, "400000 100000\n", 2),
    ],
)
def test_free_cores_are_the_affinity_cut_by_the_quota(
    system: Write, idle: Callable[[int], None], cores: int, quota: str | None, free: int
) -> None:
    if quota is not None:
        system("cgroup/cpu.max", quota)
    idle(cores)
    assert free_cores() == free
    assert machine.cores() == Cores(present=cores, allowed=free, busy=0.0, free=free)


def test_the_least_quota_of_the_own_group_and_of_those_above_it_counts(
    system: Write, idle: Callable[[int], None]
) -> None:
    idle(16)
    system("proc/self/cgroup", "0::/user/job\n")
    system("cgroup/user/job/cpu.max", "max 100000\n")
    system("cgroup/user/cpu.max", "500000 100000\n")
    system("cgroup/other/cpu.max", "100000 100000\n")
    assert free_cores() == 5
    system("cgroup/user/job/cpu.max", "300000 100000\n")
    assert free_cores() == 3


@pytest.mark.parametrize(("quota", "free"), [("-1\n", 16), ("400000\n", 4)])
@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu"])
def test_a_quota_of_the_first_version_of_control_groups_counts(
    system: Write, idle: Callable[[int], None], folder: str, quota: str, free: int
) -> None:
    idle(16)
    # The path is the host's, of which a container sees nothing but the mount.
    system("proc/self/cgroup", "5:cpu,cpuacct:/docker/1a2b\n4:memory:/docker/1a2b\n0::/docker/1a2b\n")
    system(f"cgroup/{folder}/cpu.cfs_quota_us", quota)
    system(f"cgroup/{folder}/cpu.cfs_period_us", "100000\n")
    assert free_cores() == free


@pytest.mark.parametrize(
    ("present", "allowed", "busy", "free"),
    [(2, 2, 0.3, 2), (2, 2, 0.9, 1), (2, 2, 2.0, 1), (16, 16, 3.2, 13), (64, 2, 40.0, 2), (64, 32, 40.0, 24)],
)
def test_cores_that_other_work_keeps_busy_are_not_free(
    monkeypatch: pytest.MonkeyPatch, present: int, allowed: int, busy: float, free: int
) -> None:
    monkeypatch.setattr(machine, "_cores", lambda: (present, allowed))
    monkeypatch.setattr(machine, "_busy_cores", lambda: busy)
    assert machine.cores() == Cores(present, allowed, busy, free)


@pytest.mark.parametrize(
    ("looks", "busy"), [([0.1], 0.1), ([1.5, 0.4], 0.4), ([1.5, 1.0, 2.0, 0.9, 1.0], 0.9)], ids=["idle", "soon", "busy"]
)
def test_what_keeps_a_core_busy_for_a_moment_only_does_not_count(
    monkeypatch: pytest.MonkeyPatch, looks: list[float], busy: float
) -> None:
    seconds = iter([reading for look in looks for reading in (0.0, look * 0.2)])
    monkeypatch.setattr(machine, "_core_seconds", lambda: next(seconds))
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: None)
    assert machine._busy_cores() == pytest.approx(busy)
    assert list(seconds) == []


def test_work_of_the_own_cores_is_read_without_idleness_and_without_counting_guests_twice(
    system: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"]
    assert len(names) == 10
    system(
        "proc/stat",
        "cpu  9 9 9 9 9 9 9 9 9 9\n"
        "cpu0 100 20 3 10000 10000 400 50 6 70 8\n"
        "cpu1 1 1 1 1 1 1 1 1 1 1\n"
        "cpu10 500 0 0 0 0 0 0 0 500 0\n"
        "intr 7\n",
    )
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: {0, 10}, raising=False)
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100, raising=False)
    assert machine._core_seconds() == (100 + 20 + 3 + 400 + 50 + 6 + 500) / 100


def test_without_affinity_all_cores_count(system: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 5)
    assert free_cores() == 5
    monkeypatch.setattr(machine.os, "cpu_count", lambda: None)
    assert free_cores() == 1


# ---------------------------------------------------------------- memory


def test_without_limits_the_machine_itself_is_the_limit(system: Write) -> None:
    system("proc/meminfo", meminfo(total=16_000, available=9_000))
    assert machine.memory() == Memory(16_000 * 2**20, 9_000 * 2**20, 16_000 * 2**20, "the machine")


def test_a_kernel_that_does_not_tell_what_is_available_tells_what_is_free(system: Write) -> None:
    system("proc/meminfo", "MemTotal:  4000 kB\nMemFree:  1000 kB\n")
    assert machine.memory().available == 1000 * 1024


def test_a_system_that_tells_nothing_is_not_guessed_at(system: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.memory() == Memory(None, None, None, "the machine")
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setitem(sys.modules, "resource", None)  # Windows has none
    assert machine.memory() == Memory(None, None, None, "the machine")
    assert machine.nvidia() == Nvidia(driver=False, version=None, cards=0, on_bus=0)


def test_a_containers_limit_leaves_what_is_not_in_use_and_pages_of_idle_files_count_as_free(system: Write) -> None:
    system("proc/meminfo", meminfo(total=64_000, available=50_000))
    system("proc/self/cgroup", "0::/\n")
    system("cgroup/memory.max", f"{4 * GB}\n")
    system("cgroup/memory.current", f"{3 * GB}\n")
    system("cgroup/memory.stat", "anon 1\nactive_file 7\ninactive_file 500000000\n")
    assert machine.memory() == Memory(64_000 * 2**20, 1_500_000_000, 4 * GB, "the container's limit")


@pytest.mark.parametrize(
    ("outer", "inner", "left", "limit"),
    [
        ("max", f"{6 * GB}", 5 * GB, 6 * GB),
        (f"{4 * GB}", f"{6 * GB}", 2 * GB, 4 * GB),
        (f"{4 * GB}", "max", 2 * GB, 4 * GB),
    ],
)
def test_the_least_that_a_group_or_one_above_it_leaves_counts(
    system: Write, outer: str, inner: str, left: int, limit: int
) -> None:
    system("proc/meminfo", meminfo(total=64_000, available=50_000))
    system("proc/self/cgroup", "0::/outer/inner\n")
    system("cgroup/outer/memory.max", f"{outer}\n")
    system("cgroup/outer/memory.current", f"{2 * GB}\n")
    system("cgroup/outer/inner/memory.max", f"{inner}\n")
    system("cgroup/outer/inner/memory.current", f"{GB}\n")
    found = machine.memory()
    assert (found.available, found.limit, found.limited_by) == (left, limit, "the container's limit")


def test_a_group_outside_of_what_a_container_sees_is_looked_for_at_the_mount(system: Write) -> None:
    system("proc/self/cgroup", "0::/../../other\n")
    system("cgroup/memory.max", f"{4 * GB}\n")
    system("cgroup/memory.current", f"{GB}\n")
    assert machine.memory() == Memory(None, 3 * GB, 4 * GB, "the container's limit")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (NO_LIMIT, Memory(64_000 * 2**20, 50_000 * 2**20, 64_000 * 2**20, "the machine")),
        (f"{4 * GB}\n", Memory(64_000 * 2**20, 2 * GB, 4 * GB, "the container's limit")),
    ],
)
def test_limits_of_the_first_version_of_control_groups_count(system: Write, limit: str, expected: Memory) -> None:
    system("proc/meminfo", meminfo(total=64_000, available=50_000))
    system("proc/self/cgroup", "9:name=systemd:/\n4:memory:/job\n1:cpu:/\n0::/\n")
    system("cgroup/memory/job/memory.limit_in_bytes", limit)
    system("cgroup/memory/job/memory.usage_in_bytes", f"{3 * GB}\n")
    system("cgroup/memory/job/memory.stat", f"inactive_file 7\ntotal_inactive_file {GB}\n")
    system("cgroup/memory/memory.limit_in_bytes", NO_LIMIT)
    system("cgroup/memory/memory.usage_in_bytes", f"{9 * GB}\n")
    assert machine.memory() == expected


def test_more_in_use_than_allowed_leaves_nothing(system: Write) -> None:
    system("cgroup/memory.max", "1000\n")
    system("cgroup/memory.current", "2000\n")
    assert machine.memory().available == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AS": 8 * GB}, (8 * GB - 3_000 * 1024, 8 * GB, "ulimit -v")),
        ({"DATA": 2 * GB}, (2 * GB - 1_000 * 1024, 2 * GB, "ulimit -d")),
        ({"AS": 8 * GB, "DATA": 2 * GB}, (2 * GB - 1_000 * 1024, 2 * GB, "ulimit -d")),
        ({"AS": 1_000}, (0, 1_000, "ulimit -v")),
        ({"AS": 900 * GB}, (9_000 * 2**20, 16_000 * 2**20, "the machine")),
    ],
)
def test_a_limit_of_the_shell_leaves_what_this_process_has_not_taken(
    system: Write, monkeypatch: pytest.MonkeyPatch, given: dict[str, int], expected: tuple[int, int, str]
) -> None:
    system("proc/meminfo", meminfo(total=16_000, available=9_000))
    system("proc/self/status", "Name:\tpython\nVmPeak:\t    9000 kB\nVmSize:\t    3000 kB\nVmData:\t    1000 kB\n")
    no_ulimits(monkeypatch, **given)
    found = machine.memory()
    assert (found.available, found.limit, found.limited_by) == expected


def test_sizes_are_written_in_gigabytes_and_small_ones_in_megabytes() -> None:
    assert [machine.gigabytes(size) for size in (0, 45_400_000, 10**8, 12_340_000_000, 1_234 * GB)] == [
        "0 MB", "45 MB", "100 MB", "12.3 GB", "1,234.0 GB",
    ]  # fmt: skip


# ---------------------------------------------------------------- disk


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_the_nearest_one_above(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    asked: list[Path] = []

    def disk_usage(path: Path) -> object:
        asked.append(path)
        if not path.exists():
            raise FileNotFoundError(path)
        return usage(10, 3, 7)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert machine.disk_free(tmp_path / "a" / "b") == 7
    assert asked == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]


def test_a_disk_that_cannot_be_asked_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path) -> object:
        raise PermissionError(path)

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    assert machine.disk_free(tmp_path) is None


# ---------------------------------------------------------------- cards


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024", "550.54.14"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (x@y)", "580.95.05"),
        ("NVRM version: something else", None),
    ],
)
def test_the_driver_is_read_in_both_of_its_forms(system: Write, line: str, version: str | None) -> None:
    system("proc/driver/nvidia/version", f"{line}\nGCC version:  gcc version 12.3.0\n")
    assert machine.nvidia() == Nvidia(driver=True, version=version, cards=0, on_bus=0)


def test_cards_are_counted_by_their_device_files_and_on_the_bus(system: Write) -> None:
    for name in ("nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm"):
        system(f"dev/{name}", "")
    system("pci/0000:01:00.0/vendor", "0x10de\n")
    system("pci/0000:01:00.0/class", "0x030000\n")
    system("pci/0000:01:00.1/vendor", "0x10de\n")  # the sound of the same card
    system("pci/0000:01:00.1/class", "0x040300\n")
    system("pci/0000:02:00.0/vendor", "0x8086\n")
    system("pci/0000:02:00.0/class", "0x030000\n")
    assert machine.nvidia() == Nvidia(driver=True, version=None, cards=2, on_bus=1)


def test_the_driver_that_windows_lends_to_linux_counts(system: Write) -> None:
    system("dev/dxg", "")
    assert machine.nvidia() == Nvidia()
    system("wsl/libcuda.so.1", "")
    assert machine.nvidia() == Nvidia(driver=True, cards=1)


@pytest.mark.parametrize(
    ("value", "hidden"),
    [("", True), ("-1", True), ("NoDevFiles", True), ("-1,0", True), ("0", False), ("0,1", False), ("GPU-1a2b", False)],
)
def test_cards_are_hidden_by_a_list_that_begins_with_none(
    monkeypatch: pytest.MonkeyPatch, value: str, hidden: bool
) -> None:
    for name in machine.VISIBLE:
        monkeypatch.delenv(name, raising=False)
    assert machine.visible_cards() == {}
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", value)
    assert machine.visible_cards() == {"ROCR_VISIBLE_DEVICES": value}
    assert machine.hides_all(value) == hidden


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), None),
        (("COLAB_RELEASE_TAG",), "colab"),
        (("COLAB_GPU",), "colab"),
        (("KAGGLE_KERNEL_RUN_TYPE",), "kaggle"),
        (("KAGGLE_URL_BASE", "COLAB_RELEASE_TAG"), "kaggle"),
    ],
)
def test_a_hosted_notebook_is_known_by_its_variables(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], found: str | None
) -> None:
    for name in ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE", "COLAB_RELEASE_TAG", "COLAB_GPU"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, "")
    assert machine.notebook() == found
