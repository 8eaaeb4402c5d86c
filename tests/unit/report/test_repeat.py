from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.made_runs import made_run
from whet.report import course, material, repeat
from whet.report.words import Words
from whet.runs import run_folder
from whet.settings import config

MACHINE = ["--device", "cpu", "--precision", "fp32", "--threads", "2"]


def test_the_command_names_resolved_settings_and_threads_and_no_budget(tmp_path: Path) -> None:
    settings = {"budget": "20m", "epochs": 1.5, "baseline": False, "positive": "a b", "learning_rate": 2e-4}
    found = material.gather(made_run(tmp_path / "run", settings=settings))
    assert shlex.split(repeat.command(found)) == [
        "whet", "train", "my reviews.csv", "--positive", "a b", "--model", "embedded", "--epochs", "1.5",
        "--learning-rate", "0.0002", "--metric", "loss", "--no-baseline", *MACHINE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"recipe": "reference"},
            ["--epochs", "2", "--batch-size", "16", "--learning-rate", "5e-05", "--llrd", "1", "--warmup", "0.06"],
        ),
        ({"learning_rate": 5e-5}, ["--learning-rate", "5e-05"]),
        ({"batch_size": 16, "max_length": 512}, ["--max-length", "512", "--batch-size", "16"]),
        ({"weight_decay": 0.01, "seed": 42, "test": "auto"}, []),  # nothing decides otherwise
    ],
)
def test_a_default_that_somebody_chose_is_named_where_the_job_would_decide_otherwise(
    settings: dict[str, object], named: list[str], tmp_path: Path
) -> None:
    found = material.gather(made_run(tmp_path / "run", settings=settings))
    words = shlex.split(repeat.command(found))
    assert words == ["whet", "train", "my reviews.csv", "--model", "embedded", *named, "--metric", "loss", *MACHINE]


def test_findings_that_were_allowed_are_allowed_again(tmp_path: Path) -> None:
    found = material.gather(made_run(tmp_path / "run", settings={"allow": "texts_in_train"}))
    assert "--allow texts_in_train " in repeat.command(found)


def test_epochs_that_a_budget_cut_to_the_default_are_named(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", settings={"budget": "20m"})
    run_folder.amend(folder, "epochs", 2.0, "budget 20m")
    assert "--epochs 2 " in repeat.command(material.gather(folder))


def test_every_value_that_it_names_is_read_back_as_it_was(tmp_path: Path) -> None:
    settings = {"epochs": 2.0317460317460316, "learning_rate": 3e-05, "warmup": 1 / 3, "seed": 7}
    found = material.gather(made_run(tmp_path / "run", settings=settings))
    words = shlex.split(repeat.command(found))
    given = {words[place][2:].replace("-", "_"): words[place + 1] for place in range(3, len(words), 2)}
    for name, value in settings.items():
        assert config.check_value(name, type(value)(given[name])) == value


def test_what_has_no_rows_to_work_on_and_what_follows_from_the_data_is_left_out(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", settings={"test_rows": 9})
    run = folder.read("run.json")
    assert "--metric loss" in repeat.command(material.gather(folder))
    run["settings"]["validation"]["value"] = "none"
    folder.write("run.json", run)
    command = repeat.command(material.gather(folder))
    assert "--metric" not in command
    assert "--test-rows 9" in command
    run["settings"]["validation"]["value"] = "auto"
    run["settings"]["metric"] = {"value": "macro_f1", "reason": "auto: that of a binary task"}
    folder.write("run.json", run)
    assert "--metric" not in repeat.command(material.gather(folder))


@pytest.mark.parametrize(
    ("command", "recipe", "data"),
    [("whet train --recipe demo", "demo", "sample:reviews"), ("", None, "DATA"), ("whet train x.csv", None, "x.csv")],
)
def test_data_is_that_of_the_command_or_of_the_recipe(
    command: str, recipe: str | None, data: str, tmp_path: Path
) -> None:
    folder = made_run(tmp_path / "run")
    run = folder.read("run.json")
    run["command"], run["settings"]["recipe"]["value"] = command, recipe
    folder.write("run.json", run)
    found = material.gather(folder)
    assert shlex.split(repeat.command(found))[2] == data
    said = [block.kind for block in course.again(found, Words("en")).blocks]
    assert ("prose" in said) == (data == "DATA")


def test_a_training_that_a_budget_revised_is_repeated_for_as_many_epochs_as_it_had(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", settings={"budget": "20m"})
    with (folder.path / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"kind": "revision", "step": 9, "steps": 40, "seconds": 1.0}\n')
    found = material.gather(folder)
    assert "--epochs 2 " in repeat.command(found)
    assert course.again(found, Words("en")).blocks[1].kind == "prose"


def test_several_processes_are_started_by_torchrun(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    folder.write("run.json", {**folder.read("run.json"), "ranks": 2})
    command = repeat.command(material.gather(folder))
    assert command.startswith("torchrun --nproc-per-node 2 -m whet train 'my reviews.csv' ")
