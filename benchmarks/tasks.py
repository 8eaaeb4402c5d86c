"""Claim: every kind of labelled text is one command, scored beside a cheap baseline.

One `whet train` a job, on the real data sets as they are published, each in a process of its own with an
empty cache of tokens and baselines, one after the other. What is kept: the command, its minutes from the
call to the end of the process and those of its processor, the scores on the test side, those of TF-IDF, and what
the job's own plan had said, for benchmarks/plan_accuracy.py.

    python benchmarks/tasks.py [--job NAME ...] [--seeds 0 1 2] [--save]

`--save` keeps what was found beside what was kept earlier on the day. Last line: one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common import emit, parser, saved_today, trained

CLAIM = "every kind of labelled text is one command, scored beside a cheap baseline"


THREADS = 2  # a neighbour would otherwise decide


@dataclass(frozen=True)
class Job:
    command: str
    """What a person types after `whet train`, in the folder with the data."""
    scores: tuple[str, ...]
    """Of the test side, the deciding one first."""


ON_IMDB = (
    "imdb/train.parquet --test imdb/test.parquet --label-names imdb/labels.json --train-rows 2000 --test-rows 2000 "
    "--max-length 128 --epochs 1 --learning-rate 1e-4"
)
JOBS = {
    "nsmc": Job(
        "nsmc/train.parquet --test nsmc/test.parquet --label-names nsmc/labels.json --train-rows 20000 "
        "--test-rows 10000 --max-length 64 --epochs 1 --learning-rate 1e-4",
        ("accuracy", "macro_f1"),
    ),
    "ko_hate": Job(
        "ko_hate/train.parquet --test ko_hate/validation.parquet --label-names ko_hate/labels.json "
        "--max-length 128 --epochs 2 --learning-rate 1e-4",
        ("macro_f1", "accuracy"),
    ),
    "goemotions": Job(
        "goemotions/train.parquet --validation goemotions/validation.parquet --test goemotions/test.parquet "
        "--label-names goemotions/labels.json --max-length 64 --epochs 2 --learning-rate 1e-4",
        ("macro_f1", "micro_f1"),
    ),
    "mrpc": Job(
        "mrpc/train.parquet --test mrpc/test.parquet --label-names mrpc/labels.json --max-length 128 --epochs 4 "
        "--learning-rate 1e-4",
        ("accuracy", "f1"),
    ),
    "stsb": Job(
        "stsb/train.parquet --validation stsb/validation.parquet --test stsb/test.parquet --max-length 128 --epochs 4 "
        "--learning-rate 1.5e-4 --llrd 0.85",
        ("pearson", "spearman"),
    ),
    "imdb-head": Job(ON_IMDB, ("accuracy",)),
    "imdb-head-tail": Job(f"{ON_IMDB} --truncation head-tail", ("accuracy",)),
    "imdb-chunks": Job(f"{ON_IMDB} --truncation chunks", ("accuracy",)),
}  # fmt: skip


def run(name: str, seed: int) -> dict[str, Any]:
    """One job in a process of its own."""
    job = JOBS[name]
    asked = f"{job.command} --model embedded --seed {seed} --threads {THREADS} --yes"
    with tempfile.TemporaryDirectory() as scratch:
        done = trained(asked, Path(scratch))
        metrics = done.document("metrics.json")
        events = (done.run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    plan = next(event for event in map(json.loads, events) if event["kind"] == "plan")
    found = {
        "seed": seed,
        **done.minutes(),
        "plan": {
            "said": round(plan["total"]["seconds"], 1), "low": round(plan["total"]["low"], 1),
            "high": round(plan["total"]["high"], 1), "came": round(done.seconds, 1),
            "memory_said": plan["memory"], "memory_came": done.peak_memory,
        },
    }  # fmt: skip
    for where, scores in (("test", metrics["test"]), ("tfidf", metrics["baselines"]["tfidf"])):
        found[where] = {score: round(scores[score], 4) for score in job.scores}
    print(done.told, name, json.dumps(found), sep="\n", file=sys.stderr, flush=True)
    return found


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--job", nargs="+", choices=list(JOBS), default=list(JOBS))
    made.add_argument("--seeds", nargs="+", type=int, default=[0])
    given = made.parse_args()
    jobs: dict[str, Any] = dict(saved_today("tasks").get("jobs", {}))
    for name in given.job:
        score = JOBS[name].scores[0]
        seeds = [run(name, seed) for seed in given.seeds]
        jobs[name] = {
            "command": f"whet train {JOBS[name].command} --model embedded --yes",
            "score": score,
            "median": median(found["test"][score] for found in seeds),
            "tfidf": seeds[0]["tfidf"][score],
            "minutes": median(found["minutes"] for found in seeds),
            "seeds": seeds,
        }
        emit("tasks", CLAIM, {"jobs": jobs}, save=given.save)


if __name__ == "__main__":
    main()
