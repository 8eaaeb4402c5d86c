"""Saved models of every task with random weights, as a training would leave them."""

from __future__ import annotations

from pathlib import Path

from whet import artifact
from whet.config import Truncation
from whet.data.tokens import load_cutter
from whet.labels import Kind, LabelSet
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.records import Inputs, Usage

LABELS: dict[Kind, LabelSet] = {
    "one": LabelSet(("a", "b", "c"), None, ""),
    "several": LabelSet(("x", "y"), None, "", "several"),
    "value": LabelSet(("stars",), None, "", "value"),
}
LONG = "The plot was a bit confusing, but the acting was superb and the music never got in the way. "
TEXTS = (
    "I loved every single moment of this incredible story.",
    "",
    LONG * 9,
    "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했습니다.",
    "\x00\ud800 \t\n",
    "I loved every single moment of this incredible story.",
    *(f"answers were wrong {'and nobody knows why ' * count}" for count in range(0, 24, 3)),
)


def save_model(
    encoder: Path, folder: Path, kind: Kind = "one", *, truncation: Truncation = "head", pair: bool = False
) -> Path:
    """A model/ folder of 48 tokens."""
    import torch

    torch.manual_seed(3)
    labels = LABELS[kind]
    model, _ = load_pretrained(find(str(encoder)), labels, layers=None)
    cutter = load_cutter(encoder / "tokenizer.json", max_length=48, truncation=truncation, pair=pair)
    usage = Usage(
        Inputs("premise", "claim") if pair else Inputs("text"),
        thresholds=dict.fromkeys(labels.names, 0.5) if kind == "several" else {},
    )
    artifact.save(folder, Classifier(model, device="cpu", seed=0), cutter, labels, source=encoder, card="", usage=usage)
    return folder
