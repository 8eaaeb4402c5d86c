"""Claim: what a plan says before a job is what the job then takes.

Aims over at least 12 jobs, 8 of more than two minutes and 3 of more than eight, none of which the
estimator was fitted to: median error of the minutes at most 10 %, nine of ten within the printed band,
none under-estimated by more than 1.5 times, peak memory within 20 %.

Each job is one of `whet train`, in a process of its own that is set up as the command sets up its own, one
after the other, with an empty cache. The plan is the one that the job itself made; its minutes are held
against the seconds from the call to the saved scores, its memory against the most that the process had
from the plan on; on a CUDA device, which has jobs of its own, against the most that was reserved there. The jobs of
benchmarks/tasks.py that were kept on the same day count too: pairs, several labels, numbers, chunks. Linear models,
of which no fit is timed beforehand, have jobs and a result of their own (--linear).

    python benchmarks/plan_accuracy.py [--job NAME ...] [--linear] [--save]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import emit, parser, rows, saved_today, shared

SEED = 0
THREADS = 2  # a neighbour would otherwise decide


@dataclass(frozen=True)
class Job:
    data: str
    train_rows: int
    test_rows: int
    settings: dict[str, object]
    shape: tuple[int, int, int] | None = None  # layers, width and heads of a random model; None: MiniLM


JOBS = {
    "sst2-5k": Job("sst2", 5_000, 800, {"max_length": 48, "epochs": 1.0, "batch_size": 32}),
    "sst2-20k": Job("sst2", 20_000, 1_500, {"max_length": 96, "epochs": 1.0, "batch_size": 24}),
    "sst2-65k": Job("sst2", 65_000, 1_800, {"max_length": 128, "epochs": 1.0, "batch_size": 12}),
    "sst2-bert": Job("sst2", 1_200, 300, {"max_length": 48, "epochs": 1.0}, (12, 768, 12)),
    "imdb-600": Job("imdb", 600, 400, {"max_length": 400, "epochs": 1.0, "batch_size": 12}),
    "imdb-1k-256": Job("imdb", 1_500, 600, {"max_length": 256, "epochs": 2.0, "truncation": "head-tail"}),
    "imdb-5k": Job("imdb", 5_000, 1_500, {"max_length": 448, "epochs": 1.0, "batch_size": 8}),
    "news-4k": Job("ag_news", 4_000, 1_500, {"max_length": 96, "epochs": 1.0, "batch_size": 8}),
    "news-9k": Job("ag_news", 9_000, 2_500, {"max_length": 160, "epochs": 1.0, "batch_size": 32}),
    "news-8k": Job("ag_news", 8_000, 1_000, {"max_length": 112, "epochs": 1.0}),
    "news-wide": Job("ag_news", 3_000, 500, {"max_length": 80, "epochs": 1.0}, (4, 512, 8)),
    "nsmc-5k": Job("nsmc", 5_000, 1_000, {"max_length": 64, "epochs": 1.0}),
    "nsmc-12k": Job("nsmc", 12_000, 4_000, {"max_length": 48, "epochs": 1.0, "batch_size": 48}),
    "nsmc-26k": Job("nsmc", 26_000, 2_500, {"max_length": 160, "epochs": 1.0, "batch_size": 24}),
}

ON_A_CARD = {
    "card-imdb": Job("imdb", 25_000, 25_000, {"max_length": 512, "epochs": 2.0, "baseline": False}, (12, 768, 12)),
    "card-sst2": Job("sst2", 60_000, 1_800, {"max_length": 128, "epochs": 1.0, "batch_size": 32}, (12, 768, 12)),
}
LINEAR = {
    f"linear-{name}": Job(data, train_rows, test_rows, {"model": "linear"})
    for name, data, train_rows, test_rows in (
        ("sst2-5k", "sst2", 5_000, 1_800),
        ("sst2-65k", "sst2", 65_000, 1_800),
        ("imdb-4k", "imdb", 4_000, 2_000),
        ("imdb-25k", "imdb", 25_000, 25_000),
        ("news-9k", "ag_news", 9_000, 5_000),
        ("nsmc-20k", "nsmc", 20_000, 10_000),
        ("nsmc-150k", "nsmc", 150_000, 50_000),
    )
}


def model_of(job: Job, scratch: Path) -> str:
    """`embedded`, or a folder with a random model of the job's shape and the same tokenizer."""
    if job.shape is None:
        return "embedded"
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    layers, width, heads = job.shape
    config = BertConfig(
        num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, intermediate_size=4 * width
    )
    BertForSequenceClassification(config).save_pretrained(scratch / "model")
    AutoTokenizer.from_pretrained(shared("tokenizers") / "bert-base-uncased").save_pretrained(scratch / "model")
    return str(scratch / "model")


