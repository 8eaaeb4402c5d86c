"""What is said of a teacher whose answers a model learns, in English and in Korean.

Sentences without their full stop, as in `data`.
"""

from __future__ import annotations

from collections.abc import Mapping

TEACHING: Mapping[str, tuple[str, str]] = {
    "the model of the teacher": ("the model of the teacher {teacher}", "교사 모델 {teacher}에서 시작"),
    "left out for a teacher": (
        "{names} of the recipe: left out, for the model learns what a teacher answers",
        "레시피의 {names}: 교사의 답을 학습하므로 쓰지 않습니다",
    ),
    "taught": (
        "{teacher} teaches: its answers count half beside {rows:,} {rows:label|labels}{further}; it answers them all "
        "before the training",
        "교사 모델 {teacher}의 답을 학습합니다: 라벨 있는 {rows:,}행은 라벨과 답을 반씩{further}. 교사는 학습 전에 "
        "모두 답해 둡니다",
    ),
    "texts beside labels": (
        ", and alone for {count:,} {count:text|texts} without {count:label|labels}",
        ", 라벨 없는 텍스트 {count:,}개는 답만",
    ),
    "learnt by the teacher": (
        "{teacher} has learnt from {count:,} of the {total:,} {side} rows, as their numbers say: the scores of its "
        "student on them will be too high. The split of the teacher's job is had with its --seed, --test and "
        "--validation",
        "{side} 데이터 {total:,}행 중 {count:,}행은 행 번호로 보아 교사 모델 {teacher}의 학습에 쓰였습니다. 이 "
        "행들에서 잰 점수는 실제보다 높습니다. 교사와 같은 --seed, --test, --validation을 주면 같은 분할을 씁니다",
    ),
    "no smaller than the teacher": (
        "the model is as large as its teacher: --layers N keeps the first N of its {layers} layers",
        "교사와 크기가 같은 모델입니다. --layers N을 주면 {layers}개 층 중 처음 N개만 씁니다",
    ),
    "texts not learnt": (
        "{left:,} of {total:,} {total:text|texts} in {name} {left:is|are} left out: {empty:,} empty, {copies:,} that "
        "stand there already, {known:,} of train, {validation:,} of validation, {test:,} of test",
        "{name}의 텍스트 {total:,}개 중 {left:,}개는 뺍니다: 빈 텍스트 {empty:,}개, 중복 {copies:,}개, 학습 데이터와 "
        "같은 것 {known:,}개, 검증 데이터와 같은 것 {validation:,}개, 테스트 데이터와 같은 것 {test:,}개",
    ),
    "texts to answer": ("{count:,} {count:text|texts}, by {teacher}", "텍스트 {count:,}개, {teacher}"),
    "answered before": (
        "{done:,} of {total:,} texts were answered before",
        "텍스트 {total:,}개 중 {done:,}개에는 이미 답했습니다",
    ),
}  # fmt: skip
