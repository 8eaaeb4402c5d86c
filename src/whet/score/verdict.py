"""One sentence on who won: the fine-tuned model, a linear model on words, or whoever always gives the same answer."""

from __future__ import annotations

from typing import Literal

from whet.errors import quoted
from whet.labels import Kind
from whet.records import Baselines, Metrics, Scores, SeveralScores
from whet.score.compare import COMPARED, Comparison

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
Sentences = dict[Language, dict[str, str]]

LINEAR = ("tfidf", "nbsvm")
CONSTANT = "majority"


def rival_of(baselines: Baselines, kind: Kind) -> str:
    """The name of the best baseline by what decides, of equals the first of tfidf, nbsvm and majority. That it was
    chosen by these very rows is in its favour."""
    return _best(baselines, (*LINEAR, CONSTANT), kind)


def verdict(
    model: Scores,
    baselines: Baselines,
    found: Comparison,
    *,
    lang: Language = "en",
    better: str = "",
    linear: bool = False,
) -> str:
    """One sentence on who won, on the same test rows: by accuracy, of several labels by macro F1, of values
    by Pearson's correlation. `found` compares the model with `rival_of` the baselines; where its interval holds 0, both
    are called level. `better`: a model that has the words of the texts where the fine-tuned one lacks them; unless that
    won, a second sentence names it. `linear`: the model is a linear one, and no fine-tuned one.
    """
    kind = kind_of(model)
    other = _best(baselines, LINEAR, kind) if any(_there(baselines, LINEAR)) else CONSTANT
    mine, theirs, constant, best = (
        getattr(each, COMPARED[kind])
        for each in (model, *(getattr(baselines, name) for name in (found.against, CONSTANT, other)))
    )
    sentences = SENTENCES[kind][lang]
    facts = {
        "mine": _figure(mine, kind),
        "theirs": _figure(theirs, kind),
        "constant": _figure(constant, kind),
        "linear": sentences[other],
        "best": _figure(best, kind),
        "label": quoted(baselines.majority_label),
        "rows": f"{model.rows:,}",
        "row_word": "row" if model.rows == 1 else "rows",
        "seconds": _seconds(baselines.seconds, lang),
        **SUBJECTS[lang]["linear" if linear else "fine-tuned"],
        "p": "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}",
    }
    rival = sentences[found.against].format(**facts)
    instead = f" {BETTER[lang].format(better=better)}" if better else ""
    if mine <= constant and best <= constant:
        return sentences["alone" if other == CONSTANT else "neither"].format(**facts) + instead
    outcome = "level" if found.level else "model" if mine > theirs else "rival"
    ends = [-end for end in reversed(found.interval)] if outcome == "rival" else found.interval
    low, high = (_figure(end, kind, signed=outcome == "level") for end in ends)
    # Of the shown figures, so that the reader's own subtraction agrees.
    shown = float(facts["mine"]) - float(facts["theirs"])
    form = ("+" if outcome == "level" else "") + (".3f" if kind == "value" else ".1f")
    facts["points"] = format(shown if outcome == "level" else abs(shown), form)
    told = sentences[outcome].format(rival=rival, low=low, high=high, **facts)
    return told if outcome == "model" else told + instead


def kind_of(scores: Scores) -> Kind:
    """What each row has that these scores are of."""
    return "one" if isinstance(scores, Metrics) else "several" if isinstance(scores, SeveralScores) else "value"


def _there(baselines: Baselines, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if getattr(baselines, name) is not None]


def _best(baselines: Baselines, names: tuple[str, ...], kind: Kind) -> str:
    return max(_there(baselines, names), key=lambda name: float(getattr(getattr(baselines, name), COMPARED[kind])))


def _figure(score: float, kind: Kind, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{score:{sign}.3f}" if kind == "value" else f"{100 * score:{sign}.1f}"


def _seconds(seconds: float, lang: Language) -> str:
    whole = round(seconds)
    if lang == "ko":
        return f"{max(whole, 1)}초"
    return "less than a second" if whole == 0 else "1 second" if whole == 1 else f"{whole:,} seconds"


BETTER: dict[Language, str] = {
    "en": "The model's vocabulary does not have the words of these texts; --model {better} has them.",
    "ko": "이 모델의 어휘에는 이 텍스트의 단어가 없으니, 단어가 들어 있는 --model {better}을(를) 써 보세요.",
}

SUBJECTS: dict[Language, dict[str, dict[str, str]]] = {
    "en": {
        "fine-tuned": {
            "model": "fine-tuned model", "more": "more rows, epochs or a larger model", "longer": "more rows or epochs"
        },
        "linear": {"model": "linear model", "more": "more rows", "longer": "more rows"},
    },
    "ko": {
        "fine-tuned": {
            "model": "파인튜닝한 모델", "more": "데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요",
            "longer": "데이터나 에포크를 늘려 보세요",
        },
        "linear": {"model": "선형 모델", "more": "데이터를 늘려 보세요", "longer": "데이터를 늘려 보세요"},
    },
}  # fmt: skip
"""Who is spoken of, what to give it where another one wins, and where nobody learned anything."""

# {rival} is the best baseline. It cannot be always the same answer in "rival": a model below that, with the linear
# models below it too, is "neither". The interval of "level" is that of the model's score less the rival's.
ONE_LABEL: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "nbsvm": "NB-SVM",
        "majority": "always answering {label}",
        "model": "The {model} beats {rival} by {points} points [{low}, {high}], {p} "
        "({mine} % against {theirs} % of {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the {model} by {points} points [{low}, {high}], {p} "
        "({theirs} % against {mine} % of {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "{more}.",
        "level": "The {model} ({mine} %) and {rival} ({theirs} %) are level: at {rows} test {row_word} "
        "a difference of {points} points [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the {model} ({mine} %) nor {linear} ({best} %) beats "
        "always answering {label} ({constant} % of {rows} test {row_word}); check the labels, or give the model "
        "{longer}.",
        "alone": "The {model} ({mine} %) does not beat always answering {label} ({constant} % of {rows} "
        "test {row_word}); check the labels, or give the model {longer}.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "nbsvm": "NB-SVM",
        "majority": "항상 {label}(으)로 답하는 방법",
        "model": "{model}의 정확도가 {rival}보다 {points}%p 높습니다"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 정확도가 {model}보다 {points}%p 높고"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 {more}.",
        "level": "{model}({mine}%)과 {rival}({theirs}%)의 정확도 차이 {points}%p"
        "(95% 신뢰구간 {low}~{high}%p, {p})는 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "{model}({mine}%)도 {linear}({best}%)도 항상 {label}(으)로 답하는 방법"
        "(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 {longer}.",
        "alone": "{model}({mine}%)은 항상 {label}(으)로 답하는 방법(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, "
        "라벨을 확인하거나 {longer}.",
    },
}

