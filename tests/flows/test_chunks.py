"""Long texts, divided into chunks: from the command to the answers, and going on bit for bit."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Job, Told, write_csv
from whet import pipeline
from whet.errors import Interrupted
from whet.records import StepRecord
from whet.settings import config

FILLING = "The rest of the evening went by, as evenings do. "
SETTINGS: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "max_length": 24, "truncation": "chunks",
    "baseline": False,
}  # fmt: skip


@pytest.fixture
def data(here: Path) -> str:
    """Reviews, of which two in three say at the end what they think."""
    rows = [(FILLING * (row % 3 * 2) + text, label) for row, (text, label) in enumerate(review_rows())]
    return str(write_csv(here / "long.csv", rows))


def weights(told: Told) -> bytes:
    return (told.path / "model" / "model.safetensors").read_bytes()


def test_an_answer_hangs_on_what_stands_beyond_the_first_chunk(data: str, job: Job) -> None:
    long = [FILLING * 5 + f"The film was {word}." for word in ("wonderful", "awful")]
    for truncation, differ in (("chunks", True), ("head", False)):
        run = job(data, **{**SETTINGS, "epochs": 1.0, "truncation": truncation, "output": truncation}).run
        one, other = run.predictor.predict(long, logits=True)
        # Of equal texts the last bit may differ, by where in a pack they stand.
        assert (one.logits != pytest.approx(other.logits, abs=1e-5)) is differ
        assert (one.truncated, other.truncated) == (not differ, not differ)


def test_how_many_texts_have_how_many_chunks_is_said(data: str, job: Job) -> None:
    told = job(data, **{**SETTINGS, "epochs": 1.0})
    (train,) = [notice for notice in told.notices if " train texts " in notice]
    assert train.endswith("whose logits are averaged")
    assert " have more than 24 tokens and are divided into chunks (" in train
    assert not any("head" in notice for notice in told.notices if "tokens" in notice)


@pytest.mark.parametrize("at", [3, 13])
def test_a_run_that_is_stopped_and_continued_ends_bit_for_bit_as_one_that_was_not(
    at: int, data: str, job: Job, tiny_bert: Path
) -> None:
    whole = job(data, **SETTINGS, output="whole")
    resolved = config.resolve({**SETTINGS, "model": str(tiny_bert), "output": "run"})
    with pytest.raises(Interrupted):
        for event in pipeline.follow(data, resolved):
            if isinstance(event, StepRecord) and event.step == at:
                os.kill(os.getpid(), signal.SIGTERM)
    told = job(data, **SETTINGS, output="run")
    assert [step.step for step in told.steps] == list(range(at + 1, 25))
    assert weights(told) == weights(whole)
    for side in ("validation", "test"):
        assert told.run.metrics[side] == whole.run.metrics[side]


def test_the_commands_train_predict_and_score_alike(data: str, tiny_bert: Path, here: Path, whet: Command) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items() if name != "baseline"]
    ended = whet("train", data, "--model", str(tiny_bert), *options, "--no-baseline", "--output", "run", "--yes")
    assert ended.code == 0, ended.err
    assert "divided into chunks" in ended.err
    run = pipeline.load(here / "run")
    side = json.loads((here / "run" / "model" / "whet.json").read_text(encoding="utf-8"))
    assert (side["truncation"], side["chunks"]["most"]) == ("chunks", 64)
    texts = [FILLING * 5 + "It was wonderful.", "Short.", FILLING * 700]
    answers = run.predict(texts)
    assert [answer.truncated for answer in answers] == [False, False, True]
    found = whet("predict", "run", "--json", "--", *texts[:2])
    assert found.code == 0, found.err
    for ours, theirs in zip(answers, found.json, strict=False):
        assert ours.label == theirs["label"]
        assert dict(ours.probabilities) == pytest.approx(theirs["probabilities"], abs=1e-6)
    scored = whet("evaluate", "run", data, "--json")
    assert scored.code == 0, scored.err


def test_pairs_of_texts_are_refused_before_anything_is_written(here: Path, tiny_bert: Path, whet: Command) -> None:
    rows = [{"text": text, "text2": text[::-1], "label": label} for text, label in review_rows()]
    (here / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ended = whet("train", "pairs.jsonl", "--model", str(tiny_bert), "--pair", "text2", "--truncation", "chunks")
    assert ended.code == 2
    assert ended.errors == [
        "--truncation: chunks, but the rows are pairs of texts. "
        "Expected head or head-tail, which leave both texts of a pair in one sequence."
    ]
    assert not (here / "runs").exists()
