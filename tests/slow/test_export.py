"""Every task, way to cut and architecture, exported: ONNX Runtime answers as torch does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.conftest import KINDS, TinyModel, review_rows
from tests.exported_models import BARE, LABELS, LONG, TEXTS, save_model
from tests.flows.conftest import python
from tests.unit.server.processes import asked, free_port, started
from whet.artifacts import artifact, exported, tfidf
from whet.exporting import job
from whet.labels import Kind, LabelSet
from whet.prediction import predictor
from whet.prediction.documents import prediction_document
from whet.records import Inputs, Usage
from whet.score import linear
from whet.settings.config import Truncation

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


# ---------------------------------------------------------------- where there is no torch, in a process of its own

TWO = LabelSet(("neg", "pos"), "pos", "by its name")
TEMPLATE = Inputs("{title}: {body}", None, ("title", "body"))
SHOWN = ("I loved this story.", LONG * 9, "이 영화는 정말 재미있었고", "an answer nobody knows", '=1+1, "so" 👍🏽')
MATRIX: dict[str, dict[str, Any]] = {
    "binary": {"labels": TWO},
    "multi-class": {},
    "multi-label": {"kind": "several"},
    "regression": {"kind": "value"},
    "pairs": {"pair": True},
    "regression of pairs": {"kind": "value", "pair": True},
    "head-tail": {"truncation": "head-tail"},
    "chunks": {"truncation": "chunks"},
    "template": {"inputs": TEMPLATE},
}


def answered_without_torch(folder: Path, expected: list[dict[str, Any]], rows: list[dict[str, str]]) -> None:
    """`whet predict --file` and `whet serve` of a folder, by the base and what serves alone, against answers that are
    known. `rows`: the texts as columns of a file."""
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = ("-W", "error", "-c", BARE)
    ended = python(*command, "predict", str(folder), "--file", "rows.jsonl", "--output", "answers.jsonl", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    predicted = [json.loads(line) for line in Path("answers.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = {f"{name}s" if name == "text" else "texts2": [one[name] for one in expected]
             for name in ("text", "text2") if name in expected[0]}  # fmt: skip
    port = free_port()
    with started(*command, "serve", str(folder), "--port", str(port), "--quiet", port=port):
        served = asked(port, texts)["predictions"]
    for found in (predicted, served):
        assert [one.keys() for one in found] == [one.keys() for one in expected]
        for one, true in zip(found, expected, strict=True):
            for name, value in true.items():
                told = one[name]
                assert told == (pytest.approx(value, abs=1e-4) if isinstance(value, float | dict) else value), name


@pytest.mark.parametrize("case", MATRIX)
def test_every_task_is_predicted_and_served_where_there_is_no_torch(
    case: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whet.exporting.table.ROUNDS", 1)
    model = save_model(tiny_bert, tmp_path / "model", **MATRIX[case])
    found = job.export(model, output=tmp_path / "exported")
    texts = list(SHOWN)
    if case == "template":
        rows = [{"title": f"title {i}", "body": text} for i, text in enumerate(SHOWN)]
        texts = [f"{row['title']}: {row['body']}" for row in rows]
    elif "pairs" in case:
        rows = [{"premise": one, "claim": other} for one, other in zip(SHOWN, SHOWN[::-1], strict=True)]
    else:
        rows = [{"text": text} for text in SHOWN]
    given = list(zip(SHOWN, SHOWN[::-1], strict=True)) if "pairs" in case else texts
    true = predictor.load(model, device="cpu", engine="torch").predict(given)
    answered_without_torch(found.path, [prediction_document(one) for one in true], rows)


@pytest.mark.parametrize("case", ["two", "one", "several", "value", "pairs"])
def test_linear_models_of_every_task_are_too(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = TWO if case in ("two", "pairs") else LABELS[case]  # type: ignore[index]
    texts = [text for text, _ in review_rows()]
    good = np.array([label == "positive" for _, label in review_rows()])
    targets: Any = {
        "one": np.arange(60) % 3, "several": np.column_stack([good, ~good]), "value": 3.5 * good + np.arange(60) / 60,
    }.get(case, good.astype(np.int64))  # fmt: skip
    seconds = texts[::-1] if case == "pairs" else None
    model = linear.fit(tfidf.seen(texts, seconds), targets, labels)
    assert model is not None
    thresholds = {} if model.thresholds is None else dict(zip(labels.names, model.thresholds.tolist(), strict=True))
    inputs = Inputs("text") if seconds is None else Inputs("premise", "claim")
    tfidf.save(tmp_path / "model", model, labels, card="", usage=Usage(inputs, thresholds))
    found = job.export(tmp_path / "model", output=tmp_path / "exported")
    asked_of = [*SHOWN, *texts[:3]]
    pairs = list(zip(asked_of, asked_of[::-1], strict=True))
    true = predictor.load(tmp_path / "model").predict(asked_of if seconds is None else pairs)
    rows = [{"text": text} for text in asked_of]
    if seconds is not None:
        rows = [{"premise": one, "claim": other} for one, other in pairs]
    answered_without_torch(found.path, [prediction_document(one) for one in true], rows)
