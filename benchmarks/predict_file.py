"""Claim: a million rows are answered into a file with flat memory, and after two kills with the same bytes.

    python benchmarks/predict_file.py [--rows 1000000] [--kind transformer|linear] [--form jsonl|csv|parquet] [--save]

A csv of short made-up texts (those of memory.py) is answered by `whet predict --file` of a tiny model, a random BERT of
2 layers, 32 wide, or a linear one, that was trained for a few steps. It is answered twice: by a process that nobody
disturbs, and by one that is killed (SIGKILL) after about a third and two thirds of the rows, each time gone on with by
the same command.

Memory is the resident memory of the undisturbed process in MB (10^6 bytes), looked at each 0.1 s: the highest in the
second tenth of the rows (early) and in the last tenth (late). Flat: late is at most 20 MB above early. Rows per second
are those of the undisturbed process from its first record to its last. Linux only; --rounds is not used.
"""

from __future__ import annotations

import filecmp
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import emit, parser
from memory import write_model, write_rows

FLAT = 20.0  # MB


def train(scratch: Path, kind: str) -> Path:
    data, model, run = scratch / "train.csv", scratch / "model", scratch / "run"
    write_rows(data, 2_000, 0)
    if kind == "transformer":
        write_model(model, 32)
    command = ["train", str(data), "--model", kind if kind == "linear" else str(model), "--output", str(run), "--yes"]
    more = [] if kind == "linear" else ["--epochs", "0.1", "--max-length", "32", "--no-baseline"]
    subprocess.run([sys.executable, "-m", "whet", *command, *more, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return run


def answered(run: Path, data: Path, output: Path, until: float) -> list[tuple[float, int, float]]:
    """Seconds, rows by the record, and MB, looked at until the process ends, or has answered so many rows and is
    killed."""
    command = [
        sys.executable,
        "-m",
        "whet",
        "predict",
        str(run),
        "--file",
        str(data),
        "--output",
        str(output),
        "--quiet",
    ]
    process = subprocess.Popen(command, env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})
    record, seen = Path(f"{output}.partial") / "progress.json", []
    while process.poll() is None:
        time.sleep(0.1)
        try:
            rows = json.loads(record.read_text())["rows"]
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (OSError, ValueError):  # the record is not there yet, or no longer
            continue
        memory = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")]
        if memory:
            seen.append((time.monotonic(), rows, memory[0] * 1024 / 1e6))
        if rows >= until:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return seen
    if process.returncode:
        raise SystemExit(f"whet predict ended with {process.returncode}")
    return seen


def main() -> None:
    options = parser(__doc__ or "", rounds=1)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--kind", choices=("transformer", "linear"), default="transformer")
    options.add_argument("--form", choices=("jsonl", "csv", "parquet"), default="jsonl")
    arguments = options.parse_args()
    rows = arguments.rows
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data, whole, killed = (
            scratch / "rows.csv",
            *(scratch / f"{name}.{arguments.form}" for name in ("whole", "killed")),
        )
        write_rows(data, rows, 0)
        run = train(scratch, arguments.kind)
        seen = answered(run, data, whole, float("inf"))
        print(f"undisturbed: {len(seen)} looks", file=sys.stderr, flush=True)
        for share in (1 / 3, 2 / 3, float("inf")):
            answered(run, data, killed, share * rows)
            print(f"stopped at {share:.2f}", file=sys.stderr, flush=True)
        same, size = filecmp.cmp(whole, killed, shallow=False), whole.stat().st_size
    early = max(memory for _, done, memory in seen if 0.1 <= done / rows < 0.2)
    late = max(memory for _, done, memory in seen if done / rows >= 0.9)
    first, last = next(each for each in seen if each[1]), next(each for each in seen if each[1] == seen[-1][1])
    result = {
        "rows": rows, "kind": arguments.kind, "form": arguments.form, "bytes": size, "same_bytes": same,
        "megabytes_early": round(early, 1), "megabytes_late": round(late, 1),
        "rows_per_second": round((last[1] - first[1]) / (last[0] - first[0])),
    }  # fmt: skip
    claim = "flat memory, and the same bytes after two kills"
    emit("predict_file", claim, {"met": same and late - early <= FLAT, **result}, save=arguments.save)


if __name__ == "__main__":
    main()
