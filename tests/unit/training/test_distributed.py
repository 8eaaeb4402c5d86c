"""Several processes, as far as one process can show it; tests/flows starts real ones."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.unit.small import batch, classifier, encoded, gradients, sequences, stock, without_dropout
from whet.errors import DataError, MissingExtraError, TrainingError, UsageError, WhetError
from whet.model import lora
from whet.model.classifier import Classifier
from whet.model.levels import freeze
from whet.model.loss import CrossEntropy
from whet.records import Batch, StepRecord
from whet.system.runtime import Ranks
from whet.training import distributed, loop
from whet.training.distributed import Team
from whet.training.team import Alone, team_of

ROWS = sequences([4, 9, 6], vocabulary=200)


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team of one process, which has to do all that one of many does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, str(value))
    with Team(Ranks()) as made:
        yield made


def test_a_process_alone_asks_nobody() -> None:
    alone = team_of(Ranks())
    assert type(alone) is Alone
    assert (alone.first, alone.seed(7), alone.meet("here")) == (True, 7, ["here"])


def test_every_rank_draws_its_own_dropout_and_the_first_that_of_a_single_process() -> None:
    seeds = [Team(Ranks(rank, 4)).seed(42) for rank in range(4)]
    assert seeds[0] == 42
    assert len(set(seeds)) == 4
    assert seeds != [Team(Ranks(rank, 4)).seed(43) for rank in range(4)]


def test_the_objective_has_the_gradient_of_the_mean_loss(team: Team, tiny_bert: Path) -> None:
    ours, plain = classifier(tiny_bert), classifier(tiny_bert)
    rows = batch(ROWS, labels=[0, 1, 2])
    objective = team.objective(ours, encoded(ROWS))
    mean = objective.gradient(rows)
    expected = nn.functional.cross_entropy(plain.logits(rows), torch.tensor([0, 1, 2]))
    expected.backward()
    assert float(mean) == pytest.approx(expected.item())
    found = gradients(objective, ours.model)
    for name, theirs in plain.model.named_parameters():
        mine = found[name]
        assert mine is not None
        assert torch.allclose(mine, theirs.grad, atol=1e-6)


def test_a_team_counts_rows_by_their_weights(team: Team, tiny_bert: Path) -> None:
    ours, plain = classifier(tiny_bert), classifier(tiny_bert)
    rows, weights = batch(ROWS, labels=[0, 1, 2]), np.array([0.5, 2.0, 0.5])
    objective = team.objective(ours, encoded(ROWS))
    mean = objective.gradient(dataclasses.replace(rows, weights=weights))
    each = nn.functional.cross_entropy(plain.logits(rows), torch.tensor([0, 1, 2]), reduction="none")
    expected = (each * torch.from_numpy(weights).float()).mean()
    expected.backward()
    assert float(mean) == pytest.approx(expected.item())
    found = gradients(objective, ours.model)["classifier.weight"]
    assert found is not None
    assert torch.allclose(found, plain.model.classifier.weight.grad, atol=1e-6)


def test_a_team_has_another_loss_too(team: Team, tiny_bert: Path) -> None:
    ours, plain = classifier(tiny_bert), classifier(tiny_bert)
    loss, rows = CrossEntropy((0.5, 1.0, 4.0), 2.0, 0.1), batch(ROWS, labels=[0, 1, 2])
    objective = team.objective(ours, encoded(ROWS), loss)
    mean = objective.gradient(rows)
    expected = loss.total(plain.logits(rows), torch.tensor([0, 1, 2])) / 3
    expected.backward()
    assert float(mean) == pytest.approx(expected.item())
    found = gradients(objective, ours.model)["classifier.weight"]
    assert found is not None
    assert torch.allclose(found, plain.model.classifier.weight.grad, atol=1e-6)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, where: str, *, after: int) -> list[int]:
    """Lets memory run out where more than 10 tokens are computed in one call, `after` so many calls in
    training; keeps the sizes of the calls."""
    real, tried = Classifier.logits, []

    def fail() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def logits(self: Classifier, given: Batch, precision: Any = None) -> Tensor:
        nonlocal tried
        tried += [len(given.ids)] * self.model.training
        short = len(given.ids) > 10 and len(tried) > after
        if short and where == "forward":
            fail()
        out = real(self, given, precision)
        if short:
            out.register_hook(lambda gradient: fail())
        return out

    monkeypatch.setattr(Classifier, "logits", logits)
    return tried


def test_a_rank_that_runs_out_of_memory_takes_its_rows_in_parts(
    team: Team, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, plain = (without_dropout(classifier(tiny_bert)) for _ in range(2))
    recipe = loop.Recipe(3.0, 3, 1e-3, 0.01, 0.0, 1.0, 1)
    rows, labels = encoded(ROWS), np.array([0, 1, 2])
    expected = [
        record.loss for record in loop.Training(plain, rows, labels, recipe).records() if isinstance(record, StepRecord)
    ]
    tried = short_of_memory(monkeypatch, "forward", after=1)
    records = list(loop.Training(ours, rows, labels, recipe, team.objective(ours, rows)).records())
    assert tried == [19, 19, 4, 6, 9, 4, 6, 9]  # the limit is 9, and the first two together would have 10
    assert [type(record).__name__ for record in records] == ["StepRecord", "Tightened", "StepRecord", "StepRecord"]
    assert [r.loss for r in records if isinstance(r, StepRecord)] == pytest.approx(expected, rel=1e-5)
    theirs = dict(plain.model.named_parameters())
    for name, parameter in ours.model.named_parameters():
        assert name.endswith("key.bias") or torch.allclose(parameter, theirs[name], atol=2e-6)


def test_memory_that_runs_out_while_the_ranks_add_up_ends_the_job(
    team: Team, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, "backward", after=0)
    made = classifier(tiny_bert)
    objective = team.objective(made, encoded(ROWS))
    made.model.train()
    monkeypatch.setattr(distributed, "left", lambda device: "1 MB left")
    with pytest.raises(TrainingError) as caught:
        objective.gradient(batch(ROWS, labels=[0, 1, 2]))
    assert caught.value.message == (
        "out of memory with 19 tokens, while the processes were adding up their gradients: 1 MB left. "
        "Start more processes, lower --max-length, or take a smaller --model or fewer --layers."
    )


def test_under_fp16_a_team_trains_as_a_single_process_does(team: Team, tiny_bert: Path) -> None:
    ours, plain = (Classifier(stock(tiny_bert), device="cpu", seed=0, precision="fp16") for _ in range(2))
    recipe = loop.Recipe(2.0, 2, 1e-3, 0.01, 0.0, 1.0, 1)
    rows, labels = encoded(ROWS), np.array([0, 1, 2])
    objective = team.objective(ours, rows)
    losses = [[record.loss for record in loop.Training(ours, rows, labels, recipe, objective).records()]]
    losses += [[record.loss for record in loop.Training(plain, rows, labels, recipe).records()]]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_a_parameter_that_no_logit_depends_on_does_not_stop_the_second_step(team: Team, tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    made.model.idle_pooler = nn.Linear(3, 3)
    objective = team.objective(made, encoded(ROWS))
    for _ in range(2):
        objective.gradient(batch(ROWS, labels=[0, 1, 2]))
    assert made.model.idle_pooler.weight.grad is None
    assert all(parameter.grad is not None for parameter in made.model.classifier.parameters())


@pytest.mark.parametrize(("part", "rank"), [("embeddings", None), ("1", None), ("encoder", None), (None, 4), ("1", 4)])
def test_a_team_trains_what_is_not_frozen_as_a_single_process_does(
    team: Team, tiny_bert: Path, part: str | None, rank: int | None
) -> None:
    def made() -> Classifier:
        model = stock(tiny_bert)
        if part is not None:
            freeze(model, part)
        if rank is not None:
            lora.add(model, rank)
        return Classifier(model, device="cpu", seed=0)

    ours, plain = made(), made()
    recipe = loop.Recipe(3.0, 3, 1e-3, 0.01, 0.0, 1.0, 1)
    rows, labels = encoded(ROWS), np.arange(3)
    for each, objective in ((ours, team.objective(ours, rows)), (plain, None)):
        assert len(list(loop.Training(without_dropout(each), rows, labels, recipe, objective).records())) == 3
    expected = plain.model.state_dict()
    gaps = {name: float((tensor - expected[name]).abs().max()) for name, tensor in ours.model.state_dict().items()}
    still = {name for name, each in plain.model.named_parameters() if not each.requires_grad}
    # The loss does not depend on a key's bias: its gradient is rounding, of which AdamW makes steps.
    assert max(gap for name, gap in gaps.items() if not name.endswith("key.bias")) < 2e-6
    assert {gaps[name] for name in still} == {0.0}


def test_evaluation_gives_the_logits_of_a_single_process(team: Team, tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    assert (team.all_logits(made, encoded(ROWS)) == made.all_logits(encoded(ROWS))).all()


@pytest.mark.parametrize(
    "fault",
    [
        DataError("no rows", where="a.csv", expected="some", todo="Add some", more=[UsageError("a second fault")]),
        MissingExtraError("no torch"),
        WhetError("odd"),
        ValueError("a bug"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_of_one_rank_reaches_the_others_whole(team: Team, fault: Exception) -> None:
    assert team._fault_of_another() is None
    assert team._post(fault)
    assert not team._post(ValueError("too late"))
    found = team._fault_of_another()
    assert found is not None
    if isinstance(fault, WhetError):
        assert (found.kind, found.exit_code) == (fault.kind, fault.exit_code)
        assert found.message == f"rank 0{', ' if fault.where else ': '}{fault.message}"
    else:
        assert (found.exit_code, found.message) == (1, "rank 0: ValueError: a bug.")
