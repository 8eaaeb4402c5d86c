"""Packed, padded and one by one: the same logits and the same gradients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForSequenceClassification

from tests.conftest import TinyModel
from tests.unit.small import (
    PACKED,
    PADDED,
    THREE,
    batch,
    classifier,
    encoded,
    gap,
    padded_logits,
    sequences,
    single_logits,
    stock,
)
from whet.errors import TrainingError
from whet.model import classifier as module
from whet.model import packed, postnorm
from whet.model.classifier import Classifier
from whet.model.encoder import FAMILIES

TOLERANCE = 1e-5

# Equal, like (one masked group), unlike (slices), and all of them at once, in no order.
LENGTHS = ([6, 6, 6], [20, 21, 22], [3, 9, 40], [1], [40, 1, 22, 5, 21, 5, 20])

loaded_stock = cache(stock)
loaded = cache(classifier)


def losses(logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, torch.arange(len(logits)) % len(THREE))


def gradients(model: Any, logits: Tensor) -> dict[str, Tensor]:
    model.zero_grad(set_to_none=True)
    losses(logits).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def vocabulary(made: Classifier) -> int:
    return int(made.model.config.vocab_size)


# ---------------------------------------------------------------- exactness


@pytest.mark.parametrize("kind", PACKED)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_packed_logits_are_those_of_plain_transformers_padded_and_one_by_one(
    tiny_model: TinyModel, kind: str, lengths: list[int], seed: int
) -> None:
    made, reference = loaded(tiny_model(kind)), loaded_stock(tiny_model(kind))
    assert made.packed
    rows = sequences(lengths, vocabulary=vocabulary(made), seed=seed)
    with torch.inference_mode():
        ours = made.logits(batch(rows))
        assert ours.shape == (len(lengths), 3)
        assert gap(ours, padded_logits(reference, rows)) < TOLERANCE
        assert gap(ours, single_logits(reference, rows)) < TOLERANCE


@pytest.mark.parametrize("kind", (*PACKED, *PADDED))
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_gradients_are_those_of_plain_transformers(tiny_model: TinyModel, kind: str, lengths: list[int]) -> None:
    made, reference = loaded(tiny_model(kind)), loaded_stock(tiny_model(kind))
    rows = sequences(lengths, vocabulary=vocabulary(made))
    ours = gradients(made.model, made.logits(batch(rows)))
    theirs = gradients(reference, padded_logits(reference, rows))
    assert ours.keys() == theirs.keys()
    assert {name: gap(ours[name], theirs[name]) for name in ours if gap(ours[name], theirs[name]) > TOLERANCE} == {}
    assert max(float(gradient.abs().max()) for gradient in ours.values()) > 1e-2


@pytest.mark.parametrize("kind", PADDED)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_what_cannot_be_packed_is_padded_by_length_with_a_reason(
    tiny_model: TinyModel, kind: str, lengths: list[int], seed: int
) -> None:
    made, reference = loaded(tiny_model(kind)), loaded_stock(tiny_model(kind))
    assert (made.packed, made.even) == (False, False)
    assert made.packing_reason == f"{kind} models have no packed attention yet"
    rows = sequences(lengths, vocabulary=vocabulary(made), seed=seed)
    with torch.inference_mode():
        assert gap(made.logits(batch(rows)), single_logits(reference, rows)) < TOLERANCE


@pytest.mark.parametrize("kind", PACKED)
def test_the_logits_of_a_sequence_do_not_depend_on_its_neighbours_or_its_place(
    tiny_model: TinyModel, kind: str
) -> None:
    made = loaded(tiny_model(kind))
    rows = sequences([7, 30, 7, 8, 1], vocabulary=vocabulary(made))
    with torch.inference_mode():
        together = made.logits(batch(rows))
        backwards = made.logits(batch(rows[::-1])).flip(0)
    assert gap(together, backwards) < TOLERANCE
    # The model tells these sequences apart, so that a mix-up would show.
    assert gap(together[:1], together[2:3]) > 0.01


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_a_padding_token_that_a_text_spells_out_is_counted_as_plain_transformers_does(
    tiny_model: TinyModel, kind: str
) -> None:
    made, reference = loaded(tiny_model(kind)), loaded_stock(tiny_model(kind))
    pad = made.model.config.pad_token_id
    rows = [[5, 9, pad, 7, 8], [6, 7], [pad, pad, 9]]
    with torch.inference_mode():
        assert gap(made.logits(batch(rows)), single_logits(reference, rows)) < TOLERANCE


@pytest.mark.parametrize("kind", (*PACKED, *PADDED))
def test_pairs_have_the_logits_of_plain_transformers_with_their_types(tiny_model: TinyModel, kind: str) -> None:
    made, reference = loaded(tiny_model(kind)), loaded_stock(tiny_model(kind))
    rows, seconds = sequences([7, 30, 9, 3, 31], vocabulary=vocabulary(made)), [3, 12, 2, 1, 30]
    has_types = getattr(made.model.config, "type_vocab_size", 0) > 1
    assert has_types == (kind in ("bert", "roberta", "xlm-roberta", "electra"))
    expected = []
    for row, second in zip(rows, seconds, strict=True):
        types = torch.tensor([[0] * second + [1] * (len(row) - second)])
        expected.append(reference(torch.tensor([row]), **({"token_type_ids": types} if has_types else {})).logits)
    pairs = batch(rows, seconds=seconds)
    with torch.inference_mode():
        assert gap(made.logits(pairs), torch.cat(expected)) < TOLERANCE
        if not (kind in FAMILIES and FAMILIES[kind].registered):  # whose padded route is another model's
            assert gap(made._padded(pairs), torch.cat(expected)) < TOLERANCE
        if has_types:  # and they make a difference
            assert gap(made.logits(pairs), made.logits(batch(rows))) > 0.01


def test_a_model_of_one_type_takes_pairs_without_types(tiny_model: TinyModel) -> None:
    model = stock(tiny_model("roberta"))
    embeddings = model.roberta.embeddings
    embeddings.token_type_embeddings = torch.nn.Embedding.from_pretrained(embeddings.token_type_embeddings.weight[:1])
    model.config.type_vocab_size = 1
    made = Classifier(model, device="cpu", seed=0)
    made.model.eval()
    rows = sequences([7, 30], vocabulary=vocabulary(made))
    with torch.inference_mode():
        assert gap(made.logits(batch(rows, seconds=[3, 20])), single_logits(model, rows)) < TOLERANCE


# ---------------------------------------------------------------- the self-check


def test_the_reason_of_packing_tells_how_well_both_routes_agree(tiny_bert: Path) -> None:
    made = loaded(tiny_bert)
    assert made.packing_reason.startswith("packed and single texts agree to ")
    assert float(made.packing_reason.rsplit(" ", 1)[1]) < 1e-5


@pytest.fixture
def _across(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Attention that looks across the sequences, on every route."""
    transformers = pytest.importorskip("transformers")

    def attend(
        layer: object, query: Tensor, key: Tensor, value: Tensor, mask: object, **options: Any
    ) -> tuple[Tensor, None]:
        return F.scaled_dot_product_attention(query, key, value, scale=options["scaling"]).transpose(1, 2), None

    def mix(qkv: Tensor, packing: object, *, scale: float, p: float) -> Tensor:
        q, k, v = qkv.permute(1, 2, 0, 3)[:, None]
        return F.scaled_dot_product_attention(q, k, v, scale=scale)[0].transpose(0, 1)

    def register() -> None:
        transformers.AttentionInterface.register(packed.NAME, attend)
        transformers.AttentionMaskInterface.register(packed.NAME, packed._no_mask)

    with monkeypatch.context() as patched:
        patched.setattr(packed, "register", register)
        patched.setattr(postnorm, "_mix", mix)
        yield
    packed.register()


