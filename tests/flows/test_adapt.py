"""`whet adapt`: texts without labels, a model that learnt their language, and what is done with it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import whet
from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, events_of, weights_of, write_csv
from whet.adapting import story
from whet.adapting.story import Adapted
from whet.adapting.texts import read_texts
from whet.errors import DataError, Interrupted, ModelError, UsageError
from whet.forecast import Plan
from whet.records import HeldOut, Notice, StepRecord
from whet.settings import config
from whet.settings.config import Settings

SETTINGS: dict[str, Any] = {
    "epochs": 3.0, "batch_size": 8, "threads": 1, "brief": True, "learning_rate": 3e-3, "max_length": 24,
}  # fmt: skip
STEPS = 39


@dataclasses.dataclass(frozen=True)
class Story:
    events: tuple[story.Event, ...]

    @property
    def end(self) -> Adapted:
        assert isinstance(self.events[-1], Adapted)
        return self.events[-1]

    @property
    def notices(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Notice)]

    @property
    def steps(self) -> list[StepRecord]:
        return [event for event in self.events if isinstance(event, StepRecord)]


Adapt = Callable[..., Story]


@pytest.fixture
def adapt(tiny_bert: Path) -> Adapt:
    def follow(*texts: object, model: Path | str = tiny_bert, **settings: Any) -> Story:
        return Story(tuple(story.follow(str(model), texts, config.resolve({**SETTINGS, **settings}))))

    return follow


@pytest.fixture
def texts(here: Path) -> str:
    """62 texts of one to three reviews, a line each; two of them again, and an empty line."""
    generator, reviews = random.Random(0), [text for text, _ in review_rows()]
    lines = [" ".join(generator.choices(reviews, k=generator.randint(1, 3))) + f" {i}" for i in range(62)]
    (here / "texts.txt").write_text("\n".join([*lines, "", *lines[:2]]) + "\n", encoding="utf-8")
    return "texts.txt"


def stopped(texts: str, model: Path, at: int, number: int = signal.SIGINT, **settings: Any) -> Interrupted:
    """The fault of a job that got a signal after a step."""
    with pytest.raises(Interrupted) as caught:
        for event in story.follow(str(model), [texts], config.resolve({**SETTINGS, **settings})):
            if isinstance(event, StepRecord) and event.step == at:
                os.kill(os.getpid(), number)
    return caught.value


def first_step(events: Iterator[story.Event]) -> list[StepRecord]:
    """The first step of a job, which is then left; nothing where it has none."""
    return list(itertools.islice((event for event in events if isinstance(event, StepRecord)), 1))


def test_a_model_learns_the_language_of_texts_and_its_run_tells_how_well(
    texts: str, adapt: Adapt, tiny_bert: Path
) -> None:
    told = adapt(texts)
    end = told.end
    assert end.path.parent == Path("runs")
    assert end.path.name.startswith(f"texts-{tiny_bert.name}-adapt-")
    assert "59 texts to learn from, 3 held out to measure by, of 65" in told.notices
    assert "3 of 65 texts are empty or stand there already, and are left out" in told.notices
    before, after = (event for event in told.events if isinstance(event, HeldOut))
    assert (before.step, after.step) == (0, told.steps[-1].steps)
    assert before.tokens == after.tokens >= 4
    assert after.loss < before.loss - 0.3
    found = json.loads((end.path / "metrics.json").read_text())
    assert found == end.metrics
    assert found["texts"] == {"train": 59, "held_out": 3}
    assert found["windows"]["train"] > 59  # the longer texts are divided
    assert found["held_out"]["before"]["loss"] == before.loss
    assert found["held_out"]["after"]["perplexity"] == pytest.approx(np.exp(after.loss))
    kinds = [line["kind"] for line in events_of(end.path)]
    assert kinds.count("held_out") == 2
    assert kinds.count("step") == len(told.steps)
    run = json.loads((end.path / "run.json").read_text())
    assert (run["job"], run["settings"]["max_length"]["value"]) == ("adapt", 24)
    assert sorted(path.name for path in end.path.iterdir() if not path.name.startswith(".")) == [
        "events.jsonl", "metrics.json", "model", "run.json",
    ]  # fmt: skip
    assert adapt(texts).end.resumed_finished


def test_every_token_of_a_long_text_is_learnt_from(texts: str, tiny_bert: Path, adapt: Adapt) -> None:
    told = adapt(texts, epochs=1.0, validation="none", output="all")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    lines = set(Path(texts).read_text(encoding="utf-8").split("\n")) - {""}
    bodies = sum(len(tokenizer(line, add_special_tokens=False)["input_ids"]) for line in lines)
    windows = told.end.metrics["windows"]["train"]
    assert told.steps[-1].tokens == bodies + 2 * windows
    assert "held_out" not in told.end.metrics


def test_what_is_saved_loads_in_plain_transformers_and_is_fine_tuned(
    texts: str, adapt: Adapt, job: Job, here: Path, tiny_bert: Path
) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

    end = adapt(texts, output="adapted").end
    model, encoder = AutoModelForMaskedLM.from_pretrained(end.model), AutoModel.from_pretrained(end.model)
    tokenizer = AutoTokenizer.from_pretrained(end.model)
    assert tokenizer.model_max_length == 128
    assert tokenizer("superb")["input_ids"] == AutoTokenizer.from_pretrained(tiny_bert)("superb")["input_ids"]
    whole = model.state_dict()
    shared = {f"bert.{name}": value for name, value in encoder.state_dict().items()}
    assert all((whole[name] == value).all() for name, value in shared.items() if "pooler" not in name)
    assert (whole["bert.embeddings.word_embeddings.weight"] == whole["cls.predictions.decoder.weight"]).all()
    kept = AutoModel.from_pretrained(tiny_bert).pooler.dense.weight
    assert (encoder.pooler.dense.weight == kept).all()
    card = (end.model / "README.md").read_text(encoding="utf-8")
    assert "masked-language-model training on 59 texts without labels" in card
    data = str(write_csv(here / "reviews.csv", review_rows()))
    for name in ("adapted", "adapted/model"):
        told = job(data, model=name, epochs=1.0, baseline=False, threads=1, brief=True)
        assert told.run.settings["model"] == name
        assert told.run.settings["max_length"] == 128  # as the model has it, and not as the windows were
    assert told.run.predict(["superb"])[0].label in ("negative", "positive")


def test_last_is_an_adapted_run_for_model_alone(texts: str, adapt: Adapt, job: Job, here: Path) -> None:
    data = str(write_csv(here / "reviews.csv", review_rows()))
    tuned = job(data, epochs=1.0, baseline=False, threads=1, brief=True)
    end = adapt(texts).end
    assert whet.load("last").path == tuned.path
    told = job(data, model="last", epochs=1.0, baseline=False, threads=1, brief=True)
    assert told.run.settings["model"] == str(end.path)
    for name in (str(end.path), str(end.model)):
        with pytest.raises(ModelError) as fault:
            whet.load(name)
        assert fault.value.message == (
            f"RUN: {name} was adapted to texts, and answers nothing yet. Fine-tune it: whet train DATA --model {name}."
        )


@pytest.mark.parametrize("at", [1, 20, STEPS])
def test_a_job_that_is_stopped_goes_on_and_ends_bit_for_bit_alike(
    texts: str, adapt: Adapt, tiny_bert: Path, at: int
) -> None:
    whole = adapt(texts, output="whole")
    assert len(whole.steps) == STEPS
    fault = stopped(texts, tiny_bert, at, output="run")
    assert (fault.exit_code, fault.saw) == (130, f"stopped by SIGINT after step {at} of {STEPS}")
    assert fault.todo == f"The same command goes on from step {at}"
    told = adapt(texts, output="run")
    assert f"going on after step {at} of {STEPS}" in told.notices
    assert [step.step for step in told.steps] == list(range(at + 1, STEPS + 1))
    assert [step.loss for step in told.steps] == [step.loss for step in whole.steps[at:]]
    assert weights_of(Path("run")) == weights_of(Path("whole"))
    assert _scores(told) == _scores(whole)
    assert not Path("run/checkpoints").exists()


def test_fresh_leaves_the_copies_of_the_job_that_was_stopped(texts: str, tiny_bert: Path, here: Path) -> None:
    drive = here / "drive"
    stopped(texts, tiny_bert, 3, output="run", mirror=str(drive))
    (first,) = drive.iterdir()
    fault = stopped(texts, tiny_bert, 2, output="run", mirror=str(drive), fresh=True)
    assert fault.todo == "The same command goes on from step 2"
    assert sorted(drive.rglob("step-*")) == [first / "step-00000003", drive / f"{first.name}-2" / "step-00000002"]
    assert json.loads((here / "run-2" / "run.json").read_text())["mirrored"] == f"{first.name}-2"


def _scores(told: Story) -> Any:
    return told.end.metrics["held_out"]


def test_a_killed_process_is_taken_up_by_the_same_command(texts: str, tiny_bert: Path, adapt: Adapt) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items() if name != "brief"]
    line = [sys.executable, "-m", "whet", "adapt", str(tiny_bert), texts, *options, "--brief", "--output", "run"]
    line += ["--checkpoint-every", "2", "--quiet"]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 110
    while not list(Path("run/checkpoints").glob("step-*")) and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    told = adapt(texts, output="run", checkpoint_every=2)
    assert told.steps[0].step > 1
    whole = adapt(texts, output="whole")
    assert weights_of(Path("run")) == weights_of(Path("whole"))
    assert _scores(told) == _scores(whole)


def test_texts_come_from_tables_folders_and_python_and_test_sides_stay_out(
    here: Path, adapt: Adapt, tiny_bert: Path
) -> None:
    rows = review_rows()
    write_csv(here / "some.csv", rows[:20])
    pd.DataFrame({"review": [text for text, _ in rows[20:40]], "stars": 1}).to_parquet(here / "more.parquet")
    for side, part in (("train/unsup", rows[40:50]), ("test/pos", rows[50:])):
        (here / "imdb" / side).mkdir(parents=True)
        for number, (text, _) in enumerate(part):
            (here / "imdb" / side / f"{number}.txt").write_text(text, encoding="utf-8")
    told = adapt("some.csv", "more.parquet", "imdb", epochs=0.5)
    different = len({text for text, _ in rows[:50]})
    assert sum(told.end.metrics["texts"].values()) == different
    left = Path("imdb/test/pos")
    assert f"{left} is a test side and is left out, so that a later score on it stays honest" in told.notices
    assert told.end.path.name.startswith("some-and-2-more-")
    listed = adapt([text for text, _ in rows], epochs=0.5)
    framed = adapt(pd.DataFrame({"text": [text for text, _ in reversed(rows)]}), epochs=0.5)
    assert listed.end.metrics["texts"] == framed.end.metrics["texts"]
    assert listed.end.metrics["held_out"]["tokens"] == framed.end.metrics["held_out"]["tokens"]


def test_a_plan_comes_first_and_a_budget_shortens_the_job(texts: str, adapt: Adapt) -> None:
    told = adapt(texts, brief=False)
    (plan,) = (event for event in told.events if isinstance(event, Plan))
    assert (plan.steps, plan.rows["validation"], plan.too_long) == (STEPS, 4, False)
    assert plan.total.low <= plan.total.seconds <= plan.total.high
    assert events_of(told.end.path)[-1]["kind"] == "end"
    assert any(line["kind"] == "plan" for line in events_of(told.end.path))
    short = adapt(texts, brief=False, budget="30s", epochs=1000.0, output="short")
    (shorter,) = (event for event in short.events if isinstance(event, Plan))
    assert shorter.steps < 13_000
    assert any(notice.startswith("budget 30s: ") for notice in short.notices)
    assert short.end.metrics["epochs"] < 1000


def test_few_texts_have_enough_steps_unless_somebody_says_how_many(texts: str, adapt: Adapt, tiny_bert: Path) -> None:
    resolved = config.resolve({key: value for key, value in SETTINGS.items() if key != "epochs"})
    for event in story.follow(str(tiny_bert), [texts], resolved):
        if isinstance(event, StepRecord):
            assert event.steps >= 500
            break


def test_an_epoch_that_somebody_chose_is_another_job_than_the_default_of_few_texts(
    texts: str, adapt: Adapt, tiny_bert: Path
) -> None:
    resolved = config.resolve({key: value for key, value in SETTINGS.items() if key != "epochs"})
    by_default = [event.steps for event in first_step(story.follow(str(tiny_bert), [texts], resolved))]
    chosen = adapt(texts, epochs=1.0)
    assert (by_default, len(chosen.steps)) == ([507], 13)
    again = [event.steps for event in first_step(story.follow(str(tiny_bert), [texts], resolved))]
    assert again == [507]
    assert len(list(Path("runs").iterdir())) == 2
    assert adapt(texts, epochs=1.0).end.resumed_finished


@pytest.mark.parametrize(
    ("model", "given", "settings", "message"),
    [
        ("linear", "texts.txt", {}, "MODEL: a linear model has no tokens to be hidden. Expected a transformer."),
        (None, "one.txt", {}, "one.txt: 1 different texts. Expected 2 or more."),
        (None, "texts.txt", {"validation": "1.5"}, "--validation 1.5. Expected a share of the texts to be held out, "
         "such as 0.05, or none."),
        (None, "texts.txt", {"warmup": 50.0}, "--warmup: 50 steps of warm-up in a training of 39. Expected at most "
         "39, or a share of them such as 0.06."),
        (None, "empty", {}, "empty: no .txt files in this folder. Expected a text a file."),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_is_said_before_anything_is_written(
    texts: str, adapt: Adapt, tiny_bert: Path, here: Path,
    model: str | None, given: str, settings: dict[str, Any], message: str,
) -> None:  # fmt: skip
    (here / "one.txt").write_text("a text\na text\n\n", encoding="utf-8")
    (here / "empty").mkdir()
    with pytest.raises((UsageError, DataError)) as fault:
        adapt(given, model=model or tiny_bert, **settings)
    assert fault.value.message == message
    assert not Path("runs").exists()


def test_texts_without_a_token_to_be_hidden_teach_nothing_and_measure_nothing(tiny_bert: Path) -> None:
    given = ["[MASK] [SEP]", "a good film"]
    held_out = [read_texts([given], Settings(seed=seed, validation="0.5")).held_out[0] for seed in range(20)]
    seeds = [held_out.index(text) for text in given]
    settings: Any = {"validation": "0.5", "epochs": 1.0, "threads": 1, "brief": True}
    assert "held_out" not in whet.adapt(str(tiny_bert), given, seed=seeds[0], **settings).metrics
    with pytest.raises(DataError) as fault:
        whet.adapt(str(tiny_bert), given, seed=seeds[1], **settings)
    assert fault.value.message == (
        f"{tiny_bert}: no token to be hidden: all are special or unknown to the model. Expected texts in the words of "
        "its vocabulary. Take another MODEL."
    )
    with pytest.raises(UsageError, match="an empty value"):
        whet.adapt("", given)


def test_a_warm_up_may_last_longer_than_an_epoch(texts: str, adapt: Adapt) -> None:
    told = adapt(texts, warmup=20.0)
    rates = [step.learning_rate for step in told.steps]
    assert rates.index(max(rates)) == 19


def test_settings_of_labels_are_refused(texts: str, tiny_bert: Path) -> None:
    with pytest.raises(UsageError) as fault:
        whet.adapt(str(tiny_bert), texts, label="stars", early_stopping=2)
    assert fault.value.message.startswith(
        "adapt: label='stars', early_stopping=2. Expected settings of a training without labels: text, validation, "
    )


def test_a_model_without_a_mask_token_is_refused(texts: str, adapt: Adapt, tiny_bert: Path, here: Path) -> None:
    import shutil

    shutil.copytree(tiny_bert, here / "maskless")
    for name in ("tokenizer_config.json", "tokenizer.json"):
        path = here / "maskless" / name
        document = json.loads(path.read_text(encoding="utf-8"))
        if name == "tokenizer_config.json":
            document["mask_token"] = None
        path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError) as fault:
        adapt(texts, model="maskless")
    assert fault.value.message == (
        "maskless: the tokenizer has no mask token. Expected a model that was pretrained with one."
    )


def test_the_command_tells_the_losses_in_both_languages(texts: str, tiny_bert: Path, whet_process: Command) -> None:
    options = ["--epochs", "1", "--threads", "1", "--brief", "--batch-size", "8"]
    ended = whet_process("adapt", str(tiny_bert), texts, *options, "--lang", "en")
    assert ended.code == 0
    assert "loss of a hidden token" in ended.out
    assert "whet train DATA --model runs/texts-" in ended.out
    assert "before: loss " in ended.err
    korean = whet_process("adapt", str(tiny_bert), texts, *options, "--lang", "ko")
    assert "가린 토큰의 손실" in korean.out
    assert "이미 끝난 실행이라" in korean.out
    document = whet_process("adapt", str(tiny_bert), texts, *options, "--json", "--quiet").json
    assert document["metrics"]["texts"] == {"train": 59, "held_out": 3}


def test_the_command_ends_with_130_where_it_was_interrupted(texts: str, tiny_bert: Path) -> None:
    command = [sys.executable, "-m", "whet", "adapt", str(tiny_bert), texts, "--epochs", "900", "--threads", "1"]
    process = subprocess.Popen(
        [*command, "--brief", "--output", "run", "--log-every", "1"], stderr=subprocess.PIPE, encoding="utf-8"
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step "):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "stopped by SIGINT after step" in rest
    assert "The same command goes on from step" in rest


def test_a_job_that_is_too_long_is_refused_unless_somebody_agrees(
    texts: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whet.adapting.plan.LONG", 0.0)
    settings = {**SETTINGS, "brief": False}
    with pytest.raises(whet.PlanTooLongError):
        whet.adapt(str(tiny_bert), texts, **settings)
    assert not Path("runs").exists()
    assert whet.adapt(str(tiny_bert), texts, yes=True, **settings).metrics["steps"] == STEPS


def test_a_budget_that_leaves_no_time_to_learn_anything_is_refused(texts: str, adapt: Adapt) -> None:
    with pytest.raises(UsageError) as fault:
        adapt(texts, brief=False, budget="2s")
    assert fault.value.message.startswith("--budget: 2s leaves no time for training. Expected ")
    assert not Path("runs").exists()


def test_a_job_with_a_budget_goes_on_with_what_is_left_of_it(texts: str, adapt: Adapt, tiny_bert: Path) -> None:
    settings = {"brief": False, "budget": "40s", "epochs": 400.0, "output": "run", "checkpoint_every": 5}
    stopped(texts, tiny_bert, 7, **settings)
    told = adapt(texts, **settings)
    assert told.steps[0].step == 8
    assert told.end.metrics["steps"] == told.steps[-1].step > 8
    seconds = told.end.metrics["seconds"]
    assert seconds["train"] + seconds["evaluate"] < 45
