import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from whet.system import heap

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have another allocator")


def run_apart(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Code in a fresh process, where torch is not loaded yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MALLOC_"))}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True, check=True
    )


@glibc
def test_the_memory_of_large_tensors_is_kept_for_the_next_ones() -> None:
    done = run_apart(
        "import resource, torch\n"
        "from whet.system import heap, runtime\n"
        "runtime.apply(runtime.choose('cpu', 1), seed=None)\n"
        "heap.keep()\n"
        "faults = []\n"
        "for _ in range(24):\n"
        "    torch.zeros(2**24).add_(1)\n"
        "    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)\n"
        "print(faults[23] - faults[12])\n"
    )
    # 64 MiB are 16,384 pages. The first rounds may each take new ones: a small piece of memory that is
    # asked for in between is cut from what the last round gave back, until enough small pieces are free.
    assert int(done.stdout) < 1_000


def test_memory_is_trimmed_by_glibc_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=calls.append))
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    heap.trim()
    assert calls == [0]
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    heap.trim()
    assert calls == [0]


@glibc
def test_a_command_that_computes_begins_without_the_caches_of_threads() -> None:
    code = (
        "import os; from whet import __main__, cli; cli.main = lambda: print(os.environ.get('GLIBC_TUNABLES')); "
        "__main__.main()"
    )
    for command, given, seen in (
        ("train", {}, "glibc.malloc.tcache_count=0"),
        ("plan", {"GLIBC_TUNABLES": "glibc.malloc.perturb=0"}, "glibc.malloc.perturb=0:glibc.malloc.tcache_count=0"),
        ("demo", {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=3"}, "glibc.malloc.tcache_count=3"),
        ("check", {}, "None"),
    ):
        arguments = [sys.executable, "-c", code, command]
        environment = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"} | given
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
        assert (command, done.stdout, done.stderr) == (command, f"{seen}\n", "")
