"""Saved models of every task with random weights, as a training would leave them."""

from __future__ import annotations

from pathlib import Path

from whet.artifacts import artifact
from whet.data.tokens import load_cutter
from whet.labels import Kind, LabelSet
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.records import Inputs, Usage
from whet.settings.config import Truncation

# Nothing but what `pip install whet` brings: whatever else is asked for is not there.
BARE = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"torch", "transformers", "sklearn", "safetensors", "pyarrow", "pandas", "scipy",
                                  "matplotlib", "jinja2", "datasets", "onnx", "onnxscript"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from whet.cli import main
sys.exit(main(sys.argv[1:]))
"""
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
    encoder: Path, folder: Path, kind: Kind = "one", *, truncation: Truncation = "head", pair: bool = False,
    labels: LabelSet | None = None, inputs: Inputs | None = None,
) -> Path:  # fmt: skip
    """A model/ folder of 48 tokens. `labels`, `inputs`: others than those of its kind."""
    import torch

    torch.manual_seed(3)
    labels = LABELS[kind] if labels is None else labels
    inputs = inputs or (Inputs("premise", "claim") if pair else Inputs("text"))
    model, _ = load_pretrained(find(str(encoder)), labels, layers=None)
    cutter = load_cutter(encoder / "tokenizer.json", max_length=48, truncation=truncation, pair=pair)
    usage = Usage(inputs, thresholds=dict.fromkeys(labels.names, 0.5) if kind == "several" else {})
    artifact.save(folder, Classifier(model, device="cpu", seed=0), cutter, labels, source=encoder, card="", usage=usage)
    return folder
