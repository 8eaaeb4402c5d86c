"""The benchmarks: what each says of itself, the results that are kept, and the arithmetic of wall.py."""

from __future__ import annotations

import ast
import json
import runpy
import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.meta.source import REPOSITORY

FOLDER = REPOSITORY / "benchmarks"
BENCHMARKS = [
    "adapt",
    "baselines",
    "budget",
    "calibration",
    "defaults",
    "distil",
    "explain",
    "export",
    "few_labels",
    "fold_average",
    "label_errors",
    "ladder",
    "learning_curve",
    "lora",
    "memory",
    "plan_accuracy",
    "predict_cpu",
    "predict_file",
    "sample_folds",
    "saving",
    "scaling",
    "serve",
    "startup",
    "tasks",
    "tokenise",
    "train_cpu",
    "train_gpu",
    "trainer",
    "wall",
    "wheel",
]
RESULTS = sorted((FOLDER / "results").iterdir())


def claim(name: str) -> str:
    """The first line of the docstring."""
    said = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
    return (said or "").partition("\n")[0]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets benchmarks be imported as they import each other, and forgets them afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def wall(beside: None) -> ModuleType:
    return import_module("wall")


def test_every_benchmark_is_among_those_tested() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*BENCHMARKS, "common"])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_states_its_claim_in_its_first_line(name: str) -> None:
    first = claim(name)
    assert (first[:7], first[-1:]) == ("Claim: ", "."), first


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_answers_help_with_its_claim(
    name: str, beside: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: {name}.py [-h] ")
    assert claim(name) in said.out.splitlines()


def test_results_are_kept() -> None:
    assert {"2026-11-22-sample_folds.json", "2026-11-23-train_cpu.json"} <= {path.name for path in RESULTS}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_kept_result_names_its_benchmark_day_machine_and_versions(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == f"{document['date']}-{document['benchmark']}.json"
    assert date.fromisoformat(document["date"]).isoformat() == document["date"]
    # A job of a benchmark may have a result of its own: wall_2000_rows.
    assert any(document["benchmark"] == name or document["benchmark"].startswith(f"{name}_") for name in BENCHMARKS)
    assert document["machine"]
    assert {"python", "whet", "torch", "transformers"} <= document["versions"].keys()


def test_a_saved_result_is_the_last_line(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    common = import_module("common")
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    monkeypatch.setattr(common, "machine", lambda: {"cores": 2})
    common.emit("scaling", "a claim", {"met": True}, save=True)
    (path,) = tmp_path.iterdir()
    document = json.loads(path.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == document
    assert path.name == f"{document['date']}-scaling.json"
    assert {key: document[key] for key in ("benchmark", "claim", "met", "machine")} == {
        "benchmark": "scaling",
        "claim": "a claim",
        "met": True,
        "machine": {"cores": 2},
    }


def test_the_reference_is_extrapolated_on_the_line_through_two_sizes(wall: ModuleType) -> None:
    found = wall.reference_at(20_000, {1_000: 140.0, 2_000: 230.0})
    assert found == pytest.approx({"seconds": 1_850.0, "fixed_seconds": 50.0, "seconds_per_row": 0.09})


def test_a_reference_that_ran_on_all_rows_is_not_extrapolated(wall: ModuleType) -> None:
    assert wall.reference_at(2_000, {1_000: 140.0, 2_000: 231.0}) == {"seconds": 231.0}


@pytest.mark.parametrize(("trainer", "ratio", "met"), [(324.0, 1.3, False), (325.0, 1.3, True), (400.0, 1.6, True)])
def test_both_rivals_must_be_beaten_by_their_aims_before_rounding(
    wall: ModuleType, trainer: float, ratio: float, met: bool
) -> None:
    middle = {"whet": 250.0, "trainer": trainer, "reference, 1000 rows": 140.0, "reference, 2000 rows": 230.0}
    assert wall.compared(20_000, [1_000, 2_000], middle) == {
        "met": met,
        "ratio": {"reference": 7.4, "trainer": ratio},
        "aims": {"reference": 6.0, "trainer": 1.3},
        "seconds": {"whet": 250.0, "trainer": trainer, "reference": 1_850.0},
        "reference_extrapolated": True,
        "reference_line": {"fixed_seconds": 50.0, "seconds_per_row": 0.09},
    }


def test_a_whole_reference_is_told_as_measured_and_may_miss_its_aim(wall: ModuleType) -> None:
    middle = {"whet": 250.0, "trainer": 400.0, "reference, 20000 rows": 1_400.0}
    assert wall.compared(20_000, [20_000], middle) == {
        "met": False,
        "ratio": {"reference": 5.6, "trainer": 1.6},
        "aims": {"reference": 6.0, "trainer": 1.3},
        "seconds": {"whet": 250.0, "trainer": 400.0, "reference": 1_400.0},
        "reference_extrapolated": False,
        "reference_line": {},
    }


def test_a_line_through_one_size_is_refused(
    wall: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["wall.py", "--reference-rows", "1000"])
    with pytest.raises(SystemExit) as ended:
        wall.main()
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err.splitlines()[-1]
        == "wall.py: error: --reference-rows needs two numbers of rows, 20000 alone, or none at all"
    )


@pytest.fixture
def defaults(beside: None) -> ModuleType:
    return import_module("defaults")


def kept_answers(defaults: ModuleType, path: Path, right: dict[int, bool]) -> str:
    """What the benchmark keeps of a model that answered these rows so."""
    pa = pytest.importorskip("pyarrow")
    predicted = ["yes" if each else "no" for each in right.values()]
    table = pa.table({"row_id": list(right), "label": ["yes"] * len(right), "predicted": predicted})
    import_module("pyarrow.parquet").write_table(table, path)
    return str(defaults.right_answers(path))


def test_answers_are_kept_by_row_in_whatever_order_they_came(defaults: ModuleType, tmp_path: Path) -> None:
    right = {7: True, 0: False, 3: True, 4: False, 70_000: True}
    assert defaults.unpacked(kept_answers(defaults, tmp_path / "answers.parquet", right)) == right


def test_a_difference_is_that_of_the_same_rows_over_all_seeds(defaults: ModuleType, tmp_path: Path) -> None:
    def kept(*right: bool) -> str:
        return kept_answers(defaults, tmp_path / "answers.parquet", dict(enumerate(right)))

    mine = [kept(True, True, True, False), kept(True, True, False, False)]
    theirs = [kept(True, False, True, False), kept(False, True, False, False)]
    found = defaults.difference(mine, theirs)
    assert found["difference"] == 2 / 8
    assert found["interval"][0] <= found["difference"] <= found["interval"][1]
    with pytest.raises(SystemExit, match="different rows"):
        defaults.difference([kept(True)], [kept(True, True)])


def test_the_table_compares_seeds_that_both_have_and_adjusts_for_their_number(
    defaults: ModuleType, tmp_path: Path
) -> None:
    def run(*right: bool) -> dict[str, object]:
        scores = {"accuracy": sum(right) / len(right), "macro_f1": 0.5}
        return {
            "minutes": 2.0, "processor_minutes": 1.5, "validation": scores, "test": scores,
            "right": kept_answers(defaults, tmp_path / "answers.parquet", dict(enumerate(right))),
        }  # fmt: skip

    all_right, half, none = (True,) * 40, (True, False) * 20, (False,) * 40
    runs = {
        defaults.command_of("sst2", "defaults", 0): run(*all_right),
        defaults.command_of("sst2", "reference", 0): run(*half),
        defaults.command_of("imdb", "defaults", 0): run(*half),
        defaults.command_of("imdb", "defaults", 1): run(*all_right),
        defaults.command_of("imdb", "reference", 0): run(*half),
        defaults.command_of("imdb", "reference", 5): run(*none),
        defaults.command_of("imdb", "ema", 1): run(*half),
    }
    found = defaults.table_of(runs)
    assert list(found) == ["sst2 defaults", "sst2 reference", "imdb defaults", "imdb reference", "imdb ema"]
    assert found["sst2 defaults"]["against"] == {
        "variant": "reference", "seeds": [0], "difference": 0.5,
        "interval": found["sst2 defaults"]["against"]["interval"], "p": 0.0004,
    }  # fmt: skip
    assert (found["imdb defaults"]["accuracy"], found["imdb defaults"]["spread"]) == (0.75, 0.3536)
    assert found["imdb defaults"]["against"]["seeds"] == [0]
    assert found["imdb defaults"]["against"]["p"] == 1.0
    assert "against" not in found["imdb reference"]
    held = found["imdb ema"]["against"]  # an option, alone in its family
    assert (held["variant"], held["seeds"], held["difference"], held["p"]) == ("defaults", [1], -0.5, 0.0002)


def test_an_option_leaves_the_rest_of_a_set_s_command_as_it_is(defaults: ModuleType) -> None:
    plain, folds, without = (defaults.command_of("sst2", name, 3).split() for name in ("defaults", "folds", "no-llrd"))
    assert [word for word in plain if word not in folds] == ["--validation", "sst2/validation.parquet"]
    assert [word for word in folds if word not in plain] == ["--folds", "5"]
    assert [word for word in without if word not in plain] == ["--learning-rate", "2.8e-4", "--batch-size", "32"]
    assert "--learning-rate 2e-4" in defaults.command_of("imdb", "no-llrd", 3)


def test_the_newest_kept_result_is_taken_up_again(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = import_module("common")
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    assert common.newest("defaults") == {}
    for day, name in (("2026-11-27", "defaults"), ("2026-12-01", "defaults"), ("2026-12-02", "defaults_x")):
        (tmp_path / f"{day}-{name}.json").write_text(json.dumps({"day": day}), encoding="utf-8")
    assert common.newest("defaults") == {"day": "2026-12-01"}
