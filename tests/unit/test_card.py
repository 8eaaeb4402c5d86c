"""The model card: front matter that a hub reads, and the numbers of the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from whet.config import Settings
from whet.labels import LabelSet
from whet.records import Inputs
from whet.report import card

LABELS = LabelSet(("negative", "positive"), "positive", "by its name")
SCORES = {"rows": 1500, "accuracy": 0.91236, "macro_f1": 0.9, "weighted_f1": 0.905}
METRICS = {
    "task": "binary",
    "test": SCORES,
    "baselines": {
        "majority": {**SCORES, "accuracy": 0.5, "macro_f1": 1 / 3, "weighted_f1": 1 / 3},
        "tfidf": {**SCORES, "accuracy": 0.8, "macro_f1": 0.79, "weighted_f1": 0.8},
    },
}


def test_the_card_of_a_run_with_baselines() -> None:
    written = card.write("google-bert/bert-base-uncased", LABELS, METRICS, Settings(max_length=256))
    assert written == (
        "---\n"
        "library_name: transformers\n"
        "pipeline_tag: text-classification\n"
        "tags:\n"
        "- whet\n"
        "base_model: google-bert/bert-base-uncased\n"
        "---\n"
        "\n"
        "# Text classifier\n"
        "\n"
        "Fine-tuned from google-bert/bert-base-uncased for the labels `negative`, `positive`.\n"
        "Texts longer than 256 tokens are cut (head).\n"
        "\n"
        "Scores on 1,500 test rows:\n"
        "\n"
        "| | this model | TF-IDF + logistic regression | majority |\n"
        "| --- | --- | --- | --- |\n"
        "| accuracy | 0.9124 | 0.8000 | 0.5000 |\n"
        "| macro_f1 | 0.9000 | 0.7900 | 0.3333 |\n"
        "| weighted_f1 | 0.9050 | 0.8000 | 0.3333 |\n"
        "\n"
        "```python\n"
        "from transformers import pipeline\n"
        "\n"
        'classify = pipeline("text-classification", model="PATH_OF_THIS_FOLDER", top_k=None)\n'
        'classify("...", truncation=True, max_length=256)\n'
        "```\n"
    )


def test_intervals_and_another_baseline_stand_beside_the_scores() -> None:
    test = {**SCORES, "intervals": {"accuracy": [0.8981, 0.9267]}}
    rivals = {**METRICS["baselines"], "nbsvm": {"accuracy": 0.81, "macro_f1": 0.8, "weighted_f1": 0.81}}
    written = card.write("embedded", LABELS, {"test": test, "baselines": rivals}, Settings())
    assert (
        "| accuracy | 0.9124 [0.898, 0.927] | 0.8000 | 0.8100 | 0.5000 |\n| macro_f1 | 0.9000 | 0.7900 | 0.8000 |"
        in written
    )
    assert "\n\nIn brackets: the 95 % interval.\n\n" in written


def test_without_baselines_the_model_stands_alone() -> None:
    written = card.write("embedded", LABELS, {"test": SCORES}, Settings())
    assert "| | this model |\n| --- | --- |\n| accuracy | 0.9124 |\n" in written


def test_without_a_test_side_there_is_no_score() -> None:
    written = card.write("embedded", LABELS, {"validation": SCORES}, Settings())
    assert "It was not scored on a test side.\n" in written
    assert "0.9" not in written


@pytest.mark.parametrize("base", ["embedded", "/models/bert", "./bert", "../bert", "~/bert", "folder"])
def test_a_base_that_no_hub_knows_is_not_in_the_front_matter(base: str) -> None:
    front = card.write(base, LABELS, METRICS, Settings()).split("---")[1]
    assert "base_model" not in front
    assert front == "\nlibrary_name: transformers\npipeline_tag: text-classification\ntags:\n- whet\n"


def test_a_local_folder_is_named_without_its_place() -> None:
    written = card.write("/home/somebody/secret project/my-bert", LABELS, METRICS, Settings())
    assert "Fine-tuned from my-bert for the labels" in written
    assert "somebody" not in written


def test_a_folder_that_looks_like_a_name_on_the_hub_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "base_model: models/bert" in card.write("models/bert", LABELS, METRICS, Settings())
    (tmp_path / "models" / "bert").mkdir(parents=True)
    written = card.write("models/bert", LABELS, METRICS, Settings())
    assert "base_model" not in written
    assert "Fine-tuned from bert for" in written


def test_the_embedded_model_has_its_own_name() -> None:
    assert "Fine-tuned from all-MiniLM-L6-v2 for" in card.write("embedded", LABELS, METRICS, Settings())


def test_a_head_and_tail_cut_is_said() -> None:
    settings = dataclasses.replace(Settings(), truncation="head-tail", max_length=100)
    assert "Texts longer than 100 tokens are cut (head-tail).\n" in card.write("embedded", LABELS, METRICS, settings)


def test_what_becomes_of_chunks_is_said() -> None:
    settings = dataclasses.replace(Settings(), truncation="chunks", max_length=100)
    assert (
        "Texts longer than 100 tokens are divided into chunks of at most so many, whose logits are averaged. That is "
        "done by `whet`, not by the model in this folder: what follows answers the beginning of a longer text.\n"
    ) in card.write("embedded", LABELS, METRICS, settings)


def test_korean_labels_are_shown_as_they_are() -> None:
    korean = LabelSet(("부정", "긍정"), "긍정", "by its name")
    assert "for the labels `부정`, `긍정`.\n" in card.write("embedded", korean, METRICS, Settings())


def test_a_label_cannot_break_the_markdown() -> None:
    odd = LabelSet(("a`b\n# Not a title", "c"), None, "")
    lines = card.write("embedded", odd, METRICS, Settings()).splitlines()
    assert [line for line in lines if line.startswith("# ")] == ["# Text classifier"]


def test_the_card_says_how_a_text_is_joined_from_columns() -> None:
    inputs = Inputs("{title}\n{body}", "{a`b}", ("title", "body"), ("a`b",))
    written = card.write("embedded", LABELS, METRICS, Settings(max_length=64), inputs)
    assert (
        "A text is `{title}\\n{body}`, joined from columns.\n"
        "A second text is `{a b}`, joined from columns.\n"
        "Pairs of texts longer than 64 tokens are cut (head).\n"
    ) in written
    assert "joined" not in card.write("embedded", LABELS, METRICS, Settings(), Inputs("{title}"))
