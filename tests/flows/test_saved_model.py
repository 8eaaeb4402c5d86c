"""The saved model in a fresh process, through plain transformers alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TinyModel, review_rows
from tests.flows.conftest import BRIEF, Job, Told, python, write_csv

TEXTS = (
    "I loved every single moment of this incredible story.",
    "The acting of this one was dreadful, I thought so all evening.",
    "",
    "What a terrible film; I wasted my time. " * 40,
    "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다.",
)

OTHERS = ("roberta", "distilbert", "modernbert", "deberta-v2")

# Refuses whet, then answers the texts for each folder: logits, and what a pipeline says.
STOCK = """
import json, sys
sys.modules["whet"] = None
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
folders, texts = json.loads(sys.argv[1])
answers = []
for folder in folders:
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = [model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].tolist() for text in texts]
        batch = model(**tokenizer(texts, truncation=True, padding=True, return_tensors="pt")).logits.tolist()
    said = pipeline("text-classification", model=folder, top_k=None)(texts, truncation=True)
    answers.append({"logits": logits, "batch": batch, "said": said, "attention": model.config._attn_implementation})
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def trained(taught: Told, job: Job, tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    folder = tmp_path_factory.mktemp("trained")
    rows = [(text, "01"[label == "positive"]) for text, label in review_rows()]
    data = write_csv(folder / "reviews.csv", rows)
    others = {
        kind: job(
            str(data), model=str(tiny_model(kind)), label_names="부정,긍정", output=str(folder / kind),
            max_length=40, **BRIEF,
        )
        for kind in OTHERS
    }  # fmt: skip
    return {"bert": taught, **others}


def test_plain_transformers_answers_as_whet_does(trained: dict[str, Told]) -> None:
    folders = [str(told.path / "model") for told in trained.values()]
    answered = python("-W", "ignore", "-c", STOCK, json.dumps([folders, TEXTS]))
    assert answered.code == 0, answered.err
    names = {"bert": ["negative", "positive"], **{kind: ["부정", "긍정"] for kind in OTHERS}}
    for (kind, told), stock in zip(trained.items(), answered.json, strict=True):
        ours = told.run.predictor.predict(TEXTS, logits=True)
        logits = np.array([answer.logits for answer in ours], dtype=float)
        assert np.abs(logits - stock["logits"]).max() < 1e-5, kind
        assert np.abs(logits - stock["batch"]).max() < 1e-5, kind
        assert np.ptp(logits, axis=0).min() > 1e-3, kind  # else equal logits would say little
        assert stock["attention"] == ("eager" if kind == "deberta-v2" else "sdpa"), kind
        for answer, said in zip(ours, stock["said"], strict=True):
            assert said[0]["label"] == answer.label
            assert {entry["label"]: entry["score"] for entry in said} == pytest.approx(answer.probabilities, abs=1e-5)
            assert sorted(answer.probabilities, key=names[kind].index) == names[kind]


@pytest.mark.parametrize("kind", ["bert", *OTHERS])
def test_the_model_folder_holds_its_seven_files(trained: dict[str, Told], kind: str) -> None:
    folder = trained[kind].path / "model"
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "MANIFEST.json", "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "whet.json",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = ["negative", "positive"] if kind == "bert" else ["부정", "긍정"]
    assert config["id2label"] == {str(i): name for i, name in enumerate(names)}
    assert config["label2id"] == {name: i for i, name in enumerate(names)}
    side = json.loads((folder / "whet.json").read_text(encoding="utf-8"))
    assert side["labels"] == names
    assert len(side["canaries"]) == 16


def test_the_card_tells_the_scores_and_no_path(trained: dict[str, Told], tiny_bert: Path) -> None:
    card = (trained["bert"].path / "model" / "README.md").read_text(encoding="utf-8")
    accuracy = trained["bert"].run.metrics["test"]["accuracy"]
    low, high = trained["bert"].run.metrics["test"]["intervals"]["accuracy"]
    assert f"| accuracy | {accuracy:.4f} [{low:.3f}, {high:.3f}] | " in card
    assert f"Fine-tuned from {tiny_bert.name} for the labels `negative`, `positive`.\n" in card
    assert str(tiny_bert.parent) not in card


def test_the_model_and_the_tokenizer_of_a_run_are_those_of_transformers(taught: Told) -> None:
    import torch
    from transformers import BertForSequenceClassification

    from whet import pipeline

    run = pipeline.load(taught.path)
    assert type(run.model) is BertForSequenceClassification
    kept = {name: value.clone() for name, value in run.model.state_dict().items()}
    stock = BertForSequenceClassification.from_pretrained(taught.path / "model").state_dict()
    assert kept.keys() == stock.keys()
    assert all(torch.equal(value, stock[name]) for name, value in kept.items())
    assert run.tokenizer("I loved it")["input_ids"] == run.predictor.artifact.cutter.encode(["I loved it"])[0][0]
    assert run.labels.names == ("negative", "positive")
    assert repr(run) == f"Run({str(taught.path)!r})"
