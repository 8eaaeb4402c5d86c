"""One sentence on who won: the fine-tuned model, a linear model on words, or whoever always gives the same answer."""

from __future__ import annotations

from typing import Literal

from whet.errors import quoted
from whet.labels import Kind
from whet.records import Baselines, Metrics, Scores, SeveralScores
from whet.score.compare import COMPARED, Comparison

Language = Literal["en", "ko"]
Sentences = dict[Language, dict[str, str]]

LINEAR = ("tfidf", "nbsvm")
CONSTANT = "majority"


def rival_of(baselines: Baselines, kind: Kind) -> str:
    """The name of the best baseline by what decides, of equals the first of tfidf, nbsvm and majority. That it was
    chosen by these very rows is in its favour."""
    return _best(baselines, (*LINEAR, CONSTANT), kind)


def verdict(model: Scores, baselines: Baselines, found: Comparison, *, lang: Language = "en") -> str:
    """One sentence on who won, on the same test rows: by accuracy, of several labels by macro F1, of values
    by Pearson's correlation. `found` compares the model with `rival_of` the baselines; where its interval holds 0, both
    are called level.
    """
    kind = kind_of(model)
    linear = _best(baselines, LINEAR, kind)
    mine, theirs, constant, best = (
        getattr(each, COMPARED[kind])
        for each in (model, *(getattr(baselines, name) for name in (found.against, CONSTANT, linear)))
    )
    sentences = SENTENCES[kind][lang]
    facts = {
        "mine": _figure(mine, kind),
        "theirs": _figure(theirs, kind),
        "constant": _figure(constant, kind),
        "linear": sentences[linear],
        "best": _figure(best, kind),
        "label": quoted(baselines.majority_label),
        "rows": f"{model.rows:,}",
        "row_word": "row" if model.rows == 1 else "rows",
        "seconds": _seconds(baselines.seconds, lang),
        "p": "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}",
    }
    rival = sentences[found.against].format(**facts)
    if mine <= constant and best <= constant:
        return sentences["neither"].format(**facts)
    outcome = "level" if found.level else "model" if mine > theirs else "rival"
    ends = [-end for end in reversed(found.interval)] if outcome == "rival" else found.interval
    low, high = (_figure(end, kind, signed=outcome == "level") for end in ends)
    # Of the shown figures, so that the reader's own subtraction agrees.
    shown = float(facts["mine"]) - float(facts["theirs"])
    form = ("+" if outcome == "level" else "") + (".3f" if kind == "value" else ".1f")
    facts["points"] = format(shown if outcome == "level" else abs(shown), form)
    return sentences[outcome].format(rival=rival, low=low, high=high, **facts)


def kind_of(scores: Scores) -> Kind:
    """What each row has that these scores are of."""
    return "one" if isinstance(scores, Metrics) else "several" if isinstance(scores, SeveralScores) else "value"


def _best(baselines: Baselines, names: tuple[str, ...], kind: Kind) -> str:
    there = [name for name in names if getattr(baselines, name) is not None]
    return max(there, key=lambda name: float(getattr(getattr(baselines, name), COMPARED[kind])))


def _figure(score: float, kind: Kind, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{score:{sign}.3f}" if kind == "value" else f"{100 * score:{sign}.1f}"


def _seconds(seconds: float, lang: Language) -> str:
    whole = round(seconds)
    if lang == "ko":
        return f"{max(whole, 1)}초"
    return "less than a second" if whole == 0 else "1 second" if whole == 1 else f"{whole:,} seconds"


# {rival} is the best baseline. It cannot be always the same answer in "rival": a model below that, with the linear
# models below it too, is "neither". The interval of "level" is that of the model's score less the rival's.
ONE_LABEL: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "nbsvm": "NB-SVM",
        "majority": "always answering {label}",
        "model": "The fine-tuned model beats {rival} by {points} points [{low}, {high}], {p} "
        "({mine} % against {theirs} % of {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} points [{low}, {high}], {p} "
        "({theirs} % against {mine} % of {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "more rows, epochs or a larger model.",
        "level": "The fine-tuned model ({mine} %) and {rival} ({theirs} %) are level: at {rows} test {row_word} "
        "a difference of {points} points [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the fine-tuned model ({mine} %) nor {linear} ({best} %) beats "
        "always answering {label} ({constant} % of {rows} test {row_word}); check the labels, or give the model "
        "more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "nbsvm": "NB-SVM",
        "majority": "항상 {label}(으)로 답하는 방법",
        "model": "파인튜닝한 모델의 정확도가 {rival}보다 {points}%p 높습니다"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 정확도가 파인튜닝한 모델보다 {points}%p 높고"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine}%)과 {rival}({theirs}%)의 정확도 차이 {points}%p"
        "(95% 신뢰구간 {low}~{high}%p, {p})는 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델({mine}%)도 {linear}({best}%)도 항상 {label}(으)로 답하는 방법"
        "(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 늘려 보세요.",
    },
}

