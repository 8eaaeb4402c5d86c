"""What a beginner does wrong, through the real command: a message, an exit code, no traceback."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import Command, Ended, Told, python, write_csv
from whet.system import packages

# As on a machine where these were never installed: nothing finds them.
WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder
whole = PathFinder.find_spec
gone = ("torch", "transformers", "safetensors", "sklearn")
PathFinder.find_spec = classmethod(
    lambda cls, name, path=None, target=None: None if name.partition(".")[0] in gone else whole(name, path, target)
)
from whet.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def reviews(here: Path) -> Path:
    return write_csv(here / "reviews.csv", review_rows())


@pytest.fixture(scope="session")
def wide_bert(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny BERT with the 512 positions that real ones have."""
    import torch
    from transformers import AutoConfig, AutoModel

    folder = Path(shutil.copytree(tiny_bert, tmp_path_factory.mktemp("wide") / "bert"))
    config = AutoConfig.from_pretrained(folder)
    config.max_position_embeddings = 512
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(folder)
    return folder


def told(ended: Ended, code: int, *messages: str) -> None:
    """One line for each fault, and nothing that looks like a crash."""
    assert ended.errors == list(messages)
    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err


# ---------------------------------------------------------------- things that work


def test_texts_over_512_tokens_are_cut_counted_and_said(whet: Command, here: Path, wide_bert: Path) -> None:
    long = "I loved every single moment of this incredible story, and I highly recommend it to you. " * 60
    write_csv(here / "long.csv", [*review_rows()[:20], (long, "positive"), (long + "!", "negative")])
    arguments = (
        "--model",
        str(wide_bert),
        "--epochs",
        "1",
        "--threads",
        "1",
        "--no-baseline",
        "--test",
        "none",
        "--validation",
        "none",
    )
    ended = whet("train", "long.csv", *arguments, "--json")
    assert (ended.code, ended.errors) == (0, [])
    assert "note: 2 of 22 train texts (9.1 %) are longer than 512 tokens: their head is used" in ended.err.splitlines()
    answered = whet("predict", ended.json["run"], "--json", "short", long)
    assert [answer["truncated"] for answer in answered.json] == [False, True]


def test_text_labels_in_a_column_called_sentiment_are_understood(whet: Command, here: Path, tiny_bert: Path) -> None:
    write_csv(here / "mine.csv", review_rows(), header="review,sentiment")
    ended = whet(
        "train", "mine.csv", "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--no-baseline", "--json"
    )
    assert (ended.code, ended.errors) == (0, [])
    lines = ended.err.splitlines()
    assert "Text:  review (named 'review')" in lines
    assert "Label: sentiment (named 'sentiment')" in lines
    assert list(ended.json["metrics"]["test"]["classes"]) == ["negative", "positive"]


def test_labels_keep_their_spelling(whet: Command, here: Path, tiny_bert: Path) -> None:
    names = {"positive": "01", "negative": "NA"}
    write_csv(here / "odd.csv", [(text, names[label]) for text, label in review_rows()])
    ended = whet(
        "train", "odd.csv", "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--no-baseline", "--json"
    )
    assert ended.code == 0
    assert set(ended.json["metrics"]["test"]["classes"]) == {"01", "NA"}
    config = json.loads((Path(ended.json["run"]) / "model" / "config.json").read_text())
    assert set(config["label2id"]) == {"01", "NA"}


# ---------------------------------------------------------------- the data


def test_no_label_column(whet: Command, here: Path) -> None:
    rows = [(str(row), f"a text with the number {row}") for row in range(6)]
    write_csv(here / "plain.csv", rows, header="id,text")
    told(
        whet("train", "plain.csv"),
        3,
        "plain.csv: no label column found among 'id' ('0'), 'text' ('a text with the number 0'). Expected one called "
        "label, class, sentiment or the like, or one of 2 to 50 values that repeat. Name it with --label COLUMN.",
    )


