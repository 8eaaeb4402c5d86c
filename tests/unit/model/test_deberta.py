"""Disentangled attention without padding, held against the padded plain model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.unit.small import LargestTensor, batch, compare, padded_logits, sequences, single_logits
from whet.model import deberta
from whet.model.classifier import Classifier
from whet.model.encoder import FAMILIES, save

LENGTHS = ([6, 6, 6], [20, 21, 22], [1], [3, 9, 40], [150, 1, 120, 30, 31, 100, 100, 2])

V3 = {
    "relative_attention": True,
    "position_buckets": 16,
    "max_relative_positions": -1,
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
# What checkpoints of the architecture have, and each switch by itself.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "v3": {},
    "v2-xlarge": {"conv_kernel_size": 3, "conv_act": "gelu"},
    "default-convolution": {"conv_kernel_size": 5},
    "keys-of-their-own": {"share_att_key": False, "norm_rel_ebd": "none"},
    "content-to-position": {"pos_att_type": ["c2p"]},
    "position-to-content": {"pos_att_type": "p2c", "share_att_key": False},
    "neither": {"pos_att_type": []},
    "no-buckets": {"position_buckets": -1},
    "clamped": {"position_buckets": -1, "max_relative_positions": 20},
    "near-limit": {"position_buckets": 8, "max_relative_positions": 60},
    "absolute-positions-and-types": {"position_biased_input": True, "type_vocab_size": 2},
    "no-relative-positions": {"relative_attention": False, "position_biased_input": True},
    "narrow-embeddings": {"embedding_size": 16},
}


def model(**settings: Any) -> Any:
    from transformers import AutoModelForSequenceClassification, DebertaV2Config

    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 3}
    config = DebertaV2Config(
        vocab_size=200, max_position_embeddings=256, num_labels=3, initializer_range=0.2, **{**sizes, **V3, **settings}
    )
    torch.manual_seed(0)
    made = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():  # a bias of zero would hide that it was left out
        for name, part in made.named_parameters():
            if name.endswith("bias"):
                part.normal_(std=0.2)
    return made.eval()


def both(**settings: Any) -> tuple[Classifier, Any]:
    made = Classifier(model(**settings), device="cpu", seed=0)
    made.model.eval()
    return made, model(**settings)


# ---------------------------------------------------------------- exactness


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_logits_and_gradients_are_those_of_the_padded_plain_model(name: str) -> None:
    made, plain = both(**CONFIGURATIONS[name])
    assert made.packed, made.packing_reason
    for lengths in LENGTHS:
        compare(made, plain, sequences(lengths, vocabulary=200))


def test_each_configuration_is_another_function() -> None:
    rows = sequences([90, 60], vocabulary=200)
    with torch.inference_mode():
        answers = {name: single_logits(model(**settings), rows) for name, settings in CONFIGURATIONS.items()}
    for name, answer in answers.items():
        gaps = [float((answer - other).abs().max()) for key, other in answers.items() if key != name]
        assert min(gaps) > 1e-3, name


def test_a_row_by_distance_becomes_a_row_by_place() -> None:
    # Element (i, c) is 10 * i plus the distance 2 - c; element (i, j) must be 10 * i plus i - j.
    by_distance = torch.tensor([[10.0 * i + 2 - c for c in range(5)] for i in range(3)])
    assert deberta._skew(by_distance[None, None])[0, 0].tolist() == [[0, -1, -2], [11, 10, 9], [22, 21, 20]]
    assert deberta._skew(torch.ones(2, 3, 1, 1)).shape == (2, 3, 1, 1)


# ---------------------------------------------------------------- cost


def test_distances_are_looked_up_once_for_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = both()
    longest: list[int] = []
    real = deberta._distances
    monkeypatch.setattr(deberta, "_distances", lambda *given: longest.append(given[1]) or real(*given))
    made.logits(batch(sequences([3, 9, 40, 41], vocabulary=200)))
    assert longest == [41]


def test_no_tensor_grows_with_the_square_of_the_pack() -> None:
    made, _ = both()
    rows = sequences([20] * 60, vocabulary=200)
    with LargestTensor() as largest, torch.inference_mode():
        made.logits(batch(rows))
    # T tokens, 2 heads, at most 39 distances or 64 features; the square of T would be 1,440,000.
    assert largest.elements <= 1200 * 2 * 39


# ---------------------------------------------------------------- the plain model stays


def test_the_model_is_untouched_and_saves_as_the_plain_one(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    made, plain = both()
    names = {name: type(part).__name__ for name, part in plain.named_modules()}
    assert {name: type(part).__name__ for name, part in made.model.named_modules()} == names
    save(made.model, tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert again.state_dict().keys() == plain.state_dict().keys()
    rows = sequences([5, 17, 60], vocabulary=200)
    with torch.inference_mode():
        assert float((made.logits(batch(rows)) - single_logits(again, rows)).abs().max()) < 1e-5


# ---------------------------------------------------------------- the check at load


def turned(encoder: Any, longest: int, device: torch.device) -> Any:
    return real_distances(encoder, longest, device)[::-1]


def shifted(encoder: Any, longest: int, device: torch.device) -> Any:
    return tuple(rows.roll(1) for rows in real_distances(encoder, longest, device))


def without_buckets(encoder: Any, longest: int, device: torch.device) -> Any:
    size = len(encoder.rel_embeddings.weight)
    distance = torch.arange(longest - 1, -longest, -1, device=device)
    return tuple((sign * distance + size // 2).clamp(0, size - 1) for sign in (1, -1))


def unturned(x: Tensor) -> Tensor:
    return real_skew(x).transpose(2, 3)


real_distances, real_skew = deberta._distances, deberta._skew
BROKEN = {
    "turned": ("_distances", turned),
    "shifted": ("_distances", shifted),
    "without-buckets": ("_distances", without_buckets),
    "unturned": ("_skew", unturned),
}


@pytest.mark.parametrize("buckets", [16, 256])
@pytest.mark.parametrize("name", BROKEN)
def test_wrong_relative_positions_are_seen_by_the_check_at_load(
    name: str, buckets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deberta, *BROKEN[name])
    made, plain = both(position_buckets=buckets)
    assert not made.packed
    assert made.packing_reason.startswith("packed and single texts differ by ")
    rows = sequences([3, 70, 9], vocabulary=200)
    with torch.inference_mode():
        assert float((made.logits(batch(rows)) - padded_logits(plain, rows)).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", [AttributeError, ImportError, TypeError, NotImplementedError])
def test_another_layout_of_the_library_is_no_crash_but_padding(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*given: object) -> Tensor:
        raise kind("no rel_embeddings")

    monkeypatch.setitem(FAMILIES, "deberta-v2", replace(FAMILIES["deberta-v2"], encode=encode))
    made, plain = both()
    assert not made.packed
    told = f"{kind.__name__}: no rel_embeddings"
    assert made.packing_reason == f"deberta-v2 models cannot be packed here ({told})"
    rows = sequences([3, 9], vocabulary=200)
    with torch.inference_mode():
        assert float((made.logits(batch(rows)) - padded_logits(plain, rows)).abs().max()) < 1e-5
