"""A training that must not run on the CPU by mistake."""

from __future__ import annotations

from pathlib import Path

from tests.flows.conftest import Command


def test_a_training_that_requires_a_gpu_is_refused_before_its_data_is_read(
    whet: Command, hidden_gpu: None, here: Path
) -> None:
    ended = whet("train", "not-there.csv", "--require-gpu")
    assert (ended.code, ended.out) == (2, "")
    assert ended.errors == [
        "--require-gpu: the training would run on the CPU: CUDA_VISIBLE_DEVICES hides every GPU. Expected a GPU that "
        "PyTorch can use. Unset CUDA_VISIBLE_DEVICES, or set it to the numbers of the cards to use."
    ]
    assert list(here.iterdir()) == []
