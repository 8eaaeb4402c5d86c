"""The model card of an adapted encoder: README.md of its model/ folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.artifacts.sidefile import PLACE
from whet.data.masking import SHARE
from whet.hub import snapshot
from whet.sentences.bilingual import word
from whet.settings.config import Settings

HELD_OUT = word("held-out texts")


def write(base: str, settings: Settings, metrics: Mapping[str, Any]) -> str:
    """The card as Markdown. It holds no text of the data and no path of this machine."""
    local = base.startswith((".", "/", "~")) or Path(base).expanduser().is_dir()
    if base.startswith(snapshot.PREFIX):
        base = snapshot.named(base).repository
    origin = "all-MiniLM-L6-v2" if base == "embedded" else Path(base).expanduser().resolve().name if local else base
    found, texts = metrics.get("held_out"), metrics["texts"]
    lines = [
        "---", "library_name: transformers", "pipeline_tag: fill-mask", "tags:", "- whet", "- fill-mask", "---", "",
        "# Encoder adapted to texts",
        "",
        f"{origin} after masked-language-model training on {texts['train']:,} texts without labels: {SHARE:.0%} of the "
        f"tokens hidden, windows of up to {settings.max_length} tokens, {metrics['epochs']:.3g} epochs, "
        f"{metrics['steps']:,} steps of {settings.batch_size} windows.",
        "",
    ]  # fmt: skip
    if found is not None:
        before, after = found["before"], found["after"]
        lines += [
            f"On {texts['held_out']:,} texts that it did not learn from, the same {found['tokens']:,} tokens hidden:",
            "",
            "|  | before | after |",
            "| --- | --- | --- |",
            f"| loss of a hidden token | {before['loss']:.4f} | {after['loss']:.4f} |",
            f"| perplexity | {before['perplexity']:.2f} | {after['perplexity']:.2f} |",
            "",
        ]
    lines += [
        "It answers no question yet. It is made to be fine-tuned:",
        "",
        "```bash",
        f"whet train DATA --model {PLACE}",
        "```",
        "",
        "```python",
        "from transformers import pipeline",
        "",
        f'fill = pipeline("fill-mask", model="{PLACE}")',
        "```",
        "",
    ]
    return "\n".join(lines)
