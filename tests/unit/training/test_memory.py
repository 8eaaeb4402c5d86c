"""A step that memory does not hold is done in parts, and ends as if it had been whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conftest import TinyModel
from tests.unit.small import classifier, encoded, sequences, without_dropout
from whet.data.batches import tokens_of, training_batch
from whet.errors import TrainingError
from whet.model import exhausted
from whet.model.classifier import Classifier
from whet.records import Batch, Encoded, Ints, Notice, StepRecord, Tightened
from whet.runs.run_folder import RunFolder
from whet.system import machine
from whet.training import guard, memory
from whet.training.limit import Limit
from whet.training.loop import Recipe, Training
from whet.training.memory import explained
from whet.training.objective import objective_of
from whet.training.state import on_host

RECIPE = Recipe(epochs=2.0, batch_size=8, learning_rate=1e-3, weight_decay=0.01, warmup=0.5, max_grad_norm=1.0, seed=1)
STEPS = 6
KEYS = ("key.bias", "key_proj.bias", "attn.k.bias")
TOLERANCE = 1e-6

FAULTS: dict[str, Callable[[], Exception]] = {
    "device": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "allocator": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "numpy": lambda: MemoryError("Unable to allocate 8.00 GiB"),
}


def data() -> tuple[Encoded, Ints]:
    lengths = [3 + i * 7 % 17 for i in range(24)]
    return encoded(sequences(lengths, vocabulary=200)), np.arange(24, dtype=np.int64) % 3


def sizes_of_step(step: int) -> tuple[int, int]:
    """Tokens of a step, and of its longest row."""
    rows = training_batch(*data(), batch_size=RECIPE.batch_size, seed=RECIPE.seed, step=step - 1)
    return len(rows.ids), int(np.diff(rows.cu_seqlens).max())


class Scarce:
    """Memory that does not hold more than `room` tokens at once from a step on, and what was computed."""

    def __init__(self, patch: pytest.MonkeyPatch, where: str, fault: Callable[[], Exception]) -> None:
        self.room: int | None = None
        self.fault = fault
        self.failed = 0
        self.sizes: list[int] = []
        real = Classifier.logits

        def logits(made: Classifier, batch: Batch, precision: Any = None) -> Tensor:
            self.sizes.append(len(batch.ids))
            short = made.model.training and self.room is not None and len(batch.ids) > self.room
            if short and where == "forward":
                self.fail()
            out = real(made, batch, precision)
            if short:
                out.register_hook(lambda gradient: self.fail())
            return out

        patch.setattr(Classifier, "logits", logits)

    def fail(self) -> None:
        self.failed += 1
        raise self.fault()


def run(
    made: Classifier, scarce: Scarce | None = None, *, at: int = 1, room: int = 0, limit: Limit | None = None
) -> tuple[list[StepRecord], list[Notice], dict[str, Tensor]]:
    """A whole training, with `room` for so many tokens from the step `at` on."""
    records: list[StepRecord] = []
    notices: list[Notice] = []
    if scarce is not None and at == 1:
        scarce.room = room
    for record in Training(made, *data(), RECIPE, limit=limit).records():
        if isinstance(record, Notice):
            notices.append(record)
            continue
        records.append(record)
        if scarce is not None and record.step == at - 1:
            scarce.room = room
    return records, notices, {name: value.detach().clone() for name, value in made.model.state_dict().items()}


def gap(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The norm of the difference, relative to that of the weights."""
    # The loss does not depend on a key's bias: its gradient is rounding, of which AdamW makes steps.
    names = [name for name in theirs if not name.endswith(KEYS)]
    mine, other = (torch.cat([found[name].flatten().double() for name in names]) for found in (ours, theirs))
    return float((mine - other).norm() / other.norm())


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


# ---------------------------------------------------------------- the same end


