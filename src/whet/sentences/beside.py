"""What is said of what stands beside a fine-tuning, in English and in Korean: learning curves, trackers
and linear models.

Sentences without their full stop, as in `data`.
"""

from __future__ import annotations

from collections.abc import Mapping

BESIDE: Mapping[str, tuple[str, str]] = {
    "part of rows": ("{share:g} % of the training rows", "학습 행의 {share:g}%"),
    "of a curve": ("learning curve, {part}: {message}", "학습 곡선, {part}: {message}"),
    "part learnt": ("{share:g} % of the training rows, {rows:,}", "학습 행의 {share:g}%, {rows:,}행"),
    "no part": ("no learning curve at {part}: {fault}", "학습 곡선의 {part} 지점을 구하지 못했습니다: {fault}"),
    "no time for a part": (
        "no learning curve at {part}: the budget leaves no time for it",
        "시간 예산이 모자라 학습 곡선의 {part} 지점은 건너뜁니다",
    ),
    "part not kept": (
        "{path}: {fault}; a job that is stopped trains this part again",
        "{path}: {fault}. 작업이 중단되면 이 지점은 다시 학습합니다",
    ),
    "look at the data": ("Look at the data with whet check", "whet check로 데이터를 확인하세요"),
    "linear on the CPU": ("a linear model is fitted there", "선형 모델은 CPU에서 학습합니다"),
    "linear in fp64": ("of no matter: it is in fp64", "선형 모델은 fp64로 계산하므로 상관없음"),
    "left out for a linear model": (
        "{names} of the recipe: left out, for a linear model knows no such thing",
        "레시피의 {names}: 선형 모델에는 없는 설정이라 쓰지 않습니다",
    ),
    "network handed out": (
        "auto: on validation the linear model has {metric} {linear:.4f}, {model} {fine_tuned:.4f}; the latter is "
        "handed out",
        "자동: 검증 데이터의 {metric} 값이 선형 모델 {linear:.4f}, {model} {fine_tuned:.4f}이므로 파인튜닝한 "
        "모델을 씁니다",
    ),
    "linear handed out": (
        "auto: on validation the linear model has {metric} {linear:.4f}, {model} {fine_tuned:.4f}; the linear model is "
        "handed out",
        "자동: 검증 데이터의 {metric} 값이 선형 모델 {linear:.4f}, {model} {fine_tuned:.4f}이므로 선형 모델을 씁니다",
    ),
    "better on validation": (
        "auto: better on validation, {metric} {linear:.4f} against {fine_tuned:.4f} of {model}",
        "자동: 검증 데이터에서 더 나음({metric} {linear:.4f}, {model} {fine_tuned:.4f})",
    ),
    "untracked": (
        "--track {track}: {fault}; the job goes on without it",
        "--track {track}: {fault}. 기록 없이 작업을 계속합니다",
    ),
}
