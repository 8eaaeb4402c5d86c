"""On a CUDA device: memory that runs out there, and a card that is hidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

from tests.conftest import review_rows
from tests.flows.conftest import write_csv

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

# Limits what PyTorch may take of the card when the training begins: so many megabytes above what it has.
DRIVER = """
import sys
import torch
from whet.cli import main
from whet.training import loop

above, arguments = int(sys.argv[1]), sys.argv[2:]
real = loop.Sparing

def begin(*given):
    torch.cuda.empty_cache()
    held, all_ = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((held + above * 2**20) / all_)
    return real(*given)

if above:
    loop.Sparing = begin
sys.exit(main(arguments))
"""
LONG = 12  # times the text of a review, so that each is cut at 128 tokens
PLENTY, LITTLE, NEXT_TO_NOTHING = 0, 800, 20
CALM = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that a step's activations are most of what it takes."""
    folder = tmp_path_factory.mktemp("calm-bert")
    for file in tiny_bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    vocabulary = json.loads((tiny_bert / "config.json").read_text())["vocab_size"]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary, num_hidden_layers=4, hidden_size=512, num_attention_heads=8, intermediate_size=2_048,
        **CALM,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def trained(folder: Path, model: Path, above: int) -> tuple[int, str, list[dict[str, object]]]:
    """Exit code, stderr and events of a training in `folder`."""
    write_csv(folder / "reviews.csv", [(text * LONG, label) for text, label in review_rows() for _ in range(2)])
    (folder / "driver.py").write_text(DRIVER)
    command = [
        sys.executable, "driver.py", str(above), "train", "reviews.csv", "--model", str(model), "--batch-size", "64",
        "--max-length", "128", "--epochs", "2", "--precision", "fp32", "--no-baseline", "--output", "run",
        "--device", "cuda", "--yes",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    events = folder / "run" / "events.jsonl"
    lines = events.read_text().splitlines() if events.is_file() else []
    return done.returncode, done.stderr, [json.loads(line) for line in lines]


@pytest.mark.parametrize("above", [LITTLE, LITTLE // 2])
def test_a_card_with_little_memory_gives_the_weights_of_one_with_plenty(
    model: Path, tmp_path: Path, above: int
) -> None:
    runs = {}
    for name, limit in (("plenty", PLENTY), ("little", above)):
        folder = tmp_path / name
        folder.mkdir()
        code, errors, events = trained(folder, model, limit)
        assert code == 0, errors
        runs[name] = load_file(folder / "run" / "model" / "model.safetensors"), events
    (plenty, calm), (little, short) = runs["plenty"], runs["little"]
    assert [event["kind"] for event in calm].count("limit") == 0
    assert [event["kind"] for event in short].count("limit") >= 1
    for name, weights in plenty.items():
        torch.testing.assert_close(little[name], weights, rtol=1e-3, atol=1e-4)


def test_a_card_that_cannot_hold_a_single_text_is_explained(model: Path, tmp_path: Path) -> None:
    code, errors, _ = trained(tmp_path, model, NEXT_TO_NOTHING)
    assert code == 5
    assert "out of memory" in errors
    assert "Traceback" not in errors


def test_a_hidden_card_is_named_as_hidden(tiny_bert: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "reviews.csv", review_rows())
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    refused = ["train", "reviews.csv", "--model", str(tiny_bert), "--require-gpu"]
    for arguments, code in ((["doctor"], 0), (refused, 2)):
        command = [sys.executable, "-m", "whet", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert "CUDA_VISIBLE_DEVICES" in done.stdout + done.stderr
