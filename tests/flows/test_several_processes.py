"""Several processes train one model, started by the real torchrun on the CPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.conftest import review_rows
from tests.flows.conftest import Command, Ended, Job, content_of, events_of, write_csv
from whet.errors import UsageError
from whet.jobs import alike
from whet.system.runtime import Ranks
from whet.training.team import Alone

ROWS_OF_16 = {"train_rows": 33, "learning_rate": 1e-3, "epochs": 2.0, "threads": 1, "precision": "fp32"}
"""33 rows are two steps of 16 and one of a single row, for which one of two processes has none."""

TOLERANCE = 2e-6
"""Sums of float32 in another order, after six steps of AdamW at 1e-3."""

# What a rank of its own way does: a fault, and the line of the command that leads to it.
DRIVER = """
import os, signal, sys
from whet.cli import main
from whet.training import optim

arguments, rank, odd = sys.argv[2:], int(os.environ["RANK"]), sys.argv[1]
real = optim.rate

def rate(step, **others):
    if rank == 1 and step == 2:
        if odd == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if odd == "stopped":
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)  # as torchrun passes it on
            return real(step, **others)
        raise ArithmeticError("rank 1 alone")
    return real(step, **others)

if odd in ("killed", "bug", "stopped"):
    optim.rate = rate
if rank == 1 and odd == "short":
    import torch
    from whet.model.classifier import Classifier

    logits = Classifier.logits

    def short(self, batch):
        if self.model.training and len(batch.ids) > 200:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits(self, batch)

    Classifier.logits = short
if rank == 1 and odd == "missing":
    arguments[arguments.index("reviews.csv")] = "nowhere.csv"
