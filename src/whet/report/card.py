"""The model card: README.md of a model/ folder, from the numbers of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.config import Settings
from whet.errors import printable
from whet.labels import LabelSet
from whet.records import Inputs


def write(
    base: str, labels: LabelSet, metrics: Mapping[str, Any], settings: Settings, inputs: Inputs | None = None
) -> str:
    """The card as Markdown with the hub's front matter. `metrics` is the content of metrics.json.

    It holds no text of the data and no path of this machine.
    """
    inputs = inputs or Inputs("text")
    front = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags:", "- whet"]
    folder = Path(base).expanduser()
    local = base.startswith((".", "/", "~")) or folder.is_dir()
    if base != "embedded" and "/" in base and not local:
        front.append(f"base_model: {base}")
    front.append("---")
    origin = "all-MiniLM-L6-v2" if base == "embedded" else _plain(folder.resolve().name) if local else base
    named = ", ".join(f"`{_plain(name)}`" for name in labels.names)
    what = f"for the labels {named}"
    if labels.kind == "several":
        what += ", of which a text may have any number (`whet.json` has the threshold of each)"
    if labels.kind == "value":
        what = f"to predict the number {named}"
    asked = '"..."' if inputs.pair is None else '{"text": "...", "text_pair": "..."}'
    texts = "pairs of texts" if inputs.pair is not None else "texts"
    body = [
        f"# Text {'regression' if labels.kind == 'value' else 'classifier'}",
        "",
        f"Fine-tuned from {origin} {what}{'' if inputs.pair is None else ', on pairs of texts'}.",
        *_joined(inputs),
        _length(texts, settings),
        "",
        *_scores(metrics),
        "```python",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", model="PATH_OF_THIS_FOLDER", top_k=None)',
        f"classify({asked}, truncation=True, max_length={settings.max_length})",
        "```",
        "",
    ]
    return "\n".join([*front, "", *body])


def _joined(inputs: Inputs) -> list[str]:
    """How a text is made of columns."""
    made = (("text", inputs.text, inputs.text_parts), ("second text", inputs.pair or "", inputs.pair_parts))
    return [f"A {role} is `{_plain(printable(name))}`, joined from columns." for role, name, parts in made if parts]


def _length(texts: str, settings: Settings) -> str:
    """What becomes of long texts."""
    longer = f"{texts.capitalize()} longer than {settings.max_length} tokens"
    if settings.truncation != "chunks":
        return f"{longer} are cut ({settings.truncation})."
    return (
        f"{longer} are divided into chunks of at most so many, whose logits are averaged. That is done by `whet`, "
        "not by the model in this folder: what follows answers the beginning of a longer text."
    )


def _plain(name: str) -> str:
    """A name that cannot end its line or its code span."""
    return "".join(letter if letter.isprintable() and letter != "`" else " " for letter in name)


def _scores(metrics: Mapping[str, Any]) -> list[str]:
    test = metrics.get("test")
    if test is None:
        return ["It was not scored on a test side.", ""]
    rivals = metrics.get("baselines", {})
    keys, linear, constant = _columns(test)
    columns = {
        "this model": test,
        linear: rivals.get("tfidf"),
        "NB-SVM": rivals.get("nbsvm"),
        constant: rivals.get("majority"),
    }
    sampled = f", a sample of {test['sample']['of']:,}" if "sample" in test else ""
    shown = {name: scores for name, scores in columns.items() if scores}
    lines = [
        f"Scores on {test['rows']:,} test rows{sampled}:",
        "",
        "| | " + " | ".join(shown) + " |",
        "| --- |" + " --- |" * len(shown),
    ]
    reach = test.get("intervals", {})
    for key in keys:
        mine, *theirs = (f"{scores[key]:.4f}" for scores in shown.values())
        if key in reach:
            mine += " [{:.3f}, {:.3f}]".format(*reach[key])
        lines.append(f"| {key} | " + " | ".join([mine, *theirs]) + " |")
    beside = ["", "In brackets: the 95 % interval."] if reach else []
    return [*lines, *beside, ""]


def _columns(scores: Mapping[str, Any]) -> tuple[tuple[str, ...], str, str]:
    """The scores to show, and what the two baselines of their task are called."""
    if "pearson" in scores:
        return ("pearson", "spearman", "mae", "rmse"), "TF-IDF + ridge regression", "mean"
    if "thresholds" in scores:
        return ("macro_f1", "micro_f1", "weighted_f1", "accuracy"), "TF-IDF + logistic regression", "constant"
    return ("accuracy", "macro_f1", "weighted_f1"), "TF-IDF + logistic regression", "majority"