@pytest.mark.usefixtures("_across")
@pytest.mark.parametrize("kind", [kind for kind in PACKED if kind != "deberta-v2"])
def test_attention_across_sequences_is_detected_and_padding_takes_its_place(tiny_model: TinyModel, kind: str) -> None:
    made, reference = classifier(tiny_model(kind)), loaded_stock(tiny_model(kind))
    assert not made.packed
    assert made.packing_reason.startswith("packed and single texts differ by ")
    assert float(made.packing_reason.rsplit(" ", 1)[1]) > 1e-3
    rows = sequences([3, 9, 8, 40], vocabulary=vocabulary(made))
    with torch.inference_mode():
        assert gap(made.logits(batch(rows)), single_logits(reference, rows)) < TOLERANCE


def test_layers_that_are_built_otherwise_are_detected(tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # MPNet's layers hold their projections under other names.
    monkeypatch.setitem(FAMILIES, "mpnet", FAMILIES["roberta"])
    made = classifier(tiny_model("mpnet"))
    assert not made.packed
    assert made.packing_reason == (
        "mpnet models cannot be packed here (AttributeError: 'MPNetAttention' object has no attribute 'self')"
    )


def test_weights_that_are_not_numbers_do_not_pass_the_check(tiny_bert: Path) -> None:
    model = stock(tiny_bert)
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    assert Classifier(model, device="cpu", seed=0).packing_reason == "packed and single texts differ by nan"


@pytest.mark.parametrize("kind", ["fnet", "convbert"])
def test_of_a_model_that_takes_padding_for_text_those_of_one_length_are_computed_together(kind: str) -> None:
    sizes: dict[str, Any] = {"vocab_size": 200, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
    more = {"num_attention_heads": 4, "embedding_size": 32} if kind == "convbert" else {}
    config = AutoConfig.for_model(
        kind, **sizes, **more, max_position_embeddings=64, initializer_range=0.2, num_labels=3,
        problem_type="single_label_classification",
    )  # fmt: skip
    model = AutoModelForSequenceClassification.from_config(config).eval()
    rows = sequences([7, 30, 7, 8, 1, 8], vocabulary=200)
    with torch.inference_mode():
        expected = single_logits(model, rows)
        assert gap(padded_logits(model, rows), expected) > 0.01
    made = Classifier(model, device="cpu", seed=0)
    assert (made.packed, made.even) == (False, True)
    assert re.fullmatch(
        rf"{kind} models take padding for text \(padded and single texts differ by 0\.\d+\)", made.packing_reason
    )
    with torch.inference_mode():
        assert gap(made.logits(batch(rows)), expected) < TOLERANCE
    assert gap(torch.from_numpy(made.all_logits(encoded(rows))).float(), expected) < TOLERANCE


@pytest.mark.parametrize("kind", ["bart", "t5", "mbart"])
def test_a_model_that_refuses_random_tokens_is_padded(kind: str) -> None:
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    if kind == "t5":
        sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4, "decoder_start_token_id": 0}
    config = AutoConfig.for_model(kind, vocab_size=100, num_labels=3, **sizes)
    made = Classifier(AutoModelForSequenceClassification.from_config(config), device="cpu", seed=0)
    assert (made.packed, made.even, made.packing_reason) == (
        False,
        False,
        f"{kind} models have no packed attention yet",
    )


# ---------------------------------------------------------------- dropout


@pytest.mark.parametrize("kind", [*PACKED, *PADDED])
def test_the_same_seed_gives_the_same_step_in_training_and_another_seed_another(
    tiny_model: TinyModel, kind: str
) -> None:
    def step(seed: int) -> Tensor:
        made = Classifier(stock(tiny_model(kind)), device="cpu", seed=seed)
        made.model.train()
        torch.manual_seed(seed)
        return made.logits(batch(rows)).detach()

    rows = sequences([5, 9, 10, 33], vocabulary=100)
    assert torch.equal(step(3), step(3))
    assert gap(step(3), step(4)) > 1e-3


@pytest.mark.parametrize("kind", PACKED)
def test_the_dropout_of_the_packed_route_hangs_on_its_stream_alone(tiny_model: TinyModel, kind: str) -> None:
    def step(torch_seed: int) -> Tensor:
        made = classifier(tiny_model(kind), seed=3)
        made.model.train()
        torch.manual_seed(torch_seed)
        return made.logits(batch(rows)).detach()

    rows = sequences([5, 9, 10, 33], vocabulary=100)
    assert torch.equal(step(1), step(2))


@pytest.mark.parametrize("kind", PACKED)
def test_in_training_with_all_rates_at_zero_nothing_differs_from_evaluation(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind))
    rows = sequences([5, 9, 10, 33], vocabulary=vocabulary(made))
    with torch.no_grad():
        before = made.logits(batch(rows))
        made.model.train()
        dropped = made.logits(batch(rows))
        assert gap(dropped, before) > 1e-3
        for part in made.model.modules():
            if hasattr(part, "p"):
                part.p = 0.0
            if hasattr(part, "attention_dropout"):
                part.attention_dropout = 0.0
        assert gap(made.logits(batch(rows)), before) < TOLERANCE
        made.model.eval()
        assert torch.equal(made.logits(batch(rows)), before)


