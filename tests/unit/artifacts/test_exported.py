"""An exported folder answers as the model does, whatever stands beside a text, and is refused where it was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exported_models import LABELS, TEXTS, save_model
from whet.artifacts import artifact, exported, sidefile
from whet.cli import main
from whet.disk import durable
from whet.errors import ModelError, UsageError
from whet.exporting import job
from whet.exporting.folder import Export
from whet.prediction import predictor
from whet.runs.run_folder import RunFolder


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tiny_bert, tmp_path_factory.mktemp("saved") / "model", truncation="head-tail")


@pytest.fixture(scope="module")
def made(model: Path) -> Export:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("whet.exporting.table.ROUNDS", 1)
        return job.export(model, output=model.with_name("copied"))


@pytest.fixture(scope="module")
def onnx(made: Export) -> exported.Exported:
    return exported.load(made.path, engine="onnx", threads=2)


@pytest.fixture(scope="module")
def int8(made: Export) -> exported.Exported:
    return exported.load(made.path, engine="int8", threads=2)


@pytest.fixture
def copy(made: Export, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.path, tmp_path / "export"))


def test_the_graph_answers_as_the_model_does(model: Path, onnx: exported.Exported, int8: exported.Exported) -> None:
    true, cut = artifact.load(model, device="cpu").logits(TEXTS, None)
    found, cut_too = onnx.logits(TEXTS, None)
    assert np.abs(found - true).max() < 1e-5
    assert np.ptp(found, axis=0).min() > 0.1  # else equal answers would say little
    assert cut_too.tolist() == cut.tolist()
    assert True in cut_too
    assert 1e-4 < np.abs(int8.logits(TEXTS, None)[0] - true).max() < 0.3


@given(st.permutations(range(len(TEXTS))), st.integers(0, len(TEXTS) - 1))
@settings(max_examples=15)
def test_neither_the_order_nor_the_neighbours_of_a_text_change_its_answer(
    onnx: exported.Exported, int8: exported.Exported, order: list[int], dropped: int
) -> None:
    some = order[dropped:]
    for engine, most in ((onnx, 2e-6), (int8, 0.0)):
        whole = engine.logits(TEXTS, None)[0]
        assert np.abs(engine.logits([TEXTS[i] for i in some], None)[0] - whole[some]).max() <= most


def test_no_texts_have_no_answers(onnx: exported.Exported) -> None:
    logits, cut = onnx.logits([], None)
    assert logits.shape == (0, 3)
    assert cut.shape == (0,)


@given(st.lists(st.integers(1, 600), max_size=80), st.booleans())
def test_every_sequence_is_in_one_pack_with_others_of_its_length(lengths: list[int], alone: bool) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    packs = exported.packs(sizes, alone=alone)
    assert sorted(np.concatenate([np.zeros(0, np.int64), *packs]).tolist()) == list(range(len(lengths)))
    for pack in packs:
        longest = sizes[pack].max()
        assert len(pack) == 1 or (len(pack) * longest <= 512 and longest <= 1.25 * sizes[pack].min() and not alone)


def test_the_folder_has_all_that_an_answer_needs_and_nothing_of_this_machine(made: Export) -> None:
    names = {path.name for path in made.path.iterdir()}
    assert names == {
        "MANIFEST.json", "README.md", "config.json", "export.json", "model.onnx", "model_int8.onnx", "tokenizer.json",
        "tokenizer_config.json", "whet.json",
    }  # fmt: skip
    content = (made.path / "model.onnx").read_bytes()
    assert b"site-packages" not in content
    assert b"stack_trace" not in content
    side = json.loads((made.path / "whet.json").read_text(encoding="utf-8"))
    assert {key: side[key] for key in ("format", "kind", "engines", "default", "padding")} == {
        "format": 4, "kind": "onnx", "engines": ["onnx", "int8"], "default": "onnx", "padding": 0,
    }  # fmt: skip
    document = json.loads((made.path / "export.json").read_text(encoding="utf-8"))
    assert [each["engine"] for each in document["engines"]] == ["torch", "onnx", "int8"]
    assert document["reason"] == "there are no validation rows to judge int8 by"
    assert document["reason_ko"] == "int8을 판단할 검증 행이 없습니다"
    assert durable.damage(made.path) is None


def test_a_changed_graph_is_refused_before_it_answers(copy: Path) -> None:
    content = bytearray((copy / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 255
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"changed or damaged after it was saved: model\.onnx has sha256"):
        exported.load(copy, engine="onnx")
    assert exported.load(copy, engine="int8").labels == LABELS["one"]  # which is another file


def test_an_exchanged_graph_is_known_by_its_answers(copy: Path, tiny_model: Any, tmp_path: Path) -> None:
    shutil.copyfile(copy / "model_int8.onnx", copy / "model.onnx")
    durable.seal(copy, free=[sidefile.CARD])
    with pytest.raises(ModelError, match=r"answers its test texts differently from when it was saved"):
        exported.load(copy, engine="onnx")


def test_a_model_that_answers_any_of_its_test_texts_differently_is_not_served(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """S19: a load asks the first of them only, a server and the doctor all before they say yes."""
    side = json.loads((copy / "whet.json").read_text(encoding="utf-8"))
    side["canaries"][-1]["logits"][0] += 0.5
    (copy / "whet.json").write_text(json.dumps(side), encoding="utf-8")
    durable.seal(copy, free=[sidefile.CARD])
    assert exported.load(copy, engine="onnx").labels == LABELS["one"]
    for command in ("serve", "doctor"):
        assert main([command, str(copy), *(["--port", "0"] if command == "serve" else [])]) == 4
        assert "the model answers its test texts differently from when it was saved" in capsys.readouterr().err


def test_a_graph_that_is_none_is_told_as_such(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"not a graph")
    durable.seal(copy, free=[sidefile.CARD])
    with pytest.raises(ModelError, match=r"model\.onnx: ONNX Runtime cannot read it: "):
        exported.load(copy, engine="onnx")


@pytest.mark.parametrize(
    ("key", "value"),
    [("engines", ["int8"]), ("engines", []), ("default", "torch"), ("padding", "0"), ("source", None)],
)
def test_what_is_wrong_in_its_whet_json_is_named(copy: Path, key: str, value: object) -> None:
    side = json.loads((copy / "whet.json").read_text(encoding="utf-8"))
    (copy / "whet.json").write_text(json.dumps(side | {key: value}), encoding="utf-8")
    named = "engines, default" if value == [] else key
    with pytest.raises(ModelError, match=rf"whet\.json: missing or unknown: {named}"):
        sidefile.read(copy)


def test_an_export_without_int8_says_how_to_have_it(made: Export, copy: Path) -> None:
    side = json.loads((copy / "whet.json").read_text(encoding="utf-8"))
    (copy / "whet.json").write_text(json.dumps(side | {"engines": ["onnx"]}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"no model for int8\. Expected onnx\. Export the run again with --int8"):
        exported.load(copy, engine="int8")


# ---------------------------------------------------------------- which one answers


def test_an_export_is_answered_with_its_default_or_what_is_asked_for(made: Export) -> None:
    bare = RunFolder(made.path, bare=True)
    assert predictor.choose(bare).engine == "onnx"
    assert predictor.choose(bare, "int8").engine == "int8"
    with pytest.raises(UsageError, match=r"--engine: torch for an exported model\. Leave out --engine"):
        predictor.choose(bare, "torch")
    with pytest.raises(UsageError, match=r"no engine 'onyx'\. Expected one of auto, torch, onnx, int8\. Did you mean"):
        predictor.choose(bare, "onyx")


def test_a_run_is_answered_with_its_export_unless_that_is_of_another_model(model: Path, copy: Path) -> None:
    run = RunFolder(copy.parent)
    shutil.copytree(model, run.model)
    chosen = predictor.choose(run)
    assert (chosen.folder, chosen.engine, chosen.reason) == (copy, "onnx", f"the default of {copy}")
    assert predictor.choose(run, "torch").folder == run.model
    side = json.loads((copy / "whet.json").read_text(encoding="utf-8"))
    (copy / "whet.json").write_text(json.dumps(side | {"source": "another"}), encoding="utf-8")
    chosen = predictor.choose(run)
    assert (chosen.folder, chosen.engine) == (run.model, "torch")
    assert chosen.reason == "its export/ was made of another model, before the run was trained anew"
    with pytest.raises(ModelError, match=r"made of another model, .*\. Run: whet export "):
        predictor.choose(run, "int8")


def test_a_run_without_an_export_is_answered_with_torch_and_nothing_is_said(model: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    shutil.copytree(model, run.model)
    assert predictor.choose(run) == predictor.Chosen(run.model, "torch", "")
    with pytest.raises(ModelError, match=r"there is no export/ in it\. Run: whet export "):
        predictor.choose(run, "onnx")


def test_without_onnxruntime_a_run_is_answered_with_torch_and_that_is_said(
    model: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(copy.parent)
    shutil.copytree(model, run.model)
    monkeypatch.setattr("whet.system.packages.has_onnx", lambda: False)
    assert predictor.choose(run).engine == "torch"
    assert predictor.choose(run).reason == "onnxruntime is not installed, which the model in export/ needs"
    with pytest.raises(UsageError, match=r"an exported model needs onnxruntime, .*\. Run: pip install onnxruntime"):
        predictor.load(copy)
