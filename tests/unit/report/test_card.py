"""The model card: front matter that a hub reads, and the numbers of the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from whet.labels import LabelSet
from whet.records import Examples, Inputs
from whet.report import card
from whet.settings.config import Settings

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
        "base_model: google-bert/bert-base-uncased\n"
        "library_name: transformers\n"
        "pipeline_tag: text-classification\n"
        "tags:\n"
        "- whet\n"
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


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(lora=8), "my-bert (by LoRA of rank 8, merged into its weights) for the labels"),
        (Settings(freeze="embeddings"), "my-bert (with its embeddings frozen) for the labels"),
        (Settings(freeze="encoder"), "my-bert (with all below its head frozen) for the labels"),
        (
            Settings(lora=8, freeze="4"),
            "my-bert (by LoRA of rank 8, merged into its weights; with its embeddings and its first 4 layers frozen)",
        ),
    ],
)
def test_the_card_says_what_was_trained_where_that_is_not_all(settings: Settings, told: str) -> None:
    assert f"Fine-tuned from {told}" in card.write("./my-bert", LABELS, METRICS, settings)


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


# ---------------------------------------------------------------- the front matter


INTERVALS = {"accuracy": [0.897, 0.925], "macro_f1": [0.88, 0.92]}
ENGLISH = ("The plot was a bit confusing, but the acting was superb and the music never got in the way of it.",) * 4


def rows(*texts: str, source: str = "data/reviews.csv") -> Examples:
    return Examples(source, texts, ["negative"] * len(texts), ["line 2"] * len(texts), range(len(texts)))


def front(written: str) -> dict[str, object]:
    return yaml.safe_load(written.split("---\n")[1])


def test_the_front_matter_has_the_scores_with_their_intervals() -> None:
    metrics = {**METRICS, "test": {**SCORES, "roc_auc": None, "intervals": INTERVALS}}
    found = front(card.write("embedded", LABELS, metrics, Settings(), test=rows(*ENGLISH)))
    assert found == {
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["whet"],
        "model-index": [
            {
                "name": "all-MiniLM-L6-v2, fine-tuned on reviews.csv",
                "results": [
                    {
                        "task": {"type": "text-classification"},
                        "dataset": {"name": "reviews.csv", "type": "reviews.csv", "split": "test"},
                        "metrics": [
                            {
                                "type": "accuracy", "value": 0.91236, "name": "accuracy",
                                "args": {"rows": 1500, "interval_95": [0.897, 0.925]},
                            },
                            {
                                "type": "f1", "value": 0.9, "name": "macro f1",
                                "args": {"average": "macro", "rows": 1500, "interval_95": [0.88, 0.92]},
                            },
                            {
                                "type": "f1", "value": 0.905, "name": "weighted f1",
                                "args": {"average": "weighted", "rows": 1500},
                            },
                        ],
                    }
                ],
            }
        ],
    }  # fmt: skip


def test_the_hub_reads_the_card_with_its_results() -> None:
    written = card.write("google-bert/bert-base-uncased", LABELS, METRICS, Settings(), test=rows(*ENGLISH))
    read = ModelCard(written).data
    assert (read.base_model, read.language, read.license) == ("google-bert/bert-base-uncased", "en", None)
    assert [(each.metric_type, each.metric_value) for each in read.eval_results or ()] == [
        ("accuracy", 0.91236), ("f1", 0.9), ("f1", 0.905),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf:imdb[test]", "imdb"),
        ("hf:stanfordnlp/imdb[test]", "stanfordnlp/imdb"),
        ("sample:reviews[test]", "sample:reviews"),
        ("/home/somebody/secret project/리뷰 #1: neu.csv", "리뷰 #1: neu.csv"),
        ("DATA", "DATA"),
    ],
)
def test_data_are_named_as_on_the_hub_or_without_their_place(source: str, name: str) -> None:
    written = card.write("embedded", LABELS, METRICS, Settings(), test=rows(*ENGLISH, source=source))
    (index,) = front(written)["model-index"]  # type: ignore[misc]
    assert index["results"][0]["dataset"] == {"name": name, "type": name, "split": "test"}
    assert "somebody" not in written


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (ENGLISH, "en"),
        (ENGLISH[:1], None),
        (("이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다.",) * 10, "ko"),
        (("Das Wetter im Norden bleibt auch morgen noch kalt und trocken.",) * 10, None),
    ],
)
def test_the_language_is_told_where_the_texts_tell_it(texts: tuple[str, ...], language: str | None) -> None:
    assert front(card.write("embedded", LABELS, METRICS, Settings(), test=rows(*texts))).get("language") == language


def test_the_scores_of_a_regression_have_the_names_of_the_hub() -> None:
    metrics = {"test": {"rows": 9, "pearson": 0.8, "spearman": 0.7, "mae": 0.5, "rmse": 0.6}}
    value = LabelSet(("stars",), None, "", "value")
    (index,) = front(card.write("embedded", value, metrics, Settings(), test=rows(*ENGLISH)))["model-index"]  # type: ignore[misc]
    assert [each["type"] for each in index["results"][0]["metrics"]] == ["pearsonr", "spearmanr", "mae", "rmse"]


def test_without_a_test_side_the_front_matter_has_no_results() -> None:
    assert "model-index" not in front(card.write("embedded", LABELS, {"validation": SCORES}, Settings()))