# ---------------------------------------------------------------- evaluation


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_evaluation_logits_stand_in_row_order_whatever_the_packs(
    tiny_model: TinyModel, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, reference = classifier(tiny_model(kind)), loaded_stock(tiny_model(kind))
    rows = sequences([9, 40, 2, 9, 17, 1, 30], vocabulary=vocabulary(made))
    expected = single_logits(reference, rows).detach().double()
    made.model.train()
    for budget in (1, 20, 10_000):
        monkeypatch.setitem(module.EVALUATION_TOKENS, "cpu", budget)
        logits = made.all_logits(encoded(rows))
        assert logits.dtype == np.float64
        assert gap(torch.from_numpy(logits), expected) < TOLERANCE
    assert sorted(int(row) for pack, _ in made.packs(encoded(rows)) for row in pack) == list(range(7))


def test_permuted_rows_give_permuted_logits(tiny_bert: Path) -> None:
    made = loaded(tiny_bert)
    rows = sequences([9, 40, 2, 9, 17, 1, 30], vocabulary=vocabulary(made))
    turned = [3, 0, 6, 2, 1, 5, 4]
    assert np.allclose(
        made.all_logits(encoded([rows[i] for i in turned])), made.all_logits(encoded(rows))[turned], atol=TOLERANCE
    )


def test_no_rows_have_no_logits(tiny_bert: Path) -> None:
    assert loaded(tiny_bert).all_logits(encoded([])).shape == (0, 3)


# ---------------------------------------------------------------- memory that runs out


def scarce(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """Lets memory run out where more tokens than `room` are computed in one call, and keeps the sizes
    of those that went well."""
    real, sizes = Classifier.logits, []

    def logits(self: Classifier, given: Any, precision: Any = None) -> Tensor:
        if len(given.ids) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        sizes.append(len(given.ids))
        return real(self, given, precision)

    monkeypatch.setattr(Classifier, "logits", logits)
    return sizes


@pytest.mark.parametrize("cores", [1, 2])
def test_an_evaluation_that_runs_out_of_memory_goes_on_in_smaller_packs(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    torch.set_num_threads(cores)
    monkeypatch.setattr(module, "EVALUATION_TOKENS", {"cpu": 120})
    made, rows = classifier(tiny_bert), encoded(sequences([3 + i * 7 % 17 for i in range(100)], vocabulary=200))
    expected = made.all_logits(rows)
    sizes = scarce(monkeypatch, 45)
    assert np.allclose(made.all_logits(rows), expected, atol=TOLERANCE)
    assert 15 < made.pack_tokens <= 60
    assert (max(sizes) <= 45, sum(sizes)) == (True, len(rows.ids))
    tried = len(sizes)
    assert np.allclose(made.all_logits(rows), expected, atol=TOLERANCE)  # and knows it the next time
    assert len(sizes) - tried <= tried


def test_rows_that_do_not_fit_beside_each_other_are_computed_one_at_a_time(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    made, rows = classifier(tiny_bert), encoded(sequences([20] * 6, vocabulary=200))
    expected = made.all_logits(rows)
    real = module.threads.each

    def each(run: Any, count: int) -> Any:
        if count > 1:
            raise MemoryError
        return real(run, count)

    monkeypatch.setattr(module.threads, "each", each)
    assert np.allclose(made.all_logits(rows), expected, atol=TOLERANCE)


def test_a_text_for_which_no_memory_is_left_is_a_fault_that_is_explained(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(tiny_bert)
    scarce(monkeypatch, 19)
    monkeypatch.setattr(module, "left", lambda device: "1 MB left")
    with pytest.raises(TrainingError) as caught:
        made.all_logits(encoded(sequences([5, 20, 5], vocabulary=200)))
    assert caught.value.message == (
        "out of memory with a single text of 20 tokens, and 1 MB left. "
        "Lower --max-length, or take a smaller --model or fewer --layers."
    )
    assert caught.value.exit_code == 5


def test_another_fault_of_an_evaluation_is_not_taken_for_memory(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logits(self: Classifier, given: Any, precision: Any = None) -> Tensor:
        raise RuntimeError("odd")

    made = classifier(tiny_bert)
    monkeypatch.setattr(Classifier, "logits", logits)
    with pytest.raises(RuntimeError, match="odd"):
        made.all_logits(encoded(sequences([5], vocabulary=200)))
