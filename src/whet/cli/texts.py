"""What the command line says, in English and Korean, and how it writes numbers."""

from __future__ import annotations

import unicodedata
from typing import Literal

from whet import durations
from whet.cli.adapt_texts import ADAPT_TEXTS
from whet.cli.answer_texts import ANSWERS
from whet.cli.engine_texts import ENGINE_TEXTS
from whet.cli.ensemble_texts import ENSEMBLE_TEXTS
from whet.cli.search_texts import SEARCH_TEXTS
from whet.cli.teacher_texts import TEACHER_TEXTS
from whet.errors import quoted
from whet.sentences.bilingual import in_korean

Lang = Literal["en", "ko"]

TEXTS: dict[str, tuple[str, str]] = {
    # the data
    "rows": ("{count} rows", "{count}행"),
    "text column": ("Text:  {name} ({reason})", "텍스트: {name} ({reason})"),
    "label column": ("Label: {name} ({reason})", "라벨:   {name} ({reason})"),
    "pair column": ("Pair:  {name} ({reason})", "둘째:   {name} ({reason})"),
    "text template": ("Text:  template of {columns}: {template}", "텍스트: 템플릿(열 {columns}): {template}"),
    "pair template": ("Pair:  template of {columns}: {template}", "둘째:   템플릿(열 {columns}): {template}"),
    "task": ("Task:  {kind} ({reason})", "과제:   {kind} ({reason})"),
    "kind one": ("one label a row", "단일 라벨 분류"),
    "kind several": ("any number of labels a row", "다중 라벨 분류"),
    "kind value": ("a number, regression", "회귀"),
    "no label column": ("Label: none ({reason})", "라벨: 없음 ({reason})"),
    "first rows": ("First rows", "처음 몇 행"),
    "row": ("row", "행"),
    "label": ("label", "라벨"),
    "text": ("text", "텍스트"),
    "text2": ("second text", "둘째 텍스트"),
    "number": ("number", "값"),
    "numbers": ("Numbers", "값 분포"),
    "least": ("least", "최소"),
    "median": ("median", "중앙값"),
    "mean": ("mean", "평균"),
    "most": ("most", "최대"),
    "deviation": ("deviation", "표준편차"),
    "labels": ("Labels", "라벨 분포"),
    "more labels": ("and {count} more labels", "외 라벨 {count}개"),
    "findings": ("Findings", "발견한 점"),
    "finding": ("finding", "내용"),
    "how many": ("count", "개수"),
    "no findings": ("Nothing to mend was found.", "고칠 점이 발견되지 않았습니다."),
    "error": ("error", "오류"),
    "warning": ("warning", "경고"),
    "info": ("note", "참고"),
    "train": ("train", "학습"),
    "validation": ("validation", "검증"),
    "test": ("test", "테스트"),
    # tokens
    "tokens of row": ("Tokens of row {row}: {kept} of {count} are kept", "{row}행의 토큰: {count}개 중 {kept}개 사용"),
    "cut": ("[cut here: {count} tokens left out]", "[여기서 잘림: 토큰 {count}개 제외]"),
    "not cut": ("The text is not cut (at most {limit} tokens).", "텍스트가 잘리지 않습니다 (최대 {limit}토큰)."),
    "is cut": ("Texts are cut at {limit} tokens (--max-length).", "텍스트는 {limit}토큰에서 잘립니다 (--max-length)."),
    # settings
    "settings": ("Settings that differ from the defaults", "기본값과 다른 설정"),
    "default": ("default", "기본값"),
    # the plan
    "plan": ("Plan", "계획"),
    "plan rows": (
        "{rows} training texts of {tokens} tokens on average, {steps} steps",
        "학습 텍스트 {rows}개, 평균 {tokens}토큰, {steps}스텝",
    ),
    "plan rows linear": ("{rows} training texts", "학습 텍스트 {rows}개"),
    "plan device": ("{device} ({reason}), threads: {threads}", "{device} ({reason}), 스레드 {threads}개"),
    "plan brief": (
        "plan: {time} in all, memory {memory}",
        "계획: 모두 {time}, 메모리 {memory}",
    ),
    "device": ("device", "장치"),
    "work": ("work", "작업량"),
    "by epochs": ("by epochs", "에포크별"),
    "epochs take": ("{epochs}: {time}", "{epochs}: {time}"),
    "evaluation time": ("evaluation", "평가"),
    "other time": ("everything else", "그 밖"),
    "curve time": ("learning curve", "학습 곡선"),
    "total": ("total", "합계"),
    "why so long": ("why", "이유"),
    "why": (
        "{operations} PFLOP of matrix products at {rate} GFLOP/s, measured here",
        "행렬 곱 {operations} PFLOP, 이 컴퓨터에서 측정한 속도 {rate} GFLOP/s",
    ),
    "disk": ("disk", "디스크"),
    "of": ("{needed} of {there}", "{there} 중 {needed}"),
    "memory short": (
        "Memory is short: {needed} of {there}. Steps that do not fit are computed in parts, which takes longer.",
        "메모리가 부족합니다: {there} 중 {needed}. 들어가지 않는 스텝은 나누어 계산하므로 더 오래 걸립니다.",
    ),
    "disk short": (
        "The disk is nearly full: {needed} are needed of {there}.",
        "디스크가 거의 찼습니다: 남은 {there} 중 {needed}가 필요합니다.",
    ),
    "between": ("{time} ({low} to {high})", "{time} ({low}~{high})"),
    "shorter ways": ("Shorter, each change by itself", "더 짧게 (하나씩 바꿀 때)"),
    "change": ("change", "바꿀 설정"),
    "derived": ("{time}, not timed", "{time} (계산값)"),
    "tfidf alone": ("no model, the TF-IDF baseline", "기준 모델(TF-IDF)만"),
    "points about": ("about {points} points", "약 {points}%p"),
    "expectation": ("accuracy by: {source}", "정확도 근거: {source}"),
    "fits": ("What fits", "시간 안에 끝나는 명령"),
    "within": ("within {limit}: {time}", "{limit} 안에: {time}"),
    "start anyway": ("Start now, for about {time}?", "약 {time} 걸립니다. 지금 시작할까요?"),
    # stages
    "stage plan": ("plan", "계획"),
    "stage check": ("look at the data", "데이터 확인"),
    "stage split": ("split", "데이터 분할"),
    "stage model": ("model", "모델"),
    "stage tokens": ("tokens", "토큰화"),
    "stage baseline": ("baseline", "기준 모델"),
    "stage train": ("train", "학습"),
    "stage curve": ("learning curve", "학습 곡선"),
    "stage evaluate": ("evaluate", "평가"),
    "stage explain": ("weigh the words of wrong answers", "틀린 답의 근거 확인"),
    "stage look": ("look for wrong labels", "라벨 오류 확인"),
    "stage save": ("save", "저장"),
    "stage predict": ("predict", "예측"),
    "stage report": ("report", "보고서 작성"),
    # training
    "step": (
        "step {step}/{steps} epoch {epoch} loss {loss} {rate} tokens/s {left} left",
        "스텝 {step}/{steps} 에포크 {epoch} 손실 {loss} 초당 {rate}토큰 {left} 남음",
    ),
    "answered": (
        "{done} of {rows} rows answered, {rate} rows/s, {left} left",
        "{rows}행 중 {done}행 예측, 초당 {rate}행, {left} 남음",
    ),
    "answered short": ("{done}/{rows} {rate} rows/s {left} left", "{done}/{rows} 초당 {rate}행 {left} 남음"),
    "step short": (
        "{step}/{steps} epoch {epoch} loss {loss} {rate} tokens/s {left}",
        "{step}/{steps} 에포크 {epoch} 손실 {loss} 초당 {rate}토큰 {left}",
    ),
    "curve step": (
        "learning curve, {share} % of the rows: step {step}/{steps}",
        "학습 곡선, 학습 행의 {share}%: 스텝 {step}/{steps}",
    ),
    "curve point": (
        "learning curve, {share} % of the rows ({rows}): {score} on validation, {seconds}",
        "학습 곡선, 학습 행의 {share}%({rows}행): 검증 {score}, {seconds}",
    ),
    "revision": (
        "step {step}: now {steps} steps, which fit into the {left} left for training",
        "스텝 {step}: 학습에 남은 {left}에 맞춰 전체 스텝 수를 {steps}(으)로 조정했습니다",
    ),
    "evaluation": (
        "epoch {epoch} {side}: loss {loss}, {scores}, {seconds}",
        "에포크 {epoch} {side}: 손실 {loss}, {scores}, {seconds}",
    ),
    "evaluation linear": ("{side}: loss {loss}, {scores}, {seconds}", "{side}: 손실 {loss}, {scores}, {seconds}"),
    "best": (" (best so far)", " (현재 최고)"),
    "interrupted": ("interrupted", "중단되었습니다"),
    # the summary
    "finished before": (
        "This run was finished already, so nothing was trained; --fresh starts over.",
        "이미 끝난 실행이라 다시 학습하지 않았습니다. --fresh를 주면 처음부터 다시 합니다.",
    ),
    "result test": ("Result on {rows} test rows", "테스트 {rows}행의 결과"),
    "result validation": (
        "Result on {rows} validation rows (there were no test rows)",
        "검증 {rows}행의 결과 (테스트 행 없음)",
    ),
    "sample": (
        "A sample of {rows} of {of} {side} rows was scored, as the budget left no time for all of them.",
        "시간 예산 안에 {side} {of}행을 모두 평가할 수 없어 표본 {rows}행만 평가했습니다.",
    ),
    "sample reach": (
        "With 95 % confidence the accuracy on all is between {low} and {high}.",
        "전체 정확도의 95% 신뢰구간은 {low}~{high}입니다.",
    ),
    "sample rest": ("To score the rest:", "전체를 평가하려면:"),
    "without leaks": (
        "Test rows that stand in train too: equal {exact}, nearly equal {near}. "
        "Without them the {score} is {without}, with them {with_}.",
        "학습 데이터에도 있는 테스트 행: 같은 행 {exact}, 거의 같은 행 {near}. "
        "이 행을 빼면 {score} {without}, 포함하면 {with_}입니다.",
    ),
    "not looked for": ("not looked for", "확인 안 함"),
    "all leaked": (
        "All test rows stand in train too: the score says nothing of new texts.",
        "모든 테스트 행이 학습 데이터에 있어, 이 점수로는 새로운 텍스트에서의 성능을 알 수 없습니다.",
    ),
    "calibration": (
        "Calibration error (ECE) {after}; before the temperature of {temperature} it was {before}",
        "보정 오차(ECE) {after} (온도 {temperature} 적용 전 {before})",
    ),
    "no temperature": (
        "Calibration error (ECE) {after}; no temperature was fitted",
        "보정 오차(ECE) {after} (온도 보정 없음)",
    ),
    "sure answers": (
        "answering only above {least} confidence: {coverage} % of rows, {accuracy} % right",
        "확신도 {least} 이상만 답하면: 전체 행의 {coverage}%에 답하고, 그중 {accuracy}%가 정답",
    ),
    "no sure answer": (
        "answering only above {least} confidence: no row",
        "확신도 {least} 이상만 답하면: 답할 수 있는 행이 없음",
    ),
    "learning curve": (
        "Would more labels help? {metric} on {rows} validation rows: {points}",
        "라벨을 더 모으면 나아질까? 검증 {rows}행의 {metric}: {points}",
    ),
    "learnt from": ("{score} of {rows} training rows", "학습 {rows}행일 때 {score}"),
    "label errors": (
        "Labels that are likely wrong: {found} of {rows} rows ({sides}), in {path}; edited and given back with "
        "--corrections they are taken",
        "라벨 오류가 의심되는 행: {rows}행 중 {found}행 ({sides}). {path}를 고쳐 --corrections로 주면 반영됩니다",
    ),
    "explained": (
        "Words that {explained} of {wrong} wrong answers hang on: in {path}",
        "틀린 답 {wrong}개 중 {explained}개의 근거 단어: {path}",
    ),
    "weaker": (
        "Weaker than the rest: {by} = {value}, {score} ({low} to {high}) of {rows} rows",
        "나머지보다 낮은 부분: {by} = {value}, 정확도 {score} ({low}~{high}), {rows}행",
    ),
    "by length": ("length", "길이(글자 수)"),
    "by label": ("label", "라벨"),
    "by truncated": ("truncated", "잘린 텍스트"),
    "by leaked": ("also in train", "학습 데이터에도 있음"),
    "yes": ("yes", "예"),
    "no": ("no", "아니요"),
    "no scores": (
        "There were no test and no validation rows, so there is no score.",
        "테스트 행도 검증 행도 없어 점수가 없습니다.",
    ),
    "chosen linear": (
        "Handed out: the linear model, better on validation ({metric} {linear}, {model} {fine_tuned}).",
        "최종 모델: 검증에서 더 나은 선형 모델 ({metric} {linear}, {model} {fine_tuned})",
    ),
    "chosen other": (
        "Handed out: {model}, on validation no worse than the linear model ({metric} {fine_tuned}, linear {linear}).",
        "최종 모델: 검증에서 선형 모델보다 못하지 않은 {model} ({metric} {fine_tuned}, 선형 모델 {linear})",
    ),
    "compared rows": ("Runs on {rows} shared test rows", "함께 평가된 테스트 {rows}행의 결과"),
    "training": ("training", "학습"),
    "size": ("size", "크기"),
    "rows a second": ("rows/s", "행/초"),
    "device threads": ("{device}, threads: {threads}", "{device}, 스레드 {threads}개"),
    "speed note": (
        "rows/s: of each run's own evaluation of its test rows, tokens made before; not measured anew",
        "행/초: 각 실행이 테스트 행을 평가할 때의 속도 (토큰화 제외, 다시 측정하지 않음)",
    ),
    "shared rows": ("test rows of each run: {each}", "실행별 테스트 행 수: {each}"),
    "relabelled": (
        "left out, as the runs were told other answers to them: {count}",
        "실행마다 정답이 달라 제외한 행: {count}",
    ),
    "holm": (
        "p of the bootstrap is adjusted for the number of runs (Holm)",
        "부트스트랩 p값은 실행 수에 맞춰 보정했습니다 (Holm)",
    ),
    "difference": (
        "{name} against {other}: {metric} {difference} (95 % interval {low} to {high}), {p}",
        "{other} 대비 {name}: {metric} {difference} (95% 신뢰구간 {low}~{high}), {p}",
    ),
    "level": ("may be chance", "우연일 수 있음"),
    "better": ("better", "더 나음"),
    "worse": ("worse", "더 나쁨"),
    "requirements": ("Requirements, by the 95 % interval", "요구 점수 (95% 신뢰구간 기준)"),
    "met": ("met", "충족"),
    "not met": ("not met", "미달"),
    "to": (" to ", "~"),
    "result on": ("Result on {rows} rows of {source}", "{source} {rows}행의 결과"),
    "model": ("model", "모델"),
    "tfidf": ("TF-IDF", "TF-IDF"),
    "nbsvm": ("NB-SVM", "NB-SVM"),
    "interval": ("95 % interval", "95% 신뢰구간"),
    "undefined": ("n/a", "해당 없음"),
    "majority": ("majority", "최다 라벨"),
    "accuracy": ("accuracy", "정확도"),
    "precision": ("precision", "정밀도"),
    "recall": ("recall", "재현율"),
    "f1": ("F1", "F1"),
    "macro_precision": ("macro precision", "매크로 정밀도"),
    "macro_recall": ("macro recall", "매크로 재현율"),
    "macro_f1": ("macro F1", "매크로 F1"),
    "weighted_f1": ("weighted F1", "가중 F1"),
    "micro_f1": ("micro F1", "마이크로 F1"),
    "balanced_accuracy": ("balanced accuracy", "균형 정확도"),
    "mcc": ("MCC", "MCC"),
    "roc_auc": ("ROC AUC", "ROC AUC"),
    "pr_auc": ("average precision", "평균 정밀도(AP)"),
    "samples_f1": ("F1 of a row", "행별 F1"),
    "exact match": ("all labels right", "라벨 완전 일치"),
    "hamming_loss": ("wrong answers", "오답 비율"),
    "threshold": ("threshold", "임계값"),
    "pearson": ("Pearson", "피어슨 상관"),
    "spearman": ("Spearman", "스피어만 상관"),
    "mae": ("MAE", "MAE"),
    "rmse": ("RMSE", "RMSE"),
    "r2": ("R2", "R2"),
    "mean answer": ("the mean", "평균값"),
    "constant": ("constant", "고정 답"),
    "support": ("rows", "행 수"),
    "positive class": (
        "precision, recall and F1 are those of {name}",
        "정밀도, 재현율, F1은 '{name}' 라벨 기준입니다",
    ),
    "each label": ("Each label", "라벨별 점수"),
    "confusion": ("Confusion matrix: rows are true, columns predicted", "혼동 행렬: 행은 실제, 열은 예측"),
    "confused": ("Most often confused", "자주 혼동한 라벨"),
    "taken for": ("{true} taken for {predicted}: {count}", "실제 {true}, 예측 {predicted}: {count}"),
    "run": ("Run", "실행 폴더"),
    "saved model": ("Model", "모델 폴더"),
    "report": ("Report", "보고서"),
    "time": ("Time", "시간"),
    "time spent": ("training {train}, evaluation {evaluate}", "학습 {train}, 평가 {evaluate}"),
    "time to explain": (", explanations {explain}", ", 근거 확인 {explain}"),
    "next": ("Next", "다음에 해 볼 명령"),
    "own text": ("a text of your own", "직접 쓴 문장"),
    "other text": ("and the other one", "짝이 되는 문장"),
    # predictions
    **ANSWERS,
    "scoring": ("scoring {source}", "{source} 평가 중"),
    # the machine
    "fault": ("fault", "문제"),
    "system": ("system", "시스템"),
    "processor": ("processor", "프로세서"),
    "memory": ("memory", "메모리"),
    "accelerator": ("GPU", "GPU"),
    "runs": ("runs", "실행 폴더"),
    "cache": ("cache", "캐시"),
    "hub cache": ("hub cache", "허브 캐시"),
    "packages": ("packages", "패키지"),
    "hub": ("hub", "허브"),
    "unknown": ("unknown", "알 수 없음"),
    "cores": ("{present} cores, {allowed} allowed, {free} free", "코어 {present}개 (허용 {allowed}개, 여유 {free}개)"),
    "free of": ("{free} of {size} free", "{size} 중 {free} 사용 가능"),
    "the container's limit": ("the container's limit", "컨테이너 제한"),
    "ulimit -v": ("ulimit -v", "ulimit -v"),
    "ulimit -d": ("ulimit -d", "ulimit -d"),
    "no accelerator": ("none: {reason}", "없음: {reason}"),
    "capability": ("capability {value}", "compute capability {value}"),
    "driver": ("driver {version}", "드라이버 {version}"),
    "free in": ("{free} free in {path}", "{path}, 여유 {free}"),
    "holds": (", which holds {size}", ", 사용 중 {size}"),
    "reachable": ("reachable", "접속 가능"),
    "unreachable": ("not reachable", "접속 불가"),
    "verified run": ("run", "확인한 실행"),
    "verified": (
        "{path}: {files} files and {count} answers of its model are as they were saved",
        "{path}: 파일 {files}개와 모델의 답 {count}개가 저장할 때와 같습니다",
    ),
    # serve
    "serving": ("Loading; the page will be at {address}", "모델을 읽는 중입니다. 페이지 주소: {address}"),
    # the demo
    "demo": (
        "The whole job on 1,200 embedded film reviews and an embedded model, offline.",
        "내장된 영화평 1,200개와 내장 모델로, 인터넷 없이 전체 과정을 보여 줍니다.",
    ),
    **ENGINE_TEXTS,
    **ENSEMBLE_TEXTS,
    **ADAPT_TEXTS,
    **SEARCH_TEXTS,
    **TEACHER_TEXTS,
}  # fmt: skip


class Words:
    """The catalogue in one language: `Words("ko")("label")`."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self._column = 1 if lang == "ko" else 0

    def __call__(self, key: str) -> str:
        return TEXTS[key][self._column]

    def of(self, message: str) -> str:
        """A message in this language; one that is English alone as it is."""
        return in_korean(message) if self.lang == "ko" else message

    def duration(self, seconds: float) -> str:
        return durations.told(seconds, self.lang)


def count(number: int) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}"


def one_line(text: str, limit: int = 400) -> str:
    """Somebody's text on one line of a terminal: control characters escaped, cut at `limit`."""
    return quoted(text, limit)[1:-1]


def width(text: str) -> int:
    """Cells that a text takes on a terminal; Hangul takes two each."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
