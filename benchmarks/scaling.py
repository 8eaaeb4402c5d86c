"""Claim: two processes of one thread train at least 1.5 times the tokens a second of one such process.

    python benchmarks/scaling.py [--rounds 5] [--steps 20] [--batch-size 16] [--model embedded] [--save]

Three ways to the same steps, which take turns, each training a command of its own: one process with
one thread, two processes with one thread each (torchrun, gloo), one process with two threads. The rows
are random words, 20 to 200 a text; the batch is that of all processes together. A figure is the tokens
a second of training from the second step to the last, by the run's own events.jsonl; medians over the
rounds. It means something only where two cores are free.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import alternate, emit, medians, parser

WORDS = ("the", "film", "story", "plot", "music", "and", "but", "was", "good", "bad", "slow", "bright", "dull", "fine")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
WAYS = {  # name: what starts it, threads
    "1 process, 1 thread": ([], 1),
    "2 processes, 1 thread each": (TORCHRUN, 1),
    "1 process, 2 threads": ([], 2),
}
AIM = 1.5


def write_rows(path: Path, rows: int) -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    lines = ["text,label"]
    for row in range(rows):
        text = " ".join(generator.choice(WORDS, generator.integers(20, 201)))
        lines.append(f"{text} {row},{'ab'[row % 2]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def training(way: str, data: Path, arguments: argparse.Namespace) -> Callable[[], float]:
    """A way's figure: the tokens a second of one training to its end, in a new folder each time."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as scratch:
            figure = tokens_per_second(way, data, Path(scratch) / "run", arguments)
        print(f"{way}: {figure:,.0f} tokens/s", flush=True)
        return figure

    return run


def tokens_per_second(way: str, data: Path, output: Path, arguments: argparse.Namespace) -> float:
    """One training to its end, in a process of its own."""
    launcher, threads = WAYS[way]
    command = [
        sys.executable, *launcher, "-m", "whet", "train", str(data), "--output", str(output), "--fresh",
        "--model", arguments.model, "--batch-size", str(arguments.batch_size), "--threads", str(threads),
        "--epochs", "1", "--test", "none", "--validation", "none", "--no-baseline", "--device", "cpu", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    events = [json.loads(line) for line in (output / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [event for event in events if event["kind"] == "step"]
    first, last = steps[0], steps[-1]
    return float((last["tokens"] - first["tokens"]) / (last["train_seconds"] - first["train_seconds"]))


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--steps", type=int, default=20)
    made.add_argument("--batch-size", type=int, default=16)
    made.add_argument("--model", default="embedded")
    arguments = made.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "rows.csv"
        write_rows(data, arguments.steps * arguments.batch_size)
        # No round before: every training is a new process, and its first step does not count.
        figures = alternate({way: training(way, data, arguments) for way in WAYS}, arguments.rounds, warmup=0)
    middle = medians(figures)
    base = middle["1 process, 1 thread"]
    ratio = {way: round(value / base, 3) for way, value in middle.items()}
    result = {
        "met": middle["2 processes, 1 thread each"] / base >= AIM,
        "aim": AIM,
        "model": arguments.model,
        "batch_size": arguments.batch_size,
        "steps": arguments.steps,
        "tokens_per_second": {way: round(value, 1) for way, value in middle.items()},
        "ratio_to_one_thread": ratio,
        "rounds": {way: [round(value, 1) for value in values] for way, values in figures.items()},
    }
    emit("scaling", f"two processes at {AIM} times the tokens a second of one", result, save=arguments.save)


if __name__ == "__main__":
    main()
