"""Every setting changes something that can be seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyModel, review_rows
from tests.flows.conftest import Command, Job, Told, weights_of, write_csv
from whet.forecast import Plan
from whet.settings import config

BASE: Mapping[str, Any] = {"epochs": 1.0, "baseline": False, "threads": 1, "learning_rate": 1e-3, "output": "base"}


def steps(told: Told) -> int:
    return len(told.steps)


def losses(told: Told) -> list[float]:
    return [step.loss for step in told.steps]


def rates(told: Told) -> list[float]:
    return [step.learning_rate for step in told.steps]


def weights(told: Told) -> str:
    return weights_of(told.path)


def test_rows(told: Told) -> int:
    return int(told.run.metrics["test"]["rows"])


def marked(told: Told) -> list[bool]:
    return [found.best for found in told.evaluations("validation")]


def found_in(told: Told) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((told.path / "findings.json").read_text(encoding="utf-8"))["findings"]
    return known


def evaluated(told: Told) -> list[int]:
    return [found.step for found in told.evaluations("validation")]


test_rows.__test__ = False  # type: ignore[attr-defined]  # a reader of results, not a test

# Setting: a value of it, what it is laid over, what is read, and what is then expected without and
# with it; None: anything that differs.
EFFECTS: dict[str, tuple[object, dict[str, Any], Callable[[Told], object], tuple[object, object] | None]] = {
    "text": ("title", {}, lambda told: told.checked.columns.text, ("text", "title")),
    "label": ("title", {"text": "text"}, lambda told: told.run.metrics["task"], ("binary", "multiclass")),
    "label_names": (
        "negative=bad,positive=good", {}, lambda told: told.run.labels.names,
        (("negative", "positive"), ("bad", "good")),
    ),
    "positive": ("negative", {}, lambda told: told.run.metrics["test"]["positive"], ("positive", "negative")),
    "test": ("0.2", {}, test_rows, (6, 12)),
    "validation": ("0.2", {}, lambda told: told.run.metrics["validation"]["rows"], (6, 12)),
    "train_rows": (20, {}, steps, (3, 2)),
    "test_rows": (4, {}, test_rows, (6, 4)),
    "label_errors": ("none", {}, lambda told: "train" in told.run.metrics["label_errors"], (True, False)),
    "min_confidence": (
        0.6, {}, lambda told: told.run.metrics["calibration"]["answered"]["min_confidence"], (0.9, 0.6)
    ),
    "folds": (2, {}, steps, (3, 4)),
    "seeds": (2, {}, steps, (3, 6)),
    "learning_curve": (True, {}, lambda told: "learning_curve" in told.run.metrics, (False, True)),
    "near_duplicates": (False, {}, lambda told: "near_in_train" in found_in(told), (True, False)),
    "max_length": (12, {}, lambda told: sum("12 tokens" in notice for notice in told.notices), (0, 3)),
    "truncation": ("head-tail", {"max_length": 12}, losses, None),
    "layers": (1, {}, lambda told: told.run.model.config.num_hidden_layers, (2, 1)),
    "freeze": ("encoder", {}, lambda told: any("--freeze encoder" in notice for notice in told.notices), (False, True)),
    "lora": (4, {}, lambda told: any("--lora 4" in notice for notice in told.notices), (False, True)),
    "epochs": (2.0, {}, steps, (3, 6)),
    "budget": ("10m", {"epochs": 2.0}, evaluated, ([3, 6], [6])),
    "batch_size": (8, {}, steps, (3, 6)),
    "learning_rate": (2e-3, {}, lambda told: max(rates(told)), (1e-3, 2e-3)),
    "llrd": (0.5, {}, weights, None),
    "ema": (0.5, {}, weights, None),
    "dropout": (0.5, {}, losses, None),
    "weight_decay": (0.5, {}, weights, None),
    "warmup": (2, {}, lambda told: rates(told)[:2], ([1e-3, 1e-3], [5e-4, 1e-3])),
    "max_grad_norm": (1e-6, {}, weights, None),
    "class_weights": ("weights.json", {}, losses, None),
    "sampling": ("balanced", {}, losses, None),
    "focal": (2.0, {}, losses, None),
    "label_smoothing": (0.1, {}, losses, None),
    "evaluate_every": (1, {}, evaluated, ([3], [1, 2, 3])),
    "metric": ("loss", {"evaluate_every": 1, "validation": "contrary.csv"}, marked, None),
    "early_stopping": (
        1, {"evaluate_every": 1, "validation": "contrary.csv", "learning_rate": 1e-2, "epochs": 4.0}, steps, None
    ),
    "keep": ("last", {"evaluate_every": 1, "validation": "contrary.csv", "learning_rate": 1e-2}, weights, None),
    "seed": (1, {}, losses, None),
    "baseline": (True, {}, lambda told: "baselines" in told.run.metrics, (False, True)),
    "output": ("elsewhere", {}, lambda told: told.path.name, ("base", "elsewhere")),
    "fresh": (True, {}, lambda told: told.path.name, ("base", "base-2")),
    "brief": (
        True, {}, lambda told: [any(isinstance(each, Plan) for each in told.events), told.run.report is not None],
        ([True, True], [False, False]),
    ),
    "lang": ("ko", {"baseline": True}, lambda told: "모델" in told.end.verdict, (False, True)),
    "device": (
        "cpu", {}, lambda told: json.loads((told.path / "run.json").read_text())["device"]["reason"] == "given",
        (False, True),
    ),
    "precision": ("bf16", {"device": "cpu", "precision": "fp32"}, losses, None),
    "threads": (
        2, {}, lambda told: json.loads((told.path / "run.json").read_text())["threads"]["value"], (1, 2)
    ),
}  # fmt: skip
SHOWN_BELOW = {"recipe", "encoding", "model", "log_every", "json", "quiet", "debug"}
# In test_tasks, test_require_gpu, test_plan, test_resume, test_data_doctor, test_relabel, test_track_tensorboard,
# test_row_weights, test_groups and test_distillation.
SHOWN_ELSEWHERE = {
    "require_gpu",
    "yes",
    "checkpoint_every",
    "mirror",
    "allow",
    "pair",
    "task",
    "label_separator",
    "corrections",
    "slice",
    "track",
    "weight",
    "group",
    "teacher",
    "unlabelled",
    "unlabelled_rows",
}


@pytest.fixture(autouse=True)
def data(here: Path) -> str:
    titles = ("a short one", "a long one", "an odd one")
    rows = [f'"{text}","{titles[i % 3]} no {i % 3}",{label}' for i, (text, label) in enumerate(review_rows())]
    (here / "reviews.csv").write_text("\n".join(["text,title,label", *rows]) + "\n", encoding="utf-8")
    other = {"positive": "negative", "negative": "positive"}
    write_csv(here / "contrary.csv", [(f"Yes, {text}", other[label]) for text, label in review_rows()[:12]])
    (here / "weights.json").write_text('{"positive": 2, "negative": 1}', encoding="utf-8")
    return "reviews.csv"


def test_no_setting_is_forgotten() -> None:
    assert set(EFFECTS) & SHOWN_BELOW == set()
    assert {setting.name for setting in config.fields()} == set(EFFECTS) | SHOWN_BELOW | SHOWN_ELSEWHERE


@pytest.mark.parametrize("name", EFFECTS)
def test_a_setting_changes_what_it_says(name: str, data: str, job: Job, here: Path) -> None:
    value, under, read, expected = EFFECTS[name]
    without = job(data, **{**BASE, **under})
    before = read(without)
    again = {} if name in ("output", "fresh") else {"output": "other"}
    with_it = job(data, **{**BASE, **under, **again, name: value})
    assert with_it.run.settings[name] == value
    if expected is None:
        assert read(with_it) != before
    else:
        assert (before, read(with_it)) == expected


def test_a_recipe_changes_the_settings_it_names(data: str, job: Job, here: Path) -> None:
    (here / "mine.toml").write_text('data = "reviews.csv"\nepochs = 2\nkeep = "last"\n', encoding="utf-8")
    told = job(data, recipe="mine.toml", **{name: value for name, value in BASE.items() if name != "epochs"})
    assert steps(told) == 6
    assert (told.run.settings["epochs"], told.run.settings["keep"]) == (2.0, "last")


def test_an_encoding_is_read(here: Path, job: Job) -> None:
    rows = [(f"{text} 영화", label) for text, label in review_rows()]
    lines = ["text,label", *(f'"{text}",{label}' for text, label in rows)]
    (here / "korean.csv").write_bytes("\n".join(lines).encode("cp949"))
    told = job("korean.csv", encoding="cp949", **BASE)
    assert told.checked.head[0] == rows[0]


def test_a_model_is_taken(data: str, job: Job, tiny_model: TinyModel) -> None:
    told = job(data, model=str(tiny_model("distilbert")), **BASE)
    assert told.run.model.config.model_type == "distilbert"


@pytest.fixture
def arguments(tiny_bert: Path) -> tuple[str, ...]:
    return ("train", "reviews.csv", "--model", str(tiny_bert), "--threads", "1", "--no-baseline", "--epochs", "1")


def test_the_loss_is_printed_as_often_as_asked(whet: Command, arguments: tuple[str, ...]) -> None:
    def printed(*more: str) -> list[str]:
        ended = whet(*arguments, "--fresh", *more)
        assert ended.code == 0
        return [line.split(" ")[1] for line in ended.err.splitlines() if line.startswith("step ")]

    assert printed() == ["3/3"]
    assert printed("--log-every", "1") == ["1/3", "2/3", "3/3"]


def test_json_is_the_last_line_of_stdout_and_quiet_silences_the_rest(whet: Command, arguments: tuple[str, ...]) -> None:
    plain = whet(*arguments)
    assert "Result on 6 test rows" in plain.out
    assert "note: " in plain.err
    document = whet(*arguments, "--json")
    assert document.out.count("\n") == 1
    assert set(document.json) == {"run", "metrics", "verdict"}
    assert document.err != ""
    quiet = whet(*arguments, "--quiet")
    assert quiet.err == ""
    assert "Result on 6 test rows" in quiet.out


def test_debug_shows_where_a_fault_came_from(whet: Command) -> None:
    assert "Traceback" not in whet("train", "nothing.csv").err
    shown = whet("train", "nothing.csv", "--debug")
    assert "Traceback (most recent call last)" in shown.err
    assert shown.code == 3
