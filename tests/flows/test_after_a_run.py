"""What is asked of finished runs: why an answer, whether a score is reached, which of two is better."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, Command, Job, Told, write_csv


@pytest.fixture(scope="module")
def untaught(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Told:
    """A run on the same rows that learnt nothing to speak of."""
    import contextlib

    from whet import pipeline

    folder = tmp_path_factory.mktemp("untaught")
    with contextlib.chdir(folder):
        write_csv(folder / "reviews.csv", review_rows())
        told = job("reviews.csv", **BRIEF, learning_rate=1e-6)
        run = pipeline.load(told.path.resolve())
    return Told((*told.events[:-1], pipeline.Finished(run, run.metrics, "", False)))


# ---------------------------------------------------------------- why this answer


def test_the_command_explains_as_the_library(taught: Told, whet: Command) -> None:
    text = "The ending was boring. 배우들의 연기도 훌륭했습니다."
    ended = whet("predict", str(taught.path), text, "--explain", "--json")
    assert (ended.code, ended.err) == (0, "")
    (found,) = taught.run.explain([text])
    (answer,) = ended.json
    assert answer["explained"] == found.label
    assert [(word["start"], word["end"]) for word in answer["words"]] == [word[:2] for word in found.words]
    assert [word["weight"] for word in answer["words"]] == pytest.approx([word[2] for word in found.words], abs=1e-5)


def test_a_run_keeps_the_words_that_its_wrong_answers_hang_on(untaught: Told) -> None:
    kept = json.loads((untaught.path / "explanations.json").read_text(encoding="utf-8"))
    rows = parquet.read_table(untaught.path / "predictions.parquet").to_pylist()
    wrong = [row for row in rows if row["label"] != row["predicted"]]
    wrong.sort(key=lambda row: -row[f"probability {row['predicted']}"])
    assert wrong
    assert (kept["format"], kept["wrong"], kept["explained"]) == (1, len(wrong), len(wrong))
    told = [(row["row_id"], row["place"], row["text"], row["label"]) for row in kept["rows"]]
    assert told == [(row["row_id"], row["place"], row["text"], row["predicted"]) for row in wrong]
    assert untaught.run.metrics["explanations"] == {"wrong": len(wrong), "explained": len(wrong)}
    assert untaught.run.metrics["seconds"]["explain"] > 0
    for row, found in zip(kept["rows"], untaught.run.explain([row["text"] for row in wrong]), strict=True):
        weights = [weight for *_, weight in found.words]
        assert [word["weight"] for word in row["words"]] == pytest.approx(weights, abs=1e-5)


# ---------------------------------------------------------------- is it good enough


@pytest.fixture
def reviews(here: Path) -> str:
    return str(write_csv(here / "all.csv", review_rows()))


def test_a_run_that_reaches_what_is_required_ends_well(taught: Told, whet: Command, reviews: str) -> None:
    ended = whet("evaluate", str(taught.path), reviews, "--require", "accuracy>=0.6, log_loss<=2", "--json")
    assert ended.code == 0, ended.err
    low, high = ended.json["test"]["intervals"]["accuracy"]
    first = ended.json["requirements"][0]
    assert first == {
        "requirement": "accuracy >= 0.6", "score": ended.json["test"]["accuracy"], "low": low, "high": high,
        "met": True, "alone": True,
    }  # fmt: skip


def test_a_run_that_does_not_ends_with_8(untaught: Told, whet: Command, reviews: str) -> None:
    import whet as library

    ended = whet("evaluate", str(untaught.path), reviews, "--require", "accuracy>=0.9", "--quiet")
    assert ended.code == 8
    assert ended.errors[0].startswith("accuracy >= 0.9 is not met: 0.")
    with pytest.raises(library.WhetError) as caught:
        library.evaluate(untaught.run, reviews, require="accuracy>=0.9")
    assert (caught.value.exit_code, caught.value.message) == (8, ended.errors[0])


def test_what_cannot_be_required_of_a_run_is_told_before_it_is_scored(
    taught: Told, whet: Command, reviews: str
) -> None:
    ended = whet("evaluate", str(taught.path), reviews, "--require", "accurracy>=0.9", "--quiet")
    assert ended.code == 2
    assert ended.errors[0].startswith("--require: no score 'accurracy'. Expected one of ")
    assert ended.errors[0].endswith("Did you mean 'accuracy'.")


# ---------------------------------------------------------------- which is better


def test_two_runs_on_the_same_rows_are_compared(taught: Told, untaught: Told, whet: Command) -> None:
    ended = whet("compare", str(untaught.path), str(taught.path), "--require", "not-worse", "--json")
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.json["runs"]
    assert ended.json["rows"] == first["test_rows"] == second["test_rows"] == 6
    for run, told in ((first, untaught), (second, taught)):
        assert run["scores"]["accuracy"] == pytest.approx(told.run.metrics["test"]["accuracy"])
        assert run["scores"]["macro_f1"] == pytest.approx(told.run.metrics["test"]["macro_f1"])
        assert run["train_seconds"] == told.run.metrics["seconds"]["train"]
        assert run["rows_a_second"] > 0
        assert run["size"] > 10_000
    difference = second["scores"]["accuracy"] - first["scores"]["accuracy"]
    assert second["against_first"]["difference"] == pytest.approx(difference)
    assert second["against_first"]["against"] == untaught.path.name


def test_a_comparison_loads_no_torch(taught: Told, untaught: Told, here: Path) -> None:
    from tests.flows.conftest import python

    script = (
        "import sys, whet; whet.compare(*sys.argv[1:]); "
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    ended = python("-c", script, str(taught.path), str(untaught.path))
    assert (ended.code, ended.out.strip()) == (0, "[]"), ended.err
