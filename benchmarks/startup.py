"""Claim: `whet --help` answers in 0.35 s, and `whet train` on a cached data set takes its first step in 5 s.

    python benchmarks/startup.py [--rounds 5] [--rows 20000] [--threads N] [--save]

Each figure is the median over new processes, alternating: from the start of the process to the end of
`whet --help`; and to the moment that the first optimiser step stands in events.jsonl (looked for every
5 ms; the process is then ended), and what of that the plan says that its timed steps took. The job is
MiniLM on SST-2 rows as csv, tokens and baseline cached by a run before. Beside them what a process pays
that only imports: nothing, torch, and transformers' Trainer.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import alternate, emit, medians, parser, rows, timed

WHET = (sys.executable, "-m", "whet")


def process(*command: str) -> Callable[[], float]:
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def first_step(data: Path, folder: Path, extra: list[str], timing: list[float]) -> Callable[[], float]:
    """Seconds from the start of `whet train` to its first step; what of them the plan took goes to `timing`."""
    count = 0

    def run() -> float:
        nonlocal count
        count += 1
        output = folder / f"run-{count}"
        command = [*WHET, "train", str(data), "--model", "embedded", "--max-length", "128", *extra]
        started = time.perf_counter()
        job = subprocess.Popen(
            [*command, "--output", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while job.poll() is None:
                events = output / "events.jsonl"
                if events.is_file() and '"kind": "step"' in (said := events.read_text(encoding="utf-8")):
                    seconds = time.perf_counter() - started
                    plans = [line for line in map(json.loads, said.splitlines()[:-1]) if line["kind"] == "plan"]
                    timing.append(plans[0]["probe_seconds"])
                    return seconds
                time.sleep(0.005)
            raise SystemExit(f"whet train ended with {job.returncode} before its first step")
        finally:
            job.kill()
            job.wait()

    return run


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--threads", type=int, default=None)
    arguments = options.parse_args()
    texts, labels = rows("sst2")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WHET_CACHE"] = str(Path(scratch) / "cache")
        data = Path(scratch) / "sst2.csv"
        with data.open("w", encoding="utf-8", newline="") as file:
            pairs = list(zip(texts, labels, strict=True))[: arguments.rows]
            csv.writer(file).writerows([("text", "label"), *pairs])
        extra = [] if arguments.threads is None else ["--threads", str(arguments.threads)]
        timing: list[float] = []
        rivals = {
            "whet --help": process(*WHET, "--help"),
            "whet train to the first step": first_step(data, Path(scratch), extra, timing),
            "python": process(sys.executable, "-c", "pass"),
            "import torch": process(sys.executable, "-c", "import torch"),
            "import Trainer": process(sys.executable, "-c", "from transformers import Trainer"),
        }
        figures = alternate(rivals, arguments.rounds)
    figures["of these the plan's timed steps"] = timing[-arguments.rounds :]
    seconds = {name: round(value, 3) for name, value in medians(figures).items()}
    met = seconds["whet --help"] <= 0.35 and seconds["whet train to the first step"] <= 5
    result = {"met": met, "rows": arguments.rows, "seconds": seconds, "rounds": figures}
    emit("startup", "help in 0.35 s, the first step in 5 s", result, save=arguments.save)


if __name__ == "__main__":
    main()
