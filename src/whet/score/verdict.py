"""One sentence on who won: the fine-tuned model, TF-IDF, or whoever always gives the same answer."""

from __future__ import annotations

import math
from typing import Literal

from whet.errors import quoted
from whet.labels import Kind
from whet.records import Baselines, ClassScore, Metrics, Scores, SeveralScores

Language = Literal["en", "ko"]
Sentences = dict[Language, dict[str, str]]

# What decides, by what a row has; but for accuracy that is the metric that a training goes by, too.
COMPARED: dict[Kind, str] = {"one": "accuracy", "several": "macro_f1", "value": "pearson"}


def verdict(model: Scores, baselines: Baselines, *, rows: int, lang: Language = "en") -> str:
    """One sentence on who won, on the same test rows: by accuracy, of several labels by macro F1, of values
    by Pearson's correlation.

    The rival is the better of the two baselines. A difference within one standard error, as if the two had
    been scored on rows of their own, is called chance, which is rough and, for answers to the same rows,
    cautious.
    """
    kind = kind_of(model)
    constant, tfidf, mine = (getattr(each, COMPARED[kind]) for each in (baselines.majority, baselines.tfidf, model))
    theirs = max(tfidf, constant)
    facts = {
        "mine": _figure(mine, kind),
        "tfidf": _figure(tfidf, kind),
        "constant": _figure(constant, kind),
        "theirs": _figure(theirs, kind),
        "label": quoted(baselines.majority_label),
        "rows": f"{rows:,}",
        "row_word": "row" if rows == 1 else "rows",
        "seconds": _seconds(baselines.seconds, lang),
    }
    # Of the shown figures, so that the reader's own subtraction agrees.
    places = 3 if kind == "value" else 1
    facts["points"] = f"{abs(float(facts['mine']) - float(facts['theirs'])):.{places}f}"
    sentences = SENTENCES[kind][lang]
    if mine <= constant and tfidf <= constant:
        return sentences["neither"].format(**facts)
    rival = sentences["tfidf" if tfidf >= constant else "constant"].format(**facts)
    if _within_chance(model, baselines.tfidf if tfidf >= constant else baselines.majority, rows):
        outcome = "level"
    else:
        outcome = "model" if mine > theirs else "rival"
    return sentences[outcome].format(rival=rival, **facts)


def kind_of(scores: Scores) -> Kind:
    """What each row has that these scores are of."""
    return "one" if isinstance(scores, Metrics) else "several" if isinstance(scores, SeveralScores) else "value"


def _within_chance(one: Scores, other: Scores, rows: int) -> bool:
    """Whether two scores differ by at most one standard error of the difference.

    Of accuracies it is sqrt(2 p (1 - p) / rows), p the mean of both. Of correlations it is told of their
    inverse hyperbolic tangents, whose variance is 1 / (rows - 3) (Fisher 1921).
    """
    if isinstance(one, Metrics) and isinstance(other, Metrics):
        middle = (one.accuracy + other.accuracy) / 2
        return abs(one.accuracy - other.accuracy) <= math.sqrt(2 * middle * (1 - middle) / rows)
    if isinstance(one, SeveralScores) and isinstance(other, SeveralScores):
        return abs(one.macro_f1 - other.macro_f1) <= math.sqrt(_variance(one) + _variance(other))
    assert not isinstance(one, Metrics | SeveralScores)
    assert not isinstance(other, Metrics | SeveralScores)
    if rows <= 3:
        return True
    ends = 1 - 1e-12  # atanh of 1 is infinite
    mine, theirs = (math.atanh(max(-ends, min(ends, scores.pearson))) for scores in (one, other))
    return abs(mine - theirs) <= math.sqrt(2 / (rows - 3))


def _variance(scores: SeveralScores) -> float:
    """Of the macro F1, as if the labels were independent of each other."""
    return sum(map(_variance_of_f1, scores.classes.values())) / len(scores.classes) ** 2


def _variance_of_f1(score: ClassScore) -> float:
    """Of a label's F1 = 2 J / (1 + J), J the share of hits among the rows that have the label or were given
    it: that of the share, times the square of the slope."""
    hits = score.recall * score.support
    if hits == 0:
        return 0.0
    either = score.support + hits / score.precision - hits
    share = hits / either
    return (2 / (1 + share) ** 2) ** 2 * share * (1 - share) / either


def _figure(score: float, kind: Kind) -> str:
    return f"{score:.3f}" if kind == "value" else f"{100 * score:.1f}"


def _seconds(seconds: float, lang: Language) -> str:
    whole = round(seconds)
    if lang == "ko":
        return f"{max(whole, 1)}초"
    return "less than a second" if whole == 0 else "1 second" if whole == 1 else f"{whole:,} seconds"