def test_a_label_column_that_is_not_there(whet: Command) -> None:
    told(
        whet("train", "reviews.csv", "--label", "lable"),
        3,
        "--label: no column 'lable'. Expected one of 'text' ('The story of this one was won…'), 'label' ('positive'). "
        "Did you mean 'label'.",
    )


def test_an_empty_file(whet: Command, here: Path) -> None:
    (here / "empty.csv").touch()
    told(whet("train", "empty.csv"), 3, "empty.csv: has no rows: the file is empty.")


def test_a_header_without_rows(whet: Command, here: Path) -> None:
    write_csv(here / "header.csv", [])
    told(whet("train", "header.csv"), 3, "header.csv: has no rows below its header.")


def test_one_class_only(whet: Command, here: Path) -> None:
    write_csv(here / "one.csv", [row for row in review_rows() if row[1] == "positive"])
    told(
        whet("train", "one.csv"),
        3,
        "one.csv: only one label in the training rows: 'positive'. Expected two labels or more, so that there is "
        "something to tell apart. Add rows of another class, or name another column with --label.",
    )


def test_a_label_in_test_that_training_lacks(whet_process: Command, here: Path) -> None:
    write_csv(here / "test.csv", [("Fine.", "positive"), ("So so.", "mixed")])
    told(
        whet_process("train", "reviews.csv", "--test", "test.csv"),
        3,
        "test.csv: labels that the training side lacks: 'mixed' (1 row). Expected only 'negative', 'positive'. "
        "Add rows with these labels to the training data or drop them from test.",
    )
    assert not (here / "runs").exists()


def test_a_file_that_is_not_there(whet_process: Command, here: Path) -> None:
    ended = whet_process("train", "review.csv")
    told(ended, 3, f"no such file: review.csv (in {here}). Did you mean 'reviews.csv'.")
    assert not (here / "runs").exists()


def test_a_test_file_that_is_not_there(whet: Command, here: Path) -> None:
    write_csv(here / "held-out.csv", review_rows())
    told(
        whet("train", "reviews.csv", "--test", "heldout.csv"),
        3,
        f"no such file: heldout.csv (in {here}). Did you mean 'held-out.csv'.",
    )


def test_other_labels_than_the_run_knows_cannot_be_scored(whet: Command, taught: Told, here: Path) -> None:
    write_csv(here / "stars.csv", [("Fine.", "5"), ("So so.", "3"), ("Bad.", "5")])
    told(
        whet("evaluate", str(taught.path), "stars.csv", "--quiet"),
        3,
        "stars.csv: labels that the training side lacks: '5' (2 rows), '3' (1 row). Expected only 'negative', "
        "'positive'. Add rows with these labels to the training data or drop them here.",
    )


# ---------------------------------------------------------------- the options


def test_an_unknown_option(whet_process: Command) -> None:
    told(
        whet_process("train", "reviews.csv", "--epohcs", "3", "--modle", "x"),
        2,
        "unknown option --epohcs. Did you mean '--epochs'.",
        "unknown option --modle. Did you mean '--model'.",
    )


def test_data_without_a_command(whet: Command) -> None:
    told(
        whet("reviews.csv"),
        2,
        "unknown command reviews.csv. Expected one of demo, check, plan, train, adapt, tune, evaluate, predict, "
        "compare, export, serve, doctor. "
        "To train on this data write: whet train reviews.csv.",
    )


def test_a_command_without_data(whet: Command) -> None:
    told(
        whet("train"),
        2,
        "no DATA. Expected a file (csv, tsv, jsonl, parquet), a folder, hf:NAME or sample:NAME. Try sample:reviews.",
    )


def test_a_word_for_a_number(whet: Command) -> None:
    told(
        whet("train", "reviews.csv", "--epochs", "many", "--batch-size", "0"),
        2,
        "--epochs: 'many' is not a number. Expected a number.",
        "--batch-size: 0 is out of range. Expected at least 1.",
    )


