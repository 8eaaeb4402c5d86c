"""The real pretrained encoder on real and embedded text, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from whet.model import embedded

pytestmark = pytest.mark.slow

STOCK = """
import json, sys
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
with torch.inference_mode():
    logits = [model(**tokenizer(t, return_tensors="pt", truncation=True)).logits[0].tolist() for t in texts]
labels = [answer["label"] for answer in pipeline("text-classification", model=folder)(texts, truncation=True)]
print(json.dumps({"logits": logits, "labels": labels}))
"""


def whet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "whet", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def need_the_embedded_model() -> None:
    if not embedded.is_installed():
        pytest.skip("the extra `embedded` is not installed")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """`whet demo` run once: its folder and its JSON document."""
    need_the_embedded_model()
    folder = tmp_path_factory.mktemp("demo")
    done = whet("demo", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_the_demo_labels_its_four_sentences_as_a_reader_would(demo: tuple[Path, dict[str, object]]) -> None:
    predictions = demo[1]["predictions"]
    assert isinstance(predictions, list)
    assert [answer["label"] for answer in predictions] == ["positive", "negative", "positive", "positive"]


def test_the_demos_model_is_above_its_baseline(demo: tuple[Path, dict[str, object]]) -> None:
    metrics = demo[1]["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["test"]["accuracy"] > metrics["baselines"]["tfidf"]["accuracy"] + 0.02
    assert metrics["baselines"]["tfidf"]["accuracy"] < 0.85


def test_plain_transformers_gives_the_demos_logits_and_labels(demo: tuple[Path, dict[str, object]]) -> None:
    folder, document = demo
    texts = ["Not bad at all.", "Two hours I will never get back, " * 60, "", "정말 재미있는 영화였어요"]
    model = folder / str(document["run"]) / "model"
    stock = subprocess.run(
        [sys.executable, "-c", STOCK, str(model), json.dumps(texts)], capture_output=True, text=True, check=True
    )
    theirs = json.loads(stock.stdout.splitlines()[-1])
    from whet.prediction import predictor

    ours = predictor.load(model).predict(texts, logits=True)
    for own, other in zip(ours, theirs["logits"], strict=True):
        assert own.logits == pytest.approx(other, abs=1e-5)
    assert [answer.label for answer in ours] == theirs["labels"]


def test_a_part_of_sst2_beats_tfidf_on_the_same_rows(shared: Path, tmp_path: Path) -> None:
    need_the_embedded_model()
    data = shared / "data" / "sst2"
    done = whet(
        "train", str(data / "train.parquet"), "--test", str(data / "test.parquet"),
        "--label-names", str(data / "labels.json"), "--model", "embedded", "--train-rows", "4000",
        "--max-length", "128", "--epochs", "1", "--learning-rate", "1e-4", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout.splitlines()[-1])["metrics"]
    assert metrics["test"]["rows"] == 1821
    assert metrics["test"]["accuracy"] >= 0.83
    assert metrics["test"]["accuracy"] >= metrics["baselines"]["tfidf"]["accuracy"] + 0.05
