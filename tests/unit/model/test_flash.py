"""Flash attention against the plain one, and lower precisions against fp32.

A CPU has no flash kernel: there a stand-in computes what the kernel is said to, and holds its caller
to what the kernel asks for. The same checks with the kernel itself run where there is a CUDA card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.conftest import TinyModel
from tests.unit.small import PACKED, batch, encoded, gap, sequences, stock
from whet.model import classifier as classifier_module
from whet.model import flash, packed, postnorm
from whet.model.classifier import Classifier
from whet.model.dropout import Dropout, DropoutStream
from whet.model.flash import Found
from whet.model.packing import Packing
from whet.model.packing import plan as make_plan
from whet.training.loop import Recipe, Training

CPU, META = torch.device("cpu"), torch.device("meta")
FLASHING = [kind for kind in PACKED if kind != "deberta-v2"]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
needs_flash = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < flash.FIRST_CARD,
    reason="no CUDA device of compute capability 8.0",
)
LENGTHS = [20, 3, 40, 1, 9]
RECIPE = Recipe(epochs=5.0, batch_size=4, learning_rate=1e-3, weight_decay=0.01, warmup=0.0, max_grad_norm=1.0, seed=1)

Kernel = Callable[..., tuple[Tensor, ...]]


def kernel(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor, starts_of_keys: Tensor, *numbers: Any, scale: float, **reach: int
) -> tuple[Tensor, ...]:
    """What the operator gives, each sequence by itself."""
    longest, longest_of_keys, p, causal, debug = numbers
    assert (causal, debug) == (False, False)
    assert starts.dtype == starts_of_keys.dtype == torch.int32
    assert longest == longest_of_keys == int(starts.diff().max())
    assert q.dtype == k.dtype == v.dtype
    assert q.shape[2] % 8 == 0
    assert q.stride(2) == k.stride(2) == v.stride(2) == 1
    parts = []
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        places = torch.arange(b - a)
        apart = places[:, None] - places
        left, right = (b if side < 0 else side for side in (reach["window_size_left"], reach["window_size_right"]))
        mask = (apart <= left) & (-apart <= right)
        states = (x[a:b].transpose(0, 1) for x in (q, k, v))
        parts.append(F.scaled_dot_product_attention(*states, attn_mask=mask, dropout_p=p, scale=scale).transpose(0, 1))
    return (torch.cat(parts),)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kernel], None]:
    """Puts a function in the place of the operator."""
    assert torch.ops.aten._flash_attention_forward  # torch keeps an operator once it was asked for

    def put(given: Kernel) -> None:
        monkeypatch.setattr(torch.ops.aten, "_flash_attention_forward", given)

    return put


@pytest.fixture
def calls(operator: Callable[[Kernel], None]) -> list[dict[str, Any]]:
    """The stand-in in the operator's place; the sizes and windows it is called with."""
    seen: list[dict[str, Any]] = []

    def count(q: Tensor, *rest: Any, **named: Any) -> tuple[Tensor, ...]:
        seen.append({"tokens": len(q), "dtype": q.dtype, "reach": named["window_size_left"], "p": rest[6]})
        return kernel(q, *rest, **named)

    operator(count)
    return seen


