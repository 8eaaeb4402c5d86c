"""The benchmark of training on a card, where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.meta.source import REPOSITORY


def test_without_a_cuda_device_it_says_so_and_measures_nothing() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "benchmarks" / "train_gpu.py"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "train_gpu measures a CUDA device, and PyTorch sees none here\n"
