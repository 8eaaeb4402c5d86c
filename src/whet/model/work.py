"""How much arithmetic and memory an encoder takes, counted from its shape alone.

Floating-point operations of a training step and of an evaluation, of the matrix products only, as the
packed route does them: of the last layer keys and values for all tokens and the rest for the first
ones. For an architecture that is padded or computes its last layer whole the count is too low by a
few per cent; it is used for ratios between models.

Sizes: D hidden, F inner width of the feed-forward net, V words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from whet.records import Floats, Ints

TRAINING = 3.0  # the backward pass costs two forward ones
GATED = ("modernbert",)  # architectures whose feed-forward net has a gate beside its first product

# Other names under which config.json gives the same number.
NAMES = {
    "layers": ("num_hidden_layers", "n_layers"),
    "width": ("hidden_size", "dim"),
    "inner": ("intermediate_size", "hidden_dim"),
    "words": ("vocab_size",),
    "heads": ("num_attention_heads", "n_heads"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What of an encoder decides how long it computes."""

    layers: int
    width: int  # D
    inner: int  # F, of a gated net both halves
    words: int  # V
    heads: int

    @property
    def parameters(self) -> int:
        """Weights of layers and word table; norms, biases and positions are small beside them."""
        return self.words * self.width + self.layers * self.per_layer

    @property
    def per_layer(self) -> int:
        """Weights of a layer's products."""
        return 4 * self.width**2 + 2 * self.width * self.inner

    @property
    def per_token(self) -> int:
        """Multiplications of a token's way through the products: of the last layer only keys and values."""
        return (self.layers - 1) * self.per_layer + 2 * self.width**2


def shape_of(config: Mapping[str, object], *, layers: int | None = None) -> Shape | None:
    """The shape that config.json tells, or with its first `layers` layers; None where it does not tell."""
    found: dict[str, int] = {}
    for field, names in NAMES.items():
        value = next((config[name] for name in names if isinstance(config.get(name), int)), None)
        if not isinstance(value, int):
            return None
        found[field] = value
    if config.get("model_type") in GATED:
        found["inner"] = found["inner"] * 3 // 2
    if layers is not None:
        found["layers"] = min(layers, found["layers"])
    return Shape(**found)


def operations(shape: Shape, lengths: Ints | Floats) -> float:
    """Operations of one forward pass over texts of these lengths in tokens."""
    d, f = shape.width, shape.inner
    linear = shape.per_token * float(lengths.sum()) + (2 * d * d + 2 * d * f) * len(lengths)
    pairs = (shape.layers - 1) * 2 * d * float((lengths.astype(np.float64) ** 2).sum())
    return 2.0 * (linear + pairs)
