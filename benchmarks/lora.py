"""Claim: what is not trained costs less time, less memory and smaller checkpoints than a whole training.

    python benchmarks/lora.py [--rounds 3] [--rank 16] [--save]

The embedded model trains in batches of 16 on phrases (SST-2) and on longer texts (IMDB, 256 tokens): all of it, with
its embeddings frozen, with its first four of six layers frozen too, with all below its head frozen, and by LoRA. Each
way has the same batches; the ways take turns in one process on one thread, and a figure is the CPU time of a step,
which other work on the machine disturbs less than it does the clock. Ratios are to the whole training, of medians.

Memory: a process of its own for each way, the highest resident memory in two steps on IMDB (VmHWM, reset before; Linux
only) less that of the loaded model, and the bytes that a checkpoint holds. Says nothing of accuracy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import alternate, emit, medians, parser, rows

from whet.labels import LabelSet
from whet.records import StepRecord

BATCH, SEED, THREADS = 16, 0, 1
JOBS = {"sst2": (128, 10), "imdb": (256, 1)}  # tokens, steps a round
ALL = "all"


def ways(rank: int) -> dict[str, dict[str, Any]]:
    frozen = {f"freeze {part}": {"freeze": part} for part in ("embeddings", "4", "encoder")}
    return {ALL: {}, **frozen, f"lora {rank}": {"lora": rank}}


def training(data: str, settings: dict[str, Any], steps: int) -> Any:
    """A training of so many steps, as a job has it before its first one."""
    from whet.data.tokens import encode_in_memory, load_cutter
    from whet.model.classifier import fresh
    from whet.model.files import find
    from whet.settings.config import Settings
    from whet.system import heap, runtime
    from whet.training import loop

    machine = runtime.choose("cpu", THREADS)
    runtime.apply(machine, SEED)
    files, labels = find("embedded"), LabelSet(("0", "1"), None, "")
    classifier, _ = fresh(files, labels, machine, Settings(model="embedded", **settings), seed=SEED)
    texts, targets = rows(data)
    chosen = np.random.default_rng(SEED).permutation(len(texts))[: steps * BATCH]
    cutter = load_cutter(files.folder / "tokenizer.json", max_length=JOBS[data][0], truncation="head")
    encoded = encode_in_memory([texts[row] for row in chosen], cutter)
    recipe = loop.Recipe(1.0, BATCH, 5e-5, 0.01, 0.06, 1.0, SEED)
    heap.keep()
    return loop.Training(classifier, encoded, np.asarray([targets[row] for row in chosen]), recipe)


def timed(records: Iterator[StepRecord], steps: int) -> Callable[[], float]:
    """A rival whose figure is the CPU time of a step, the mean over the next so many."""

    def run() -> float:
        started = time.process_time()
        assert len(list(islice(records, steps))) == steps
        return (time.process_time() - started) / steps

    return run


def memory(settings: dict[str, Any]) -> dict[str, float]:
    """Of this process, in MB."""
    from whet.model.trained import sizes

    made = training("imdb", settings, 2)
    Path("/proc/self/clear_refs").write_text("5")
    start = status("VmRSS")
    assert len(list(made.records())) == 2
    tensors = [tensor for group in made.state().tensors.values() for tensor in group.values()]
    trained, every = sizes(made._classifier.model)
    kept = sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6
    return {
        "memory_mb": round(status("VmHWM") - start), "checkpoint_mb": round(kept, 1),
        "trained": trained, "weights": every,
    }  # fmt: skip


def status(name: str) -> float:
    """A figure of this process in MB: VmRSS now, VmHWM the highest since the reset."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024 / 1e6


def apart(settings: dict[str, Any]) -> dict[str, float]:
    """`memory` in a process of its own."""
    command = [sys.executable, __file__, "--alone", json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    claim = (__doc__ or "").partition("\n")[0]
    arguments = parser(__doc__ or "", rounds=3)
    arguments.add_argument("--rank", type=int, default=16)
    arguments.add_argument("--alone", help="for the benchmark itself: one way's memory")
    given = arguments.parse_args()
    if given.alone is not None:
        print(json.dumps(memory(json.loads(given.alone))))
        return
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    found: dict[str, Any] = {"memory": {name: apart(settings) for name, settings in ways(given.rank).items()}}
    for data, (_, steps) in JOBS.items():
        count = (given.rounds + 1) * steps
        rivals = {
            name: timed(training(data, settings, count).records(), steps) for name, settings in ways(given.rank).items()
        }
        figures = alternate(rivals, given.rounds)
        middle = medians(figures)
        found[data] = {
            "seconds_a_step": {name: [round(value, 4) for value in values] for name, values in figures.items()},
            "of_all": {name: round(value / middle[ALL], 3) for name, value in middle.items()},
        }
    emit("lora", claim, {**found, "batch": BATCH, "threads": THREADS, "rounds": given.rounds}, save=given.save)


if __name__ == "__main__":
    main()
