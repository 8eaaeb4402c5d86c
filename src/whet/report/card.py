"""The model card: README.md of a model/ folder, from the numbers of its run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from whet.artifacts.sidefile import PLACE
from whet.errors import printable
from whet.hub import snapshot
from whet.labels import LabelSet
from whet.model.choice import SAMPLE, WORDS_NEEDED, language_of
from whet.records import Examples, Inputs
from whet.settings.config import Settings

LANGUAGES = {"english": "en", "korean": "ko"}  # of the texts, where they tell it
# The names that the hub's metrics have, and what tells averages of one metric apart.
HUB_METRICS: Mapping[str, tuple[str, dict[str, str]]] = {
    "accuracy": ("accuracy", {}), "balanced_accuracy": ("accuracy", {"balanced": "true"}),
    "f1": ("f1", {}), "precision": ("precision", {}), "recall": ("recall", {}),
    "macro_f1": ("f1", {"average": "macro"}), "micro_f1": ("f1", {"average": "micro"}),
    "weighted_f1": ("f1", {"average": "weighted"}), "samples_f1": ("f1", {"average": "samples"}),
    "mcc": ("matthews_correlation", {}), "roc_auc": ("roc_auc", {}),
    "pearson": ("pearsonr", {}), "spearman": ("spearmanr", {}), "mae": ("mae", {}), "rmse": ("rmse", {}),
}  # fmt: skip


def write(
    base: str,
    labels: LabelSet,
    metrics: Mapping[str, Any],
    settings: Settings,
    inputs: Inputs | None = None,
    test: Examples | None = None,
) -> str:
    """The card as Markdown with the hub's front matter. `metrics` is the content of metrics.json, `test` the rows
    that it was scored on, of which their language is told.

    It holds no text of the data and no path of this machine.
    """
    inputs = inputs or Inputs("text")
    if base.startswith(snapshot.PREFIX):
        base = snapshot.named(base).repository
    folder = Path(base).expanduser()
    local = base.startswith((".", "/", "~")) or folder.is_dir()
    origin = "all-MiniLM-L6-v2" if base == "embedded" else _plain(folder.resolve().name) if local else base
    known = base if base != "embedded" and "/" in base and not local else None
    front = ["---", _front(origin, known, metrics, test), "---"]
    asked = '"..."' if inputs.pair is None else '{"text": "...", "text_pair": "..."}'
    texts = "pairs of texts" if inputs.pair is not None else "texts"
    body = [
        *_head(f"Fine-tuned from {origin}{_in_part(settings)}", labels, inputs),
        _length(texts, settings),
        "",
        *_taught(metrics),
        *_scores(metrics),
        "```python",
        "from transformers import pipeline",
        "",
        f'classify = pipeline("text-classification", model="{PLACE}", top_k=None)',
        f"classify({asked}, truncation=True, max_length={settings.max_length})",
        "```",
        "",
    ]
    return "\n".join([*front, "", *body])


def write_ensemble(
    settings: Settings, labels: LabelSet, metrics: Mapping[str, Any], inputs: Inputs, test: Examples | None
) -> str:
    """The card of an ensemble, likewise."""
    count = (settings.folds or 1) * settings.seeds
    linear = settings.model == "linear"
    origin = "TF-IDF" if linear else "all-MiniLM-L6-v2" if settings.model == "embedded" else _named(settings.model)
    made = f"An ensemble of {count} models on TF-IDF" if linear else f"An ensemble of {count} models from {origin}"
    by = " and ".join(
        [
            *([f"each trained without one of {settings.folds} folds of the rows"] if settings.folds else []),
            *([f"with {settings.seeds} seeds"] if settings.seeds > 1 else []),
        ]
    )
    front = ["---", _front(origin, None, metrics, test, library="whet", fitted=linear), "---"]
    asked = "..." if inputs.pair is None else '..." "...'
    body = [
        *_head(f"{made}, {by},", labels, inputs),
        "Their logits are averaged. transformers loads each folder in it, but not all as one; whet answers with all.",
        "",
        *_taught(metrics),
        *_scores(metrics),
        "```bash",
        f'whet predict {PLACE} "{asked}"',
        "```",
        "",
    ]
    return "\n".join([*front, "", *body])


def _taught(metrics: Mapping[str, Any]) -> list[str]:
    """Whose answers it has learnt beside labels."""
    found = metrics.get("teacher")
    if found is None:
        return []
    further = f", also to {found['unlabelled']:,} texts without labels," if found["unlabelled"] else ""
    return [f"Beside the labels it learnt what `{_plain(found['name'])}` answers{further} (distillation).", ""]


def _named(model: str) -> str:
    """A model without the folders that it lies in."""
    local = model.startswith((".", "/", "~")) or Path(model).expanduser().is_dir()
    return _plain(Path(model).expanduser().resolve().name) if local else model


def _in_part(settings: Settings) -> str:
    """What of it was trained, where that is not all."""
    ways = [] if settings.lora is None else [f"by LoRA of rank {settings.lora}, merged into its weights"]
    frozen = {None: "", "embeddings": "its embeddings", "encoder": "all below its head"}
    part = frozen.get(settings.freeze, f"its embeddings and its first {settings.freeze} layers")
    ways += [f"with {part} frozen"] if part else []
    return f" ({'; '.join(ways)})" if ways else ""


def write_linear(
    labels: LabelSet, metrics: Mapping[str, Any], inputs: Inputs, test: Examples | None = None, *, nbsvm: bool = False
) -> str:
    """The card of a linear model, likewise."""
    learner = "NB-SVM" if nbsvm else "ridge regression" if labels.kind == "value" else "logistic regression"
    front = ["---", _front("TF-IDF", None, metrics, test, library="whet", fitted=True), "---"]
    asked = "..." if inputs.pair is None else '..." "...'
    body = [
        *_head(f"TF-IDF and {learner}, fitted", labels, inputs),
        "No text is cut. transformers cannot load it; whet answers with it, and needs no torch for that.",
        *_refit(metrics),
        "",
        *_scores(metrics),
        "```bash",
        f'whet predict {PLACE} "{asked}"',
        "```",
        "",
    ]
    return "\n".join([*front, "", *body])


def _head(made: str, labels: LabelSet, inputs: Inputs) -> list[str]:
    """What it is, how it was made and for what."""
    named = ", ".join(f"`{_plain(name)}`" for name in labels.names)
    what = f"for the labels {named}"
    if labels.kind == "several":
        what += ", of which a text may have any number (`whet.json` has the threshold of each)"
    if labels.kind == "value":
        what = f"to predict the number {named}"
    return [
        f"# Text {'regression' if labels.kind == 'value' else 'classifier'}",
        "",
        f"{made} {what}{'' if inputs.pair is None else ', on pairs of texts'}.",
        *_joined(inputs),
    ]


def _front(
    origin: str, base: str | None, metrics: Mapping[str, Any], test: Examples | None, *, library: str = "transformers",
    fitted: bool = False,
) -> str:  # fmt: skip
    """The front matter as YAML: what the hub reads of a card. No licence, which nobody told us."""
    from huggingface_hub import EvalResult, ModelCardData

    data = "" if test is None else _data(test.source)
    scores = metrics.get("test", {})
    results = [] if test is None else [
        EvalResult(
            task_type="text-classification", dataset_type=data, dataset_name=data, dataset_split="test",
            metric_type=kind, metric_value=scores[name], metric_name=name.replace("_", " "),
            metric_args=_arguments(scores, name, extra),
        )
        for name, (kind, extra) in HUB_METRICS.items() if scores.get(name) is not None
    ]  # fmt: skip
    return ModelCardData(
        base_model=base,
        language=None if test is None else _language(test.texts),
        library_name=library,
        pipeline_tag="text-classification",
        tags=["whet"],
        model_name=f"{origin}, {'fitted' if fitted else 'fine-tuned'} on {data}" if results else None,
        eval_results=results or None,
        ignore_metadata_errors=False,
    ).to_yaml()


def _language(texts: Sequence[str]) -> str | None:
    """That of the texts, where there are enough of them to tell."""
    enough = sum(len(text.split()) for text in islice(texts, SAMPLE)) >= WORDS_NEEDED
    return LANGUAGES.get(language_of(texts)) if enough else None


def _arguments(scores: Mapping[str, Any], name: str, extra: Mapping[str, str]) -> dict[str, Any]:
    """What stands beside a score: how it was averaged, of how many rows it is, and its interval."""
    reach = scores.get("intervals", {}).get(name)
    return {**extra, "rows": scores["rows"]} | ({} if reach is None else {"interval_95": list(reach)})


def _data(source: str) -> str:
    """How the data are called: a hub's name, or a file's without its place."""
    name = re.sub(r"\[\w+\]$", "", source)
    return name.removeprefix("hf:") if name.startswith("hf:") else _plain(Path(name).name)


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


def _refit(metrics: Mapping[str, Any]) -> list[str]:
    """Whether it has learnt from the rows of validation too."""
    rows = metrics.get("refit")
    if rows is None:
        return []
    return ["It has learnt from {train:,} training rows and, at last, {validation:,} validation rows.".format(**rows)]


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
