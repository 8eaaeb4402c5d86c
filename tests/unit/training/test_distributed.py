"""Several processes, as far as one process can show it; tests/flows starts real ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.small import batch, classifier, encoded, gradients, sequences, stock
from whet.errors import DataError, MissingExtraError, UsageError, WhetError
from whet.model.classifier import Classifier
from whet.runtime import Ranks
from whet.training import loop
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


def test_under_fp16_a_team_trains_as_a_single_process_does(team: Team, tiny_bert: Path) -> None:
    ours, plain = (Classifier(stock(tiny_bert), device="cpu", seed=0, precision="fp16") for _ in range(2))
    recipe = loop.Recipe(2.0, 2, 1e-3, 0.01, 0.0, 1.0, 1)
    rows, labels = encoded(ROWS), np.array([0, 1, 2])
    objective = team.objective(ours, rows)
    losses = [[record.loss for record in loop.train(ours, rows, labels, recipe, objective)]]
    losses += [[record.loss for record in loop.train(plain, rows, labels, recipe)]]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_a_parameter_that_no_logit_depends_on_does_not_stop_the_second_step(team: Team, tiny_bert: Path) -> None:
    made = classifier(tiny_bert)
    made.model.idle_pooler = nn.Linear(3, 3)
    objective = team.objective(made, encoded(ROWS))
    for _ in range(2):
        objective.gradient(batch(ROWS, labels=[0, 1, 2]))
    assert made.model.idle_pooler.weight.grad is None
    assert all(parameter.grad is not None for parameter in made.model.classifier.parameters())


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
