"""The model card: README.md of a model/ folder, from the numbers of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.config import Settings
from whet.labels import LabelSet


def write(base: str, labels: LabelSet, metrics: Mapping[str, Any], settings: Settings) -> str:
    """The card as Markdown with the hub's front matter. `metrics` is the content of metrics.json.

    It holds no text of the data and no path of this machine.
    """
    front = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags:", "- whet"]
    folder = Path(base).expanduser()
    local = base.startswith((".", "/", "~")) or folder.is_dir()
    if base != "embedded" and "/" in base and not local:
        front.append(f"base_model: {base}")
    front.append("---")
    origin = "all-MiniLM-L6-v2" if base == "embedded" else _plain(folder.resolve().name) if local else base
    named = ", ".join(f"`{_plain(name)}`" for name in labels.names)
    body = [
        "# Text classifier",
        "",
        f"Fine-tuned from {origin} for the labels {named}.",
        f"Texts longer than {settings.max_length} tokens are cut ({settings.truncation}).",
        "",
        *_scores(metrics),
        "```python",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", model="PATH_OF_THIS_FOLDER", top_k=None)',
        f'classify("...", truncation=True, max_length={settings.max_length})',
        "```",
        "",
    ]
    return "\n".join([*front, "", *body])


def _plain(name: str) -> str:
    """A name that cannot end its line or its code span."""
    return "".join(letter if letter.isprintable() and letter != "`" else " " for letter in name)


def _scores(metrics: Mapping[str, Any]) -> list[str]:
    test = metrics.get("test")
    if test is None:
        return ["It was not scored on a test side.", ""]
    rivals = metrics.get("baselines", {})
    columns = {
        "this model": test,
        "TF-IDF + logistic regression": rivals.get("tfidf"),
        "majority": rivals.get("majority"),
    }
    sampled = f", a sample of {test['sample']['of']:,}" if "sample" in test else ""
    shown = {name: scores for name, scores in columns.items() if scores}
    lines = [
        f"Scores on {test['rows']:,} test rows{sampled}:",
        "",
        "| | " + " | ".join(shown) + " |",
        "| --- |" + " --- |" * len(shown),
    ]
    for key in ("accuracy", "macro_f1", "weighted_f1"):
        lines.append(f"| {key} | " + " | ".join(f"{scores[key]:.4f}" for scores in shown.values()) + " |")
    return [*lines, ""]
