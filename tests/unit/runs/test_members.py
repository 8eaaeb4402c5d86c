"""Which models a job of folds and seeds trains, and what such a job does without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.artifacts import sidefile
from whet.artifacts.ensemble import averaged
from whet.errors import UsageError
from whet.runs import members
from whet.runs.members import Member, are_several, members_of
from whet.settings.config import Settings, resolve
from whet.system.runtime import ALONE, Ranks
from whet.training.estimate import Speed, Workload, learnt_rows, models_of, times


def test_a_job_of_one_model_is_none_of_several() -> None:
    assert not are_several(Settings())
    assert members.check(resolve({}), ALONE) == (resolve({}), [])


def test_all_folds_of_a_seed_come_before_those_of_the_next() -> None:
    found = members_of(Settings(folds=2, seeds=2, seed=7))
    assert found == (Member(0, 7), Member(1, 7), Member(0, 8), Member(1, 8))
    assert [each.name for each in found] == ["fold-1-seed-7", "fold-2-seed-7", "fold-1-seed-8", "fold-2-seed-8"]
    assert [str(each.told) for each in found[:1]] == ["fold 1, seed 7"]
    assert found[0].told.korean == "폴드 1, 시드 7"
    assert [each.name for each in members_of(Settings(seeds=2, seed=7))] == ["seed-7", "seed-8"]


def test_what_a_recipe_asks_for_in_vain_is_left_out_and_said(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('early_stopping = 2\nvalidation = "0.2"\nbudget = "10m"\n', encoding="utf-8")
    found, told = members.check(resolve({"recipe": str(recipe), "folds": 3}), ALONE)
    assert (found.settings.early_stopping, found.settings.validation, found.settings.budget) == (None, "none", None)
    assert found.settings.keep == "last"
    assert told == ["budget, validation, early_stopping of the recipe: left out, for --folds trains several models"]


def test_several_processes_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        members.check(resolve({"seeds": 2}), Ranks(0, 2))
    assert caught.value.message == (
        "--seeds in 2 processes. Expected a single process, which trains one model after the other. "
        "Leave out --seeds, or torchrun."
    )


def test_the_mean_of_logits_is_divided_by_the_temperature() -> None:
    answers = [np.array([[1.0, -1.0]]), np.array([[3.0, 1.0]])]
    assert averaged(answers, None).tolist() == [[2.0, 0.0]]
    assert averaged(answers, 0.5).tolist() == [[4.0, 0.0]]


@pytest.mark.parametrize("given", [None, [], ["../other"], ["a/b"], ["fold-1", 2], ["."], "fold-1"])
def test_only_folders_beside_it_are_members(given: Any) -> None:
    assert not sidefile._are_members(given)
    assert sidefile._are_members(["fold-1-seed-42", "seed-4294967295"])


def test_a_job_of_several_models_takes_all_their_trainings_and_answers() -> None:
    lengths = {"train": np.full(10, 20), "test": np.full(10, 20)}
    work = Workload({"train": 1000, "test": 100}, lengths, spent=1.0, preparing=2.0, saving=3.0)  # type: ignore[arg-type]
    speed = Speed(step=0.01, token=1e-4, pair=0.0, evaluation=1e-5, error=0.1, timed=10)
    alone = Settings(validation="none", keep="last")
    folded = Settings(validation="none", keep="last", folds=5, seeds=3)
    assert (models_of(folded), learnt_rows(folded, 1000)) == (15, 800)
    part = times(work, speed, Settings(validation="none", keep="last", train_rows=800))
    found, one = times(work, speed, folded), times(work, speed, alone)
    assert found.training == pytest.approx(15 * part.training)
    assert found.test == pytest.approx(15 * one.test)
    # Each seed answers every row once.
    assert found.validation == pytest.approx(3 * 1000 * 20 * 1e-5)
    assert found.looked == 0.0
    seeds = times(work, speed, Settings(validation="none", keep="last", seeds=3))
    assert seeds.training == pytest.approx(3 * one.training)