# {rival} is TF-IDF, or always the same answer where that scores higher. It cannot be the latter in
# "rival": a model below the constant answer, with TF-IDF below it too, is "neither".
ONE_LABEL: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "constant": "always answering {label}",
        "model": "The fine-tuned model beats {rival} by {points} points "
        "({mine} % against {theirs} % of {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} points ({theirs} % against {mine} % of "
        "{rows} test {row_word}); it takes {seconds}, so prefer it, or give the model more rows, epochs or "
        "a larger model.",
        "level": "The fine-tuned model ({mine} %) and {rival} ({theirs} %) are level: at {rows} test {row_word} "
        "a difference of {points} points is within chance.",
        "neither": "Neither the fine-tuned model ({mine} %) nor TF-IDF + logistic regression ({tfidf} %) beats "
        "always answering {label} ({constant} % of {rows} test {row_word}); check the labels, or give the model "
        "more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "constant": "항상 {label}(으)로 답하는 방법",
        "model": "파인튜닝한 모델의 정확도가 {rival}보다 {points}%p 높습니다"
        "(테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 정확도가 파인튜닝한 모델보다 {points}%p 높고(테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine}%)과 {rival}({theirs}%)의 정확도 차이 {points}%p는 "
        "테스트 {rows}건에서는 우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델({mine}%)도 TF-IDF + 로지스틱 회귀({tfidf}%)도 항상 {label}(으)로 답하는 방법"
        "(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 늘려 보세요.",
    },
}

SEVERAL_LABELS: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "constant": "each label's more frequent answer",
        "model": "The fine-tuned model beats {rival} by {points} points of macro F1 "
        "({mine} % against {theirs} % on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} points of macro F1 ({theirs} % against "
        "{mine} % on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model more rows, epochs "
        "or a larger model.",
        "level": "The fine-tuned model (macro F1 {mine} %) and {rival} ({theirs} %) are level: at {rows} test "
        "{row_word} a difference of {points} points is within chance.",
        "neither": "Neither the fine-tuned model (macro F1 {mine} %) nor TF-IDF + logistic regression ({tfidf} %) "
        "beats each label's more frequent answer ({constant} % on {rows} test {row_word}); check the labels, or give "
        "the model more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "constant": "라벨마다 더 흔한 쪽으로만 답하는 방법",
        "model": "파인튜닝한 모델의 매크로 F1이 {rival}보다 {points}%p 높습니다"
        "(테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 매크로 F1이 파인튜닝한 모델보다 {points}%p 높고(테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine}%)과 {rival}({theirs}%)의 매크로 F1 차이 {points}%p는 "
        "테스트 {rows}건에서는 우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델(매크로 F1 {mine}%)도 TF-IDF + 로지스틱 회귀({tfidf}%)도 라벨마다 더 흔한 쪽으로만 "
        "답하는 방법(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 "
        "늘려 보세요.",
    },
}

VALUES: Sentences = {
    "en": {
        "tfidf": "TF-IDF + ridge regression",
        "constant": "always answering the mean",
        "model": "The fine-tuned model beats {rival} by {points} in Pearson's correlation "
        "({mine} against {theirs} on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} in Pearson's correlation ({theirs} against "
        "{mine} on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model more rows, epochs or "
        "a larger model.",
        "level": "The fine-tuned model (Pearson's correlation {mine}) and {rival} ({theirs}) are level: at {rows} test "
        "{row_word} a difference of {points} is within chance.",
        "neither": "Neither the fine-tuned model (Pearson's correlation {mine}) nor TF-IDF + ridge regression "
        "({tfidf}) beats always answering the mean ({constant} on {rows} test {row_word}); check the values, or give "
        "the model more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 릿지 회귀",
        "constant": "항상 평균값으로 답하는 방법",
        "model": "파인튜닝한 모델의 피어슨 상관계수가 {rival}보다 {points} 높습니다"
        "(테스트 {rows}건 기준 {mine} 대 {theirs}).",
        "rival": "{rival}의 피어슨 상관계수가 파인튜닝한 모델보다 {points} 높고"
        "(테스트 {rows}건 기준 {theirs} 대 {mine}) {seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 "
        "더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine})과 {rival}({theirs})의 피어슨 상관계수 차이 {points}은(는) "
        "테스트 {rows}건에서는 우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델(피어슨 상관계수 {mine})도 TF-IDF + 릿지 회귀({tfidf})도 항상 평균값으로 답하는 방법"
        "(테스트 {rows}건 기준 {constant})보다 낫지 않으니, 데이터의 값을 확인하거나 데이터나 에포크를 늘려 보세요.",
    },
}

SENTENCES: dict[Kind, Sentences] = {"one": ONE_LABEL, "several": SEVERAL_LABELS, "value": VALUES}
