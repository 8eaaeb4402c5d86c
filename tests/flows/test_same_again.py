"""One command, run twice, ends bit for bit alike."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, events_of, timeless, weights_of, write_csv

SETTINGS: dict[str, Any] = {"epochs": 2.0, "learning_rate": 1e-3, "threads": 1}


def train(job: Job, folder: Path, data: str = "reviews.csv", **more: Any) -> Told:
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / data, review_rows())
    with contextlib.chdir(folder):
        return job(data, **SETTINGS, **more)


def outcome(run: Path) -> dict[str, object]:
    """Everything of a run but what a clock gave it."""
    return {
        "weights": weights_of(run),
        "model": {path.name: path.read_bytes() for path in sorted((run / "model").iterdir())},
        "events": timeless(events_of(run)),
        **{name: (run / f"{name}.parquet").read_bytes() for name in ("splits", "predictions")},
    }


@pytest.fixture(scope="module")
def first(job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    folder = tmp_path_factory.mktemp("first")
    told = train(job, folder)
    return folder / told.path, told


def test_a_second_process_in_another_folder_ends_bit_for_bit_alike(
    first: tuple[Path, Told], whet_process: Command, here: Path, tiny_bert: Path
) -> None:
    run, told = first
    write_csv(here / "reviews.csv", review_rows())
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    ended = whet_process("train", "reviews.csv", "--model", str(tiny_bert), *arguments, "--json", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == 1
    assert ended.json["run"] == str(told.path)
    assert timeless(ended.json["metrics"]) == timeless(told.run.metrics)
    assert outcome(here / told.path) == outcome(run)


def test_what_happened_before_in_the_process_changes_nothing(first: tuple[Path, Told], job: Job, here: Path) -> None:
    import torch

    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    torch.rand(10)
    told = train(job, here / "another folder")
    run = here / "another folder" / told.path
    assert told.path == first[1].path
    assert outcome(run) == outcome(first[0])
    assert timeless(told.run.metrics) == timeless(first[1].run.metrics)


def test_another_name_of_the_same_data_changes_nothing_but_names(
    first: tuple[Path, Told], job: Job, here: Path
) -> None:
    told = train(job, here, data="the same.csv")
    assert told.path.name == first[1].path.name.replace("reviews", "the-same")
    assert weights_of(here / told.path) == weights_of(first[0])


def test_another_seed_ends_elsewhere(first: tuple[Path, Told], job: Job, here: Path) -> None:
    told = train(job, here, seed=1)
    assert told.path != first[1].path
    assert weights_of(told.path) != weights_of(first[0])
    assert [step.loss for step in told.steps] != [step.loss for step in first[1].steps]
    ours, theirs = (run / "splits.parquet" for run in (told.path, first[0]))
    assert ours.read_bytes() != theirs.read_bytes()
