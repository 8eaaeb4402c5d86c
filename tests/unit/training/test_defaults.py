"""Rates that suit a model and epochs that suit its rows, where nobody chose them."""

from __future__ import annotations

from typing import Any

import pytest

from whet.sentences.bilingual import in_korean
from whet.settings import config
from whet.training.defaults import FEWEST, OF_FAMILIES, epochs_of, rates_of, suited

LONG = 500.0  # characters of a text


def model(family: str, width: int) -> dict[str, object]:
    return {"model_type": family, "hidden_size": width}


def rates(family: str, width: int) -> tuple[float, float, float] | None:
    found = rates_of(model(family, width))
    return None if found is None else (found.learning_rate, found.llrd, found.warmup)


@pytest.mark.parametrize(
    ("family", "width", "expected"),
    [
        ("bert", 384, (2e-4, 0.8, 0.06)),
        ("bert", 512, (2e-4, 0.8, 0.06)),
        ("bert", 768, (3e-5, 1.0, 0.1)),
        ("bert", 1024, (2e-5, 1.0, 0.1)),
        ("xlm-roberta", 384, (2e-4, 0.8, 0.06)),
        ("roberta", 768, (2e-5, 1.0, 0.06)),
        ("electra", 256, (1.5e-4, 0.8, 0.1)),
        ("electra", 768, (1e-4, 0.8, 0.1)),
        ("electra", 1024, (5e-5, 0.9, 0.1)),
        ("deberta-v2", 384, (2e-5, 1.0, 0.06)),
        ("deberta-v2", 1536, (1e-5, 1.0, 0.06)),
        ("albert", 768, None),
    ],
)
def test_rates_are_those_of_family_and_width(
    family: str, width: int, expected: tuple[float, float, float] | None
) -> None:
    assert rates(family, width) == expected


def test_a_model_that_does_not_say_how_wide_it_is_gets_no_rates() -> None:
    assert rates_of({"model_type": "bert"}) is None


@pytest.mark.parametrize("family", OF_FAMILIES)
def test_wider_models_learn_more_slowly(family: str) -> None:
    found = [each.learning_rate for each in OF_FAMILIES[family]]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("rows", "epochs"), [(100, 3.0), (10_000, 3.0), (10_001, 2.0), (200_000, 2.0), (200_001, FEWEST)]
)
def test_more_rows_are_passed_over_less_often(rows: int, epochs: float) -> None:
    assert epochs_of(rows) == epochs


def test_what_was_taken_is_said_with_its_source() -> None:
    resolved, told = suited(config.resolve({}), model("bert", 384), 2_000, LONG)
    settings, reasons = resolved.settings, resolved.reasons
    assert (settings.learning_rate, settings.llrd, settings.warmup, settings.epochs) == (2e-4, 0.8, 0.06, 3.0)
    assert reasons["llrd"] == reasons["warmup"] == "what suits such a model (docs/log.md)"
    assert reasons["epochs"] == "for 2,000 training rows"
    assert told == (
        "learning rate 0.0002, 0.8 times that of the layer above in each layer, warm-up 0.06: what suits such a model "
        "(docs/log.md); --recipe reference has plain ones"
    )
    assert in_korean(told).startswith("학습률 0.0002, 층마다 바로 위층의 0.8배, 웜업 0.06")


@pytest.mark.parametrize("given", [{"learning_rate": 5e-5}, {"llrd": 0.9}, {"warmup": 0.0}, {"recipe": "reference"}])
def test_where_somebody_chose_a_rate_all_others_are_plain(given: dict[str, Any]) -> None:
    before = config.resolve(given)
    resolved, told = suited(before, model("bert", 384), 2_000, LONG)
    names = ("learning_rate", "llrd", "warmup")
    assert [getattr(resolved.settings, name) for name in names] == [getattr(before.settings, name) for name in names]
    assert told == ""


@pytest.mark.parametrize("given", [{"epochs": 2.0}, {"recipe": "reference"}])
def test_epochs_that_somebody_chose_are_the_epochs(given: dict[str, Any]) -> None:
    assert suited(config.resolve(given), model("bert", 384), 300_000, LONG)[0].settings.epochs == 2.0


def test_an_unknown_family_trains_at_the_plain_rates_for_as_long_as_its_rows_ask_for() -> None:
    resolved, told = suited(config.resolve({}), model("albert", 768), 300_000, LONG)
    assert (resolved.settings.learning_rate, resolved.reasons["learning_rate"]) == (5e-5, "default")
    assert (resolved.settings.epochs, told) == (1.0, "")


