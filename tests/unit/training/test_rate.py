"""The learning rate that LoRA has where nobody chose one."""

from __future__ import annotations

from whet.bilingual import in_korean
from whet.config import resolve
from whet.training.rate import fitting_rate


def test_lora_has_a_rate_of_its_own_and_says_so() -> None:
    resolved, told = fitting_rate(resolve({"lora": 8}))
    assert (resolved.settings.learning_rate, resolved.reasons["learning_rate"]) == (5e-4, "that of LoRA")
    assert told == (
        "learning_rate 0.0005: small matrices that begin at zero want ten times the 5e-05 of a whole training; "
        "--learning-rate decides otherwise"
    )
    assert in_korean(told) == (
        "learning_rate 0.0005: 0에서 시작하는 작은 행렬에는 전체 학습의 기본값 5e-05의 10배가 알맞습니다. "
        "바꾸려면 --learning-rate"
    )


def test_a_head_that_is_trained_alone_has_that_rate_too() -> None:
    resolved, told = fitting_rate(resolve({"freeze": "encoder"}))
    assert (resolved.settings.learning_rate, resolved.reasons["learning_rate"]) == (5e-4, "that of a head alone")
    assert told == (
        "learning_rate 0.0005: a head that is trained alone hardly moves at the 5e-05 of a whole training; "
        "--learning-rate decides otherwise"
    )


def test_a_rate_that_somebody_chose_stays_and_so_does_that_of_a_whole_training() -> None:
    for given in ({"lora": 8, "learning_rate": 5e-5}, {}, {"freeze": "4"}):
        resolved = resolve(given)
        assert fitting_rate(resolved) == (resolved, "")
