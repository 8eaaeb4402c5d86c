"""What is said of what stands beside a fine-tuning, in English and in Korean: learning curves and trackers.

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
    "untracked": (
        "--track {track}: {fault}; the job goes on without it",
        "--track {track}: {fault}. 기록 없이 작업을 계속합니다",
    ),
}
