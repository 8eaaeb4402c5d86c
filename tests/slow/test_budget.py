"""A budget holds on real text, whether the machine has other work or not."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from whet.model import embedded

pytestmark = pytest.mark.slow

BUDGET = 60.0
BUSY = "while True: pass"


@contextlib.contextmanager
def a_neighbour(after: float) -> Iterator[None]:
    """Another process that keeps a core busy, from so many seconds on."""
    started: list[subprocess.Popen[bytes]] = []
    waiting = threading.Timer(after, lambda: started.append(subprocess.Popen([sys.executable, "-c", BUSY])))
    waiting.start()
    try:
        yield
    finally:
        waiting.cancel()
        waiting.join()
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.parametrize("loaded", [False, True], ids=["quiet", "loaded"])
def test_a_budget_on_sst2_holds_and_the_model_is_scored_and_saved(shared: Path, tmp_path: Path, loaded: bool) -> None:
    if not embedded.is_installed():
        pytest.skip("the extra `embedded` is not installed")
    data = shared / "data" / "sst2"
    command = [
        sys.executable, "-m", "whet", "train", str(data / "train.parquet"), "--test", str(data / "test.parquet"),
        "--label-names", str(data / "labels.json"), "--model", "embedded", "--learning-rate", "2e-4",
        "--budget", f"{BUDGET:.0f}s", "--json",
    ]  # fmt: skip
    with a_neighbour(BUDGET / 2) if loaded else contextlib.nullcontext():
        started = time.monotonic()
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        took = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    assert took <= 1.1 * BUDGET, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    assert document["metrics"]["test"]["rows"] >= 1_000
    assert document["metrics"]["test"]["accuracy"] > 0.7
    events = [json.loads(line) for line in (tmp_path / document["run"] / "events.jsonl").read_text().splitlines()]
    rates = [event["learning_rate"] for event in events if event["kind"] == "step"]
    assert rates[-1] < 0.1 * max(rates)
    assert (tmp_path / document["run"] / "model" / "model.safetensors").is_file()