def write_rows(path: Path, job: Job, side: str, count: int) -> str:
    """Rows of a fixed permutation as jsonl."""
    source = "train10k" if (job.data, side) == ("ag_news", "train") else side
    texts, labels = rows(job.data, source)
    chosen = np.random.default_rng(SEED).permutation(len(texts))[:count]
    lines = [json.dumps({"text": texts[row] or "-", "label": str(labels[row])}) for row in chosen]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def run(name: str) -> None:
    """One job in this process; the last line of stdout is what was said and what came."""
    job = {**JOBS, **ON_A_CARD, **LINEAR}[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = model_of(job, folder)
        train = write_rows(folder / "train.jsonl", job, "train", job.train_rows)
        test = write_rows(folder / "test.jsonl", job, "test", job.test_rows)
        os.environ["WHET_CACHE"] = str(folder / "cache")
        from whet import pipeline
        from whet.forecast import Plan
        from whet.settings.config import resolve
        from whet.system import machine

        given = {"model": model, "test": test, "output": str(folder / "run"), "yes": True, "threads": THREADS}
        resolved = resolve({**given, **job.settings})
        plan, started = None, time.perf_counter()
        for event in pipeline.follow(train, resolved):
            if isinstance(event, Plan):
                plan = event
                (forget_card_peak if name in ON_A_CARD else machine.forget_peak)()
        seconds = time.perf_counter() - started
        assert plan is not None
        peak = card_peak() if name in ON_A_CARD else machine.peak()
        print("RESULT " + json.dumps({
            "said": plan.total.seconds, "low": plan.total.low, "high": plan.total.high, "came": seconds,
            "memory_said": plan.memory, "memory_came": peak, "threads": plan.threads,
            "probe": plan.probe_seconds,
        }))  # fmt: skip


def forget_card_peak() -> None:
    import torch

    torch.cuda.reset_peak_memory_stats()


def card_peak() -> int:
    import torch

    return torch.cuda.max_memory_reserved()


def measure(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--serve", "--job", name]
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}  # as `heap` begins a command
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise SystemExit(f"{name} ended without a result:\n{done.stderr[-2000:]}")
    found = judged(dict(json.loads(line.removeprefix("RESULT "))))
    print(name, json.dumps(found), file=sys.stderr, flush=True)
    return found


def judged(found: dict[str, Any]) -> dict[str, Any]:
    """What was said and what came, and how far apart they are."""
    found["error"] = round(found["said"] / found["came"] - 1, 3)
    found["memory_error"] = round(found["memory_said"] / found["memory_came"] - 1, 3)
    return found | {key: round(found[key], 1) for key in ("said", "low", "high", "came", "probe") if key in found}


def of_tasks() -> dict[str, Any]:
    """The jobs of benchmarks/tasks.py that were kept today, by the first seed of each."""
    tasks = saved_today("tasks").get("jobs", {})
    return {f"tasks-{name}": judged(dict(found["seeds"][0]["plan"])) for name, found in tasks.items()}


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--job", nargs="+", choices=[*JOBS, *ON_A_CARD, *LINEAR])
    made.add_argument("--linear", action="store_true", help="jobs of linear models")
    made.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = made.parse_args()
    if given.serve:
        run(given.job[0])
        return
    import torch

    on_a_card = torch.cuda.is_available() and not given.linear
    kept = "plan_accuracy_" + ("linear" if given.linear else "card") if given.linear or on_a_card else "plan_accuracy"
    chosen = given.job or list(LINEAR if given.linear else ON_A_CARD if on_a_card else JOBS)
    jobs = {**saved_today(kept).get("jobs", {}), **{name: measure(name) for name in chosen}}
    if kept == "plan_accuracy":
        jobs |= of_tasks()
    errors = [abs(job["error"]) for job in jobs.values()]
    summary = {
        "median_error": round(float(np.median(errors)), 3),
        "within_band": round(float(np.mean([job["low"] <= job["came"] <= job["high"] for job in jobs.values()])), 3),
        "worst_under_estimate": round(max(job["came"] / job["said"] for job in jobs.values()), 2),
        "worst_memory_error": max((abs(job["memory_error"]) for job in jobs.values()), default=0.0),
        "aims": {"median_error": 0.1, "within_band": 0.9, "worst_under_estimate": 1.5, "worst_memory_error": 0.2},
    }
    emit(kept, "minutes said / minutes taken", {**summary, "jobs": jobs}, save=given.save)


if __name__ == "__main__":
    main()
