"""What Optuna is asked, and how it goes on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from whet.errors import OutputError
from whet.tuning import space
from whet.tuning.records import Params, Trial
from whet.tuning.study import Study

SPACE = space.parse(["learning_rate=1e-5..1e-2:log", "epochs=1,2,4", "batch_size=8..32"])
OWN: Params = {"learning_rate": 5e-5, "epochs": 15.0, "batch_size": 16}  # epochs that the space leaves out


def score(params: Params) -> float:
    """Best at a rate of 1e-3, and better the longer."""
    rate, epochs = params["learning_rate"], params["epochs"]
    assert isinstance(rate, float) and isinstance(epochs, float)
    return 0.9 - 0.1 * abs(math.log10(rate) + 3) + 0.01 * epochs


def opened(folder: Path, *, minimise: bool = False, prune: bool = True) -> Study:
    return Study(folder, SPACE, seed=42, minimise=minimise, prune=prune)


def searched(folder: Path, numbers: range, *, each_anew: bool) -> Study:
    study = opened(folder)
    for number in numbers:
        if each_anew:
            study = opened(folder)
        params = study.ask(number, []) if number else OWN
        value = score(params)
        study.tell(Trial(number, params, "complete", value, 1.5, {50: value - 0.1, 100: value}))
    return study


def test_a_study_that_another_process_opens_before_each_trial_is_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = searched(tmp_path / "a", range(16), each_anew=False)
    other = searched(tmp_path / "b", range(16), each_anew=True)
    assert one.trials == other.trials == opened(tmp_path / "a").trials
    assert len({trial.params["learning_rate"] for trial in one.trials}) == 16
    assert one.importances() == other.importances()


def test_what_is_tried_is_of_the_space_and_what_is_told_comes_back(tmp_path: Path) -> None:
    study = searched(tmp_path, range(13), each_anew=False)
    assert all(space.inside(SPACE, trial.params) == trial.params for trial in study.trials[1:])
    assert study.trials[0] == Trial(0, OWN, "complete", score(OWN), 1.5, {50: score(OWN) - 0.1, 100: score(OWN)})
    study.tell(Trial(13, study.trials[3].params, "pruned", 0.25, 0.5, {50: 0.25}))
    study.tell(Trial(14, study.trials[4].params, "failed", None, 0.1, {}, "the loss is not a finite number"))
    study.tell(Trial(15, study.trials[5].params, "complete", 0.5, 0.0, {100: 0.5}, "", 5))
    assert opened(tmp_path).trials == study.trials


def test_other_trials_that_run_are_not_tried_again(tmp_path: Path) -> None:
    study = searched(tmp_path, range(12), each_anew=False)
    alone = study.ask(12, [])
    assert study.ask(12, []) == alone
    assert study.ask(12, [alone]) != alone


def test_the_best_is_the_highest_or_the_lowest_and_of_equal_ones_the_first(tmp_path: Path) -> None:
    for minimise, best in ((False, 2), (True, 1)):
        folder = tmp_path / str(minimise)
        folder.mkdir()
        study = opened(folder, minimise=minimise)
        assert study.best is None
        for number, value in enumerate((0.4, 0.2, 0.6, 0.6, 0.2)):
            study.tell(Trial(number, study.ask(number, []), "complete", value, 1.0, {100: value}))
        study.tell(Trial(5, study.ask(5, []), "pruned", 0.9 if best == 2 else 0.1, 1.0, {50: 0.9}))
        assert study.best is not None
        assert study.best.number == best


def test_a_trial_below_the_median_of_the_others_as_far_is_hopeless(tmp_path: Path) -> None:
    study = opened(tmp_path)
    for number in range(5):  # evaluated after a third and two thirds, or after a half
        reports = {33: 0.3, 67: 0.6, 100: 0.9} if number % 2 else {50: 0.5, 100: 0.8}
        assert not study.hopeless({50: 0.01}), "the median of fewer than five tells nothing"
        study.tell(Trial(number, study.ask(number, []), "complete", reports[100], 1.0, reports))
    # After half of their trainings they were at 0.5, 0.3, 0.5, 0.3 and 0.5.
    assert study.hopeless({50: 0.49})
    assert not study.hopeless({50: 0.5})
    assert not study.hopeless({25: 0.01}), "nobody was judged so early"
    assert not study.hopeless({50: 0.55, 75: 0.5}), "its best so far counts: 0.55 against a median of 0.5"
    assert study.hopeless({50: 0.4, 75: 0.45})
    assert not study.hopeless({50: 0.4, 100: 0.1}), "it is over"
    assert not study.hopeless({})
    assert not opened(tmp_path, prune=False).hopeless({50: 0.01})


def test_importances_are_those_of_what_decides_and_of_one_setting_all(tmp_path: Path) -> None:
    study = searched(tmp_path, range(4), each_anew=False)
    assert study.importances() == {}  # of three trials within the space nothing can be said
    study = searched(tmp_path, range(4, 16), each_anew=False)
    shares = study.importances()
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1)
    (tmp_path / "one").mkdir()
    alone = Study(tmp_path / "one", {"learning_rate": SPACE["learning_rate"]}, seed=1, minimise=False, prune=True)
    for number in range(6):
        params = alone.ask(number, [])
        alone.tell(Trial(number, params, "complete", float(str(params["learning_rate"])), 1.0))
    assert alone.importances() == {"learning_rate": pytest.approx(1)}
    (tmp_path / "level").mkdir()
    level = opened(tmp_path / "level")
    for number in range(6):
        level.tell(Trial(number, level.ask(number, []), "complete", 0.5, 1.0))
    assert level.importances() == {}


@pytest.mark.parametrize("name", ["a?b=c#d", "{x}", "100%25 폴더", "a@b:c"])
def test_a_study_lies_in_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    searched(folder, range(2), each_anew=True)
    assert [path.name for path in folder.iterdir()] == ["study.sqlite3"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_is_no_study_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite3").write_bytes(b"not a database, whatever its name says" * 40)
    with pytest.raises(OutputError) as caught:
        opened(tmp_path)
    assert "the study cannot be used" in caught.value.message
    assert str(tmp_path / "study.sqlite3") in caught.value.message
