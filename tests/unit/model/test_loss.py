"""The losses of training: torch's where torch has them, and a row counts alike whatever it shares a step with."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from whet.model.loss import CrossEntropy, Loss, SeveralEntropies, loss_of
from whet.score.unlearned import STUCK

WEIGHTS = (0.5, 1.0, 4.0)


def rows(count: int = 8, *, wide: float = 3.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(count)
    return torch.randn(count, 3) * wide, torch.arange(count) % 3


def slope(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    leaf = logits.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss.total(leaf, targets), leaf)
    return found


def by_hand(logits: Tensor, targets: Tensor, weights: tuple[float, ...], gamma: float) -> Tensor:
    """The formula of Lin et al. 2017, (4) with the weights of (5), row by row."""
    found = []
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        p = math.exp(row[target]) / sum(map(math.exp, row))
        found.append(-weights[target] * (1 - p) ** gamma * math.log(p))
    return torch.tensor(found)


@pytest.mark.parametrize("count", [1, 2, 7, 16, 33])
def test_the_plain_loss_and_its_gradient_have_the_bits_of_cross_entropy(count: int) -> None:
    logits, targets = rows(count)
    leaf, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    ours, theirs = CrossEntropy().total(leaf, targets) / count, F.cross_entropy(other, targets)
    assert torch.equal(ours, theirs)
    (ours * 8.0).backward()
    (theirs * 8.0).backward()
    assert torch.equal(leaf.grad, other.grad)  # type: ignore[arg-type]  # both were computed


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_weights_and_smoothing_mean_what_they_mean_to_torch(
    weights: tuple[float, ...] | None, smoothing: float
) -> None:
    logits, targets = rows()
    loss = CrossEntropy(weights, smoothing=smoothing)
    weight = None if weights is None else torch.tensor(weights)
    expected = F.cross_entropy(logits, targets, weight, reduction="none", label_smoothing=smoothing)
    assert torch.equal(loss.rows(logits, targets), expected)
    assert float(loss.total(logits, targets)) == pytest.approx(float(expected.sum()), rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_is_the_formula_of_its_paper(gamma: float) -> None:
    logits, targets = rows()
    found = CrossEntropy(WEIGHTS, focal=gamma).rows(logits, targets)
    assert found.tolist() == pytest.approx(by_hand(logits, targets, WEIGHTS, gamma).tolist(), rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_slope_of_focal_is_that_of_its_values(gamma: float) -> None:
    logits, targets = rows(4, wide=1.0)
    loss = CrossEntropy(WEIGHTS, focal=gamma, smoothing=0.1)
    assert torch.autograd.gradcheck(lambda given: loss.total(given, targets), logits.double().requires_grad_())


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sure", [-200.0, -20.0, 20.0, 200.0])
def test_focal_of_a_row_that_is_surely_right_or_wrong_is_finite(gamma: float, sure: float) -> None:
    logits, targets = torch.tensor([[sure, 0.0, 0.0]]), torch.tensor([0])
    loss = CrossEntropy(focal=gamma)
    assert torch.isfinite(loss.total(logits, targets))
    assert torch.isfinite(slope(loss, logits, targets)).all()
    expected = pytest.approx(-sure + math.log(2.0), rel=1e-3) if sure < 0 else pytest.approx(0.0, abs=1e-6)
    assert float(loss.total(logits, targets)) == expected


@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=12),
    st.sampled_from([None, WEIGHTS]),
    st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([0.0, 0.2]),
    st.data(),
)
def test_the_parts_of_a_step_add_up(
    targets: list[int], weights: tuple[float, ...] | None, focal: float, smoothing: float, data: st.DataObject
) -> None:
    loss, ids = CrossEntropy(weights, focal, smoothing), torch.tensor(targets)
    torch.manual_seed(0)
    logits = torch.randn(len(targets), 3, dtype=torch.float64)
    cut = data.draw(st.integers(1, len(targets) - 1))
    parts = [(logits[:cut], ids[:cut]), (logits[cut:], ids[cut:])]
    assert sum(float(loss.total(*part)) for part in parts) == pytest.approx(float(loss.total(logits, ids)))
    assert torch.allclose(torch.cat([slope(loss, *part) for part in parts]), slope(loss, logits, ids))
    assert float(loss.rows(logits, ids).sum()) == pytest.approx(float(loss.total(logits, ids)))


def test_a_row_counts_its_weight_whatever_rows_are_beside_it() -> None:
    # torch's weighted mean divides by the weights at hand: a row of a rare class counts more among its like.
    logits, loss = torch.zeros(2, 2), CrossEntropy((1.0, 9.0))
    assert loss.rows(logits, torch.tensor([1, 1])).tolist() == pytest.approx([9 * math.log(2)] * 2)
    assert loss.rows(logits, torch.tensor([0, 1])).tolist() == pytest.approx([math.log(2), 9 * math.log(2)])


def test_the_guess_of_plain_cross_entropy_is_the_entropy_of_the_shares() -> None:
    ids = torch.tensor([1] * 10 + [0] * 90)
    assert CrossEntropy().guess(ids) == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9))
    assert CrossEntropy().guess(torch.tensor([0, 2])) == pytest.approx(math.log(2))
    assert CrossEntropy((100 / 180, 5.0)).guess(ids) == pytest.approx(math.log(2))


@given(
    st.sampled_from([None, WEIGHTS]),
    st.sampled_from([0.0, 0.5, 2.0, 10.0]),
    st.sampled_from([0.0, 0.3]),
    st.lists(st.floats(-30, 30), min_size=3, max_size=3),
)
def test_no_constant_answer_is_better_than_the_guess(
    weights: tuple[float, ...] | None, focal: float, smoothing: float, other: list[float]
) -> None:
    loss, ids = CrossEntropy(weights, focal, smoothing), torch.tensor([0] * 7 + [1] * 2 + [2])
    rival = float(loss.total(torch.tensor(other, dtype=torch.float64).expand(10, -1), ids)) / 10
    assert loss.guess(ids) <= rival + 1e-9


def test_the_guess_of_focal_is_that_of_the_answer_that_focal_leads_to() -> None:
    # By the shares of the labels: 0.9 * 0.1^2 * -ln 0.9 + 0.1 * 0.9^2 * -ln 0.1 = 0.187. At p = 0.7 of the
    # commoner one: 0.9 * 0.3^2 * -ln 0.7 + 0.1 * 0.7^2 * -ln 0.3 = 0.088.
    ids = torch.tensor([0] * 90 + [1] * 10)
    by_steps = min(
        0.9 * (1 - p) ** 2 * -math.log(p) + 0.1 * p**2 * -math.log(1 - p) for p in (i / 1000 for i in range(1, 1000))
    )
    assert by_steps < 0.089
    assert CrossEntropy(focal=2.0).guess(ids) == pytest.approx(by_steps, abs=1e-6)
    assert CrossEntropy(focal=2.0).guess(torch.tensor([0, 1])) == pytest.approx(math.log(2) / 4)
    assert CrossEntropy(focal=2.0).guess(torch.tensor([0, 2])) == pytest.approx(math.log(2) / 4, abs=1e-6)


def test_a_model_that_gives_the_best_constant_answer_under_focal_is_told_to_be_stuck() -> None:
    ids = torch.tensor([0] * 90 + [1] * 10)
    loss = CrossEntropy(focal=2.0)
    p = 0.7
    stuck = loss.total(torch.tensor([math.log(p), math.log(1 - p)]).expand(100, -1), ids) / 100
    assert float(stuck) >= STUCK * loss.guess(ids)


# ---------------------------------------------------------------- several labels and numbers


def marks_of(count: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(count)
    return torch.randn(count, 3) * 3, (torch.rand(count, 3) > 0.6).float()


def test_the_loss_of_several_labels_is_the_mean_over_labels_that_transformers_has() -> None:
    torch.manual_seed(0)
    logits, marks = torch.randn(5, 3), (torch.rand(5, 3) > 0.5).float()
    loss = loss_of("several", weights=None, focal=0.0, smoothing=0.0)
    theirs = torch.nn.BCEWithLogitsLoss()(logits, marks)
    assert torch.allclose(loss.rows(logits, marks).mean(), theirs)
    assert torch.allclose(loss.total(logits, marks) / 5, theirs)


@pytest.mark.parametrize("count", [1, 5, 16])
def test_the_plain_loss_of_several_labels_has_the_bits_of_binary_cross_entropy(count: int) -> None:
    logits, given = marks_of(count)
    theirs = F.binary_cross_entropy_with_logits(logits, given, reduction="none")
    assert torch.equal(SeveralEntropies().rows(logits, given), theirs.mean(1))


def test_a_weight_of_a_label_is_the_pos_weight_of_torch() -> None:
    logits, given = marks_of(16)
    weight = torch.tensor(WEIGHTS)
    theirs = F.binary_cross_entropy_with_logits(logits, given, pos_weight=weight)
    loss = loss_of("several", weights=WEIGHTS, focal=0.0, smoothing=0.0)
    expected = F.binary_cross_entropy_with_logits(logits, given, reduction="none", pos_weight=weight).mean(1)
    assert torch.equal(loss.rows(logits, given), expected)
    assert float(loss.total(logits, given)) / 16 == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_of_several_labels_is_the_formula_of_its_paper(gamma: float) -> None:
    logits, given = marks_of(16)
    found = SeveralEntropies(WEIGHTS, focal=gamma).rows(logits, given)
    expected = []
    for row, answers in zip(logits.tolist(), given.tolist(), strict=True):
        each = []
        for logit, yes, weight in zip(row, answers, WEIGHTS, strict=True):
            p = 1 / (1 + math.exp(-logit if yes else logit))
            each.append(-(weight if yes else 1) * (1 - p) ** gamma * math.log(p))
        expected.append(sum(each) / 3)
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_slope_of_focal_of_several_labels_is_that_of_its_values(gamma: float) -> None:
    logits, given = marks_of(4)
    loss = SeveralEntropies(WEIGHTS, focal=gamma)
    doubles = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda leaf: loss.total(leaf, given.double()), doubles)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sure", [-200.0, -20.0, 20.0, 200.0])
def test_focal_of_an_answer_that_is_surely_right_or_wrong_is_finite(gamma: float, sure: float) -> None:
    loss, logits = SeveralEntropies(focal=gamma), torch.tensor([[sure, -sure]])
    found = loss.total(logits, torch.tensor([[1.0, 0.0]]))
    assert torch.isfinite(slope(loss, logits, torch.tensor([[1.0, 0.0]]))).all()
    assert float(found) == pytest.approx(max(0.0, -sure), rel=1e-6, abs=1e-6)


@given(st.integers(2, 12), st.sampled_from([None, WEIGHTS]), st.sampled_from([0.0, 0.5, 2.0]), st.data())
def test_the_parts_of_a_step_of_several_labels_add_up(
    count: int, weights: tuple[float, ...] | None, focal: float, data: st.DataObject
) -> None:
    loss, (logits, given) = SeveralEntropies(weights, focal), marks_of(count)
    cut = data.draw(st.integers(1, count - 1))
    parts = [(logits[:cut], given[:cut]), (logits[cut:], given[cut:])]
    assert sum(float(loss.total(*part)) for part in parts) == pytest.approx(float(loss.total(logits, given)), rel=1e-5)
    assert torch.allclose(torch.cat([slope(loss, *part) for part in parts]), slope(loss, logits, given))


@given(
    st.sampled_from([None, WEIGHTS]),
    st.sampled_from([0.0, 0.5, 2.0, 10.0]),
    st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    st.integers(0, 50),
)
def test_no_constant_answer_of_several_labels_is_better_than_the_guess(
    weights: tuple[float, ...] | None, focal: float, other: list[float], seed: int
) -> None:
    torch.manual_seed(seed)
    loss = SeveralEntropies(weights, focal)
    given = (torch.rand(40, 3) < torch.rand(3) ** 3).double()
    rival = float(loss.total(torch.tensor(other, dtype=torch.float64).expand(40, -1), given)) / 40
    assert loss.guess(given) <= rival + 1e-12


def test_the_guess_of_weighted_labels_is_that_of_their_weighted_shares() -> None:
    given = torch.tensor([[1.0, 0.0]] + [[0.0, 0.0]] * 3)
    # A yes that counts 3 beside 3 that say no: a half, whose loss is ln 2 of each of the 6 that count.
    assert SeveralEntropies((3.0, 1.0)).guess(given) == pytest.approx(6 / 4 * math.log(2) / 2)
    assert SeveralEntropies((3.0, 1.0)).best(given.double().mean(0)).tolist() == [0.0, -40.0]
    # Focal of a label that half of the rows have: of gamma 2 a quarter of the plain loss.
    assert SeveralEntropies(focal=2.0).guess(torch.tensor([[1.0], [0.0]])) == pytest.approx(math.log(2) / 4)


def test_the_loss_of_numbers_is_the_squared_error_that_transformers_has() -> None:
    torch.manual_seed(0)
    logits, numbers = torch.randn(5, 1), torch.randn(5)
    loss = loss_of("value", weights=None, focal=0.0, smoothing=0.0)
    theirs = torch.nn.MSELoss()(logits.squeeze(), numbers)
    assert torch.allclose(loss.rows(logits, numbers).mean(), theirs)
    assert torch.allclose(loss.total(logits, numbers) / 5, theirs)


def test_the_guesses_are_the_best_constant_answers() -> None:
    marks = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    # A label of 3 rows in 4 and one of 1 in 4 have the same entropy, and that of a label that nobody has is 0.
    guess = 2 * (-0.75 * math.log(0.75) - 0.25 * math.log(0.25)) / 3
    assert loss_of("several", weights=None, focal=0.0, smoothing=0.0).guess(marks) == pytest.approx(guess)
    numbers = torch.tensor([1.0, 3.0, 1.0, 3.0])
    assert loss_of("value", weights=None, focal=0.0, smoothing=0.0).guess(numbers) == pytest.approx(1.0)


def shares_of(count: int) -> Tensor:
    torch.manual_seed(count + 100)
    return torch.softmax(torch.randn(count, 3, dtype=torch.float64) * 2, dim=1)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_of_shares_loss_and_gradient_are_those_of_cross_entropy_with_probabilities(
    weights: tuple[float, ...] | None,
) -> None:
    logits, _ = rows()
    shares = shares_of(len(logits)).float()
    weight = None if weights is None else torch.tensor(weights)
    loss, leaf = CrossEntropy(weights), logits.clone().requires_grad_()
    expected = F.cross_entropy(leaf, shares, weight, reduction="none")
    assert torch.equal(loss.rows(logits, shares), expected)
    (theirs,) = torch.autograd.grad(F.cross_entropy(leaf, shares, weight, reduction="sum"), leaf)
    assert torch.equal(slope(loss, logits, shares), theirs)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_shares_of_one_or_nothing_are_class_ids(weights: tuple[float, ...] | None) -> None:
    logits, targets = rows()
    hard = F.one_hot(targets, 3).double()
    loss = CrossEntropy(weights)
    assert torch.allclose(loss.rows(logits.double(), hard), loss.rows(logits.double(), targets))
    assert loss.guess(hard) == pytest.approx(loss.guess(targets))


def test_the_best_same_answer_to_shares_has_the_entropy_of_their_mean() -> None:
    shares = shares_of(50)
    mean = shares.mean(0)
    assert CrossEntropy().guess(shares) == pytest.approx(float(-(mean * mean.log()).sum()))
    assert CrossEntropy().guess(torch.tensor([[1.0, 0.0]]).double()) == pytest.approx(0.0)
    best = min(
        float(CrossEntropy(WEIGHTS).total(torch.tensor(at).log().double().expand(50, -1), shares)) / 50
        for at in ([0.2, 0.2, 0.6], [0.1, 0.3, 0.6], [0.1, 0.2, 0.7], [0.05, 0.25, 0.7])
    )
    assert CrossEntropy(WEIGHTS).guess(shares) <= best


def test_shares_of_several_labels_are_those_of_binary_cross_entropy() -> None:
    logits, _ = rows()
    shares = torch.sigmoid(torch.randn(len(logits), 3))
    expected = F.binary_cross_entropy_with_logits(logits, shares, reduction="none").mean(1)
    assert torch.equal(SeveralEntropies().rows(logits, shares), expected)
    mean = shares.double().mean(0)
    entropy = -(mean * mean.log() + (1 - mean) * (1 - mean).log()).mean()
    assert SeveralEntropies().guess(shares) == pytest.approx(float(entropy))
