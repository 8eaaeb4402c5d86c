"""`whet.steps` with a loss of somebody's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import whet
from tests.conftest import review_rows
from tests.flows.conftest import write_csv
from whet.errors import UsageError
from whet.model import choice


def focal(logits: Tensor, labels: Tensor) -> Tensor:
    """After Lin et al. 2017, with gamma 2: of each row."""
    log_p = F.log_softmax(logits, dim=-1).gather(1, labels[:, None])[:, 0]
    return -((1 - log_p.exp()) ** 2) * log_p


def summed(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, reduction="sum")


def losses(folder: Path, **settings: Any) -> list[float]:
    steps = whet.steps(str(folder / "reviews.csv"), epochs=0.5, threads=1, baseline=False, **settings)
    return [step.loss for step in steps]


def test_a_loss_of_ones_own_trains_as_the_built_in_one_of_the_same_formula(here: Path, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    model = str(tiny_bert)
    mine = losses(here, model=model, loss=focal)
    assert mine == pytest.approx(losses(here, model=model, focal=2.0), rel=1e-4)
    assert losses(here, model=model, loss=summed) == pytest.approx(losses(here, model=model), rel=1e-5)
    assert losses(here, model=model, loss=focal) == mine  # a run of its own, which began anew
    told = [json.loads(path.read_text()).get("loss") for path in sorted((here / "runs").glob("*/run.json"))]
    assert sorted(name.rpartition(".")[2] for name in told if name) == ["focal", "focal", "summed"]
    assert len(told) == 5


def test_a_loss_of_ones_own_is_for_a_network_where_auto_would_be_a_linear_model(
    here: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(here / "reviews.csv", review_rows())
    monkeypatch.setattr(choice, "wordless", lambda texts, device: "no words")
    monkeypatch.setattr(choice, "choose", lambda texts, device: choice.Choice(str(tiny_bert), "it is tiny"))
    seen = list[tuple[int, ...]]()

    def watched(logits: Tensor, labels: Tensor) -> Tensor:
        seen.append(tuple(logits.shape))
        return summed(logits, labels)

    steps = whet.steps(str(here / "reviews.csv"), threads=1, baseline=False, brief=True, loss=watched)
    assert next(steps).step == 1
    assert (16, 2) in seen


def test_a_loss_that_is_neither_of_rows_nor_their_sum_is_refused(here: Path, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    with pytest.raises(UsageError, match=r"a loss of shape \(16, 2\) for 16 rows\. Expected a tensor with"):
        losses(here, model=str(tiny_bert), loss=lambda logits, labels: logits)
    with pytest.raises(UsageError, match="a loss of type float for 16 rows"):
        losses(here, model=str(tiny_bert), loss=lambda logits, labels: 1.0)


def test_settings_that_a_loss_leaves_without_a_meaning_are_refused() -> None:
    for given in ({"focal": 1.0}, {"label_smoothing": 0.1}, {"class_weights": "balanced"}, {"model": "linear"}):
        name, value = next(iter(given.items()))
        with pytest.raises(UsageError) as caught:
            next(whet.steps("reviews.csv", loss=focal, **given))  # type: ignore[arg-type]
        assert str(caught.value) == (f"steps: {name}={value!r} with a loss of its own. Leave out one of the two.")


def test_the_guess_of_a_loss_of_ones_own_is_that_of_the_built_in_one() -> None:
    from whet.model.loss import CrossEntropy, Own, SquaredError

    ids = torch.tensor([0, 0, 1, 2, 2, 2])
    assert Own(summed).guess(ids) == pytest.approx(CrossEntropy().guess(ids), rel=1e-4)
    values = torch.tensor([0.5, -1.0, 2.0]).double()
    squares = Own(lambda logits, labels: (logits[:, 0] - labels) ** 2)
    assert squares.guess(values) == pytest.approx(SquaredError().guess(values), rel=1e-4)
