"""What the benchmarks share: arguments, the machine, real rows, alternating rivals, the last line.

    from common import alternate, emit, medians, parser, rows, timed, trained

Not a benchmark itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from whet.system import runtime
from whet.system.machine import free_cores

RESULTS = Path(__file__).parent / "results"
RIVALS = ("onnxruntime", "accelerate", "datasets", "pyarrow")


def parser(doc: str, *, rounds: int = 5) -> argparse.ArgumentParser:
    """The arguments of every benchmark: --rounds, and --save to keep the last line in results/."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--save", action="store_true")
    return made


def machine() -> dict[str, object]:
    """Processor, cores that may be used, memory, GPU, and how busy the machine is now."""
    found: dict[str, object] = {"system": platform.platform(), "processor": platform.processor() or platform.machine()}
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        found["processor"] = names[0] if names else found["processor"]
    if meminfo.is_file():
        found["memory_gb"] = round(int(meminfo.read_text().split()[1]) / 1e6, 1)
    found |= {"cores": free_cores(), "load": [round(load, 2) for load in os.getloadavg()]}
    import torch

    found["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return found


def versions() -> dict[str, str]:
    """Versions of whet, of what it runs on and of the rivals, installed ones only."""
    found = runtime.versions()
    for package in RIVALS:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def shared(kind: str) -> Path:
    """`data` or `tokenizers` of the folder shared beside the repository, or of the folder whose `data`
    WHET_BENCH_DATA names."""
    given = os.environ.get("WHET_BENCH_DATA")
    beside = [parent / "shared" for parent in Path(__file__).resolve().parents]
    folders = [Path(given).parent] if given else beside
    folder = next((path / kind for path in folders if (path / kind).is_dir()), None)
    if folder is None:
        raise SystemExit(f"no {kind}: set WHET_BENCH_DATA to a folder called data with imdb/train.parquet and so on")
    return folder


def rows(name: str, side: str = "train") -> tuple[list[str], list[int]]:
    """Texts and label ids of a real data set (imdb, sst2, ...)."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(shared("data") / name / f"{side}.parquet", columns=["text", "label"])
    return table["text"].to_pylist(), table["label"].to_pylist()


@dataclass(frozen=True)
class Job:
    """A `whet train` that has ended well."""

    run: Path
    told: str
    """What it printed."""
    seconds: float
    """From the call to the end of the process."""
    processor_seconds: float
    peak_memory: int
    """Bytes."""

    def document(self, name: str) -> Any:
        """A JSON file of the run's folder."""
        return json.loads((self.run / name).read_text(encoding="utf-8"))

    def minutes(self) -> dict[str, float]:
        """As the results keep them."""
        return {
            "minutes": round(self.seconds / 60, 2),
            "processor_minutes": round(self.processor_seconds / 60, 2),
        }


def trained(arguments: str, folder: Path) -> Job:
    """`whet train` with these arguments, in a process of its own that stands in the folder with the data and has an
    empty cache of tokens and baselines. Its run lies in `folder`/run; one that fails ends the benchmark."""
    asked = [*arguments.split(), "--output", str(folder / "run")]
    environment = {**os.environ, "WHET_CACHE": str(folder / "cache")}
    started = time.perf_counter()
    with (folder / "told.txt").open("w+") as told:
        begun = subprocess.Popen(
            [sys.executable, "-m", "whet", "train", *asked],
            stdout=told,
            stderr=told,
            env=environment,
            cwd=shared("data"),
        )
        _, status, usage = os.wait4(begun.pid, 0)  # which alone tells what this process took
        seconds = time.perf_counter() - started
        told.seek(0)
        said = told.read()
    if status:
        raise SystemExit(f"whet train {arguments} failed:\n{said[-2000:]}")
    return Job(folder / "run", said, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """A rival out of plain work: its figure is the seconds that the work takes."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def alternate(rivals: Mapping[str, Callable[[], float]], rounds: int, *, warmup: int = 1) -> dict[str, list[float]]:
    """Name to its figure in each round. All rivals run in each round, the first one another time by
    time; `warmup` rounds before are not counted."""
    names = list(rivals)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warmup, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            figure = rivals[name]()
            if turn >= 0:
                figures[name].append(figure)
    return figures


def medians(figures: Mapping[str, list[float]]) -> dict[str, float]:
    """Name to the median of its rounds."""
    return {name: median(values) for name, values in figures.items()}


def saved_today(benchmark: str) -> dict[str, Any]:
    """What `emit` has kept today, so that jobs which ran one after the other end in one document."""
    path = _path(benchmark)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def newest(benchmark: str) -> dict[str, Any]:
    """What `emit` kept last, on whatever day, for work that is taken up again."""
    kept = sorted(RESULTS.glob(f"????-??-??-{benchmark}.json"))
    return json.loads(kept[-1].read_text(encoding="utf-8")) if kept else {}


def _path(benchmark: str) -> Path:
    return RESULTS / f"{datetime.now(UTC).date().isoformat()}-{benchmark}.json"


def emit(benchmark: str, claim: str, result: Mapping[str, Any], *, save: bool = False) -> None:
    """Prints the last line: one JSON document with machine and versions; `save` keeps it in results/."""
    document = {
        "benchmark": benchmark,
        "claim": claim,
        **result,
        "machine": machine(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    if save:
        path = _path(benchmark)
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document), flush=True)
