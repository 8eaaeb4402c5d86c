"""What is said of an encoder that learns the language of texts, in English and in Korean.

Sentences without their full stop, as in `data`.
"""

from __future__ import annotations

from collections.abc import Mapping

ADAPTING: Mapping[str, tuple[str, str]] = {
    "for adapting": ("the default of adapt", "adapt의 기본값"),
    "texts to learn from": (
        "{train:,} {train:text|texts} to learn from, {held_out:,} held out to measure by, of {total:,}",
        "전체 텍스트 {total:,}개 중 {train:,}개로 학습하고 {held_out:,}개는 측정용으로 남겨 둡니다",
    ),
    "texts left": (
        "{left:,} of {total:,} texts {left:is|are} empty or stand there already, and {left:is|are} left out",
        "텍스트 {total:,}개 중 비어 있거나 중복된 {left:,}개는 뺍니다",
    ),
    "test texts left": (
        "{name} is a test side and is left out, so that a later score on it stays honest",
        "{name}: 테스트 데이터라서 뺍니다. 나중에 이 데이터로 잰 점수가 부풀려지지 않게 하기 위해서입니다",
    ),
    "few windows": (
        "few texts: {epochs:g} epochs over {windows:,} windows, for {steps} steps or more; --epochs decides otherwise",
        "텍스트가 적어 {steps}스텝 이상이 되도록 {windows:,}개 구간을 {epochs:g}에포크 학습합니다. 바꾸려면 --epochs",
    ),
    "epochs in time": (
        "budget {budget}: {epochs:g} epochs instead of {before:g}, which take about {seconds:told}",
        "시간 예산 {budget}: {before:g}에포크 대신 {epochs:g}에포크, 약 {seconds:told}",
    ),
    "all in time": (
        "budget {budget}: the whole job fits, in about {seconds:told}",
        "시간 예산 {budget}: 작업 전체가 들어갑니다. 약 {seconds:told}",
    ),
    "masked head made": (
        "{model} brings no head that tells hidden tokens: a new one is made, which the training has to teach first",
        "{model}에는 가린 토큰을 맞히는 헤드가 없어 새로 만듭니다. 학습은 이 헤드를 익히는 데서 시작합니다",
    ),
}

WORDS: Mapping[str, str] = {"held-out texts": "측정용 텍스트"}
