"""`whet export`: from a finished run to a folder that answers without torch."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

import whet as library
from tests.conftest import review_rows
from tests.exported_models import BARE
from tests.flows.conftest import Command, Told, python, write_csv
from tests.unit.server.processes import asked, free_port, started
from whet.cli import main

TEXTS = ("The story of this one was wonderful.", "The music of this one was dreadful, I thought so all evening.")


@pytest.fixture(scope="module")
def exported(taught: Told, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the taught run, with its data and its export."""
    home = tmp_path_factory.mktemp("exported")
    run = Path(shutil.copytree(taught.path, home / "runs" / "taught"))
    write_csv(home / "reviews.csv", review_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("whet.exporting.table.ROUNDS", 1)
        assert main(["export", str(run), "reviews.csv", "--quiet", "--json"]) == 0
    return run


def test_the_table_has_every_engine_on_validation_and_test(exported: Path) -> None:
    found = json.loads((exported / "export" / "export.json").read_text(encoding="utf-8"))
    assert [each["engine"] for each in found["engines"]] == ["torch", "onnx", "int8"]
    torch, onnx, int8 = found["engines"]
    assert found["metric"] == "accuracy"
    assert {side: score["rows"] for side, score in torch["scores"].items()} == {"validation": 6, "test": 6}
    assert onnx["largest_difference"] < 1e-4
    assert onnx["scores"] == torch["scores"]
    assert 1e-5 < int8["largest_difference"] < 1
    low, high = torch["scores"]["test"]["interval"]
    assert low <= torch["scores"]["test"]["accuracy"] <= high
    assert torch["largest_difference"] is None
    assert all(each["texts_per_second"]["short"] > 0 for each in found["engines"])
    assert int8["size"] < onnx["size"]
    lost = 100 * (torch["scores"]["validation"]["accuracy"] - int8["scores"]["validation"]["accuracy"])
    assert found["default"] == ("int8" if lost <= 0.5 else "onnx")
    assert found["notices"] == []


def test_the_run_is_answered_with_it_and_that_is_said(exported: Path, whet: Command) -> None:
    default = json.loads((exported / "export" / "export.json").read_text(encoding="utf-8"))["default"]
    ended = whet("predict", str(exported), *TEXTS, "--json")
    assert (ended.code, ended.err) == (0, f"engine: {default} (the default of {exported / 'export'})\n")
    by_torch = whet("predict", str(exported), *TEXTS, "--json", "--engine", "torch")
    assert by_torch.err == "engine: torch (given)\n"
    by_onnx = whet("predict", str(exported), *TEXTS, "--json", "--engine", "onnx")
    for one, other in zip(by_torch.json, by_onnx.json, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
        assert one["label"] == other["label"]
    assert whet("predict", str(exported), *TEXTS, "--quiet", "--engine", "int8").err == ""
    ended = whet("predict", str(exported), "a", "--engine", "fast")
    assert (ended.code, ended.errors) == (
        2, ["--engine: no engine 'fast'. Expected one of auto, torch, onnx, int8, ray."]
    )  # fmt: skip


def test_other_data_are_scored_with_the_engine_that_is_asked_for(exported: Path, whet: Command, here: Path) -> None:
    data = write_csv(here / "reviews.csv", review_rows())
    scores = {engine: whet("evaluate", str(exported), str(data), "--json", "--engine", engine).json
              for engine in ("torch", "onnx")}  # fmt: skip
    assert [document["engine"] for document in scores.values()] == ["torch", "onnx"]
    assert scores["torch"]["test"]["accuracy"] == scores["onnx"]["test"]["accuracy"] > 0.7
    assert library.evaluate(exported, str(data), engine="onnx").json["engine"] == "onnx"


def test_the_doctor_asks_every_engine_of_a_run_and_of_a_copied_folder(
    exported: Path, whet: Command, here: Path
) -> None:
    found = whet("doctor", str(exported), "--json").json["run"]
    assert "export/model_int8.onnx" in found["files"]
    assert found["canaries"] == 3 * 16
    copied = Path(shutil.copytree(exported / "export", here / "copied"))
    alone = whet("doctor", str(copied), "--json").json["run"]
    assert (alone["canaries"], alone["labels"]) == (2 * found["canaries"] // 3, ["negative", "positive"])
    (copied / "model_int8.onnx").write_bytes(b"")
    ended = whet("doctor", str(copied))
    assert ended.code == 4
    assert "model_int8.onnx has size 0" in ended.errors[0]


def test_a_folder_answers_where_there_is_neither_torch_nor_anything_but_the_base(exported: Path, here: Path) -> None:
    folder = str(shutil.copytree(exported / "export", here / "copied"))
    expected = [answer.label for answer in library.predict(exported, TEXTS)]
    ended = python("-W", "error", "-c", BARE, "predict", folder, *TEXTS, "--json")
    assert (ended.code, ended.errors) == (0, []), ended.err
    assert [answer["label"] for answer in ended.json] == expected
    write_csv(here / "more.csv", [(text, "") for text in TEXTS])
    ended = python(
        "-W", "error", "-c", BARE, "predict", folder, "--file", "more.csv", "--text", "text", "--output", "out.jsonl"
    )
    assert (ended.code, ended.errors) == (0, []), ended.err
    lines = (here / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["label"] for line in lines] == expected
    (here / "more.parquet").write_bytes(b"PAR1PAR1")
    ended = python("-W", "error", "-c", BARE, "predict", folder, "--file", "more.parquet", "--text", "text")
    assert ended.code == 2
    assert "whet[parquet]" in ended.errors[0]


@pytest.mark.parametrize(("copied", "engine"), [(False, "onnx"), (True, "auto")])
def test_an_export_is_served_by_its_engine_where_there_is_no_torch(
    exported: Path, here: Path, copied: bool, engine: str
) -> None:
    default = json.loads((exported / "export" / "export.json").read_text(encoding="utf-8"))["default"]
    named = default if engine == "auto" else engine
    folder = str(shutil.copytree(exported / "export", here / "copied")) if copied else str(exported)
    expected = [answer.probabilities for answer in library.predict(exported, TEXTS, engine=named)]
    port = free_port()
    command = ("-W", "error", "-c", BARE, "serve", folder, "--engine", engine, "--port", str(port))
    with started(*command, port=port) as process:
        found = asked(port, {"texts": TEXTS, "explain": True})["predictions"]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0, said
    assert said.splitlines()[0].startswith(f"engine: {named} ("), said
    for one, other in zip(found, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other, abs=1e-6)
        assert [word for word in one["words"] if word["weight"]]


def test_no_folder_that_is_handed_out_has_a_row_of_the_data(exported: Path) -> None:
    """X18: neither the card nor the test texts are of the training rows."""
    for folder in (exported / "model", exported / "export"):
        for path in folder.iterdir():
            content = path.read_bytes()
            assert [text for text, _ in review_rows() if text.encode() in content] == []


def test_a_run_that_is_trained_anew_loses_the_export_of_its_former_model(taught: Told, here: Path) -> None:
    from whet.runs import run_folder

    run = Path(shutil.copytree(taught.path, here / "run"))
    (run / "export").mkdir()
    run_folder._clear(run)
    assert not (run / "export").exists()
    assert not (run / "model").exists()


def test_data_that_changed_are_not_compared_on(taught: Told, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from whet.exporting.rows import rows_of
    from whet.runs.run_folder import RunFolder

    run = RunFolder(taught.path)
    data = write_csv(here / "reviews.csv", review_rows())
    sides, told = rows_of(run, str(data), taught.run.labels)
    assert ({side: len(rows.texts) for side, rows in sides.items()}, told) == ({"validation": 6, "test": 6}, [])
    monkeypatch.setattr("whet.exporting.rows.ROWS", 4)
    sides, told = rows_of(run, str(data), taught.run.labels)
    assert [len(rows.texts) for rows in sides.values()] == [4, 4]
    assert told[0] == "validation: engines are compared on 4 of 6 rows, drawn by label"
    write_csv(data, [(f"{text} Indeed.", label) for text, label in review_rows()])
    expected = f"{data} is not what it was in the training: engines are not compared on rows"
    assert rows_of(run, str(data), taught.run.labels) == ({}, [expected])
    data.unlink()
    sides, told = rows_of(run, str(data), taught.run.labels)
    assert (sides, told[0].startswith(f"{data} cannot be read as in the training")) == ({}, True)
    assert rows_of(run, None, taught.run.labels)[1] == [
        "the run does not tell where its data are: engines are not compared on rows; give DATA after RUN"
    ]


def test_the_export_of_a_linear_run_is_its_folder(here: Path, whet: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.exporting.table.ROUNDS", 1)
    write_csv(here / "reviews.csv", review_rows())
    run = library.train("reviews.csv", model="linear", yes=True)
    ended = whet("export", str(run.path), "--json", "--quiet")
    assert ended.code == 0
    assert ended.json["default"] == "linear"
    assert ended.json["reason"] == "a linear model needs no torch: its folder is copied as it is"
    first, second = (
        whet("predict", folder, *TEXTS, "--json").json for folder in (str(run.path), str(run.path / "export"))
    )
    assert first == second
    folder = str(run.path / "export")
    ended = python("-W", "error", "-c", BARE, "predict", folder, *TEXTS, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json == first
    port = free_port()
    with started("-W", "error", "-c", BARE, "serve", folder, "--port", str(port), port=port):
        assert asked(port, {"texts": TEXTS})["predictions"] == first
