"""The loop: it learns, it counts, it repeats itself to the bit, and it stops before it does harm."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conftest import TinyModel, review_rows
from tests.unit.small import PACKED, THREE, TWO, classifier, encoded, sequences, stock, without_dropout
from whet.data.batches import training_batch
from whet.data.tokens import encode_in_memory, load_cutter
from whet.errors import TrainingError
from whet.labels import LabelSet
from whet.model.classifier import Classifier
from whet.model.head import output
from whet.model.levels import freeze
from whet.model.loss import CrossEntropy
from whet.records import Batch, Encoded, Ints, Notice, Revision, StepRecord
from whet.training import loop, optim
from whet.training.loop import Recipe, Training, count_steps
from whet.training.pace import Budget, Pace
from whet.training.state import on_host
from whet.training.words import Words

RECIPE = Recipe(epochs=1.0, batch_size=4, learning_rate=1e-3, weight_decay=0.01, warmup=0.0, max_grad_norm=1.0, seed=1)


def recipe(**values: float) -> Recipe:
    return dataclasses.replace(RECIPE, **values)  # type: ignore[arg-type]


def random_rows(rows: int, labels: int = 3) -> tuple[Encoded, Ints]:
    lengths = np.random.default_rng(0).integers(3, 20, rows).tolist()
    return encoded(sequences(lengths, vocabulary=200)), np.arange(rows, dtype=np.int64) % labels


def review_data(folder: Path, rows: int) -> tuple[Encoded, Ints]:
    texts, labels = zip(*review_rows()[:rows], strict=True)
    cutter = load_cutter(folder / "tokenizer.json", max_length=64, truncation="head")
    return encode_in_memory(texts, cutter), np.asarray([TWO.names.index(label[:3]) for label in labels])


def weights(made: Classifier) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in made.model.state_dict().items()}


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("labels", [TWO, THREE], ids=lambda labels: f"{len(labels)}-labels")
@pytest.mark.parametrize("kind", [*PACKED, "mpnet"])
def test_the_first_loss_is_that_of_guessing(tiny_model: TinyModel, kind: str, labels: LabelSet, tmp_path: Path) -> None:
    # The weights of the small models are wider than real ones; a new head of usual width is what counts.
    folder = Path(shutil.copytree(tiny_model(kind), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "initializer_range": 0.02}))
    rows, ids = random_rows(12, len(labels))
    first = next(Training(classifier(folder, labels=labels), rows, ids, recipe(batch_size=12)).records())
    # ModernBERT draws its head so wide that the logits have a variance of about 1, whatever the range: without
    # dropout six heads gave 0.67 to 1.17 for two labels.
    assert first.loss == pytest.approx(math.log(len(labels)), abs=0.5 if kind == "modernbert" else 0.1)


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_sixteen_examples_can_be_learnt_by_heart(tiny_model: TinyModel, kind: str) -> None:
    made = classifier(tiny_model(kind), labels=TWO)
    rows, labels = review_data(tiny_model(kind), 16)
    assert set(labels.tolist()) == {0, 1}
    steps = list(Training(made, rows, labels, recipe(epochs=15.0, learning_rate=5e-3)).records())
    assert len(steps) == 60
    assert made.all_logits(rows).argmax(axis=1).tolist() == labels.tolist()
    assert steps[-1].loss < 0.1 < steps[0].loss


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_a_student_without_labels_learns_the_answers_of_its_teacher(tiny_model: TinyModel, kind: str) -> None:
    """Its loss falls to their entropy, below which there is none."""
    rows, _ = random_rows(8)
    teacher = classifier(tiny_model(kind), seed=3)
    logits = 2 * teacher.all_logits(rows)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    entropy = -float((shares * np.log(shares)).sum(axis=1).mean())
    student = without_dropout(classifier(tiny_model(kind), seed=4))
    losses = [
        record.loss
        for record in Training(student, rows, shares, recipe(epochs=120.0, batch_size=8, learning_rate=3e-3)).records()
        if isinstance(record, StepRecord)
    ]
    assert losses[0] > entropy + 0.05
    assert entropy - 1e-4 < losses[-1] < entropy + 0.01
    student.model.eval()
    answered = student.all_logits(rows)
    assert np.exp(answered) / np.exp(answered).sum(axis=1, keepdims=True) == pytest.approx(shares, abs=0.1)


def test_the_loss_is_the_mean_over_the_rows_of_the_step(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Batch, Tensor]] = []
    real = Classifier.logits

    def logits(self: Classifier, batch: Batch) -> Tensor:
        seen.append((batch, real(self, batch)))
        return seen[-1][1]

    monkeypatch.setattr(Classifier, "logits", logits)
    rows, labels = random_rows(7)
    records = list(Training(classifier(tiny_bert), rows, labels, RECIPE).records())
    for record, (batch, out) in zip(records, seen, strict=True):
        chances = out.detach().softmax(-1)[torch.arange(len(out)), torch.from_numpy(labels[batch.rows])]
        assert record.loss == pytest.approx(float(-chances.log().mean()), abs=1e-5)


# ---------------------------------------------------------------- repetition


@pytest.mark.parametrize("kind", [*PACKED, "mpnet"])
def test_two_fresh_runs_end_with_the_same_weights_to_the_bit_and_another_seed_does_not(
    tiny_model: TinyModel, kind: str
) -> None:
    def run(seed: int) -> tuple[dict[str, Tensor], list[float]]:
        made = classifier(tiny_model(kind), seed=seed)
        records = list(Training(made, *random_rows(10), recipe(seed=seed, epochs=2.0)).records())
        return weights(made), [record.loss for record in records]

    first, losses = run(1)
    again, same_losses = run(1)
    other, _ = run(2)
    assert equal(first, again)
    assert losses == same_losses
    assert not equal(first, other)


def test_order_and_dropout_each_hang_on_the_seed(tiny_bert: Path) -> None:
    def run(*, order: int, dropout: int) -> dict[str, Tensor]:
        made = classifier(tiny_bert)
        made.stream.__init__(dropout)  # type: ignore[misc]
        list(Training(made, *random_rows(10), recipe(seed=order)).records())
        return weights(made)

    first = run(order=1, dropout=1)
    assert equal(first, run(order=1, dropout=1))
    assert not equal(first, run(order=2, dropout=1))
    assert not equal(first, run(order=1, dropout=2))


def test_an_evaluation_between_two_steps_changes_nothing(tiny_bert: Path) -> None:
    rows, labels = random_rows(10)
    plain, watched = classifier(tiny_bert), classifier(tiny_bert)
    list(Training(plain, rows, labels, RECIPE).records())
    for _ in Training(watched, rows, labels, RECIPE).records():
        watched.all_logits(rows)
        assert not watched.model.training
    assert equal(weights(plain), weights(watched))


# ---------------------------------------------------------------- counting


@pytest.mark.parametrize(
    ("rows", "epochs", "steps"),
    [(16, 1.0, 4), (17, 1.0, 5), (16, 0.5, 2), (16, 2.5, 10), (17, 2.5, 13), (16, 0.01, 1), (3, 1.0, 1), (40, 0.3, 3)],
)
def test_a_part_of_an_epoch_counts_its_part(rows: int, epochs: float, steps: int) -> None:
    assert count_steps(rows, recipe(epochs=epochs)) == steps


@pytest.mark.parametrize(("epochs", "steps"), [(0.5, 2), (2.5, 10)])
def test_a_run_takes_the_counted_steps(tiny_bert: Path, epochs: float, steps: int) -> None:
    records = list(Training(classifier(tiny_bert), *random_rows(16), recipe(epochs=epochs)).records())
    assert [record.step for record in records] == list(range(1, steps + 1))
    assert {record.steps for record in records} == {steps}
    assert records[-1].epoch == epochs


def test_a_record_tells_where_the_run_is(tiny_bert: Path) -> None:
    rows, labels = random_rows(10)
    settings = recipe(epochs=2.0, warmup=0.3, learning_rate=6e-4)
    started = time.perf_counter()
    records = list(Training(classifier(tiny_bert), rows, labels, settings).records())
    whole = time.perf_counter() - started
    assert [type(record) for record in records] == [StepRecord] * 6
    assert [record.epoch for record in records] == [(i + 1) / 3 for i in range(6)]
    assert [record.learning_rate for record in records] == [
        optim.rate(i, steps=6, warmup=2, peak=6e-4) for i in range(6)
    ]
    # Every token once an epoch.
    assert (records[2].tokens, records[5].tokens) == (len(rows.ids), 2 * len(rows.ids))
    seconds = [record.train_seconds for record in records]
    assert seconds[0] > 0
    assert seconds == sorted(seconds)
    assert seconds[-1] < whole


def test_time_between_two_steps_is_not_training(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))  # ten seconds between any two looks, one look before and one after a step
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(clock)))
    seconds = []
    for record in Training(classifier(tiny_bert), *random_rows(16), RECIPE).records():
        seconds.append(record.train_seconds)
        next(clock)
    assert seconds == [10, 20, 30, 40]


def test_the_learning_rate_of_a_record_is_the_one_that_was_used(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[list[float]] = []
    real = optim._AdamW.step

    def step(self: optim._AdamW) -> None:
        used.append([group["lr"] for group in self.param_groups])
        real(self)

    monkeypatch.setattr(optim._AdamW, "step", step)
    records = list(Training(classifier(tiny_bert), *random_rows(16), recipe(warmup=2.0)).records())
    assert used == [[record.learning_rate] * 2 for record in records]


def test_a_pace_may_lower_the_steps_and_the_last_has_the_rate_of_an_end(tiny_bert: Path) -> None:
    revisions = [Revision(3, 6, 1.0), Revision(4, 7, 1.0)]
    pace = Pace(16, Budget(0.0, 1.0, {}, {}, 0.0, 0.0), recorded=revisions, until=7)
    records = list(Training(classifier(tiny_bert), *random_rows(16), recipe(epochs=4.0), pace=pace).records())
    assert [(record.step, record.steps) for record in records] == [
        (1, 16), (2, 16), (3, 6), (4, 7), (5, 7), (6, 7), (7, 7),
    ]  # fmt: skip
    found = [record.learning_rate for record in records]
    assert found[:3] == [optim.rate(i, steps=16, warmup=0, peak=1e-3) for i in range(3)]
    assert found[3] == found[2] * 3 / 4
    assert found[4:] == [found[3] * (7 - i) / (7 - 3) for i in (4, 5, 6)]


def test_a_pace_that_revises_nothing_leaves_every_bit(tiny_bert: Path) -> None:
    plain, paced = classifier(tiny_bert), classifier(tiny_bert)
    list(Training(plain, *random_rows(16), recipe(warmup=0.3)).records())
    pace = Pace(4, Budget(0.0, 1.0, {}, {}, 0.0, 0.0), until=4)
    list(Training(paced, *random_rows(16), recipe(warmup=0.3), pace=pace).records())
    assert equal(weights(plain), weights(paced))


def test_gradients_are_clipped_to_the_norm(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    real = optim._AdamW.step

    def step(self: optim._AdamW) -> None:
        assert self.grad_scale is not None
        norms.append(float(torch.linalg.vector_norm(torch.cat([g.flatten() for g in self.gradients()]))))
        norms[-1] /= float(self.grad_scale)
        real(self)

    monkeypatch.setattr(optim._AdamW, "step", step)
    list(Training(classifier(tiny_bert), *random_rows(8), recipe(max_grad_norm=0.25)).records())
    list(Training(classifier(tiny_bert), *random_rows(8), recipe(max_grad_norm=1e6)).records())
    clipped, free = norms[:2], norms[2:]
    assert clipped == pytest.approx([0.25, 0.25], rel=1e-4)
    assert min(free) > 0.5


def test_gradients_of_a_step_do_not_reach_the_next(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    for _ in islice(Training(made, *random_rows(16), RECIPE).records(), 2):
        assert all(parameter.grad is None for parameter in made.model.parameters())


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_step_whose_loss_is_not_finite_is_left_out_and_the_training_goes_on(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    made = classifier(tiny_bert)
    steps = Training(made, *random_rows(24), RECIPE).records()
    next(steps)
    before = weights(made)
    with monkeypatch.context() as patched:
        patched.setattr(CrossEntropy, "total", lambda self, logits, labels: logits.sum() * 0 + value)
        notice, record = next(steps), next(steps)
    assert notice == Notice("step 2: the loss is not a finite number, and the step is left out", "warning")
    assert isinstance(record, StepRecord)
    assert (record.step, math.isfinite(record.loss)) == (2, False)
    assert equal(weights(made), before)
    assert all(parameter.grad is None for parameter in made.model.parameters())
    following = next(steps)
    assert isinstance(following, StepRecord)
    assert (following.step, math.isfinite(following.loss)) == (3, True)
    assert not equal(weights(made), before)


def test_a_step_whose_gradient_is_not_finite_is_left_out(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = classifier(tiny_bert)
    before = weights(made)
    # The root is 0 and its slope is infinite there.
    monkeypatch.setattr(CrossEntropy, "total", lambda self, logits, labels: (logits * 0).sum().sqrt())
    notice, record = islice(Training(made, *random_rows(16), RECIPE).records(), 2)
    assert notice == Notice("step 1: the gradient is not a finite number, and the step is left out", "warning")
    assert isinstance(record, StepRecord)
    assert record.loss == 0.0
    assert equal(weights(made), before)


def test_three_such_steps_in_a_row_end_the_training_with_what_may_help(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(tiny_bert)
    encoded, labels = random_rows(40)
    steps = Training(made, encoded, labels, RECIPE).records()
    spoilt = {2, 3, 5, 6, 7}
    real, taken = CrossEntropy.total, 0

    def loss(self: CrossEntropy, logits: Tensor, labels: Tensor) -> Tensor:
        found = real(self, logits, labels)
        return found * math.nan if taken + 1 in spoilt else found

    monkeypatch.setattr(CrossEntropy, "total", loss)
    with pytest.raises(TrainingError) as caught:
        for record in steps:
            taken += isinstance(record, StepRecord)
    assert taken == 6  # two in a row did not end it
    rows = training_batch(encoded, labels, batch_size=RECIPE.batch_size, seed=RECIPE.seed, step=6).rows
    assert caught.value.message == (
        "the loss is not a finite number in 3 steps in a row, up to step 7. Lower --learning-rate (now 0.001), or "
        f"look at the rows of the last step: numbers {', '.join(map(str, sorted(rows)))} of the training rows in "
        "splits.parquet."
    )
    assert caught.value.exit_code == 5
    assert all(torch.isfinite(weight).all() for weight in made.model.parameters())


# ---------------------------------------------------------------- fp16


@pytest.fixture
def scales(monkeypatch: pytest.MonkeyPatch) -> list[optim.LossScale]:
    """Every scale of a loss that the loop makes."""
    made: list[optim.LossScale] = []
    real = optim.LossScale

    def make(*given: object, **named: object) -> optim.LossScale:
        made.append(real(*given, **named))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(optim, "LossScale", make)
    return made


def in_fp16(folder: Path) -> Classifier:
    return Classifier(stock(folder), device="cpu", seed=0, precision="fp16")


def test_under_fp16_a_step_that_overflows_is_left_out_and_the_scale_halves(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, scales: list[optim.LossScale]
) -> None:
    made = in_fp16(tiny_bert)
    steps = Training(made, *random_rows(16), RECIPE).records()
    next(steps)
    before, scale = weights(made), scales[0].state()["factor"]
    real = CrossEntropy.total
    with monkeypatch.context() as patched:
        # Finite, but its gradient times the scale is more than fp16 can hold.
        patched.setattr(CrossEntropy, "total", lambda self, logits, labels: logits.sum() * 100)
        record = next(steps)
    assert (record.step, math.isfinite(record.loss)) == (2, True)
    assert equal(weights(made), before)
    assert scales[0].state()["factor"] == scale / 2
    assert CrossEntropy.total is real
    next(steps)
    assert not equal(weights(made), before)
    assert scales[0].state()["factor"] == scale / 2


def test_under_fp16_a_gradient_that_no_scale_mends_is_a_fault_before_the_weights_change(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_fp16(tiny_bert)
    before = weights(made)
    monkeypatch.setattr(CrossEntropy, "total", lambda self, logits, labels: logits.sum() * 1e6)
    told = []
    with pytest.raises(TrainingError) as caught:
        for record in Training(made, *random_rows(16), recipe(epochs=10.0)).records():
            told += [record.message] if isinstance(record, Notice) else []
    # 2 ** 16 is halved 17 times.
    assert told == [f"step {step}: the gradient is not a finite number, and the step is left out" for step in (17, 18)]
    assert caught.value.message.startswith(
        "the gradient is not a finite number in 3 steps in a row, up to step 19. Lower --learning-rate (now 0.001), "
        "give --precision fp32, or look at the rows of the last step: numbers "
    )
    assert equal(weights(made), before)


def test_under_fp16_a_loss_that_is_not_finite_does_not_lower_the_scale(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, scales: list[optim.LossScale]
) -> None:
    made = in_fp16(tiny_bert)
    before = weights(made)
    monkeypatch.setattr(CrossEntropy, "total", lambda self, logits, labels: logits.sum() * math.nan)
    notice = next(Training(made, *random_rows(16), RECIPE).records())
    assert notice == Notice("step 1: the loss is not a finite number, and the step is left out", "warning")
    assert scales[0].state()["factor"] == optim.FIRST_SCALE
    assert equal(weights(made), before)


def test_loss_and_norm_are_read_in_one_transfer_a_step(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    for name in ("__float__", "item", "tolist", "__bool__", "cpu"):
        real = getattr(Tensor, name)
        monkeypatch.setattr(
            Tensor, name, lambda self, *given, name=name, real=real: read.append(name) or real(self, *given)
        )
    steps = Training(classifier(tiny_bert), *random_rows(12), RECIPE).records()
    next(steps)
    read.clear()
    list(steps)
    assert read == ["tolist"] * 2


def test_another_order_and_another_schedule_are_followed(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Backwards:
        def order(self, epoch: int) -> Ints:
            return np.arange(8, dtype=np.int64)[::-1]

    seen: list[list[int]] = []

    def noted(*given: object, **named: object) -> Batch:
        seen.append(sorted((batch := training_batch(*given, **named)).rows.tolist()))  # type: ignore[arg-type]
        return batch

    monkeypatch.setattr(loop, "training_batch", noted)
    rows, labels = random_rows(8)
    made = dataclasses.replace(
        RECIPE, order=Backwards(), schedule=lambda step, *, steps, warmup, peak, fall=None: peak / (step + 1)
    )
    training = Training(classifier(tiny_bert), rows, labels, made)
    assert [step.learning_rate for step in training.records()] == [1e-3, 5e-4]  # type: ignore[union-attr]
    assert seen == [[4, 5, 6, 7], [0, 1, 2, 3]]
    assert math.isfinite(training.norm)


# ---------------------------------------------------------------- frozen


@pytest.mark.parametrize("part", ["embeddings", "1", "encoder"])
@pytest.mark.parametrize("kind", ["bert", "modernbert", "deberta-v2", "mpnet"])
def test_what_is_frozen_stays_bit_for_bit_and_what_is_not_is_trained(
    tiny_model: TinyModel, kind: str, part: str
) -> None:
    made = classifier(tiny_model(kind))
    freeze(made.model, part)
    still = {name for name, each in made.model.named_parameters() if not each.requires_grad}
    before = weights(made)
    training = Training(made, *random_rows(12), recipe(epochs=2.0))
    assert len(list(training.records())) == 6
    after = weights(made)
    assert {name for name in before if torch.equal(before[name], after[name])} >= still
    head = f"{output(made.model)[0]}.weight"
    assert not torch.equal(before[head], after[head])
    # As many moments as weights are trained, and nothing else.
    state = training.state()
    trained = [each for each in made.model.parameters() if each.requires_grad]
    assert len(state.tensors["optimizer"]) == 3 * len(trained)
    assert state.tensors["model"].keys() == before.keys() - still


def test_frozen_embeddings_take_no_memory_beside_the_table(tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    freeze(made.model, "embeddings")
    words = Words(made.model, random_rows(12)[0])
    assert words.rows.numel() == 0
    words.pool(lambda gradient: pytest.fail("there is nothing to add up"))
    words.settle()


def test_a_frozen_training_goes_on_from_its_state_bit_for_bit(tiny_bert: Path) -> None:
    def made() -> Training:
        ready = classifier(tiny_bert)
        freeze(ready.model, "1")
        return Training(ready, *random_rows(20), recipe(epochs=2.0))

    whole, first, second = made(), made(), made()
    list(whole.records())
    list(islice(first.records(), 4))
    second.load_state(on_host(first.state()))
    list(second.records())
    assert equal(weights(whole._classifier), weights(second._classifier))