SEVERAL_LABELS: Sentences = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "majority": "each label's more frequent answer",
        "model": "The {model} beats {rival} by {points} points of macro F1 [{low}, {high}], {p} "
        "({mine} % against {theirs} % on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the {model} by {points} points of macro F1 [{low}, {high}], {p} "
        "({theirs} % against {mine} % on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "{more}.",
        "level": "The {model} (macro F1 {mine} %) and {rival} ({theirs} %) are level: at {rows} test "
        "{row_word} a difference of {points} points [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the {model} (macro F1 {mine} %) nor {linear} ({best} %) "
        "beats each label's more frequent answer ({constant} % on {rows} test {row_word}); check the labels, or give "
        "the model {longer}.",
        "alone": "The {model} (macro F1 {mine} %) does not beat each label's more frequent answer ({constant} % on "
        "{rows} test {row_word}); check the labels, or give the model {longer}.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "majority": "라벨마다 더 흔한 쪽으로만 답하는 방법",
        "model": "{model}의 매크로 F1이 {rival}보다 {points}%p 높습니다"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 매크로 F1이 {model}보다 {points}%p 높고"
        "(95% 신뢰구간 {low}~{high}%p, {p}, 테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 {more}.",
        "level": "{model}({mine}%)과 {rival}({theirs}%)의 매크로 F1 차이 {points}%p"
        "(95% 신뢰구간 {low}~{high}%p, {p})는 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "{model}(매크로 F1 {mine}%)도 {linear}({best}%)도 라벨마다 더 흔한 쪽으로만 "
        "답하는 방법(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 {longer}.",
        "alone": "{model}(매크로 F1 {mine}%)은 라벨마다 더 흔한 쪽으로만 답하는 방법"
        "(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 {longer}.",
    },
}

VALUES: Sentences = {
    "en": {
        "tfidf": "TF-IDF + ridge regression",
        "majority": "always answering the mean",
        "model": "The {model} beats {rival} by {points} in Pearson's correlation [{low}, {high}], {p} "
        "({mine} against {theirs} on {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the {model} by {points} in Pearson's correlation [{low}, {high}], "
        "{p} ({theirs} against {mine} on {rows} test {row_word}); it takes {seconds}, so prefer it, or give the model "
        "{more}.",
        "level": "The {model} (Pearson's correlation {mine}) and {rival} ({theirs}) are level: at {rows} test "
        "{row_word} a difference of {points} [{low}, {high}], {p}, is within chance.",
        "neither": "Neither the {model} (Pearson's correlation {mine}) nor {linear} "
        "({best}) beats always answering the mean ({constant} on {rows} test {row_word}); check the values, or give "
        "the model {longer}.",
        "alone": "The {model} (Pearson's correlation {mine}) does not beat always answering the mean ({constant} on "
        "{rows} test {row_word}); check the values, or give the model {longer}.",
    },
    "ko": {
        "tfidf": "TF-IDF + 릿지 회귀",
        "majority": "항상 평균값으로 답하는 방법",
        "model": "{model}의 피어슨 상관계수가 {rival}보다 {points} 높습니다"
        "(95% 신뢰구간 {low}~{high}, {p}, 테스트 {rows}건 기준 {mine} 대 {theirs}).",
        "rival": "{rival}의 피어슨 상관계수가 {model}보다 {points} 높고"
        "(95% 신뢰구간 {low}~{high}, {p}, 테스트 {rows}건 기준 {theirs} 대 {mine}) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 {more}.",
        "level": "{model}({mine})과 {rival}({theirs})의 피어슨 상관계수 차이 {points}"
        "(95% 신뢰구간 {low}~{high}, {p})은(는) 테스트 {rows}건에서는 "
        "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "{model}(피어슨 상관계수 {mine})도 {linear}({best})도 항상 평균값으로 답하는 방법"
        "(테스트 {rows}건 기준 {constant})보다 낫지 않으니, 데이터의 값을 확인하거나 {longer}.",
        "alone": "{model}(피어슨 상관계수 {mine})은 항상 평균값으로 답하는 방법(테스트 {rows}건 기준 {constant})보다 "
        "낫지 않으니, 데이터의 값을 확인하거나 {longer}.",
    },
}

SENTENCES: dict[Kind, Sentences] = {"one": ONE_LABEL, "several": SEVERAL_LABELS, "value": VALUES}
