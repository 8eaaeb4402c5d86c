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
    "NB-SVM taken": (
        "of the linear models NB-SVM is better on validation: {metric} {other:.4f}, logistic regression {first:.4f}",
        "선형 모델 중에서는 검증 데이터에서 NB-SVM이 더 낫습니다({metric} {other:.4f}, 로지스틱 회귀 {first:.4f})",
    ),
    "learnt again": (
        "the linear model has learnt once more, from the {train:,} training and the {validation:,} validation rows "
        "together; the scores on validation are those of the model before",
        "학습 {train:,}행과 검증 {validation:,}행을 합쳐 선형 모델을 한 번 더 학습했습니다. 검증 점수는 그 전 모델의 "
        "것입니다",
    ),
    "all rows for the linear model": (
        "the linear model has learnt from all rows",
        "선형 모델은 모든 행으로 학습함",
    ),
    "all rows answered": (
        "the linear model has answered all rows",
        "선형 모델은 모든 행에 답함",
    ),
    "better on validation": (
        "auto: better on validation, {metric} {linear:.4f} against {fine_tuned:.4f} of {model}",
        "자동: 검증 데이터에서 더 나음({metric} {linear:.4f}, {model} {fine_tuned:.4f})",
    ),
    "no export": ("there is no export/ in it", "export/ 폴더가 없습니다"),
    "export of another model": (
        "its export/ was made of another model, before the run was trained anew",
        "export/ 폴더가 다시 학습하기 전의 모델로 만든 것입니다",
    ),
    "no onnxruntime": (
        "onnxruntime is not installed, which the model in export/ needs",
        "export/ 폴더의 모델에 필요한 onnxruntime이 설치되어 있지 않습니다",
    ),
    "as exported": ("the default of {folder}", "{folder}의 기본 엔진"),
    "exporting": ("writing the model as ONNX", "모델을 ONNX로 변환합니다"),
    "comparing": ("comparing {names}", "{names} 결과를 비교합니다"),
    "no run around": (
        "a model/ folder without its run: there are no rows to compare engines on",
        "실행 폴더 없이 model/ 폴더만 있어 엔진을 비교할 행이 없습니다",
    ),
    "data not named": (
        "the run does not tell where its data are: engines are not compared on rows; give DATA after RUN",
        "실행에 데이터 위치가 없어 행으로 엔진을 비교하지 않습니다. RUN 뒤에 DATA를 주세요",
    ),
    "data not read again": (
        "{data} cannot be read as in the training, so that engines are not compared on rows: {fault}",
        "{data}을(를) 학습할 때처럼 읽을 수 없어 행으로 엔진을 비교하지 않습니다: {fault}",
    ),
    "data changed": (
        "{data} is not what it was in the training: engines are not compared on rows",
        "{data} 내용이 학습할 때와 달라 행으로 엔진을 비교하지 않습니다",
    ),
    "some rows compared": (
        "{side}: engines are compared on {count:,} of {total:,} rows, drawn by label",
        "{side:word}: 엔진은 {total:,}행 중 라벨별로 뽑은 {count:,}행으로 비교합니다",
    ),
    "int8 not made": ("int8 was not asked for", "int8을 만들지 않았습니다"),
    "int8 not judged": (
        "there are no validation rows to judge int8 by",
        "int8을 판단할 검증 행이 없습니다",
    ),
    "int8 loses": (
        "int8 loses {loss:.2f} points of {metric} on {rows:,} validation rows, more than {most:g}",
        "검증 {rows:,}행에서 int8의 {metric} 값이 {loss:.2f}%p 낮아 허용 한도 {most:g}%p를 넘습니다",
    ),
    "int8 keeps": (
        "int8 loses {loss:.2f} points of {metric} on {rows:,} validation rows, at most {most:g}",
        "검증 {rows:,}행에서 int8의 {metric} 손실이 {loss:.2f}%p로 허용 한도 {most:g}%p 이내입니다",
    ),
    "linear as it is": (
        "a linear model needs no torch: its folder is copied as it is",
        "선형 모델은 torch 없이도 동작하므로 폴더를 그대로 복사했습니다",
    ),
    "untracked": (
        "--track {track}: {fault}; the job goes on without it",
        "--track {track}: {fault}. 기록 없이 작업을 계속합니다",
    ),
    "by a trial": ("by a trial", "탐색 시도에서 정함"),
    "by the best trial": ("by trial {number}, the best of a search", "탐색에서 가장 좋았던 시도 {number}번의 값"),
    "best trial": (
        "trial {number} is the best of {trials} on validation; a run is trained with its settings, and the test side "
        "is scored",
        "시도 {trials}번 가운데 {number}번의 검증 점수가 가장 높습니다. 이 설정으로 학습하고 테스트 데이터를 "
        "평가합니다",
    ),
    "trial out of time": (
        "trial {number} is left at step {step} of {steps}, for the rest of the budget belongs to the last training; a "
        "longer --budget goes on with it",
        "남은 시간은 마지막 학습에 써야 하므로 시도 {number}번을 {steps}스텝 중 {step}스텝에서 멈췄습니다. "
        "--budget을 늘리면 이어서 학습합니다",
    ),
    "test scored before": (
        "the test side has been scored before, with the settings of trial {others}: the more often one looks at it, "
        "the less its score is worth",
        "테스트 데이터를 이미 시도 {others}번의 설정으로 평가했습니다. 여러 번 볼수록 테스트 점수를 믿기 어려워집니다",
    ),
}