code = main(arguments)
print(f"rank {rank} ended with {code}", file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def calm_bert(tiny_bert: Path, here: Path) -> str:
    """The tiny BERT without dropout."""
    folder = Path(shutil.copytree(tiny_bert, here / "calm"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    # Texts of very unlike lengths: an even share of the tokens is no even share of the rows.
    rows = [(text * (7 if row % 5 == 0 else 1), label) for row, (text, label) in enumerate(review_rows())]
    write_csv(here / "reviews.csv", rows)
    return "calm"


def torchrun(*arguments: str, processes: int = 2, seconds: float = 120) -> Ended:
    """A job of several processes on this machine, on a free port. One that hangs fails the test."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    started = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    try:
        out, err = started.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        started.terminate()  # and not kill: it has processes to end
        out, err = started.communicate(timeout=60)
        pytest.fail(f"still running after {seconds} s: {err[-2000:]}")
    return Ended(started.returncode, out, err)


def driven(odd: str, model: str) -> Ended:
    """A job whose rank 1 goes its own way."""
    Path("driver.py").write_text(DRIVER)
    job = ["train", "reviews.csv", "--model", model, "--threads", "1", "--no-baseline", "--output", "odd", "--quiet"]
    return torchrun("driver.py", odd, *job)


def test_two_processes_of_8_rows_give_the_weights_of_one_of_16(calm_bert: str, job: Job, here: Path) -> None:
    alone = job("reviews.csv", model=calm_bert, output="alone", **ROWS_OF_16)
    flags = [part for name, value in ROWS_OF_16.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    ended = torchrun("-m", "whet", "train", "reviews.csv", "--model", calm_bert, "--output", "both", "--json", *flags)
    assert ended.code == 0, ended.err
    both = here / "both"

    ours = load_file(both / "model" / "model.safetensors")
    theirs = load_file(alone.path / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    # The loss does not depend on a key's bias: its gradient is rounding, of which AdamW makes steps.
    gaps = {name: abs(ours[name] - theirs[name]).max() for name in ours if not name.endswith("key.bias")}
    assert {name: gap for name, gap in gaps.items() if gap > TOLERANCE} == {}

    # One process told all, the other one nothing.
    assert len(ended.out.splitlines()) == 1
    assert ended.err.count("look at the data\n") == 1
    assert content_of(both).keys() == content_of(alone.path).keys()
    mine, its = events_of(both), events_of(alone.path)
    # What several processes take together, one cannot measure: they have no plan.
    mine, its = ([event for event in events if event["kind"] != "plan"] for events in (mine, its))
    assert [event["kind"] for event in mine] == [event["kind"] for event in its]
    for event, other in zip(mine, its, strict=True):
        if event["kind"] in ("step", "evaluation"):
            assert (event["step"], event["epoch"]) == (other["step"], other["epoch"])
            assert event["loss"] == pytest.approx(other["loss"], abs=1e-5)
        if event["kind"] == "step":
            assert event["tokens"] == other["tokens"]
    assert [event["step"] for event in mine if event["kind"] == "step"] == [1, 2, 3, 4, 5, 6]
    metrics = ended.json["metrics"]
    assert metrics["test"]["confusion"] == alone.run.metrics["test"]["confusion"]
    assert metrics["baselines"]["tfidf"]["accuracy"] == alone.run.metrics["baselines"]["tfidf"]["accuracy"]
    facts = json.loads((both / "run.json").read_text())
    assert (facts["ranks"], facts["threads"]["value"]) == (2, 1)


def test_two_processes_train_small_matrices_as_one_does(calm_bert: str, job: Job, here: Path) -> None:
    settings = {**ROWS_OF_16, "baseline": False, "lora": 4, "freeze": "1"}
    alone = job("reviews.csv", model=calm_bert, output="alone", **settings)
    flags = [part for name, value in ROWS_OF_16.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    flags += ["--no-baseline", "--lora", "4", "--freeze", "1"]
    ended = torchrun("-m", "whet", "train", "reviews.csv", "--model", calm_bert, "--output", "both", *flags)
    assert ended.code == 0, ended.err
    ours = load_file(here / "both" / "model" / "model.safetensors")
    theirs = load_file(alone.path / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if abs(ours[name] - theirs[name]).max() > TOLERANCE} == set()


def test_a_fault_of_one_process_ends_all_with_its_code_and_is_told_once(calm_bert: str) -> None:
    ended = driven("missing", calm_bert)
    assert ended.code != 0
    assert [line.partition(" (in ")[0] for line in ended.errors] == ["rank 1: no such file: nowhere.csv"]
    assert "rank 0 ended with 3" in ended.err
    assert not Path("odd").exists()


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["killed", "bug"])
def test_a_process_that_ends_in_the_middle_of_training_ends_the_job(calm_bert: str, odd: str) -> None:
    ended = driven(odd, calm_bert)
    assert ended.code != 0
    assert "ended with 0" not in ended.err
    assert not Path("odd", "metrics.json").exists()
    if odd == "bug":
        assert any("ArithmeticError: rank 1 alone" in line for line in ended.errors)


@pytest.mark.slow
def test_a_signal_to_one_process_lets_all_save_the_same_step_and_the_same_command_goes_on(
    calm_bert: str, here: Path
) -> None:
    stopped = driven("stopped", calm_bert)
    assert stopped.code != 0
    assert [line.partition(" (in ")[0] for line in stopped.errors] == [
        "stopped by SIGTERM after step 3 of 6. The same command goes on from step 3."
    ]
    assert "rank 0 ended with 143" in stopped.err
    assert [path.name for path in Path("odd", "checkpoints").iterdir()] == ["step-00000003"]
    assert driven("", calm_bert).code == 0
    shutil.move("odd", "continued")
    assert driven("", calm_bert).code == 0
    ours, theirs = (load_file(here / run / "model" / "model.safetensors") for run in ("continued", "odd"))
    assert {name for name in ours if (ours[name] != theirs[name]).any()} == set()
    resumed = json.loads(Path("continued", "run.json").read_text())["resumed"]
    assert [again["step"] for again in resumed] == [3]


@pytest.mark.slow
def test_a_process_whose_memory_runs_out_takes_its_rows_in_parts_and_the_weights_are_the_same(
    calm_bert: str, job: Job, here: Path
) -> None:
    alone = job("reviews.csv", model=calm_bert, output="alone", **ROWS_OF_16)
    flags = [part for name, value in ROWS_OF_16.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    (here / "driver.py").write_text(DRIVER)
    ended = torchrun("driver.py", "short", "train", "reviews.csv", "--model", calm_bert, "--output", "both", *flags)
    assert ended.code == 0, ended.err
    ours = load_file(here / "both" / "model" / "model.safetensors")
    theirs = load_file(alone.path / "model" / "model.safetensors")
    gaps = {name: abs(ours[name] - theirs[name]).max() for name in ours if not name.endswith("key.bias")}
    assert {name: gap for name, gap in gaps.items() if gap > TOLERANCE} == {}


class Two(Alone):
    """A process beside another, of which only the words are known."""

    def __init__(self, other: list[str]) -> None:
        super().__init__(Ranks(0, 2))
        self.other = other

    def meet(self, said: object = None) -> list[Any]:
        return [said, self.other]


@pytest.mark.parametrize(("other", "advice"), [("fp16", "fp16"), ("fp32", "fp32")])
def test_processes_whose_cards_lead_to_unlike_precisions_are_refused(other: str, advice: str) -> None:
    alike.check_alike(Two(["digest", "bf16"]), "digest", "bf16")
    with pytest.raises(UsageError) as caught:
        alike.check_alike(Two(["digest", other]), "digest", "bf16")
    assert caught.value.message == (
        f"--precision: by their cards the processes would train in bf16, {other}. Expected one for all. "
        f"Give --precision {advice}."
    )


def test_a_process_alone_loads_nothing_of_this(calm_bert: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "whet.training.distributed", None)  # its import would fail
    told = job("reviews.csv", model=calm_bert, baseline=False, epochs=0.5)
    assert json.loads((told.path / "run.json").read_text())["ranks"] == 1


def test_commands_that_are_not_divided_are_those_of_the_first_process(
    whet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": 1, "WORLD_SIZE": 2, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert whet("check", "nowhere.csv") == Ended(0, "", "")
    assert whet("train", "--no-such-option") == Ended(2, "", "")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert whet("check", "nowhere.csv").code == 3
    assert whet("train", "--no-such-option").errors != []