SEVERAL_LABELS: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "majority": "each label's more frequent answer",
        "model": "The fine-tuned model beats {rival} by {points} points of macro F1 [{low}, {high}], {p} "
        "({mine} % against {theirs} % on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} points of macro F1 [{low}, {high}], {p} "
        "({theirs} % against {mine} % on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "more rows, epochs or a larger model.",
        "level": "The fine-tuned model (macro F1 {mine} %) and {rival} ({theirs} %) are level: at {rows} test "
        "{row_word} a difference of {points} points [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the fine-tuned model (macro F1 {mine} %) nor {linear} ({best} %) "
        "beats each label's more frequent answer ({constant} % on {rows} test {row_word}); check the labels, or give "
        "the model more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "majority": "라벨마다 더 흔한 쪽으로만 답하는 방법",
        "model": "파인튜닝한 모델의 매크로 F1이 {rival}보다 {points}%p 높습니다"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 매크로 F1이 파인튜닝한 모델보다 {points}%p 높고"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine}%)과 {rival}({theirs}%)의 매크로 F1 차이 {points}%p"
        "(95% 신뢰구간 {low}~{high}%p, {p})는 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델(매크로 F1 {mine}%)도 {linear}({best}%)도 라벨마다 더 흔한 쪽으로만 "
        "답하는 방법(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 "
        "늘려 보세요.",
    },
}

VALUES: Sentences = {
    "en": {
        "tfidf": "TF-IDF + ridge regression",
        "majority": "always answering the mean",
        "model": "The fine-tuned model beats {rival} by {points} in Pearson's correlation [{low}, {high}], {p} "
        "({mine} against {theirs} on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} in Pearson's correlation [{low}, {high}], "
        "{p} ({theirs} against {mine} on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "more rows, epochs or a larger model.",
        "level": "The fine-tuned model (Pearson's correlation {mine}) and {rival} ({theirs}) are level: at {rows} test "
        "{row_word} a difference of {points} [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the fine-tuned model (Pearson's correlation {mine}) nor {linear} "
        "({best}) beats always answering the mean ({constant} on {rows} test {row_word}); check the values, or give "
        "the model more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 릿지 회귀",
        "majority": "항상 평균값으로 답하는 방법",
        "model": "파인튜닝한 모델의 피어슨 상관계수가 {rival}보다 {points} 높습니다"
        "(95% 신뢰구간 {low}~{high}, {p}, 테스트 {rows}건 기준 {mine} 대 {theirs}).",
        "rival": "{rival}의 피어슨 상관계수가 파인튜닝한 모델보다 {points} 높고"
        "(95% 신뢰구간 {low}~{high}, {p}, 테스트 {rows}건 기준 {theirs} 대 {mine}) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine})과 {rival}({theirs})의 피어슨 상관계수 차이 {points}"
        "(95% 신뢰구간 {low}~{high}, {p})은(는) 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델(피어슨 상관계수 {mine})도 {linear}({best})도 항상 평균값으로 답하는 방법"
        "(테스트 {rows}건 기준 {constant})보다 낫지 않으니, 데이터의 값을 확인하거나 데이터나 에포크를 늘려 보세요.",
    },
}

SENTENCES: dict[Kind, Sentences] = {"one": ONE_LABEL, "several": SEVERAL_LABELS, "value": VALUES}
