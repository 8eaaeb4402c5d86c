"""What a report says, in English and Korean, and how it writes numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from whet import durations
from whet.report.search_words import SEARCH

Lang = Literal["en", "ko"]

TEXTS: dict[str, tuple[str, str]] = {
    # the head
    "about": ("Fine-tuning report", "파인튜닝 보고서"),
    "about linear": ("Training report", "학습 보고서"),
    "about evaluation": ("Evaluation report", "평가 보고서"),
    "title": ("{data} with {model}", "{data}, {model}"),
    "evaluation title": ("{data}, answered by {run}", "{run} 모델로 평가한 {data}"),
    "no verdict": ("{metric} {value} on {rows} {side} rows.", "{side} {rows}행의 {metric}: {value}."),
    "no scores": (
        "There were no test and no validation rows, so there is no score.",
        "테스트 행도 검증 행도 없어 점수가 없습니다.",
    ),
    "contents": ("Contents", "차례"),
    "interval of": ("95 % between {low} and {high}", "95% 신뢰구간 {low}~{high}"),
    "of side": ("on {rows} {side} rows", "{side} {rows}행 기준"),
    "best rival": ("Best baseline", "가장 나은 기준 모델"),
    "training time": ("Training", "학습 시간"),
    "on device": ("on {device}", "{device}에서"),
    "rows learnt": ("Training rows", "학습 행"),
    "made by": ("Made by whet {version} on {date}.", "whet {version} · {date} 작성"),
    "wide": ("scrolls sideways", "옆으로 스크롤"),
    # sections
    "scores": ("Scores", "점수"),
    "scores lead": (
        "The model beside the cheap answers to the same {rows} {side} rows.",
        "같은 {side} {rows}행에 대한 모델과 기준 모델의 점수입니다.",
    ),
    "scores lead alone": ("Of {rows} {side} rows.", "{side} {rows}행의 점수입니다."),
    "scores sampled": (
        "A sample of {rows} of {of} rows was scored, as the budget left no time for all of them.",
        "시간 예산 안에 {of}행을 모두 평가할 수 없어 표본 {rows}행만 평가했습니다.",
    ),
    "scores table": ("Scores of the model and the baselines", "모델과 기준 모델의 점수"),
    "scores figure": ("{metric}, with 95 % intervals", "{metric}, 95% 신뢰구간"),
    "scores figure plain": ("{metric}", "{metric}"),
    "positive": ("Precision, recall and F1 are those of {name}.", "정밀도, 재현율, F1은 '{name}' 라벨 기준입니다."),
    "lower": ("Lower is better for {names}.", "{names}: 낮을수록 좋습니다."),
    "difference": (
        "{metric} less that of {rival}: {difference} (95 % between {low} and {high}; paired bootstrap, p\u00a0{p}).",
        "{rival} 대비 {metric} 차이는 {difference}입니다(95% 신뢰구간 {low}~{high}, 쌍체 부트스트랩 p\u00a0{p}).",
    ),
    "mcnemar": ("McNemar's test: p\u00a0{p}.", "맥니마 검정: p\u00a0{p}."),
    "leaks": (
        "{count} test rows stand in train too. Without them, {metric} is {without}; with them it is {with_}.",
        "테스트 {count}행은 학습 데이터에도 있습니다. 이 행을 빼면 {metric} {without}, 포함하면 {with_}입니다.",
    ),
    "members": ("Models of the ensemble", "앙상블의 모델"),
    "members lead": (
        "{count} models that differ by their seed. All together answer, with the mean of their logits.",
        "시드만 다른 모델 {count}개입니다. 모든 모델의 로짓을 평균해 답합니다.",
    ),
    "members lead folds": (
        "{count} models (folds: {folds}, seeds: {seeds}). None has learnt from its fold. All together answer, with "
        "the mean of their logits.",
        "폴드 {folds}개, 시드 {seeds}개로 학습한 모델 {count}개이며, 각 모델은 자기 폴드를 학습하지 않았습니다. "
        "모든 모델의 로짓을 평균해 답합니다.",
    ),
    "members whole": (
        "All {rows} rows, each answered by models that have not seen it: {scores}.",
        "전체 {rows}행을 각각 그 행을 학습하지 않은 모델로 답한 점수: {scores}.",
    ),
    "members table": ("Scores of each model", "모델별 점수"),
    "members note": (
        "Beside the mean: the standard deviation over the models.", "평균 옆은 모델 사이의 표준편차입니다.",
    ),
    "mean": ("Mean", "평균"),
    "out of fold": ("out of fold", "폴드 밖"),
    "classes": ("Each label", "라벨별 점수"),
    "classes lead": (
        "Precision: how many of those it named were right. Recall: how many of those there were it found.",
        "정밀도는 모델이 그 라벨로 답한 것 중 맞은 비율, 재현율은 실제 그 라벨인 것 중 찾아낸 비율입니다.",
    ),
    "classes table": ("Precision, recall and F1 of each label", "라벨별 정밀도, 재현율, F1"),
    "classes cut": (
        "The {shown} labels with the lowest F1 of {count} are listed.",
        "라벨 {count}개 중 F1이 낮은 {shown}개를 표시했습니다.",
    ),
    "confusion": ("Confusion", "혼동 행렬"),
    "confusion lead": (
        "A row for each true label, a column for each predicted one. The tint is the share of the row.",
        "행은 실제 라벨, 열은 예측 라벨입니다. 색이 짙을수록 그 행에서 차지하는 비율이 높습니다.",
    ),
    "confusion table": ("Confusion matrix: rows true, columns predicted", "혼동 행렬: 행은 실제, 열은 예측"),
    "confused lead": (
        "The pairs that were confused most often, of {count} labels.",
        "라벨 {count}개 가운데 가장 자주 혼동한 쌍입니다.",
    ),
    "confused table": ("Most confused pairs", "가장 자주 혼동한 쌍"),
    "true": ("True", "실제"),
    "predicted": ("Predicted", "예측"),
    "true and predicted": ("true \\ predicted", "실제 \\ 예측"),
    "of true": ("Of the true label", "실제 라벨 중 비율"),
    "calibration": ("Confidence", "확신도"),
    "calibration lead": (
        "Whether the model is right as often as its probabilities say, and what it gains by not answering when unsure.",
        "모델이 말하는 확률만큼 실제로 맞는지, 확신이 낮을 때 답을 보류하면 얼마나 나아지는지 보여 줍니다.",
    ),
    "reliability": ("Right, by confidence", "확신도별 정답률"),
    "reliability label": (
        "Reliability diagram: share of right answers against confidence. {points}",
        "신뢰도 그림: 확신도에 따른 정답 비율. {points}",
    ),
    "confidence": ("Confidence", "확신도"),
    "coverage": ("Accuracy, by share answered", "답한 비율별 정확도"),
    "coverage across": ("Share of rows that are answered", "답한 행의 비율"),
    "coverage label": (
        "Accuracy against the share of rows that are answered. {points}",
        "답한 행의 비율에 따른 정확도. {points}",
    ),
    "perfect": ("perfectly calibrated", "완전히 보정된 경우"),
    "bins": ("bins; larger ones hold more rows", "구간(클수록 행이 많음)"),
    "calibration table": ("Expected calibration error (ECE)", "기대 보정 오차(ECE)"),
    "before": ("Before", "보정 전"),
    "after": ("After", "보정 후"),
    "temperature": (
        "Temperature {value}, fitted on the validation rows and part of the saved model.",
        "온도 {value}. 검증 행으로 정했으며 저장된 모델에 반영되어 있습니다.",
    ),
    "no temperature": (
        "No temperature was fitted: there are too few validation rows, or too few wrong answers among them.",
        "검증 행이나 그중 틀린 답이 너무 적어 온도를 정하지 않았습니다.",
    ),
    "having": ("Rows that have the label, by probability", "확률별 실제 라벨 비율"),
    "probability": ("Probability of a label", "라벨 확률"),
    "coverage table": ("What --min-confidence brings", "--min-confidence에 따른 결과"),
    "min confidence": ("Least confidence", "최소 확신도"),
    "answered": ("Answered", "답한 비율"),
    "values": ("Predicted and true", "예측값과 실제값"),
    "values lead": (
        "Each dot is a row; on the line it would be exactly right.",
        "점 하나가 한 행이며, 선 위에 있으면 정확히 맞힌 것입니다.",
    ),
    "cloud": ("Predicted, by true value", "실제값에 따른 예측값"),
    "cloud label": (
        "Predicted against true values of {rows} rows; Pearson's correlation {pearson}.",
        "{rows}행의 실제값과 예측값. 피어슨 상관계수 {pearson}.",
    ),
    "true value": ("True value", "실제값"),
    "residuals": ("Errors, number of rows", "오차별 행 수"),
    "residual across": ("Predicted less true value", "예측값 - 실제값"),
    "residuals label": (
        "Histogram of the errors: mean {mean}, standard deviation {deviation}.",
        "오차 히스토그램: 평균 {mean}, 표준편차 {deviation}.",
    ),
    "slices": ("Parts of the rows", "부분별 점수"),
    "slices lead": (
        "How the score differs between parts of the rows. By length: quarters, from short texts to long ones.",
        "행을 나누어 본 점수입니다. 길이는 짧은 글부터 긴 글까지 네 등분했습니다.",
    ),
    "lengths across": ("Letters", "글자 수"),
    "lengths figure": ("{score}, by length of text", "텍스트 길이별 {score}"),
    "lengths label": ("{score} by letters of the text. {points}", "글자 수에 따른 {score}. {points}"),
    "slices table": ("Scores of parts", "부분별 점수"),
    "part": ("Part", "부분"),
    "by truncated": ("Cut", "잘림"),
    "by leaked": ("In train too", "학습 데이터에도 있음"),
    "yes": ("yes", "예"),
    "no": ("no", "아니요"),
    "weaker": (
        "Bold: weaker than the other rows, by more than chance explains (Fisher's exact test).",
        "굵은 글씨: 나머지 행보다 우연으로 보기 어려울 만큼 낮은 점수(피셔의 정확 검정).",
    ),
    "learning curve": ("Would more labels help?", "라벨을 더 모으면 나아질까?"),
    "learning curve lead": (
        "Models that learnt from parts of the training rows, scored on {rows} validation rows, with 95 % intervals.",
        "학습 행의 일부로만 학습한 모델들을 검증 {rows}행으로 평가한 점수와 95% 신뢰구간입니다.",
    ),
    "learning curve label": ("{metric} by training rows. {points}", "학습 행 수에 따른 {metric}. {points}"),
    "measured": ("measured", "측정"),
    "forecast": ("forecast", "예측"),
    "mistakes": ("Mistakes", "틀린 답"),
    "mistakes lead": (
        "{shown} of {count} wrong answers, those that the model was surest of first.",
        "틀린 답 {count}개 중 {shown}개. 모델이 가장 확신한 것부터 보여 줍니다.",
    ),
    "mistakes lead values": (
        "The {shown} of {count} rows with the largest errors.",
        "{count}행 중 오차가 가장 큰 {shown}행입니다.",
    ),
    "mistakes table": ("Wrong answers, surest first", "틀린 답 (확신도 순)"),
    "mistakes table values": ("Largest errors", "가장 큰 오차"),
    "suspects": ("Likely label errors", "라벨 오류로 보이는 행"),
    "suspects lead": (
        "{shown} of {found} labels that are likely wrong, among {rows} rows. All are in relabel.csv, to be corrected.",
        "라벨이 틀린 것으로 보이는 {found}행({rows}행 중) 가운데 {shown}행입니다. 전체는 relabel.csv에 있습니다.",
    ),
    "suspects table": ("Labels that are likely wrong, likeliest first", "라벨 오류로 보이는 행 (가능성 순)"),
    "given": ("Given", "현재 라벨"),
    "suggested": ("Suggested", "제안"),
    "row id": ("Row id", "행 번호"),
    "marks": (
        "In {count} rows words are tinted by how much they speak for the predicted label (blue) or against it (brown).",
        "{count}행의 단어에 색을 넣었습니다. 파란색은 예측한 라벨을 뒷받침한 단어, 갈색은 반대한 단어입니다.",
    ),
    "marks values": (
        "In {count} rows words are tinted by how much they raise the number (blue) or lower it (brown).",
        "{count}행의 단어에 색을 넣었습니다. 파란색은 값을 높인 단어, 갈색은 낮춘 단어입니다.",
    ),
    "text": ("Text", "텍스트"),
    "place": ("Place", "위치"),
    "error": ("Error", "오차"),
    "filter": ("Filter by words, labels or place", "단어, 라벨, 위치로 거르기"),
    "filter found": ("{found} of {count} rows", "{count}행 중 {found}행"),
    "second text": ("second text", "둘째 텍스트"),
    "no label": ("no label", "라벨 없음"),
    "data": ("Data", "데이터"),
    "data lead": ("What it was trained and scored on.", "학습과 평가에 쓴 데이터입니다."),
    "text column": ("Text", "텍스트"),
    "pair column": ("Second text", "둘째 텍스트"),
    "label column": ("Label", "라벨"),
    "sides": ("Rows of each side", "나눈 데이터별 행 수"),
    "side": ("Side", "구분"),
    "rows": ("Rows", "행"),
    "from": ("From", "출처"),
    "label counts": ("Rows of each label, as the data came", "원래 데이터의 라벨별 행 수"),
    "label counts cut": (
        "The {shown} most frequent of {count} labels are listed.",
        "라벨 {count}개 중 가장 많은 {shown}개를 표시했습니다.",
    ),
    "course": ("Training", "학습 과정"),
    "course lead": (
        "{model} on {device}: {steps} steps, {epochs} epochs, learning rate {rate}, {tokens} tokens.",
        "{device}에서 {model}: {steps}스텝, {epochs}에포크, 학습률 {rate}, 토큰 {tokens}개.",
    ),
    "course lead linear": (
        "{model} on the CPU, fitted within {seconds}; its strength was chosen by cross-validation within the training "
        "rows where these are few.",
        "CPU에서 {seconds} 안에 {model}을(를) 학습했습니다. 학습 행이 적으면 규제 강도를 교차 검증으로 정합니다.",
    ),
    "taught": (
        "Learnt from {rows} labels, from what {teacher} answers to these rows, and to {further} texts without labels.",
        "라벨 {rows}개, 같은 행에 대한 {teacher}의 답, 그리고 라벨 없는 텍스트 {further}개에 대한 답을 학습했습니다.",
    ),
    "chosen linear": (
        "On validation the linear model on TF-IDF is better ({metric} {linear}, the fine-tuned one {other}), so it was "
        "scored and saved instead.",
        "검증에서 TF-IDF 선형 모델이 더 나아({metric} {linear}, 파인튜닝 {other}) 이 모델을 평가하고 저장했습니다.",
    ),
    "chosen other": (
        "On validation the fine-tuned model is no worse than the linear one on TF-IDF ({metric} {other}, the linear "
        "one {linear}).",
        "검증에서 파인튜닝한 모델이 TF-IDF 선형 모델보다 못하지 않습니다({metric} {other}, 선형 모델 {linear}).",
    ),
    "plan table": ("Plan and what it came to", "계획과 실제"),
    "planned": ("Planned", "계획"),
    "band": ("Small: the band in which nine of ten jobs end.", "작은 글씨: 10번 중 9번이 끝나는 범위."),
    "came": ("Came to", "실제"),
    "plan training": ("Training", "학습"),
    "plan evaluation": ("Evaluation", "평가"),
    "plan memory": ("Highest memory", "최대 메모리"),
    "loss": ("Loss", "손실"),
    "loss values": ("Training loss, on a standard scale", "학습 손실(표준화한 값 기준)"),
    "loss label": ("Loss by step. {points}", "스텝별 손실. {points}"),
    "loss train": ("training", "학습"),
    "loss validation": ("validation", "검증"),
    "rate": ("Learning rate", "학습률"),
    "rate label": ("Learning rate by step, at most {most}.", "스텝별 학습률. 최대 {most}."),
    "metric label": ("{metric} on validation by step. {points}", "스텝별 검증 {metric}. {points}"),
    "metric figure": ("{metric} on validation", "검증 {metric}"),
    "step": ("Step", "스텝"),
    "warnings": ("Warnings on the way", "도중에 나온 경고"),
    "warning": ("Warning", "경고"),
    "findings": ("Data findings", "데이터에서 발견한 점"),
    "findings lead": (
        "What a look at the data found. whet check tells how to mend it.",
        "데이터를 살펴보며 발견한 점입니다. 고치는 방법은 whet check에서 볼 수 있습니다.",
    ),
    "findings none": ("Nothing to mend was found.", "고칠 점이 발견되지 않았습니다."),
    "findings table": ("Findings", "발견한 점"),
    "finding": ("Finding", "내용"),
    "severity": ("Severity", "심각도"),
    "severity error": ("error", "오류"),
    "severity warning": ("warning", "경고"),
    "severity info": ("note", "참고"),
    "evaluation": ("Evaluation", "평가"),
    "evaluation lead": (
        "Which run was scored, on which data. Whether it was trained on some of these rows is not known.",
        "어떤 실행을 어떤 데이터로 평가했는지입니다. 이 중 학습에 쓰인 행이 있는지는 확인하지 않았습니다.",
    ),
    "evaluation time": ("Evaluation", "평가 시간"),
    "scored run": ("Run", "실행 폴더"),
    "read": ("How they were read", "읽은 방식"),
    "environment": ("Environment", "실행 환경"),
    "environment lead": ("Where it ran, and with which versions.", "실행한 환경과 패키지 버전입니다."),
    "device": ("Device", "장치"),
    "precision mode": ("Precision", "수치 정밀도"),
    "threads": ("Threads", "스레드"),
    "ranks": ("Processes", "프로세스"),
    "seed": ("Seed", "시드"),
    "started": ("Started", "시작"),
    "resumed": ("Continued", "이어서 실행"),
    "after step": ("{at}, after step {step}", "{at}, 스텝 {step} 이후"),
    "repeat": ("Repeat it", "다시 실행하기"),
    "repeat lead": (
        "The command with every setting as it was resolved, and the number of threads.",
        "모든 설정을 정해진 값 그대로, 스레드 수까지 적은 명령입니다.",
    ),
    "repeat library": (
        "The run was started from Python; DATA stands for what was passed to whet.train.",
        "파이썬에서 시작한 실행입니다. DATA 자리에 whet.train에 넘긴 데이터를 넣으세요.",
    ),
    "repeat revised": (
        "A budget changed the number of steps on the way. The command trains as many; its learning rate falls evenly.",
        "시간 예산에 따라 도중에 스텝 수가 바뀌었습니다. 이 명령은 스텝 수는 같지만 학습률은 고르게 줄어듭니다.",
    ),
    "settings table": ("Settings that differ from the defaults", "기본값과 다른 설정"),
    "setting": ("Setting", "설정"),
    "value": ("Value", "값"),
    "reason": ("Reason", "이유"),
    # names
    "logistic regression": ("TF-IDF + logistic regression", "TF-IDF + 로지스틱 회귀"),
    "ridge regression": ("TF-IDF + ridge regression", "TF-IDF + 릿지 회귀"),
    "model": ("Model", "모델"),
    "tfidf": ("TF-IDF", "TF-IDF"),
    "nbsvm": ("NB-SVM", "NB-SVM"),
    "majority": ("Majority", "최다 라벨"),
    "mean answer": ("The mean", "평균값"),
    "constant": ("Constant", "고정 답"),
    "train": ("train", "학습"),
    "validation": ("validation", "검증"),
    "test": ("test", "테스트"),
    "accuracy": ("Accuracy", "정확도"),
    "balanced_accuracy": ("Balanced accuracy", "균형 정확도"),
    "precision": ("Precision", "정밀도"),
    "recall": ("Recall", "재현율"),
    "f1": ("F1", "F1"),
    "macro_precision": ("Macro precision", "매크로 정밀도"),
    "macro_recall": ("Macro recall", "매크로 재현율"),
    "macro_f1": ("Macro F1", "매크로 F1"),
    "weighted_f1": ("Weighted F1", "가중 F1"),
    "micro_precision": ("Micro precision", "마이크로 정밀도"),
    "micro_recall": ("Micro recall", "마이크로 재현율"),
    "micro_f1": ("Micro F1", "마이크로 F1"),
    "samples_f1": ("F1 of a row", "행별 F1"),
    "exact match": ("All labels right", "라벨 완전 일치"),
    "hamming_loss": ("Wrong answers", "오답 비율"),
    "mcc": ("MCC", "MCC"),
    "roc_auc": ("ROC-AUC", "ROC-AUC"),
    "pr_auc": ("PR-AUC", "PR-AUC"),
    "log_loss": ("Log loss", "로그 손실"),
    "brier": ("Brier score", "브라이어 점수"),
    "ece": ("ECE", "ECE"),
    "threshold": ("Threshold", "임계값"),
    "pearson": ("Pearson", "피어슨 상관"),
    "spearman": ("Spearman", "스피어만 상관"),
    "mae": ("MAE", "MAE"),
    "rmse": ("RMSE", "RMSE"),
    "r2": ("R²", "R²"),
    "label": ("Label", "라벨"),
    **SEARCH,
}  # fmt: skip


class Words:
    """The catalogue in one language: `Words("ko")("label")`."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self._column = 1 if lang == "ko" else 0

    def __call__(self, key: str) -> str:
        return TEXTS[key][self._column]

    def metric(self, name: str, task: str) -> str:
        """What a metric is called in a task; a name that the catalogue lacks, as scikit-learn's, is its own."""
        if task == "multilabel" and name == "accuracy":
            name = "exact match"
        return self(name) if name in TEXTS else name.replace("_", " ")

    def of(self, told: Mapping[str, Any], name: str) -> str:
        """A message of a file of the run, in English where it is not told in this language."""
        return str(told.get(f"{name}_{self.lang}", told[name]))

    def lacks(self, told: Mapping[str, Any], name: str) -> bool:
        """Whether it is not."""
        return self.lang != "en" and f"{name}_{self.lang}" not in told

    def percent(self, share: float) -> str:
        return f"{100 * share:.1f}" + ("%" if self.lang == "ko" else "\u00a0%")

    def duration(self, seconds: float) -> str:
        return durations.told(seconds, self.lang)


def score(value: float) -> str:
    return f"{value:.3f}"