def test_lora_has_a_rate_of_its_own_whatever_the_model_and_says_so() -> None:
    resolved, told = suited(config.resolve({"lora": 8}), model("bert", 384), 2_000, LONG)
    settings, reasons = resolved.settings, resolved.reasons
    assert (settings.learning_rate, reasons["learning_rate"]) == (5e-4, "that of LoRA")
    assert (settings.llrd, settings.warmup, settings.epochs) == (1.0, 0.06, 3.0)
    assert told == (
        "learning_rate 0.0005: small matrices that begin at zero want ten times the 5e-05 of a whole training; "
        "--learning-rate decides otherwise"
    )
    assert in_korean(told) == (
        "learning_rate 0.0005: 0에서 시작하는 작은 행렬에는 전체 학습의 기본값 5e-05의 10배가 알맞습니다. "
        "바꾸려면 --learning-rate"
    )


def test_a_rate_that_somebody_chose_for_lora_stays() -> None:
    resolved, told = suited(config.resolve({"lora": 8, "learning_rate": 5e-5}), model("bert", 384), 2_000, LONG)
    assert (resolved.settings.learning_rate, told) == (5e-5, "")


def test_a_head_that_is_trained_alone_has_that_rate_too() -> None:
    resolved, told = suited(config.resolve({"freeze": "encoder"}), model("bert", 384), 2_000, LONG)
    assert (resolved.settings.learning_rate, resolved.reasons["learning_rate"]) == (5e-4, "that of a head alone")
    assert told == (
        "learning_rate 0.0005: a head that is trained alone hardly moves at the 5e-05 of a whole training; "
        "--learning-rate decides otherwise"
    )
    assert suited(config.resolve({"freeze": "4"}), model("bert", 384), 2_000, LONG)[0].settings.learning_rate == 2e-4


@pytest.mark.parametrize(
    ("rows", "characters", "given", "expected"),
    [
        (10_001, 200.0, {}, (32, 2.8e-4, None, None)),
        (200_001, 200.0, {}, (64, 4e-4, 0.0, "embeddings")),
        (10_001, 200.0, {"epochs": 1.9}, (64, 4e-4, 0.0, "embeddings")),
        (10_000, 200.0, {"epochs": 1.9}, (16, 2e-4, None, None)),
        (10_001, 201.0, {"epochs": 1.9}, (16, 2e-4, None, None)),
        (10_001, 200.0, {"epochs": 1.9, "batch_size": 16}, (16, 2e-4, None, None)),
        (10_001, 200.0, {"epochs": 1.9, "learning_rate": 1e-4}, (16, 1e-4, None, None)),
        (10_001, 200.0, {"epochs": 1.9, "recipe": "reference"}, (16, 5e-5, None, None)),
        (10_001, 200.0, {"epochs": 1.9, "lora": 8}, (16, 5e-4, None, None)),
        (10_001, 200.0, {"epochs": 1.9, "dropout": 0.2}, (64, 4e-4, 0.2, "embeddings")),
        (10_001, 200.0, {"epochs": 1.9, "freeze": "2"}, (64, 4e-4, 0.0, "2")),
        (2_000, 200.0, {"dropout": 0.2}, (16, 2e-4, 0.2, None)),
    ],
)
def test_many_short_texts_are_learnt_in_larger_steps_and_in_few_passes_otherwise_too(
    rows: int, characters: float, given: dict[str, Any], expected: tuple[int, float, float | None, str | None]
) -> None:
    resolved, told = suited(config.resolve(given), model("bert", 384), rows, characters)
    settings, (batch, rate, dropout, frozen) = resolved.settings, expected
    assert (settings.batch_size, settings.learning_rate) == (batch, pytest.approx(rate))
    assert (settings.dropout, settings.freeze) == (dropout, frozen)
    for name in ("dropout", "freeze"):
        few = "for less than two passes over many short texts (docs/log.md)"
        assert (resolved.reasons[name] == few) == (batch == 64 and name not in given)
    assert told.endswith(": what suits less than two passes over many short texts") == (batch == 64)


def test_what_suits_few_passes_is_said() -> None:
    _, told = suited(config.resolve({}), model("bert", 384), 200_001, 60.0)
    assert told.startswith("64 rows a step, learning rate 0.0004, 0.8 times that of the layer above in each layer")
    values = ". freeze embeddings, batch_size 64, learning_rate 0.0004, dropout 0: "
    assert told.endswith(values + "what suits less than two passes over many short texts")
    assert in_korean(told).endswith(values + "짧은 텍스트가 많고 반복 횟수가 두 번 미만일 때 알맞은 값")


def test_larger_steps_are_said_and_only_small_encoders_take_them() -> None:
    resolved, told = suited(config.resolve({}), model("bert", 384), 20_000, 60.0)
    assert resolved.reasons["batch_size"] == resolved.reasons["learning_rate"] == "for many short texts (docs/log.md)"
    assert told.startswith("32 rows a step, learning rate 0.00028, 0.8 times that of the layer above in each layer")
    assert in_korean(told).startswith("배치 크기 32, 학습률 0.00028, 층마다 바로 위층의 0.8배")
    assert suited(config.resolve({}), model("bert", 768), 20_000, 60.0)[0].settings.batch_size == 16
    assert suited(config.resolve({}), model("electra", 256), 20_000, 60.0)[0].settings.batch_size == 16