def test_a_length_that_the_model_does_not_take(whet: Command, tiny_bert: Path, here: Path) -> None:
    told(
        whet("train", "reviews.csv", "--model", str(tiny_bert), "--max-length", "512"),
        2,
        f"--max-length: 512 tokens. Expected at most 128 for {tiny_bert}.",
    )
    assert not (here / "runs").exists()


def test_the_training_rows_as_the_test_side(whet: Command) -> None:
    told(
        whet("train", "reviews.csv", "--test", "train"),
        2,
        "--test: train is what is trained on. Expected other rows: a file, another split, a share such as 0.1, "
        "or none.",
    )


def test_an_existing_file_as_output(whet: Command, tiny_bert: Path, reviews: Path) -> None:
    before = reviews.read_bytes()
    told(
        whet("train", "reviews.csv", "--model", str(tiny_bert), "--output", "reviews.csv"),
        2,
        "--output: reviews.csv is a file. Expected a folder.",
    )
    assert reviews.read_bytes() == before


# ---------------------------------------------------------------- the model


def test_a_model_folder_that_is_not_there(whet: Command, here: Path) -> None:
    (here / "my-bert").mkdir()
    told(
        whet("train", "reviews.csv", "--model", "./my-bret"),
        4,
        "--model: no such model folder: ./my-bret. Did you mean 'my-bert'.",
    )


def test_a_model_with_pickled_weights_only(whet: Command, here: Path, tiny_bert: Path) -> None:
    shutil.copytree(tiny_bert, here / "old")
    (here / "old" / "model.safetensors").rename(here / "old" / "pytorch_model.bin")
    told(
        whet("train", "reviews.csv", "--model", "./old"),
        4,
        "./old: only pickled weights (pytorch_model.bin). Expected model.safetensors. "
        "Choose a model with safetensors weights.",
    )


def test_a_model_whose_tokenizers_disagree_is_refused_before_it_is_trained(
    whet: Command, here: Path, tiny_bert: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, here / "odd"))
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": False}), encoding="utf-8")
    ended = whet("train", "reviews.csv", "--model", "./odd", "--no-baseline", "--threads", "1")
    told(
        ended,
        4,
        f"{folder}: the tokenizer of transformers and tokenizer.json disagree on a text. "
        "Please report this model: predictions elsewhere would differ from the ones scored here.",
    )
    assert "train: " not in ended.err.replace("note: train: ", "")
    (run,) = (here / "runs").iterdir()
    assert json.loads((run / "error.json").read_text())["exit_code"] == 4


def test_no_hub(whet_process: Command, here: Path) -> None:
    started = time.perf_counter()
    ended = whet_process("train", "reviews.csv", "--model", "bert-base-uncased")
    seconds = time.perf_counter() - started
    told(
        ended,
        4,
        "--model: bert-base-uncased is not in the local cache and the hub 127.0.0.1:9 cannot be reached ([Errno 111] "
        "Connection refused). Use --model embedded, a folder with the model's files, or connect once so that it is "
        "cached.",
    )
    assert seconds < 10
    assert not (here / "runs").exists()


def test_a_run_before_there_is_one(whet: Command, here: Path) -> None:
    told(
        whet("predict", "last", "Is it true?"),
        4,
        f"last: no finished run under {here / 'runs'}. Run whet train DATA first, or name a run.",
    )


# ---------------------------------------------------------------- the machine


@pytest.mark.parametrize("command", ["train reviews.csv", "predict {run} text", "evaluate {run} reviews.csv --quiet"])
def test_no_torch(command: str, taught: Told, here: Path) -> None:
    ended = python("-c", WITHOUT_TORCH, *command.format(run=taught.path).split())
    told(
        ended,
        2,
        f"training needs torch, transformers, safetensors, scikit-learn, not installed in {sys.prefix}. "
        f"Run: {packages.pip_line()}.",
    )
    assert not (here / "runs").exists()


def test_without_torch_data_can_be_checked() -> None:
    ended = python("-c", WITHOUT_TORCH, "check", "reviews.csv")
    assert (ended.code, ended.errors) == (0, [])
    assert "Nothing to mend was found." in ended.out