@pytest.mark.parametrize("at", [1, 3, STEPS])
@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_training_that_runs_out_of_memory_ends_as_the_undisturbed_one(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, cores: int, fault: str, where: str, at: int
) -> None:
    expected, silence, weights = run(without_dropout(classifier(tiny_bert)))
    scarce = Scarce(monkeypatch, where, FAULTS[fault])
    records, notices, ours = run(without_dropout(classifier(tiny_bert)), scarce, at=at, room=20)
    assert (scarce.failed > 0, silence) == (True, [])
    assert gap(ours, weights) < TOLERANCE
    assert [(r.step, r.steps, r.epoch, r.learning_rate, r.tokens) for r in records] == [
        (r.step, r.steps, r.epoch, r.learning_rate, r.tokens) for r in expected
    ]
    assert [r.loss for r in records] == pytest.approx([r.loss for r in expected], rel=1e-5)
    first = notices[0]
    assert isinstance(first, Tightened)
    assert (first.step, first.recompute, first.severity) == (at, False, "warning")
    assert {type(notice) for notice in notices} == {Tightened}


@pytest.mark.parametrize("kind", ["modernbert", "deberta-v2", "mpnet"])
def test_so_does_one_of_another_architecture_that_has_to_compute_its_layers_again(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    _, _, weights = run(without_dropout(classifier(tiny_model(kind))))
    scarce, made = Scarce(monkeypatch, "forward", FAULTS["device"]), without_dropout(classifier(tiny_model(kind)))
    real = made.recompute

    def recompute() -> bool:
        scarce.room = None
        return real()

    made.recompute = recompute  # type: ignore[method-assign]
    _, notices, ours = run(made, scarce, at=2, room=0)
    assert gap(ours, weights) < TOLERANCE
    last = notices[-1]
    assert isinstance(last, Tightened)
    assert last.recompute
    assert last.message.endswith("layers again in the backward pass, which takes longer")


def test_the_notice_says_what_was_tried_and_what_is_done(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = Scarce(monkeypatch, "forward", FAULTS["device"])
    _, notices, _ = run(classifier(tiny_bert), scarce, at=2, room=35)
    tried, longest = sizes_of_step(2)
    halved = max(tried // 2, longest)
    assert notices[0] == Tightened(
        f"step 2: out of memory with {tried} tokens; steps are computed in parts of at most {halved} tokens "
        "from here on", "warning", 2, halved, False,
    )  # fmt: skip
    assert len(notices) == len({notice.message for notice in notices})


def test_with_dropout_an_attempt_that_failed_draws_nothing(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = Scarce(monkeypatch, "backward", FAULTS["allocator"])
    _, notices, ours = run(classifier(tiny_bert), scarce, room=25)
    last = notices[-1]
    assert isinstance(last, Tightened)
    scarce.room = None
    _, silence, expected = run(classifier(tiny_bert), limit=Limit(last.tokens))
    assert silence == []
    assert all(torch.equal(ours[name], expected[name]) for name in ours)


def test_the_limit_is_kept_in_the_run_and_goes_on_from_there(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scarce, limit = Scarce(monkeypatch, "forward", FAULTS["device"]), Limit()
    _, notices, _ = run(classifier(tiny_bert), scarce, room=25, limit=limit)
    RunFolder(tmp_path).log(notices[-1])
    event = json.loads((tmp_path / "events.jsonl").read_text())
    assert (event["kind"], event["step"], event["tokens"], event["recompute"]) == ("limit", 1, limit.tokens, False)
    assert event["message"] == notices[-1].message
    state = json.loads(json.dumps(limit.state()))
    assert state.keys() == {"tokens", "recompute", "token_bytes"}
    again = Limit()
    again.load_state(state)
    assert again.state() == limit.state()
    _, silence, _ = run(classifier(tiny_bert), scarce, room=25, limit=again)
    assert silence == []


# ---------------------------------------------------------------- the end of all means


def test_where_not_even_a_row_fits_the_fault_has_its_figures(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = Scarce(monkeypatch, "forward", FAULTS["device"])
    made, notices = classifier(tiny_bert), []
    steps = Training(made, *data(), RECIPE).records()
    next(steps)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    scarce.room = 2
    monkeypatch.setattr(memory, "left", lambda device: "12 MB of 4.0 GB left (the container's limit)")
    with pytest.raises(TrainingError) as caught:
        notices += list(steps)
    _, longest = sizes_of_step(2)
    assert caught.value.message == (
        f"out of memory at step 2 with parts of {longest} tokens, the longest row of the step: "
        "12 MB of 4.0 GB left (the container's limit). Expected room for one row at a time, the least that was tried, "
        "and computing the layers again in the backward pass. "
        "Lower --max-length, or take a smaller --model or fewer --layers."
    )
    assert caught.value.exit_code == 5
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())
    assert all(parameter.grad is None for parameter in made.model.parameters())


def test_a_row_of_several_sequences_is_not_divided_and_the_fault_says_what_helps(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scarce = Scarce(monkeypatch, "forward", FAULTS["device"])
    scarce.room = 2
    whole, labels = data()
    divided = replace(whole, truncated=np.zeros(8, np.bool_), documents=np.arange(0, 25, 3))
    monkeypatch.setattr(memory, "left", lambda device: "12 MB left")
    with pytest.raises(TrainingError) as caught:
        list(Training(classifier(tiny_bert), divided, labels[:8], RECIPE).records())
    longest = tokens_of(divided).max()
    assert longest > np.diff(whole.offsets).max()
    assert scarce.sizes[-1] >= tokens_of(divided).min()
    assert caught.value.message == (
        f"out of memory at step 1 with parts of {longest} tokens, the longest row of the step: 12 MB left. "
        "Expected room for one row at a time, the least that was tried, "
        "and computing the layers again in the backward pass. "
        "Give --truncation head-tail, lower --max-length, or take a smaller --model or fewer --layers."
    )


def test_another_fault_is_not_taken_for_memory(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = Scarce(monkeypatch, "forward", lambda: RuntimeError("odd"))
    with pytest.raises(RuntimeError, match="odd"):
        run(classifier(tiny_bert), scarce)
    assert scarce.failed == 1


def test_memory_that_runs_out_elsewhere_is_explained(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.Memory(16 * 10**9, 12 * 10**6, 4 * 10**9, "the container's limit")
    monkeypatch.setattr(exhausted.machine, "memory", lambda: found)
    made = classifier(tiny_bert)
    with pytest.raises(TrainingError) as caught, explained(made):
        raise MemoryError("Unable to allocate 8.00 GiB\nfor a table")
    assert caught.value.message == (
        "out of memory: Unable to allocate 8.00 GiB; 12 MB of 4.0 GB left (the container's limit). "
        "Lower --max-length, or take a smaller --model or fewer --layers."
    )
    with pytest.raises(RuntimeError, match="odd"), explained(made):
        raise RuntimeError("odd")


# ---------------------------------------------------------------- the limit


def test_a_limit_is_halved_down_to_a_row_and_then_recomputes() -> None:
    limit, seen = Limit(), []
    largest = 100
    while limit.lower(largest, 20, may_recompute=True):
        seen.append((limit.tokens, limit.recompute))
        largest = limit.tokens or largest
    assert seen == [(50, False), (25, False), (20, False), (20, True)]
    assert not Limit().lower(20, 20, may_recompute=False)


# ---------------------------------------------------------------- before it is too late


class Process:
    """A process whose memory is made up: what it holds, and what the machine has left."""

    def __init__(self, patch: pytest.MonkeyPatch, *, held: int, left: int | None) -> None:
        self.held, self.highest, self.left = held, held, left
        patch.setattr(guard.machine, "resident", lambda: self.held)
        patch.setattr(guard.machine, "peak", lambda: self.highest)
        patch.setattr(guard.machine, "memory", lambda: machine.Memory(None, self.left, None, "the container's limit"))
        patch.setattr(guard.heap, "trim", lambda: None)


def load(tokens: int, *, gradients: int = 2) -> guard.Load:
    return guard.Load(tokens, 50, gradients)


def guarded(made: Classifier, limit: Limit) -> guard.Guard:
    return guard.Guard(made.model, [torch.nn.Parameter(torch.zeros(250))], limit)  # 1,000 bytes


def test_the_guard_learns_what_a_token_takes(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, limit = Process(monkeypatch, held=10_000, left=10**9), Limit()
    watch = guarded(classifier(tiny_bert), limit)
    assert watch.lacks(load(100, gradients=2)) is None
    process.held = process.highest = 10_000 + 2 * 1_000 + 100 * 70
    watch.learn(load(100, gradients=2))
    assert limit.token_bytes == 70
    process.held = process.highest = 10_000 + 4 * 1_000 + 100 * 80  # the moments are there, and more was seen
    watch.learn(load(100, gradients=2))
    assert limit.token_bytes == 80
    watch.learn(load(30, gradients=2))  # a small step shows nothing of its own
    assert limit.token_bytes == 80
    process.left = 8_000  # of which a twentieth of 30,000 is kept in reserve
    assert watch.lacks(load(181, gradients=2)) is None
    lack = watch.lacks(load(182, gradients=2))
    assert lack == guard.Shortage(6_560, 8_000, "the container's limit")
    assert watch.lacks(load(182), reserve=0.0) is None
    process.left = None
    assert watch.lacks(load(10**9, gradients=2)) is None


def test_moments_that_a_training_goes_on_with_are_counted_once(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, limit = Process(monkeypatch, held=12_000, left=10**9), Limit()
    parameters = [torch.nn.Parameter(torch.zeros(250))]  # 1,000 bytes, of which there are two moments
    watch = guard.Guard(classifier(tiny_bert).model, parameters, limit, moments=2_000)
    process.held = process.highest = 12_000 + 1_000 + 100 * 70
    watch.learn(load(100, gradients=1))  # its first step has them already
    assert limit.token_bytes == 70
    process.held, process.left = 12_000, 0
    assert watch.lacks(load(100, gradients=1)) == guard.Shortage(8_000, 0, "the container's limit")


def test_a_training_that_goes_on_where_memory_just_holds_its_steps_ends_with_the_same_bits(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, limit = Process(monkeypatch, held=10**5, left=10**9), Limit()
    first = Training(classifier(tiny_bert), *data(), RECIPE)  # with dropout
    for record in first.records():
        if isinstance(record, StepRecord) and record.step == STEPS - 2:
            saved = on_host(first.state())
    again = Training(classifier(tiny_bert), *data(), RECIPE, limit=limit)
    again.load_state(saved)
    weights = guard.FLOAT * sum(each.numel() for each in objective_of(classifier(tiny_bert), data()[0]).parameters)
    process.held = process.highest = 10**5 + 2 * weights  # the moments are there already
    process.left, limit.token_bytes = 2 * weights, 10.0  # for a gradient, and what few tokens take
    assert [type(record) for record in again.records()] == [StepRecord] * 2
    ours, expected = (training.state().tensors["model"] for training in (again, first))
    assert all(torch.equal(ours[name], each) for name, each in expected.items())


def test_a_peak_that_only_the_system_saw_counts(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, limit = Process(monkeypatch, held=10_000, left=10**9), Limit()
    watch = guarded(classifier(tiny_bert), limit)
    process.held, process.highest = 11_000, 10_000 + 1_000 + 100 * 70
    watch.learn(load(100, gradients=1))
    assert limit.token_bytes == 70


def test_where_the_system_tells_nothing_nothing_lacks(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resident", "peak"):
        monkeypatch.setattr(guard.machine, name, lambda: None)
    limit = Limit()
    watch = guarded(classifier(tiny_bert), limit)
    monkeypatch.setattr(guard.machine, "memory", lambda: machine.Memory(None, 0, None, "the machine"))
    watch.begin()
    watch.learn(load(100, gradients=1))
    assert limit.token_bytes is None
    assert watch.lacks(load(100, gradients=1)) is None


def test_where_freed_memory_is_not_kept_the_peak_of_each_step_is_counted_anew(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Process(monkeypatch, held=10_000, left=10**9)
    forgotten: list[str] = []
    monkeypatch.setattr(guard.machine, "forget_peak", lambda: forgotten.append("peak"))
    limit = Limit()
    watch = guarded(classifier(tiny_bert), limit)
    watch.begin()
    assert forgotten == []
    watch.released = True
    watch.begin()
    assert forgotten == ["peak"]
    watch.learn(load(100))  # what is held now is not what the step took
    assert limit.token_bytes is None


def test_a_step_that_would_take_more_than_is_left_is_divided_before(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, limit = Process(monkeypatch, held=10**6, left=10**12), Limit()
    made = without_dropout(classifier(tiny_bert))
    _, _, weights = run(without_dropout(classifier(tiny_bert)))
    steps = Training(made, *data(), RECIPE, limit=limit).records()
    next(steps)
    limit.token_bytes, process.left = 10**6, 30 * 10**6
    process.held = process.highest = 10**6 + guard.FLOAT * 3 * sum(p.numel() for p in made.model.parameters())
    records = list(steps)
    first = records[0]
    assert isinstance(first, Tightened)
    assert first.message.startswith("step 2: ")
    assert first.message.endswith(
        "; 30 MB are left (the container's limit), and a part must stay free; "
        f"steps are computed in parts of at most {first.tokens} tokens from here on"
    )
    assert first.tokens is not None
    assert first.tokens <= 27
    assert gap({name: value.detach() for name, value in made.model.state_dict().items()}, weights) < TOLERANCE


def test_a_first_step_of_which_nothing_is_known_is_small_where_memory_may_be_short(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(tiny_bert)
    fixed = guard.FLOAT * 3 * sum(parameter.numel() for parameter in made.model.parameters())
    process, limit = Process(monkeypatch, held=10**6, left=2 * fixed), Limit()
    scarce = Scarce(monkeypatch, "forward", FAULTS["device"])
    steps = Training(made, *data(), RECIPE, limit=limit).records()
    first = next(steps)
    assert type(first) is Notice
    assert first.message.startswith("step 1: ")
    assert "(the container's limit); this step is computed in parts of at most " in first.message
    assert isinstance(next(steps), StepRecord)
    assert (limit.tokens, limit.recompute) == (None, False)
    process.left, limit.token_bytes = 10**9, 10.0
    kept: list[str] = []
    monkeypatch.setattr(memory.heap, "keep", lambda: kept.append("kept"))
    parts = len(scarce.sizes)
    assert parts > 1
    rest = list(steps)
    assert {type(record) for record in rest} == {StepRecord}
    assert len(scarce.sizes) - parts == len(rest)
    assert kept == ["kept"]  # there was enough after all


def test_a_model_whose_gradient_and_moments_have_no_room_is_refused_before_the_first_step(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Process(monkeypatch, held=10**6, left=10_000)
    with pytest.raises(TrainingError) as caught:
        run(classifier(tiny_bert))
    assert caught.value.message.startswith("step 1 in parts of ")
    assert "its longest row, with gradients and the optimiser's moments, would take " in caught.value.message
    assert caught.value.message.endswith("fewer --layers, or end what else takes memory.")
    assert caught.value.exit_code == 5


def test_threads_whose_gradients_do_not_fit_beside_each_other_compute_one_part_at_a_time(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    made, limit = classifier(tiny_bert), Limit()
    weights = guard.FLOAT * sum(parameter.numel() for parameter in made.model.parameters())
    Process(monkeypatch, held=10**6, left=5 * weights)
    first = next(iter(Training(made, *data(), RECIPE, limit=limit).records()))
    assert isinstance(first, Tightened)
    assert first.recompute
    assert first.message.startswith("step 1: a step of several threads would take ")


def test_a_step_for_which_all_of_the_memory_is_too_little_ends_with_an_explanation(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, limit = Process(monkeypatch, held=10**9, left=10**12), Limit(recompute=True)
    steps = Training(classifier(tiny_bert), *data(), RECIPE, limit=limit).records()
    next(steps)
    limit.token_bytes, process.left = 10**9, 10**6
    monkeypatch.setattr(exhausted.machine, "memory", lambda: machine.Memory(None, 10**6, None, "the machine"))
    with pytest.raises(TrainingError) as caught:
        list(steps)
    assert caught.value.message.startswith("step 2 in parts of ")