def plan(lengths: list[int], *, flash: bool, device: torch.device = CPU) -> Packing:
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return make_plan(cu_seqlens, DropoutStream(0), device, flash=flash)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- the routes


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("width", [4, 8, 20], ids=lambda width: f"width-{width}")
def test_both_routes_of_bert_give_the_same_values_and_gradients(width: int) -> None:
    qkv = random(sum(LENGTHS), 3, 2, width).requires_grad_()
    results = []
    for packing in (plan(LENGTHS, flash=True), plan(LENGTHS, flash=False)):
        out = postnorm._mix(qkv, packing, scale=0.7, p=0.0)
        results.append((out.detach(), *torch.autograd.grad(out, qkv, random(*out.shape, seed=1))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("width", [4, 8])
def test_both_routes_of_the_registered_attention_agree(
    calls: list[dict[str, Any]], width: int, scale: float | None
) -> None:
    states = [random(1, 2, sum(LENGTHS), width, seed=seed).requires_grad_() for seed in range(3)]
    results = []
    for packing in (plan(LENGTHS, flash=True), plan(LENGTHS, flash=False)):
        out, _ = packed.attend(torch.nn.Module(), *states, None, packing=packing, scaling=scale)
        results.append((out.detach(), *torch.autograd.grad(out, states, random(*out.shape, seed=4))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert len(calls) == 1


def test_the_models_own_dropout_reaches_the_kernel(calls: list[dict[str, Any]]) -> None:
    postnorm._mix(random(sum(LENGTHS), 3, 2, 8), plan(LENGTHS, flash=True), scale=1.0, p=0.25)
    states = [random(1, 2, sum(LENGTHS), 8)] * 3
    packed.attend(torch.nn.Module(), *states, None, packing=plan(LENGTHS, flash=True), dropout=0.125)
    assert [call["p"] for call in calls] == [0.25, 0.125]


def test_a_batch_for_flash_attention_has_no_groups_and_says_where_its_sequences_begin() -> None:
    packing = plan(LENGTHS, flash=True)
    assert packing.starts is not None
    assert packing.starts.tolist() == [0, 20, 23, 63, 64, 73]
    assert (packing.groups, packing.restore, packing.window, packing.longest) == ((), None, None, 40)
    grouped = plan(LENGTHS, flash=False)
    assert grouped.starts is None
    for name in ("first", "sequence", "position", "lengths"):
        assert torch.equal(getattr(packing, name), getattr(grouped, name))


@pytest.mark.usefixtures("calls")
def test_rotated_queries_and_keys_of_float32_are_cast_to_what_the_values_are() -> None:
    q, k, v = random(3, sum(LENGTHS), 2, 8).unbind(0)
    out = flash.attend(q, k, v.bfloat16(), plan(LENGTHS, flash=True), scale=None, p=0.0)
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_torch_has_the_operator_with_these_arguments_and_its_gradient(dtype: torch.dtype, window: int | None) -> None:
    # The meta device has shapes and no values: the arguments are checked, and the backward pass is found.
    q, k, v = (torch.empty(sum(LENGTHS), 2, 64, dtype=dtype, device=META, requires_grad=True) for _ in range(3))
    packing = replace(plan(LENGTHS, flash=True, device=META), window=window)
    out = flash.attend(q, k, v, packing, scale=0.1, p=0.1)
    assert (out.shape, out.dtype) == (q.shape, dtype)
    assert [x.shape for x in torch.autograd.grad(out.sum(), (q, k, v))] == [q.shape] * 3


# ---------------------------------------------------------------- whether it is used


def found(
    device: str = "cuda", dtype: torch.dtype | None = torch.bfloat16, *, width: int = 64, window: int | None = None
) -> Found:
    return flash.find(torch.device(device), dtype, width=width, window=window)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    def put(major: int, minor: int) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, minor))

    return put


def test_it_is_for_low_precisions_on_cuda_alone() -> None:
    reason = "flash attention is for bf16 and fp16 on CUDA"
    assert found("cpu") == found("mps") == found("cuda", None) == Found(False, reason)


def test_an_older_card_and_wider_heads_go_without_it(card: Callable[[int, int], None]) -> None:
    card(7, 5)
    assert found() == Found(False, "flash attention begins at compute capability 8.0, and this card has 7.5")
    card(9, 0)
    assert found(width=320) == Found(False, "flash attention takes heads of 256 at most, and these have 320")


def test_a_card_that_should_have_it_is_tried(card: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def tried(*given: object) -> Found:
        asked.append(given)
        return Found(True, "tried")

    card(8, 0)
    monkeypatch.setattr(flash, "tried", tried)
    assert found(width=256, window=8) == Found(True, "tried")
    assert asked == [(torch.device("cuda"), torch.bfloat16, 256, 8)]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("window", [None, 2, 64])
@pytest.mark.parametrize("width", [4, 64])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_kernel_that_does_what_it_should_passes_the_trial(dtype: torch.dtype, width: int, window: int | None) -> None:
    made = flash.tried(CPU, dtype, width, window)
    assert (made.usable, made.failed) == (True, False)
    said, _, number = made.reason.rpartition(" ")
    assert said == "flash and plain attention agree to"
    assert float(number) < flash.TOLERANCES[dtype] / 2


def test_the_trial_leaves_torchs_random_numbers_alone(calls: list[dict[str, Any]]) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    flash.tried(CPU, torch.bfloat16, 8, None)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert {call["p"] for call in calls} == {0.0, 0.5}


def across(q: Tensor, *rest: Any, **named: Any) -> tuple[Tensor, ...]:
    whole = torch.tensor([0, len(q)], dtype=torch.int32)
    return kernel(q, *rest[:2], whole, whole, len(q), len(q), *rest[6:], **named)


def boundless(*given: Any, **named: Any) -> tuple[Tensor, ...]:
    return kernel(*given, **{**named, "window_size_left": -1, "window_size_right": -1})


def narrower(*given: Any, **named: Any) -> tuple[Tensor, ...]:
    reach = {name: value - 1 if value > 0 else value for name, value in named.items() if name.startswith("window")}
    return kernel(*given, **{**named, **reach})


def false_gradient(q: Tensor, k: Tensor, v: Tensor, *rest: Any, **named: Any) -> tuple[Tensor, ...]:
    return kernel(q, k.detach() + 0 * k, v, *rest, **named)


def not_a_number(*given: Any, **named: Any) -> tuple[Tensor, ...]:
    return (kernel(*given, **named)[0] * float("nan"),)


def not_a_number_with_a_window(*given: Any, **named: Any) -> tuple[Tensor, ...]:
    return (not_a_number if named["window_size_left"] >= 0 else kernel)(*given, **named)


@pytest.mark.parametrize(
    ("wrong", "window"),
    [
        (across, None),
        (boundless, 4),
        (boundless, 64),
        (narrower, 64),
        (false_gradient, None),
        (not_a_number, None),
        (not_a_number_with_a_window, 4),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_kernel_that_does_something_else_is_refused(
    operator: Callable[[Kernel], None], wrong: Kernel, window: int | None
) -> None:
    operator(wrong)
    made = flash.tried(CPU, torch.bfloat16, 64, window)
    assert (made.usable, made.failed) == (False, True)
    said, _, number = made.reason.rpartition(" ")
    assert said == "flash and plain attention differ by"
    assert not float(number) <= 3 * flash.TOLERANCES[torch.bfloat16]


def test_a_kernel_that_ignores_dropout_is_refused(operator: Callable[[Kernel], None]) -> None:
    operator(lambda *given, **named: kernel(*given[:7], 0.0, *given[8:], **named))
    assert flash.tried(CPU, torch.float16, 64, None) == Found(False, "flash attention ignores dropout here", True)


def test_an_operator_that_fails_is_named_with_its_fault(operator: Callable[[Kernel], None]) -> None:
    def fail(*_: Any, **__: Any) -> tuple[Tensor, ...]:
        raise RuntimeError("no kernel image is available\nfor this card")

    operator(fail)
    assert flash.tried(CPU, torch.float16, 64, None) == Found(
        False, "flash attention cannot be used here (RuntimeError: no kernel image is available)", failed=True
    )


# ---------------------------------------------------------------- whole models


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model takes flash attention for granted."""
    monkeypatch.setattr(classifier_module, "find", lambda *_, **__: Found(True, "a stand-in"))


def model_of(
    folder: Path, precision: Any, *, device: str = "cpu", plain: bool = False, calm: bool = True
) -> Classifier:
    """A classifier, `calm`: without dropout."""
    made = Classifier(stock(folder), device=device, seed=0, precision=precision, plain_attention=plain)
    for module in made.model.modules() if calm else ():
        if isinstance(module, Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):  # ModernBERT keeps this rate outside of a module
            module.attention_dropout = 0.0
    return made


def losses(made: Classifier) -> list[float]:
    rows = encoded(sequences([9, 3, 30, 11, 40, 1, 5, 17, 25, 8, 12, 33], vocabulary=200))
    return [record.loss for record in Training(made, rows, np.arange(12) % 3, RECIPE).records()]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("kind", FLASHING)
def test_a_model_with_flash_attention_answers_and_learns_as_one_with_plain_attention(
    tiny_model: TinyModel, calls: list[dict[str, Any]], kind: str
) -> None:
    fast, plain = (model_of(tiny_model(kind), "bf16", plain=plain) for plain in (False, True))
    assert calls == []  # the check at load is in fp32
    rows = batch(sequences(LENGTHS, vocabulary=200))
    with torch.inference_mode():
        fast.model.eval()
        plain.model.eval()
        assert gap(fast.logits(rows), plain.logits(rows)) < 0.05
    # BERT's last layer is computed for first tokens alone; ModernBERT's second is a local one. 73 tokens are filled up.
    expected = [-1, 8] if kind == "modernbert" else [-1]
    assert calls == [{"tokens": 80, "dtype": torch.bfloat16, "reach": reach, "p": 0.0} for reach in expected]
    np.testing.assert_allclose(losses(fast), losses(plain), atol=0.05)


@pytest.mark.usefixtures("trusted")
def test_in_fp32_a_model_leaves_flash_attention(tiny_bert: Path, calls: list[dict[str, Any]]) -> None:
    made = model_of(tiny_bert, "bf16")
    rows = batch(sequences(LENGTHS, vocabulary=200))
    with torch.inference_mode(), made.in_fp32():
        assert torch.equal(made.logits(rows), model_of(tiny_bert, "fp32").logits(rows))
    assert calls == []
    made.logits(rows)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bert", "flash attention is for bf16 and fp16 on CUDA"),
        ("mpnet", "flash attention is for packed batches"),
        ("deberta-v2", "deberta-v2 models add to their scores what flash attention cannot"),
    ],
)
def test_a_model_tells_why_it_has_no_flash_attention(tiny_model: TinyModel, kind: str, reason: str) -> None:
    assert model_of(tiny_model(kind), "bf16").flash == Found(False, reason)
    assert model_of(tiny_model(kind), "bf16", plain=True).flash == Found(False, "plain attention was asked for")


# ---------------------------------------------------------------- on a card


@needs_flash
@pytest.mark.parametrize("window", [None, 64])
@pytest.mark.parametrize("width", [4, 32, 64, 128])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_kernel_of_this_card_passes_the_trial(dtype: torch.dtype, width: int, window: int | None) -> None:
    made = found("cuda", dtype, width=width, window=window)
    assert made.usable, made.reason


@needs_flash
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("kind", FLASHING)
def test_on_a_card_flash_and_plain_attention_learn_alike(tiny_model: TinyModel, kind: str, precision: str) -> None:
    fast, plain = (model_of(tiny_model(kind), precision, device="cuda", plain=plain) for plain in (False, True))
    assert fast.flash.usable, fast.flash.reason
    np.testing.assert_allclose(losses(fast), losses(plain), atol=0.05)


@needs_cuda
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_on_a_card_plain_attention_in_less_than_fp32_learns_as_in_fp32(
    tiny_model: TinyModel, kind: str, precision: str
) -> None:
    lower, full = (model_of(tiny_model(kind), name, device="cuda", plain=True) for name in (precision, "fp32"))
    np.testing.assert_allclose(losses(lower), losses(full), atol=0.05)


@pytest.fixture
def waiting_forbidden() -> Iterator[None]:
    """Whatever makes the host wait for the card is an error."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode(before)


@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype:UserWarning")
@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_on_a_card_the_passes_of_a_step_do_not_wait(
    tiny_model: TinyModel, kind: str, request: pytest.FixtureRequest
) -> None:
    made = model_of(tiny_model(kind), "fp16", device="cuda", calm=False)
    made.model.train()
    rows = batch(sequences(LENGTHS, vocabulary=200), labels=[0, 1, 2, 0, 1])
    made.logits(rows).sum().backward()  # the first step sets up
    request.getfixturevalue("waiting_forbidden")
    F.cross_entropy(made.logits(rows), made.labels(rows)).backward()
