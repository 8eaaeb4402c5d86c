"""Every task, way to cut and architecture, exported: ONNX Runtime answers as torch does."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.conftest import KINDS, TinyModel
from tests.exported_models import TEXTS, save_model
from whet import artifact, exported, predictor
from whet.config import Truncation
from whet.exporting import job
from whet.labels import Kind

pytestmark = pytest.mark.slow

CASES = [
    (kind, truncation, pair)
    for kind in get_args(Kind)
    for truncation in get_args(Truncation)
    for pair in (False, True)
    if not (pair and truncation == "chunks")
]


def check(model: Path, monkeypatch: pytest.MonkeyPatch, *, pair: bool) -> None:
    """Both engines of an export against the model, as logits and as predictions."""
    monkeypatch.setattr("whet.exporting.table.ROUNDS", 1)
    found = job.export(model, output=model.with_name("exported"))
    pairs = list(TEXTS[::-1]) if pair else None
    true, cut = artifact.load(model, device="cpu").logits(TEXTS, pairs)
    for engine, most in (("onnx", 1e-4), ("int8", 1.0)):
        loaded = exported.load(found.path, engine=engine, threads=2)  # type: ignore[arg-type]
        loaded.prove()
        logits, cut_too = loaded.logits(TEXTS, pairs)
        assert np.abs(logits - true).max() < most * max(1.0, np.abs(true).max()), engine
        assert cut_too.tolist() == cut.tolist()
        order = np.random.default_rng(0).permutation(len(TEXTS))
        mixed = None if pairs is None else [pairs[i] for i in order]
        again = loaded.logits([TEXTS[i] for i in order], mixed)[0]
        assert np.abs(again - logits[order]).max() <= (0.0 if engine == "int8" else 1e-5), engine
    asked = TEXTS if pairs is None else list(zip(TEXTS, pairs, strict=True))
    ours, theirs = (predictor.load(folder, device="cpu").predict(asked) for folder in (found.path, model))
    assert [one.truncated for one in ours] == [one.truncated for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.label, one.labels, one.text, one.text2) == (other.label, other.labels, other.text, other.text2)
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert (one.value or 0.0) == pytest.approx(other.value or 0.0, abs=1e-4)


@pytest.mark.parametrize(("kind", "truncation", "pair"), CASES)
def test_every_task_is_answered_as_torch_does(
    kind: Kind, truncation: Truncation, pair: bool, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(save_model(tiny_bert, tmp_path / "model", kind, truncation=truncation, pair=pair), monkeypatch, pair=pair)


@pytest.mark.parametrize("architecture", [kind for kind in KINDS if kind != "bert"])
@pytest.mark.parametrize("pair", [False, True])
def test_every_architecture_is_answered_as_torch_does(
    architecture: str, pair: bool, tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(save_model(tiny_model(architecture), tmp_path / "model", pair=pair), monkeypatch, pair=pair)
