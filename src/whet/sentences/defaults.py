"""What is said of settings that nobody chose."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULTS: Mapping[str, tuple[str, str]] = {
    "steps for few rows": ("few rows: {steps} steps or more", "행이 적음: {steps}스텝 이상"),
    "rates of a model": ("what suits such a model ({source})", "이런 모델에 맞는 값({source})"),
    "epochs of so many rows": ("for {rows:,} training rows", "학습 행 {rows:,}개에 맞춤"),
    "suited": (
        "learning rate {rate:g}, {llrd:g} times that of the layer above in each layer, warm-up {warmup:g}: {reason}; "
        "--recipe reference has plain ones",
        "학습률 {rate:g}, 층마다 바로 위층의 {llrd:g}배, 웜업 {warmup:g}: {reason}. 기본 레시피는 --recipe reference",
    ),
    "many short texts": ("for many short texts ({source})", "짧은 텍스트가 많을 때의 값({source})"),
    "suited to many short texts": (
        "{batch} rows a step, learning rate {rate:g}, {llrd:g} times that of the layer above in each layer, warm-up "
        "{warmup:g}: {reason}, and many short texts; --recipe reference has plain ones",
        "배치 크기 {batch}, 학습률 {rate:g}, 층마다 바로 위층의 {llrd:g}배, 웜업 {warmup:g}: {reason}, 짧은 텍스트가 "
        "많음. 기본 레시피는 --recipe reference",
    ),
    "few passes": (
        "for less than two passes over many short texts ({source})",
        "많은 짧은 텍스트를 두 번 미만으로 반복할 때의 값({source})",
    ),
    "suited to few passes": (
        "{changes}: what suits less than two passes over many short texts",
        "{changes}: 짧은 텍스트가 많고 반복 횟수가 두 번 미만일 때 알맞은 값",
    ),
    "rate of lora": ("that of LoRA", "LoRA에 맞춤"),
    "rate of head": ("that of a head alone", "출력층만 학습할 때의 값"),
    "rate for head": (
        "learning_rate {rate:g}: a head that is trained alone hardly moves at the {default:g} of a whole training; "
        "--learning-rate decides otherwise",
        "learning_rate {rate:g}: 출력층만 학습할 때 전체 학습의 기본값 {default:g}로는 거의 배우지 못합니다. 바꾸려면 "
        "--learning-rate",
    ),
    "rate for lora": (
        "learning_rate {rate:g}: small matrices that begin at zero want ten times the {default:g} of a whole training; "
        "--learning-rate decides otherwise",
        "learning_rate {rate:g}: 0에서 시작하는 작은 행렬에는 전체 학습의 기본값 {default:g}의 10배가 알맞습니다. "
        "바꾸려면 --learning-rate",
    ),
    "one look for few rows": ("few rows: once, at the end", "행이 적음: 끝에 한 번"),
    "embedded has no words": (
        "The embedded English model does not have the words of these {texts}, so a linear model on TF-IDF is fitted in "
        "its place. --model takes the folder of one that has them, and --model embedded trains the English one all the "
        "same",
        "{texts:word}인데 내장 모델은 영어 모델이라 어휘에 단어가 없어 TF-IDF 선형 모델을 대신 학습합니다. 단어를 아는 "
        "모델이 있으면 --model에 폴더를 지정하고, 그래도 내장 모델을 쓰려면 --model embedded를 지정하세요",
    ),
    "rows judged by": (
        "validation: {kept:,} of {drawn:,} rows, which are enough to judge a linear model; it learns from the others",
        "검증: {drawn:,}행 중 {kept:,}행만 씁니다. 선형 모델을 평가하기에 충분하므로 나머지는 학습에 씁니다",
    ),
}
